"""The exact test over groups and Holm's adjustment: against scipy, by enumeration, by their definitions."""

import itertools
from collections import defaultdict

import numpy as np
import pytest
from scipy.stats import binomtest

from bench.stats import mcnemar_exact, sign_flip
from bench.support import group_test, holm


def _closure(values: list[float]) -> list[float]:
    """Holm as the closure of Bonferroni: a hypothesis falls if every set that holds it does."""
    m = len(values)
    sets = [s for k in range(1, m + 1) for s in itertools.combinations(range(m), k)]
    return [
        max(min(1.0, len(s) * min(values[j] for j in s)) for s in sets if i in s) for i in range(m)
    ]


def test_holm_is_the_closure_of_bonferroni() -> None:
    random = np.random.default_rng(1)
    for m in range(1, 8):
        for _ in range(20):
            values = np.round(random.beta(0.4, 2, size=m), 2).tolist()  # ties among them
            assert holm(values) == pytest.approx(_closure(values), abs=1e-12)


def test_holm_of_a_known_example() -> None:
    """R: p.adjust(c(.01, .04, .03, .005), "holm")."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_keeps_the_order_of_its_input_and_no_p_falls_or_passes_one() -> None:
    values = np.random.default_rng(2).random(30).tolist()
    found = holm(values)
    assert all(p <= q <= 1 for p, q in zip(values, found, strict=True))
    back = holm(values[::-1])[::-1]
    assert found == back
    assert holm([]) == []
    assert holm([0.2]) == [0.2]


@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_holm_refuses_what_is_no_p(p: float) -> None:
    with pytest.raises(ValueError, match="outside 0 to 1"):
        holm([0.5, p])


def test_without_shared_groups_the_group_test_is_mcnemars() -> None:
    for b, c in itertools.product(range(0, 40, 3), range(0, 40, 4)):
        changes = [1] * b + [-1] * c + [0] * 7
        found = group_test(changes, range(len(changes)))
        assert found == pytest.approx(mcnemar_exact(b, c), rel=1e-9)
        if b + c:
            assert found == pytest.approx(binomtest(b, b + c).pvalue, rel=1e-9)


def test_the_group_test_is_the_enumeration_of_all_signs() -> None:
    random = np.random.default_rng(3)
    for _ in range(40):
        n = int(random.integers(4, 30))
        changes = random.integers(-1, 2, size=n).tolist()
        groups = random.integers(0, 9, size=n).tolist()
        sums: dict[int, int] = defaultdict(int)
        for change, group in zip(changes, groups, strict=True):
            sums[group] += change
        steps = [s for s in sums.values() if s]
        every = [abs(sum(x)) for x in itertools.product(*[(s, -s) for s in steps])]
        share = sum(x >= abs(sum(steps)) for x in every) / len(every)
        assert group_test(changes, groups) == pytest.approx(share)
        assert sign_flip(changes, groups)[0] == pytest.approx(share)


def test_cases_that_change_together_count_once() -> None:
    """Ten fixed cases in two groups are no more than two fixed cases."""
    assert group_test([1] * 10, [0] * 5 + [1] * 5) == 0.5
    assert mcnemar_exact(10, 0) < 0.002


def test_the_group_test_of_thousands_neither_overflows_nor_drifts() -> None:
    changes = [1] * 2100 + [-1] * 2000
    assert group_test(changes, range(4100)) == pytest.approx(binomtest(2100, 4100).pvalue, rel=1e-9)
    assert group_test([], []) == 1.0


def test_the_group_test_keeps_its_level_where_mcnemar_does_not() -> None:
    """Groups of four that change as one, without a difference: McNemar finds one four times too often."""
    random = np.random.default_rng(4)
    ours = theirs = 0
    for _ in range(1000):
        signs = random.choice([-1, 0, 1], p=[0.1, 0.8, 0.1], size=60)
        changes = np.repeat(signs, 4).tolist()
        ours += group_test(changes, [i // 4 for i in range(240)]) < 0.05
        theirs += mcnemar_exact(changes.count(1), changes.count(-1)) < 0.05
    assert ours <= 50
    assert theirs > 150
