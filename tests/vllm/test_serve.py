"""`callbench serve` with a real vLLM: runs through it, what its live proof finds, and its end."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from bench.cli import main
from bench.engines.vllm import available, version
from bench.store import Run, read_run

ROOT = Path(__file__).parents[2]
SMALL = ["--limit", "4", "--max-tokens", "12", "--no-cache", "--dialect", "gemma"]
pytestmark = pytest.mark.skipif(available() is not None, reason="vLLM is not installed")


@pytest.fixture(scope="module")
def shelf(tiny_adapters: dict[str, dict[str, Path]]) -> dict[str, Path]:
    """The adapters of the tiny Gemma 3."""
    return tiny_adapters["gemma3"]


@pytest.fixture(scope="module")
def serving(
    tmp_path_factory: pytest.TempPathFactory, tiny_models: dict[str, Path], shelf: dict[str, Path]
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The process of `callbench serve` with adapters a and b, and the command that it shows."""
    command = [sys.executable, "-m", "bench.cli", "serve", "--port", "0", "--kv-cache-gib", "0.1"]
    command += ["--model", str(tiny_models["gemma3"]), "--max-model-len", "4096"]
    command += ["--adapters", f"{shelf['a']},{shelf['b']}"]
    environment = {
        "VLLM_CACHE_ROOT": str(Path(sys.prefix) / "vllm-cache"),
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "1",
        "CALLBENCH_HOME": str(tmp_path_factory.mktemp("home")),
        **os.environ,
    }
    log = (tmp_path_factory.mktemp("serve") / "log").open("w", encoding="utf-8")
    with (
        log,
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        assert process.stdout is not None
        shown: list[str] = []
        for line in process.stdout:
            shown.append(line)
            if line.startswith("callbench run"):
                break
        try:
            assert shown, Path(log.name).read_text(encoding="utf-8")[-2000:]
            yield process, shlex.split(shown[-1])[1:]
        finally:
            process.terminate()
            process.wait(60)


def replies(home: Path) -> dict[str, dict[str, Any]]:
    """Target -> case -> what came back, of the runs in home, which are then taken away."""
    found: dict[str, dict[str, Any]] = {}
    for path in (home / "runs").glob("*.jsonl"):
        run: Run = read_run(path)
        assert run.complete
        found[run.manifest.target] = {
            r.id: (r.text, r.finish, r.prompt_tokens, r.completion_tokens) for r in run.records
        }
        path.unlink()
    return found


def test_a_run_through_the_server_gives_what_the_model_and_its_adapters_give_here(
    serving: tuple[subprocess.Popen[str], list[str]], home: Path
) -> None:
    _, shown = serving
    assert main([*shown, *SMALL]) == 0
    ours = replies(home)
    at = shown.index("--engine")
    here = [*shown[:at], "--engine", "transformers", "--device", "cpu", *shown[at + 4 :]]
    assert main([*here, *SMALL]) == 0
    assert len(ours) == 3
    assert ours == replies(home)
    assert len({json.dumps(cases) for cases in ours.values()}) == 3


def test_the_live_proof_finds_a_dead_adapter_and_base_rows_of_an_adapter(
    serving: tuple[subprocess.Popen[str], list[str]],
    shelf: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, shown = serving
    url = shown[shown.index("--base-url") + 1]
    at = shown.index("--adapters")
    base = [*shown[:at], *shown[at + 2 :]]

    def load(name: str, folder: Path) -> None:
        body = {"lora_name": name, "lora_path": str(folder)}
        assert httpx2.post(f"{url}/v1/load_lora_adapter", json=body, timeout=60).is_success

    load("nothing", shelf["dead"])
    assert main([*base, *SMALL, "--adapters", "nothing"]) == 2
    assert "adapter 'nothing' changes nothing" in capsys.readouterr().err
    if not str(version()).endswith("+cpu"):
        return
    load("third", shelf["a"])  # now every slot is filled, and the CPU backend mixes base rows up
    assert main([*base, *SMALL, "--adapters", f"third,{shelf['b']},{shelf['a']}"]) == 3
    assert re.search("answers for the base with an adapter's weights", capsys.readouterr().err)


def test_a_server_without_a_tool_parser_is_no_chat_server(
    serving: tuple[subprocess.Popen[str], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    _, shown = serving
    assert main([*shown, *SMALL[:-2], "--api", "chat"]) == 2
    assert "takes no tools in chats" in capsys.readouterr().err


def test_a_signal_ends_it_with_its_children(
    serving: tuple[subprocess.Popen[str], list[str]],
) -> None:
    process, shown = serving
    url = shown[shown.index("--base-url") + 1]
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{url}/v1/models")
