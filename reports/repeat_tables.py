"""Repeated cases and variants as tables for people and as JSON values."""

from collections.abc import Sequence
from typing import Any

from bench.stats import Interval, Mean, Proportion
from reports.repeats import Repeats
from reports.summary import Summary
from reports.table import Table

__all__ = ["invariance_data", "invariance_table", "repeats_data", "repeats_table"]


def repeats_table(summaries: Sequence[Summary], labels: Sequence[str]) -> Table | None:
    """pass^k, pass@k, flips and disagreement by suite, or None if no run asked a case twice."""
    found = [{r.suite: r for r in s.repeats} for s in summaries]
    suites = list(dict.fromkeys(suite for f in found for suite in f))
    if not suites:
        return None
    rows = []
    for suite in suites:
        own = [f.get(suite) for f in found]
        for measure in _measures([r for r in own if r is not None]):
            rows.append([suite, measure, *(_cell(r, measure) for r in own)])
    counts = [
        f"{label}: {s.repeats[0].flips.n} cases, {s.repeats[0].samples} samples each"
        for s, label in zip(summaries, labels, strict=True)
        if s.repeats
    ]
    return Table(
        title="Repeats: how steadily the cases pass",
        head=["suite", "measure", *labels],
        rows=rows,
        notes=[
            *counts,
            "in % with a 95 % interval clustered by group; pass^k: k samples of a case all pass, pass@k: "
            "one of them does (unbiased estimates, averaged over cases); flips: cases with both a pass "
            "and a failure; disagreement: pairs of samples of a case that differ",
        ],
    )


def invariance_table(summaries: Sequence[Summary], labels: Sequence[str]) -> Table | None:
    """Variants against their originals by kind, or None if no run has any."""
    rows, notes = [], []
    for summary, label in zip(summaries, labels, strict=True):
        for x in summary.invariance:
            d = x.difference
            rows.append(
                [
                    label,
                    x.kind,
                    str(d.n),
                    f"{100 * x.rates[0]:.1f}",
                    f"{100 * x.rates[1]:.1f}",
                    f"{100 * d.estimate:+.1f} [{100 * d.interval.low:+.1f}, {100 * d.interval.high:+.1f}]",
                    str(d.broken),
                    str(d.fixed),
                    f"{100 * x.same:.1f}",
                    f"{d.p:.3g}",
                ]
            )
            if x.unchanged:
                notes.append(
                    f"{label}: {x.unchanged} cases have nothing to change by {x.kind} and are left out"
                )
    if not rows:
        return None
    tests = dict.fromkeys(x.difference.test for s in summaries for x in s.invariance)
    notes.append(
        "variants keep the truth (see suites/vary.py) and are in no other table; difference in points "
        f"with a 95 % interval clustered by group; p: {' / '.join(tests)}, two-sided"
    )
    if any(s.repeats for s in summaries):
        notes.append(
            "verdicts of cases with samples go by majority, a tie is wrong; some of the flips are the noise "
            "of sampling (see Repeats)"
        )
    head = ["target", "variant", "n", "original %", "variant %", "difference"]
    head += ["right -> wrong", "wrong -> right", "same verdict %", "p"]
    return Table(
        title="Invariance: the same truth in another form", head=head, rows=rows, notes=notes
    )


def repeats_data(summary: Summary) -> list[dict[str, Any]]:
    """Repeats as JSON values, with every k."""
    return [
        {
            "suite": r.suite,
            "samples": r.samples,
            "cases": r.flips.n,
            "groups": r.flips.groups,
            "pass^k": {str(k): _mean(m) for k, m in r.all_pass.items()},
            "pass@k": {str(k): _mean(m) for k, m in r.any_pass.items()},
            "flips": {"flipped": r.flips.passed, "rate": r.flips.rate, **_ends(r.flips.interval)},
            "disagreement": _mean(r.disagreement),
        }
        for r in summary.repeats
    ]


def invariance_data(summary: Summary) -> list[dict[str, Any]]:
    """Variants against originals as JSON values."""
    return [
        {
            "variant": x.kind,
            "n": x.difference.n,
            "groups": x.difference.groups,
            "unchanged": x.unchanged,
            "rates": list(x.rates),
            "difference": x.difference.estimate,
            **_ends(x.difference.interval),
            "method": x.difference.method,
            "right_to_wrong": x.difference.broken,
            "wrong_to_right": x.difference.fixed,
            "same": x.same,
            "p": x.difference.p,
            "test": x.difference.test,
        }
        for x in summary.invariance
    ]


def _measures(found: Sequence[Repeats]) -> list[str]:
    """k in steps of two and the largest: a table of 32 samples stays short."""
    most = max(r.samples for r in found)
    steps = sorted({2**i for i in range(most.bit_length()) if 2**i <= most} | {most})
    if most <= 5:
        steps = list(range(1, most + 1))
    tail = ["flips", "disagreement"]
    return [*(f"pass^{k}" for k in steps), *(f"pass@{k}" for k in steps if k > 1), *tail]


def _cell(repeats: Repeats | None, measure: str) -> str:
    if repeats is None:
        return "-"
    if measure == "flips":
        return _share(repeats.flips)
    if measure == "disagreement":
        return _share(repeats.disagreement)
    sign, k = measure[4], int(measure[5:])
    found = (repeats.all_pass if sign == "^" else repeats.any_pass).get(k)
    return _share(found) if found is not None else "-"


def _share(found: Mean | Proportion) -> str:
    value = found.value if isinstance(found, Mean) else found.rate
    if value is None or found.interval is None:
        return "-"
    return f"{100 * value:.1f} [{100 * found.interval.low:.0f}, {100 * found.interval.high:.0f}]"


def _mean(found: Mean) -> dict[str, Any]:
    return {"value": found.value, "n": found.n, **_ends(found.interval)}


def _ends(interval: Interval | None) -> dict[str, float]:
    return {"low": interval.low, "high": interval.high} if interval is not None else {}
