"""The engines, by name; each is imported only when it is used."""

import sys
from collections.abc import Sequence

from adapters import Adapter, Target
from bench.engines.base import Completion, Engine, Request
from bench.engines.scripted import ScriptedEngine
from bench.errors import UsageError

__all__ = ["ENGINES", "Completion", "Engine", "Request", "ScriptedEngine", "load_engine"]

ENGINES = ("transformers",)


def load_engine(
    name: str,
    target: Target,
    adapters: Sequence[Adapter],
    *,
    device: str | None = None,
    dtype: str | None = None,
) -> Engine:
    """An engine with the target's base and all the adapters. Errors: UsageError for an unknown name."""
    if name not in ENGINES:
        raise UsageError(f"there is no engine {name!r}", known=ENGINES)
    print(f"loading {target.model.name}", file=sys.stderr, flush=True)
    from bench.engines.local import TransformersEngine

    return TransformersEngine(target.folder, adapters, device=device, dtype=dtype)
