"""Rounds of training on what fails on dev: each adapter is promoted or rejected, with the reason in its card.

A round profiles the champion's failures on the dev cases of call, arguments and output, mixes examples by
them, drops what collides with a suite, trains from the champion, measures the candidate on the same cases,
and holds it against the base and the champion. It is promoted, and is the next champion, if it passes the
gate and is better as a whole. A round that cannot be told from the last ends the rounds. At the end, and only
if an adapter was promoted, the base and that adapter are asked the test splits, and what --final names, once.
--budget is the time of training of each round; replies are made with transformers.
"""

import argparse
import shlex
import sys
from typing import TYPE_CHECKING, Any

from bench.cli.common import add_format, emit
from bench.cli.train import add_more, add_recipe, add_shares, read_recipe, read_sources

if TYPE_CHECKING:
    from bench.store import Run
    from reports.table import Table
    from train.improve import Round

__all__ = ["add_arguments", "main"]

_SUITES = ("call", "arguments", "output")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench improve`."""
    parser.add_argument("--model", help="base: name, folder, .gguf file or hub id (gemma-3-270m)")
    parser.add_argument(
        "--adapter", metavar="PARENT", help="adapter to improve (default: the base)"
    )
    parser.add_argument("--name", default="improved", help="adapters are NAME-1, … (%(default)s)")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="at most (default: 1)")
    parser.add_argument("--limit", type=int, metavar="N", help="dev cases of each suite, at most")
    parser.add_argument("--max-tokens", type=int, default=128, help="of a reply (default: 128)")
    parser.add_argument("--device", help="cpu or cuda (default: the best there is)")
    parser.add_argument(
        "--eval-dtype", metavar="DTYPE", help="of the replies (default: float32 on a CPU)"
    )
    parser.add_argument(
        "--final",
        nargs="+",
        action="extend",
        default=[],
        metavar="SUITE",
        help="imported suites to open at the end, beside the test splits",
    )
    parser.add_argument("--no-final", action="store_true", help="leave the test splits closed")
    parser.add_argument("--no-cache", action="store_true", help="generate every reply anew")
    data = parser.add_argument_group("data of a round")
    data.add_argument(
        "--mix", type=int, default=1000, metavar="N", help="cases to draw (default: 1000)"
    )
    add_shares(data)
    add_more(data)
    add_recipe(parser)
    add_format(parser)


def main(args: argparse.Namespace) -> int:
    """Make the rounds; a table after each, or all of them as JSON or CSV at the end."""
    from bench.cache import opened_cache
    from bench.plan import Settings
    from bench.runner import Chosen

    recipe, settings = read_recipe(args), Settings(max_tokens=args.max_tokens)
    from train.improve import Improvement, improve, open_sealed

    plan = Improvement(
        recipe=recipe,
        name=args.name,
        rounds=args.rounds,
        chosen=Chosen(names=_SUITES, limit=args.limit),
        settings=settings,
        sources=read_sources(args),
        parent=args.adapter,
        device=args.device,
        dtype=args.eval_dtype,
        command=shlex.join(["callbench", *args.raw]),
    )
    live = args.format in ("table", "markdown")
    rounds: list[Round] = []
    final: tuple[Run, Run] | None = None

    def told(made: "Round") -> None:
        rounds.append(made)
        for line in made.data.lines():
            print(line, file=sys.stderr)
        if live:
            emit([_table(made)], None, args.format)
            sys.stdout.flush()

    try:
        with opened_cache(not args.no_cache) as cache:
            improve(plan, cache=cache, on_round=told)
            if not args.no_final:
                sealed = [f"{name}/test" for name in _SUITES]
                final = open_sealed(plan, rounds, [*sealed, *args.final], cache=cache)
    finally:  # what was measured is told, whatever came after it
        if not live and rounds:
            tables = [_table(made) for made in rounds]
            emit(tables + _final_tables(final), _all(rounds, final), args.format)
    if live and final is not None:
        print()
        emit(_final_tables(final), None, args.format)
    kept = [made.trained.adapter.name for made in rounds if made.decision.state == "promoted"]
    print(f"{len(rounds)} rounds; promoted: {', '.join(kept) or 'none'}", file=sys.stderr)
    if final is None and not args.no_final:
        print("nothing was promoted: the test splits stay closed", file=sys.stderr)
    return 0


def _final_tables(final: "tuple[Run, Run] | None") -> "list[Table]":
    from bench.decide import compare
    from reports import comparison_tables

    return comparison_tables(compare(*final)) if final else []


def _all(rounds: "list[Round]", final: "tuple[Run, Run] | None") -> dict[str, Any]:
    from bench.decide import compare
    from reports import comparison_data

    return {
        "rounds": [_data(made) for made in rounds],
        "final": comparison_data(compare(*final)) if final else None,
    }


def _table(made: "Round") -> "Table":
    from reports.table import Table

    rows = []
    for gate in made.gates:
        against = gate.comparison.first.manifest.label
        for line in gate.comparison.lines:
            if line.family not in ("all", "suite"):
                continue
            d = line.difference
            rows.append(
                [
                    against,
                    line.name if line.family == "suite" else "all",
                    str(d.n),
                    str(line.passed[0]),
                    str(line.passed[1]),
                    f"{100 * d.estimate:+.1f} [{100 * d.interval.low:.1f}, {100 * d.interval.high:.1f}]",
                    line.words,
                ]
            )
    trained, checked = made.trained, made.data.screened.checked
    return Table(
        title=f"Round {made.number}: {trained.adapter.name} {made.decision.state}",
        head=["against", "suite", "n", "before", "after", "points", "verdict"],
        rows=rows,
        notes=[
            f"{made.decision.reason}",
            f"{checked.kept} examples ({checked.seen - checked.kept} dropped by the guard), "
            f"{trained.steps} steps, loss {trained.loss:.3g}, {trained.seconds:.0f} s",
            f"run: {made.run.manifest.run_id}",
        ],
    )


def _data(made: "Round") -> dict[str, Any]:
    from reports.gate import gate_data

    trained, checked = made.trained, made.data.screened.checked
    profile = made.data.profile
    return {
        "round": made.number,
        "adapter": trained.adapter.name,
        "state": made.decision.state,
        "reason": made.decision.reason,
        "told": made.decision.told,
        "run": made.run.manifest.run_id,
        "profile": {x.mode.value: x.failed.passed for x in profile.modes} if profile else {},
        "gathered": checked.seen,
        "kept": checked.kept,
        "dropped": dict(checked.dropped),
        "steps": trained.steps,
        "loss": trained.loss,
        "seconds": trained.seconds,
        "gates": [gate_data(gate) for gate in made.gates],
    }
