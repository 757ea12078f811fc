"""The command line: help, exit codes, one line for every failure, and nothing heavy before it is needed."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.cli import COMMANDS, main
from bench.records import Manifest
from bench.store import RunWriter

ROOT = Path(__file__).parents[2]
ACTIONS = {"suites": ("list", "show", "check"), "models": ("list", "prepare")}
EVERY = [[c] for c in COMMANDS] + [[c, a] for c, actions in ACTIONS.items() for a in actions]
Refuse = Callable[..., str]


@pytest.fixture
def refuse(capsys: pytest.CaptureFixture[str]) -> Refuse:
    """Runs a command that must fail with one line on stderr and nothing on stdout; returns the line."""

    def call(*arguments: object, code: int = 2) -> str:
        assert main([str(a) for a in arguments]) == code
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("callbench: ")
        assert err.count("\n") == 1
        assert "Traceback" not in err
        assert "unexpected" not in err
        return err

    return call


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "bench.cli", *arguments]


@pytest.mark.parametrize("words", [[], *EVERY], ids=" ".join)
def test_help_of_every_command_exits_0(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as done:
        main([*words, "--help"])
    assert done.value.code == 0
    out, err = capsys.readouterr()
    assert out.startswith("usage: callbench")
    assert err == ""


def test_help_names_every_command_and_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert all(f" {name} " in text for name in COMMANDS)
    assert re.search(r"exit codes: 0 .*, 1 .*, 2 .*, 3 ", text)


@pytest.mark.parametrize(
    "words",
    [
        *([], ["bogus"], ["suites"], ["suites", "bogus"], ["report"], ["compare", "a"]),
        *(["judge", "call"], ["run", "call", "--max-tokens", "many"], ["run", "--sho", "1"]),
        ["run", "call", "--format", "xml"],
    ],
    ids=" ".join,
)
def test_a_command_that_cannot_be_read_exits_2(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.endswith(" --help)")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("run cal", "there is no suite 'cal'; did you mean 'call'?"),
        ("suites show argument", "did you mean 'arguments'?"),
        ("suites check smok", "did you mean 'smoke'?"),
        ("run call --model gemma-3-270", "did you mean 'gemma-3-270m'?"),
        ("run call --model zzz", "there are: gemma-3-270m, "),
        ("run call --dialect gema", "there is no dialect 'gema'; did you mean 'gemma'?"),
        ("judge call --replies x --dialect chatm", "did you mean 'chatml'?"),
        ("run call --engine transformer", "did you mean 'transformers'?"),
        ("models prepare gema-2-2b-it", "did you mean 'gemma-2-2b-it'?"),
    ],
)
def test_an_unknown_name_is_met_with_the_names_there_are(
    words: str, line: str, refuse: Refuse
) -> None:
    assert line in refuse(*words.split())


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("run", "name a suite"),
        ("run --resume some-run call", "--resume takes suites and settings from the run"),
        ("run call --top-p 0.5", "--top-p has no meaning with --temperature 0"),
        ("run call --top-p 0 --temperature 1", "--top-p must lie above 0"),
        ("run call --temperature -1", "--temperature must be a number of at least 0"),
        ("run call --max-tokens 0", "--max-tokens must be at least 1"),
        ("run call --batch-size 0", "--batch-size must be at least 1"),
        ("run call --shots -1", "--shots must not be negative"),
        ("run call --limit 0", "--limit must be at least 1"),
        ("run call --cases zzz*", "no case of call matches 'zzz*'"),
        ("run call --no-base", "--no-base leaves nothing to run"),
        ("run --resume nothing", "there is no run 'nothing'"),
        ("report nothing", "there is no run 'nothing'"),
        ("report no/such/run.jsonl", "there is no run 'no/such/run.jsonl'"),
        ("compare one other", "there is no run 'one'"),
        ("judge call --replies /nowhere/replies.jsonl", "cannot be read"),
        ("suites show call nothing", "there is no case 'nothing' in suite 'call'"),
    ],
)
def test_what_cannot_be_run_is_refused_in_one_line(words: str, line: str, refuse: Refuse) -> None:
    assert line in refuse(*words.split())


def test_adapters_that_are_not_there_are_refused(
    refuse: Refuse, model_folder: Path, home: Path
) -> None:
    (home / "adapters" / "my-lora").mkdir(parents=True)
    words = ["run", "call", "--model", model_folder, "--dialect", "gemma", "--adapters"]
    assert "there is no adapter 'my-lor'" in refuse(*words, "my-lor")
    assert "did you mean 'my-lora'?" in refuse(*words, "my-lor")
    assert "it has no adapter_config.json" in refuse(*words, "my-lora")


def test_a_model_without_a_dialect_needs_one(refuse: Refuse, model_folder: Path) -> None:
    assert "give one with --dialect NAME" in refuse("run", "call", "--model", model_folder)


def test_a_home_that_cannot_be_written_is_refused(
    refuse: Refuse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a-file"
    file.write_text("", encoding="utf-8")
    (tmp_path / "some.gguf").write_text("", encoding="utf-8")
    monkeypatch.setenv("CALLBENCH_HOME", str(file))
    line = refuse("run", "call", "--model", tmp_path / "some.gguf", "--dialect", "gemma")
    assert f"cannot make {file}/models" in line
    assert "set CALLBENCH_HOME to a folder that you can write to" in line


@pytest.mark.parametrize("command", ["report", "compare", "run --resume"])
def test_a_run_file_of_another_version_is_refused(
    command: str, refuse: Refuse, tmp_path: Path, manifest: Manifest
) -> None:
    file = tmp_path / "run.jsonl"
    RunWriter(file, manifest).close()
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('"schema_version": 1', '"schema_version": 2'), encoding="utf-8")
    line = refuse(*command.split(), *[file] * (2 if command == "compare" else 1))
    assert "run file version 2; this callbench reads version 1" in line


@pytest.mark.parametrize("data", [b"", b"\n", b"{}\n", b"[]\n", b"\xff\xfe\n", b"not json\n"])
def test_a_file_that_is_no_run_is_refused(data: bytes, refuse: Refuse, tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    file.write_bytes(data)
    assert "is no run file" in refuse("report", file)


def test_an_unexpected_exception_is_one_line_and_exit_3(tmp_path: Path) -> None:
    """A dependency that breaks while it is imported stands for whatever nobody foresaw."""
    (tmp_path / "tabulate.py").write_text("raise RuntimeError('first\\nsecond')", encoding="utf-8")
    env = {**os.environ, "PYTHONPATH": str(tmp_path), "CALLBENCH_DEBUG": ""}
    command = _command("suites", "list")
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 3
    assert done.stdout == ""
    assert done.stderr.startswith("callbench: unexpected RuntimeError: first (CALLBENCH_DEBUG=1")
    assert done.stderr.count("\n") == 1
    env["CALLBENCH_DEBUG"] = "1"
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_a_full_disk_under_stdout_exits_3() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            _command("suites", "show", "call", "--json"),
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 3
    assert done.stderr.startswith("callbench: ")
    assert done.stderr.count("\n") == 1


def test_a_reader_that_goes_away_is_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    command = _command("suites", "show", "call", "--json")
    done = subprocess.run(command, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert done.returncode == 3
    assert done.stderr == ""


def test_ctrl_c_is_one_line_and_exit_3(tmp_path: Path) -> None:
    """The command waits on a pipe for replies; opening its other end tells that it got there."""
    pipe = tmp_path / "replies"
    os.mkfifo(pipe)
    command = _command("judge", "call", "--replies", str(pipe))
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    rescue = threading.Timer(30, lambda: os.open(pipe, os.O_RDONLY | os.O_NONBLOCK))
    rescue.start()
    with process, pipe.open("w"):
        rescue.cancel()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 3
    assert err == "callbench: interrupted\n"


@pytest.mark.parametrize(
    "words",
    [
        *(["--help"], ["run", "--help"], ["suites", "list"], ["suites", "check", "call"]),
        *(["models", "list"], ["run", "cal"], ["run", "call", "--top-p", "0.5"]),
    ],
    ids=" ".join,
)
def test_torch_and_transformers_are_not_imported_before_they_are_needed(words: list[str]) -> None:
    code = (
        "import sys\nfrom bench.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'transformers', 'peft', 'datasets'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True)
    assert done.returncode == 0, done.stderr
