"""Laws of the plan: every example once an epoch, in an order that only seed and data decide."""

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from bench.dialects import DIALECTS, Dialogue
from bench.errors import DialectError, UsageError
from suites import select
from train import Example, example_from
from train.batches import Plan, data_hash, encode_all, forwards
from train.examples import MASKED
from train.packing import Item
from train.recipe import Recipe

GEMMA = DIALECTS["gemma"]


def _examples() -> list[Example]:
    return [example_from(case) for part in select(["smoke"]).parts for case in part.cases]


def _items(count: int, seed: int = 0) -> tuple[Item, ...]:
    """Items of five toolboxes (beginnings of 30 tokens), with endings of many lengths."""
    draw = random.Random(seed)
    heads = [[2, *(draw.randrange(9, 99) for _ in range(30))] for _ in range(5)]
    items = []
    for i in range(count):
        ids = heads[i % 5] + [draw.randrange(9, 99) for _ in range(draw.randrange(4, 20))]
        labels = [MASKED] * (len(ids) - 3) + ids[-3:]
        items.append(Item(id=f"e{i}", ids=tuple(ids), labels=tuple(labels)))
    return tuple(items)


def _plan(packed: bool = True, count: int = 50, **settings: Any) -> Plan:
    recipe = Recipe(**{"steps": 1, "batch_size": 8, **settings})
    return Plan(items=_items(count), recipe=recipe, packed=packed)


def _epoch(plan: Plan, epoch: int) -> list[str]:
    first = epoch * plan.steps_per_epoch
    return [item.id for k in range(plan.steps_per_epoch) for item in plan.step(first + k)]


@pytest.mark.parametrize("packed", [True, False])
def test_every_epoch_is_a_permutation_of_the_examples(packed: bool) -> None:
    plan = _plan(packed)
    assert plan.steps_per_epoch == 7
    orders = [_epoch(plan, epoch) for epoch in range(3)]
    assert all(Counter(order) == Counter(f"e{i}" for i in range(50)) for order in orders)
    assert len({tuple(order) for order in orders}) == 3
    assert [len(plan.step(k)) for k in range(7)] == [8] * 6 + [2]


@pytest.mark.parametrize("packed", [True, False])
def test_the_seed_decides_the_order_and_nothing_else_does(packed: bool) -> None:
    order = _epoch(_plan(packed, seed=1), 0)
    other = _plan(packed, seed=1, lr=0.5, rank=2, forward_tokens=99, row_tokens=50, chunk=3)
    random.seed(99)
    assert _epoch(other, 0) == order
    assert [i.id for i in other.step(3)] == order[24:32]  # a step alone, in whatever order asked
    assert _epoch(_plan(packed, seed=2), 0) != order


def test_examples_that_begin_alike_stay_in_one_step() -> None:
    plan = _plan(together=4)
    toolboxes = [len({item.ids[:31] for item in plan.step(k)}) for k in range(6)]
    loose = [len({item.ids[:31] for item in _plan(together=1).step(k)}) for k in range(6)]
    assert sum(toolboxes) < sum(loose)
    assert max(toolboxes) <= 4


def test_unpacked_batches_hold_examples_of_like_length() -> None:
    plan = _plan(packed=False, count=64)
    spread = [
        max(len(i.ids) for i in plan.step(k)) - min(len(i.ids) for i in plan.step(k))
        for k in range(8)
    ]
    assert max(spread) <= 6  # of 16


@pytest.mark.parametrize(("packed", "fill"), [(True, False), (True, True), (False, False)])
@pytest.mark.parametrize(
    ("forward", "row", "least"), [(300, 100, 1), (60, 60, 1), (10, 10, 1), (9999, 9999, 4)]
)
def test_forward_passes_hold_every_example_once_within_their_limits(
    packed: bool, fill: bool, forward: int, row: int, least: int
) -> None:
    items = _items(16, seed=3)
    recipe = Recipe(steps=1, forward_tokens=forward, row_tokens=row, fill=fill)
    passes = forwards(items, recipe, packed=packed, least=least)
    names = [name for rows in passes for r in rows for name in r.examples]
    assert Counter(names) == Counter(item.id for item in items)
    assert len(passes) >= least
    for rows in passes:
        width = max(len(r.ids) for r in rows)
        assert width * len(rows) <= forward or len(rows) == 1
        for r in rows:
            assert len(r.ids) <= min(row, forward) or len(r.examples) == 1
            assert packed or len(r.examples) == 1
    learned = sum(w for rows in passes for r in rows for w in r.weights)
    assert learned == sum(item.supervised for item in items)


