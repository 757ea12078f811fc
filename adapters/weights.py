"""What a folder of weights holds: safetensors only, and the hash that names them."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from adapters.errors import ModelError

__all__ = ["CONFIG", "MARK", "WEIGHTS", "check_folder", "file_hash", "weights_hash"]

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
"""The two files of a PEFT adapter."""

MARK = "callbench.json"
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_BLOCK = 1 << 22


def file_hash(path: Path) -> str:
    """sha256 (hex) of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def check_folder(folder: Path) -> None:
    """Refuse a model folder without a configuration or with pickled weights only.

    Errors: ModelError. A pickle can run code when it is read; safetensors cannot.
    """
    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} is no model folder: it has no config.json")
    if any(folder.glob("*.safetensors")):
        return
    pickles = [f.name for pattern in _PICKLES for f in sorted(folder.glob(pattern))]
    if pickles:
        raise ModelError(
            f"{folder} holds pickled weights only ({pickles[0]}), which can run code when read: "
            "convert them to safetensors"
        )
    raise ModelError(f"{folder} holds no weights (*.safetensors)")


def weights_hash(folder: Path) -> str:
    """sha256 (hex) over the safetensors of a folder; read from its mark while names and sizes agree.

    The mark (`callbench.json`) is written when callbench prepared the folder itself; elsewhere the files
    are hashed, once in a process while their sizes and times stay the same.
    """
    files = sorted(folder.glob("*.safetensors"))
    mark = folder / MARK
    if mark.is_file():
        try:
            known = json.loads(mark.read_text(encoding="utf-8"))
            if known["files"] == [[f.name, f.stat().st_size] for f in files]:
                return str(known["weights"])
        except (ValueError, KeyError, TypeError):
            pass  # not a mark of ours: the files themselves tell
    states = ((f, f.stat()) for f in files)
    return _hashed(tuple((f.absolute(), s.st_size, s.st_mtime_ns) for f, s in states))


@lru_cache(maxsize=16)
def _hashed(states: tuple[tuple[Path, int, int], ...]) -> str:
    files = [file for file, _, _ in states]
    if len(files) == 1:
        return file_hash(files[0])
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name} {file_hash(file)}\n".encode())
    return digest.hexdigest()
