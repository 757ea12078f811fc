"""`callbench gate`, `compare` of several runs, and `run --plan`: exit codes, files, refusals in one line."""

import csv
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench.cli import main
from bench.store import Run
from suites import select
from tests.made_runs import CANDIDATE, lost_record, made_run, rows, two_runs, write_run

ROOT = Path(__file__).parents[2]
CALL = rows("call", 100, categories=("direct", "negated"))
FALL = CALL[:24:2]
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs a command outside of GitHub: (exit code, stdout, stderr)."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)

    def run(*words: object) -> tuple[int, str, str]:
        code = main([str(w) for w in words])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., list[str]]:
    """The paths of run files of runs."""

    def files(*runs: Run) -> list[str]:
        return [write_run(run, tmp_path) for run in runs]

    return files


def test_a_gate_that_passes_exits_0_and_one_that_fails_1(call: Call, write: Any) -> None:
    base, same = write(*two_runs(CALL))
    code, out, err = call("gate", base, same)
    assert (code, out.split(":")[0], err) == (0, "PASS", "")
    (fallen,) = write(two_runs(CALL, FALL, run_id="20260101-fallen")[1])
    code, out, _ = call("gate", base, fallen)
    assert (code, out.split(":")[0]) == (1, "FAIL")
    assert "call:c0" in out
    assert call("gate", base, fallen, "--tolerance", 30)[0] == 0


@pytest.mark.parametrize("form", ["table", "markdown", "json", "csv"])
def test_a_failed_gate_exits_1_in_every_form(form: str, call: Call, write: Any) -> None:
    code, out, err = call("gate", *write(*two_runs(CALL, FALL)), "--format", form)
    assert code == 1
    if form == "json":
        assert json.loads(out)["status"] == "failed"
    if form in ("json", "csv"):
        assert err.startswith("FAIL: tuned against base")
    if form == "csv":
        assert next(csv.reader(io.StringIO(out)))[-1] == "gate"


def test_a_printed_fail_never_exits_0(write: Any) -> None:
    """As a process, with stdout closed early by its reader, too."""
    words = [sys.executable, "-m", "bench.cli", "gate", *write(*two_runs(CALL, FALL))]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.startswith("FAIL: ")
    assert done.returncode == 1
    piped = "set -o pipefail; " + " ".join(words) + " | head -c 1 > /dev/null"
    assert subprocess.run(["bash", "-c", piped], cwd=ROOT, capture_output=True).returncode != 0


def test_files_are_written_whether_it_passes_or_fails(
    call: Call, write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [tmp_path / name for name in ("j.xml", "o.json", "s.md")]
    flags = ["--junit", files[0], "--out", files[1], "--summary", files[2]]
    runs = write(*two_runs(CALL, FALL))
    assert call("gate", *runs, *flags)[0] == 1
    assert ET.parse(files[0]).getroot().get("failures") == "3"
    assert json.loads(files[1].read_text())["status"] == "failed"
    assert files[2].read_text().startswith("### FAIL: ")
    assert call("gate", *runs, "--tolerance", 30, *flags)[0] == 0
    assert ET.parse(files[0]).getroot().get("failures") == "0"
    assert re.findall(r"^### (PASS|FAIL)", files[2].read_text(), re.MULTILINE) == ["FAIL", "PASS"]
    github = tmp_path / "step.md"
    github.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(github))
    assert call("gate", *runs)[0] == 1
    assert github.read_text().startswith("before\n### FAIL: ")


def test_a_file_that_cannot_be_written_is_refused_before_anything_is_printed(
    call: Call, write: Any, tmp_path: Path
) -> None:
    for flag in ("--junit", "--out", "--summary"):
        code, out, err = call("gate", *write(*two_runs(CALL)), flag, tmp_path / "no" / "file")
        assert (code, out, err.count("\n")) == (2, "", 1)
        assert "cannot write" in err
        for file in tmp_path.glob("*.jsonl"):
            file.unlink()


