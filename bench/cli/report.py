"""Show the tables of one or more finished (or interrupted) runs again, or export their records."""

import argparse
import sys

from bench.cli.common import add_format, add_html, emit, run_path, write_html

__all__ = ["add_arguments", "main"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench report`."""
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run file, URL or run id")
    parser.add_argument(
        "--export",
        action="append",
        default=[],
        metavar="KIND=PATH",
        help="also write the records: parquet=FILE, dataset=FOLDER (datasets.load_from_disk), "
        "eee=FOLDER (Every Eval Ever); may be repeated, never over what exists",
    )
    add_html(parser)
    add_format(parser)


def main(args: argparse.Namespace) -> int:
    """Print scores, outcomes, sub-checks, failure modes and speed."""
    from bench.store import read_run
    from reports import run_tables, summarise, summary_data
    from reports.export import parse_exports, write_exports

    exports = parse_exports(args.export)
    runs = [read_run(run_path(name)) for name in args.runs]
    write_exports(runs, exports)
    for export in exports:
        print(f"{export.kind}: {export.path}", file=sys.stderr)
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
