"""`callbench train` on tiny models: from data to an adapter in home that runs, and what it refuses."""

import argparse
import dataclasses
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters import Target, resolve
from adapters.card import load_card
from adapters.shelf import lineage, names
from adapters.weights import WEIGHTS, file_hash, weights_hash
from bench.cli import main
from bench.cli import train as command
from bench.dialects.tagged import write
from bench.engines import ScriptedEngine
from bench.plan import Settings
from bench.runner import Chosen, run
from suites import gold_reply, select
from train.guard import Checked, require_checked
from train.metrics import Step
from train.recipe import Recipe
from train.session import prepare, train
from train.sources import Shares, Sources

ROOT = Path(__file__).parents[2]
TOOL = {"name": "grade_pearl", "parameters": {"lustre": "string"}}
LUSTRES = ("satin", "chalky", "mirrored", "oily", "silken", "waxen", "misty", "glassy")
FAST = ("--dialect", "gemma", "--device", "cpu", "--rank", 4, "--alpha", 8, "--batch-size", 4)


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[str, str]]:
    """Runs `callbench train …`, which must exit with `code`; returns stdout and stderr.

    What is refused is told in one line, the last one, and no adapter comes into home.
    """

    def call(*words: object, code: int = 0) -> tuple[str, str]:
        before = names()
        assert main(["train", *map(str, words)]) == code
        out, err = capsys.readouterr()
        if code:
            fault = [i for i, x in enumerate(err.splitlines(), 1) if x.startswith("callbench: ")]
            assert (out, fault, names()) == ("", [err.count("\n")], before)
            assert "unexpected" not in err
        return out, err

    return call


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Eight requests for a call of a tool that no suite knows, and two that need none."""
    lines: list[dict[str, Any]] = []
    for lustre in LUSTRES:
        call = {"name": "grade_pearl", "arguments": {"lustre": lustre}}
        user = f"Please grade a pearl whose lustre looks {lustre} to me"
        lines.append({"id": lustre, "user": user, "model": {"function_call": call}})
    for i, user in enumerate(("Do oysters ever dream of pearls?", "Who dived deepest for nacre?")):
        lines.append({"id": f"none{i}", "user": user, "no_call": "decline", "reply": "No idea."})
    file = tmp_path / "pearls.jsonl"
    text = "".join(json.dumps({"tools": [TOOL], **line}) + "\n" for line in lines)
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture
def model(tiny_models: dict[str, Path]) -> Path:
    return tiny_models["gemma3"]


def _words(model: Path, *more: object) -> tuple[object, ...]:
    return ("--model", model, *FAST, *more)


@pytest.mark.parametrize("words", [["--help"], ["--name", "x", "--data", "d", "--lr", "-1"]])
def test_torch_is_not_imported_for_help_or_a_wrong_recipe(words: list[str]) -> None:
    code = (
        "import sys\nfrom bench.cli import main\n"
        "try:\n    main(['train', *sys.argv[1:]])\nexcept SystemExit:\n    pass\n"
        "sys.exit(bool({'torch', 'transformers', 'peft', 'datasets'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr


def test_every_setting_of_a_recipe_is_a_flag() -> None:
    named = [name for name, _, _ in command.SETTINGS]
    wanted = {f.name for f in dataclasses.fields(Recipe)} - {"base"}
    assert (len(named), set(named)) == (len(wanted), wanted)
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    flags = {flag for action in parser._actions for flag in action.option_strings}
    assert {f"--{name.replace('_', '-')}" for name in wanted} <= flags


def test_an_adapter_is_trained_into_home_and_can_be_run(
    say: Callable[..., tuple[str, str]], model: Path, data: Path, home: Path, suite_file: Path
) -> None:
    out, err = say(*_words(model, "--name", "pearl", "--data", data, "--epochs", 2, "--json"))
    found = json.loads(out)
    folder = home / "adapters" / "pearl"
    assert found["folder"] == str(folder)
    card = load_card(folder)
    assert card is not None
    assert (card.name, card.state.value, card.runs) == ("pearl", "candidate", ())
    assert card.base.hash == weights_hash(model)
    assert card.weights == found["weights"] == file_hash(folder / WEIGHTS)
    assert (found["gathered"], found["kept"], found["examples"]) == (10, 10, 10)
    assert (found["steps_per_epoch"], found["steps"], found["resumed"]) == (3, 6, 0)
    assert 0 < found["supervised_tokens"] < found["tokens"]
    assert found["no_call_share"] == pytest.approx(0.2)
    assert found["dropped"] == {}
    assert Recipe.from_dict(found["recipe"]).epochs == 2
    proof = Checked.model_validate_json((folder / "guard.json").read_text(encoding="utf-8"))
    assert proof.hash == found["guard"]
    assert list((home / "training").iterdir()) == []
    follow = next(line for line in err.splitlines() if line.startswith("next: "))
    words = follow.removeprefix("next: callbench ").split(",")[0].split()
    assert words[:4] == ["run", "call", "arguments", "output"]
    words[1:4] = [str(suite_file)]
    assert main([*words, "--limit", "2", "--max-tokens", "4", "--engine", "transformers"]) == 0


def test_a_dry_run_counts_what_a_training_learns_and_leaves_nothing(
    say: Callable[..., tuple[str, str]], model: Path, data: Path, home: Path
) -> None:
    words = _words(model, "--data", data, "--steps", 2, "--json")
    counted = json.loads(say(*words, "--dry-run")[0])
    assert not (home / "training").exists()
    assert names() == []
    learned = json.loads(say(*words, "--name", "pearl")[0])
    shared = set(counted) - {"recipe"}
    assert {k: learned[k] for k in shared} == {k: counted[k] for k in shared}


def test_the_guard_drops_what_a_suite_asks_and_counts_it(
    say: Callable[..., tuple[str, str]], model: Path, data: Path, tmp_path: Path
) -> None:
    case = select(["call/test"]).parts[0].cases[0]
    tool = case.tools[0]
    stolen = {
        "id": "stolen",
        "tools": [{"name": tool.name, "description": tool.description, "parameters": {}}],
        "user": case.messages[-1].content,
        "no_call": "decline",
        "reply": "I cannot do that.",
    }
    only = tmp_path / "stolen.jsonl"
    only.write_text(json.dumps(stolen) + "\n", encoding="utf-8")
    words = _words(model, "--steps", 1, "--dry-run", "--json")
    out, err = say(*words, "--data", data, only)
    found = json.loads(out)
    assert (found["gathered"], found["kept"], found["examples"]) == (11, 10, 10)
    assert found["dropped"]
    assert "kept 10 of 11 examples" in err
    assert "stolen meets call/test" in err
    assert "all 1 examples collide with a suite" in say(*words, "--data", only, code=2)[1]


def test_a_mix_follows_the_failures_of_runs(
    say: Callable[..., tuple[str, str]],
    model: Path,
    chosen: Chosen,
    target: Target,
    script: dict[str, str],
) -> None:
    failed = run(chosen, target, Settings(), ScriptedEngine(script))
    modes = {r.verdict.failure.value for r in failed.records if r.verdict.failure}
    words = _words(model, "--mix", 120, "--steps", 1, "--dry-run", "--json")
    even = json.loads(say(*words)[0])
    found = json.loads(say(*words, "--from", failed.manifest.run_id, "--no-call-share", 0.5)[0])
    assert sum(found["modes"].values()) == sum(even["modes"].values()) == 120
    for name, n in found["modes"].items():
        assert (n > even["modes"][name]) == (name in modes)
    assert found["no_call_share"] > even["no_call_share"]
    assert min(found["modes"].values()) >= 1
    file = chosen.names[0]
    alone = _words(model, "--data", file, "--steps", 1, "--from", failed.manifest.run_id)
    assert "--from weights a mix: give --mix N, too" in say(*alone, "--dry-run", code=2)[1]


def test_a_mix_is_trained_on_as_it_was_screened(
    say: Callable[..., tuple[str, str]], model: Path, home: Path
) -> None:
    words = _words(model, "--mix", 60, "--floor", 0, "--replay", 0, "--steps", 1)
    found = json.loads(say(*words, "--name", "mixed", "--json")[0])
    assert found["origins"] == {"mix": 60}
    sources = Sources(mix=60, shares=Shares(floor=0.0, replay=0.0))
    again = prepare(Recipe(base=str(model), dialect="gemma", steps=1), sources).data
    text = (home / "adapters" / "mixed" / "guard.json").read_text(encoding="utf-8")
    require_checked(again.examples, Checked.model_validate_json(text))


def test_the_same_command_goes_on_where_it_was_interrupted(
    say: Callable[..., tuple[str, str]], model: Path, data: Path, home: Path
) -> None:
    words = _words(model, "--data", data, "--steps", 5, "--save-steps", 1, "--json")
    whole = json.loads(say(*words, "--name", "whole")[0])

    def stop(step: Step) -> None:
        if step.step == 4:
            raise KeyboardInterrupt

    recipe = Recipe(base=str(model), dialect="gemma", steps=5, rank=4, alpha=8, batch_size=4)
    session = prepare(recipe, Sources(files=(data,)))
    with pytest.raises(KeyboardInterrupt):
        train(session, "cut", device="cpu", save_steps=1, on_step=stop)
    assert "cut" not in names()
    other = say(*words, "--name", "cut", "--lr", 0.5, code=2)[1]
    assert "holds the checkpoint of another training" in other
    went_on = json.loads(say(*words, "--name", "cut")[0])
    assert (went_on["resumed"], went_on["steps"]) == (3, 5)
    assert went_on["weights"] == whole["weights"]
    assert sorted(names()) == ["cut", "whole"]
    assert not (home / "training" / "cut").exists()


def test_a_training_that_diverges_puts_no_adapter_into_home(
    say: Callable[..., tuple[str, str]], model: Path, data: Path, home: Path
) -> None:
    words = _words(model, "--data", data, "--steps", 9, "--lr", 1e30, "--warmup", 0)
    assert "is no number" in say(*words, "--name", "wild", code=3)[1]
    assert not (home / "adapters" / "wild").exists()


def test_a_run_on_a_test_split_is_never_trained_from(
    say: Callable[..., tuple[str, str]], model: Path, target: Target
) -> None:
    opened = Chosen(names=("call/test",), limit=2)
    replies = {f"call:{c.id}": "I cannot." for c in opened.selection().parts[0].cases}
    once = run(opened, target, Settings(), ScriptedEngine(replies)).manifest.run_id
    words = _words(model, "--mix", 60, "--steps", 1, "--name", "x", "--from", once)
    assert "opened once, at the end" in say(*words, code=2)[1]


def test_a_training_may_start_from_an_adapter(
    say: Callable[..., tuple[str, str]], model: Path, data: Path
) -> None:
    words = _words(model, "--data", data, "--steps", 1)
    say(*words, "--name", "first")
    _, err = say(*words, "--name", "second", "--parent", "first")
    assert [a.name for a in lineage("second")] == ["second", "first"]
    assert "--adapters first,second" in err
    say(*words[2:], "--model", f"{model}+second", "--name", "third")
    assert [(a.name, a.found) for a in lineage("third")] == [
        ("third", "here"),
        ("second", "here"),
        ("first", "here"),
    ]
    assert resolve(str(model), "third", dialect="gemma").adapter is not None


def test_the_command_line_wins_over_the_recipe_file(
    say: Callable[..., tuple[str, str]], model: Path, data: Path, home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(
        f"base: {model}\ndialect: gemma\nsteps: 900\nrank: 8\nlr: 0.01\npacking: true\n"
    )
    words = ("--recipe", file, "--device", "cpu", "--data", data)
    out, _ = say(*words, "--epochs", 1, "--rank", 2, "--no-packing", "--name", "one", "--json")
    found = json.loads(out)
    assert (found["steps"], found["recipe"]["rank"], found["recipe"]["lr"]) == (1, 2, 0.01)
    assert "steps" not in found["recipe"]
    assert found["recipe"]["packing"] is False
    written = home / "adapters" / "one" / "recipe.yaml"
    again = json.loads(say("--recipe", written, *words[2:], "--name", "two", "--json")[0])
    assert again["weights"] == found["weights"]
    other = tmp_path / "less.jsonl"
    other.write_text("".join(data.read_text().splitlines(keepends=True)[:-1]))
    changed = ("--recipe", written, "--device", "cpu", "--data", other, "--name", "three")
    assert "the recipe was written for other data" in say(*changed, code=2)[1]


def test_a_corpus_is_one_source_among_others(
    say: Callable[..., tuple[str, str]], model: Path, data: Path, tmp_path: Path
) -> None:
    tools = [{"type": "function", "function": {"name": "grade_pearl", "description": "Grades."}}]
    rows: list[dict[str, Any]] = [
        {
            "messages": [{"role": "user", "content": f"Is a {lustre} pearl any good?"}],
            "tools": tools,
        }
        for lustre in LUSTRES
    ]
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    words = _words(model, "--steps", 1, "--dry-run", "--json")
    refused = say(*words, "--corpus", f"openai={prompts}", code=2)[1]
    assert "gives no example of 8 rows; left out: turns 8" in refused
    for row in rows:
        row["messages"].append({"role": "assistant", "content": "It is, for a button."})
    prompts.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    both = ("--data", data, "--corpus", f"openai={prompts}", "--corpus-limit", 3)
    found = json.loads(say(*words, *both)[0])
    assert found["origins"] == {str(data): 10, f"openai={prompts}": 3}
    assert found["no_call_share"] == pytest.approx(5 / 13)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("--name x --steps 1", "give --mix N, --data, --corpus or --tools"),
        ("--data DATA --steps 1", "--name is missing"),
        ("--name x --data DATA", "none of --steps, --epochs, --budget-minutes is given"),
        ("--name x --data DATA --steps 1 --epochs 1", "--steps, --epochs contradict each other"),
        ("--name x --data DATA --steps 1 --from some-run", "there is no run 'some-run'"),
        ("--name x --data DATA --steps 1 --floor 0.1", "--floor is a share of a mix"),
        ("--name x --data DATA --steps 1 --no-call-share 0", "--no-call-share is a share of a mix"),
        ("--name x --data DATA --steps 1 --corpus-limit 3", "no meaning without --corpus"),
        ("--name x --mix 60 --steps 1 --no-call-share 2", "must be a share from 0 to 1"),
        ("--name x --mix 5 --steps 1", "4 cases beside the replay"),
        ("--name x --mix 0 --steps 1", "a mix of 0 cases is none"),
        ("--name x --corpus glave --steps 1", "there is no corpus 'glave'; did you mean 'glaive'?"),
        ("--name x --corpus openai= --steps 1", "name a file, a folder or a hub id behind the ="),
        ("--name x --data none.yaml --steps 1", "none.yaml"),
        ("--name x --data none.jsonl --steps 1", "none.jsonl"),
        ("--name ../x --data DATA --steps 1", "cannot name an adapter"),
        ("--name x --data DATA --steps 1 --lr nan", "--lr must be above 0"),
        ("--name x --data DATA --steps 1 --targets q_proj,lm_head", "not lm_head"),
        ("--name x --data DATA --steps 1 --save-minutes nan", "--save-minutes must be above 0"),
        ("--name x --data DATA --steps 1 --dialect gema", "did you mean 'gemma'?"),
        ("--name x --data DATA --steps 1 --parent nobody", "there is no adapter 'nobody'"),
        ("--name x --data DATA --steps 1 --recipe none.yaml", "cannot read none.yaml"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    say: Callable[..., tuple[str, str]], model: Path, data: Path, words: str, told: str
) -> None:
    given = [str(data) if w == "DATA" else w for w in words.split()]
    rest = ["--dialect", "gemma"] if "--dialect" not in given else []
    assert told in say("--model", model, *rest, *given, code=2)[1]


def test_a_taken_name_is_refused_before_any_work(
    say: Callable[..., tuple[str, str]], home: Path
) -> None:
    (home / "adapters" / "mine").mkdir(parents=True)
    refused = say("--model", "no-such-model", "--mix", 60, "--steps", 1, "--name", "mine", code=2)
    assert "there is an adapter 'mine' already: give another --name" in refused[1]


def test_an_adapter_that_was_not_put_away_is_not_written_over(
    say: Callable[..., tuple[str, str]],
    model: Path,
    data: Path,
    home: Path,
    tiny_adapters: dict[str, dict[str, Path]],
) -> None:
    left = home / "training" / "left"
    left.mkdir(parents=True)
    (left / WEIGHTS).write_bytes((tiny_adapters["gemma3"]["a"] / WEIGHTS).read_bytes())
    words = _words(model, "--data", data, "--steps", 1, "--name", "left")
    assert f"callbench adapters add {left}" in say(*words, code=2)[1]


def test_runs_without_a_failure_leave_nothing_to_train_from(
    say: Callable[..., tuple[str, str]], model: Path, chosen: Chosen, target: Target
) -> None:
    replies = {
        f"mine:{c.id}": write(gold_reply(c).calls) or gold_reply(c).text
        for c in chosen.selection().parts[0].cases
    }
    passed = run(chosen, target, Settings(), ScriptedEngine(replies))
    words = _words(
        model, "--mix", 60, "--steps", 1, "--name", "x", "--from", passed.manifest.run_id
    )
    assert "nothing to train from" in say(*words, code=2)[1]


def test_data_that_hold_only_prompts_teach_nothing(
    say: Callable[..., tuple[str, str]], model: Path, tmp_path: Path
) -> None:
    file = tmp_path / "prompts.jsonl"
    file.write_text(json.dumps({"id": "p", "tools": [TOOL], "user": "Grade my pearl."}) + "\n")
    refused = say(*_words(model, "--data", file, "--steps", 1, "--name", "x"), code=2)[1]
    assert f"{file}:1" in refused
