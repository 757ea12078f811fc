"""Train a LoRA adapter on what fails: examples, the guard over them, the loop, the adapter in home.

The examples are a mix made here (--mix N, by the failures of dev runs: --from RUN), requests over any list of
tools (--tools FILE --requests N), files of cases (--data) and public corpora (--corpus NAME or NAME=PATH),
together. Whatever collides with a case of any suite is
dropped, and counted on stderr. The recipe stands in flags, or in a file (--recipe; what is typed wins): the
recipe.yaml beside a trained adapter is one. An interrupted training goes on when the same command is given
again. With --beta the model is asked the examples, and learns to prefer the gold replies to its own wrong
ones and to broken calls (DPO). --dry-run says what would be learned, and trains nothing.
"""

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli.common import add_format, emit, run_path, split_names

if TYPE_CHECKING:
    from train.batches import Encodings
    from train.recipe import Recipe
    from train.session import Session, Trained
    from train.sources import Sources

__all__ = [
    "SETTINGS",
    "add_arguments",
    "add_more",
    "add_recipe",
    "add_shares",
    "main",
    "read_recipe",
    "read_sources",
]

SETTINGS: tuple[tuple[str, type, str], ...] = (
    ("dialect", str, "how tools are written for the model (default: the model's own)"),
    ("steps", int, "optimiser steps"),
    ("epochs", float, "times that every example is seen"),
    ("budget_minutes", float, "minutes of training; measured, then turned into steps"),
    ("rank", int, "of the LoRA (default: 16)"),
    ("alpha", int, "its scale is alpha / rank (default: 32)"),
    ("dropout", float, "of the LoRA's input (default: 0)"),
    ("targets", str, "layers, e.g. q_proj,v_proj (default: all seven linears)"),
    ("lr", float, "learning rate (default: 1e-3, for a model of 270M)"),
    ("warmup", int, "steps in which it rises (default: 10)"),
    ("schedule", str, "cosine or constant (default: cosine)"),
    ("weight_decay", float, "default: 0"),
    ("clip", float, "largest norm of the gradient (default: 1)"),
    ("batch_size", int, "examples a step (default: 16)"),
    (
        "forward_tokens",
        int,
        "tokens of a forward pass; changes no result (default: 2048, on a GPU 8192)",
    ),
    ("max_length", int, "longer examples are left out (default: 4096)"),
    ("packing", bool, "compute shared beginnings once (default: yes)"),
    ("row_tokens", int, "longest packed row (default: 1024)"),
    ("fill", bool, "fill rows with examples that share little (default: on a GPU)"),
    ("together", int, "examples of one beginning in a step (default: 4)"),
    ("chunk", int, "positions of the loss at a time (default: 128, on a GPU 1024)"),
    ("beta", float, "learn preferences (DPO) with this beta: gold against own wrong replies"),
    ("sft", float, "weight of the right replies' own loss beside DPO's (default: 1)"),
    ("dtype", str, "float32 or bfloat16 (default: float32 on a CPU, else bfloat16)"),
    ("save_dtype", str, "of the adapter's file: float32 or bfloat16 (default: float32)"),
    ("seed", int, "of the mix, the order and the LoRA (default: 0)"),
    ("base_hash", str, "refuse any other base (sha256 of its weights)"),
    ("data_hash", str, "refuse any other data (sha256 of the examples)"),
)
"""Setting of a recipe -> type and help; `base` is --model."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench train`."""
    parser.add_argument("--model", help="base: name, folder, .gguf file or hub id (gemma-3-270m)")
    parser.add_argument("--name", help="the adapter's name in home")
    parser.add_argument("--parent", metavar="ADAPTER", help="adapter whose weights to start from")
    parser.add_argument("--device", help="cpu or cuda (default: the best there is)")
    parser.add_argument(
        "--dry-run", action="store_true", help="only count what would be learned; trains nothing"
    )
    data = parser.add_argument_group("data")
    data.add_argument("--mix", type=int, metavar="N", help="draw N cases over the toolboxes")
    data.add_argument(
        "--from",
        dest="runs",
        nargs="+",
        action="extend",
        default=[],
        metavar="RUN",
        help="dev runs of one target: what failed there gets most of the mix",
    )
    add_shares(data)
    add_more(data)
    add_recipe(parser)
    saved = parser.add_argument_group("checkpoints")
    saved.add_argument("--save-minutes", type=float, default=5.0, metavar="X", help="default: 5")
    saved.add_argument("--save-steps", type=int, metavar="N", help="also every N steps")
    add_format(parser)


