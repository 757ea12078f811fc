"""When a candidate is promoted and what its card then says, on made runs; and what is never improved on."""

import shutil
from pathlib import Path

import pytest

from adapters import find_adapter
from adapters.card import BaseRef, load_card, new_card, save_card
from bench.errors import UsageError
from bench.gate import gate
from bench.runner import Chosen
from bench.store import Run
from tests.made_runs import CANDIDATE, lost_record, made_run, rows, two_runs, verdict_run
from train.improve import (
    Decision,
    Improvement,
    decide,
    improve,
    measured,
    open_sealed,
    settle,
)
from train.recipe import Recipe

CALL, OUTPUT = rows("call", 200, categories=("direct", "negated")), rows("output", 200)
MANY = CALL[:40]


def _decision(first: Run, second: Run) -> Decision:
    return decide([gate(first, second)])


def test_what_is_better_as_a_whole_and_passes_the_gate_is_promoted() -> None:
    found = _decision(*two_runs(CALL + OUTPUT, fixed=MANY))
    assert (found.state, found.told) == ("promoted", True)
    assert found.reason.startswith("better than base (+10.0 points [")
    assert found.reason.endswith("on 400 cases)")


def test_what_may_be_chance_is_rejected_and_ends_the_rounds() -> None:
    found = _decision(*two_runs(CALL[:20], fixed=CALL[:2]))
    assert (found.state, found.told) == ("rejected", False)
    assert "cannot tell against base (+10.0 points" in found.reason


def test_what_is_the_same_is_rejected_and_ends_the_rounds() -> None:
    found = _decision(*two_runs(CALL + OUTPUT))
    assert (found.state, found.told) == ("rejected", False)
    assert "no worse than 2 against base" in found.reason


def test_a_supported_fall_of_one_suite_rejects_what_is_better_as_a_whole() -> None:
    found = _decision(*two_runs(CALL + OUTPUT, broken=OUTPUT[:20], fixed=CALL[:120]))
    assert (found.state, found.told) == ("rejected", True)
    assert found.reason == "fell on output against base"


def test_what_is_worse_is_rejected_and_the_next_round_may_try() -> None:
    found = _decision(*two_runs(CALL + OUTPUT, broken=MANY))
    assert (found.state, found.told) == ("rejected", True)
    assert found.reason.startswith("fell on all, call")


def test_both_the_base_and_the_champion_must_be_beaten() -> None:
    base, candidate = two_runs(CALL + OUTPUT, fixed=MANY)
    passed = {(r.suite, r.case.category, r.case.group, r.id): True for r in candidate.records}
    champion = verdict_run(passed, run_id="20260101-000002-old", target="old")
    found = decide([gate(base, candidate), gate(champion, candidate)])
    assert (found.state, found.told) == ("rejected", False)
    assert "against old" in found.reason
    assert "base" not in found.reason
    turned = decide([gate(champion, candidate), gate(base, candidate)])
    assert (turned.state, turned.told) == ("rejected", True)


def test_without_every_reply_nothing_is_promoted() -> None:
    first, second = two_runs(CALL + OUTPUT, fixed=MANY)
    row = rows("call", 201, categories=("direct", "negated"))[200]
    runs = (
        made_run([*first.records, lost_record(row)]),
        made_run([*second.records, lost_record(row)], **CANDIDATE),
    )
    found = _decision(*runs)
    assert (found.state, found.reason) == ("rejected", "cases without a reply against base")
    assert [(m.suite, m.n, m.passed) for m in measured(runs[0])] == [
        ("call", 200, 160),
        ("output", 200, 200),
    ]


@pytest.mark.parametrize("state", ["promoted", "rejected"])
def test_the_card_holds_decision_and_runs(
    tiny_adapters: dict[str, dict[str, Path]], tmp_path: Path, state: str
) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(tiny_adapters["gemma3"]["a"], folder)
    first, second = two_runs(CALL + OUTPUT, fixed=MANY)
    decision = _decision(first, second if state == "promoted" else first)
    assert decision.state == state
    with pytest.raises(UsageError, match="has no card"):
        settle(find_adapter(str(folder)), second, decision)
    save_card(folder, new_card(folder, "mine", base=BaseRef(name="base")))
    settled = settle(find_adapter(str(folder)), second, decision)
    card = load_card(folder)
    assert card is not None
    assert card == settled.card
    assert (card.state.value, card.state.reason) == (state, decision.reason)
    assert [(m.run, m.suite, m.split, m.n, m.passed) for m in card.runs] == [
        (second.manifest.run_id, "call", "dev", 200, 200),
        (second.manifest.run_id, "output", "dev", 200, 200),
    ]


def _plan(chosen: Chosen, **fields: object) -> Improvement:
    recipe = Recipe(base="no-such-model", dialect="gemma", steps=1)
    return Improvement(**{"recipe": recipe, "name": "x", "rounds": 1, "chosen": chosen, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["call/test", "output/test"])
def test_a_test_split_is_never_improved_on(name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} is opened once, at the end"):
        improve(_plan(Chosen(names=("arguments", name))))


def test_what_the_guard_does_not_know_is_not_improved_on(tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text(
        '{"id": "a", "user": "Hello there?", "tools": [], "no_call": "answer", "reply": "Hello."}\n'
    )
    with pytest.raises(UsageError, match="improving on 'mine' is not guarded"):
        improve(_plan(Chosen(names=(str(file),))))


def test_the_test_splits_stay_closed_where_nothing_was_promoted() -> None:
    assert open_sealed(_plan(Chosen(names=("call",))), (), ["call/test"]) is None
