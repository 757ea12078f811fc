"""The embedded default on its real weights: prepared, one BOS, and a run from beginning to end.

The prepared folder lies in the checkout's own home (`.callbench/`), where `make demo` keeps it, so that it is
made once a machine.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adapters import Target, resolve
from adapters.prepare import GGUF_SHA256
from adapters.weights import MARK, file_hash

ROOT = Path(__file__).parents[2]
HOME = ROOT / ".callbench"


@pytest.fixture(scope="module")
def target() -> Target:
    before = os.environ.get("CALLBENCH_HOME")
    os.environ["CALLBENCH_HOME"] = str(HOME)
    try:
        return resolve("gemma-3-270m")
    finally:
        if before is None:
            del os.environ["CALLBENCH_HOME"]
        else:
            os.environ["CALLBENCH_HOME"] = before


@pytest.fixture(scope="module")
def tokenizer(target: Target) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(target.folder)


def test_the_prepared_weights_are_the_packaged_ones(target: Target) -> None:
    mark = json.loads((target.folder / MARK).read_text(encoding="utf-8"))
    assert mark["gguf_sha256"] == GGUF_SHA256
    (weights,) = target.folder.glob("*.safetensors")
    assert target.hash == mark["weights"] == file_hash(weights)


def test_the_tokenizer_adds_one_bos_and_a_rendered_prompt_has_one(
    target: Target, tokenizer: Any
) -> None:
    from bench.plan import Settings, plan
    from suites import select

    assert tokenizer("hello").input_ids[0] == tokenizer.bos_token_id == 2
    for shots in (0, 3):
        for batch in plan(select(["smoke"]), target, Settings(shots=shots)):
            for job in batch:
                ids = tokenizer(job.request.prompt, add_special_tokens=False).input_ids
                assert ids[0] == 2
                assert ids.count(2) == 1


def test_turn_markers_are_single_tokens_of_the_real_tokenizer(tokenizer: Any) -> None:
    ids = tokenizer("<start_of_turn>user\nhi<end_of_turn>", add_special_tokens=False).input_ids
    assert ids[0] == 105
    assert ids[-1] == 106


def test_a_run_of_the_real_model_is_judged_and_reported(tmp_path: Path, target: Target) -> None:
    home = tmp_path / "home"
    (home / "models").mkdir(parents=True)
    (home / "models" / "gemma-3-270m").symlink_to(target.folder.resolve())
    command = ["run", "smoke", "--limit", "1", "--max-tokens", "24", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "bench.cli", *command],
        cwd=ROOT,
        env={**os.environ, "CALLBENCH_HOME": str(home), "OMP_NUM_THREADS": "2"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    (summary,) = json.loads(done.stdout)
    assert summary["complete"]
    assert summary["target"] == "gemma-3-270m"
    assert summary["scores"][0]["n"] == 3
    assert summary["outcomes"]["error"] == 0
    assert summary["completion_tokens"] > 0
    assert Path(summary["path"]).is_file()
