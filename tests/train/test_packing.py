"""The law of packing: loss and gradients of a packed row are those of its examples one by one."""

import random
from typing import Any

import pytest
import torch

from train.examples import MASKED
from train.model import Learner
from train.packing import Item, collate, masks, pack, packed_length, shared


def _item(name: str, ids: list[int], learned: range) -> Item:
    labels = tuple(t if i in learned else MASKED for i, t in enumerate(ids))
    return Item(id=name, ids=tuple(ids), labels=labels)


def _random(seed: int, prefix: int, branches: list[int]) -> list[Item]:
    """Items with one beginning and branches of the given lengths; the loss on the end of each."""
    draw = random.Random(seed)
    head = [2] + [draw.randrange(3, 64) for _ in range(prefix)]
    items = []
    for i, length in enumerate(branches):
        ids = head + [draw.randrange(3, 64) for _ in range(length)]
        items.append(_item(f"e{i}", ids, range(len(ids) - max(1, length // 2), len(ids))))
    return items


CASES = {
    "a long beginning, short branches": _random(1, 20, [6, 6, 7]),
    "branches of many lengths": _random(2, 12, [1, 30, 2, 17]),
    "nothing shared but the first token": _random(3, 0, [9, 14]),
    "one example": _random(4, 10, [12]),
    "all the same": _random(5, 15, [5]) * 3,
    "one is the beginning of another": [
        _item("short", [2, *range(10, 30)], range(15, 21)),
        _item("long", [2, *range(10, 40)], range(25, 31)),
    ],
    "learned where they are still together": [
        _item("a", [2, *range(10, 30), 50, 51], range(5, 23)),
        _item("b", [2, *range(10, 30), 52, 53, 54], range(5, 24)),
    ],
    "together in one, masked in the other": [
        _item("a", [2, *range(10, 30)], range(12, 21)),
        _item("b", [2, *range(10, 30), 40], range(21, 22)),
    ],
    "branches of branches": [
        _item("a", [2, *range(10, 20), *range(20, 30), 50, 51], range(21, 23)),
        _item("b", [2, *range(10, 20), *range(20, 30), 52], range(21, 22)),
        _item("c", [2, *range(10, 20), *range(30, 40)], range(18, 21)),
    ],
    "two trees": [*_random(6, 10, [4, 5]), _item("x", [3, *range(10, 25)], range(8, 16))],
}


def _losses(learner: Learner, rows: list[Any]) -> tuple[float, list[torch.Tensor]]:
    learner.zero_grad(set_to_none=True)
    total = sum(learner(collate([row], pad=0)) for row in rows)
    assert isinstance(total, torch.Tensor)
    total.backward()  # type: ignore[no-untyped-call]
    grads = [p.grad.clone() for p in learner.trained().values() if p.grad is not None]
    return total.item(), grads


@pytest.mark.parametrize("family", ["gemma2", "gemma3"])
@pytest.mark.parametrize("name", CASES)
def test_a_packed_row_has_the_loss_and_the_gradients_of_its_examples(
    exact_learners: dict[str, Learner], family: str, name: str
) -> None:
    learner, items = exact_learners[family], CASES[name]
    alone, expected = _losses(learner, [pack([item]) for item in items])
    packed, found = _losses(learner, [pack(items)])
    assert packed == pytest.approx(alone, rel=1e-6)
    assert len(found) == len(expected) == 28
    for a, b in zip(found, expected, strict=True):
        # The norms and the softmax compute in float32 whatever the weights are.
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", ["gemma2", "gemma3"])
def test_a_single_row_has_the_models_own_loss(
    exact_learners: dict[str, Learner], family: str
) -> None:
    """Against the forward of transformers with its own masks, labels and full cross-entropy."""
    learner = exact_learners[family]
    item = _random(7, 25, [14])[0]
    output = learner.model(input_ids=torch.tensor([item.ids]))
    wanted = torch.nn.functional.cross_entropy(
        output.logits[0, :-1], torch.tensor(item.labels[1:]), reduction="sum", ignore_index=MASKED
    )
    found = learner(collate([pack([item])], pad=0))
    assert found.item() == pytest.approx(wanted.item(), rel=1e-6)


@pytest.mark.parametrize("family", ["gemma2", "gemma3"])
def test_rows_of_other_lengths_beside_it_change_nothing(
    exact_learners: dict[str, Learner], family: str
) -> None:
    learner = exact_learners[family]
    rows = [pack(_random(8, 20, [6, 6])), pack(_random(9, 3, [4])), pack(_random(10, 8, [9, 2]))]
    alone, expected = _losses(learner, rows)
    learner.zero_grad(set_to_none=True)
    together = learner(collate(rows, pad=0))
    together.backward()
    assert together.item() == pytest.approx(alone, rel=1e-6)
    for p, wanted in zip(learner.trained().values(), expected, strict=True):
        assert p.grad is not None
        torch.testing.assert_close(p.grad, wanted, rtol=1e-4, atol=1e-5)


def test_a_row_holds_each_shared_token_once() -> None:
    items = CASES["branches of branches"]
    row = pack(items)
    assert len(row.ids) == packed_length(items) == 22 + 9
    assert row.examples == ("b", "a", "c")
    assert len(row.labels) == 2 + 1 + 3
    assert row.branches


def test_positions_begin_again_where_a_branch_leaves_its_beginning() -> None:
    items = [_item("a", [2, 7, 8, 10, 11, 12], range(3, 6)), _item("b", [2, 7, 8, 20], range(3, 4))]
    row = pack(items)
    assert row.ids == [2, 7, 8, 10, 11]  # the last learned token is never fed
    assert row.positions == [0, 1, 2, 3, 4]
    learned = sorted(zip(row.sources, row.labels, row.weights, strict=True))
    assert learned == [(2, 10, 1), (2, 20, 1), (3, 11, 1), (4, 12, 1)]


def test_no_token_sees_another_branch() -> None:
    items = [_item(n, [2, 7, 8, x, x + 1, x + 2], range(3, 6)) for n, x in (("a", 10), ("b", 20))]
    batch = collate([pack(items)], pad=0)
    seen = (masks(batch, None, torch.float32)["full_attention"][0, 0] == 0).int().tolist()
    assert batch.ids.tolist() == [[2, 7, 8, 10, 11, 20, 21]]
    assert seen == [
        [1, 0, 0, 0, 0, 0, 0],
        [1, 1, 0, 0, 0, 0, 0],
        [1, 1, 1, 0, 0, 0, 0],
        [1, 1, 1, 1, 0, 0, 0],
        [1, 1, 1, 1, 1, 0, 0],
        [1, 1, 1, 0, 0, 1, 0],
        [1, 1, 1, 0, 0, 1, 1],
    ]


def test_the_sliding_window_counts_positions_not_places() -> None:
    items = [_item(n, [2, 7, 8, x, x + 1, x + 2], range(3, 6)) for n, x in (("a", 10), ("b", 20))]
    batch = collate([pack(items)], pad=0)
    seen = masks(batch, 2, torch.float32)["sliding_attention"][0, 0] == 0
    assert seen[5].nonzero().flatten().tolist() == [2, 5]  # the end of the beginning, and itself
    assert seen[6].nonzero().flatten().tolist() == [5, 6]


def test_the_same_example_twice_weighs_twice() -> None:
    item = _random(11, 5, [6])[0]
    once, twice = pack([item]), pack([item, item])
    assert twice.ids == once.ids
    assert twice.weights == [2 * w for w in once.weights]


@pytest.mark.parametrize("seed", range(20))
def test_shared_finds_the_first_difference(seed: int) -> None:
    draw = random.Random(seed)
    a = [draw.randrange(2) for _ in range(draw.randrange(40))]
    b = a[: draw.randrange(len(a) + 1)] + [draw.randrange(2) for _ in range(draw.randrange(5))]
    slow = next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
    assert shared(a, b) == shared(b, a) == slow
