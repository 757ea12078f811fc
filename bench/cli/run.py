"""Measure a model, and adapters of it, on suites.

Suites are names (call, arguments, output; call/test for another split), the selection smoke, folders or
files of cases. --samples asks every case several times; --vary also asks it with the tools in another
order, under other names, or beside tools that do not matter. Every target leaves a run file in home's
runs/; an interrupted run is finished with --resume FILE. Settings may stand in a YAML file (--config); the
command line wins.
"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.cli.common import (
    add_format,
    add_target,
    emit,
    engine_options,
    run_path,
    split_names,
)
from bench.cli.planning import show_plan

if TYPE_CHECKING:
    from bench.order import Order

__all__ = ["add_arguments", "main"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench run`."""
    parser.add_argument(
        "suites", nargs="*", metavar="SUITE", help="what to run, e.g. call arguments output"
    )
    add_target(parser)
    parser.add_argument("--shots", type=int, default=0, help="examples in the context (default: 0)")
    parser.add_argument(
        "--cases", metavar="GLOB", help="only cases whose id matches, e.g. 'weather.*'"
    )
    parser.add_argument("--limit", type=int, help="at most so many cases a suite")
    parser.add_argument(
        "--max-tokens", type=int, default=128, help="budget of a reply (default: 128)"
    )
    parser.add_argument("--temperature", type=float, default=0.0, help="default: 0, greedy")
    parser.add_argument("--top-p", type=float, default=1.0, help="default: 1")
    parser.add_argument(
        "--samples",
        type=int,
        default=1,
        metavar="K",
        help="ask every case K times, with seeds of their own; needs --temperature (default: 1)",
    )
    parser.add_argument(
        "--vary",
        metavar="KINDS",
        help="also ask variants with the same truth: order,names,distractors",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="for sampling and examples (default: 0)"
    )
    parser.add_argument(
        "--constrained",
        action="store_true",
        help="hold a call, once opened, to its tool's schema (vllm engine); a mode of its own",
    )
    parser.add_argument(
        "--batch-size", type=int, default=12, help="prompts at a time (default: 12)"
    )
    parser.add_argument(
        "--no-cache", action="store_true", help="generate every reply, keep none in the cache"
    )
    parser.add_argument(
        "--plan",
        action="store_true",
        help="only say what would be asked and which differences it can show; loads no model",
    )
    parser.add_argument(
        "--resume", metavar="RUN", help="finish an interrupted run (its settings stand)"
    )
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="YAML with any of these settings"
    )
    parser.add_argument(
        "--store",
        metavar="URL",
        help="also copy finished run files there (any fsspec URL or a folder)",
    )
    add_format(parser)


def main(args: argparse.Namespace) -> int:
    """Run or resume, then print the report; it is also written as Markdown into home's reports/."""
    if args.config is not None:
        args = _with_config(args)
    from bench.cache import opened_cache
    from bench.errors import UsageError
    from bench.runner import resume
    from bench.store import publish

    if args.resume is not None:
        if args.suites:
            raise UsageError("--resume takes suites and settings from the run: leave them out")
        fixed = {
            "--samples": args.samples != 1,
            "--vary": args.vary is not None,
            "--constrained": args.constrained,
        }
        for flag, given in fixed.items():
            if given:
                raise UsageError(f"--resume takes {flag} from the run: leave it out")
        if args.plan:
            raise UsageError("--plan is for a new run: leave out --resume")
        with opened_cache(not args.no_cache) as cache:
            runs = [resume(Path(run_path(args.resume)), options=engine_options(args), cache=cache)]
    elif args.suites:
        runs = _run(args)
    else:
        raise UsageError("name a suite (callbench suites list shows them), or --resume RUN")
    if args.plan:
        return 0
    report(runs, args.format)
    if args.store:
        for run in runs:
            print(f"copied: {publish(run, args.store)}", file=sys.stderr)
    return 0


