"""What a step is to learn: examples as they are, or one reply rather than another (DPO).

Both are weights of tokens, so that both are packed, chunked and accumulated alike.

    examples   every token weighs 1 / (tokens of the step)
    DPO        L = -log sigmoid(beta * m), m = log p(right) - log p0(right) - log p(wrong) + log p0(wrong);
               dL/d(-log p(right)) = beta * sigmoid(-beta * m) = -dL/d(-log p(wrong)): the step is scored once
               without a gradient, and its tokens then weigh +- that, over the number of pairs

Source: Rafailov et al. 2023, "Direct Preference Optimization", equation 7; the right reply's own loss beside
it as in Pang et al. 2024, "Iterative Reasoning Preference Optimization". p0 is the model before training.
"""

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch

from bench.errors import UsageError
from train.batches import Plan, forwards
from train.model import Learner
from train.packing import Item, collate
from train.recipe import Recipe

__all__ = [
    "WRONG",
    "Examples",
    "Lesson",
    "Objective",
    "PairPlan",
    "Preferences",
    "log_probs",
    "paired",
]

WRONG = "~wrong"
"""How the id of a wrong reply ends; the rest is the id of the right one."""


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """The items of a step with their weights. loss: None where it is the weighted sum itself."""

    items: list[Item]
    loss: float | None = None
    preferred: float | None = None
    margin: float | None = None


class Objective(Protocol):
    """Weights for the items of a step."""

    def lesson(self, items: Sequence[Item]) -> Lesson:
        """The items as they are to be learned now."""
        ...


class Examples:
    """Every supervised token alike: the mean loss of the step."""

    def lesson(self, items: Sequence[Item]) -> Lesson:
        """See Objective."""
        share = 1 / sum(item.supervised for item in items)
        return Lesson(items=[replace(item, weight=share) for item in items])


class Preferences:
    """DPO. reference: id -> log p0 of each reply, in nats, summed over its tokens."""

    def __init__(self, learner: Learner, recipe: Recipe, pad: int, items: Sequence[Item]) -> None:
        """Scores all items with the learner as it stands: that is the reference."""
        self._learner, self._recipe, self._pad = learner, recipe, pad
        self.reference = self._scores(items)

    def lesson(self, items: Sequence[Item]) -> Lesson:
        """See Objective. items: right and wrong in turn."""
        beta, sft = self._recipe.beta or 0.0, self._recipe.sft
        sft = 1.0 if sft is None else sft
        now = self._scores(items)
        pairs = list(zip(items[::2], items[1::2], strict=True))
        weighted: list[Item] = []
        loss = margins = won = 0.0
        for right, wrong in pairs:
            gain = now[right.id] - self.reference[right.id]
            margin = beta * (gain - (now[wrong.id] - self.reference[wrong.id]))
            push = beta * _sigmoid(-margin) / len(pairs)
            own = sft / right.supervised
            weighted.append(replace(right, weight=push + own / len(pairs)))
            weighted.append(replace(wrong, weight=-push))
            loss += (_softplus(-margin) - own * now[right.id]) / len(pairs)
            margins += margin / len(pairs)
            won += (margin > 0) / len(pairs)
        return Lesson(items=weighted, loss=loss, preferred=round(won, 4), margin=round(margins, 4))

    def _scores(self, items: Sequence[Item]) -> dict[str, float]:
        self._learner.eval()
        try:
            return log_probs(self._learner, self._recipe, self._pad, items)
        finally:
            self._learner.train()


class PairPlan(Plan):
    """The order of pairs, drawn anew each epoch: right and wrong stay together; batch_size counts both."""

    def step(self, number: int) -> list[Item]:
        """The items of a step (from 0), right and wrong in turn."""
        epoch, at = divmod(number, self.steps_per_epoch)
        pairs = sorted(range(len(self.items) // 2), key=lambda i: self._draw(epoch, "pair", i))
        half = self.recipe.batch_size // 2
        chosen = pairs[at * half : (at + 1) * half]
        return [self.items[2 * i + k] for i in chosen for k in (0, 1)]


def paired(items: Sequence[Item]) -> tuple[Item, ...]:
    """The pairs that are whole, right and wrong in turn; only their last turn is to be learned.

    Errors: UsageError where none is whole.
    """
    by_id = {item.id: item for item in items}
    found: list[Item] = []
    for item in items:
        other = by_id.get(f"{item.id}{WRONG}")
        if other is not None:
            found += [_last_turn(item), _last_turn(other)]
    if not found:
        raise UsageError("there is no pair of a right and a wrong reply to learn a preference from")
    return tuple(found)


def log_probs(
    learner: Learner, recipe: Recipe, pad: int, items: Sequence[Item]
) -> dict[str, float]:
    """id -> log p of what the item teaches, in nats, summed over its tokens; each item alone in its row."""
    device = next(learner.parameters()).device
    low = recipe.dtype == "bfloat16"
    cast: Any = torch.autocast(device.type, torch.bfloat16) if low else contextlib.nullcontext()
    found: dict[str, float] = {}
    for rows in forwards([replace(item, weight=1.0) for item in items], recipe, packed=False):
        batch = collate(rows, pad).to(device)
        with cast:
            losses = learner.losses(batch).tolist()
        at = 0
        for row in rows:
            found[row.examples[0]] = -math.fsum(losses[at : at + len(row.sources)])
            at += len(row.sources)
    return found


def _last_turn(item: Item) -> Item:
    """The item with labels on its last turn only."""
    labels = list(item.labels)
    end = max(i for i, label in enumerate(labels) if label >= 0)
    start = end
    while start > 0 and labels[start - 1] >= 0:
        start -= 1
    kept = [label if i >= start else -100 for i, label in enumerate(labels)]
    return replace(item, labels=tuple(kept))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))
