"""Cases asked several times, and variants beside their originals: what a run says about its own stability."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.pairing import by_case, change, originals, share
from bench.records import Record
from bench.stats import (
    Difference,
    Mean,
    Proportion,
    disagreement,
    mean,
    pass_all,
    pass_any,
    proportion,
)
from suites.vary import KINDS, kind_of, original_id

__all__ = ["Invariance", "Repeats", "invariances", "repeats"]


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """How steadily the cases of one suite (or of all) pass. samples: the most that a case has.

    all_pass, any_pass: k -> pass^k and pass@k, each over the cases with at least k samples; flips: cases
    with both a pass and a failure among their samples; disagreement: share of a case's pairs of samples
    that differ, averaged over cases. Intervals are clustered by group.
    """

    suite: str
    samples: int
    all_pass: dict[int, Mean]
    any_pass: dict[int, Mean]
    flips: Proportion
    disagreement: Mean


@dataclass(frozen=True, kw_only=True)
class Invariance:
    """Variants of one kind against their originals; the difference is variant minus original.

    rates: mean pass rate of originals and of variants; unchanged: variants that ask what the original asks
    (nothing to reorder), which are left out; difference.fixed: wrong -> right, .broken: right -> wrong.
    """

    kind: str
    rates: tuple[float, float]
    unchanged: int
    difference: Difference

    @property
    def same(self) -> float:
        """Share of the cases with the same verdict in both forms."""
        d = self.difference
        return (d.n - d.fixed - d.broken) / d.n


def repeats(records: Sequence[Record], suites: Sequence[str]) -> tuple[Repeats, ...]:
    """One for all suites and one for each, or nothing if no case has two scored samples."""
    cases = [some for some in by_case(originals(records)).values() if len(some) > 1]
    if not cases:
        return ()
    found = [_repeats("all", cases)]
    for suite in dict.fromkeys(suites):
        own = [some for some in cases if some[0].suite == suite]
        if own:
            found.append(_repeats(suite, own))
    return tuple(found)


def invariances(records: Sequence[Record]) -> tuple[Invariance, ...]:
    """One for each kind of variant that the run has, over the cases with both forms scored."""
    cases = by_case(records)
    first = {(s, i): some for (s, i, _), some in cases.items() if kind_of(some[0].case) is None}
    found = []
    for kind in KINDS:
        made = [some for some in cases.values() if kind_of(some[0].case) == kind]
        pairs = [
            (first[key], some)
            for some in made
            if (key := (some[0].suite, original_id(some[0].case))) in first
        ]
        changed = [(a, b) for a, b in pairs if _question(a[0]) != _question(b[0])]
        if changed:
            rates = [sum(share(p[i]) for p in changed) / len(changed) for i in (0, 1)]
            found.append(
                Invariance(
                    kind=kind,
                    rates=(rates[0], rates[1]),
                    unchanged=len(pairs) - len(changed),
                    difference=change(changed),
                )
            )
    return tuple(found)


def _repeats(suite: str, cases: Sequence[Sequence[Record]]) -> Repeats:
    counts = [(sum(r.verdict.passed for r in some), len(some)) for some in cases]
    groups = [(some[0].suite, some[0].case.group) for some in cases]
    most = max(n for _, n in counts)
    all_pass, any_pass = {}, {}
    for k in range(1, most + 1):
        chosen = [(c, n, g) for (c, n), g in zip(counts, groups, strict=True) if n >= k]
        keys = [g for *_, g in chosen]
        all_pass[k] = mean([pass_all(c, n, k) for c, n, _ in chosen], keys, most / k)
        any_pass[k] = mean([pass_any(c, n, k) for c, n, _ in chosen], keys, most / k)
    return Repeats(
        suite=suite,
        samples=most,
        all_pass=all_pass,
        any_pass=any_pass,
        flips=proportion([0 < c < n for c, n in counts], groups),
        disagreement=mean([disagreement(c, n) for c, n in counts], groups, most / 2),
    )


def _question(record: Record) -> str:
    """What is asked, with the order of tools and parameters (which the record's input hash leaves out)."""
    case = record.case
    return "".join(x.model_dump_json() for x in (*case.tools, *case.messages))
