"""Run the embedded model on `smoke`, without and with the adapter that comes with callbench, and compare.

The first call prepares the model (about a minute and 1.1 GB of disk); the runs take a few minutes on two
cores.
"""

import argparse
from dataclasses import replace

from bench.cli.common import add_format, emit

__all__ = ["add_arguments", "main"]

_MODEL, _ADAPTER, _SUITE, _BUDGET = "gemma-3-270m", "gemma-3-270m-calls", "smoke", 80


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench demo`."""
    add_format(parser)


def main(args: argparse.Namespace) -> int:
    """Both runs from one load of the model, their report, and the comparison."""
    from adapters import resolve
    from bench.cli.run import keep
    from bench.decide import compare
    from bench.engines import load_engine
    from bench.plan import Settings
    from bench.runner import Chosen, run
    from reports import (
        comparison_data,
        comparison_tables,
        run_tables,
        summarise,
        summary_data,
    )

    adapted = resolve(_MODEL, _ADAPTER)
    base = replace(adapted, adapter=None)
    engine = load_engine("transformers", base, [a for a in (adapted.adapter,) if a])
    chosen, settings = Chosen(names=(_SUITE,)), Settings(max_tokens=_BUDGET)
    runs = [run(chosen, t, settings, engine, command=args.raw) for t in (base, adapted)]
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
