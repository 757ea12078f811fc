"""The pytest plugin, in processes of its own: cases as tests, one batched run, failures that can be read."""

import importlib.metadata as metadata
import json
import os
import re
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters import Target
from bench.engines import Completion, Request, ScriptedEngine
from bench.errors import InfrastructureError
from bench.plan import Settings
from bench.plugin.items import failure_text
from bench.runner import Chosen, run
from bench.store import Run, read_run
from suites.places import NOWHERE
from tests.reports.hostile import hostile_run

ROOT = Path(__file__).parents[2]
INSTALLED = bool(metadata.entry_points(group="pytest11", name="callbench"))
PLUGIN = [] if INSTALLED else ["-p", "bench.plugin"]
"""An environment that was installed before the entry point was written does not have it."""

Pytest = Callable[..., tuple[int, str]]


def _pytest(folder: Path, home: Path, *words: object) -> tuple[int, str]:
    kept = {
        k: v for k, v in os.environ.items() if k not in ("CI", "BUILD_NUMBER", "PYTEST_ADDOPTS")
    }
    places = {"PYTHONPATH": str(ROOT), "CALLBENCH_HOME": str(home), "COLUMNS": "200"}
    command = [sys.executable, "-m", "pytest", *PLUGIN, *map(str, words)]
    done = subprocess.run(
        command, cwd=folder, env={**kept, **places}, capture_output=True, text=True, check=False
    )
    assert "INTERNALERROR" not in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder to start pytest in."""
    found = tmp_path / "project"
    found.mkdir()
    return found


@pytest.fixture
def call(folder: Path, home: Path) -> Pytest:
    """pytest with the plugin, in an empty folder: its exit code and output."""
    return lambda *words: _pytest(folder, home, *words)


@pytest.fixture
def made(chosen: Chosen, target: Target, script: dict[str, str]) -> Run:
    """A run in home: eight right replies, a wrong city, a broken call, a call too many, a long one."""
    return run(chosen, target, Settings(), ScriptedEngine(script))


def _wrong(made: Run) -> set[str]:
    return {r.id for r in made.records if not r.verdict.passed}


# --- as it is installed ----------------------------------------------------------------------------


def test_the_project_declares_the_plugin_and_it_resolves() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    ((name, value),) = project["entry-points"]["pytest11"].items()
    plugin = metadata.EntryPoint(name=name, value=value, group="pytest11").load()
    assert name == "callbench"
    assert callable(plugin.pytest_addoption)
    assert callable(plugin.pytest_configure)


def test_without_its_option_nothing_is_imported_or_changed(folder: Path) -> None:
    code = (
        f"import json, sys, pytest; code = pytest.main([*{PLUGIN}, '--collect-only', '-q']); "
        "names = ('torch', 'transformers', 'pandas', 'numpy', 'suites', 'reports', 'adapters'); "
        "heavy = [m for m in sys.modules if m in names or m.startswith('bench.')]; "
        "print(json.dumps([int(code), heavy]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [5, ["bench.plugin"]]
    assert "callbench:" not in done.stdout


# --- a run that was made before --------------------------------------------------------------------


def test_a_run_is_judged_without_generating(call: Pytest, made: Run, suite_file: Path) -> None:
    before = Path(made.path).read_bytes()
    code, out = call(f"--callbench={suite_file}", f"--callbench-target={made.path}", "-rA")
    assert code == 1
    assert "4 failed, 8 passed" in out
    assert {x.rpartition("::")[2] for x in re.findall(r"^FAILED (\S+)", out, re.M)} == _wrong(made)
    assert f"run: {made.path}" in out
    assert "FAILED callbench::mine/dev::w1.call - wrong_value: " in out
    assert Path(made.path).read_bytes() == before
    assert len(list(Path(made.path).parent.iterdir())) == 1


def test_a_failure_says_what_was_asked_expected_and_said(
    call: Pytest, made: Run, suite_file: Path
) -> None:
    words = ("--callbench", suite_file, "--callbench-target", made.manifest.run_id)
    code, out = call(*words, "-k", "w1.call")
    record = next(r for r in made.records if r.id == "w1.call")
    shown = out.split(" mine:w1.call ")[1].split("\n\n")[0].splitlines()
    assert code == 1
    assert "1 failed, 11 deselected" in out
    assert shown[1] == f"wrong_value: {record.verdict.reason}"
    assert shown[2:6] == [
        f"  user:     {record.case.messages[-1].content}",
        '  expected: get_weather(city="Graz")',
        '  actual:   get_weather(city="Oslo")',
        f"  case:     {suite_file}:3",
    ]
    assert "items.py" not in out
    assert ".py:" not in out


def test_quiet_junit_and_last_failed(
    call: Pytest, made: Run, suite_file: Path, folder: Path
) -> None:
    words = ("--callbench", suite_file, "--callbench-target", made.path, "-q")
    code, out = call(*words, "--junitxml", "cases.xml")
    assert code == 1
    assert f"run: {made.path}" in out
    (suite,) = ET.parse(folder / "cases.xml").getroot()
    found = {c.get("name"): c for c in suite}
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("12", "4", "0")
    assert found["w1.call"].get("classname") == "callbench.mine/dev"
    failure = found["w1.call"].find("failure")
    assert failure is not None
    assert "wrong_value: " in str(failure.get("message"))
    assert "expected: get_weather" in str(failure.text)
    assert found["w0.call"].find("failure") is None
    code, out = call(*words, "--lf")
    assert (code, "4 failed" in out, "passed" in out) == (1, True, False)


def test_a_node_id_names_one_case_and_the_folders_own_tests_run_beside(
    call: Pytest, made: Run, suite_file: Path, folder: Path
) -> None:
    (folder / "test_own.py").write_text("def test_own():\n    assert True\n")
    words = ("--callbench", suite_file, "--callbench-target", made.path, "-q")
    assert "4 failed, 9 passed" in call(*words, ".")[1]
    assert "1 passed" in call(*words, "test_own.py", "-k", "own")[1]
    assert "4 failed, 8 passed" in call(*words)[1]
    assert "4 failed, 8 passed" in call(*words, "callbench::")[1]
    assert "4 failed, 8 passed" in call(*words, "callbench::mine/dev")[1]
    assert call(*words, "callbench::mine/dev::w0.call")[0] == 0
    code, out = call(*words, "callbench::mine/dev::w0.call", "test_own.py")
    assert (code, "2 passed" in out) == (0, True)
    code, out = call(*words, "callbench::mine/dev::w0.cal")
    assert (code, "there is no case 'callbench::mine/dev::w0.cal'; did you mean" in out) == (
        4,
        True,
    )


def test_lost_replies_are_errors_and_excluded_cases_are_skipped(
    call: Pytest, target: Target, tmp_path: Path
) -> None:
    suite = tmp_path / "own"
    suite.mkdir()
    (suite / "suite.yaml").write_text("name: own\nversion: '1'\n", encoding="utf-8")
    reply = (
        "- {id: %s, user: 'Say %s.', no_call: answer, reply: 'It is %s.', answer: {facts: [%s]}}\n"
    )
    names = ("amber", "cobalt", "indigo", "scarlet")
    (suite / "dev.yaml").write_text("".join(reply % ((n,) * 4) for n in names), encoding="utf-8")
    (suite / "exclude.yaml").write_text(
        "version: '1'\nreasons:\n  doubtful: {about: Nobody can know., ids: [scarlet]}\n",
        encoding="utf-8",
    )

    def answer(request: Request) -> str | Completion:
        name = request.id.rpartition(":")[2]
        if name != "amber":
            return f"It is {name}."
        return Completion(
            id=request.id,
            text="",
            prompt_tokens=0,
            completion_tokens=0,
            finish="error",
            error="connection reset",
        )

    with pytest.raises(InfrastructureError):
        run(Chosen(names=(str(suite),)), target, Settings(), ScriptedEngine(answer))
    (file,) = (Path(os.environ["CALLBENCH_HOME"]) / "runs").glob("*.jsonl")
    code, out = call("--callbench", suite, "--callbench-target", file)
    assert code == 1
    assert "2 passed, 1 skipped, 1 error" in out
    assert "not scored: connection reset" in out
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(x for x in lines if '"id": "cobalt"' not in x), encoding="utf-8")
    code, out = call("--callbench", suite, "--callbench-target", file, "-rE")
    assert "1 passed, 1 skipped, 2 errors" in out
    assert "the run holds no reply to this case" in out


def test_hostile_text_of_a_model_does_not_reach_the_terminal() -> None:
    for record in hostile_run(False).records:
        text = failure_text([record], NOWHERE)
        assert all(c.isprintable() or c == "\n" for c in text)
        assert len(text.splitlines()) == 4
        assert len(text) < 2500


def test_of_several_samples_the_majority_counts(made: Run) -> None:
    right = next(r for r in made.records if r.id == "w0.call")
    wrong = next(r for r in made.records if r.id == "w1.call")
    text = failure_text([wrong, right, wrong], NOWHERE)
    assert text.startswith("wrong_value: ")
    assert "samples:  33 % of 3 passed" in text


# --- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--callbench cal", "there is no suite 'cal'; did you mean 'call'?"),
        ("--callbench call --callbench call", "suite 'call' is named twice"),
        ("--callbench call --callbench-target gemma-3-270", "did you mean 'gemma-3-270m'?"),
        ("--callbench call --callbench-target gemma-3-270m+none", "there is no adapter 'none'"),
        ("--callbench call --callbench-target none.jsonl", "there is no run 'none.jsonl'"),
        ("--callbench call --callbench-target x --callbench-engine vlm", "no engine 'vlm'"),
        ("--callbench call --callbench-dialect gema", "there is no dialect 'gema'"),
        ("--callbench call --callbench-limit 0", "--limit must be at least 1"),
        ("--callbench-limit 3", "--callbench-limit needs --callbench SUITE"),
        (
            "--callbench call --callbench-target RUN",
            "holds no case of call/dev; there are: mine/dev",
        ),
        (
            "--callbench SUITE --callbench-target RUN --callbench-engine vllm",
            "has no meaning for a run",
        ),
        ("--callbench CHANGED --callbench-target RUN", "suite mine/dev changed since"),
        ("--callbench call -n 2", "leave out -n"),
    ],
)
def test_what_cannot_be_run_is_one_line(
    words: str, line: str, call: Pytest, made: Run, suite_file: Path, folder: Path
) -> None:
    (folder / "conftest.py").write_text(
        "def pytest_addoption(parser):\n"
        "    if '-n' not in parser._anonymous.options:\n"
        "        parser.addoption('--numprocesses', type=int)\n"
    )
    changed = folder / "mine.jsonl"
    changed.write_text(suite_file.read_text(encoding="utf-8").replace("Oslo", "Rome"))
    places = {"RUN": made.path, "SUITE": str(suite_file), "CHANGED": str(changed)}
    typed = [places.get(w, w) for w in words.replace("-n 2", "--numprocesses 2").split()]
    code, out = call(*typed)
    assert code == 4
    assert [x for x in out.splitlines() if x.startswith("ERROR: ")] == [out.strip()]
    assert line in out


# --- a real model ----------------------------------------------------------------------------------


def test_collecting_loads_no_model(
    call: Pytest, tiny_models: dict[str, Path], suite_file: Path, home: Path
) -> None:
    code, out = call(
        *("--callbench", suite_file, "--callbench", "call", "--callbench-limit", "3", "-q"),
        *("--callbench-target", tiny_models["gemma3"], "--callbench-dialect", "gemma"),
        *("--collect-only", "-k", "mine"),
    )
    assert code == 0
    assert out.splitlines()[:3] == [
        f"callbench::mine/dev::{x}" for x in ("w0.call", "w0.none", "w1.call")
    ]
    assert "3/6 tests collected (3 deselected)" in out
    assert "loading" not in out
    assert not (home / "runs").exists()


def test_what_is_selected_is_generated_in_one_run(
    call: Pytest,
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
    suite_file: Path,
    home: Path,
) -> None:
    target = f"{tiny_models['gemma3']}+{tiny_adapters['gemma3']['a']}"
    words = ("--callbench", suite_file, "--callbench-target", target, "-k", "w0 or w3.call")
    code, out = call(*words, "--callbench-dialect", "gemma", "--callbench-max-tokens", "5")
    (file,) = (home / "runs").glob("*.jsonl")
    done = read_run(file)
    wrong = len(_wrong(done))
    assert (code, done.complete) == (int(bool(wrong)), True)
    assert {r.id for r in done.records} == {"w0.call", "w0.none", "w3.call"}
    assert done.manifest.selection["only"] == [
        f"mine:{i}" for i in ("w0.call", "w0.none", "w3.call")
    ]
    assert done.manifest.adapter is not None
    assert done.manifest.command[0] == "pytest"
    assert f"{wrong} failed" in out
    assert "3 cases" in out
    assert "loading tiny-gemma3 with transformers" in out
    assert f"run: {file}" in out
    again, quiet = call(*words, "--callbench-dialect", "gemma", "--callbench-max-tokens", "5", "-q")
    assert (again, "loading" in quiet) == (code, False)
    assert len(list((home / "runs").glob("*.jsonl"))) == 2


def test_a_part_of_a_suite_is_resumed_as_that_part(
    suite_file: Path, target: Target, script: dict[str, str]
) -> None:
    from bench.runner import resume

    engine = ScriptedEngine(script)
    part = Chosen(names=(str(suite_file),), only=("mine:w0.call", "mine:w1.none"))
    done = run(part, target, Settings(batch_size=1), engine)
    file = Path(done.path)
    whole = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(whole[:2]), encoding="utf-8")
    found = resume(file, ScriptedEngine(script))
    assert {r.id for r in found.records} == {"w0.call", "w1.none"}
    assert found.complete


def test_a_target_that_cannot_be_loaded_is_one_line(
    call: Pytest,
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
    suite_file: Path,
) -> None:
    words = ("--callbench", suite_file, "--callbench-target")
    code, out = call(*words, tiny_models["gemma3"], "-q")
    assert (code, "has no registered dialect" in out) == (4, True)
    dead = f"{tiny_models['gemma3']}+{tiny_adapters['gemma3']['dead']}"
    code, out = call(*words, dead, "--callbench-dialect", "gemma", "-q")
    assert code in (3, 4)
    assert "dead" in out
