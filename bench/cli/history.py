"""An adapter and its ancestors over time: scores, promotions and rejections, what broke and stayed broken.

Runs are those in home, or those that are named; each is held against the newest earlier run of its parent.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.common import add_format, add_html, emit, run_path, write_html

if TYPE_CHECKING:
    from adapters import Adapter
    from reports.history import Link

__all__ = ["add_arguments", "main"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench history`."""
    parser.add_argument("adapter", metavar="ADAPTER", help="its name, or BASE+NAME")
    parser.add_argument("runs", nargs="*", metavar="RUN", help="run file, run id, or a folder")
    add_html(parser)
    add_format(parser)


def main(args: argparse.Namespace) -> int:
    """Print the lineage, and its runs in time."""
    from adapters import find_adapter, home
    from bench.errors import UsageError
    from bench.store import read_run
    from reports.history import history, history_charts, history_data, history_tables
    from reports.leaderboard import run_files

    adapter = find_adapter(args.adapter.rpartition("+")[2])
    links = _links(adapter)
    shelf = home() / "runs"
    names = [n if Path(n).is_dir() else run_path(n) for n in args.runs] or [str(shelf)]
    files = run_files(names) if args.runs or shelf.is_dir() else []
    wanted = {link.hash for link in links}
    runs = [r for r in map(read_run, files) if r.manifest.adapter_hash in wanted]
    base = adapter.card.base.hash if adapter.card else None
    runs = [r for r in runs if base is None or r.manifest.model_hash == base]
    if not runs:
        raise UsageError(
            f"there is no run of {adapter.name} or its base in {', '.join(names)}: callbench run makes one"
        )
    tracks = history(links, runs)
    tables = history_tables(links, tracks)
    emit(tables, history_data(links, tracks), args.format)
    if args.html:
        write_html(args.html, f"History of {adapter.name}", tables, charts=history_charts(tracks))
    return 0


def _links(adapter: "Adapter") -> "list[Link]":
    """From the base to the adapter, as far as the cards tell."""
    from adapters import ModelError, find_adapter
    from reports.history import Link

    found: list[Link] = []
    current: Adapter | None = adapter
    seen: set[str] = set()
    while current is not None and current.name not in seen:
        seen.add(current.name)
        card = current.card
        found.append(
            Link(
                name=current.name,
                hash=current.hash,
                state=card.state.value if card else "no card",
                reason=card.state.reason if card else "",
                date=(card.state.date or card.created) if card else "",
            )
        )
        parent = card.parent if card else None
        current = None
        if parent is not None:
            try:
                elder = find_adapter(parent.name)
            except ModelError:
                elder = None
            if (
                elder is not None
                and elder.card is not None
                and elder.card.weights == parent.weights
            ):
                current = elder
            else:
                found.append(
                    Link(name=parent.name, hash=f"gone {parent.weights}", state="not here")
                )
    base = adapter.card.base.name if adapter.card and adapter.card.base.name else adapter.base
    return [Link(name=base or "base", hash=None), *reversed(found)]
