"""Rows of tokens in which examples share their common beginnings: one prefix tree laid out in a line.

Examples of one toolbox begin with the same hundreds of tokens. In a row every token stands once under its
own past: the tree's nodes are written depth first, each token takes the position that it has in its example,
and attends to its ancestors only. Loss and gradients are those of the examples one by one.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from train.examples import MASKED

__all__ = ["Batch", "Item", "Row", "collate", "masks", "pack", "packed_length", "shared"]


@dataclass(frozen=True, kw_only=True)
class Item:
    """An encoded example: its id, token ids and labels (the id itself, or MASKED), both of its length.

    weight: of each token that is learned; below 0, the model learns not to say it.
    """

    id: str
    ids: tuple[int, ...]
    labels: tuple[int, ...]
    weight: float = 1.0

    @property
    def supervised(self) -> int:
        """Number of tokens that are learned. The first token has no past to be told from."""
        return sum(label != MASKED for label in self.labels[1:])

    @property
    def inputs(self) -> tuple[int, ...]:
        """The ids that are fed: all before the last that is learned. What comes after teaches nothing."""
        last = max((i for i, label in enumerate(self.labels) if label != MASKED), default=0)
        return self.ids[:last]


@dataclass(frozen=True, kw_only=True)
class Row:
    """T tokens and S things to learn.

    ids, positions: [T]; until: [T], the place after the last descendant of each token, so that token i
    attends to j if and only if j <= i < until[j]. sources: [S], the place from which labels [S] are told,
    weights [S]: summed over the examples that learn it. examples: the ids of the examples in the row.
    """

    ids: list[int]
    positions: list[int]
    until: list[int]
    sources: list[int]
    labels: list[int]
    weights: list[float]
    examples: tuple[str, ...]

    @property
    def branches(self) -> bool:
        """True unless the row is one plain sequence."""
        return len(self.examples) > 1


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Rows padded to one width T. ids, positions, until: int64 [B, T]; lengths: int64 [B].

    sources: int64 [S], places in the flattened [B * T]; labels: int64 [S]; weights: float32 [S].
    """

    ids: Tensor
    positions: Tensor
    until: Tensor
    lengths: Tensor
    sources: Tensor
    labels: Tensor
    weights: Tensor

    def to(self, device: torch.device | str) -> "Batch":
        """The same on another device."""
        return Batch(**{name: value.to(device) for name, value in vars(self).items()})


def shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences begin with together."""
    length = min(len(one), len(other))
    if one[:length] == other[:length]:
        return length
    low, high = 0, length  # one[:low] is shared, one[:high] is not
    while high - low > 1:
        middle = (low + high) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle
    return low


def packed_length(items: Sequence[Item]) -> int:
    """The length of the row that `pack` makes of these."""
    inputs = sorted(item.inputs for item in items)
    pairs = itertools.pairwise(inputs)
    return len(inputs[0]) + sum(len(b) - shared(a, b) for a, b in pairs)


def pack(items: Sequence[Item]) -> Row:
    """One row of one or more items; items that begin alike share those tokens.

    Two items that learn the same token from the same past make one thing to learn, of the sum of their
    weights.
    """
    ids: list[int] = []
    positions: list[int] = []
    until: list[int] = []
    learned: dict[tuple[int, int], float] = {}
    path: list[int] = []  # places in the row of the last item's tokens
    before: tuple[int, ...] = ()
    ordered = sorted(items, key=lambda item: (item.inputs, item.ids, item.id))
    for item in ordered:
        inputs = item.inputs
        common = shared(before, inputs)
        for place in path[common:]:
            until[place] = len(ids)
        del path[common:]
        for position in range(common, len(inputs)):
            path.append(len(ids))
            ids.append(inputs[position])
            positions.append(position)
            until.append(0)
        for i, label in enumerate(item.labels[1:], start=1):
            if label != MASKED:
                key = (path[i - 1], label)
                learned[key] = learned.get(key, 0.0) + item.weight
        before = inputs
    for place in path:
        until[place] = len(ids)
    return Row(
        ids=ids,
        positions=positions,
        until=until,
        sources=[place for place, _ in learned],
        labels=[label for _, label in learned],
        weights=list(learned.values()),
        examples=tuple(item.id for item in ordered),
    )


def collate(rows: Sequence[Row], pad: int) -> Batch:
    """The rows, padded on the right with `pad`. A padding token attends to itself and nobody to it."""
    width = max(len(row.ids) for row in rows)
    ids = torch.full((len(rows), width), pad)
    positions = torch.zeros((len(rows), width), dtype=torch.int64)
    until = torch.arange(1, width + 1).repeat(len(rows), 1)
    sources: list[int] = []
    for i, row in enumerate(rows):
        length = len(row.ids)
        ids[i, :length] = torch.tensor(row.ids)
        positions[i, :length] = torch.tensor(row.positions)
        until[i, :length] = torch.tensor(row.until)
        sources += [i * width + source for source in row.sources]
    return Batch(
        ids=ids,
        positions=positions,
        until=until,
        lengths=torch.tensor([len(row.ids) for row in rows]),
        sources=torch.tensor(sources, dtype=torch.int64),
        labels=torch.tensor([label for row in rows for label in row.labels], dtype=torch.int64),
        weights=torch.tensor([w for row in rows for w in row.weights], dtype=torch.float32),
    )


def masks(batch: Batch, window: int | None, dtype: torch.dtype) -> dict[str, Tensor]:
    """Additive masks [B, 1, T, T] by kind of layer, as Gemma 2 and 3 take them (transformers 5).

    window: the sliding layers see tokens of a distance in *position* below it; places in the row say
    nothing about distance.
    """
    width = batch.ids.shape[1]
    place = torch.arange(width, device=batch.ids.device)
    query, key = place[:, None], place[None, :]
    seen = (key <= query) & (query < batch.until[:, None, :])
    found = {"full_attention": _additive(seen, dtype)}
    if window is not None and int(batch.positions.max()) >= window:
        near = batch.positions[:, :, None] - batch.positions[:, None, :] < window
        found["sliding_attention"] = _additive(seen & near, dtype)
    else:
        found["sliding_attention"] = found["full_attention"]
    return found


def _additive(seen: Tensor, dtype: torch.dtype) -> Any:
    least = torch.finfo(dtype).min
    return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill(~seen, least)[
        :, None
    ]
