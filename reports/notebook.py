"""Comparisons for notebooks: data frames, and tables that show themselves."""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from bench.decide import MARGIN, Comparison, refuse_differing
from bench.decide import compare as decide
from bench.errors import UsageError
from bench.store import Run, read_run
from reports.comparison import comparison_tables, line_data, overview_table
from reports.html import tables_html
from reports.shown import actual, expected
from reports.table import Table, render

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Compared", "HasRun", "compare"]

_MOST = 8


class HasRun(Protocol):
    """Anything that holds a run, such as what bench.run returns for a target."""

    @property
    def run(self) -> Run:
        """The run."""
        ...


class Compared:
    """One baseline and its candidates. comparisons: one a candidate, in their order."""

    def __init__(self, comparisons: tuple[Comparison, ...]) -> None:
        self.comparisons = comparisons

    @property
    def tables(self) -> list[Table]:
        """What `callbench compare` prints."""
        found = [overview_table(self.comparisons)] if len(self.comparisons) > 1 else []
        return found + [t for one in self.comparisons for t in comparison_tables(one)]

    @property
    def frame(self) -> "pd.DataFrame":
        """One row a candidate, suite and category: counts, shares (0 to 1), interval, p-values, verdict."""
        import pandas as pd

        rows = [
            {"baseline": c.first.manifest.label, "candidate": c.second.manifest.label, **data}
            for c in self.comparisons
            for data in map(line_data, c.lines)
        ]
        frame = pd.DataFrame(rows)
        for name in ("passed", "rates"):
            frame[f"{name}_first"] = [pair[0] for pair in frame[name]]
            frame[f"{name}_second"] = [pair[1] for pair in frame[name]]
        return frame.drop(columns=["passed", "rates"])

    @property
    def cases(self) -> "pd.DataFrame":
        """One row a candidate and case that both runs have; fate: fixed, broken, both right or both wrong."""
        import pandas as pd

        columns = ["candidate", "suite", "id", "category", "fate", "expected", "first", "second"]
        rows = [
            [
                c.second.manifest.label,
                pair.first.suite,
                pair.first.id,
                pair.first.case.category,
                pair.fate,
                expected(pair.second.case, 0),
                actual(pair.first, 0),
                actual(pair.second, 0),
                *(
                    r.verdict.failure.value if r.verdict.failure else ""
                    for r in (pair.first, pair.second)
                ),
                pair.second.verdict.reason,
            ]
            for c in self.comparisons
            for pair in c.pairs
        ]
        more = ["failure_first", "failure_second", "reason"]
        return pd.DataFrame(rows, columns=[*columns, *more])

    @property
    def migration(self) -> "pd.DataFrame":
        """How many cases went from one failure mode (or `passed`) to another, a row a candidate and pair."""
        import pandas as pd

        rows = [
            [c.second.manifest.label, before, after, n]
            for c in self.comparisons
            for (before, after), n in c.migrations.items()
        ]
        return pd.DataFrame(rows, columns=["candidate", "first", "second", "cases"])

    @property
    def notes(self) -> list[str]:
        """Conditions that are not equal, in words, candidate by candidate."""
        return [text for c in self.comparisons for text in c.differing]

    def __repr__(self) -> str:
        return render(self.tables[:1], "table")

    def _repr_html_(self) -> str:
        return tables_html(self.tables)


def compare(
    first: "Run | HasRun | str | Path",
    *others: "Run | HasRun | str | Path",
    margin: float = MARGIN,
    force: bool = False,
) -> Compared:
    """Compare 1 to 7 candidates with a baseline, as `callbench compare` does.

    first, others: what bench.run gave for a target, runs, or paths of run files. margin: points of `no worse
    than`. Errors: UsageError for conditions that differ without `force`, runs without a case in common, no
    candidate or too many.
    """
    if not others:
        raise UsageError("compare needs a baseline and at least one other run")
    if len(others) >= _MOST:
        raise UsageError(f"{1 + len(others)} runs are too many: at most {_MOST} at a time")
    baseline, *candidates = map(_run_of, (first, *others))
    found = tuple(decide(baseline, other, margin=margin) for other in candidates)
    for one in found:
        refuse_differing(one, force=force)
    return Compared(found)


def _run_of(given: "Run | HasRun | str | Path") -> Run:
    if isinstance(given, Run):
        return given
    return read_run(given) if isinstance(given, str | Path) else given.run
