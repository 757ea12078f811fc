"""Whole runs through vLLM: several targets, one file each; interrupted and gone on with; Ctrl-C."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from adapters import Target
from bench.cache import Cache
from bench.engines import Completion, Request
from bench.engines.vllm import VllmEngine
from bench.errors import InfrastructureError, UsageError
from bench.plan import Settings
from bench.runner import Chosen, resume, run_targets
from bench.store import Run, read_run
from tests.vllm.conftest import NAMES

ROOT = Path(__file__).parents[2]
CHOSEN = Chosen(names=("smoke",), limit=4)
SETTINGS = Settings(max_tokens=16)
POLLS, PAUSE = 6000, 0.01


class Interrupted:
    """An engine whose user presses Ctrl-C behind so many replies."""

    whole_batches = False

    def __init__(self, engine: VllmEngine, replies: int) -> None:
        self._engine, self._replies = engine, replies
        self.name, self.version = engine.name, engine.version
        self.dtype, self.device, self.settings = engine.dtype, engine.device, engine.settings
        self.prompt_ids = engine.prompt_ids

    def generate(self, requests: Sequence[Request]) -> Iterator[Completion]:
        for number, completion in enumerate(self._engine.generate(requests)):
            if number == self._replies:
                raise KeyboardInterrupt
            yield completion


def judged(run: Run) -> dict[tuple[str, str, int], tuple[str, str, int, bool]]:
    return {r.key: (r.text, r.finish, r.completion_tokens, r.verdict.passed) for r in run.records}


@pytest.mark.parametrize(
    "settings",
    [SETTINGS, Settings(max_tokens=16, temperature=1.0, samples=3, seed=5)],
    ids=["greedy", "samples"],
)
def test_an_interrupted_stream_gone_on_with_equals_a_whole_one(
    settings: Settings, engine: VllmEngine, targets: dict[str, list[Target]], home: Path
) -> None:
    every = targets["gemma3"]
    with pytest.raises(
        InfrastructureError, match=r"interrupted; .*go on with: callbench run --resume"
    ):
        run_targets(CHOSEN, every, settings, Interrupted(engine, 23))
    files = sorted((home / "runs").glob("*.jsonl"))
    left = [read_run(f) for f in files]
    assert len(files) == 4
    assert sum(len(r.records) for r in left) == 23
    resumed = {r.manifest.adapter: r for r in (resume(f, engine) for f in files)}
    (home / "other").mkdir()
    whole = run_targets(CHOSEN, every, settings, engine, folder=home / "other")
    assert len(whole) == 4
    for run in whole:
        other = resumed[run.manifest.adapter]
        assert run.complete
        assert other.complete
        assert judged(run) == judged(other)


def test_several_targets_leave_a_file_each_and_share_one_display(
    engine: VllmEngine,
    targets: dict[str, list[Target]],
    home: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    runs = run_targets(CHOSEN, targets["gemma3"], SETTINGS, engine)
    assert [r.manifest.adapter for r in runs] == [None, *NAMES]
    assert len({r.path for r in runs}) == 4
    assert len(list((home / "runs").glob("*.jsonl"))) == 4
    size = len(runs[0].records)
    assert size >= 10
    assert all(len({r.key for r in run.records}) == size for run in runs)
    lines = [x for x in capsys.readouterr().err.splitlines() if "warning" not in x]
    assert len(lines) == 2  # one display: begin and end
    assert lines[0] == f"4 targets: 4 x {size} cases"
    assert lines[1].startswith("4 targets: ")


def test_what_decides_the_replies_is_in_the_manifest(
    engine: VllmEngine, targets: dict[str, list[Target]]
) -> None:
    (run,) = run_targets(CHOSEN, targets["gemma3"][:1], SETTINGS, engine)
    manifest = run.manifest
    assert (manifest.engine, manifest.engine_version) == ("vllm", "0.32.0+cpu")
    assert manifest.dtype == "float32"
    assert manifest.engine_settings == engine.settings
    for name in ("batch_invariant", "in_process", "enable_prefix_caching", "seed", "max_loras"):
        assert name in manifest.engine_settings
    assert manifest.sampling["constrained"] is False


def test_kept_replies_are_not_generated_again(
    engine: VllmEngine, targets: dict[str, list[Target]], home: Path
) -> None:
    cache = Cache(home / "cache.sqlite")
    first = run_targets(CHOSEN, targets["gemma3"], SETTINGS, engine, cache=cache)
    again = run_targets(CHOSEN, targets["gemma3"], SETTINGS, Interrupted(engine, 0), cache=cache)
    cache.close()
    assert [judged(r) for r in again] == [judged(r) for r in first]
    assert all(r.cached for run in again for r in run.records)
    assert not any(r.cached for run in first for r in run.records)


def test_one_case_that_does_not_fit_leaves_the_others_and_the_run_open(
    tmp_path: Path, engine: VllmEngine, targets: dict[str, list[Target]], home: Path
) -> None:
    lines = [
        {"id": f"c{n}", "user": text, "no_call": "answer", "reply": "Yes.", "group": f"c{n}"}
        for n, text in enumerate(["Is it?", "word " * 5000, "Was it?"])
    ]
    file = tmp_path / "long.jsonl"
    file.write_text("".join(json.dumps(x) + "\n" for x in lines))
    with pytest.raises(InfrastructureError, match=r"1 cases got no reply \(c1: .*--max-model-len"):
        run_targets(Chosen(names=(str(file),)), targets["gemma3"][:1], SETTINGS, engine)
    (left,) = (read_run(f) for f in (home / "runs").glob("*.jsonl"))
    assert not left.complete
    assert {r.id: r.finish for r in left.records} == {"c0": "length", "c1": "error", "c2": "length"}


def test_a_run_of_another_engine_is_not_gone_on_with(
    engine: VllmEngine, targets: dict[str, list[Target]], home: Path
) -> None:
    with pytest.raises(InfrastructureError):
        run_targets(CHOSEN, targets["gemma3"][:1], SETTINGS, Interrupted(engine, 2))
    (path,) = (home / "runs").glob("*.jsonl")
    other = Interrupted(engine, 99)
    other.version = "0.31.0"
    with pytest.raises(
        UsageError, match=r"was begun with vllm 0\.32\.0\+cpu, here is vllm 0\.31\.0"
    ):
        resume(path, other)


# --- the command line, in a process of its own ----------------------------------------------------


def command(model: Path, adapters: Sequence[Path], *more: str) -> list[str]:
    where = ["--model", str(model), "--dialect", "gemma", "--engine", "vllm", "--no-cache"]
    beside = ["--adapters", ",".join(map(str, adapters)), "--kv-cache-gib", "0.1"]
    return [sys.executable, "-m", "bench.cli", "run", *where, *beside, *more]


@pytest.fixture
def plain(home: Path) -> dict[str, str]:
    """The environment of a user who has set nothing of vLLM's own but where it keeps things."""
    mine = ("VLLM_ENABLE_V1_MULTIPROCESSING", "VLLM_LOGGING_LEVEL", "VLLM_NO_USAGE_STATS")
    mine += ("TORCH_COMPILE_DISABLE", "TORCH_CPP_LOG_LEVEL")
    assert home
    return {k: v for k, v in os.environ.items() if k not in mine}


