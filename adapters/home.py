"""Where callbench keeps what it makes: `.callbench/` in the working folder, or `CALLBENCH_HOME`."""

import os
from pathlib import Path

from adapters.errors import ModelError

__all__ = ["home", "home_folder"]


def home() -> Path:
    """The home folder (it need not exist yet)."""
    return Path(os.environ.get("CALLBENCH_HOME") or ".callbench").expanduser()


def home_folder(name: str) -> Path:
    """A folder inside home, made if missing: `runs`, `models`, `adapters` or `reports`.

    Errors: ModelError if it cannot be made or written.
    """
    folder = home() / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(f"cannot make {folder}: {error.strerror}; {_REMEDY}") from None
    if not os.access(folder, os.W_OK):
        raise ModelError(f"cannot write to {folder}; {_REMEDY}")
    return folder


_REMEDY = "set CALLBENCH_HOME to a folder that you can write to"
