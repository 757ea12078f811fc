"""Seeded choices that are the same on every Python version, and an exact text form of any pair.

Only `random.random()` is promised to be reproducible across versions, so everything is built on it.
"""

import random
from collections.abc import Sequence
from typing import Any, TypeVar

__all__ = ["Rng", "encode"]

T = TypeVar("T")


class Rng:
    """A stream of choices that a seed determines."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(int.from_bytes(seed.encode(), "big"))

    def chance(self, share: float) -> bool:
        return self._random.random() < share

    def below(self, n: int) -> int:
        return int(self._random.random() * n)

    def pick(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        left, found = list(items), []
        while left:
            found.append(left.pop(self.below(len(left))))
        return found

    def some(self, items: Sequence[T], least: int = 0) -> list[T]:
        """A random part of the items in their order, at least `least` of them."""
        count = least + self.below(len(items) - least + 1)
        chosen = set(self.shuffled(range(len(items)))[:count])
        return [item for i, item in enumerate(items) if i in chosen]


def encode(value: Any) -> str:
    """A text that differs for values of different type or content (huge numbers included)."""
    if isinstance(value, bool) or value is None or isinstance(value, str | float | bytes | complex):
        return repr(value)
    if isinstance(value, int):
        return hex(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{encode(k)}:{encode(v)}" for k, v in value.items()) + "}"
    left, right = "()" if isinstance(value, tuple) else "[]"
    return left + ",".join(encode(item) for item in value) + right
