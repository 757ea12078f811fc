"""Comparisons as tables and as JSON values: the decision line by line, what broke, where failures went."""

from collections.abc import Sequence
from typing import Any

from bench.decide import Comparison, PairedLine
from bench.pairing import Pair
from bench.records import Record
from bench.stats import Interval
from reports.shown import actual, clean, expected
from reports.table import Table

__all__ = ["change_rows", "comparison_data", "comparison_tables", "line_data", "overview_table"]

_WORST = 12
_LONG = 2000


def comparison_tables(comparison: Comparison) -> list[Table]:
    """The decision by suite and category, the cases that broke and were fixed, and the modes' migration."""
    a, b = _labels(comparison)
    notes = [
        f"first: {a} ({comparison.first.path}); second: {b} ({comparison.second.path})",
        *_notes(comparison),
    ]
    head = ["suite", "category", "n", "first", "second", "difference"]
    head += ["fixed", "broken", "both right", "both wrong", "p", "p (Holm)", "verdict"]
    rows = change_rows(comparison.lines)
    tables = [Table(title=f"{a} -> {b}: change by case", head=head, rows=rows, notes=notes)]
    if broken := comparison.of("broken"):
        tables.append(_broken(broken))
    if fixed := comparison.of("fixed"):
        tables.append(_fixed(fixed))
    if any(before != after for before, after in comparison.migrations):
        tables.append(_migration(comparison))
    return tables


def overview_table(comparisons: Sequence[Comparison]) -> Table:
    """Several candidates against one baseline: difference, interval and verdict of each line."""
    names = list(dict.fromkeys(x.name for c in comparisons for x in c.lines))
    found = [{x.name: x for x in c.lines} for c in comparisons]
    rows = []
    for name in names:
        lines = [f.get(name) for f in found]
        first = next(x for x in lines if x is not None)
        cells = [f"{_change(x)} {x.words}" if x is not None else "-" for x in lines]
        counts = dict.fromkeys(str(x.difference.n) for x in lines if x is not None)
        rows.append([first.suite, first.category, " / ".join(counts), *cells])
    labels = [_labels(c)[1] for c in comparisons]
    if len(set(labels)) < len(labels):
        labels = [
            f"{x} ({c.second.manifest.run_id})" for x, c in zip(labels, comparisons, strict=True)
        ]
    return Table(
        title=f"Against {comparisons[0].first.manifest.label}: difference in points and verdict",
        head=["suite", "category", "n", *labels],
        rows=rows,
        notes=["each candidate for itself: nothing is adjusted for the number of candidates"],
    )


def change_rows(lines: Sequence[PairedLine]) -> list[list[str]]:
    """One row a line, as under the head of the first comparison table."""
    return [
        [
            line.suite,
            line.category,
            str(line.difference.n),
            f"{100 * line.rates[0]:.1f}",
            f"{100 * line.rates[1]:.1f}",
            _change(line),
            str(line.difference.fixed),
            str(line.difference.broken),
            str(line.both_right),
            str(line.both_wrong),
            f"{line.difference.p:.3g}",
            f"{line.adjusted:.3g}",
            line.words,
        ]
        for line in lines
    ]


def comparison_data(comparison: Comparison) -> dict[str, Any]:
    """Two runs: the decision by suite and category, every case that changed, and the modes' migration."""
    return {
        "first": comparison.first.manifest.run_id,
        "second": comparison.second.manifest.run_id,
        "complete": [comparison.first.complete, comparison.second.complete],
        "differing": list(comparison.differing),
        "refused": list(comparison.refused),
        "scores": [line_data(line) for line in comparison.lines],
        "broken": [_pair(p) for p in comparison.of("broken")],
        "fixed": [_pair(p) for p in comparison.of("fixed")],
        "migrations": [
            {"first": before, "second": after, "cases": n}
            for (before, after), n in comparison.migrations.items()
        ],
        "only_first": list(comparison.only_first),
        "only_second": list(comparison.only_second),
    }


def line_data(line: PairedLine) -> dict[str, Any]:
    """One line with all that its verdict rests on; shares are 0 to 1, the margin is in points."""
    return {
        "suite": line.suite,
        "category": line.category,
        "n": line.difference.n,
        "groups": line.difference.groups,
        "passed": list(line.passed),
        "rates": list(line.rates),
        "difference": line.difference.estimate,
        **_interval(line.difference.interval),
        "method": line.difference.method,
        "fixed": line.difference.fixed,
        "broken": line.difference.broken,
        "both_right": line.both_right,
        "both_wrong": line.both_wrong,
        "p": line.difference.p,
        "test": line.difference.test,
        "p_tested": line.tested,
        "p_adjusted": line.adjusted,
        "family": line.family,
        "verdict": line.verdict,
        "margin": line.margin,
        "alpha": line.alpha,
        "detectable": line.detectable,
    }


def _interval(interval: Interval) -> dict[str, float]:
    return {"low": interval.low, "high": interval.high}


