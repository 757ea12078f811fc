"""Intervals and tests: against scipy, at their exact limits, and by simulation."""

import math
import random

import pytest
from scipy.stats import binomtest, pearsonr

from bench.stats import (
    decision_quality,
    mcnemar_exact,
    paired_difference,
    proportion,
    wilson,
)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 24, 60, 181, 1000])
def test_wilson_is_the_interval_of_scipy(n: int) -> None:
    for k in {0, 1, n // 3, n // 2, n - 1, n} & set(range(n + 1)):
        theirs = binomtest(k, n).proportion_ci(confidence_level=0.95, method="wilson")
        ours = wilson(k, n)
        assert ours.low == pytest.approx(theirs.low, abs=1e-12)
        assert ours.high == pytest.approx(theirs.high, abs=1e-12)


def test_wilson_mirrors_when_passed_and_failed_are_swapped() -> None:
    for k in range(25):
        one, other = wilson(k, 24), wilson(24 - k, 24)
        assert one.low == pytest.approx(1 - other.high, abs=1e-12)
        assert one.high == pytest.approx(1 - other.low, abs=1e-12)


def test_wilson_takes_another_confidence_and_an_effective_size() -> None:
    theirs = binomtest(7, 20).proportion_ci(confidence_level=0.99, method="wilson")
    ours = wilson(7, 20, z=2.5758293035489004)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert wilson(3.5, 10).low < wilson(7, 20).low
    assert wilson(3.5, 10).high > wilson(7, 20).high


@pytest.mark.parametrize(("passed", "n"), [(0, 0), (3, 2), (-1, 2), (1, -1), (math.nan, 3)])
def test_wilson_refuses_what_is_no_proportion(passed: float, n: float) -> None:
    with pytest.raises(ValueError, match="no proportion"):
        wilson(passed, n)


def test_mcnemar_is_the_binomial_test_of_scipy() -> None:
    for b in range(0, 31, 3):
        for c in range(0, 31, 2):
            if b + c:
                expected = binomtest(b, b + c, 0.5).pvalue
                assert mcnemar_exact(b, c) == pytest.approx(expected, rel=1e-12), (b, c)
                assert mcnemar_exact(b, c) == mcnemar_exact(c, b)


def test_mcnemar_anchor() -> None:
    assert mcnemar_exact(5, 15) == 0.04138946533203125


def test_mcnemar_without_discordant_pairs_is_one_and_never_more() -> None:
    assert mcnemar_exact(0, 0) == 1.0
    assert all(mcnemar_exact(k, k) == 1.0 for k in range(1, 40))


def test_mcnemar_of_thousands_does_not_overflow() -> None:
    assert mcnemar_exact(2000, 2100) == pytest.approx(binomtest(2000, 4100).pvalue, rel=1e-9)


def test_proportion_counts_and_its_interval_holds_the_rate() -> None:
    found = proportion([True, False, True, True], ["a", "a", "b", "c"])
    assert (found.passed, found.n, found.groups, found.rate) == (3, 4, 3, 0.75)
    assert found.interval is not None
    assert 0 <= found.interval.low < 0.75 < found.interval.high <= 1


@pytest.mark.parametrize("k", range(21))
def test_unclustered_cases_give_wilson_at_no_less_than_one_case_fewer(k: int) -> None:
    """Every group distinct: nothing is narrower than plain Wilson, or wider than Wilson at n - 1."""
    found = proportion([i < k for i in range(20)], list(range(20))).interval
    plain, fewer = wilson(k, 20), wilson(k / 20 * 19, 19)
    assert found is not None
    assert fewer.low - 1e-12 <= found.low <= plain.low + 1e-12
    assert plain.high - 1e-12 <= found.high <= fewer.high + 1e-12


@pytest.mark.parametrize("copies", [1, 2, 5])
@pytest.mark.parametrize("passed", [False, True])
def test_where_all_agree_the_interval_is_that_of_the_number_of_groups(
    passed: bool, copies: int
) -> None:
    groups = [g for g in range(8) for _ in range(copies)]
    assert proportion([passed] * len(groups), groups).interval == wilson(8 * passed, 8)


@pytest.mark.parametrize("copies", [2, 3, 10])
def test_copies_of_a_case_add_nothing_to_the_interval(copies: int) -> None:
    groups = [g for g in range(10) for _ in range(copies)]
    copied = proportion([g < 3 for g in groups], groups).interval
    plain, fewer = wilson(3, 10), wilson(2.7, 9)
    assert copied is not None
    assert fewer.low - 1e-12 <= copied.low <= plain.low + 1e-12
    assert plain.high - 1e-12 <= copied.high <= fewer.high + 1e-12


def test_groups_that_disagree_inside_are_never_narrower_than_independent_cases() -> None:
    groups = [g for g in range(10) for _ in range(2)]
    found = proportion([i % 2 == 0 for i in range(20)], groups).interval
    assert found == wilson(10, 20)


def test_proportion_of_nothing_has_neither_rate_nor_interval() -> None:
    found = proportion([], [])
    assert (found.passed, found.n, found.groups) == (0, 0, 0)
    assert found.rate is None
    assert found.interval is None


@pytest.mark.parametrize("groups", [["a"], ["a", "b", "c"]])
def test_proportion_refuses_groups_of_another_length(groups: list[str]) -> None:
    with pytest.raises(ValueError, match="2 cases need 2 groups"):
        proportion([True, False], groups)


def _runs(
    rng: random.Random, groups: int, size: int, fix: float, spoil: float
) -> tuple[list[bool], list[bool], list[int]]:
    """Two runs on clustered cases: with probability 0.7 a case shares the fate of its whole group."""
    first, second, keys = [], [], []
    for group in range(groups):
        common = rng.random()
        for _ in range(size):
            fate = common if rng.random() < 0.7 else rng.random()
            before = rng.random() < 0.5
            changed = fate < fix + spoil
            first.append(fate >= fix if changed else before)
            second.append(fate < fix if changed else before)
            keys.append(group)
    return first, second, keys


def test_difference_counts_and_sign() -> None:
    first = [True, True, False, False, False, True]
    second = [True, False, True, True, False, True]
    found = paired_difference(first, second, list("aabbcc"))
    assert (found.n, found.groups, found.fixed, found.broken) == (6, 3, 2, 1)
    assert found.estimate == pytest.approx(1 / 6)
    assert found.p == mcnemar_exact(2, 1)


@pytest.mark.parametrize("size", [(60, 0.02), (60, 0.2)])
def test_swapping_the_runs_negates_the_difference(size: tuple[int, float]) -> None:
    first, second, keys = _runs(random.Random(3), size[0], 2, 2 * size[1], size[1])
    there, back = paired_difference(first, second, keys), paired_difference(second, first, keys)
    assert (there.fixed, there.broken) == (back.broken, back.fixed)
    assert there.estimate == -back.estimate
    assert there.interval.low == pytest.approx(-back.interval.high, abs=0.02)
    assert there.interval.high == pytest.approx(-back.interval.low, abs=0.02)
    assert there.p == back.p


def test_difference_is_repeatable_and_its_seed_is_used() -> None:
    rng = random.Random(5)
    first, second = ([rng.random() < 0.5 for _ in range(120)] for _ in range(2))
    keys = [rng.randrange(60) for _ in first]
    ends = [paired_difference(first, second, keys, seed=s).interval.low for s in (0, *range(10))]
    assert ends[0] == ends[1]
    assert len(set(ends)) > 5
    assert max(ends) - min(ends) < 0.012  # ten thousand resamples leave no more to chance


@pytest.mark.parametrize(("changed", "method"), [(9, "Bonett-Price"), (10, "cluster bootstrap")])
def test_the_method_is_named_and_turns_at_ten_discordant_pairs(changed: int, method: str) -> None:
    found = paired_difference([False] * 40, [i < changed for i in range(40)], list(range(40)))
    assert found.method == method
    assert 0 < found.interval.low < found.estimate < found.interval.high < 1


@pytest.mark.parametrize("value", [False, True])
@pytest.mark.parametrize("n", [1, 2, 24, 180])
def test_without_discordant_pairs_the_interval_holds_zero_and_is_no_point(
    n: int, value: bool
) -> None:
    found = paired_difference([value] * n, [value] * n, list(range(n)))
    assert (found.estimate, found.p, found.fixed, found.broken) == (0.0, 1.0, 0, 0)
    assert -1 <= found.interval.low < 0 < found.interval.high <= 1


def test_few_groups_widen_the_interval_of_few_changes() -> None:
    first, second = [False] * 40, [i < 4 for i in range(40)]
    alone = paired_difference(first, second, list(range(40))).interval
    grouped = paired_difference(first, second, [i // 4 for i in range(40)]).interval
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


def test_few_groups_widen_the_bootstrap() -> None:
    first, second = [False] * 60, [i < 20 for i in range(60)]
    alone = paired_difference(first, second, list(range(60))).interval
    grouped = paired_difference(first, second, [i // 4 for i in range(60)]).interval
    assert grouped.high - grouped.low > 1.5 * (alone.high - alone.low)


def test_the_bootstrap_covers_the_truth_as_often_as_it_says() -> None:
    rng = random.Random(11)
    covered = 0
    for _ in range(400):
        found = paired_difference(*_runs(rng, 40, 3, 0.25, 0.15))
        assert found.method == "cluster bootstrap"
        covered += found.interval.low <= 0.25 - 0.15 <= found.interval.high
    assert 0.92 <= covered / 400 <= 0.98


def test_the_stand_in_for_few_changes_covers_the_truth_at_least_as_often_as_it_says() -> None:
    rng = random.Random(12)
    covered = 0
    for _ in range(400):
        found = paired_difference(*_runs(rng, 30, 2, 0.03, 0.01))
        assert found.method == "Bonett-Price"
        covered += found.interval.low <= 0.03 - 0.01 <= found.interval.high
    assert covered / 400 >= 0.93


def test_difference_refuses_no_pairs_and_runs_of_unequal_length() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        paired_difference([], [], [])
    with pytest.raises(ValueError, match="zip"):
        paired_difference([True], [True, False], ["a"])


def test_unclustered_cases_give_plain_wilson() -> None:
    for k in range(21):
        found = proportion([i < k for i in range(20)], list(range(20))).interval
        plain = wilson(k, 20)
        assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=1e-12), k


@pytest.mark.parametrize("groups", [1, 2])
def test_a_bootstrap_of_one_or_two_groups_is_no_point(groups: int) -> None:
    found = paired_difference(
        [False] * 24, [i % 2 == 0 for i in range(24)], [i // 2 % groups for i in range(24)]
    )
    assert found.interval.low < found.estimate < found.interval.high


def test_all_cases_fixed_is_no_point() -> None:
    found = paired_difference([False] * 12, [True] * 12, list(range(12)))
    assert found.interval.low < 1


def test_mcnemar_refuses_negative_counts() -> None:
    with pytest.raises(ValueError, match="negative"):
        mcnemar_exact(-1, 3)


@pytest.mark.parametrize("groups", [[], ["a"]])
def test_groups_of_another_length_are_refused_without_changes_too(groups: list[str]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        paired_difference([True] * 3, [True] * 3, groups)
    with pytest.raises(ValueError, match=r"\w"):
        proportion([True] * 3, groups)


@pytest.mark.parametrize(("count", "size"), [(5, 12), (10, 6), (20, 3), (30, 4)])
def test_the_interval_covers_for_few_clustered_groups(count: int, size: int) -> None:
    import random

    rng = random.Random(count)
    covered, runs = 0, 300
    for _ in range(runs):
        changes: list[int] = []
        for _group in range(count):
            common = rng.random()
            for _case in range(size):
                u = common if rng.random() < 0.7 else rng.random()
                changes.append(1 if u < 0.25 else -1 if u < 0.4 else 0)
        keys = [i // size for i in range(count * size)]
        found = paired_difference([c < 0 for c in changes], [c > 0 for c in changes], keys)
        covered += found.interval.low <= 0.1 <= found.interval.high
    assert covered / runs > 0.9


@pytest.mark.parametrize("always", [True, False])
def test_a_model_that_always_does_the_same_has_no_decision_quality(always: bool) -> None:
    found = decision_quality([True] * 25 + [False] * 35, [always] * 60)
    assert (found.mcc, found.d_prime) == (0.0, 0.0)
    assert found.n == 60


def test_decision_quality_is_pearsons_correlation_and_rises_with_hits() -> None:
    rng = random.Random(3)
    expected = [rng.random() < 0.4 for _ in range(300)]
    called = [x if rng.random() < 0.8 else not x for x in expected]
    found = decision_quality(expected, called)
    assert found.mcc == pytest.approx(pearsonr(expected, called).statistic)
    perfect = decision_quality(expected, expected)
    assert perfect.mcc == pytest.approx(1)
    assert perfect.d_prime > found.d_prime > 0
    worst = decision_quality(expected, [not x for x in expected])
    assert worst.mcc == pytest.approx(-1)
    assert worst.d_prime == pytest.approx(-perfect.d_prime)
    counts = (found.hits, found.misses, found.false_alarms, found.rejections)
    assert sum(counts) == 300
