"""Serve a model and adapters of it with vLLM, for --engine server and any other client.

Every adapter is verified before anything starts; its name on the server holds its hash. What was asked for
with --engine-args goes to `vllm serve` as it is. Ctrl-C ends the server.
"""

import argparse
import json
import shlex
import sys
from typing import TYPE_CHECKING

from bench.cli.common import split_names

if TYPE_CHECKING:
    from adapters import Adapter, Target

__all__ = ["add_arguments", "main"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench serve`."""
    parser.add_argument(
        "--model",
        default="gemma-3-270m",
        help="registered name, folder of safetensors, .gguf file or hub id (default: %(default)s)",
    )
    parser.add_argument(
        "--adapters",
        default="",
        metavar="A,B",
        help="LoRA adapters (names in home or PEFT folders)",
    )
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument(
        "--port", type=int, default=8000, help="0 for a free one (default: %(default)s)"
    )
    parser.add_argument("--dtype", help="default: float32 on a CPU, bfloat16 elsewhere")
    parser.add_argument(
        "--max-model-len", type=int, metavar="N", help="tokens of a prompt and its reply"
    )
    parser.add_argument(
        "--gpu-memory", type=float, metavar="SHARE", help="of the GPU (default: 0.9)"
    )
    parser.add_argument("--kv-cache-gib", type=float, metavar="N", help="on a CPU (default: 2)")
    parser.add_argument("--tensor-parallel", type=int, default=1, metavar="N", help="GPUs a layer")
    parser.add_argument("--pipeline-parallel", type=int, default=1, metavar="N", help="GPU stages")
    parser.add_argument(
        "--batch-invariant", action="store_true", help="same bits in any batch (GPU only)"
    )
    parser.add_argument(
        "--wait",
        type=float,
        default=1200.0,
        metavar="SECONDS",
        help="for the server to be ready (default: 1200)",
    )
    parser.add_argument(
        "--print-command", action="store_true", help="print the command of vllm serve and exit"
    )
    parser.add_argument(
        "--engine-args",
        nargs=argparse.REMAINDER,
        default=[],
        metavar="ARG",
        help="everything behind it goes to vllm serve as it is",
    )


def main(args: argparse.Namespace) -> int:
    """Serve until a signal comes; the last line on stdout before that is how to run a suite."""
    from adapters import resolve
    from bench.engines import EngineOptions
    from bench.engines.launch import (
        Launched,
        free_port,
        serve_command,
        serve_environment,
        served_names,
    )
    from bench.engines.vllm import available
    from bench.errors import UsageError

    if available() is not None and not args.print_command:
        raise UsageError(
            "vLLM is not installed: pip install 'callbench[vllm]' (GPU), or make setup-vllm for its CPU build"
        )
    if not 0 <= args.port <= 65535:
        raise UsageError("--port must lie between 0 and 65535")
    options = EngineOptions(
        dtype=args.dtype,
        max_model_len=args.max_model_len,
        gpu_memory=args.gpu_memory,
        kv_cache_gib=args.kv_cache_gib,
        tensor_parallel=args.tensor_parallel,
        pipeline_parallel=args.pipeline_parallel,
        batch_invariant=args.batch_invariant,
    )
    names = split_names(args.adapters)
    target = resolve(args.model, dialect="none")  # it serves, whoever speaks to it
    adapters = [a for n in names if (a := resolve(args.model, n, dialect="none").adapter)]
    port = args.port if args.print_command else free_port(args.host, args.port)
    command = serve_command(
        target, adapters, options, host=args.host, port=port, more=args.engine_args
    )
    if args.print_command:
        print(shlex.join(command))
        return 0
    shown = f" with {', '.join(a.name for a in adapters)}" if adapters else ""
    print(f"starting vLLM for {target.model.name}{shown}", file=sys.stderr, flush=True)
    url = f"http://{_reached(args.host)}:{port}"
    process = Launched(command, serve_environment(options), sys.stderr)
    try:
        process.handle_signals()
        process.wait_ready(url, list(served_names(target, adapters).values()), args.wait)
        for line in _how_to_call(url, target, adapters, args):
            print(line, flush=True)
        process.wait()
    finally:
        process.stop()
    return 0


def _reached(host: str) -> str:
    """Where this machine reaches what listens on `host`."""
    if host in ("0.0.0.0", "::", ""):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _how_to_call(
    url: str, target: "Target", adapters: "list[Adapter]", args: argparse.Namespace
) -> list[str]:
    from bench.engines.launch import served_names

    lines = []
    for name, served in served_names(target, adapters).items():
        body = json.dumps({"model": served, "prompt": "Hello", "max_tokens": 16})
        header = "-H 'Content-Type: application/json'"
        lines.append(f"# {name}")
        lines.append(f"curl {url}/v1/completions {header} -d {shlex.quote(body)}")
    run = ["callbench", "run", "call", "--engine", "server", "--base-url", url]
    run += ["--model", args.model, *(["--adapters", args.adapters] if args.adapters else [])]
    return [*lines, "# measure", shlex.join(run)]