def _pair(pair: Pair) -> dict[str, Any]:
    a, b = pair.first.verdict, pair.second.verdict
    return {
        "suite": pair.first.suite,
        "id": clean(pair.first.id),
        "expected": expected(pair.first.case, _LONG),
        "first": {
            "failure": a.failure,
            "reason": clean(a.reason),
            "actual": actual(pair.first, _LONG),
        },
        "second": {
            "failure": b.failure,
            "reason": clean(b.reason),
            "actual": actual(pair.second, _LONG),
        },
    }


def _change(line: PairedLine) -> str:
    d = line.difference
    return f"{100 * d.estimate:+.1f} [{100 * d.interval.low:+.1f}, {100 * d.interval.high:+.1f}]"


def _notes(comparison: Comparison) -> list[str]:
    tests = " / ".join(dict.fromkeys(x.difference.test for x in comparison.lines))
    notes = [
        "difference in points with a 95 % interval (cluster bootstrap by group; Bonett-Price at the "
        f"effective size below 30 groups or 10 discordant pairs); p: {tests}, two-sided",
    ]
    if comparison.lines:
        line = comparison.lines[0]
        notes.append(
            "p (Holm): over the suites, and for themselves over the categories and over the variants; where "
            "changed cases share a group, of the exact sign-flip test by group if that p is larger; verdict: "
            f"better or worse if p (Holm) is below {line.alpha:g} and the interval holds no 0, else no worse "
            f"if the interval lies above -{line.margin:g} points, else cannot tell"
        )
        if line.verdict in ("no worse", "cannot tell"):
            least = line.detectable
            words = (
                "too few for any difference to be found"
                if least is None
                else f"a difference of {100 * least:.1f} points or more is found with a power of .80"
            )
            changed = line.difference.fixed + line.difference.broken
            notes.append(f"{line.difference.n} cases, {changed} of them changed: {words}")
    if comparison.sampled:
        notes.append(
            "cases were asked several times: rates and differences are over the mean of a case's samples, "
            "p flips the sign of whole groups; fixed, broken and right go by majority, a tie is wrong"
        )
    for name, run in (("first", comparison.first), ("second", comparison.second)):
        if not run.complete:
            notes.append(
                f"the {name} run is NOT COMPLETE: only the cases that both have are compared"
            )
    if comparison.refused:
        notes.append("NOT THE SAME CONDITIONS: " + "; ".join(comparison.refused))
    if comparison.told:
        notes.append("not the same: " + "; ".join(comparison.told))
    for name, only in (("first", comparison.only_first), ("second", comparison.only_second)):
        if only:
            notes.append(f"only in the {name} run ({len(only)}): {', '.join(only[:6])}")
    return notes


def _labels(comparison: Comparison) -> list[str]:
    """Target names; runs of one target are told apart by their ids."""
    manifests = (comparison.first.manifest, comparison.second.manifest)
    labels = [m.label for m in manifests]
    if len(set(labels)) == len(labels):
        return labels
    return [f"{m.label} ({m.run_id[:15]})" for m in manifests]


def _broken(pairs: Sequence[Pair]) -> Table:
    rows = [
        [
            p.first.suite,
            p.first.id,
            expected(p.first.case),
            actual(p.second),
            _fault(p.second),
        ]
        for p in pairs[:_WORST]
    ]
    return Table(
        title=_title("broken", pairs),
        head=["suite", "case", "expected", "actual", "failure"],
        rows=rows,
    )


def _fixed(pairs: Sequence[Pair]) -> Table:
    rows = [[p.first.suite, p.first.id, _fault(p.first), actual(p.second)] for p in pairs[:_WORST]]
    return Table(title=_title("fixed", pairs), head=["suite", "case", "before", "now"], rows=rows)


def _title(fate: str, pairs: Sequence[Pair]) -> str:
    more = f" (first {_WORST})" if len(pairs) > _WORST else ""
    return f"{fate}: {len(pairs)} cases{more}"


def _fault(record: Record) -> str:
    verdict = record.verdict
    return clean(f"{verdict.failure or 'passed'}: {verdict.reason}", 90)


def _migration(comparison: Comparison) -> Table:
    """Rows: what a case was in the first run; columns: what it is in the second."""
    found = comparison.migrations
    before = _by_size({m: sum(n for (a, _), n in found.items() if a == m) for m, _ in found})
    after = _by_size({m: sum(n for (_, b), n in found.items() if b == m) for _, m in found})
    rows = [
        [mode, *(str(found.get((mode, other), "")) for other in after), str(total)]
        for mode, total in before.items()
    ]
    rows.append(["all", *(str(n) for n in after.values()), str(sum(found.values()))])
    return Table(
        title="Where the failures went: cases by mode in the first run (rows) and in the second (columns)",
        head=["first \\ second", *after, "all"],
        rows=rows,
    )


def _by_size(counts: dict[str, int]) -> dict[str, int]:
    """`passed` first, then the most."""
    return dict(sorted(counts.items(), key=lambda x: (x[0] != "passed", -x[1], x[0])))
