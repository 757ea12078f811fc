"""Measuring and comparing from Python: the same runs as the command line's, as frames and escaped tables."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench import load_run, run
from bench.errors import UsageError
from bench.plan import Settings
from bench.store import read_run
from reports import compare, summarise
from tests.made_runs import rows, two_runs, write_run
from tests.reports.hostile import hostile_run

PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")


@pytest.fixture
def measured(home: Path, tiny_models: dict[str, Path]) -> Any:
    """A tiny real model on four cases."""
    assert not home.exists()
    return run(
        "call",
        model=str(tiny_models["gemma3"]),
        dialect="gemma",
        limit=4,
        device="cpu",
        settings=Settings(max_tokens=4),
    )


def test_a_run_from_python_is_the_run_file_that_it_leaves(measured: Any, home: Path) -> None:
    (one,) = measured
    assert Path(one.path).parent == home / "runs"
    read = read_run(one.path)
    assert list(one.frame["id"]) == [r.id for r in read.records]
    assert one.manifest == read.manifest
    assert list(one.summary["n"]) == [line.score.n for line in summarise(read).lines]
    assert (one.summary["low"] <= one.summary["high"]).all()
    assert load_run(one.path).run == read
    assert "Pass rate" in repr(one)
    assert "<table>" in one._repr_html_()
    assert len(measured[:1]) == 1
    pd.testing.assert_frame_equal(measured.frame, one.frame)


def test_comparisons_are_those_of_the_command_line(tmp_path: Path) -> None:
    cases = rows("call", 60, size=2, categories=("direct", "negated"))
    first, second = two_runs(cases[:30], broken=cases[30:33], fixed=cases[33:])
    found = compare(write_run(first, tmp_path), load_run(write_run(second, tmp_path)))
    frame = found.frame
    whole = frame[frame["suite"] == "all"].iloc[0]
    assert (whole["n"], whole["fixed"], whole["broken"]) == (60, 27, 3)
    assert whole["verdict"] == "better"
    assert (whole["passed_first"], whole["passed_second"]) == (33, 57)
    assert list(found.cases["fate"]).count("broken") == 3
    assert found.migration["cases"].sum() == 60
    assert "better" in repr(found)
    assert found._repr_html_().count("<table>") == len(found.tables)


def test_other_conditions_are_refused_without_force() -> None:
    first, second = two_runs(rows("call", 4), dtype="bfloat16")
    with pytest.raises(UsageError, match="dtype"):
        compare(first, second)
    assert any("dtype" in note for note in compare(first, second, force=True).notes)
    with pytest.raises(UsageError, match="at least one other run"):
        compare(first)


def test_hostile_texts_stay_texts_in_a_notebook() -> None:
    found = compare(hostile_run(True), hostile_run(False, run_id="2", target="tuned"))
    shown = found._repr_html_()
    assert not re.search(r"<(script|img|svg|b)\b", shown)
    assert "&lt;script&gt;" in shown
    assert "\u202e" not in shown
    assert len(shown) < 300_000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "name a suite"),
        ({"suites": ("call",), "devise": "cpu"}, "no option 'devise'"),
        ({"suites": ("call",), "adapters": "mine"}, "lists of names"),
        ({"suites": ("call",), "limit": 0}, "limit must be at least 1"),
        ({"suites": ("call",), "engine": "vlm"}, "no engine 'vlm'"),
    ],
)
def test_what_cannot_be_meant_is_refused(arguments: dict[str, Any], message: str) -> None:
    suites = arguments.pop("suites", ())
    with pytest.raises(UsageError, match=message):
        run(*suites, **arguments)


def test_importing_the_packages_loads_nothing_heavy() -> None:
    code = (
        "import bench, sys; bench.__all__; "
        "print([m for m in ('torch', 'pandas', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("block", re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S))
def test_every_example_of_the_page_runs(
    block: str,
    home: Path,
    tmp_path: Path,
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
) -> None:
    """On a tiny model in place of the real one, and two made runs."""
    assert not home.exists()
    first, second = two_runs(rows("call", 12), broken=rows("call", 3), fixed=[])
    block = block.replace('"gemma-3-270m-calls"', repr(str(tiny_adapters["gemma3"]["a"])))
    block = block.replace(
        '"gemma-3-270m"', f'{str(tiny_models["gemma3"])!r}, dialect="gemma"'
    ).replace("limit=20", "limit=2")
    names = {"FIRST": write_run(first, tmp_path), "SECOND": write_run(second, tmp_path)}
    exec(compile(block, "docs/python.md", "exec"), names)
