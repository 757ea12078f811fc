"""Is a difference supported: the exact test of changes over groups, and Holm's adjustment for many tests."""

from collections.abc import Hashable, Sequence

__all__ = ["group_test", "holm"]


def group_test(changes: Sequence[int], groups: Sequence[Hashable]) -> float:
    """Two-sided exact p of n changes (-1 broken, 0, +1 fixed) in groups that may change together.

    Without a difference a group's summed change is as likely as its negative; the distribution of the total
    over all choices of signs is built group by group, so that nothing is drawn. Where no group holds two
    changes it is the exact McNemar test. Errors: ValueError for lists of unequal length.
    """
    import numpy as np

    sums: dict[Hashable, int] = {}
    for change, group in zip(changes, groups, strict=True):
        sums[group] = sums.get(group, 0) + change
    found = [abs(s) for s in sums.values() if s]
    chances = np.ones(1)
    for step in found:  # index i stands for a total of i - (len - 1) / 2
        wider = np.zeros(len(chances) + 2 * step)
        wider[: len(chances)] += chances / 2
        wider[2 * step :] += chances / 2
        chances = wider
    totals = np.arange(len(chances)) - (len(chances) - 1) // 2
    extreme = np.abs(totals) >= abs(sum(sums.values()))
    return min(1.0, float(chances[extreme].sum()))


def holm(values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values (1979), in the order given: each at least its own p, at most 1.

    Errors: ValueError for a value outside 0 to 1.
    """
    if not all(0 <= p <= 1 for p in values):
        raise ValueError("a p-value lies outside 0 to 1")
    adjusted = [0.0] * len(values)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        highest = max(highest, min(1.0, (len(values) - rank) * values[index]))
        adjusted[index] = highest
    return adjusted
