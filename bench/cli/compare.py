"""Pair runs by case: fixed, broken, and whether each change is better, worse, or cannot be told.

The first run is the baseline of 1 to 7 others. Each suite and category gets the difference with its interval,
the exact McNemar p, the p adjusted by Holm, and a verdict: better, worse, no worse than the margin, cannot
tell. Cases asked several times count with the mean of their samples, and a permutation test takes McNemar's
place; variants are compared with variants, on lines of their own. Runs made under other conditions (suite,
dialect, examples, sampling, engine) are refused without --force, and then named under the table. With --json
two runs give one object, more a list of them.
"""

import argparse
from typing import TYPE_CHECKING

from bench.cli.common import add_format, add_html, emit, run_path, write_html

if TYPE_CHECKING:
    from bench.decide import Comparison
    from bench.store import Run
    from reports.table import Table

__all__ = ["add_arguments", "main"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench compare`."""
    parser.add_argument("first", metavar="A", help="baseline: run file, URL or run id")
    parser.add_argument("others", metavar="B", nargs="+", help="candidates (at most 7)")
    parser.add_argument(
        "--margin",
        type=float,
        default=2.0,
        metavar="POINTS",
        help="of the verdict 'no worse than' (default: %(default)g)",
    )
    parser.add_argument(
        "--force", action="store_true", help="compare although the conditions differ, and say so"
    )
    add_html(parser)
    add_format(parser)


def main(args: argparse.Namespace) -> int:
    """Print the comparison of each candidate with the baseline."""
    import sys

    from bench.store import read_run
    from reports import comparison_data, comparison_tables, overview_table
    from reports.compared import compare_runs

    first, *others = (read_run(run_path(name)) for name in (args.first, *args.others))
    found = compare_runs([first, *others], margin=args.margin, force=args.force)
    for one in found:
        if one.refused:
            text = "; ".join(one.refused)
            print(f"warning: FORCED, NOT THE SAME CONDITIONS: {text}", file=sys.stderr)
    tables = [overview_table(found)] if len(found) > 1 else []
    tables += [table for one in found for table in comparison_tables(one)]
    data = [comparison_data(one) for one in found]
    emit(tables, data if len(data) > 1 else data[0], args.format)
    if args.html:
        _write(args.html, [first, *others], found, tables)
    return 0


def _write(path: str, runs: "list[Run]", found: "list[Comparison]", tables: "list[Table]") -> None:
    """The page: scores, changes, migrations, and every case of all the runs."""
    from reports import summarise
    from reports.charts import comparison_charts, run_charts
    from reports.page import case_data
    from reports.tables import run_labels

    labels = run_labels([r.manifest for r in runs])
    charts = run_charts([summarise(r) for r in runs], labels)
    for one, label in zip(found, labels[1:], strict=True):
        charts += comparison_charts(one, f": {label}" if len(found) > 1 else "")
    title = f"{labels[0]} against {', '.join(labels[1:])}"
    write_html(path, title, tables, charts=charts, cases=case_data(runs, labels))
