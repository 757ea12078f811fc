"""The targets of a run, by what the user typed: weights that are here or, for the server engine, served."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from adapters import Adapter, Model, ModelError, Target, find_model, home, resolve
from adapters.base import at_hand
from bench.dialects import CHAT
from bench.engines.base import EngineOptions
from bench.errors import UsageError

__all__ = ["find_targets"]


def find_targets(
    model: str,
    adapters: Sequence[str | None],
    *,
    dialect: str | None,
    engine: str,
    options: EngineOptions,
) -> list[Target]:
    """One target for each of the adapters (None: the base), all of one model.

    With the server engine nothing is fetched: a model that is not at hand is one that only the server has,
    and so is an adapter that is not here, or whose base is not. With `--api chat` the dialect is `openai`.
    Errors: ModelError, UsageError; InfrastructureError if no server answers.
    """
    if engine != "server":
        if options.base_url:
            raise UsageError("--base-url belongs to --engine server")
        if options.api != "completions" or dialect == CHAT.name:
            what = f"dialect {CHAT.name!r}" if dialect == CHAT.name else f"--api {options.api}"
            raise UsageError(f"{what} belongs to --engine server --api chat")
        return [resolve(model, name, dialect=dialect) for name in adapters]
    base, plus, own = model.rpartition("+")
    if plus and tuple(adapters) == (None,) and not Path(model).expanduser().exists():
        model, adapters = base, [own]
    known = _model(model)
    spoken = _dialect(known, dialect, options)
    if known.source == "gguf" or at_hand(model) is not None:
        target = resolve(model, dialect=spoken)
        local = {n: resolve(model, n, dialect=spoken) for n in adapters if n and _is_here(n)}
    else:
        from bench.engines.served import look, served_base

        target, local = served_base(known, spoken, look(options)[0]), {}
    return [
        target
        if name is None
        else local.get(name) or replace(target, adapter=_served(name, target, options))
        for name in adapters
    ]


def _served(name: str, target: Target, options: EngineOptions) -> Adapter:
    from bench.engines.served import look, served_adapter

    return served_adapter(name, target, look(options)[0])


def _model(name: str) -> Model:
    try:
        return find_model(name)
    except ModelError:
        if not name.strip() or Path(name).expanduser().exists():
            raise
        return Model(name=name, source="served", where=name, dialect=None)


def _is_here(adapter: str) -> bool:
    return (home() / "adapters" / adapter).is_dir() or Path(adapter).expanduser().is_dir()


def _dialect(model: Model, dialect: str | None, options: EngineOptions) -> str:
    if options.api == "chat":
        if dialect not in (None, CHAT.name):
            raise UsageError(
                f"--api chat leaves prompts to the server: leave out --dialect {dialect} (or --api chat)"
            )
        return CHAT.name
    if dialect == CHAT.name:
        raise UsageError(f"dialect {CHAT.name!r} needs --api chat")
    spoken = dialect or model.dialect
    if spoken is None:
        raise ModelError(
            f"model {model.where!r} has no registered dialect: give one with --dialect NAME, "
            "or let the server write the prompts with --api chat"
        )
    return spoken
