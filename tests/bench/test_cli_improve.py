"""`callbench improve` on a tiny random model: a round from end to end, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.card import load_card
from adapters.shelf import add, lineage, names
from bench.cli import main
from bench.store import read_run

Output = Callable[..., tuple[str, str]]
SMALL = ("--dialect", "gemma", "--device", "cpu", "--mix", 60, "--batch-size", 4, "--rank", 4)
QUICK = (*SMALL, "--alpha", 8, "--limit", 2, "--max-tokens", 4)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Output:
    """Runs `callbench improve …`, which must exit with `code`; returns stdout and stderr."""

    def call(*words: object, code: int = 0) -> tuple[str, str]:
        assert main(["improve", *map(str, words)]) == code
        out, err = capsys.readouterr()
        if code:
            assert (out, err.splitlines()[-1][:11]) == ("", "callbench: ")
            assert "unexpected" not in err
        return out, err

    return call


def test_a_round_that_shows_nothing_is_rejected_and_ends_it(
    say: Output, tiny_models: dict[str, Path], home: Path
) -> None:
    words = ("--model", tiny_models["gemma3"], *QUICK, "--steps", 1, "--rounds", 3)
    out, err = say(*words, "--json")
    told = json.loads(out)
    (found,), final = told["rounds"], told["final"]
    assert final is None
    assert names() == ["improved-1"]
    card = load_card(home / "adapters" / "improved-1")
    assert card is not None
    assert (card.state.value, card.state.reason) == ("rejected", found["reason"])
    assert (found["state"], found["told"]) == ("rejected", False)
    assert [(m.suite, m.split, m.n) for m in card.runs] == [
        ("call", "dev", 2),
        ("arguments", "dev", 2),
        ("output", "dev", 2),
    ]
    assert {m.run for m in card.runs} == {found["run"]}
    runs = [read_run(str(f)) for f in sorted((home / "runs").glob("*.jsonl"))]
    assert sorted(r.manifest.adapter or "" for r in runs) == ["", "improved-1"]
    assert {s.split for r in runs for s in r.manifest.suites} == {"dev"}
    assert found["profile"]
    assert found["gathered"] == 60
    assert "1 rounds; promoted: none" in err
    assert "nothing was promoted: the test splits stay closed" in err
    taken = say(*words, code=2)[1]
    assert "there is an adapter 'improved-1' already: give another --name" in taken


def test_an_adapter_is_improved_and_held_against_the_base_too(
    say: Output, tiny_models: dict[str, Path], tiny_adapters: dict[str, dict[str, Path]]
) -> None:
    model = tiny_models["gemma3"]
    add(str(tiny_adapters["gemma3"]["a"]), name="first", base=str(model))
    words = ("--model", f"{model}+first", "--name", "next", *QUICK, "--steps", 1)
    out, _ = say(*words)
    assert "Round 1: next-1 rejected" in out
    against = [line.split()[0] for line in out.splitlines() if " all " in line]
    assert against == ["tiny-gemma3", "tiny-gemma3+first"]
    assert [a.name for a in lineage("next-1")] == ["next-1", "first"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--steps 1 --rounds 0", "--rounds must be at least 1"),
        ("--steps 1 --limit 0", "--limit must be at least 1"),
        ("--rounds 1", "none of --steps, --epochs, --budget-minutes is given"),
        ("--steps 1 --name a/b", "cannot name an adapter"),
        ("--steps 1 --adapter nobody", "there is no adapter 'nobody'"),
        ("--steps 1 --max-tokens 0", "--max-tokens must be at least 1"),
        (f"--steps 1 --data-hash {'0' * 64}", "each round has data of its own"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    say: Output, tiny_models: dict[str, Path], words: str, told: str
) -> None:
    given = ("--model", tiny_models["gemma3"], "--dialect", "gemma", *words.split())
    assert told in say(*given, code=2)[1]
    assert names() == []
