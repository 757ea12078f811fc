"""What is learned in which step: encoded examples, their order, and the forward passes of each step.

All of it follows from the recipe and the data: neither the machine nor the number of processes nor a resume
has a say. A step is a pure function of its number.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from bench.dialects import Dialect
from bench.errors import DialectError, UsageError
from train.examples import Example, encode
from train.packing import Item, Row, pack, packed_length, shared
from train.recipe import FORWARD_TOKENS, Recipe

__all__ = ["Encodings", "Plan", "data_hash", "encode_all", "forwards"]

_BALANCE = 1500
"""The length in tokens of a row whose attention costs as much as its linear layers. Gemma 3 270M: 2,700 by
the count of operations; on a CPU masked attention is half as efficient as a matrix product."""
_PADDING = 8


@dataclass(frozen=True, kw_only=True)
class Encodings:
    """The examples as tokens, and how many were left out: too long, or without a word of the model's."""

    items: tuple[Item, ...]
    too_long: int = 0
    unsupervised: int = 0

    @property
    def supervised(self) -> int:
        """Tokens that are learned in one pass over all."""
        return sum(item.supervised for item in self.items)


def encode_all(
    examples: Iterable[Example], dialect: Dialect, tokenizer: Any, max_length: int
) -> Encodings:
    """Every example that can be learned from.

    Errors: UsageError if there is none, DialectError with the id of one that the dialect cannot say.
    """
    items: list[Item] = []
    given = too_long = unsupervised = 0
    for example in examples:
        given += 1
        try:
            encoded = encode(example, dialect, tokenizer)
        except DialectError as error:
            raise DialectError(f"example {example.id}: {error}") from None
        item = Item(id=example.id, ids=tuple(encoded.input_ids), labels=tuple(encoded.labels))
        if len(item.ids) > max_length:
            too_long += 1
        elif not item.supervised:
            unsupervised += 1
        else:
            items.append(item)
    if not given:
        raise UsageError("there is nothing to train on: the data hold no examples")
    if not items and too_long:
        raise UsageError(
            f"none of {given} examples can be used: {too_long} are longer than --max-length "
            f"{max_length}, {unsupervised} hold no turn of the model's"
        )
    if not items:
        raise UsageError(
            f"none of {given} examples holds a turn of the model's: there is nothing to learn"
        )
    return Encodings(items=tuple(items), too_long=too_long, unsupervised=unsupervised)


