"""What someone wants measured, and its fulfilment: one path for the command line, Python and pytest."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from adapters import ModelError, Target
from bench.cache import opened_cache
from bench.constrain import refuse_engine
from bench.dialects import find_dialect
from bench.engines import ENGINES, EngineOptions, choose_engine, find_targets, load_engine
from bench.errors import UsageError
from bench.plan import Settings, plan
from bench.runner import Chosen, run_targets
from bench.store import Run

__all__ = ["DEFAULT_MODEL", "Order", "fulfil"]

DEFAULT_MODEL = "gemma-3-270m"


@dataclass(frozen=True, kw_only=True)
class Order:
    """Cases, a model with adapters, and how they are measured.

    model: a name, folder, .gguf file or hub id; adapters: names in home or PEFT folders, one run each; base:
    whether the model without an adapter is measured, too; cached: whether replies are taken from the cache in
    home and kept there.

    Errors: UsageError (by flag name) for what cannot be, whatever the suites and the model are.
    """

    chosen: Chosen
    model: str = DEFAULT_MODEL
    adapters: tuple[str, ...] = ()
    base: bool = True
    dialect: str | None = None
    engine: str = "auto"
    settings: Settings = field(default_factory=Settings)
    options: EngineOptions = field(default_factory=EngineOptions)
    cached: bool = True

    def __post_init__(self) -> None:
        if self.chosen.limit is not None and self.chosen.limit < 1:
            raise UsageError("--limit must be at least 1")
        if self.engine not in ENGINES:
            raise UsageError(f"there is no engine {self.engine!r}", known=ENGINES)
        if self.settings.constrained:
            refuse_engine(choose_engine(self.engine, self.options.device)[0])
        if self.dialect is not None:
            find_dialect(self.dialect)

    def targets(self) -> list[Target]:
        """The base, unless it is left out, and each adapter. Errors: as from find_targets."""
        chosen: list[str | None] = [*([None] if self.base else []), *self.adapters]
        if not chosen:
            raise ModelError("--no-base leaves nothing to run without --adapters")
        return find_targets(
            self.model, chosen, dialect=self.dialect, engine=self.engine, options=self.options
        )


def fulfil(order: Order, *, command: Sequence[str] = ()) -> list[Run]:
    """Measure every target from one load of the model: one run file each, in home's runs/.

    command: how it was asked for, for the manifest. Errors: SuiteError, ModelError, UsageError, DialectError
    before the model is loaded; InfrastructureError when a run stops early: its message says how to go on.
    """
    selection = order.chosen.selection()
    targets = order.targets()
    for target in targets:
        plan(selection, target, order.settings)
    loaded = [t.adapter for t in targets if t.adapter is not None]
    engine = load_engine(order.engine, targets[0], loaded, order.options)
    with opened_cache(order.cached) as cache:
        return run_targets(
            order.chosen, targets, order.settings, engine, command=command, cache=cache
        )
