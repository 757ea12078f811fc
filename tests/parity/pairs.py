"""All groups of pairs, made from one seed; what bfcl-eval says about them is in expectations.json.xz."""

from collections.abc import Callable, Iterator
from pathlib import Path

from tests.parity.calls import CHECK_GROUPS, Pair
from tests.parity.hand import HAND
from tests.parity.rng import Rng
from tests.parity.texts import DECODE_GROUPS, TEXT_GROUPS
from tests.parity.typed import TYPED_GROUPS

__all__ = ["EXPECTATIONS", "GROUPS", "SEED", "Pair", "pairs"]

SEED = "callbench parity 1"
EXPECTATIONS = Path(__file__).with_name("expectations.json.xz")
_MADE: dict[str, tuple[Callable[[Rng], Pair], int]] = {
    **CHECK_GROUPS,
    **TYPED_GROUPS,
    **DECODE_GROUPS,
    **TEXT_GROUPS,
}
GROUPS = ("hand-made", *_MADE)


def pairs(group: str) -> Iterator[Pair]:
    """The pairs of a group, always the same ones in the same order."""
    if group == "hand-made":
        yield from HAND
        return
    make, count = _MADE[group]
    for index in range(count):
        yield make(Rng(f"{SEED}/{group}/{index}"))
