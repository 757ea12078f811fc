"""docs/python.md: its Python runs on a tiny model, its pytest lines collect, its failure is a real one."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bench.engines import ScriptedEngine
from bench.plan import Settings
from bench.runner import Chosen, run
from tests.bench.test_pytest_plugin import PLUGIN, ROOT

PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
SUITE = (ROOT / "docs" / "own-suite.md").read_text(encoding="utf-8")


def _blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", page, re.MULTILINE | re.DOTALL)


TYPED = [line for block in _blocks(PAGE, "sh") for line in block.splitlines()]


@pytest.fixture
def folder(
    tmp_path: Path,
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A working folder with what the page speaks of: my-model, my-lora and my_cases.yaml."""
    found = tmp_path / "work"
    found.mkdir()
    (found / "my-model").symlink_to(tiny_models["gemma3"])
    (found / "my-lora").symlink_to(tiny_adapters["gemma3"]["a"])
    (found / "my_cases.yaml").write_text(_blocks(SUITE, "yaml")[0], encoding="utf-8")
    monkeypatch.chdir(found)
    return found


def _typed(folder: Path, *words: str) -> tuple[int, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("CI", "BUILD_NUMBER")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *PLUGIN, *words],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "84"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_python_of_the_page_runs_as_it_stands(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert folder == Path.cwd()
    blocks = _blocks(PAGE, "python")
    assert len(blocks) == 7
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)
    out = capsys.readouterr().out
    assert "max tokens (16 against 8)" in out
    assert "FORCED: " in out
    assert "tiny-gemma3+a on call/dev: " in out


@pytest.mark.parametrize("line", TYPED)
def test_every_pytest_line_of_the_page_collects_cases(line: str, folder: Path) -> None:
    command, *words = shlex.split(line)
    assert command == "pytest"
    code, out = _typed(folder, *words, "--collect-only", "-q")
    assert code == 0
    assert re.search(r"^callbench(::(my_cases|call|output)/dev::\S+|: \d+)$", out, re.MULTILINE)
    assert not list(folder.glob(".callbench"))


def test_the_failure_of_the_page_is_a_real_one(folder: Path) -> None:
    from adapters import resolve

    target = resolve("my-model", dialect="gemma")
    said = ScriptedEngine(lambda _: "It is raining.")
    made = run(Chosen(names=("my_cases.yaml",)), target, Settings(), said)
    code, out = _typed(folder, "--callbench", "my_cases.yaml", f"--callbench-target={made.path}")
    (shown,) = _blocks(PAGE, "text")
    head, *rest = shown.splitlines()
    assert code == 1
    assert head.strip("_") == " my_cases:my_cases-001 "
    assert "\n".join(rest) in out
    node = re.findall(r"`pytest (--callbench my_cases.yaml callbench::\S+)`", PAGE)
    assert len(node) == 1
    words = [*node[0].split(), f"--callbench-target={made.path}", "-q"]
    assert "1 failed" in _typed(folder, *words)[1]
