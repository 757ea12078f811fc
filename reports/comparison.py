"""Two runs paired by case: what was fixed, what broke, and whether the difference is real.

Where a run asked its cases several times, a case counts with the mean of its samples. Variants of cases are
paired with variants and have lines of their own (suite `call ~order`), never in `all`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.errors import UsageError
from bench.records import Manifest, Record
from bench.stats import Difference
from bench.store import Run
from reports.repeats import by_case, change, originals, share, typical
from reports.summary import grouped
from suites.vary import KINDS, kind_of

__all__ = ["Comparison", "Pair", "PairedLine", "compare"]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One case in both runs, on the same tools and messages.

    samples: all records of it in each run; first, second: the first sample with the verdict of the majority
    (a tie is wrong), or the only one.
    """

    samples: tuple[Sequence[Record], Sequence[Record]]

    @property
    def first(self) -> Record:
        """The first run's record that stands for the case."""
        return typical(self.samples[0])

    @property
    def second(self) -> Record:
        """The second run's."""
        return typical(self.samples[1])

    @property
    def fate(self) -> str:
        """`fixed`, `broken`, `both right` or `both wrong`."""
        a, b = self.first.verdict.passed, self.second.verdict.passed
        if a == b:
            return "both right" if a else "both wrong"
        return "fixed" if b else "broken"


@dataclass(frozen=True, kw_only=True)
class PairedLine:
    """The change on one suite and category; passed: how many of the pairs each run passed (by majority).

    rates: the mean share of samples passed in each run (passed / n where there is one sample).
    """

    suite: str
    category: str
    passed: tuple[int, int]
    rates: tuple[float, float]
    both_right: int
    both_wrong: int
    difference: Difference


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The first run is the baseline. differing: settings that are not equal, in words.

    pairs: cases that are no variants; only_first, only_second: cases without a partner (not run, changed, or
    lost to an error).
    """

    first: Run
    second: Run
    lines: tuple[PairedLine, ...]
    pairs: tuple[Pair, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    differing: tuple[str, ...]

    @property
    def sampled(self) -> bool:
        """Whether any run asked its cases several times."""
        return self.first.manifest.samples > 1 or self.second.manifest.samples > 1

    def of(self, fate: str) -> list[Pair]:
        """The pairs of one fate."""
        return [p for p in self.pairs if p.fate == fate]


def compare(first: Run, second: Run) -> Comparison:
    """Pair two runs by suite, case id and input. Errors: UsageError if they have no case in common."""
    ours, theirs = by_case(first.records), by_case(second.records)
    common = [key for key in ours if key in theirs]
    if not common:
        raise UsageError(f"{first.path} and {second.path} have no case in common")
    every = [Pair(samples=(ours[key], theirs[key])) for key in common]
    by_record = {id(p.first): p for p in every}
    asked = originals(p.first for p in every)
    lines = []
    suites = [s.name for s in first.manifest.suites]
    for suite, category, records in grouped(asked, suites):
        if not records:
            continue
        some = [by_record[id(r)] for r in records]
        lines.append(_line(suite, category, some))
    for suite in dict.fromkeys(suites):
        for kind in KINDS:
            some = [p for p in every if p.first.suite == suite and kind_of(p.first.case) == kind]
            if some:
                lines.append(_line(f"{suite} ~{kind}", "", some))
    return Comparison(
        first=first,
        second=second,
        lines=tuple(lines),
        pairs=tuple(by_record[id(r)] for r in asked),
        only_first=tuple(f"{k[0]}:{k[1]}" for k in ours if k not in theirs),
        only_second=tuple(f"{k[0]}:{k[1]}" for k in theirs if k not in ours),
        differing=tuple(_differing(first.manifest, second.manifest)),
    )


def _line(suite: str, category: str, pairs: Sequence[Pair]) -> PairedLine:
    fates = [p.fate for p in pairs]
    return PairedLine(
        suite=suite,
        category=category,
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
        difference=change([p.samples for p in pairs]),
    )


def _differing(a: Manifest, b: Manifest) -> list[str]:
    """Conditions other than model and adapter that differ, so that nobody reads them as the model's."""
    found: list[str] = []
    suites_a = {(s.name, s.split): s for s in a.suites}
    for suite in b.suites:
        other = suites_a.get((suite.name, suite.split))
        if other is not None and other.hash != suite.hash:
            found.append(
                f"suite {suite.name}/{suite.split} ({other.hash[:12]} against {suite.hash[:12]})"
            )
    for name in ("dialect", "shots", "engine", "engine_version", "dtype", "device"):
        x, y = getattr(a, name), getattr(b, name)
        if x != y:
            found.append(f"{name.replace('_', ' ')} ({x} against {y})")
    for name in ("max_tokens", "temperature", "top_p", "seed"):
        x, y = a.sampling.get(name), b.sampling.get(name)
        if x != y:
            found.append(f"{name.replace('_', ' ')} ({x} against {y})")
    modes = ["constrained" if m.sampling.get("constrained") else "free" for m in (a, b)]
    if modes[0] != modes[1]:
        found.append(f"calls ({modes[0]} against {modes[1]})")
    if a.samples != b.samples:
        found.append(f"samples ({a.samples} against {b.samples})")
    return found
