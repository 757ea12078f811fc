"""Starting `vllm serve` for a base and its adapters: command, environment, the process and its end."""

import errno
import os
import signal
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TextIO

import httpx2

from adapters import Adapter, Target, serving_name
from bench.engines.base import EngineOptions
from bench.engines.vllm_start import arguments as engine_arguments
from bench.engines.vllm_start import servable_ranks, version
from bench.errors import InfrastructureError, UsageError

__all__ = ["Launched", "free_port", "serve_command", "serve_environment", "served_names"]

_NOT_FLAGS = ("model", "tokenizer", "use_tqdm_on_load", "disable_log_stats")
_KEPT_LINES = 60
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 2.0
_END_SECONDS = 30


def served_names(target: Target, adapters: Sequence[Adapter]) -> dict[str, str]:
    """Target's name -> its name on the server: the model's, and each adapter's with its hash."""
    base = target.model.name
    return {base: base, **{f"{base}+{a.name}": serving_name(a) for a in adapters}}


def serve_command(
    target: Target,
    adapters: Sequence[Adapter],
    options: EngineOptions,
    *,
    host: str,
    port: int,
    more: Sequence[str] = (),
) -> list[str]:
    """The command line of `vllm serve`, with this interpreter.

    more: further arguments, which come last and so win. Errors: UsageError for an adapter it cannot serve.
    """
    ranks = servable_ranks(adapters, target.folder, target.hash)
    names = [a.name for a in adapters]
    if len(set(names)) != len(names):
        raise UsageError("two adapters have the same name: rename one of their folders")
    cpu = str(version()).endswith("+cpu")
    dtype = options.dtype or ("float32" if cpu else "bfloat16")
    arguments = {"generation_config": "vllm"}
    arguments |= engine_arguments(target.folder, ranks, options, dtype, cpu)
    folder = str(target.folder.resolve())
    # The CPU build has no package named vllm, whose version the command `vllm` asks for before anything else.
    start = (
        ["vllm.entrypoints.openai.api_server", "--model", folder]
        if cpu
        else ["vllm.entrypoints.cli.main", "serve", folder]
    )
    command = [sys.executable, "-m", *start]
    command += ["--served-model-name", target.model.name, "--host", host, "--port", str(port)]
    command += _flags({k: v for k, v in arguments.items() if k not in _NOT_FLAGS})
    command.append("--disable-uvicorn-access-log")
    if adapters:
        modules = [f"{serving_name(a)}={a.folder.resolve()}" for a in adapters]
        command += ["--lora-modules", *modules]
    return [*command, *more]


def _flags(arguments: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for name, value in arguments.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            found.append(flag)
        elif value is not False:
            found += [flag, str(value)]
    return found


def serve_environment(options: EngineOptions) -> dict[str, str]:
    """The environment of the server; what the user set himself stands."""
    found = {"VLLM_NO_USAGE_STATS": "1", "VLLM_LOGGING_LEVEL": "WARNING"}
    if str(version()).endswith("+cpu"):
        found["TORCH_COMPILE_DISABLE"] = "1"
    if options.batch_invariant:
        found["VLLM_BATCH_INVARIANT"] = "1"
    return found | os.environ


def free_port(host: str, port: int) -> int:
    """The port, or a free one for 0. Errors: InfrastructureError if taken, UsageError for no such host."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return int(probe.getsockname()[1])
    except (socket.gaierror, OverflowError, UnicodeError):
        raise UsageError(f"--host {host} with --port {port} is no address here") from None
    except OSError as error:
        text = (
            "is taken: choose another"
            if error.errno == errno.EADDRINUSE
            else f"cannot be used ({error.strerror})"
        )
        raise InfrastructureError(
            f"port {port} of {host} {text} (--port N, or 0 for a free one)"
        ) from None


class Launched:
    """A server process in a group of its own; its output goes to a stream, the last lines are kept.

    It ends with `stop`, or when SIGINT, SIGTERM or SIGHUP comes while `signals` are handled here.
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], output: TextIO
    ) -> None:
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self.ended_by: int | None = None
        self._process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._copier = threading.Thread(target=self._copy, args=(output,), daemon=True)
        self._copier.start()

    @property
    def returncode(self) -> int | None:
        """Of the process, once it has ended."""
        return self._process.returncode

    def _copy(self, output: TextIO) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line.strip())
            with suppress(OSError, ValueError):  # a reader that is gone must not stop the server
                output.write(line)
                output.flush()

    def handle_signals(self) -> None:
        """From now on SIGINT, SIGTERM and SIGHUP to this process end the server. Main thread only."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _frame: object) -> None:
        again, self.ended_by = self.ended_by is not None, number
        self._signal_all(signal.SIGKILL if again else signal.SIGTERM)

    def _signal_all(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def wait_ready(self, url: str, names: Sequence[str], seconds: float) -> None:
        """Until /v1/models lists the names. Errors: InfrastructureError if it ends, or time runs out."""
        waited, pause = 0.0, _FIRST_WAIT
        with httpx2.Client(timeout=_LONGEST_WAIT, trust_env=False) as client:
            while not _lists(client, url, names):
                try:
                    self._process.wait(pause)
                except subprocess.TimeoutExpired:
                    waited, pause = waited + pause, min(2 * pause, _LONGEST_WAIT)
                else:
                    raise self._death()
                if waited > seconds:
                    self.stop()
                    raise InfrastructureError(
                        f"the server was not ready within {seconds:g} s (--wait SECONDS)"
                    )

    def wait(self) -> None:
        """Until it ends. Errors: InfrastructureError unless a signal to this process ended it."""
        self._process.wait()
        if self.ended_by is None:
            raise self._death()

    def stop(self) -> None:
        """End it, with all its processes: asked first, killed after half a minute."""
        self._signal_all(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_SECONDS)
        self._signal_all(signal.SIGKILL)
        self._process.wait()
        self._copier.join(_LONGEST_WAIT)
        if self._process.stdout is not None and not self._copier.is_alive():
            self._process.stdout.close()

    def _death(self) -> InfrastructureError:
        self._copier.join(_LONGEST_WAIT)
        if self.ended_by is not None:
            return InfrastructureError(
                f"ended by {signal.Signals(self.ended_by).name} before it was ready"
            )
        code = self._process.returncode
        return InfrastructureError(f"vllm serve ended with code {code}: {_reason(self._lines)}")


def _lists(client: httpx2.Client, url: str, names: Sequence[str]) -> bool:
    try:
        raw = client.get(f"{url}/v1/models").json()
        return {entry["id"] for entry in raw["data"]} >= set(names)
    except (httpx2.HTTPError, ValueError, LookupError, TypeError):
        return False


def _reason(lines: Sequence[str]) -> str:
    """The last line that names an error, else the last line."""
    said = [line for line in lines if line]
    errors = [line for line in said if "Error" in line and "Traceback" not in line]
    specific = [line for line in errors if "See root cause" not in line]
    return ([*said[-1:], *errors[-1:], *specific[-1:]] or ["it said nothing"])[-1]
