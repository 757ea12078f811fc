"""Options and output shared by several commands."""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.engines import EngineOptions
    from reports import Table
    from reports.charts import Chart

__all__ = [
    "add_format",
    "add_html",
    "add_target",
    "emit",
    "engine_options",
    "run_path",
    "split_names",
    "write_html",
]

FORMATS = ("table", "markdown", "json", "csv")


def add_format(parser: argparse.ArgumentParser) -> None:
    """`--format` and its short form `--json`."""
    parser.add_argument("--format", choices=FORMATS, default="table", help="form of the output")
    parser.add_argument(
        "--json", dest="format", action="store_const", const="json", help="same as --format json"
    )


def add_target(parser: argparse.ArgumentParser) -> None:
    """What is evaluated, and with which engine."""
    parser.add_argument(
        "--model",
        default="gemma-3-270m",
        help="registered name, folder of safetensors, .gguf file or hub id (default: %(default)s)",
    )
    parser.add_argument(
        "--adapters",
        default="",
        metavar="A,B",
        help="LoRA adapters (names in home or PEFT folders); one run each, from one load of the base",
    )
    parser.add_argument(
        "--no-base", action="store_true", help="run the adapters only, not the base"
    )
    parser.add_argument(
        "--dialect", help="how tools are written for the model (default: the model's own)"
    )
    parser.add_argument(
        "--engine",
        default="auto",
        help="transformers, vllm, server, or auto: vllm on a GPU that has it (default: %(default)s)",
    )
    parser.add_argument("--device", help="cpu, cuda or mps (default: the fastest there is)")
    parser.add_argument("--dtype", help="default: float32 on a CPU, bfloat16 elsewhere")
    vllm = parser.add_argument_group("vllm engine")
    vllm.add_argument(
        "--max-model-len", type=int, metavar="N", help="tokens of a prompt and its reply"
    )
    vllm.add_argument("--gpu-memory", type=float, metavar="SHARE", help="of the GPU (default: 0.9)")
    vllm.add_argument("--kv-cache-gib", type=float, metavar="N", help="on a CPU (default: 2)")
    vllm.add_argument("--tensor-parallel", type=int, default=1, metavar="N", help="GPUs a layer")
    vllm.add_argument("--pipeline-parallel", type=int, default=1, metavar="N", help="GPU stages")
    vllm.add_argument(
        "--batch-invariant", action="store_true", help="same bits in any batch (GPU only)"
    )
    _add_server(parser.add_argument_group("server engine (any OpenAI-compatible endpoint)"))


def _add_server(group: "argparse._ArgumentGroup") -> None:
    group.add_argument(
        "--base-url",
        action="append",
        metavar="URL[,URL]",
        help="http://127.0.0.1:8000; several are replicas of one service",
    )
    group.add_argument(
        "--api",
        default="completions",
        help="completions: prompts by --dialect; chat: messages and tools (default: %(default)s)",
    )
    group.add_argument(
        "--concurrency", type=int, default=32, metavar="N", help="requests at a time (default: 32)"
    )
    group.add_argument(
        "--timeout",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="of a request (default: 300)",
    )
    group.add_argument(
        "--attempts", type=int, default=8, metavar="N", help="to get one reply (default: 8)"
    )
    group.add_argument(
        "--outage",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="without any server, after which to stop (default: 300)",
    )
    group.add_argument(
        "--api-key-env",
        default="OPENAI_API_KEY",
        metavar="NAME",
        help="variable that holds the key (default: %(default)s)",
    )
    group.add_argument(
        "--no-vllm-extras", action="store_true", help="send the fields of OpenAI's API only"
    )


def engine_options(args: argparse.Namespace) -> "EngineOptions":
    """The options of the engine from a parsed command line. Errors: UsageError."""
    from bench.engines import EngineOptions

    names = EngineOptions.__dataclass_fields__
    given = {name: getattr(args, name) for name in names}
    given["base_url"] = tuple(split_names(",".join(given["base_url"] or ())))
    return EngineOptions(**given)


def split_names(text: str) -> list[str]:
    """The names in a comma list; blanks around commas do not matter."""
    return [name.strip() for name in text.split(",") if name.strip()]


def emit(tables: "Sequence[Table]", data: Any, form: str) -> None:
    """Print tables in the form asked for, or the data behind them as JSON, on stdout."""
    from reports import render

    if form == "json":
        json.dump(data, sys.stdout, indent=1)
        print()
    else:
        print(render(tables, form), end="")


def add_html(parser: argparse.ArgumentParser) -> None:
    """`--html FILE`."""
    parser.add_argument(
        "--html", metavar="FILE", help="also write one self-contained page, to open in a browser"
    )


def write_html(
    path: str,
    title: str,
    tables: "Sequence[Table]",
    *,
    charts: "Sequence[Chart]" = (),
    cases: dict[str, Any] | None = None,
) -> None:
    """Write the page and say where. Errors: InfrastructureError."""
    from reports.page import Page, write_page

    file = write_page(path, Page(title=title, tables=tables, charts=charts, cases=cases or {}))
    print(f"page: {file}", file=sys.stderr)


def run_path(name: str) -> str:
    """A run file by path, URL, or run id (or the start of one) in home. Errors: UsageError."""
    from bench.store import find_run

    return find_run(name)
