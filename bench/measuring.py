"""From names to finished runs: what the command line, notebooks and the pytest plugin all do."""

from collections.abc import Sequence

from adapters import ModelError
from bench.cache import Cache
from bench.constrain import refuse_engine
from bench.dialects import find_dialect
from bench.engines import ENGINES, EngineOptions, choose_engine, find_targets, load_engine
from bench.errors import UsageError
from bench.plan import Settings, plan
from bench.runner import Chosen, run_targets
from bench.store import Run

__all__ = ["check_settings", "measured"]


def check_settings(
    engine: str, dialect: str | None, settings: Settings, options: EngineOptions
) -> None:
    """Errors: UsageError for an unknown engine or dialect, or one that cannot do what is asked."""
    if engine not in ENGINES:
        raise UsageError(f"there is no engine {engine!r}", known=ENGINES)
    if settings.constrained:
        refuse_engine(choose_engine(engine, options.device)[0])
    if dialect is not None:
        find_dialect(dialect)


def measured(
    chosen: Chosen,
    settings: Settings,
    *,
    model: str,
    adapters: Sequence[str] = (),
    base: bool = True,
    dialect: str | None = None,
    engine: str = "auto",
    options: EngineOptions = EngineOptions(),
    cache: Cache | None = None,
    command: Sequence[str] = (),
) -> list[Run]:
    """Run a model and adapters of it on a choice of cases: one run file each, from one load of the base.

    model: name, folder, .gguf file or hub id; adapters: names in home or PEFT folders; base: whether the
    model without an adapter is asked, too. Every refusal comes before the model is loaded. Errors:
    SuiteError, ModelError, UsageError, DialectError; InfrastructureError when it stops early, with a
    resumable file.
    """
    check_settings(engine, dialect, settings, options)
    selection = chosen.selection()
    asked: list[str | None] = [*([None] if base else []), *adapters]
    if not asked:
        raise ModelError("--no-base leaves nothing to run without --adapters")
    targets = find_targets(model, asked, dialect=dialect, engine=engine, options=options)
    for target in targets:
        plan(selection, target, settings)
    loaded = [t.adapter for t in targets if t.adapter is not None]
    ready = load_engine(engine, targets[0], loaded, options)
    return run_targets(chosen, targets, settings, ready, command=command, cache=cache)
