"""Show the tables of one or more finished (or interrupted) runs again."""

import argparse

from bench.cli.common import add_format, emit, run_path

__all__ = ["add_arguments", "main"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench report`."""
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run file, URL or run id")
    add_format(parser)


def main(args: argparse.Namespace) -> int:
    """Print scores, outcomes, sub-checks, failure modes and speed."""
    from bench.store import read_run
    from reports import run_tables, summarise, summary_data

    summaries = [summarise(read_run(run_path(name))) for name in args.runs]
    emit(run_tables(summaries), [summary_data(s) for s in summaries], args.format)
    return 0