def add_shares(data: "argparse._ArgumentGroup") -> None:
    """The shares of a mix."""
    share: dict[str, Any] = {"type": float, "metavar": "SHARE"}
    data.add_argument("--no-call-share", **share, help="of the mix's requests (default: 0.3)")
    data.add_argument("--floor", **share, help="of the mix, for each mode (default: 0.01)")
    data.add_argument("--replay", **share, help="of the mix, for what passes (default: 0.2)")


def add_more(data: "argparse._ArgumentGroup") -> None:
    """The sources beside a mix: files, corpora, requests over tools."""
    more: dict[str, Any] = {"nargs": "+", "action": "extend", "default": []}
    data.add_argument("--data", **more, type=Path, metavar="FILE", help="cases, .yaml or .jsonl")
    data.add_argument("--corpus", **more, metavar="NAME[=PATH]", help="a public set, or a copy")
    data.add_argument("--corpus-limit", type=int, metavar="N", help="rows of each corpus, drawn")
    data.add_argument(
        "--beside",
        type=int,
        default=0,
        metavar="N",
        help="tools of other rows, at most, on offer beside a row's own (default: 0)",
    )
    data.add_argument(
        "--absent",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="of the rows: another row's request over the same tools, declined (default: 0)",
    )
    data.add_argument(
        "--tools", **more, type=Path, metavar="FILE", help="definitions: OpenAI, MCP, plain"
    )
    data.add_argument("--requests", type=int, metavar="N", help="draw N requests over --tools")


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """`--recipe FILE` and a flag for each setting of a recipe."""
    recipe = parser.add_argument_group("recipe (one of --steps, --epochs and --budget)")
    recipe.add_argument("--recipe", type=Path, metavar="FILE", help="YAML with any of these")
    for name, kind, text in SETTINGS:
        flag = f"--{name.replace('_', '-')}"
        if kind is bool:
            recipe.add_argument(flag, action=argparse.BooleanOptionalAction, help=text)
        else:
            flags = ["--budget", flag] if name == "budget_minutes" else [flag]
            mark = {int: "N", float: "X"}.get(kind, "WORD")
            recipe.add_argument(*flags, dest=name, type=kind, metavar=mark, help=text)


def main(args: argparse.Namespace) -> int:
    """Gather and screen the examples, train on them, put the adapter into home, say what to do next."""
    from bench.errors import UsageError

    if args.name is None and not args.dry_run:
        raise UsageError("--name is missing: what shall the adapter be called?")
    if not args.save_minutes > 0 or (args.save_steps is not None and args.save_steps < 1):
        raise UsageError("--save-minutes must be above 0, and --save-steps at least 1")
    recipe, sources = read_recipe(args), read_sources(args)
    from train.session import check_free, encodings, prepare, train

    if args.name is not None:
        check_free(args.name)
    session = prepare(recipe, sources, parent=args.parent)
    for line in session.data.lines():
        print(line, file=sys.stderr)
    if args.dry_run:
        _show(session, encodings(session), None, args.format)
        return 0
    done = train(
        session,
        args.name,
        device=args.device,
        save_steps=args.save_steps,
        save_minutes=args.save_minutes,
        command=shlex.join(["callbench", *args.raw]),
    )
    _show(session, done.encoded, done, args.format)
    print(_next(session, args.name), file=sys.stderr)
    return 0


