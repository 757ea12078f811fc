"""The pytest plugin, in real pytest processes: cases as items, one run for all, clear failures."""

import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.engines import ScriptedEngine
from bench.plan import Settings
from bench.runner import Chosen, run
from bench.store import Run, read_run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def measured(chosen: Chosen, target: object, script: dict[str, str], home: Path) -> Run:
    """Twelve scripted replies, four of them wrong."""
    assert not home.exists()
    return run(chosen, target, Settings(), ScriptedEngine(script))  # type: ignore[arg-type]


def call(folder: Path, *arguments: object) -> "subprocess.CompletedProcess[str]":
    """pytest in an empty folder, with the plugin of this checkout."""
    folder.mkdir(exist_ok=True)
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import pytest; sys.exit(pytest.main())"
    command = [sys.executable, "-c", code, "-p", "no:cacheprovider"]
    command += ["--rootdir", str(folder)]
    return subprocess.run(
        [*command, *map(str, arguments)], cwd=folder, capture_output=True, text=True, check=False
    )


def test_the_entry_point_names_the_plugin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["entry-points"]["pytest11"] == {"callbench": "bench.plugin"}
    import bench.plugin as plugin

    assert callable(plugin.pytest_addoption)


def test_a_finished_run_becomes_items_that_pass_or_say_why_not(
    measured: Run, suite_file: Path, tmp_path: Path
) -> None:
    junit = tmp_path / "cases.xml"
    done = call(
        tmp_path / "empty",
        *("--callbench", suite_file, "--callbench-target", measured.path),
        *("--junitxml", junit, "-v"),
    )
    assert done.returncode == 1
    wrong = {r.id: r for r in measured.records if not r.verdict.passed}
    assert f"{len(wrong)} failed, {12 - len(wrong)} passed" in done.stdout
    assert "callbench::mine/dev::w0.call PASSED" in done.stdout
    assert f"callbench run: {measured.path}" in done.stdout
    for record in wrong.values():
        assert f"{record.verdict.failure.value}: " in done.stdout  # type: ignore[union-attr]
    assert "request:  Please: what is the weather like in Graz?" in done.stdout
    assert 'expected: get_weather(city="Graz")' in done.stdout
    assert 'actual:   get_weather(city="Oslo")' in done.stdout
    assert "Traceback" not in done.stdout
    cases = ElementTree.parse(junit).getroot().iter("testcase")
    failed = {c.get("name") for c in cases if c.find("failure") is not None}
    assert failed == set(wrong)


def test_only_what_is_left_after_k_is_asked_of_a_model(
    home: Path, suite_file: Path, tmp_path: Path, tiny_models: dict[str, Path]
) -> None:
    done = call(
        tmp_path / "empty",
        *("--callbench", suite_file, "--callbench-target", tiny_models["gemma3"]),
        *("--callbench-dialect", "gemma", "--callbench-max-tokens", 4, "-k", "w1 or w2"),
    )
    assert "4 failed" in done.stdout or "failed" in done.stdout
    (file,) = (home / "runs").glob("*.jsonl")
    assert {r.id for r in read_run(file).records} == {"w1.call", "w1.none", "w2.call", "w2.none"}
    assert f"callbench run: {file}" in done.stdout


def test_collecting_asks_nobody(home: Path, suite_file: Path, tmp_path: Path) -> None:
    done = call(
        tmp_path / "empty",
        *("--callbench", suite_file, "--callbench-target", "no-such-model"),
        *("--collect-only", "-q", "-k", "none"),
    )
    assert done.returncode == 0
    assert done.stdout.count("callbench::mine/dev::") == 6
    assert not home.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--callbench", "cal"), "callbench: there is no suite 'cal'"),
        (("--callbench-target", "x"), "--callbench-target needs --callbench SUITE"),
        (("--callbench", "call", "--callbench-target", "no-such"), "there is no model 'no-such'"),
    ],
)
def test_what_cannot_be_meant_is_one_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path, home: Path
) -> None:
    done = call(tmp_path / "empty", *arguments)
    assert done.returncode == 4
    assert message in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert not home.exists()


def test_a_case_that_the_run_does_not_have_fails_and_says_so(
    measured: Run, suite_file: Path, tmp_path: Path
) -> None:
    text = suite_file.read_text("utf-8").replace("in Oslo?", "in Oslo today?")
    suite_file.write_text(text, encoding="utf-8")
    done = call(tmp_path / "empty", "--callbench", suite_file, "--callbench-target", measured.path)
    assert done.returncode == 1
    assert "w0.call asks something else than it did in the run" in done.stdout


def test_without_its_option_the_plugin_does_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "test_own.py").write_text(
        "import sys\n\ndef test_own():\n"
        "    assert not {'torch', 'pandas', 'suites', 'adapters'} & set(sys.modules)\n",
        encoding="utf-8",
    )
    done = call(folder)
    assert (done.returncode, "1 passed" in done.stdout) == (0, True)
