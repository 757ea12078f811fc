"""Show the tables of one or more finished (or interrupted) runs again."""

import argparse
import sys
from pathlib import Path

from bench.cli.common import add_format, add_html, emit, run_path, write_html

__all__ = ["add_arguments", "main"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench report`."""
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run file, URL or run id")
    parser.add_argument(
        "--export",
        nargs="+",
        action="extend",
        default=[],
        metavar="KIND=PATH",
        help="also write the records: parquet=FILE, dataset=FOLDER, eee=FOLDER",
    )
    add_html(parser)
    add_format(parser)


def main(args: argparse.Namespace) -> int:
    """Print scores, outcomes, sub-checks, failure modes and speed."""
    from bench.store import read_run
    from reports import run_tables, summarise, summary_data

    wanted: list[tuple[str, Path]] = []
    if args.export:
        from reports.export import export, parse_targets

        wanted = parse_targets(args.export)
    runs = [read_run(run_path(name)) for name in args.runs]
    for kind, path in wanted:
        export(runs, kind, path)
        print(f"{kind}: {path}", file=sys.stderr)
    summaries = [summarise(r) for r in runs]
    tables = run_tables(summaries)
    emit(tables, [summary_data(s) for s in summaries], args.format)
    if args.html:
        from reports.charts import run_charts
        from reports.page import case_data
        from reports.tables import run_labels

        labels = run_labels([r.manifest for r in runs])
        charts, cases = run_charts(summaries, labels), case_data(runs, labels)
        write_html(args.html, f"Report: {', '.join(labels)}", tables, charts=charts, cases=cases)
    return 0
