"""`callbench run --samples K --vary KINDS` on a tiny real model, and what the command line refuses."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.cli import main
from bench.store import Run, read_run
from suites.vary import kind_of

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def refuse(capsys: Capture) -> Callable[..., str]:
    """Runs a command that must exit 2 with one line on stderr and nothing on stdout."""

    def call(*arguments: object) -> str:
        assert main([str(a) for a in arguments]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "unexpected" not in err
        return err

    return call


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--samples", "3"], "--samples 3 needs --temperature above 0"),
        (["--samples", "0"], "--samples must be at least 1"),
        (["--vary", "oder"], "no kind of variant 'oder'; did you mean 'order'?"),
        (["--vary", "order,name"], "no kind of variant 'name'; did you mean 'names'?"),
        (["--vary", "order,order"], "the kind of variant 'order' is named twice"),
        (["--vary", " ,"], "--vary names no kind of variant; there are: order, names, distractors"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(
    words: list[str], said: str, refuse: Callable[..., str], tmp_path: Path
) -> None:
    assert said in refuse("run", "call", *words)
    file = tmp_path / "settings.yaml"
    file.write_text(f"suites: call\n{words[0][2:]}: '{words[1]}'\n")
    assert said in refuse("run", "--config", file)


@pytest.mark.parametrize("flag", [["--samples", "2"], ["--vary", "order"]])
def test_resume_takes_neither(flag: list[str], refuse: Callable[..., str]) -> None:
    assert f"--resume takes {flag[0]} from the run" in refuse("run", "--resume", "x", *flag)


def test_a_case_that_cannot_be_varied_is_refused_before_the_model_is_loaded(
    refuse: Callable[..., str], suite_file: Path
) -> None:
    said = refuse("run", suite_file, "--vary", "distractors")
    assert "'w0.call', and distractors need 3: leave them out of --vary" in said


def texts(run: Run) -> dict[tuple[str, str, int], tuple[str, bool]]:
    return {r.key: (r.text, r.verdict.passed) for r in run.records}


def test_a_real_run_of_samples_and_variants(
    tiny_models: dict[str, Path], tmp_path: Path, home: Path, capsys: Capture
) -> None:
    """By config file: every case and variant is asked twice, in tables of their own; the first samples
    say what they say alone; a cut-off file is finished to the same run."""
    config = tmp_path / "settings.yaml"
    config.write_text(
        f"suites: [call]\nmodel: {tiny_models['gemma3']}\ndialect: gemma\ndevice: cpu\nmax_tokens: 6\n"
        "limit: 3\nbatch_size: 2\ntemperature: 0.9\n"
    )

    def run(*words: str) -> tuple[Run, Any]:
        before = set((home / "runs").glob("*.jsonl"))
        assert main(["run", "--config", str(config), "--json", *words]) == 0
        (path,) = set((home / "runs").glob("*.jsonl")) - before
        return read_run(path), json.loads(capsys.readouterr().out)[0]

    config.write_text(config.read_text() + "samples: 2\nvary: [names, order]\n")
    found, data = run()
    assert len(found.records) == 3 * 3 * 2
    assert [kind_of(r.case) for r in found.records[:9]] == [None] * 3 + ["order"] * 3 + [
        "names"
    ] * 3
    assert (data["samples"], data["scores"][0]["n"]) == (2, 6)
    assert [(r["suite"], r["cases"]) for r in data["repeats"]] == [("all", 3), ("call", 3)]
    assert [x["variant"] for x in data["invariance"]] == ["order", "names"]

    said = texts(found)
    assert {k: v for k, v in said.items() if k[2] == 0} != {
        (*k[:2], 0): v for k, v in said.items() if k[2] == 1
    }
    alone, _ = run("--samples", "1", "--vary", "names")
    assert texts(alone).items() <= said.items()

    path = Path(found.path)
    lines = path.read_bytes().splitlines(keepends=True)
    for whole in (3, 10, 16):
        path.write_bytes(b"".join(lines[:whole]) + lines[whole][:50])
        assert main(["run", "--resume", str(path)]) == 0
        out = capsys.readouterr().out
        assert texts(read_run(path)) == said
        assert "Repeats: how steadily the cases pass" in out
        assert "Invariance: the same truth in another form" in out
