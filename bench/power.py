"""What a comparison can find at all: the smallest difference that n paired cases detect."""

import math
from statistics import NormalDist

__all__ = ["DISCORDANT", "FEWEST_DISCORDANT", "detectable"]

DISCORDANT = (0.05, 0.1, 0.2)
"""The shares of pairs with two verdicts for which a forecast is made."""

FEWEST_DISCORDANT = 6
"""Below six pairs with two verdicts no exact McNemar test reaches .05: 2 / 2^6 = .031, 2 / 2^5 = .0625."""


def detectable(
    n: float, discordant: float, *, deff: float = 1.0, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """The minimum detectable difference (0 to 1) of two paired pass rates, or None if there is none.

    n: pairs; discordant: share of pairs with two verdicts; deff: design effect of cases that change together
    (n counts as n / deff). The smallest d with d * sqrt(n) >= z_a * sqrt(p) + z_b * sqrt(p - d^2), McNemar's
    test in its normal approximation (Connor 1987), two-sided, capped at p (all changes one way: there the
    power may fall short); None where fewer than six discordant pairs are to be expected. Errors: ValueError
    for n below 0, deff below 1 or a share outside 0 to 1.
    """
    if n < 0 or deff < 1 or not 0 <= discordant <= 1:
        raise ValueError(f"{n} pairs, design effect {deff}, share {discordant}: no such comparison")
    size = n / deff
    if size * discordant < FEWEST_DISCORDANT - 1e-9:
        return None
    z_a, z_b = NormalDist().inv_cdf(1 - alpha / 2), NormalDist().inv_cdf(power)
    # d * sqrt(n) - a = b * sqrt(p - d^2), squared, is a quadratic in d; this is its larger root.
    a, b = z_a * math.sqrt(discordant), z_b
    inside = size * discordant - a * a + b * b * discordant
    found = (a * math.sqrt(size) + b * math.sqrt(max(0.0, inside))) / (size + b * b)
    return min(found, discordant)
