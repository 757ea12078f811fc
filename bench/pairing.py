"""Two runs, paired by suite, case id and input: what the reports and the decision are both made of."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from bench.errors import UsageError
from bench.records import Record
from bench.stats import Difference, paired_difference, paired_means
from bench.store import Run
from suites import Outcome
from suites.vary import kind_of

__all__ = [
    "FATES",
    "Pair",
    "Paired",
    "by_case",
    "change",
    "cluster",
    "grouped",
    "originals",
    "pair_runs",
    "share",
    "typical",
]

Key = tuple[str, str, str]
"""(suite, case id, input): the same case on the same question."""

FATES = ("broken", "fixed", "both wrong", "both right")
"""What may become of a case from the first run to the second."""


@dataclass(frozen=True, kw_only=True)
class Pair:
    """One case in both runs, on the same tools and messages.

    samples: all records of it in each run; first, second: the first sample with the verdict of the majority
    (a tie is wrong), or the only one.
    """

    samples: tuple[Sequence[Record], Sequence[Record]]

    @cached_property
    def first(self) -> Record:
        """The first run's record that stands for the case."""
        return typical(self.samples[0])

    @cached_property
    def second(self) -> Record:
        """The second run's."""
        return typical(self.samples[1])

    @cached_property
    def fate(self) -> str:
        """One of FATES."""
        a, b = self.first.verdict.passed, self.second.verdict.passed
        if a == b:
            return "both right" if a else "both wrong"
        return "fixed" if b else "broken"

    @property
    def name(self) -> str:
        """`suite:id`."""
        return f"{self.first.suite}:{self.first.id}"


@dataclass(frozen=True, kw_only=True)
class Paired:
    """Pairs in the order of the first run; cases of one run only, as `suite:id`: not run, changed, or lost to
    an error."""

    pairs: tuple[Pair, ...]
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]


def pair_runs(first: Run, second: Run) -> Paired:
    """All pairs of two runs, variants among them. Errors: UsageError if they have no case in common."""
    ours, theirs = by_case(first.records), by_case(second.records)
    common = [key for key in ours if key in theirs]
    if not common:
        raise UsageError(f"{first.path} and {second.path} have no case in common")
    return Paired(
        pairs=tuple(Pair(samples=(ours[key], theirs[key])) for key in common),
        only_first=tuple(f"{k[0]}:{k[1]}" for k in ours if k not in theirs),
        only_second=tuple(f"{k[0]}:{k[1]}" for k in theirs if k not in ours),
    )


def originals(records: Iterable[Record]) -> list[Record]:
    """The records of cases that are no variants."""
    return [r for r in records if kind_of(r.case) is None]


def by_case(records: Iterable[Record]) -> dict[Key, list[Record]]:
    """The scored records of each case (its samples in their order), by suite, id and input.

    Neither errors nor cases that an exclusion list leaves out are scored.
    """
    found: dict[Key, list[Record]] = {}
    for record in records:
        if record.verdict.outcome is not Outcome.ERROR and not record.case.excluded:
            found.setdefault((record.suite, record.id, record.input), []).append(record)
    return {key: sorted(some, key=lambda r: r.sample) for key, some in found.items()}


def share(samples: Sequence[Record]) -> float:
    """The share of a case's samples that passed."""
    return sum(r.verdict.passed for r in samples) / len(samples)


def typical(samples: Sequence[Record]) -> Record:
    """The first sample whose verdict is the majority's; a tie counts as wrong."""
    right = share(samples) > 0.5
    return next(r for r in samples if r.verdict.passed == right)


def cluster(samples: Sequence[Record]) -> Hashable:
    """What a case is clustered by: its suite and group."""
    return samples[0].suite, samples[0].case.group


def change(pairs: Sequence[tuple[Sequence[Record], Sequence[Record]]]) -> Difference:
    """The change between the two sides of each pair of cases, clustered by suite and group.

    Single samples: exact McNemar; several on any side: mean shares, see bench.stats.paired_means.
    Errors: ValueError without pairs.
    """
    groups = [cluster(a) for a, _ in pairs]
    if all(len(a) == len(b) == 1 for a, b in pairs):
        first, second = ([p[i][0].verdict.passed for p in pairs] for i in (0, 1))
        return paired_difference(first, second, groups)
    return paired_means([share(a) for a, _ in pairs], [share(b) for _, b in pairs], groups)


def grouped(
    records: Sequence[Record], suites: Sequence[str]
) -> list[tuple[str, str, list[Record]]]:
    """(suite, category, records): all first, then each suite, in that order, as a whole and by category."""
    found = [("all", "", list(records))]
    for suite in dict.fromkeys(suites):
        part = [r for r in records if r.suite == suite]
        found.append((suite, "", part))
        for category in sorted({r.case.category for r in part} - {""}):
            found.append((suite, category, [r for r in part if r.case.category == category]))
    return found
