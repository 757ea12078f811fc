"""`--export KIND=PATH`: what there is. Each is made whole or not at all, over nothing that is there."""

from collections.abc import Sequence
from pathlib import Path

from bench.errors import UsageError
from bench.store import Run
from reports.export.place import made_whole, refuse_existing

__all__ = ["KINDS", "export", "parse_targets"]

KINDS = {
    "parquet": "a file, one row a record",
    "dataset": "a folder for datasets.load_from_disk, one row a record",
    "eee": "a folder of Every Eval Ever JSON, one result file and one of samples a run",
}
"""Kind of export -> what it writes."""


def parse_targets(given: Sequence[str]) -> list[tuple[str, Path]]:
    """KIND=PATH as kinds and paths.

    Errors: UsageError for another form, an unknown kind, or a path where something lies already.
    """
    found: list[tuple[str, Path]] = []
    for text in given:
        kind, equals, name = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(f"--export {text}: write KIND=PATH, as in parquet=records.parquet")
        if kind not in KINDS:
            raise UsageError(f"there is no export {kind!r}", known=tuple(KINDS))
        path = Path(name).expanduser()
        refuse_existing(path)
        if path.absolute() in [p.absolute() for _, p in found]:
            raise UsageError(f"two exports go to {name}: give each a place of its own")
        found.append((kind, path))
    return found


def export(runs: Sequence[Run], kind: str, path: Path) -> None:
    """Write the records of runs. kind: one of KINDS.

    Errors: UsageError for a path where something lies already, a run that is given twice, or (eee) one
    without a final score; InfrastructureError if it cannot be written.
    """
    names = [r.manifest.run_id for r in runs]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise UsageError(f"the run {twice!r} is given twice: name it once to export it")
    with made_whole(path) as made:
        match kind:
            case "eee":
                from reports.export.eee import write_eee

                made.mkdir()
                write_eee(runs, made)
            case "dataset":
                from reports.export.columnar import write_dataset

                write_dataset(runs, made)
            case _:
                from reports.export.columnar import write_parquet

                write_parquet(runs, made)
