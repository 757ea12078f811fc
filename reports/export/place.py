"""Where an export goes: a new path, made whole or not at all."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import InfrastructureError, UsageError

__all__ = ["made_whole", "refuse_existing"]


def refuse_existing(path: Path) -> None:
    """Errors: UsageError if something lies at the path, a broken link included."""
    if os.path.lexists(path):
        raise UsageError(f"{path} exists already: give another path, or remove it first")


@contextmanager
def made_whole(path: Path) -> Iterator[Path]:
    """A place beside `path` for a file or folder, which becomes `path` when the block ends without an error.

    Errors: UsageError if `path` exists; InfrastructureError if it cannot be written.
    """
    refuse_existing(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".exporting-", dir=path.parent))
        try:
            made = work / (path.name or "export")
            yield made
            refuse_existing(path)
            made.rename(path)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise InfrastructureError(f"cannot write {path}: {error.strerror or error}") from None
