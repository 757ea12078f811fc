"""Statistics of repeated cases: against brute force, an oracle of a few lines, scipy, and by simulation."""

import itertools
import math
import random
from collections.abc import Hashable, Sequence

import numpy
import pytest
from scipy.stats import permutation_test

from bench.stats import (
    disagreement,
    mean,
    paired_difference,
    paired_means,
    pass_all,
    pass_any,
    proportion,
    sign_flip,
    wilson,
)

COUNTS = [(c, n) for n in range(1, 8) for c in range(n + 1)]


@pytest.mark.parametrize(("passed", "n"), COUNTS)
def test_pass_k_is_the_share_of_all_subsets(passed: int, n: int) -> None:
    samples = [True] * passed + [False] * (n - passed)
    for k in range(1, n + 1):
        subsets = list(itertools.combinations(samples, k))
        assert pass_all(passed, n, k) == pytest.approx(sum(map(all, subsets)) / len(subsets))
        assert pass_any(passed, n, k) == pytest.approx(sum(map(any, subsets)) / len(subsets))
    if n > 1:
        differing = [a != b for a, b in itertools.combinations(samples, 2)]
        assert disagreement(passed, n) == pytest.approx(sum(differing) / len(differing))


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
def test_pass_k_is_unbiased(p: float) -> None:
    """Its expectation over the binomial distribution is p^k exactly, and 1 - (1 - p)^k."""
    n = 6
    weights = [math.comb(n, c) * p**c * (1 - p) ** (n - c) for c in range(n + 1)]
    for k in range(1, n + 1):
        both = [sum(w * f(c, n, k) for c, w in enumerate(weights)) for f in (pass_all, pass_any)]
        assert both == pytest.approx([p**k, 1 - (1 - p) ** k])


@pytest.mark.parametrize(("passed", "n", "k"), [(3, 2, 1), (-1, 2, 1), (1, 2, 3), (1, 2, 0)])
def test_counts_that_cannot_be_are_refused(passed: int, n: int, k: int) -> None:
    for function in (pass_all, pass_any):
        with pytest.raises(ValueError, match="samples passed"):
            function(passed, n, k)
    with pytest.raises(ValueError, match="says nothing"):
        disagreement(1, 1)


# --- the mean of shares -----------------------------------------------------------------------------