def report(runs: list[Any], form: str) -> None:
    """Print the tables of runs and keep them."""
    from reports import run_tables, summarise, summary_data

    summaries = [summarise(r) for r in runs]
    tables = run_tables(summaries)
    emit(tables, [summary_data(s) for s in summaries], form)
    keep(runs, tables)


def keep(runs: list[Any], tables: list[Any]) -> None:
    """Write the tables as Markdown into home's reports/, and say where everything lies."""
    from adapters import home_folder
    from reports import render

    page = home_folder("reports") / f"{runs[-1].manifest.run_id}.md"
    page.write_text(render(tables, "markdown"), encoding="utf-8")
    for run in runs:
        print(f"run:    {run.path}", file=sys.stderr)
    print(f"report: {page}", file=sys.stderr)


def _run(args: argparse.Namespace) -> list[Any]:
    from bench.order import fulfil

    order = _order(args)
    if args.plan:
        show_plan(args, order.chosen.selection(), order.settings)
        return []
    return fulfil(order, command=args.raw)


def _order(args: argparse.Namespace) -> "Order":
    from bench.errors import UsageError
    from bench.order import Order
    from bench.plan import Settings
    from bench.runner import Chosen
    from suites.vary import KINDS, check_kinds

    settings = Settings(**{name: getattr(args, name) for name in Settings.__dataclass_fields__})
    kinds = split_names(args.vary or "")
    if args.vary is not None and not kinds:
        raise UsageError("--vary names no kind of variant", known=KINDS)
    return Order(
        chosen=Chosen(
            names=tuple(args.suites), pattern=args.cases, limit=args.limit, vary=check_kinds(kinds)
        ),
        model=args.model,
        adapters=tuple(split_names(args.adapters)),
        base=not args.no_base,
        dialect=args.dialect,
        engine=args.engine,
        settings=settings,
        options=engine_options(args),
        cached=not args.no_cache,
    )


def _with_config(args: argparse.Namespace) -> argparse.Namespace:
    """The command line again with the file's settings before it, so that what was typed wins.

    Errors: UsageError for a file that cannot be read or a setting that does not exist.
    """
    from bench.cli import ArgumentError, parser
    from bench.errors import UsageError
    from suites.yaml_io import load_yaml

    try:
        text = args.config.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {args.config}: {error}") from None
    values, _ = load_yaml(text, str(args.config))
    if not isinstance(values, dict):
        raise UsageError(f"{args.config} must map settings to values")
    known = {dest.replace("_", "-") for dest in vars(args)} - _NOT_SETTINGS
    options: list[str] = []
    for key, value in values.items():
        name = key.replace("_", "-")
        if name not in known:
            raise UsageError(f"{args.config}: unknown setting {key!r}", known=sorted(known))
        if name in _SWITCHES:
            if not isinstance(value, bool):
                raise UsageError(f"{args.config}: {key} must be true or false")
            options += [f"--{name}"] if value else []
        elif name == "base-url" and args.base_url:
            continue
        elif name != "suites":
            options.append(f"--{name}={_joined(args.config, key, value)}")
    suites = values.get("suites", [])
    typed = (
        [] if args.suites else [str(s) for s in (suites if isinstance(suites, list) else [suites])]
    )
    command, *rest = args.raw
    try:
        merged = parser().parse_args([command, *options, *rest, *typed])
    except ArgumentError as error:
        raise UsageError(f"{args.config}: {error}") from None
    merged.raw = args.raw
    return merged


_SWITCHES = ("no-base", "no-cache", "batch-invariant", "no-vllm-extras", "constrained")
_NOT_SETTINGS = {"command", "config", "main", "plan", "raw", "resume"}


def _joined(file: Path, key: str, value: object) -> str:
    from bench.errors import UsageError

    values = value if isinstance(value, list) else [value]
    if not all(isinstance(v, str | int | float) and not isinstance(v, bool) for v in values):
        raise UsageError(f"{file}: {key} must be text, a number or a list of them")
    return ",".join(str(v) for v in values)
