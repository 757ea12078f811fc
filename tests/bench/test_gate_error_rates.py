"""How often the intervals cover and the gate errs, by simulation with a seeded generator."""

from collections.abc import Sequence

import numpy as np
import pytest

from bench.gate import Rules, gate
from bench.stats import paired_difference
from bench.store import Run
from tests.made_runs import CANDIDATE, Row, made_record, made_run, rows

Bools = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def _clustered(
    random: np.random.Generator, groups: int, size: int, fixed: float, broken: float
) -> tuple[Bools, Bools]:
    """Verdicts of two runs: with a chance of 0.7 a case shares the fate of its group."""
    own = random.random((groups, size))
    fate = np.where(random.random((groups, size)) < 0.7, random.random((groups, 1)), own).ravel()
    first = np.where(fate < fixed + broken, fate >= fixed, random.random(groups * size) < 0.5)
    second = np.where(fate < fixed + broken, fate < fixed, first)
    return first, second


@pytest.mark.parametrize(("groups", "size"), [(30, 4), (60, 2)])
def test_the_bootstrap_interval_of_a_difference_covers_as_it_says(groups: int, size: int) -> None:
    """From the 30 groups on that paired_difference asks for; 2,000 sets in each of two shapes."""
    random = np.random.default_rng(20261126 + groups)
    keys = np.repeat(np.arange(groups), size).tolist()
    covered = used = 0
    while used < 2000:
        first, second = _clustered(random, groups, size, 0.25, 0.15)
        found = paired_difference(first.tolist(), second.tolist(), keys, seed=used)
        if found.method == "cluster bootstrap":
            used += 1
            covered += found.interval.low <= 0.25 - 0.15 <= found.interval.high
    assert 0.93 <= covered / used <= 0.97


def _runs(cases: Sequence[Row], first: Bools, second: Bools) -> tuple[Run, Run]:
    a = [made_record(row, bool(x)) for row, x in zip(cases, first, strict=True)]
    b = [made_record(row, bool(x)) for row, x in zip(cases, second, strict=True)]
    return made_run(a), made_run(b, **CANDIDATE)


def test_without_a_change_the_gate_fails_in_at_most_one_of_twenty_comparisons() -> None:
    """1,000 comparisons of 240 cases: two suites, one with two categories, groups of six that change as one,
    20 % discordant, no tolerance: whatever fails is chance."""
    cases = rows("call", 120, size=6, categories=("a", "b")) + rows("output", 120, size=6)
    random = np.random.default_rng(5)
    failed = 0
    for _ in range(1000):
        first, second = _clustered(random, 40, 6, 0.1, 0.1)
        failed += gate(*_runs(cases, first, second), Rules(tolerance=0)).status == "failed"
    assert failed <= 50
    assert failed > 0, "a gate that never errs is asleep"


def test_a_true_fall_of_eight_points_on_400_cases_fails_four_times_in_five() -> None:
    """20 % discordant (14 % break, 6 % are fixed), groups of two, tolerance and levels as they are given."""
    cases = rows("call", 400, size=2, categories=("a", "b"))
    random = np.random.default_rng(6)
    failed = 0
    for _ in range(100):
        fate = random.random(400)
        first = np.where(fate < 0.2, fate >= 0.06, random.random(400) < 0.6)
        second = np.where(fate < 0.2, fate < 0.06, first)
        failed += gate(*_runs(cases, first, second)).status == "failed"
    assert failed >= 80


def test_a_true_fall_of_one_point_is_within_the_tolerance() -> None:
    """1,500 cases, 1 % break and none is fixed: clearly supported, and not worth a failure."""
    cases = rows("call", 1500)
    random = np.random.default_rng(7)
    for _ in range(5):
        first = np.ones(1500, dtype=bool)
        second = random.random(1500) >= 0.01
        found = gate(*_runs(cases, first, second))
        assert (found.comparison.lines[0].verdict, found.status) == ("worse", "passed")
