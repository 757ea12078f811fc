"""`callbench run`, `report` and `compare` on real files: a tiny real model, and scripted runs."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters import Target
from bench.cli import main
from bench.engines import ScriptedEngine
from bench.plan import Settings
from bench.runner import Chosen, run
from bench.store import Run, read_run

Refuse = Callable[..., str]
Output = Callable[..., str]


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str]) -> Output:
    """Runs a command that must exit 0; returns what it wrote on stdout."""

    def call(*arguments: object) -> str:
        assert main([str(a) for a in arguments]) == 0
        return capsys.readouterr().out

    return call


@pytest.fixture
def refuse(capsys: pytest.CaptureFixture[str]) -> Refuse:
    """Runs a command that must exit 2 with one line on stderr and nothing on stdout."""

    def call(*arguments: object) -> str:
        assert main([str(a) for a in arguments]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "unexpected" not in err
        return err

    return call


@pytest.fixture
def runs(chosen: Chosen, target: Target, script: dict[str, str], home: Path) -> list[Run]:
    """Two runs in home: one of scripted replies, one in which every reply declines."""
    assert not home.exists()
    declined = dict.fromkeys(script, "I am sorry, I cannot do that.")
    return [run(chosen, target, Settings(), ScriptedEngine(said)) for said in (script, declined)]


def _config(folder: Path, text: str) -> Path:
    file = folder / "settings.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_report_says_what_the_run_file_says(runs: list[Run], output: Output) -> None:
    (data,) = json.loads(output("report", runs[0].path, "--json"))
    passed = sum(r.verdict.passed for r in runs[0].records)
    assert data["run"] == runs[0].manifest.run_id
    assert (data["scores"][0]["n"], data["scores"][0]["passed"]) == (12, passed)
    assert 0 < passed < 12


def test_report_takes_a_path_a_url_a_run_id_and_the_start_of_one(
    runs: list[Run], output: Output
) -> None:
    run_id = runs[0].manifest.run_id
    by_path = output("report", runs[0].path)
    for name in (f"file://{runs[0].path}", run_id, run_id[:-1]):
        assert output("report", name).replace("file://", "") == by_path


def test_a_start_that_fits_two_runs_is_refused(runs: list[Run], refuse: Refuse) -> None:
    start = runs[0].manifest.run_id[:6]
    line = refuse("report", start)
    assert f"'{start}' fits 2 runs" in line
    assert runs[1].manifest.run_id in line


def test_a_run_that_is_not_there_is_refused_with_those_that_are(
    runs: list[Run], refuse: Refuse
) -> None:
    line = refuse("compare", runs[0].path, "99990101")
    assert "there is no run '99990101'" in line
    assert "did you mean" in line or runs[0].manifest.run_id in line


@pytest.mark.parametrize("command", ["report", "compare"])
def test_every_form_is_written(command: str, runs: list[Run], output: Output) -> None:
    words = [command, *(r.path for r in runs)]
    plain = output(*words)
    assert output(*words, "--format", "table") == plain
    assert "---" in plain
    markdown = output(*words, "--format", "markdown")
    assert markdown.startswith("### ")
    assert all(line.endswith("|") for line in markdown.splitlines() if line.startswith("|"))
    rows = list(csv.reader(io.StringIO(output(*words, "--format", "csv"))))
    assert rows[0][:3] == ["suite", "category", "n"]
    assert rows[1][:3] == ["all", "", "12"]
    assert json.loads(output(*words, "--format", "json")) == json.loads(output(*words, "--json"))


def test_compare_counts_what_changed(runs: list[Run], output: Output) -> None:
    data = json.loads(output("compare", runs[0].path, runs[1].manifest.run_id, "--json"))
    first, second = ({r.id: r.verdict.passed for r in x.records} for x in runs)
    fixed = {i for i in first if second[i] and not first[i]}
    broken = {i for i in first if first[i] and not second[i]}
    assert fixed
    assert broken
    assert {x["id"] for x in data["fixed"]} == fixed
    assert {x["id"] for x in data["broken"]} == broken
    assert (data["scores"][0]["fixed"], data["scores"][0]["broken"]) == (len(fixed), len(broken))


def test_an_unfinished_run_is_reported_as_such(runs: list[Run], output: Output) -> None:
    file = Path(runs[0].path)
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    file.write_text("".join(lines[:5]) + lines[5][:40], encoding="utf-8")
    assert "NOT COMPLETE" in output("report", file)
    (data,) = json.loads(output("report", file, "--json"))
    assert data["complete"] is False
    assert data["scores"][0]["n"] == 4


def test_a_finished_run_is_resumed_by_showing_it(runs: list[Run], output: Output) -> None:
    before = Path(runs[0].path).read_bytes()
    resumed = output("run", "--resume", runs[0].manifest.run_id)
    assert resumed == output("report", runs[0].path)
    assert Path(runs[0].path).read_bytes() == before


def test_resume_of_a_run_whose_suite_changed_is_refused(
    runs: list[Run], refuse: Refuse, suite_file: Path
) -> None:
    text = suite_file.read_text(encoding="utf-8")
    changed = suite_file.with_name("other.jsonl")
    changed.write_text(text.replace("Oslo", "Rome"), encoding="utf-8")
    run_file = Path(runs[0].path)
    manifest, *rest = run_file.read_text(encoding="utf-8").splitlines(keepends=True)
    manifest = manifest.replace(str(suite_file), str(changed))
    run_file.write_text("".join([manifest, *rest]), encoding="utf-8")
    assert "the suites changed since" in refuse("run", "--resume", run_file)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sots: 3\n", "unknown setting 'sots'; did you mean 'shots'?"),
        ("resume: x\n", "unknown setting 'resume'"),
        ("- call\n", "must map settings to values"),
        ("", "must map settings to values"),
        ("suites: [\n", "settings.yaml:2: broken YAML"),
        ("suites: call\nsuites: output\n", "settings.yaml:2: key 'suites' stands twice"),
        ("suites: [cal]\n", "there is no suite 'cal'"),
        ("suites: call\ntop_p: 0.5\n", "--top-p has no meaning"),
        ("suites: call\ntop-p: 0.5\n", "--top-p has no meaning"),
        ("suites: call\nno_base: true\n", "--no-base leaves nothing"),
        ("suites: call\ndialect: gema\n", "there is no dialect 'gema'"),
        ("shots: 3\n", "name a suite"),
    ],
)
def test_a_setting_of_the_config_file_is_refused_like_one_that_was_typed(
    text: str, words: str, refuse: Refuse, tmp_path: Path
) -> None:
    assert words in refuse("run", "--config", _config(tmp_path, text))


def test_a_config_file_that_cannot_be_read_is_refused(refuse: Refuse, tmp_path: Path) -> None:
    assert "cannot read" in refuse("run", "--config", tmp_path / "missing.yaml")
    assert "cannot read" in refuse("run", "call", "--config", tmp_path)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["--dialect", "chatml"], "--top-p has no meaning"),
        (["--top-p", "1"], "there is no dialect 'gema'"),
        (["--temperature", "1"], "there is no dialect 'gema'"),
        (["--top-p", "1", "--dialect", "gemma"], "there is no suite 'cal'"),
        (["--top-p", "1", "--dialect", "gemma", "call"], "there is no model 'modell'"),
        (["output", "--top-p", "1", "--dialect", "gemma"], "there is no model 'modell'"),
    ],
)
def test_what_was_typed_wins_over_the_config_file(
    typed: list[str], words: str, refuse: Refuse, tmp_path: Path
) -> None:
    """Each refusal is the first one left when the typed values replace those of the file."""
    text = "suites: [cal]\ntop_p: 0.5\ndialect: gema\nmodel: modell\n"
    file = _config(tmp_path, text)
    assert words in refuse("run", *typed, "--config", file)
    assert words in refuse("run", "--config", file, *typed)


def test_a_real_run_merges_its_config_and_leaves_a_run_file_and_a_report(
    tiny_models: dict[str, Path],
    suite_file: Path,
    tmp_path: Path,
    home: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = _config(
        tmp_path,
        f"suites: [{suite_file}]\nmodel: {tiny_models['gemma3']}\ndialect: gemma\ndevice: cpu\n"
        "max_tokens: 3\nbatch_size: 4\nlimit: 3\nseed: 5\nformat: json\n",
    )
    store = tmp_path / "copies"
    words = ["run", "--config", str(config), "--batch-size", "2", "--seed", "0"]
    assert main([*words, "--store", str(store)]) == 0
    out, err = capsys.readouterr()
    (data,) = json.loads(out)
    (file,) = (home / "runs").glob("*.jsonl")
    done = read_run(file)
    sampling: dict[str, Any] = done.manifest.sampling
    assert (sampling["max_tokens"], sampling["batch_size"], sampling["seed"]) == (3, 2, 0)
    assert done.manifest.dialect == "gemma"
    assert list(done.manifest.command) == [*words, "--store", str(store)]
    assert done.complete
    assert len(done.records) == data["scores"][0]["n"] == 3
    assert all(0 < r.completion_tokens <= 3 for r in done.records)
    (page,) = (home / "reports").glob("*.md")
    assert page.read_text(encoding="utf-8").startswith("### Pass rate")
    assert str(file) in err
    assert str(page) in err
    (copy,) = store.glob("*.jsonl")
    assert copy.read_bytes() == file.read_bytes()