def test_must_pass_acknowledge_and_rules(call: Call, write: Any, tmp_path: Path) -> None:
    runs = write(*two_runs(CALL, [CALL[4]]))
    assert call("gate", *runs)[0] == 0
    assert call("gate", *runs, "--must-pass", "call:c4", "call:c5")[0] == 1
    taken = tmp_path / "taken.yaml"
    taken.write_text("- {case: 'call:c4', reason: renamed, expires: 2999-12-31}\n")
    assert call("gate", *runs, "--must-pass", "call:*", "--acknowledge", taken)[0] == 0
    rules = tmp_path / "rules.yaml"
    rules.write_text("tolerance: 50\nmust-pass: call:c4\n")
    code, out, _ = call("gate", *runs, "--rules", rules, "--json")
    assert (code, json.loads(out)["rules"]["tolerance"]) == (1, 50)
    code, out, _ = call(
        "gate", *runs, "--rules", rules, "--tolerance", 1, "--must-pass", "call:c7", "--json"
    )
    assert json.loads(out)["rules"]["tolerance"] == 1
    assert json.loads(out)["rules"]["must_pass"] == ["call:c4", "call:c7"]
    assert call("gate", *runs, "--rules", rules, "--acknowledge", taken)[0] == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "- {case: 'call:c400', reason: x, expires: 2999-12-31}\n",
            "taken.yaml:1: there is no case",
        ),
        ("- {case: 'call:c4', reason: x}\n", "taken.yaml:1: the entry has no expires"),
        ("- {case: [\n", "taken.yaml:2: broken YAML"),
    ],
)
def test_an_unsound_acknowledgement_exits_2(
    text: str, said: str, call: Call, write: Any, tmp_path: Path
) -> None:
    file = tmp_path / "taken.yaml"
    file.write_text(text)
    code, out, err = call("gate", *write(*two_runs(CALL)), "--acknowledge", file)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err


@pytest.mark.parametrize("command", ["gate", "compare"])
def test_other_conditions_exit_2_without_force(command: str, call: Call, write: Any) -> None:
    runs = write(*two_runs(CALL, shots=3))
    code, out, err = call(command, *runs)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "shots (0 against 3)" in err
    assert "--force" in err
    code, out, err = call(command, *runs, "--force")
    assert code == 0
    assert "NOT THE SAME CONDITIONS: shots (0 against 3)" in out
    assert "NOT THE SAME CONDITIONS" in err


def test_incomplete_runs_and_lost_replies_exit_3(call: Call, write: Any) -> None:
    first, second = two_runs(CALL)
    (base,) = write(first)
    (short,) = write(made_run(second.records[:50], complete=False, run_id="20260101-open"))
    code, out, err = call("gate", base, short, "--force")
    assert (code, out, err.count("\n")) == (3, "", 1)
    assert f"callbench run --resume {short}" in err
    lost = [lost_record(CALL[0]), *second.records[1:]]
    code, out, _ = call("gate", base, *write(made_run(lost, **CANDIDATE)))
    assert (code, out.split(":")[0]) == (3, "INCOMPLETE")
    assert "connection reset" in out


# --- compare ----------------------------------------------------------------------------------------


def test_compare_of_three_runs_begins_with_an_overview(call: Call, write: Any) -> None:
    first, second = two_runs(CALL, FALL)
    third = two_runs(CALL, CALL[:1], run_id="20260101-000002-other", target="other")[1]
    paths = write(first, second, third)
    code, out, _ = call("compare", *paths)
    assert code == 0
    assert out.startswith("Against base: difference in points and verdict")
    assert "base -> tuned: change by case" in out
    assert "base -> other: change by case" in out
    data = json.loads(call("compare", *paths, "--json")[1])
    assert [x["second"] for x in data] == [second.manifest.run_id, third.manifest.run_id]
    assert [x["scores"][0]["verdict"] for x in data] == ["worse", "cannot tell"]
    assert json.loads(call("compare", *paths[:2], "--json")[1]) == data[0]
    assert json.loads(call("compare", *paths, "--margin", 10, "--json")[1])[1]["scores"][0][
        "verdict"
    ] == ("no worse")


