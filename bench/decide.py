"""The decision between two runs: better, worse, no worse than a margin, or not to be told.

One place for the reports, the gate and the training loop. Where a run asked its cases several times, a case
counts with the mean of its samples. Variants of cases are paired with variants and have lines of their own
(suite `call ~order`), never in `all`.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bench.conditions import differing, told_only
from bench.errors import UsageError
from bench.pairing import Pair, change, cluster, grouped, originals, pair_runs, share
from bench.power import detectable
from bench.stats import Difference, design_effect
from bench.store import Run
from bench.support import group_test, holm
from suites.vary import KINDS, kind_of

__all__ = [
    "ALPHA",
    "MARGIN",
    "Comparison",
    "Family",
    "PairedLine",
    "Verdict",
    "compare",
    "decided_lines",
    "refuse_differing",
]

ALPHA = 0.05
"""Two-sided level of a verdict; a line's interval is the 95 % one whatever alpha is."""

MARGIN = 2.0
"""Points that a fall must stay below to count as none."""

Verdict = Literal["better", "worse", "no worse", "cannot tell"]
Family = Literal["all", "suite", "category", "variant"]


@dataclass(frozen=True, kw_only=True)
class PairedLine:
    """The change on one suite and category; passed: how many of the pairs each run passed (by majority).

    rates: the mean share of samples passed in each run (passed / n where there is one sample). tested: the p
    that is adjusted: the difference's own, or, if larger, that of the exact test over groups where cases of
    one group may change together; adjusted: by Holm within the line's family. margin: in points.
    detectable: the smallest difference (0 to 1) that so many pairs, with this share of them discordant and so
    clustered, would have found with a power of .80; None if none.
    """

    suite: str
    category: str
    family: Family
    passed: tuple[int, int]
    rates: tuple[float, float]
    both_right: int
    both_wrong: int
    difference: Difference
    tested: float
    adjusted: float
    margin: float
    alpha: float
    detectable: float | None

    @property
    def verdict(self) -> Verdict:
        """`better` or `worse` if the adjusted p is below alpha and the interval holds no 0; else `no worse`
        if the interval lies above minus the margin; else `cannot tell`."""
        interval = self.difference.interval
        if self.adjusted < self.alpha and interval.low > 0:
            return "better"
        if self.adjusted < self.alpha and interval.high < 0:
            return "worse"
        return "no worse" if interval.low > -self.margin / 100 else "cannot tell"

    @property
    def words(self) -> str:
        """The verdict as it is shown: `no worse than 2`."""
        verdict = self.verdict
        return f"no worse than {self.margin:g}" if verdict == "no worse" else verdict

    @property
    def name(self) -> str:
        """`all`, `call`, `call/negation` or `call ~order`."""
        return f"{self.suite}/{self.category}" if self.category else self.suite


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The first run is the baseline. refused: settings that are not equal, in words, and forbid a comparison;
    told: those that are only named.

    pairs: cases that are no variants; variants: the others; only_first, only_second: cases without a partner
    (not run, changed, or lost to an error).
    """

    first: Run
    second: Run
    lines: tuple[PairedLine, ...]
    pairs: tuple[Pair, ...]
    variants: tuple[Pair, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    refused: tuple[str, ...]
    told: tuple[str, ...]

    @property
    def differing(self) -> tuple[str, ...]:
        """All settings that are not equal."""
        return self.refused + self.told

    @property
    def sampled(self) -> bool:
        """Whether any run asked its cases several times."""
        return self.first.manifest.samples > 1 or self.second.manifest.samples > 1

    def of(self, fate: str) -> list[Pair]:
        """The pairs of one fate."""
        return [p for p in self.pairs if p.fate == fate]

    @property
    def migrations(self) -> dict[tuple[str, str], int]:
        """(mode before, mode after) -> cases, the most first; `passed` stands for no failure."""
        found = Counter((_mode(p, 0), _mode(p, 1)) for p in self.pairs)
        return dict(sorted(found.items(), key=lambda x: (-x[1], x[0])))


def compare(first: Run, second: Run, *, margin: float = MARGIN, alpha: float = ALPHA) -> Comparison:
    """Pair two runs by suite, case id and input, and decide line by line.

    Nothing is refused here (see refuse_differing): conditions that differ are named. Errors: UsageError if
    the runs have no case in common, or for a margin or alpha outside its range.
    """
    _check_levels(margin, alpha)
    paired = pair_runs(first, second)
    suites = [s.name for s in first.manifest.suites]
    plain = tuple(p for p in paired.pairs if kind_of(p.first.case) is None)
    return Comparison(
        first=first,
        second=second,
        lines=decided_lines(paired.pairs, suites, margin=margin, alpha=alpha),
        pairs=plain,
        variants=tuple(p for p in paired.pairs if kind_of(p.first.case) is not None),
        only_first=paired.only_first,
        only_second=paired.only_second,
        refused=tuple(differing(first.manifest, second.manifest)),
        told=tuple(told_only(first.manifest, second.manifest)),
    )


def _check_levels(margin: float, alpha: float) -> None:
    """Errors: UsageError unless 0 <= margin <= 100 and 0 < alpha < 1."""
    if not 0 <= margin <= 100:
        raise UsageError(f"a margin of {margin:g} points is none: it lies between 0 and 100")
    if not 0 < alpha < 1:
        raise UsageError(f"alpha {alpha:g} is no level: it lies between 0 and 1")


def refuse_differing(comparison: Comparison, *, force: bool) -> None:
    """Errors: UsageError if conditions differ that forbid a comparison, unless force allows it."""
    if comparison.refused and not force:
        raise UsageError(
            f"{comparison.first.path} and {comparison.second.path} were not measured under the same "
            f"conditions: {'; '.join(comparison.refused)}; run one of them again, or take it as it is "
            "with --force"
        )


def decided_lines(
    pairs: Sequence[Pair], suites: Iterable[str], *, margin: float, alpha: float
) -> tuple[PairedLine, ...]:
    """Lines for all, each suite and category, and each suite's variants, p adjusted family by family."""
    by_record = {id(p.first): p for p in pairs}
    names = list(dict.fromkeys(suites))
    known: dict[tuple[int, ...], PairedLine] = {}

    def line(suite: str, category: str, family: Family, some: list[Pair]) -> PairedLine:
        key = tuple(map(id, some))
        if key not in known:
            known[key] = _line(some, margin, alpha)
        return replace(known[key], suite=suite, category=category, family=family)

    lines: list[PairedLine] = []
    for suite, category, records in grouped(originals(p.first for p in pairs), names):
        if records:
            family: Family = "category" if category else ("all" if not lines else "suite")
            lines.append(line(suite, category, family, [by_record[id(r)] for r in records]))
    for suite in names:
        for kind in KINDS:
            some = [p for p in pairs if p.first.suite == suite and kind_of(p.first.case) == kind]
            if some:
                lines.append(line(f"{suite} ~{kind}", "", "variant", some))
    adjusted: dict[int, float] = {}
    for family in ("all", "suite", "category", "variant"):
        own = [i for i, x in enumerate(lines) if x.family == family]
        adjusted |= dict(zip(own, holm([lines[i].tested for i in own]), strict=True))
    return tuple(replace(x, adjusted=adjusted[i]) for i, x in enumerate(lines))


