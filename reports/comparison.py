"""Two runs paired by case: what was fixed, what broke, and whether the difference is real."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.errors import UsageError
from bench.records import Manifest, Record
from bench.stats import Difference, paired_difference
from bench.store import Run
from reports.summary import grouped
from suites import Outcome

__all__ = ["Comparison", "Pair", "PairedLine", "compare"]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One case in both runs, on the same tools and messages."""

    first: Record
    second: Record

    @property
    def fate(self) -> str:
        """`fixed`, `broken`, `both right` or `both wrong`."""
        a, b = self.first.verdict.passed, self.second.verdict.passed
        if a == b:
            return "both right" if a else "both wrong"
        return "fixed" if b else "broken"


@dataclass(frozen=True, kw_only=True)
class PairedLine:
    """The change on one suite and category; passed: how many of the pairs each run passed."""

    suite: str
    category: str
    passed: tuple[int, int]
    both_right: int
    both_wrong: int
    difference: Difference


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The first run is the baseline. differing: settings that are not equal, in words.

    only_first, only_second: cases without a partner (not run, changed, or lost to an error).
    """

    first: Run
    second: Run
    lines: tuple[PairedLine, ...]
    pairs: tuple[Pair, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]
    differing: tuple[str, ...]

    def of(self, fate: str) -> list[Pair]:
        """The pairs of one fate."""
        return [p for p in self.pairs if p.fate == fate]


def compare(first: Run, second: Run) -> Comparison:
    """Pair two runs by suite, case id and input. Errors: UsageError if they have no case in common."""
    ours, theirs = _scored(first), _scored(second)
    common = [key for key in ours if key in theirs]
    if not common:
        raise UsageError(f"{first.path} and {second.path} have no case in common")
    pairs = [Pair(first=ours[key], second=theirs[key]) for key in common]
    by_record = {id(p.first): p for p in pairs}
    lines = []
    suites = [s.name for s in first.manifest.suites]
    for suite, category, records in grouped([p.first for p in pairs], suites):
        if not records:
            continue
        some = [by_record[id(r)] for r in records]
        lines.append(_line(suite, category, some))
    return Comparison(
        first=first,
        second=second,
        lines=tuple(lines),
        pairs=tuple(pairs),
        only_first=tuple(f"{k[0]}:{k[1]}" for k in ours if k not in theirs),
        only_second=tuple(f"{k[0]}:{k[1]}" for k in theirs if k not in ours),
        differing=tuple(_differing(first.manifest, second.manifest)),
    )


def _line(suite: str, category: str, pairs: Sequence[Pair]) -> PairedLine:
    a = [p.first.verdict.passed for p in pairs]
    b = [p.second.verdict.passed for p in pairs]
    fates = [p.fate for p in pairs]
    return PairedLine(
        suite=suite,
        category=category,
        passed=(sum(a), sum(b)),
        both_right=fates.count("both right"),
        both_wrong=fates.count("both wrong"),
        difference=paired_difference(a, b, [(p.first.suite, p.first.case.group) for p in pairs]),
    )


def _scored(run: Run) -> dict[tuple[str, str, str], Record]:
    answered = (r for r in run.records if r.verdict.outcome is not Outcome.ERROR)
    scored = (r for r in answered if not r.case.excluded)
    return {(r.suite, r.id, r.input): r for r in scored}


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
    return found
