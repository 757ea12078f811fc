"""Pair two runs by case: fixed, broken, both wrong, exact McNemar and the difference with its interval.

The first run is the baseline. Cases asked several times count with the mean of their samples, and a
permutation test takes McNemar's place; variants are compared with variants, on lines of their own.
Differences in conditions (suite, dialect, examples, sampling, engine) are named under the table, never
passed over.
"""

import argparse

from bench.cli.common import add_format, emit, run_path

__all__ = ["add_arguments", "main"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench compare`."""
    parser.add_argument("first", metavar="A", help="baseline: run file, URL or run id")
    parser.add_argument("second", metavar="B", help="candidate")
    add_format(parser)


def main(args: argparse.Namespace) -> int:
    """Print the comparison."""
    from bench.store import read_run
    from reports import compare, comparison_data, comparison_tables

    found = compare(read_run(run_path(args.first)), read_run(run_path(args.second)))
    emit(comparison_tables(found), comparison_data(found), args.format)
    return 0
