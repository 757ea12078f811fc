"""May the candidate replace the baseline? Fails on a supported fall, or on a must-pass case that broke.

A fall fails the gate only if it is supported (p adjusted by Holm over suites and over categories, interval
without 0) and larger than the tolerance. --acknowledge FILE lists regressions that are taken: entries with
case (suite:id) or suite and perhaps category, a reason, and the last day on which that holds (expires).
--rules FILE may hold tolerance, margin, alpha, must-pass and acknowledged; flags win over its numbers and add
to its lists. Runs made under other conditions are refused without --force.

exit codes: 0 passes, 1 fails, 2 usage or conditions that differ, 3 a run is not complete
"""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.common import add_format, emit, run_path

if TYPE_CHECKING:
    from bench.gate import GateResult, Rules

__all__ = ["add_arguments", "main"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench gate`."""
    parser.add_argument("baseline", metavar="BASELINE", help="run file, URL or run id")
    parser.add_argument("candidate", metavar="CANDIDATE", help="the run that must not be worse")
    parser.add_argument(
        "--tolerance", type=float, metavar="POINTS", help="a fall up to it passes (default: 2)"
    )
    parser.add_argument(
        "--margin", type=float, metavar="POINTS", help="of the verdict 'no worse than' (default: 2)"
    )
    parser.add_argument(
        "--must-pass",
        nargs="+",
        action="extend",
        default=[],
        metavar="GLOB",
        help="cases (suite:id) that must not break, e.g. 'call:weather.*'",
    )
    parser.add_argument(
        "--acknowledge", type=Path, metavar="FILE", help="YAML: regressions that are taken, and why"
    )
    parser.add_argument("--rules", type=Path, metavar="FILE", help="YAML: all of these rules")
    parser.add_argument(
        "--force", action="store_true", help="compare although the conditions differ, and say so"
    )
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML")
    parser.add_argument(
        "--summary",
        type=Path,
        metavar="FILE",
        help="append Markdown (default: $GITHUB_STEP_SUMMARY, if set)",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the result as JSON")
    add_format(parser)


def main(args: argparse.Namespace) -> int:
    """Write the files that were asked for, print the result, and return its exit code."""
    from bench.gate import gate
    from bench.store import read_run
    from reports.gate import gate_data, gate_tables, headline

    rules = _rules(args)
    baseline, candidate = (read_run(run_path(n)) for n in (args.baseline, args.candidate))
    result = gate(baseline, candidate, rules, force=args.force)
    _write(args, result)
    if args.force and result.comparison.refused:
        print(f"warning: {result.notes[0]}", file=sys.stderr)
    emit(gate_tables(result), gate_data(result), args.format)
    if args.format in ("json", "csv"):
        print(" ".join(headline(result).split()), file=sys.stderr)
    return {"passed": 0, "failed": 1, "incomplete": 3}[result.status]


def _rules(args: argparse.Namespace) -> "Rules":
    from bench.gate import Rules
    from bench.gate_rules import read_acknowledged, read_rules

    given = read_rules(args.rules) if args.rules is not None else {}
    for name in ("tolerance", "margin"):
        if getattr(args, name) is not None:
            given[name] = getattr(args, name)
    given["must_pass"] = (*given.get("must_pass", ()), *args.must_pass)
    if args.acknowledge is not None:
        more = read_acknowledged(args.acknowledge)
        given["acknowledged"] = (*given.get("acknowledged", ()), *more)
    return Rules(**given)


def _write(args: argparse.Namespace, result: "GateResult") -> None:
    """Errors: UsageError for a place that cannot be written to; OSError where the disk is at fault."""
    import json

    from bench.errors import UsageError
    from reports.gate import gate_data, step_summary
    from reports.junit import junit

    listed = os.environ.get("GITHUB_STEP_SUMMARY")
    summary = args.summary or (Path(listed) if listed else None)
    wanted = [
        (args.junit, "w", junit(result)),
        (args.out, "w", json.dumps(gate_data(result), indent=1) + "\n"),
        (summary, "a", step_summary(result)),
    ]
    for path, how, text in wanted:
        if path is None:
            continue
        try:
            with path.open(how, encoding="utf-8", newline="\n") as file:
                file.write(text)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError) as error:
            raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
