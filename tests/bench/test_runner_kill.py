"""`kill -9` in the middle of a real run of a real (tiny) model, and the command line that goes on."""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from adapters import Target, resolve
from bench.cli import main
from bench.engines import Completion, EngineOptions, Request, ScriptedEngine
from bench.engines.local import TransformersEngine
from bench.errors import InfrastructureError
from bench.plan import Settings
from bench.runner import Chosen, resume, run_targets
from bench.store import Run, read_run

ROOT = Path(__file__).parents[2]
POLLS, PAUSE = 6000, 0.01


PLAIN = ("--limit", "16")
SAMPLED = ("--limit", "4", "--temperature", "0.9", "--samples", "2", "--vary", "order")


def arguments(model: Path, *more: str) -> list[str]:
    """Sixteen batches of one prompt, long enough to be met in the middle."""
    where = ["--model", str(model), "--dialect", "gemma", "--device", "cpu"]
    return ["run", "call", "--batch-size", "1", "--max-tokens", "32", *where, *more]


def replies_of(run: Run) -> dict[tuple[str, str, int], tuple[str, str, bool]]:
    return {r.key: (r.text, r.finish, r.verdict.passed) for r in run.records}


@pytest.mark.parametrize("more", [PLAIN, SAMPLED], ids=["greedy", "samples and variants"])
def test_a_killed_run_resumed_equals_a_whole_one(
    more: tuple[str, ...],
    home: Path,
    tiny_models: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    command = [sys.executable, "-m", "bench.cli", *arguments(tiny_models["gemma3"], *more)]
    victim = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    path = _wait_for_a_record(victim, home / "runs")
    victim.kill()
    assert victim.wait(30) == -9
    left = read_run(path)
    assert 1 <= len(left.records) < 16
    assert not left.complete

    assert main(["run", "--resume", str(path)]) == 0
    resumed = read_run(path)
    assert main(arguments(tiny_models["gemma3"], *more)) == 0
    (other,) = set((home / "runs").glob("*.jsonl")) - {path}
    whole = read_run(other)
    assert resumed.complete
    assert len(resumed.records) == 16
    assert resumed.records[: len(left.records)] == left.records
    assert replies_of(resumed) == replies_of(whole)
    assert resumed.end is not None
    assert whole.end is not None
    assert resumed.end.passed == whole.end.passed
    assert f"run:    {path}" in capsys.readouterr().err


def say(request: Request) -> str:
    return f"{request.adapter} on {request.id.rpartition('|')[2]}: {len(request.prompt)}"


VICTIM = """
import sys
from adapters import resolve
from bench.engines import ScriptedEngine
from bench.plan import Settings
from bench.runner import Chosen, run_targets
from tests.bench.test_runner_kill import say
suite, base, adapted, replies = sys.argv[1:]
asked = []
def slow(request):
    asked.append(request.id)
    if len(asked) > int(replies):
        print("here", flush=True)
        sys.stdin.read()
    return say(request)
targets = [resolve(name, dialect="gemma") for name in (base, adapted)]
engine = ScriptedEngine(slow, streamed=True)
run_targets(Chosen(names=(suite,), limit=30), targets, Settings(), engine)
"""


@pytest.mark.parametrize("replies", [5, 37, 59])
def test_a_killed_stream_of_two_targets_resumed_equals_a_whole_one(
    replies: int, target: Target, adapted: Target, home: Path, tmp_path: Path
) -> None:
    """At most the fifteen replies that came within a second of the last write are lost."""
    assert adapted.adapter is not None
    base = str(target.folder)
    words = ["call", base, f"{base}+{adapted.adapter.folder}", str(replies)]
    command = [sys.executable, "-c", VICTIM, *words]
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=null) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"here\n"
        victim.kill()
        assert victim.wait(30) == -9
    paths = {read_run(p).manifest.adapter: p for p in (home / "runs").glob("*.jsonl")}
    left = {adapter: read_run(path) for adapter, path in paths.items()}
    assert replies - 15 <= sum(len(run.records) for run in left.values()) <= replies

    chosen = Chosen(names=("call",), limit=30)
    engine = ScriptedEngine(say, streamed=True)
    whole = run_targets(chosen, [target, adapted], Settings(), engine, folder=tmp_path)
    for run in whole:
        adapter = run.manifest.adapter
        found = resume(paths[adapter], ScriptedEngine(say, streamed=True))
        assert found.complete
        assert replies_of(found) == replies_of(run)
        assert found.records[: len(left[adapter].records)] == left[adapter].records


class Interrupted(TransformersEngine):
    """Ctrl-C is pressed when the base has answered its second batch."""

    asked = 0

    def generate(self, requests: Sequence[Request]) -> list[Completion]:
        self.asked += 1
        if self.asked == 3:
            raise KeyboardInterrupt
        return super().generate(requests)


def test_the_commands_of_the_message_finish_both_runs(
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are run as they are printed, by a shell, in a home whose name has a blank."""
    home = tmp_path / "a home"
    monkeypatch.setenv("CALLBENCH_HOME", str(home))
    base = str(tiny_models["gemma3"])
    names = (base, f"{base}+{tiny_adapters['gemma3']['a']}")
    targets = [resolve(name, dialect="gemma") for name in names]
    assert targets[1].adapter is not None
    chosen, settings = Chosen(names=("call",), limit=6), Settings(batch_size=2, max_tokens=8)
    options = EngineOptions(device="cpu")
    engine = Interrupted(targets[0].folder, [targets[1].adapter], options=options)
    with pytest.raises(InfrastructureError) as caught:
        run_targets(chosen, targets, settings, engine)
    said = str(caught.value)
    shell = tmp_path / "bin" / "callbench"
    shell.parent.mkdir()
    shell.write_text(f'#!/bin/sh\nexec {sys.executable} -m bench.cli "$@" --device cpu\n')
    shell.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shell.parent}:{os.environ['PATH']}")
    done = subprocess.run(
        ["bash", "-c", said.partition("go on with: ")[2]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    paths = sorted((home / "runs").glob("*.jsonl"))
    found = {read_run(p).manifest.adapter: read_run(p) for p in paths}
    assert len(paths) == len(found) == 2
    engine.asked = 9
    for run in run_targets(chosen, targets, settings, engine, folder=tmp_path):
        resumed = found[run.manifest.adapter]
        assert resumed.complete
        assert replies_of(resumed) == replies_of(run)


def _wait_for_a_record(process: "subprocess.Popen[bytes]", folder: Path) -> Path:
    """The run file once its first record is whole; bounded, and over if the process ends by itself."""
    never = threading.Event()
    for _ in range(POLLS):
        found = list(folder.glob("*.jsonl"))
        if found and found[0].read_bytes().count(b"\n") >= 2:
            return found[0]
        assert process.poll() is None, "the run ended before it could be killed"
        never.wait(PAUSE)
    process.kill()
    raise AssertionError("no record came")
