"""Run the embedded model on `smoke`, without and with three examples in the context, and compare.

The first call prepares the model (about a minute and 1.1 GB of disk); the runs take a few minutes on two
cores.
"""

import argparse

from bench.cli.common import add_format, emit

__all__ = ["add_arguments", "main"]

_MODEL, _SUITE, _SHOTS, _BUDGET = "gemma-3-270m", "smoke", 3, 80


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench demo`."""
    add_format(parser)


def main(args: argparse.Namespace) -> int:
    """Both runs from one load of the model, their report, and the comparison."""
    from adapters import resolve
    from bench.cli.run import keep
    from bench.engines import load_engine
    from bench.plan import Settings
    from bench.runner import Chosen, run
    from reports import (
        compare,
        comparison_data,
        comparison_tables,
        run_tables,
        summarise,
        summary_data,
    )

    target = resolve(_MODEL)
    engine = load_engine("transformers", target, [])
    chosen = Chosen(names=(_SUITE,))
    runs = [
        run(chosen, target, Settings(max_tokens=_BUDGET, shots=shots), engine, command=args.raw)
        for shots in (0, _SHOTS)
    ]
    summaries = [summarise(r) for r in runs]
    found = compare(*runs)
    tables = [*run_tables(summaries), *comparison_tables(found)]
    data = {
        "runs": [summary_data(s) for s in summaries],
        "comparison": comparison_data(found),
    }
    emit(tables, data, args.format)
    keep(runs, tables)
    return 0
