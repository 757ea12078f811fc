"""`callbench failures` on real run files."""

import csv
import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters import Target
from bench.cli import main
from bench.dialects.tagged import write
from bench.engines import ScriptedEngine
from bench.plan import Settings
from bench.runner import Chosen, run
from bench.store import Run
from suites import Case, gold_reply

Output = Callable[..., str]


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str]) -> Output:
    """Runs a command that must exit with `code`; returns stdout, or for code 2 the one line on stderr."""

    def call(*words: object, code: int = 0) -> str:
        assert main(["failures", *map(str, words)]) == code
        out, err = capsys.readouterr()
        assert "unexpected" not in err
        if code:
            assert (out, err.count("\n")) == ("", 1)
        return err if code else out

    return call


@pytest.fixture
def found(chosen: Chosen, target: Target, script: dict[str, str]) -> Run:
    """Twelve replies, some wrong: a wrong city, a broken call, a needless call, a text that is too long."""
    return run(chosen, target, Settings(), ScriptedEngine(script))


def test_the_json_holds_every_failure_of_the_run(found: Run, output: Output) -> None:
    data = json.loads(output(found.path, "--json"))
    failed = {r.id: r.verdict for r in found.records if not r.verdict.passed}
    assert (data["n"], data["failed"], data["errors"]) == (12, len(failed), 0)
    assert {x["case"]: x["reason"] for x in data["examples"]} == {
        i: v.reason for i, v in failed.items()
    }
    modes = Counter(v.failure for v in failed.values())
    assert {x["mode"]: x["failed"] for x in data["modes"]} == modes
    assert sum(x["share"] for x in data["modes"]) == pytest.approx(1)
    assert all(0 <= x["low"] <= x["rate"] <= x["high"] <= 1 for x in data["modes"])


def test_a_mode_is_shown_with_all_its_replies(found: Run, output: Output) -> None:
    text = output(found.manifest.run_id, "--mode", "wrong_value")
    assert "wrong_value: 1 reply\n" in text
    assert "w1.call" in text
    assert "malformed_call:" not in text
    data = json.loads(output(found.path, "--mode", "wrong_value", "--json"))
    (example,) = data["examples"]
    assert example["expected"] == 'get_weather {"city":"Graz"}'
    assert example["actual"] == 'get_weather {"city":"Oslo"}'
    assert "Graz" in example["request"]


def test_a_mode_that_did_not_occur_shows_counts_only(found: Run, output: Output) -> None:
    data = json.loads(output(found.path, "--mode", "wrong_tool", "--json"))
    assert data["examples"] == []
    assert data["failed"] > 0


def test_the_limit_holds_for_each_mode(
    chosen: Chosen, target: Target, script: dict[str, str], output: Output
) -> None:
    missed = run(chosen, target, Settings(), ScriptedEngine(dict.fromkeys(script, "Sorry, no.")))
    assert "missed_call: 6 replies (first 3; --mode missed_call shows all)" in output(missed.path)
    for words, shown in (
        ([], 6),
        (["--limit", "2"], 2),
        (["--limit", "0"], 0),
        (["--mode", "missed_call", "--limit", "4"], 4),
    ):
        data = json.loads(output(missed.path, *words, "--json"))
        assert len([x for x in data["examples"] if x["mode"] == "missed_call"]) == shown


def test_every_form_is_written(found: Run, output: Output) -> None:
    plain = output(found.path)
    assert "Failures of some-model by mode" in plain
    assert "Failures by category" in plain
    assert output(found.path, "--format", "markdown").startswith("### ")
    rows = list(csv.reader(io.StringIO(output(found.path, "--format", "csv"))))
    assert rows[0][:3] == ["mode", "replies", "cases"]
    assert output(found.path, "--format", "json") == output(found.path, "--json")


def test_runs_are_pooled(
    found: Run, chosen: Chosen, target: Target, script: dict[str, str], output: Output
) -> None:
    more = run(chosen, target, Settings(), ScriptedEngine(script))
    data = json.loads(output(found.path, more.path, "--json"))
    assert (data["n"], data["groups"]) == (24, 6)
    assert data["runs"] == [found.manifest.run_id, more.manifest.run_id]


def test_a_right_target_has_no_failures(
    chosen: Chosen, target: Target, cases: dict[str, Case], output: Output
) -> None:
    right = {}
    for name, case in cases.items():
        gold = gold_reply(case)
        right[name] = write(gold.calls) or gold.text
    perfect = run(chosen, target, Settings(), ScriptedEngine(right))
    assert "nothing failed: there is nothing to train from" in output(perfect.path)


def test_refusals_are_one_line(found: Run, output: Output, tmp_path: Path) -> None:
    assert "did you mean 'wrong_value'?" in output(found.path, "--mode", "wrong_valu", code=2)
    assert "--limit -1" in output(found.path, "--limit", "-1", code=2)
    assert "is named twice" in output(found.path, found.path, code=2)
    assert "there is no run" in output("nowhere", code=2)
    sealed = tmp_path / "sealed.jsonl"
    text = Path(found.path).read_text(encoding="utf-8")
    sealed.write_text(text.replace('"split": "dev"', '"split": "test"'), encoding="utf-8")
    assert "mine/test, which is opened once, at the end" in output(sealed, code=2)