def test_a_new_user_sees_our_lines_and_nothing_of_vllms(
    plain: dict[str, str],
    home: Path,
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
) -> None:
    some = [tiny_adapters["gemma3"][n] for n in ("a", "b")]
    asked = command(tiny_models["gemma3"], some, "smoke", "--limit", "2", "--max-tokens", "8")
    done = subprocess.run(asked, cwd=ROOT, env=plain, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    starts = ("loading ", "warning: dialect", "3 targets: ", "run:    ", "report: ")
    assert [x for x in done.stderr.splitlines() if not x.startswith(starts)] == []
    assert "Summary" in done.stdout or done.stdout.strip()
    assert len(list((home / "runs").glob("*.jsonl"))) == 3


def test_ctrl_c_leaves_files_that_can_be_gone_on_with(
    plain: dict[str, str],
    home: Path,
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
) -> None:
    some = [tiny_adapters["gemma3"]["a"]]
    asked = command(tiny_models["gemma3"], some, "call", "--limit", "200", "--max-tokens", "256")
    victim = subprocess.Popen(
        asked, cwd=ROOT, env=plain, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    _wait_for_records(victim, home / "runs")
    victim.send_signal(signal.SIGINT)
    _, said = victim.communicate(timeout=120)
    assert victim.returncode == 3, said
    assert "Traceback" not in said
    assert re.search("interrupted; .*go on with: callbench run --resume", said)
    runs = [read_run(f) for f in sorted((home / "runs").glob("*.jsonl"))]
    assert len(runs) == 2
    assert not any(r.complete for r in runs)
    records: list[Any] = [r for run in runs for r in run.records]
    assert records
    path = str(max(runs, key=lambda r: len(r.records)).path)
    again = [sys.executable, "-m", "bench.cli", "run", "--resume", path, "--kv-cache-gib", "0.1"]
    done = subprocess.run(again, cwd=ROOT, env=plain, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    finished = read_run(Path(path))
    assert finished.complete
    assert len({r.key for r in finished.records}) == len(finished.records) == 200


def _wait_for_records(process: "subprocess.Popen[str]", folder: Path) -> None:
    """Until some run holds a record; bounded, and over if the process ends by itself."""
    never = threading.Event()
    for _ in range(POLLS):
        if any(f.read_bytes().count(b"\n") >= 2 for f in folder.glob("*.jsonl")):
            return
        assert process.poll() is None, "the run ended before it could be interrupted"
        never.wait(PAUSE)
    process.kill()
    raise AssertionError("no record came")
