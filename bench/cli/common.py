"""Options and output shared by several commands."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.engines import EngineOptions
    from reports import Table

__all__ = ["add_format", "add_target", "emit", "engine_options", "run_path", "split_names"]

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
        help="transformers, vllm, or auto: vllm on a GPU that has it (default: %(default)s)",
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


def engine_options(args: argparse.Namespace) -> "EngineOptions":
    """The options of the engine from a parsed command line. Errors: UsageError."""
    from bench.engines import EngineOptions

    names = EngineOptions.__dataclass_fields__
    return EngineOptions(**{name: getattr(args, name) for name in names})


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


def run_path(name: str) -> str:
    """A run file by path, URL, or run id (or the start of one) in home. Errors: UsageError."""
    from adapters import home
    from bench.errors import UsageError

    folder = home() / "runs"
    try:
        if "://" in name or Path(name).is_file():
            return name
        runs = sorted(folder.glob("*.jsonl"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{name[:80]!r} is no run: {error}") from None
    found = [f for f in runs if f.stem.startswith(name)] if name else []
    if len(found) == 1:
        return str(found[0])
    if found:
        raise UsageError(f"{name!r} fits {len(found)} runs", known=[f.stem for f in found])
    known = [f.stem for f in runs]
    raise UsageError(f"there is no run {name!r} (a run file, or an id in {folder})", known=known)
