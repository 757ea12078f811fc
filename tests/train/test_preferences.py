"""DPO: the laws of its loss, its gradient and its pairs, on tiny exact models and a tiny random Gemma."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch

from adapters.weights import WEIGHTS, file_hash
from bench.dialects import Dialogue, find_dialect
from bench.engines import Completion, ScriptedEngine
from bench.errors import UsageError
from suites import Call, Message, Reply, Tool
from train.examples import MASKED, Example
from train.loop import Fitted, fit
from train.metrics import read_steps
from train.model import Learner
from train.objective import WRONG, PairPlan, Preferences, log_probs, paired
from train.packing import Item, collate, pack
from train.preferences import broken, kept_replies, own_replies, pairs_of, same
from train.recipe import Recipe

RECIPE = Recipe(base="tiny", dialect="gemma", steps=4, batch_size=4, beta=0.3, sft=0.5, chunk=3)
FAMILIES = ("gemma2", "gemma3")


def _items(seed: int = 0, pairs: int = 3) -> tuple[Item, ...]:
    """Pairs over one prompt of 9 tokens, the replies of different lengths and with a beginning in common."""
    rng = Random(seed)
    prompt = [2, *(rng.randrange(3, 64) for _ in range(8))]
    items: list[Item] = []
    for i in range(pairs):
        begin = [rng.randrange(3, 64)]
        for end, length in (("", 3 + i), (WRONG, 5 - i)):
            reply = begin + [rng.randrange(3, 64) for _ in range(length)]
            items.append(
                Item(
                    id=f"e{i}{end}",
                    ids=tuple(prompt + reply),
                    labels=tuple([MASKED] * len(prompt) + reply),
                )
            )
    return tuple(items)


def _loss_of(learner: Learner, rows: Sequence[Item]) -> torch.Tensor:
    """The weighted loss of items, one row each."""
    total = torch.zeros((), dtype=torch.float64)
    for item in rows:
        batch = collate([pack([item])], 0)
        total = total + learner(replace(batch, weights=batch.weights.double()))
    return total


def _grads(learner: Learner, loss: torch.Tensor) -> list[torch.Tensor]:
    return list(torch.autograd.grad(loss, list(learner.trained().values())))


@pytest.mark.parametrize("family", FAMILIES)
def test_at_the_start_the_loss_is_log_2_and_no_reply_is_preferred(
    exact_learners: dict[str, Learner], family: str
) -> None:
    learner, items = exact_learners[family], _items()
    recipe = replace(RECIPE, sft=0.0)
    lesson = Preferences(learner, recipe, 0, items).lesson(items)
    assert lesson.loss == pytest.approx(math.log(2), abs=1e-12)
    assert (lesson.margin, lesson.preferred) == (0.0, 0.0)


@pytest.mark.parametrize("family", FAMILIES)
def test_loss_and_gradient_are_those_of_the_formula(
    exact_learners: dict[str, Learner], family: str
) -> None:
    """Against autograd through -log sigmoid(beta * margin) + sft * mean loss, on moved weights."""
    learner, items = exact_learners[family], _items(1)
    objective = Preferences(learner, RECIPE, 0, items)
    before = {n: p.detach().clone() for n, p in learner.trained().items()}
    try:
        with torch.no_grad():
            for i, p in enumerate(learner.trained().values()):
                p.add_(0.05 * torch.sin(torch.arange(p.numel()).reshape(p.shape) + i))
        lesson = objective.lesson(items)
        found = _grads(learner, _loss_of(learner, lesson.items))
        # The oracle: losses of single items by autograd, put together as the paper writes it.
        one = {i.id: -_loss_of(learner, [replace(i, weight=1.0)]) for i in items}
        wanted = torch.zeros((), dtype=torch.float64)
        for right, wrong in zip(items[::2], items[1::2], strict=True):
            ratio = one[right.id] - objective.reference[right.id]
            ratio = ratio - (one[wrong.id] - objective.reference[wrong.id])
            wanted = wanted - torch.nn.functional.logsigmoid(0.3 * ratio) / 3
            wanted = wanted - 0.5 * one[right.id] / right.supervised / 3
        assert lesson.loss == pytest.approx(wanted.item(), rel=1e-9)
        for mine, theirs in zip(found, _grads(learner, wanted), strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-6)
    finally:
        with torch.no_grad():
            for name, p in learner.trained().items():
                p.copy_(before[name])


def test_the_formula_is_trls() -> None:
    """TRL's own sigmoid loss on the same log-probabilities (its default loss_type)."""
    trl = pytest.importorskip("trl")
    assert trl.DPOConfig.__dataclass_fields__["beta"].default == 0.1
    chosen, rejected, beta = torch.tensor([0.4, -1.2]), torch.tensor([-0.3, 0.9]), 0.1
    theirs = -torch.nn.functional.logsigmoid(beta * (chosen - rejected))
    from train.objective import _softplus

    ours = [
        _softplus(-beta * (c - r)) for c, r in zip(chosen.tolist(), rejected.tolist(), strict=True)
    ]
    torch.testing.assert_close(torch.tensor(ours), theirs, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("family", FAMILIES)
def test_packed_pairs_have_the_gradient_of_pairs_apart(
    exact_learners: dict[str, Learner], family: str
) -> None:
    learner, items = exact_learners[family], _items(2)
    lesson = Preferences(learner, RECIPE, 0, items).lesson(items)
    apart = _grads(learner, _loss_of(learner, lesson.items))
    batch = collate([pack(lesson.items)], 0)
    together = _grads(learner, learner(replace(batch, weights=batch.weights.double())))
    for one, other in zip(apart, together, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


def test_only_the_last_turn_is_learned_and_broken_pairs_are_left_out() -> None:
    two_turns = Item(id="a", ids=(2, 5, 6, 7, 8, 9), labels=(MASKED, 5, MASKED, MASKED, 8, 9))
    other = replace(two_turns, id=f"a{WRONG}", ids=(2, 5, 6, 7, 9, 9))
    alone = replace(two_turns, id="b")
    right, wrong = paired([two_turns, other, alone])
    assert right.labels == (MASKED, MASKED, MASKED, MASKED, 8, 9)
    assert wrong.id == f"a{WRONG}"
    with pytest.raises(UsageError, match="no pair"):
        paired([alone])


def test_pairs_stay_together_and_every_pair_is_seen_once_an_epoch() -> None:
    items = _items(pairs=5)
    plan = PairPlan(items=items, recipe=RECIPE, packed=True)
    assert plan.steps_per_epoch == 3
    seen = [plan.step(n) for n in range(3)]
    for step in seen:
        assert [i.id for i in step[1::2]] == [i.id + WRONG for i in step[::2]]
    assert sorted(i.id for s in seen for i in s) == sorted(i.id for i in items)


def test_scores_are_sums_of_log_probabilities(exact_learners: dict[str, Learner]) -> None:
    learner, items = exact_learners["gemma3"], _items(3)
    found = log_probs(learner, RECIPE, 0, items)
    for item in items:
        wanted = -_loss_of(learner, [item]).item()
        assert found[item.id] == pytest.approx(wanted, rel=1e-6)


# --- pairs ---------------------------------------------------------------------------------------------

TOOL = Tool(
    name="ring_bell",
    description="Ring the bell",
    parameters={
        "type": "object",
        "properties": {"times": {"type": "integer"}, "tower": {"type": "string"}},
        "required": ["times"],
    },
)


def _example(number: int, *calls: Call, text: str = "") -> Example:
    messages = (
        Message(role="user", content=f"Ring, case {number}."),
        Message(role="assistant", content=text, calls=calls),
    )
    return Example(id=f"c{number}", group="g", dialogue=Dialogue(tools=(TOOL,), messages=messages))


RING = Call(name="ring_bell", arguments={"times": 3, "tower": "north tower"})
EXAMPLES = [
    _example(0, RING),
    _example(1, RING),
    _example(2, text="I cannot do that."),
    _example(3, RING),
]
SAID = {
    "c0": '<tool_call>{"name":"ring_bell","arguments":{"tower":"north tower","times":3}}</tool_call>',
    "c1": '<tool_call>{"name":"ring_bell","arguments":{"times":4}}</tool_call>',
    "c2": '<tool_call>{"name":"ring_bell","arguments":{"times":1}}</tool_call>',
    "c3": "",
}


def _replies() -> dict[str, Completion]:
    engine = ScriptedEngine(lambda request: SAID[request.id])
    return own_replies(engine, EXAMPLES, find_dialect("gemma"))


def test_own_wrong_replies_become_pairs_and_as_many_broken_golds() -> None:
    pairs = pairs_of(EXAMPLES, _replies(), find_dialect("gemma"))
    assert (pairs.asked, pairs.right, pairs.own, pairs.unsaid) == (4, 1, 2, 1)
    assert pairs.broken == 2
    ids = [e.id for e in pairs.examples]
    assert ids[:4] == ["c1#own", f"c1#own{WRONG}", "c2#own", f"c2#own{WRONG}"]
    assert len(ids) == 8
    for right, wrong in zip(pairs.examples[::2], pairs.examples[1::2], strict=True):
        assert wrong.id == right.id + WRONG
        assert right.dialogue.messages[:-1] == wrong.dialogue.messages[:-1]
        assert right.dialogue.messages[-1] != wrong.dialogue.messages[-1]
    assert pairs.examples[1].dialogue.messages[-1].content == SAID["c1"]
    assert "2 pairs with the model's own reply" in pairs.line()


def test_replies_are_the_same_whatever_the_order_of_calls_and_arguments() -> None:
    other = Call(name="ring_bell", arguments={"tower": "north tower", "times": 3})
    gold = Message(role="assistant", calls=(RING, Call(name="ring_bell", arguments={"times": 1})))
    assert same(Reply(calls=(gold.calls[1], other)), gold)
    assert not same(Reply(calls=(other,)), gold)
    assert not same(Reply(calls=gold.calls, problems=("torn",)), gold)
    assert same(Reply(text="No."), Message(role="assistant", content="I cannot."))


def test_a_broken_gold_differs_in_one_thing_and_text_has_none() -> None:
    rng = Random(0)
    gold = Message(role="assistant", calls=(RING, Call(name="ring_bell", arguments={"times": 1})))
    dialogue = Dialogue(tools=(TOOL,), messages=(gold,))
    seen = set()
    for _ in range(60):
        fault = broken(gold, rng, dialogue)
        assert fault is not None
        assert fault.calls != gold.calls
        lost = sum(len(c.arguments) for c in gold.calls) - sum(
            len(c.arguments) for c in fault.calls
        )
        seen.add((len(fault.calls), lost))
    assert {(1, 1), (1, 2), (2, 1), (2, 0)} == seen
    assert broken(Message(role="assistant", content="No."), rng, dialogue) is None


def test_replies_are_asked_once_for_one_key(tmp_path: Path) -> None:
    file = tmp_path / "replies.json"
    asked: list[int] = []

    def ask() -> dict[str, Completion]:
        asked.append(1)
        return _replies()

    first = kept_replies(file, "a", ask)
    assert kept_replies(file, "a", ask) == first
    assert len(asked) == 1
    kept_replies(file, "b", ask)
    assert len(asked) == 2
    file.write_text("torn {", encoding="utf-8")
    assert kept_replies(file, "b", ask) == first


# --- in the loop ---------------------------------------------------------------------------------------


def _fit(models: dict[str, Path], out: Path, **more: Any) -> Fitted:
    recipe = replace(RECIPE, rank=4, alpha=8, lr=0.02, warmup=1, steps=6, sft=0.0)
    pairs = pairs_of(EXAMPLES, _replies(), find_dialect("gemma"))
    return fit(recipe, pairs.examples, models["gemma3"], out, device="cpu", **more)


def test_the_right_replies_gain_on_the_wrong_ones(
    tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    done = _fit(tiny_models, tmp_path / "dpo")
    steps = read_steps(done.folder)
    assert steps[0].loss == pytest.approx(math.log(2), rel=1e-5)
    assert steps[-1].loss < steps[0].loss
    assert steps[-1].margin is not None
    assert steps[-1].margin > 0
    assert steps[-1].preferred == 1.0
    assert done.verification.servable
    assert done.card.recipe["beta"] == 0.3


def test_a_killed_preference_training_goes_on_to_the_same_bytes(
    tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    whole = _fit(tiny_models, tmp_path / "whole")

    def kill(step: Any) -> None:
        if step.step == 3:
            raise KeyboardInterrupt

    out = tmp_path / "torn"
    with pytest.raises(KeyboardInterrupt):
        _fit(tiny_models, out, save_steps=2, on_step=kill)
    done = _fit(tiny_models, out, save_steps=2)
    assert done.resumed == 2
    assert file_hash(out / WEIGHTS) == file_hash(whole.folder / WEIGHTS)


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"beta": 0.0}, "--beta must be above 0"),
        ({"sft": 1.0, "beta": None}, "--sft belongs to preferences"),
        ({"sft": -1.0}, "--sft must be at least 0"),
        ({"dropout": 0.1}, "--dropout must be 0"),
        ({"batch_size": 3}, "--batch-size must be even"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(given: dict[str, Any], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        replace(RECIPE, **given)
