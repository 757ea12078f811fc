"""`run --engine server` on the command line, and `serve` without vLLM: commands, refusals, early deaths."""

import io
import json
import shlex
import signal
import socket
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from adapters import find_adapter, serving_name
from bench.cli import main
from bench.engines.launch import Launched, free_port
from bench.engines.vllm import available
from bench.errors import InfrastructureError
from bench.store import read_run
from tests.bench.openai_server import Server, card, chat, completion

ROWS = {"base": {"a": -1.0}, "lora": {"a": -2.0}}


def run_on(server: Server, suite: Path, *more: str) -> list[str]:
    where = ["--engine", "server", "--base-url", server.url, "--model", "base"]
    return ["run", str(suite), *where, *more]


def fails(capsys: pytest.CaptureFixture[str], code: int, *arguments: str) -> str:
    """The one line on stderr of a command that ends with this code."""
    assert main(arguments) == code
    lines = [x for x in capsys.readouterr().err.splitlines() if x.startswith("callbench: ")]
    assert len(lines) == 1
    return lines[0]


def test_base_and_adapter_of_a_server_are_two_runs_that_say_what_is_known_of_them(
    suite_file: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    models = [card("base"), card("lora", parent="base")]
    with Server(lambda a: completion(a.body["model"]), models=models, logprobs=ROWS) as server:
        command = run_on(server, suite_file, "--dialect", "gemma", "--adapters", "lora")
        assert main([*command, "--json"]) == 0
        data = json.loads(capsys.readouterr().out)
        assert len(server.asked) == 24
        assert main([*command, "--concurrency", "2"]) == 0  # from the cache
        assert len(server.asked) == 24
    assert len(data) == 2
    runs = [read_run(p) for p in sorted((home / "runs").glob("*.jsonl"))]
    assert {r.manifest.target for r in runs} == {"base", "base+lora"}
    for run in runs:
        assert run.complete
        assert run.manifest.model_hash.startswith("served:")
        assert {r.text for r in run.records} == {"lora" if run.manifest.adapter else "base"}
        assert run.manifest.engine_settings["base_url"] == [f"{server.url}/v1"]
        assert run.manifest.device == "remote"
        assert "only the server has the weights of base" in run.manifest.notes[0]


def test_a_chat_needs_no_dialect(suite_file: Path, home: Path) -> None:
    function = {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
    message = {"content": None, "tool_calls": [{"function": function}]}
    with Server(lambda _: chat(message, "tool_calls")) as server:
        assert main(run_on(server, suite_file, "--api", "chat", "--cases", "w0.call")) == 0
        (path,) = (home / "runs").glob("*.jsonl")
        assert main(["run", "--resume", str(path)]) == 0
    (record,) = read_run(path).records
    assert record.verdict.passed
    assert record.calls[0].arguments == {"city": "Oslo"}
    assert read_run(path).manifest.dialect == "openai"


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["--model", "nowhere", "--dialect", "gemma"], "does not serve model 'nowhere', but base"),
        ([], "no registered dialect: give one with --dialect NAME, or let the server"),
        (["--dialect", "openai"], "dialect 'openai' needs --api chat"),
        (["--dialect", "gemma", "--api", "chat"], "leave out --dialect gemma"),
        (["--api", "chat", "--shots", "1"], "leave --shots out"),
        (["--api", "soap"], "there is no API 'soap'"),
        (["--dialect", "gemma", "--adapters", "x"], "does not serve adapter 'x'"),
        (["--dialect", "gemma", "--device", "cpu"], "--device and --dtype are the server's affair"),
        (["--engine", "transformers"], "--base-url belongs to --engine server"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else "",
)
def test_what_cannot_be_run_on_a_server_is_one_line(
    more: list[str], problem: str, suite_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server() as server:
        assert problem in fails(capsys, 2, *run_on(server, suite_file, *more))
        assert not server.asked


def test_a_server_that_is_down_is_exit_3(
    suite_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server() as server:
        pass
    command = run_on(server, suite_file, "--dialect", "gemma", "--attempts", "1")
    assert "does not answer: cannot connect" in fails(capsys, 3, *command)


def test_a_configuration_file_may_name_the_servers_and_the_command_line_wins(
    suite_file: Path, tmp_path: Path, home: Path
) -> None:
    settings = {"engine": "server", "base-url": ["http://127.0.0.1:9"], "no-vllm-extras": True}
    settings |= {"model": "base", "dialect": "gemma", "limit": 1}
    file = tmp_path / "run.yaml"
    with Server() as one, Server() as two:
        file.write_text(json.dumps(settings), encoding="utf-8")
        urls = ["--base-url", f"{one.url},{two.url}"]
        assert main(["run", str(suite_file), "--config", str(file), *urls]) == 0
        assert "top_k" not in (one.asked or two.asked)[0].body
    (path,) = (home / "runs").glob("*.jsonl")
    found = read_run(path).manifest.engine_settings
    assert found["base_url"] == [f"{one.url}/v1", f"{two.url}/v1"]


# --- serve ------------------------------------------------------------------------------------------


def test_the_printed_command_serves_each_adapter_under_its_hash(
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    chosen = [tiny_adapters["gemma3"][n] for n in ("a", "b")]
    where = ["serve", "--model", str(tiny_models["gemma3"]), "--port", "8123", "--print-command"]
    command = [*where, "--adapters", ",".join(map(str, chosen)), "--max-model-len", "512"]
    assert main([*command, "--engine-args", "--api-key", "x y"]) == 0
    words = shlex.split(capsys.readouterr().out)
    assert words[:2] == [sys.executable, "-m"]
    assert Path(words[4]) == tiny_models["gemma3"].resolve()
    pairs = dict(pairwise(words))
    wanted = {"--port": "8123", "--served-model-name": "tiny-gemma3", "--max-model-len": "512"}
    wanted |= {"--max-lora-rank": "8", "--generation-config": "vllm"}
    assert wanted.items() <= pairs.items()
    assert int(pairs["--max-loras"]) >= 2
    assert "--enable-lora" in words
    modules = [f"{serving_name(find_adapter(str(p)))}={p.resolve()}" for p in chosen]
    at = words.index("--lora-modules") + 1
    assert words[at : at + 2] == modules
    assert words[-2:] == ["--api-key", "x y"]


@pytest.mark.parametrize(("name", "problem"), [("misfit", "fit"), ("dead", "it changes nothing")])
def test_an_adapter_that_vllm_cannot_serve_is_refused_before_anything_starts(
    name: str,
    problem: str,
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    where = ["serve", "--model", str(tiny_models["gemma3"]), "--print-command"]
    line = fails(capsys, 2, *where, "--adapters", str(tiny_adapters["gemma3"][name]))
    assert f"vLLM cannot serve adapter {name!r}" in line
    assert problem in line


@pytest.mark.skipif(available() is None, reason="vLLM is installed here")
def test_without_vllm_there_is_a_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    assert "vLLM is not installed: pip install" in fails(capsys, 2, "serve")


def test_a_port_that_is_taken_is_said_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InfrastructureError, match=f"port {port} of 127.0.0.1 is taken"):
            free_port("127.0.0.1", port)
    assert free_port("127.0.0.1", 0) > 0


def launch(program: str, output: io.StringIO | None = None, **environment: Any) -> Launched:
    command = [sys.executable, "-c", program]
    return Launched(command, {"PATH": "", **environment}, output or io.StringIO())


def test_a_server_that_dies_before_it_is_ready_says_why() -> None:
    output = io.StringIO()
    process = launch("print('loading'); raise ValueError('no such dtype')", output)
    with pytest.raises(InfrastructureError, match="ended with code 1: ValueError: no such dtype"):
        process.wait_ready("http://127.0.0.1:9", ["base"], 20)
    assert "loading" in output.getvalue()
    process.stop()


def test_a_server_that_is_never_ready_is_ended() -> None:
    process = launch("import threading; threading.Event().wait()")
    with pytest.raises(InfrastructureError, match=r"not ready within 0\.05 s"):
        process.wait_ready("http://127.0.0.1:9", ["base"], 0.05)
    assert process.returncode == -signal.SIGTERM


def test_a_server_is_ready_when_it_lists_its_names_and_its_later_death_is_told() -> None:
    with Server() as server:
        process = launch("import sys; sys.stdin.read(); sys.exit(4)")
        process.wait_ready(server.url, ["base"], 20)
        with pytest.raises(InfrastructureError, match="ended with code 4: it said nothing"):
            process.wait()
        process.stop()
