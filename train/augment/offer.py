"""Which tools a case offers: close neighbours of the wanted ones, others, and in what order."""

from collections.abc import Collection, Sequence
from random import Random

from suites.model import Tool
from train.toolboxes import Library, TrainTool

__all__ = ["offered"]

_SIZES = (1, 1, 2, 2, 3, 3, 4, 4, 5, 6, 6, 8, 10, 12)


def offered(
    rng: Random,
    library: Library,
    wanted: Sequence[TrainTool],
    *,
    near: float = 0.6,
    size: int | None = None,
    without: Collection[str] = (),
    domain: str | None = None,
) -> tuple[Tool, ...]:
    """The wanted tools among others, in random order.

    near: how often a place goes to a tool of the same domain (the hardest to tell apart); size: number of
    tools, drawn from 1 to 12 where None; without: tools that must not be offered; domain: whose neighbours
    are near, where no tool is wanted.
    """
    chosen = {t.name: t for t in wanted}
    size = max(rng.choice(_SIZES) if size is None else size, len(chosen), 0 if wanted else 1)
    home = wanted[0].domain if wanted else domain
    close = [t for t in library.by_domain[home].tools if t.name not in without] if home else []
    rng.shuffle(close)
    while len(chosen) < size:
        left = [t for t in close if t.name not in chosen]
        other = left[0] if left and rng.random() < near else rng.choice(library.tools)
        if other.name not in without and (other.domain != home or other in close):
            chosen[other.name] = other
    found = [t.tool for t in chosen.values()]
    rng.shuffle(found)
    return tuple(found)
