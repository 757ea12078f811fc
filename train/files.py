"""Files of a training run that are there whole or not at all."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from bench.errors import InfrastructureError

__all__ = ["cut_lines", "replaced"]


@contextmanager
def replaced(target: Path) -> Iterator[Path]:
    """A draft beside `target` that takes its place when the block ends well; else target is as it was.

    Errors: InfrastructureError, with the remedy, if the disk is full or the file cannot be written.
    """
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        yield draft
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        draft.replace(target)
    except (OSError, SafetensorError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        kept = "; the one before it is kept" if target.exists() else ""
        raise InfrastructureError(f"cannot write {target}: {reason}{kept}") from None
    finally:
        draft.unlink(missing_ok=True)


def cut_lines(path: Path, wanted: Callable[[str], bool]) -> None:
    """Keep the leading whole lines of a text file that are wanted; the file may be missing."""
    if not path.is_file():
        return
    kept = 0
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n") or not wanted(line.decode("utf-8")):
                break
            kept += len(line)
    os.truncate(path, kept)
