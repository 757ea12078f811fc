"""Judge the replies of old runs anew, after a judge or a gold answer was mended; generates nothing.

Each run becomes a new run file in home's runs/; the old one stays as it is. A verdict that changed keeps the
old one beside it. Replies whose case is gone, or asks something else now, keep their verdict and are listed.
"""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from bench.cli.common import add_format, emit, run_path

if TYPE_CHECKING:
    from bench.records import VerdictRecord
    from bench.rescore import Rescored
    from reports.table import Table

__all__ = ["add_arguments", "main"]

_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench rescore`."""
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run file, URL or run id")
    parser.add_argument("--dry-run", action="store_true", help="only say what would change")
    add_format(parser)


def main(args: argparse.Namespace) -> int:
    """Print what changed, run by run, and where the new files lie."""
    from adapters import home_folder
    from bench.rescore import rescore, write_rescored
    from bench.store import read_run

    found = [rescore(read_run(run_path(name))) for name in args.runs]
    paths: list[str | None] = [None] * len(found)
    if not args.dry_run:
        folder = home_folder("runs")
        paths = [write_rescored(one, folder).path for one in found]
    tables = [_overview(found), *(t for one in found for t in _details(one))]
    emit(tables, [_data(one, path) for one, path in zip(found, paths, strict=True)], args.format)
    for path in paths:
        print(f"run:    {path}" if path else "nothing was written (--dry-run)", file=sys.stderr)
    return 0


def _overview(found: "list[Rescored]") -> "Table":
    from reports.table import Table

    rows = []
    for one in found:
        flips = [c for c in one.changes if c.flipped]
        fixed = sum(c.after.verdict.passed for c in flips)
        count = len(one.records)
        passed = [sum(r.verdict.passed for r in rs) for rs in (one.origin.records, one.records)]
        cells = (one.origin.manifest.run_id, count, count - len(one.kept), len(one.kept))
        rows.append([str(c) for c in (*cells, *passed, fixed, len(flips) - fixed)])
    head = ["run", "replies", "judged anew", "kept", "passed before", "passed now"]
    notes = ["kept: the case is gone, or asks something else now; its old verdict stands"]
    head += ["fail to pass", "pass to fail"]
    return Table(title="Judged anew", head=head, rows=rows, notes=notes)


def _details(one: "Rescored") -> "list[Table]":
    from reports.shown import clean
    from reports.table import Table

    tables = []
    if one.changes:
        ordered = sorted(one.changes, key=lambda c: (not c.flipped, c.after.verdict.passed))
        rows = [
            [c.after.suite, c.after.id, _told(c.before.verdict), _told(c.after.verdict)]
            for c in ordered[:_SHOWN]
        ]
        more = len(ordered) - _SHOWN
        tables.append(
            Table(
                title=f"Verdicts that changed in {one.origin.manifest.run_id}",
                head=["suite", "case", "before", "now"],
                rows=[[clean(cell, 120) for cell in row] for row in rows],
                notes=[f"{more} more (--json has all)"] if more > 0 else [],
            )
        )
    if one.kept:
        kept = [[r.suite, r.id, why] for r, why in one.kept]
        more = len(kept) - _SHOWN
        tables.append(
            Table(
                title=f"Not judged anew in {one.origin.manifest.run_id}",
                head=["suite", "case", "why"],
                rows=[[clean(cell, 120) for cell in row] for row in kept[:_SHOWN]],
                notes=[f"{more} more (--json has all)"] if more > 0 else [],
            )
        )
    return tables


def _told(verdict: "VerdictRecord") -> str:
    if verdict.passed:
        return "passed"
    return f"{verdict.failure.value if verdict.failure else 'failed'}: {verdict.reason}"


def _data(one: "Rescored", path: str | None) -> dict[str, Any]:
    return {
        "origin": one.origin.path,
        "run": path,
        "replies": len(one.records),
        "kept": [{"suite": r.suite, "id": r.id, "why": why} for r, why in one.kept],
        "changes": [
            {
                "suite": c.after.suite,
                "id": c.after.id,
                "sample": c.after.sample,
                "before": c.before.verdict.model_dump(mode="json"),
                "now": c.after.verdict.model_dump(mode="json"),
            }
            for c in one.changes
        ],
    }
