"""The engines, by name; each is imported only when it is used."""

import sys
from collections.abc import Sequence

from adapters import Adapter, Target
from bench.engines.base import Completion, Engine, EngineOptions, Request
from bench.engines.scripted import ScriptedEngine
from bench.engines.targets import find_targets
from bench.errors import UsageError

__all__ = [
    "ENGINES",
    "Completion",
    "Engine",
    "EngineOptions",
    "Request",
    "ScriptedEngine",
    "choose_engine",
    "find_targets",
    "load_engine",
]

ENGINES = ("auto", "transformers", "vllm", "server")


def choose_engine(name: str, device: str | None = None) -> tuple[str, str]:
    """(engine, why) for a name that may be `auto`: vllm on a GPU that has it, else transformers.

    Errors: UsageError for an unknown name.
    """
    if name not in ENGINES:
        raise UsageError(f"there is no engine {name!r}", known=ENGINES)
    if name != "auto":
        return name, "as asked"
    from bench.engines.vllm import available

    if device is not None and not device.startswith("cuda"):
        return "transformers", f"--device {device}"
    lack = available()
    if lack is not None:
        return "transformers", lack
    import torch

    if torch.cuda.is_available():
        return "vllm", f"{torch.cuda.get_device_name()} and vLLM are here"
    return "transformers", "vLLM is here, but no GPU (--engine vllm runs its CPU build)"


def load_engine(
    name: str,
    target: Target,
    adapters: Sequence[Adapter],
    options: EngineOptions = EngineOptions(),
) -> Engine:
    """An engine with the target's base and all the adapters. Errors: UsageError for an unknown name."""
    chosen, why = choose_engine(name, options.device)
    shown = f" with {chosen} ({why})" if name == "auto" else f" with {chosen}"
    doing = "asking for" if chosen == "server" else "loading"
    print(f"{doing} {target.model.name}{shown}", file=sys.stderr, flush=True)
    if chosen == "server":
        from bench.engines.server import ServerEngine

        return ServerEngine(target, adapters, options=options)
    if chosen == "vllm":
        from bench.engines.vllm import VllmEngine

        return VllmEngine(target.folder, adapters, options=options, base_hash=target.hash)
    from bench.engines.local import TransformersEngine

    return TransformersEngine(target.folder, adapters, options=options)
