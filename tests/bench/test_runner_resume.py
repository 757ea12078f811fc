"""An interrupted run, resumed, is the run that was never interrupted."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
from safetensors.numpy import save_file

from adapters import Target, resolve
from bench.engines import Completion, Request, ScriptedEngine
from bench.errors import InfrastructureError, UsageError
from bench.plan import Settings, reply_seed
from bench.runner import Chosen, resume, run
from bench.store import Run, RunWriter, read_run

Script = dict[str, str]
SETTINGS = Settings(batch_size=4)


def judged(found: Run) -> dict[tuple[str, str, int], Any]:
    """What must not depend on interruptions: everything but the time it took."""
    return {r.key: r.model_copy(update={"seconds": 0.0}) for r in found.records}


def stopping(script: Script, batches: int, error: BaseException) -> ScriptedEngine:
    """An engine that fails after so many batches of four."""
    asked: list[str] = []

    def reply(request: Request) -> str:
        asked.append(request.id)
        if len(asked) > 4 * batches:
            raise error
        return script[request.id]

    return ScriptedEngine(reply)


@pytest.fixture
def whole(chosen: Chosen, target: Target, script: Script, tmp_path: Path) -> Run:
    """The uninterrupted run."""
    folder = tmp_path / "whole"
    folder.mkdir()
    return run(chosen, target, SETTINGS, ScriptedEngine(script), folder=folder)


@pytest.fixture
def interrupted(chosen: Chosen, target: Target, script: Script, home: Path) -> Callable[..., Path]:
    """The file of a run that stopped after some batches."""

    def build(batches: int = 1, error: BaseException | None = None) -> Path:
        engine = stopping(script, batches, error or KeyboardInterrupt())
        with pytest.raises(InfrastructureError):
            run(chosen, target, SETTINGS, engine)
        (path,) = (home / "runs").glob("*.jsonl")
        return path

    return build


@pytest.mark.parametrize("error", [KeyboardInterrupt(), InfrastructureError("the engine died")])
@pytest.mark.parametrize("batches", [0, 1, 2])
def test_resuming_equals_never_stopping(
    batches: int,
    error: BaseException,
    interrupted: Callable[..., Path],
    script: Script,
    whole: Run,
) -> None:
    path = interrupted(batches, error)
    assert len(read_run(path).records) == 4 * batches
    found = resume(path, ScriptedEngine(script))
    assert judged(found) == judged(whole)
    assert found.complete
    assert found.end is not None
    assert whole.end is not None
    assert (found.end.passed, found.end.scored) == (whole.end.passed, whole.end.scored)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["kind"] for line in lines] == ["manifest", *["case"] * 12, "end"]
    assert len({line["id"] for line in lines[1:-1]}) == 12


def test_the_message_says_what_is_kept_and_how_to_go_on(
    chosen: Chosen, target: Target, script: Script, home: Path
) -> None:
    with pytest.raises(InfrastructureError) as caught:
        run(chosen, target, SETTINGS, stopping(script, 2, KeyboardInterrupt()))
    (path,) = (home / "runs").glob("*.jsonl")
    assert str(caught.value) == (
        f"interrupted; 8 of 12 cases are in {path}; go on with: callbench run --resume {path}"
    )


def test_a_run_can_be_interrupted_again_and_again(
    interrupted: Callable[..., Path], script: Script, whole: Run
) -> None:
    path = interrupted(0)
    for _ in range(2):
        with pytest.raises(InfrastructureError):
            resume(path, stopping(script, 1, KeyboardInterrupt()))
    assert len(read_run(path).records) == 8
    assert judged(resume(path, ScriptedEngine(script))) == judged(whole)


def test_a_batch_of_which_a_part_is_done_is_generated_whole_and_written_in_part(
    chosen: Chosen, target: Target, script: Script, home: Path, whole: Run
) -> None:
    """Its shape decides the last bits of what a real engine replies."""
    engine = ScriptedEngine(script)
    path = Path(run(chosen, target, SETTINGS, engine).path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:7]) + lines[7][:100])  # six cases, and a torn line
    again = ScriptedEngine(script)
    assert judged(resume(path, again)) == judged(whole)
    assert again.batches == engine.batches[1:]
    assert len(path.read_bytes().splitlines()) == 14
    assert list((home / "runs").iterdir()) == [path]


def test_a_finished_run_is_returned_as_it_is(whole: Run) -> None:
    before = Path(whole.path).read_bytes()
    engine = ScriptedEngine({})
    assert resume(Path(whole.path), engine) == whole
    assert engine.batches == []
    assert Path(whole.path).read_bytes() == before


def test_cases_that_ended_in_an_error_are_asked_again(
    chosen: Chosen, target: Target, script: Script, home: Path, whole: Run
) -> None:
    def reply(request: Request) -> str | Completion:
        if request.id not in ("mine:w0.call", "mine:w5.none"):
            return script[request.id]
        sizes = {"prompt_tokens": 1, "completion_tokens": 0}
        return Completion(id=request.id, text="", finish="error", error="reset", **sizes)

    with pytest.raises(InfrastructureError, match="2 cases got no reply"):
        run(chosen, target, SETTINGS, ScriptedEngine(reply))
    (path,) = (home / "runs").glob("*.jsonl")
    with pytest.raises(InfrastructureError, match="2 cases got no reply"):
        resume(path, ScriptedEngine(reply))
    found = resume(path, ScriptedEngine(script))
    assert judged(found) == judged(whole)
    assert found.complete


def test_settings_shots_and_adapter_come_from_the_manifest(
    chosen: Chosen,
    model_folder: Path,
    tiny_adapters: dict[str, dict[str, Path]],
    home: Path,
) -> None:
    asked: list[Request] = []

    def reply(request: Request) -> str:
        asked.append(request)
        if len(asked) == 4:
            raise KeyboardInterrupt
        return "hello"

    target = resolve(f"{model_folder}+{tiny_adapters['gemma3']['a']}", dialect="chatml")
    settings = Settings(batch_size=3, max_tokens=9, temperature=0.7, top_p=0.8, seed=5, shots=1)
    few = Chosen(names=chosen.names, pattern="*.call", limit=5)
    with pytest.raises(InfrastructureError):
        run(few, target, settings, ScriptedEngine(reply))
    (path,) = (home / "runs").glob("*.jsonl")
    found = resume(path, ScriptedEngine(reply))
    assert len(found.records) == 5
    assert asked[4] == asked[3]
    assert {(r.adapter, r.dialect.name, r.max_tokens) for r in asked} == {("a", "chatml", 9)}
    assert {r.seed for r in asked} == {reply_seed(5, r.id) for r in asked}


def test_changed_weights_are_refused(
    interrupted: Callable[..., Path], script: Script, model_folder: Path
) -> None:
    path = interrupted()
    before = path.read_bytes()
    save_file({"w": numpy.arange(6.0) + 1}, model_folder / "model.safetensors")
    with pytest.raises(UsageError, match=r"the weights of .* changed .*start a new run"):
        resume(path, ScriptedEngine(script))
    assert path.read_bytes() == before


def test_a_changed_adapter_is_refused(
    chosen: Chosen, model_folder: Path, script: Script, home: Path, tmp_path: Path
) -> None:
    adapter = tmp_path / "lora"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 4}')
    save_file({"w": numpy.zeros(3)}, adapter / "adapter_model.safetensors")
    target = resolve(f"{model_folder}+{adapter}", dialect="gemma")
    with pytest.raises(InfrastructureError):
        run(chosen, target, SETTINGS, stopping(script, 1, KeyboardInterrupt()))
    save_file({"w": numpy.ones(3)}, adapter / "adapter_model.safetensors")
    (path,) = (home / "runs").glob("*.jsonl")
    with pytest.raises(UsageError, match="the adapter changed"):
        resume(path, ScriptedEngine(script))


@pytest.mark.parametrize("field", ["name", "version"])
def test_another_engine_or_version_is_refused(
    field: str, interrupted: Callable[..., Path], script: Script
) -> None:
    engine = ScriptedEngine(script)
    setattr(engine, field, "other")
    with pytest.raises(UsageError, match=r"was begun with scripted 1, here is .*other"):
        resume(interrupted(), engine)
    assert engine.batches == []


def test_a_changed_suite_is_refused_by_the_command_line(
    interrupted: Callable[..., Path], suite_file: Path
) -> None:
    path = interrupted()
    suite_file.write_text(suite_file.read_text().replace("Linz", "Wels"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "bench.cli", "run", "--resume", str(path)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "the suites changed since" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_run_that_is_being_written_is_not_resumed(
    interrupted: Callable[..., Path], script: Script
) -> None:
    path = interrupted()
    writer = RunWriter(path)
    with pytest.raises(UsageError, match="being written by another"):
        resume(path, ScriptedEngine(script))
    writer.close()
    assert resume(path, ScriptedEngine(script)).complete