def test_compare_shows_what_broke_with_expected_and_actual_and_where_failures_went(
    call: Call, write: Any
) -> None:
    paths = write(*two_runs(CALL, FALL))
    _, out, _ = call("compare", *paths)
    broken = out[out.index("broken: 12 cases") :]
    assert "no call, answer: answer c0" in broken
    assert "said c0" in broken
    assert "Where the failures went" in out
    data = json.loads(call("compare", *paths, "--json")[1])
    assert data["migrations"] == [
        {"first": "passed", "second": "passed", "cases": 88},
        {"first": "passed", "second": "no_answer", "cases": 12},
    ]
    row = data["broken"][0]
    assert (row["expected"], row["second"]["actual"]) == ("no call, answer: answer c0", "said c0")


def test_compare_takes_at_most_eight_runs(call: Call, write: Any) -> None:
    (path,) = write(two_runs(CALL)[0])
    assert call("compare", *[path] * 8)[0] == 0
    code, _, err = call("compare", *[path] * 9)
    assert (code, "9 runs are too many: at most 8 at a time" in err) == (2, True)


# --- run --plan -------------------------------------------------------------------------------------


def test_a_plan_counts_the_cases_and_loads_nothing(call: Call, home: Path) -> None:
    code, out, _ = call("run", "call", "output", "--plan", "--json")
    assert code == 0
    data = json.loads(out)
    assert data["targets"] == ["gemma-3-270m"]
    assert [x["suite"] for x in data["suites"]] == ["all", "call", "output"]
    part = select(["call"]).parts[0]
    found = data["suites"][1]
    assert (found["cases"], found["groups"]) == (
        len(part.cases),
        len({c.group for c in part.cases}),
    )
    assert (found["prompts"], found["reply_tokens"]) == (len(part.cases), 128 * len(part.cases))
    assert 100 < found["prompt_tokens"] / found["prompts"] < 1000
    assert found["alone"]["0.2"] < found["together"]["0.2"]
    assert not home.exists()
    _, out, _ = call("run", "call", "output", "--plan")
    assert "Minimum detectable effect" in out
    assert f"{100 * found['alone']['0.2']:.1f} to {100 * found['together']['0.2']:.1f}" in out


def test_a_plan_counts_samples_variants_and_targets(
    call: Call, tiny_adapters: Any, tiny_models: Any
) -> None:
    words = [
        "run",
        "smoke",
        "--model",
        tiny_models["gemma3"],
        "--dialect",
        "gemma",
        "--plan",
        "--json",
    ]
    words += ["--samples", 3, "--temperature", 1, "--vary", "order", "--max-tokens", 10]
    words += ["--adapters", tiny_adapters["gemma3"]["a"]]
    data = json.loads(call(*words)[1])
    assert data["targets"] == ["tiny-gemma3", "tiny-gemma3+a"]
    total = data["suites"][0]
    assert (total["cases"], total["prompts"], total["reply_tokens"]) == (24, 144, 1440)
    assert total["alone"] == {"0.05": None, "0.1": None, "0.2": None}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--plan"], "name a suite"),
        (["--plan", "--resume", "x"], "--plan is for a new run"),
        (["call", "--plan", "--model", "gemma-3-270"], "did you mean 'gemma-3-270m'?"),
        (["call", "--plan", "--model", "some/where"], "give one with --dialect NAME"),
        (["call", "--plan", "--no-base"], "--no-base leaves nothing to run"),
        (["call", "--plan", "--adapters", "nobody"], "there is no adapter 'nobody'"),
        (["cal", "--plan"], "did you mean 'call'?"),
    ],
)
def test_a_plan_refuses_what_the_run_would(words: list[str], said: str, call: Call) -> None:
    code, out, err = call("run", *words)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert said in err
