"""`kill -9` in the middle of a real run of a real (tiny) model, and the command line that goes on."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bench.cli import main
from bench.store import Run, read_run

ROOT = Path(__file__).parents[2]
POLLS, PAUSE = 6000, 0.01


PLAIN = ("--limit", "16")
SAMPLED = ("--limit", "4", "--temperature", "0.9", "--samples", "2", "--vary", "order")


def arguments(model: Path, *more: str) -> list[str]:
    """Sixteen batches of one prompt, long enough to be met in the middle."""
    where = ["--model", str(model), "--dialect", "gemma", "--device", "cpu"]
    return ["run", "call", "--batch-size", "1", "--max-tokens", "32", *where, *more]


def replies(run: Run) -> dict[tuple[str, str, int], tuple[str, str, bool]]:
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
    assert replies(resumed) == replies(whole)
    assert resumed.end is not None
    assert whole.end is not None
    assert resumed.end.passed == whole.end.passed
    assert f"run:    {path}" in capsys.readouterr().err


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
