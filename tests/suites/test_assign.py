"""Optimal assignment against scipy's, an independent implementation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from suites.assign import assign

COSTS = st.integers(0, 1100) | st.sampled_from([0, 10, 11, 1000])


def _matrices(rows: st.SearchStrategy[int], columns: st.SearchStrategy[int]) -> st.SearchStrategy:
    sizes = st.tuples(rows, columns)
    return sizes.flatmap(
        lambda s: st.lists(
            st.lists(COSTS, min_size=s[1], max_size=s[1]), min_size=s[0], max_size=s[0]
        )
    )


@given(_matrices(st.integers(1, 7), st.integers(1, 7)))
def test_cost_is_the_least_possible_and_each_column_is_used_once(cost: list[list[float]]) -> None:
    chosen = assign(cost)
    pairs = [(i, j) for i, j in enumerate(chosen) if j is not None]
    assert len(chosen) == len(cost)
    assert len({j for _, j in pairs}) == len(pairs) == min(len(cost), len(cost[0]))
    rows, columns = linear_sum_assignment(np.array(cost))
    assert sum(cost[i][j] for i, j in pairs) == np.array(cost)[rows, columns].sum()


@given(_matrices(st.just(6), st.just(6)))
def test_fractions_and_negative_costs_are_assigned_at_least_cost(cost: list[list[float]]) -> None:
    cost = [[c / 8 - 40 for c in row] for row in cost]
    rows, columns = linear_sum_assignment(np.array(cost))
    total = sum(cost[i][j] for i, j in enumerate(assign(cost)) if j is not None)
    assert total == pytest.approx(np.array(cost)[rows, columns].sum())


@pytest.mark.parametrize(
    ("cost", "expected"),
    [
        ([], []),
        ([[5]], [0]),
        ([[0, 0], [0, 9]], [1, 0]),
        ([[1], [0], [2]], [None, 0, None]),
        ([[3, 0, 2]], [1]),
        ([[], []], [None, None]),
    ],
)
def test_small_matrices_are_assigned_as_by_hand(
    cost: list[list[float]], expected: list[int | None]
) -> None:
    assert assign(cost) == expected


def test_a_hundred_calls_are_assigned() -> None:
    size = 100
    cost = [[float((i * 37 + j * 61) % 101) for j in range(size)] for i in range(size)]
    rows, columns = linear_sum_assignment(np.array(cost))
    total = sum(cost[i][j] for i, j in enumerate(assign(cost)) if j is not None)
    assert total == np.array(cost)[rows, columns].sum()