def read_recipe(args: argparse.Namespace) -> "Recipe":
    """The recipe of --recipe, the flags and --model; what is typed wins. Errors: UsageError."""
    from train.recipe import Recipe

    given: dict[str, Any] = {name: getattr(args, name) for name, _, _ in SETTINGS}
    given = {name: value for name, value in given.items() if value is not None}
    if args.targets is not None:
        given["targets"] = tuple(split_names(args.targets))
    if args.model is not None:
        given["base"] = args.model
    recipe = Recipe.from_yaml(args.recipe, given) if args.recipe else Recipe.from_dict(given)
    return recipe if recipe.base else Recipe.from_dict({**recipe.to_dict(), "base": "gemma-3-270m"})


def read_sources(args: argparse.Namespace) -> "Sources":
    """The sources of the command line. Errors: UsageError."""
    from train.sources import Shares, Sources

    return Sources(
        mix=args.mix,
        runs=tuple(run_path(name) for name in getattr(args, "runs", ())),
        shares=Shares(no_call=args.no_call_share, floor=args.floor, replay=args.replay),
        files=tuple(args.data),
        corpora=tuple(args.corpus),
        corpus_limit=args.corpus_limit,
        beside=args.beside,
        absent=args.absent,
        tools=tuple(args.tools),
        requests=args.requests,
    )


def _show(session: "Session", encoded: "Encodings", done: "Trained | None", form: str) -> None:
    """The figures on stdout."""
    from reports.table import Table

    data = _figures(session, encoded, done)
    hidden = ("origins", "modes", "dropped", "recipe")
    rows = [[key.replace("_", " "), _cell(key, v)] for key, v in data.items() if key not in hidden]
    dropped = ", ".join(f"{reason} {n}" for reason, n in data["dropped"].items())
    rows.append(["dropped by the guard", dropped or "none"])
    title = "What was learned" if done else "What would be learned (nothing was trained)"
    notes = ["no call share: of all the model's turns that follow a user message"]
    emit([Table(title=title, head=["", ""], rows=rows, notes=notes)], data, form)


def _figures(session: "Session", encoded: "Encodings", done: "Trained | None") -> dict[str, Any]:
    from train.sources import no_call_share

    gathered, parent = session.data, session.target.adapter
    checked, size = gathered.screened.checked, session.recipe.batch_size
    data: dict[str, Any] = {
        "model": session.target.model.name,
        "parent": parent.name if parent else None,
        "dialect": session.target.dialect,
        "gathered": checked.seen,
        "kept": checked.kept,
        "too_long": encoded.too_long,
        "unsupervised": encoded.unsupervised,
        "examples": len(encoded.items),
        "tokens": sum(len(item.ids) for item in encoded.items),
        "supervised_tokens": encoded.supervised,
        "no_call_share": no_call_share(gathered.examples),
        "steps_per_epoch": -(-len(encoded.items) // size),
        "origins": {origin.name: origin.examples for origin in gathered.origins},
        "modes": {m.value: n for m, n in gathered.mix.modes.items()} if gathered.mix else {},
        "dropped": dict(checked.dropped),
        "guard": checked.hash,
    }
    if done is None:
        return {**data, "recipe": session.recipe.to_dict()}
    card = done.adapter.card
    assert card is not None
    return {
        **data,
        "name": done.adapter.name,
        "folder": str(done.adapter.folder),
        "steps": done.steps,
        "resumed": done.resumed,
        "loss": done.loss,
        "seconds": done.seconds,
        "weights": card.weights,
        "data_hash": card.data_hash,
        "recipe_hash": card.recipe_hash,
        "recipe": card.recipe,
    }


def _cell(key: str, value: object) -> str:
    if value is None:
        return "-"
    if key == "no_call_share":
        return f"{100 * float(str(value)):.1f} %"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _next(session: "Session", name: str) -> str:
    """How to run and compare the adapter, in one line; callbench run prints both runs."""
    from train.session import model_name

    model, parent = session.target.model, session.target.adapter
    words = ["callbench", "run", "call", "arguments", "output", "--model", model_name(model)]
    words += ["--adapters", f"{parent.name},{name}" if parent else name]
    if model.dialect != session.target.dialect:
        words += ["--dialect", session.target.dialect]
    return f"next: {shlex.join(words)}, then callbench compare BASE_RUN NEW_RUN"
