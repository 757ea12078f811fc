"""Draws: as often as the shares say, never outside top_p, and each row by its own seed alone."""

from collections import Counter

import pytest
import torch

from bench.dialects import find_dialect
from bench.engines import Request
from bench.engines.draws import draws

ROWS = 20_000
SCORES = torch.tensor([2.0, -1.0, 0.5, 4.0, 3.9, -6.0, 1.0, 3.0])


def ask(seed: int, temperature: float = 1.0, top_p: float = 1.0) -> Request:
    return Request(
        id=str(seed),
        prompt="",
        dialect=find_dialect("gemma"),
        temperature=temperature,
        top_p=top_p,
        seed=seed,
    )


def drawn(requests: list[Request], steps: int = 1) -> list[list[int]]:
    """The tokens of each request's first steps, every time from SCORES."""
    processors = draws(requests)
    rows = SCORES.repeat(len(requests), 1)
    ids = torch.zeros(len(requests), 1, dtype=torch.long)
    found = [processors(ids, rows.clone()).argmax(-1).tolist() for _ in range(steps)]
    return [list(tokens) for tokens in zip(*found, strict=True)]


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (3.0, 1.0), (0.5, 1.0), (2.0, 0.8)])
def test_tokens_come_as_often_as_temperature_and_top_p_say(
    temperature: float, top_p: float
) -> None:
    """Chi-square against shares worked out by hand; the bound is six standard deviations."""
    shares = torch.softmax(SCORES.double() / temperature, -1)
    order = shares.argsort(descending=True)
    inside = order[shares[order].cumsum(0) - shares[order] < top_p].tolist()
    whole = sum(float(shares[t]) for t in inside)
    expected = {t: ROWS * float(shares[t]) / whole for t in inside}
    requests = [ask(seed, temperature, top_p) for seed in range(ROWS)]
    seen = Counter(token for (token,) in drawn(requests))
    assert set(seen) <= set(expected)
    statistic = sum((seen[t] - n) ** 2 / n for t, n in expected.items())
    freedom = len(expected) - 1
    assert statistic < freedom + 6 * (2 * freedom) ** 0.5


def test_a_row_draws_the_same_alone_and_anywhere_in_any_batch() -> None:
    requests = [ask(seed) for seed in range(40)]
    together = drawn(requests, steps=25)
    assert drawn(requests[::-1], steps=25) == together[::-1]
    for request, tokens in zip(requests, together, strict=True):
        assert drawn([request], steps=25) == [tokens]
    assert len(set(map(tuple, together))) == 40


def test_the_steps_of_a_reply_are_draws_of_their_own() -> None:
    """Of two neighbouring steps, the second repeats the first as often as chance has it."""
    shares = torch.softmax(SCORES.double(), -1)
    same = float((shares * shares).sum())
    rows = drawn([ask(seed) for seed in range(4000)], steps=2)
    seen = sum(first == second for first, second in rows) / 4000
    assert abs(seen - same) < 5 * (same * (1 - same) / 4000) ** 0.5


def test_greedy_requests_draw_nothing() -> None:
    assert len(draws([ask(1, temperature=0.0)])) == 0