def _line(pairs: Sequence[Pair], margin: float, alpha: float) -> PairedLine:
    fates = [p.fate for p in pairs]
    difference = change([p.samples for p in pairs])
    changes = [share(p.samples[1]) - share(p.samples[0]) for p in pairs]
    groups = [cluster(p.samples[0]) for p in pairs]
    tested = difference.p
    if difference.test == "exact McNemar":
        tested = max(tested, group_test([round(x) for x in changes], groups))
    deff = 1.0
    if len(set(changes)) > 1:
        deff = design_effect([x - difference.estimate for x in changes], groups)
    return PairedLine(
        suite="",
        category="",
        family="all",
        passed=(
            sum(p.first.verdict.passed for p in pairs),
            sum(p.second.verdict.passed for p in pairs),
        ),
        rates=(
            sum(share(p.samples[0]) for p in pairs) / len(pairs),
            sum(share(p.samples[1]) for p in pairs) / len(pairs),
        ),
        both_right=fates.count("both right"),
        both_wrong=fates.count("both wrong"),
        difference=difference,
        tested=tested,
        adjusted=tested,
        margin=margin,
        alpha=alpha,
        detectable=detectable(len(pairs), sum(map(abs, changes)) / len(pairs), deff=deff),
    )


def _mode(pair: Pair, side: int) -> str:
    verdict = (pair.first, pair.second)[side].verdict
    return "passed" if verdict.passed else str(verdict.failure or "failed")
