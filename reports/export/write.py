"""`--export KIND=PATH`: what there is, and nothing that is there already is written over."""

from collections.abc import Sequence
from pathlib import Path

from bench.errors import InfrastructureError, UsageError
from bench.store import Run
from reports.export.eee import write_eee
from reports.export.frames import records_frame

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
        kind, equals, path = text.partition("=")
        if not equals or not path:
            raise UsageError(f"--export {text}: write KIND=PATH, as in parquet=records.parquet")
        if kind not in KINDS:
            raise UsageError(f"there is no export {kind!r}", known=tuple(KINDS))
        if Path(path).exists() or path in [str(p) for _, p in found]:
            raise UsageError(f"{path} exists already: give another place to export to")
        found.append((kind, Path(path)))
    return found


def export(runs: Sequence[Run], kind: str, path: Path) -> None:
    """Write the records of runs. kind: one of KINDS. Errors: InfrastructureError if it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "eee":
            write_eee(runs, path)
        elif kind == "dataset":
            from datasets import Dataset

            frame = records_frame(runs)
            Dataset.from_pandas(frame, preserve_index=False).save_to_disk(str(path))
        else:
            records_frame(runs).to_parquet(path, index=False)
    except OSError as error:
        raise InfrastructureError(f"cannot write {path}: {error.strerror or error}") from None
