"""The kinds of export by name, and what the command line says of them: KIND=PATH."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UsageError
from bench.store import Run
from reports.export.place import refuse_existing

__all__ = ["KINDS", "Export", "parse_exports", "write_exports"]


def _parquet(runs: Sequence[Run], path: Path) -> None:
    from reports.export.columnar import write_parquet

    write_parquet(runs, path)


def _dataset(runs: Sequence[Run], path: Path) -> None:
    from reports.export.columnar import write_dataset

    write_dataset(runs, path)


def _eee(runs: Sequence[Run], path: Path) -> None:
    from reports.export.eee import write_eee

    write_eee(runs, path)


KINDS: dict[str, Callable[[Sequence[Run], Path], None]] = {
    "parquet": _parquet,
    "dataset": _dataset,
    "eee": _eee,
}
"""Kind -> what writes runs into a new path; pyarrow and datasets are imported only by what needs them."""


@dataclass(frozen=True, kw_only=True)
class Export:
    """One file or folder to be made: its kind (one of KINDS) and where."""

    kind: str
    path: Path


def parse_exports(texts: Sequence[str]) -> list[Export]:
    """What `KIND=PATH` asks for, checked before anything is read or written.

    Errors: UsageError for another form, an unknown kind, a path that exists or is named twice.
    """
    found: list[Export] = []
    for text in texts:
        kind, equals, path = text.partition("=")
        if kind not in KINDS:
            raise UsageError(f"there is no kind of export {kind!r} (KIND=PATH)", known=KINDS)
        if not equals or not path.strip():
            raise UsageError(f"--export {text!r} names no path: give {kind}=PATH")
        export = Export(kind=kind, path=Path(path).expanduser())
        refuse_existing(export.path)
        if any(export.path.absolute() == other.path.absolute() for other in found):
            raise UsageError(f"two exports go to {path!r}: give each a path of its own")
        found.append(export)
    return found


def write_exports(runs: Sequence[Run], exports: Sequence[Export]) -> None:
    """Write each export, whole or not at all.

    Errors: UsageError for a path that exists, runs that a kind cannot hold, or a run that is given twice;
    InfrastructureError if a path cannot be written.
    """
    if exports:
        _refuse_twice(runs)
    for export in exports:
        KINDS[export.kind](runs, export.path)


def _refuse_twice(runs: Sequence[Run]) -> None:
    names = [r.manifest.run_id for r in runs]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise UsageError(f"the run {twice!r} is given twice: name it once to export it")