def test_packing_computes_fewer_tokens() -> None:
    items = _items(20)
    recipe = Recipe(steps=1, row_tokens=4000, forward_tokens=4000)
    packed, plain = (
        sum(len(r.ids) for rows in forwards(items, recipe, packed=p) for r in rows)
        for p in (True, False)
    )
    assert plain > 2 * packed


def test_a_row_is_shared_only_where_that_is_worth_its_attention() -> None:
    def rows(common: int) -> int:
        head = [2] + [7] * (common - 1)
        items = [
            Item(id=str(n), ids=(*head, *[n] * 300), labels=(*[MASKED] * (common + 299), n))
            for n in (10, 11)
        ]
        recipe = Recipe(steps=1, row_tokens=4000, forward_tokens=4000)
        return sum(len(passed) for passed in forwards(items, recipe, packed=True))

    assert (rows(10), rows(300)) == (2, 1)


def test_filled_rows_make_fewer_passes_of_the_same_lessons() -> None:
    drawn = random.Random(5)
    items = [  # nothing in common but the first token
        Item(id=str(n), ids=(2, *[n] * size), labels=(*[MASKED] * size, n))
        for n, size in ((n, drawn.randint(20, 180)) for n in range(10, 50))
    ]
    recipe = Recipe(steps=1, forward_tokens=2000, row_tokens=400)
    plain, filled = (
        forwards(items, replace(recipe, fill=fill), packed=True) for fill in (False, True)
    )
    rows = [sum(len(rows) for rows in passes) for passes in (plain, filled)]
    assert rows[0] >= 35
    assert rows[1] < 15
    assert len(filled) < len(plain)
    weights = [sum(w for rows in p for r in rows for w in r.weights) for p in (plain, filled)]
    assert weights[0] == weights[1]


def test_what_cannot_be_learned_from_is_left_out_and_counted(tiny_tokenizer: Any) -> None:
    examples = _examples()
    whole = encode_all(examples, GEMMA, tiny_tokenizer, 4096)
    assert (len(whole.items), whole.too_long, whole.unsupervised) == (len(examples), 0, 0)
    middle = sorted(len(item.ids) for item in whole.items)[len(examples) // 2]
    some = encode_all(examples, GEMMA, tiny_tokenizer, middle)
    assert len(some.items) + some.too_long == len(examples)
    assert 0 < some.too_long < len(examples)
    asked = [_without_reply(examples[0]), *examples[1:]]
    assert encode_all(asked, GEMMA, tiny_tokenizer, 4096).unsupervised == 1


def test_data_without_anything_to_learn_are_refused(tiny_tokenizer: Any) -> None:
    with pytest.raises(UsageError, match="the data hold no examples"):
        encode_all([], GEMMA, tiny_tokenizer, 4096)
    asked = [_without_reply(example) for example in _examples()]
    with pytest.raises(UsageError, match=r"none of .* examples holds a turn of the model's"):
        encode_all(asked, GEMMA, tiny_tokenizer, 4096)
    with pytest.raises(UsageError, match="longer than --max-length 3"):
        encode_all(_examples(), GEMMA, tiny_tokenizer, 3)


def test_an_example_that_the_dialect_cannot_say_is_named(tiny_tokenizer: Any) -> None:
    examples = _examples()
    odd = Example(id="odd", group="odd", dialogue=Dialogue(tools=(), messages=()))
    with pytest.raises(DialectError, match="example odd: a dialogue must begin with the user"):
        encode_all([*examples, odd], GEMMA, tiny_tokenizer, 4096)


def test_the_data_hash_sees_every_change_and_the_order() -> None:
    examples = _examples()
    hashes = {data_hash(examples), data_hash(examples[::-1]), data_hash(examples[1:])}
    hashes.add(data_hash([_without_reply(examples[0]), *examples[1:]]))
    assert len(hashes) == 4
    assert data_hash(examples) == data_hash(_examples())


def _without_reply(example: Example) -> Example:
    said = example.dialogue
    first = next(i for i, m in enumerate(said.messages) if m.role == "user")
    dialogue = type(said)(tools=said.tools, messages=said.messages[: first + 1])
    return Example(id=example.id, group=example.group, dialogue=dialogue)
