"""Charts as data: what is drawn, and for every mark where its number comes from.

They are drawn as SVG by the page's template: no script draws them, they follow the page's colours, can be
printed, and every mark has a title and takes the focus.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.decide import Comparison
from bench.stats import Proportion
from reports.summary import Summary

if TYPE_CHECKING:
    from reports.leaderboard import Board

__all__ = [
    "Chart",
    "Mark",
    "board_charts",
    "comparison_charts",
    "interval_chart",
    "run_charts",
]


@dataclass(frozen=True, kw_only=True)
class Mark:
    """One number. row, column: labels of its place; value: a share (0 to 1) or a count; low, high: interval.

    source: n, the formula's name and the run file, in words; series: index of its colour; x: for a scatter.
    """

    row: str
    value: float
    source: str
    column: str = ""
    low: float | None = None
    high: float | None = None
    series: int = 0
    x: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Chart:
    """kind: intervals (a row a mark), heat (rows by columns of counts), scatter, line (columns in time)."""

    kind: str
    title: str
    marks: tuple[Mark, ...]
    series: tuple[str, ...] = ()
    unit: str = "% passed"
    across: str = ""

    @property
    def rows(self) -> list[str]:
        """Row labels in order of appearance."""
        return list(dict.fromkeys(m.row for m in self.marks))

    @property
    def columns(self) -> list[str]:
        """Column labels in order of appearance."""
        return list(dict.fromkeys(m.column for m in self.marks))

    @property
    def top(self) -> float:
        """The largest value."""
        return max((m.value for m in self.marks), default=0.0)

    @property
    def right(self) -> float:
        """The largest x, at least 1."""
        return max((m.x for m in self.marks), default=1.0) or 1.0

    def at(self, row: str, column: str) -> Mark | None:
        """The mark of a place in a heat map."""
        return next((m for m in self.marks if (m.row, m.column) == (row, column)), None)


def _source(score: Proportion, path: str, formula: str = "Wilson 95 %, clustered by group") -> str:
    return f"{score.passed} of {score.n} cases in {score.groups} groups; {formula}; run {path}"


def interval_chart(
    title: str, rows: Sequence[tuple[str, Sequence[tuple[str, Proportion, str]]]]
) -> Chart:
    """rows: label -> (series, score, run file) each."""
    series = list(dict.fromkeys(name for _, some in rows for name, _, _ in some))
    marks = [
        Mark(
            row=label,
            value=score.rate,
            low=score.interval.low,
            high=score.interval.high,
            series=series.index(name),
            source=f"{name}: {_source(score, path)}",
        )
        for label, some in rows
        for name, score, path in some
        if score.rate is not None and score.interval is not None
    ]
    return Chart(kind="intervals", title=title, marks=tuple(marks), series=tuple(series))


def run_charts(summaries: Sequence[Summary], labels: Sequence[str]) -> list[Chart]:
    """Scores by suite, failure modes by target, and tokens a case against the score."""
    pairs = list(zip(labels, summaries, strict=True))
    suites = list(dict.fromkeys(x.suite for s in summaries for x in s.lines if not x.category))
    rows = [
        (
            suite,
            [
                (label, line.score, s.path)
                for label, s in pairs
                for line in s.lines
                if line.suite == suite and not line.category
            ],
        )
        for suite in suites
    ]
    charts = [interval_chart("Passed, by suite", rows)]
    modes = list(dict.fromkeys(m for s in summaries for m in s.failures))
    if modes:
        marks = [
            Mark(
                row=mode,
                column=label,
                value=s.failures.get(mode, 0),
                source=f"{s.failures.get(mode, 0)} of {s.total.score.n} cases; count; run {s.path}",
            )
            for mode in modes
            for label, s in pairs
        ]
        charts.append(
            Chart(kind="heat", title="Failures by mode", marks=tuple(marks), unit="cases")
        )
    cost = [
        Mark(
            row=label,
            value=s.total.score.rate or 0.0,
            x=s.completion_tokens / max(1, s.total.score.n - s.cached),
            series=i,
            source=f"{label}: {s.completion_tokens} tokens generated; {_source(s.total.score, s.path)}",
        )
        for i, (label, s) in enumerate(pairs)
        if s.total.score.n and s.cached < s.total.score.n
    ]
    if len(cost) > 1:
        charts.append(
            Chart(
                kind="scatter",
                title="Cost against score",
                marks=tuple(cost),
                series=tuple(labels),
                across="tokens generated a case",
            )
        )
    return charts


def comparison_charts(comparison: Comparison, label: str = "") -> list[Chart]:
    """The change by suite and category, and where the failures went."""
    lines = [x for x in comparison.lines if x.family in ("all", "suite", "category")]
    path = comparison.second.path
    marks = [
        Mark(
            row=x.name,
            value=x.difference.estimate,
            low=x.difference.interval.low,
            high=x.difference.interval.high,
            source=(
                f"{x.difference.fixed} fixed, {x.difference.broken} broken of {x.difference.n} cases; "
                f"{x.difference.method}, {x.difference.test}, Holm p {x.adjusted:.3g}; run {path}"
            ),
            series={"better": 1, "worse": 2}.get(x.verdict, 0),
        )
        for x in lines
    ]
    charts = [
        Chart(
            kind="differences",
            title=f"Change{label} (points)",
            marks=tuple(marks),
            series=("not told apart", "better", "worse"),
            unit="points",
        )
    ]
    found = comparison.migrations
    order = sorted({m for pair in found for m in pair}, key=lambda m: (m != "passed", m))
    moved = [
        Mark(
            row=before,
            column=after,
            value=found.get((before, after), 0),
            source=(
                f"{found.get((before, after), 0)} cases were {before} and are {after}; count; "
                f"runs {comparison.first.path}, {path}"
            ),
        )
        for before in order
        for after in order
    ]
    if len(order) > 1:
        charts.append(
            Chart(
                kind="heat",
                title=f"From mode (rows) to mode (columns){label}",
                marks=tuple(moved),
                unit="cases",
            )
        )
    return charts


def board_charts(board: "Board") -> list[Chart]:
    """The scores of a board with their intervals."""
    rows = [
        (
            f"{p.rank}{'=' if p.tied else ''} {p.run.manifest.label}",
            [("score", p.run.total, p.run.path)],
        )
        for p in board.places
    ]
    return [interval_chart(f"Leaderboard: {board.settings}", rows)] if rows else []
