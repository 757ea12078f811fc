"""Measuring from Python and notebooks: `from bench import run, load_run`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from adapters import home
from bench.cache import Cache
from bench.engines import EngineOptions
from bench.errors import UsageError
from bench.measuring import measured
from bench.plan import Settings
from bench.records import Manifest
from bench.runner import Chosen
from bench.store import Run, read_run
from reports.export.frames import records_frame, summary_frame
from reports.html import tables_html
from reports.summary import Summary, summarise
from reports.table import Table, render
from reports.tables import run_tables
from suites.vary import check_kinds

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Measured", "Runs", "load_run", "run"]


class Measured:
    """One target's finished (or interrupted) run, as it lies in its file."""

    def __init__(self, run: Run) -> None:
        self.run = run

    @property
    def path(self) -> str:
        """Where the run file lies."""
        return self.run.path

    @property
    def manifest(self) -> Manifest:
        """Everything needed to repeat it."""
        return self.run.manifest

    @property
    def scores(self) -> Summary:
        """Scores, outcomes, failure modes and speed, as objects."""
        return summarise(self.run)

    @property
    def frame(self) -> "pd.DataFrame":
        """One row a record (see reports.export.records_frame)."""
        return records_frame([self.run])

    @property
    def summary(self) -> "pd.DataFrame":
        """One row a suite and category: n, passed, rate and its 95 % interval (0 to 1)."""
        return summary_frame([self.run])

    @property
    def tables(self) -> list[Table]:
        """What `callbench report` prints."""
        return run_tables([self.scores])

    def __repr__(self) -> str:
        return render(self.tables[:1], "table")

    def _repr_html_(self) -> str:
        return tables_html(self.tables)


class Runs(Sequence[Measured]):
    """The runs of several targets, in the order in which they were asked."""

    def __init__(self, found: Sequence[Measured]) -> None:
        self._found = tuple(found)

    @overload
    def __getitem__(self, index: int) -> Measured: ...
    @overload
    def __getitem__(self, index: slice) -> "Runs": ...
    def __getitem__(self, index: int | slice) -> "Measured | Runs":
        found = self._found[index]
        return Runs(found) if isinstance(found, tuple) else found

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Measured]:
        return iter(self._found)

    @property
    def frame(self) -> "pd.DataFrame":
        """The records of all, one below the other."""
        return records_frame([m.run for m in self._found])

    @property
    def summary(self) -> "pd.DataFrame":
        """The scores of all, one below the other."""
        return summary_frame([m.run for m in self._found])

    @property
    def tables(self) -> list[Table]:
        """What `callbench run` prints: the targets beside each other."""
        return run_tables([m.scores for m in self._found])

    def __repr__(self) -> str:
        return render(self.tables[:1], "table") if self._found else "no runs"

    def _repr_html_(self) -> str:
        return tables_html(self.tables) if self._found else "no runs"


def run(
    *suites: str,
    model: str = "gemma-3-270m",
    adapters: Sequence[str] = (),
    base: bool = True,
    dialect: str | None = None,
    engine: str = "auto",
    cases: str | None = None,
    limit: int | None = None,
    vary: Sequence[str] = (),
    cache: bool = True,
    settings: Settings | None = None,
    **options: Any,
) -> Runs:
    """Measure a model, and adapters of it, on suites, as `callbench run` does; one run a target.

    suites: names, folders or files of cases; adapters: names in home or PEFT folders; base: whether the model
    itself is asked; cases: a glob over case ids; limit: cases of each suite at most; vary: kinds of variants;
    cache: keep replies in home and take them from there; settings: bench.plan.Settings (tokens, sampling,
    shots); options: those of bench.engines.EngineOptions, such as device="cpu" or base_url=(URL,). Errors:
    those of bench.measuring.measured.
    """
    if not suites:
        raise UsageError("name a suite, as in run('call')")
    unknown = [name for name in options if name not in EngineOptions.__dataclass_fields__]
    if unknown:
        known = tuple(EngineOptions.__dataclass_fields__)
        raise UsageError(f"run has no option {unknown[0]!r}", known=known)
    if isinstance(adapters, str) or isinstance(vary, str):
        raise UsageError("adapters and vary are lists of names, as in adapters=['my-lora']")
    if limit is not None and limit < 1:
        raise UsageError("limit must be at least 1")
    kept = Cache(home() / "cache.sqlite") if cache else None
    try:
        found = measured(
            Chosen(names=suites, pattern=cases, limit=limit, vary=check_kinds(vary)),
            settings or Settings(),
            model=model,
            adapters=adapters,
            base=base,
            dialect=dialect,
            engine=engine,
            options=EngineOptions(**options),
            cache=kept,
            command=("python",),
        )
    finally:
        if kept is not None:
            kept.close()
    return Runs([Measured(one) for one in found])


def load_run(path: str | Path) -> Measured:
    """A run file, by path or URL. Errors: UsageError if it is none."""
    return Measured(read_run(path))
