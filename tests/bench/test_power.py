"""The minimum detectable effect: the published table, its equation, and simulated comparisons."""

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from bench.power import DISCORDANT, FEWEST_DISCORDANT, detectable
from bench.stats import mcnemar_exact

TABLE = {
    16: (None, None, None),
    24: (None, None, None),
    50: (None, None, 17.3),
    100: (None, 8.8, 12.4),
    200: (4.4, 6.2, 8.8),
    258: (3.9, 5.5, 7.8),
    400: (3.1, 4.4, 6.2),
    884: (2.1, 3.0, 4.2),
    1053: (1.9, 2.7, 3.9),
    2351: (1.3, 1.8, 2.6),
}
"""Points for 5, 10 and 20 % discordant pairs."""


@pytest.mark.parametrize("n", TABLE)
def test_the_table(n: int) -> None:
    for share, expected in zip(DISCORDANT, TABLE[n], strict=True):
        found = detectable(n, share)
        assert (None if found is None else round(100 * found, 1)) == expected


def test_it_solves_its_equation() -> None:
    for n in (60, 150, 378, 1184, 9000):
        for p in (0.08, 0.15, 0.3, 0.6, 1.0):
            for power in (0.5, 0.8, 0.95):
                a, b = norm.ppf(0.975) * math.sqrt(p), norm.ppf(power)

                def short(d: float, n: int = n, p: float = p, a: float = a, b: float = b) -> float:
                    return d * math.sqrt(n) - a - b * math.sqrt(max(0.0, p - d * d))

                found = detectable(n, p, power=power)
                if n * p < FEWEST_DISCORDANT:
                    assert found is None
                elif short(p) < 0:
                    assert found == p
                else:
                    assert found == pytest.approx(brentq(short, 0, p), abs=1e-9)


def test_the_floor_is_that_of_the_exact_test() -> None:
    assert mcnemar_exact(FEWEST_DISCORDANT, 0) < 0.05 < mcnemar_exact(FEWEST_DISCORDANT - 1, 0)
    assert detectable(119, 0.05) is None
    assert detectable(120, 0.05) == 0.05
    assert detectable(0, 0.2) is None
    assert detectable(100, 0.0) is None


def test_a_design_effect_takes_pairs_away() -> None:
    assert detectable(400, 0.2, deff=2) == detectable(200, 0.2)
    assert detectable(400, 0.05, deff=4) is None
    found = [detectable(n, 0.1) for n in (100, 200, 400, 800)]
    assert found == sorted((x for x in found if x is not None), reverse=True)


@pytest.mark.parametrize(
    ("n", "share", "deff"), [(-1, 0.1, 1), (9, 1.1, 1), (9, -0.1, 1), (9, 0.1, 0.9)]
)
def test_what_is_no_comparison_is_refused(n: float, share: float, deff: float) -> None:
    with pytest.raises(ValueError, match="no such comparison"):
        detectable(n, share, deff=deff)


@pytest.mark.parametrize(("n", "share"), [(200, 0.2), (400, 0.1), (1184, 0.05)])
def test_such_a_difference_is_found_about_four_times_in_five(n: int, share: float) -> None:
    """By the exact test, which is a little more cautious than the approximation."""
    found = detectable(n, share)
    assert found is not None
    random = np.random.default_rng(n)
    shares = [(share + found) / 2, (share - found) / 2, 1 - share]
    drawn = random.multinomial(n, shares, size=2000)
    hits = sum(mcnemar_exact(int(b), int(c)) < 0.05 for b, c, _ in drawn)
    assert 0.72 < hits / 2000 < 0.84
