"""Rank the targets of many runs: ties where the intervals do not lie apart.

Only runs of the same cases under the same settings share a table. Without a RUN all of home's runs are taken.
"""

import argparse
from pathlib import Path

from bench.cli.common import add_format, add_html, emit, run_path, write_html

__all__ = ["add_arguments", "main"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench leaderboard`."""
    parser.add_argument("runs", nargs="*", metavar="RUN", help="run file, run id, or a folder")
    parser.add_argument("--no-baselines", action="store_true", help="judge no baselines")
    add_html(parser)
    add_format(parser)


def main(args: argparse.Namespace) -> int:
    """Print a table for each set of cases and settings."""
    from adapters import home
    from bench.errors import UsageError
    from reports.leaderboard import boards, leaderboard_data, leaderboard_tables, run_files
    from reports.scan import scan_all

    shelf = home() / "runs"
    names = [n if Path(n).is_dir() else run_path(n) for n in args.runs] or [str(shelf)]
    files = run_files(names) if args.runs or shelf.is_dir() else []
    if not files:
        raise UsageError(f"there are no runs in {', '.join(names)}: callbench run makes one")
    found = boards(scan_all(files), baselines=not args.no_baselines)
    states = _states()
    tables = leaderboard_tables(found, states)
    emit(tables, leaderboard_data(found, states), args.format)
    if args.html:
        from reports.charts import board_charts

        charts = [c for b in found for c in board_charts(b)]
        write_html(args.html, "Leaderboard", tables, charts=charts)
    return 0


def _states() -> dict[str, str]:
    """Adapter -> what its card says of it."""
    from adapters import ModelError, find_adapter
    from adapters.registry import shipped
    from adapters.shelf import names

    found: dict[str, str] = {}
    for name in (*shipped(), *names()):
        try:
            card = find_adapter(name).card
        except ModelError:
            continue
        found[name] = card.state.value if card else "no card"
    return found
