"""Sampling in which every reply has its own random numbers, whatever else is in the batch."""

import random
from collections.abc import Sequence
from typing import Any

import torch
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopPLogitsWarper,
)

from bench.engines.base import Request

__all__ = ["draws"]


def draws(requests: Sequence[Request]) -> LogitsProcessorList:
    """What turns the greedy choice of a batch into a sampled one; empty where temperature is 0.

    The requests share temperature and top_p. Scores are of the shape (requests, vocabulary).
    """
    first = requests[0]
    found = LogitsProcessorList()
    if first.temperature > 0:
        found.append(TemperatureLogitsWarper(first.temperature))
        if first.top_p < 1:
            found.append(TopPLogitsWarper(first.top_p))
        found.append(_Draw(requests))
    return found


class _Draw(LogitsProcessor):  # type: ignore[misc]
    """Leaves each row the one token that its request's seed draws."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self._chances = [random.Random(r.seed) for r in requests]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> Any:
        del input_ids
        exact = torch.float32 if scores.device.type == "mps" else torch.float64
        shares = torch.softmax(scores, dim=-1).cumsum(dim=-1, dtype=exact)
        drawn = [[c.random()] for c in self._chances]
        level = torch.tensor(drawn, dtype=exact, device=scores.device) * shares[:, -1:]
        tokens = torch.searchsorted(shares, level, right=True).clamp(max=scores.shape[-1] - 1)
        return torch.full_like(scores, -torch.inf).scatter_(-1, tokens, 0.0)
