"""Comparing runs from Python: the decision, the cases and the modes' migration as data frames.

compared = compare("base.jsonl", "tuned.jsonl")
compared.frame, compared.cases, compared.migration, compared.notes
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from bench.decide import MARGIN, Comparison, PairedLine, refuse_differing
from bench.decide import compare as decide
from bench.errors import UsageError
from bench.pairing import FATES, Pair
from bench.store import Run, find_run, read_run
from reports.comparison import comparison_tables, overview_table
from reports.shown import actual, clean, expected
from reports.table import Table, html_tables, one_line
from reports.tables import run_labels

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Compared", "HoldsRun", "Runnable", "compare", "compare_runs"]

_MOST = 8
_LONG = 2000
_LINE = (
    *("suite", "category", "n", "first", "second", "difference", "low", "high"),
    *("p", "p_adjusted", "verdict"),
)
_CASE = (
    *("suite", "id", "category", "fate", "expected", "actual_first", "actual_second"),
    *("failure_first", "failure_second", "reason_first", "reason_second"),
)
_MODES = ("first", "second", "cases")


class HoldsRun(Protocol):
    """What `bench.run` and `bench.load_run` give."""

    @property
    def run(self) -> Run:
        """The run as it was read."""
        ...


Runnable = str | Path | Run | HoldsRun
"""A run file, URL, run id (or the start of one), or a run that was read."""


@dataclass(frozen=True, kw_only=True, repr=False)
class Compared:
    """One baseline and its candidates. Rates, differences and their intervals are shares (0 to 1).

    With several candidates the frames begin with a column `candidate`, and hold the rows of one after the
    other. comparisons: what everything here is made from.
    """

    comparisons: tuple[Comparison, ...]

    @cached_property
    def frame(self) -> "pd.DataFrame":
        """One row for all, each suite, category and kind of variants: suite, category, n, first, second,
        difference, its 95 % interval (low, high), p, p_adjusted (Holm) and the verdict."""
        return self._frame(_LINE, lambda one: map(_line, one.lines))

    @cached_property
    def cases(self) -> "pd.DataFrame":
        """One row a case: suite, id, category, fate (broken, fixed, both wrong, both right; in that order),
        expected, and of each run actual, failure (None if it passed) and reason."""
        return self._frame(
            _CASE,
            lambda one: (_case(p) for fate in FATES for p in one.of(fate)),
        )

    @cached_property
    def migration(self) -> "pd.DataFrame":
        """Failure mode (or `passed`) in the first run, in the second, and how many cases went that way."""
        return self._frame(_MODES, lambda one: ([a, b, n] for (a, b), n in one.migrations.items()))

    @property
    def notes(self) -> tuple[str, ...]:
        """How the numbers were made, and what limits them: conditions that differ, cases of one run only."""
        found = (note for one in self.comparisons for note in comparison_tables(one)[0].notes)
        return tuple(dict.fromkeys(found))

    @property
    def tables(self) -> list[Table]:
        """What `callbench compare` prints."""
        several = len(self.comparisons) > 1
        tables = [overview_table(self.comparisons)] if several else []
        return tables + [t for one in self.comparisons for t in comparison_tables(one)]

    def __repr__(self) -> str:
        lines = []
        for one in self.comparisons:
            a, b = run_labels([one.first.manifest, one.second.manifest])
            line, forced = one.lines[0] if one.lines else None, "FORCED: " if one.refused else ""
            told = "only variants" if line is None else _told(line)
            lines.append(f"{forced}{one_line(a)} -> {one_line(b)}: {told}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return html_tables(self.tables)

    def _frame(self, columns: Sequence[str], rows: "_Rows") -> "pd.DataFrame":
        import pandas as pd

        if len(self.comparisons) == 1:
            return pd.DataFrame(list(rows(self.comparisons[0])), columns=list(columns))
        manifests = [one.second.manifest for one in self.comparisons]
        found = [
            [label, *row]
            for one, label in zip(self.comparisons, run_labels(manifests), strict=True)
            for row in rows(one)
        ]
        return pd.DataFrame(found, columns=["candidate", *columns])


class _Rows(Protocol):
    def __call__(self, one: Comparison) -> Iterator[Sequence[Any]]: ...


def compare(*runs: Runnable, margin: float = MARGIN, force: bool = False) -> Compared:
    """Hold 1 to 7 runs against the first, as `callbench compare` does.

    margin: of the verdict `no worse`, in points. Errors: UsageError for fewer than two or more than eight
    runs, a run that cannot be read, runs without a case in common, and runs made under other conditions,
    unless force allows it (notes then name them).
    """
    if len(runs) < 2:
        raise UsageError("compare needs a baseline and at least one other run")
    found = compare_runs([_read(run) for run in runs], margin=margin, force=force)
    return Compared(comparisons=tuple(found))


def compare_runs(runs: Sequence[Run], *, margin: float, force: bool) -> list[Comparison]:
    """The decision on each run against the first. Errors: as from `compare`."""
    if len(runs) > _MOST:
        raise UsageError(f"{len(runs)} runs are too many: at most {_MOST} at a time")
    first, *others = runs
    found = [decide(first, other, margin=margin) for other in others]
    for one in found:
        refuse_differing(one, force=force)
    return found


def _read(run: Runnable) -> Run:
    if isinstance(run, Run):
        return run
    if isinstance(run, str | Path):
        return read_run(find_run(str(run)))
    held = getattr(run, "run", None)
    if not isinstance(held, Run):
        raise UsageError(
            f"a run is a path, a run id or what bench.run gave, not {type(run).__name__}"
        )
    return held


def _line(line: PairedLine) -> list[Any]:
    d = line.difference
    values = [*line.rates, d.estimate, d.interval.low, d.interval.high, d.p, line.adjusted]
    return [line.suite, line.category, d.n, *values, line.verdict]


def _case(pair: Pair) -> list[Any]:
    case, both = pair.first.case, (pair.first, pair.second)
    return [
        pair.first.suite,
        clean(case.id),
        case.category,
        pair.fate,
        expected(case, _LONG),
        *(actual(r, _LONG) for r in both),
        *(str(r.verdict.failure) if r.verdict.failure else None for r in both),
        *(clean(r.verdict.reason) for r in both),
    ]


def _told(line: PairedLine) -> str:
    d = line.difference
    change = f"{100 * d.estimate:+.1f} [{100 * d.interval.low:+.1f}, {100 * d.interval.high:+.1f}]"
    rates = f"{100 * line.rates[0]:.1f} -> {100 * line.rates[1]:.1f}"
    return f"{line.words} ({d.n} cases, {rates}, {change} points)"
