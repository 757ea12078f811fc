"""What a manifest says about the machine and the software."""

import importlib.metadata as metadata
import platform
import subprocess
from pathlib import Path

__all__ = ["device_name", "git_revision", "package_versions"]

_PACKAGES = (
    *("callbench", "torch", "transformers", "tokenizers", "peft", "safetensors", "gguf"),
    *("numpy", "jsonschema", "pydantic"),
)


def package_versions() -> dict[str, str]:
    """Version of every installed package that can change a result."""
    found: dict[str, str] = {}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def git_revision() -> str | None:
    """Commit of this checkout (`+` behind it: with uncommitted changes), or None outside of one."""
    folder = Path(__file__).parent
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{commit}+" if changed else commit


def device_name(device: str) -> str:
    """The device in words: the GPU's name, or the processor and its core count; `remote` stays as it is."""
    if device == "remote":
        return device
    if device == "cuda":
        import torch

        return f"cuda ({torch.cuda.get_device_name()})"
    import os

    return f"{device} ({platform.machine()}, {os.cpu_count()} cores)"


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    return done.stdout.strip()
