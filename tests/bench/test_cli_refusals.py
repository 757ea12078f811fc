"""Refusals of the command line: one line, the right exit code, and the remedy or the neighbour."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bench.cli import main

TOOL = {"name": "ring", "description": "Ring.", "parameters": {"times": "integer"}}
CALL = {"function_call": {"name": "ring", "arguments": {"times": 2}}}
CASE = {"id": "one", "tools": [TOOL], "user": "Ring twice.", "model": CALL}

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    "parameters",
    [
        {"times": {"type": "whole"}},
        {"times": {"type": "integer", "minimum": "x"}},
        {"type": "object", "properties": 5},
    ],
)
def test_check_of_a_schema_that_is_none_exits_1(
    parameters: Any, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text(json.dumps({**CASE, "tools": [{**TOOL, "parameters": parameters}]}))
    assert main(["suites", "check", str(file), "--json"]) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert "schema" in {f["check"] for f in row["findings"]}


@pytest.mark.parametrize("names", [["call", "call"], ["smoke", "call"]])
def test_a_suite_named_twice_is_refused(names: list[str], capsys: Capture) -> None:
    assert main(["run", *names]) == 2
    assert "is named twice" in capsys.readouterr().err


def test_a_case_id_is_met_with_its_neighbour(capsys: Capture) -> None:
    assert main(["suites", "show", "call", "weather.rain-bergen.cal"]) == 2
    assert "did you mean 'weather.rain-bergen.call'?" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["**", "a" * 300])
def test_a_strange_run_name_is_a_refusal(name: str, capsys: Capture) -> None:
    assert main(["report", name]) == 2
    assert "unexpected" not in capsys.readouterr().err


def test_a_run_id_is_no_glob(capsys: Capture, home: Path) -> None:
    (home / "runs").mkdir(parents=True)
    (home / "runs" / "20260101-x.jsonl").write_text("")
    assert main(["report", "2026*-x"]) == 2
    assert "there is no run" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["suites: call\nno_base: 3\n", "suites: call\nmodel: null\n"])
def test_a_setting_of_the_wrong_kind_names_the_file_and_the_key(
    text: str, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(text)
    assert main(["run", "--config", str(file)]) == 2
    assert re.search(r"no_base|model ", capsys.readouterr().err)


@pytest.mark.parametrize("text", ["max_tokens: many\n", "format: xml\n", "limit: null\n"])
def test_a_setting_that_cannot_be_converted_is_one_line(
    text: str, tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "s.yaml"
    file.write_text("suites: call\n" + text)
    try:
        code = main(["run", "--config", str(file)])
    except SystemExit as done:
        code = done.code
    assert code == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert "s.yaml" in err


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_temperature_must_be_a_finite_number(value: str, capsys: Capture) -> None:
    assert main(["run", "call", "--temperature", value, "--model", "nope"]) == 2
    assert "--temperature" in capsys.readouterr().err


@pytest.mark.parametrize(
    "extra", [["--device", "bogus"], ["--dtype", "bogus"], ["--dtype", "Tensor"]]
)
def test_device_and_dtype_are_refused_by_name(
    extra: list[str], tiny_models: dict[str, Path], suite_file: Path, capsys: Capture
) -> None:
    words = ["run", str(suite_file), "--model", str(tiny_models["gemma3"]), "--dialect", "gemma"]
    assert main([*words, "--limit", "1", "--max-tokens", "1", *extra]) == 2
    err = capsys.readouterr().err.splitlines()[-1]
    assert f"{extra[0][2:]}" in err
    assert "cannot be loaded" not in err