def test_the_mean_of_yes_or_no_values_is_the_proportion() -> None:
    rng = random.Random(2)
    for _ in range(50):
        n = rng.randrange(3, 60)
        values = [rng.random() < 0.4 for _ in range(n)]
        groups = [rng.randrange(n // 2 + 2) for _ in range(n)]
        ours, theirs = mean([float(v) for v in values], groups), proportion(values, groups)
        assert (ours.value, ours.n, ours.groups) == (theirs.rate, theirs.n, theirs.groups)
        assert ours.interval is not None
        assert theirs.interval is not None
        if theirs.groups == 1:
            continue
        assert ours.interval.low == pytest.approx(theirs.interval.low)
        assert ours.interval.high == pytest.approx(theirs.interval.high)


def test_pass_1_of_cases_is_the_pass_rate_of_their_samples() -> None:
    """Case by case with k blocks, or sample by sample in clusters: the same number and interval."""
    rng = random.Random(3)
    k, groups = 4, [g for g in range(12) for _ in range(2)]
    counts = [rng.randrange(k + 1) for _ in groups]
    cases = mean([pass_all(c, k, 1) for c in counts], groups, k)
    samples = [i < c for c in counts for i in range(k)]
    whole = proportion(samples, [g for g in groups for _ in range(k)])
    assert cases.value == pytest.approx(whole.rate)
    assert cases.interval is not None
    assert whole.interval is not None
    assert cases.interval.low == pytest.approx(whole.interval.low)
    assert cases.interval.high == pytest.approx(whole.interval.high)


def test_repeating_the_same_replies_adds_no_precision() -> None:
    groups = list(range(20))
    once = proportion([g < 8 for g in groups], groups).interval
    again = proportion(
        [g < 8 for g in groups for _ in range(9)], [g for g in groups for _ in range(9)]
    ).interval
    assert once is not None
    assert again is not None
    assert again.high - again.low > 0.95 * (once.high - once.low)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_where_all_agree_the_size_is_the_number_of_groups(value: float) -> None:
    found = mean([value] * 12, [i // 2 for i in range(12)], 8)
    assert found.interval == wilson(6 * value, 6)


def test_the_mean_of_nothing_and_of_unequal_lists() -> None:
    found = mean([], [])
    assert (found.value, found.n, found.interval) == (None, 0, None)
    with pytest.raises(ValueError, match="2 values need 2 groups"):
        mean([0.5, 1.0], ["a"])


def _chances(rng: random.Random, kind: str) -> float:
    u = rng.random()
    return {"bimodal": 0.95 if u < 0.6 else 0.05, "even": u, "hard": u**4, "same": 0.5}[kind]


@pytest.mark.parametrize(("groups", "least"), [(6, 0.87), (30, 0.91)])
@pytest.mark.parametrize("kind", ["bimodal", "even", "hard", "same"])
@pytest.mark.parametrize("k", [1, 2, 4])
def test_the_interval_of_pass_k_covers_the_truth(
    kind: str, k: int, groups: int, least: float
) -> None:
    """4 samples of 2 cases a group that mostly share their chance; pass^k of the whole population."""
    rng, samples, runs = random.Random(groups + k), 4, 500
    truth = sum(_chances(rng, kind) ** k for _ in range(50_000)) / 50_000
    covered = 0
    for _ in range(runs):
        values, keys = [], []
        for group in range(groups):
            common = _chances(rng, kind)
            for _case in range(2):
                p = common if rng.random() < 0.6 else _chances(rng, kind)
                passed = sum(rng.random() < p for _ in range(samples))
                values.append(pass_all(passed, samples, k))
                keys.append(group)
        interval = mean(values, keys, samples / k).interval
        assert interval is not None
        covered += interval.low - 1e-9 <= truth <= interval.high + 1e-9
    assert covered / runs >= least


# --- paired differences of shares -------------------------------------------------------------------


def oracle(changes: Sequence[float], groups: Sequence[Hashable]) -> float:
    """Every choice of signs, one by one."""
    sums = [
        sum(c for c, g in zip(changes, groups, strict=True) if g == key)
        for key in dict.fromkeys(groups)
    ]
    found = [
        abs(sum(s * x for s, x in zip(signs, sums, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(sums))
    ]
    return sum(x >= abs(sum(sums)) - 1e-9 for x in found) / len(found)


def test_p_is_that_of_the_enumeration() -> None:
    rng = random.Random(7)
    seen = set()
    for _ in range(60):
        count = rng.randrange(1, 10)
        groups = [rng.randrange(count) for _ in range(rng.randrange(1, 25))]
        changes = [rng.randrange(-4, 6) / 4 for _ in groups]
        p, test = sign_flip(changes, groups)
        assert test == "exact sign-flip permutation"
        assert p == pytest.approx(oracle(changes, groups))
        seen.add(p)
    assert len(seen) > 10


def test_p_is_that_of_scipy() -> None:
    rng = random.Random(8)
    changes = [rng.gauss(0.4, 1) for _ in range(11)]

    def total(values: numpy.ndarray, axis: int) -> numpy.ndarray:
        return numpy.sum(values, axis=axis)

    theirs = permutation_test(
        (numpy.array(changes),),
        total,
        permutation_type="samples",
        n_resamples=numpy.inf,
        vectorized=True,
    )
    assert sign_flip(changes, list(range(11)))[0] == pytest.approx(theirs.pvalue)


def test_groups_without_a_change_do_not_count() -> None:
    changes, groups = [0.5, 0.25, 0.25], ["a", "b", "c"]
    more = [0.0, 1.0, -1.0] * 30
    p, test = sign_flip([*changes, *more], [*groups, *(f"z{i // 3}" for i in range(90))])
    assert (p, test) == (sign_flip(changes, groups)[0], "exact sign-flip permutation")
    assert p == 0.25


def test_nothing_changed_has_p_1() -> None:
    assert sign_flip([0.0, 0.5, -0.5], ["a", "b", "b"]) == (1.0, "exact sign-flip permutation")


def test_many_groups_are_drawn_seeded_and_near_the_exact_p() -> None:
    rng = random.Random(9)
    changes = [rng.choice((-1, -0.5, 0.25, 0.5, 1)) for _ in range(13)]
    p, test = sign_flip(changes, list(range(13)))
    assert test == "Monte Carlo sign-flip permutation"
    assert p == sign_flip(changes, list(range(13)))[0]
    assert p == pytest.approx(oracle(changes, list(range(13))), abs=0.02)
    assert len({sign_flip(changes, list(range(13)), seed=s)[0] for s in range(4)}) > 1
    assert 0 < sign_flip([1.0] * 200, list(range(200)))[0] < 0.001


def test_whole_groups_are_flipped() -> None:
    changes = [0.5] * 24
    assert sign_flip(changes, [i // 12 for i in range(24)])[0] == 0.5
    assert sign_flip(changes, list(range(24)))[0] < 0.001


def test_p_is_uniform_where_nothing_differs() -> None:
    rng = random.Random(10)
    below = 0
    for _ in range(400):
        changes, groups = [], []
        for group in range(10):
            side = rng.choice((-1, 1))
            for _ in range(3):
                changes.append(side * rng.choice((0, 0.25, 0.5)))
                groups.append(group)
        below += sign_flip(changes, groups)[0] <= 0.05
    assert below / 400 <= 0.08


def test_shares_of_one_sample_give_the_interval_of_single_runs() -> None:
    rng = random.Random(11)
    first, second = ([rng.random() < 0.5 for _ in range(80)] for _ in range(2))
    groups = [i // 2 for i in range(80)]
    plain = paired_difference(first, second, groups)
    shares = paired_means([float(x) for x in first], [float(x) for x in second], groups)
    assert (shares.estimate, shares.interval) == (plain.estimate, plain.interval)
    assert (shares.fixed, shares.broken, shares.n) == (plain.fixed, plain.broken, plain.n)
    assert (plain.test, shares.test) == ("exact McNemar", "Monte Carlo sign-flip permutation")


def test_fixed_and_broken_go_by_majority_and_a_tie_is_wrong() -> None:
    first, second = [0.5, 0.75, 0.25, 1.0], [0.75, 0.5, 0.5, 0.75]
    found = paired_means(first, second, list("abcd"))
    assert (found.fixed, found.broken) == (1, 1)
    assert found.estimate == pytest.approx(0.0)


@pytest.mark.parametrize(("groups", "method"), [(12, "Bonett-Price"), (40, "cluster bootstrap")])
def test_the_interval_of_a_difference_of_shares_covers(groups: int, method: str) -> None:
    rng, runs, covered = random.Random(groups), 300, 0
    for _ in range(runs):
        first, second, keys = [], [], []
        for group in range(groups):
            base = rng.random() * 0.8
            for _case in range(2):
                for side, p in ((first, base), (second, base + 0.15)):
                    side.append(sum(rng.random() < p for _ in range(5)) / 5)
                keys.append(group)
        found = paired_means(first, second, keys)
        assert found.method == method
        covered += found.interval.low <= 0.15 <= found.interval.high
    assert covered / runs >= 0.91


def test_shares_without_pairs_or_groups_are_refused() -> None:
    with pytest.raises(ValueError, match="no pairs"):
        paired_means([], [], [])
    with pytest.raises(ValueError, match="1 pairs need 1 groups"):
        paired_means([0.5], [1.0], [])