def data_hash(examples: Iterable[Example]) -> str:
    """sha256 (hex) of the examples in their order: ids, tools and messages."""
    digest = hashlib.sha256()
    for example in examples:
        said = example.dialogue
        parts = [part.model_dump(mode="json") for part in (*said.tools, *said.messages)]
        digest.update(json.dumps([example.id, len(said.tools), parts]).encode() + b"\n")
    return digest.hexdigest()


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The order of the examples. packed: shared beginnings are computed once (see train.packing)."""

    items: tuple[Item, ...]
    recipe: Recipe
    packed: bool
    _epoch: Callable[[int], list[int]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        order = self._by_prefix if self.packed else self._by_length
        object.__setattr__(self, "_epoch", lru_cache(maxsize=2)(order))

    @property
    def steps_per_epoch(self) -> int:
        """Steps in which every example is seen once; the last one may be smaller."""
        return -(-len(self.items) // self.recipe.batch_size)

    def step(self, number: int) -> list[Item]:
        """The examples of a step (from 0)."""
        epoch, at = divmod(number, self.steps_per_epoch)
        size = self.recipe.batch_size
        return [self.items[i] for i in self._epoch(epoch)[at * size : (at + 1) * size]]

    def rows(self, number: int, processes: int = 1) -> list[list[Row]]:
        """The forward passes of a step, each a list of rows; at least one for each process, if it can."""
        return forwards(self.step(number), self.recipe, packed=self.packed, least=processes)

    def _by_prefix(self, epoch: int) -> list[int]:
        """Examples that begin alike in small groups, the groups in random order."""
        inputs = [item.inputs for item in self.items]
        tie = [self._draw(epoch, "tie", i) for i in range(len(inputs))]
        # Within the same beginning (half of the example) the draw decides who stands together.
        heads = sorted(range(len(inputs)), key=lambda i: inputs[i])
        families: list[list[int]] = []
        for i in heads:
            first = inputs[families[-1][0]] if families else ()
            if families and 2 * shared(first, inputs[i]) >= len(inputs[i]):
                families[-1].append(i)
            else:
                families.append([i])
        size = self.recipe.together
        groups: list[list[int]] = []
        for family in families:
            drawn = sorted(family, key=lambda i: tie[i])
            groups += [drawn[at : at + size] for at in range(0, len(drawn), size)]
        groups.sort(key=lambda group: self._draw(epoch, "group", group[0]))
        return [i for group in groups for i in group]

    def _by_length(self, epoch: int) -> list[int]:
        """Random order, then examples of like length together, batch by batch, within windows."""
        size = self.recipe.batch_size
        order = sorted(range(len(self.items)), key=lambda i: self._draw(epoch, "tie", i))
        found: list[int] = []
        for at in range(0, len(order), 8 * size):
            window = sorted(order[at : at + 8 * size], key=lambda i: len(self.items[i].ids))
            batches = [window[b : b + size] for b in range(0, len(window), size)]
            last = [batches.pop()] if len(batches[-1]) < size else []
            batches.sort(key=lambda batch: self._draw(epoch, "group", batch[0]))
            found += [i for batch in batches + last for i in batch]
        return found

    def _draw(self, epoch: int, what: str, index: int) -> bytes:
        return hashlib.sha256(f"{self.recipe.seed}:{epoch}:{what}:{index}".encode()).digest()


def forwards(
    items: Sequence[Item], recipe: Recipe, *, packed: bool, least: int = 1
) -> list[list[Row]]:
    """The items as forward passes of at most recipe.forward_tokens tokens, padding included.

    A row that is longer by itself is a pass of its own. least: make at least so many, if the items are
    enough. Rows of like length go together; at most an eighth of a pass is padding, a third where rows are
    filled.
    """
    ordered = sorted(items, key=lambda item: (item.inputs, item.id))
    total = packed_length(ordered) if packed else sum(len(item.inputs) for item in ordered)
    most = recipe.forward_tokens or FORWARD_TOKENS
    if least > 1:
        most = min(most, -(-total // least))
    longest = min(recipe.row_tokens, most)
    groups = _rows(ordered, longest if packed else 0)
    rows = [
        pack(group) for group in (_filled(groups, longest) if packed and recipe.fill else groups)
    ]
    rows.sort(key=lambda row: (-len(row.ids), row.examples))
    passes: list[list[Row]] = []
    padding = 2 if recipe.fill else _PADDING
    for row in rows:
        last = passes[-1] if passes else []
        width = len(last[0].ids) * (len(last) + 1) if last else 0
        held = sum(len(r.ids) for r in last) + len(row.ids)
        if last and width <= most and width - held <= held // padding:
            last.append(row)
        else:
            passes.append([row])
    return passes


def _filled(groups: Sequence[list[Item]], longest: int) -> list[list[Item]]:
    """Whole groups together in as few rows as first fit, the longest first, finds."""
    rows: list[list[Item]] = []
    room: list[int] = []
    sized = sorted(((packed_length(group), group) for group in groups), key=lambda g: -g[0])
    for length, group in sized:
        place = next((i for i, free in enumerate(room) if length <= free), len(rows))
        if place == len(rows):
            rows.append([])
            room.append(longest)
        rows[place] += group
        room[place] -= length
    return rows


def _rows(ordered: Sequence[Item], longest: int) -> list[list[Item]]:
    """Neighbours in the tree together, while their row stays within `longest`; 0: every item alone."""
    groups: list[list[Item]] = []
    length = 0
    for item in ordered:
        own = len(item.inputs)
        common = shared(groups[-1][-1].inputs, item.inputs) if groups else 0
        joined = length + own - common
        # A row's attention costs its square; what is shared must be worth it.
        dearer = joined * joined - length * length - own * own
        if groups and joined <= longest and dearer <= common * _BALANCE:
            groups[-1].append(item)
            length = joined
        else:
            groups.append([item])
            length = own
    return groups
