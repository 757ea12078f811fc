"""Judge replies made elsewhere: one JSON line a case in, one verdict a line out (on stdout).

A reply is {"id": …, "text": …}, read by --dialect, or {"id": …, "tool_calls": [{"name": …, "arguments":
{…}}]}. Every reply must belong to a case; cases without a reply are counted on stderr, not judged.
--mode bfcl gives the verdict of BFCL's own checker for cases of an imported BFCL, with ours beside it.
"""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.replies import Judged

__all__ = ["add_arguments", "main"]

_SHOWN = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench judge`."""
    parser.add_argument(
        "suite", metavar="SUITE", help="a suite, or bfcl/CATEGORY once it is imported"
    )
    parser.add_argument("--replies", metavar="FILE", type=Path, required=True, help="JSON lines")
    parser.add_argument(
        "--dialect",
        help="notation of the texts: a dialect, or bfcl for [f(x=1)] (default: bfcl for BFCL, else gemma)",
    )
    parser.add_argument(
        "--mode", choices=("strict", "bfcl"), default="strict", help="default: %(default)s"
    )


def main(args: argparse.Namespace) -> int:
    """Print a verdict for every reply; a summary, and what the modes disagree on, go to stderr."""
    import json
    import sys

    from bench.replies import judge_replies

    verdicts = judge_replies(args.suite, args.replies, args.dialect, args.mode)
    for row in verdicts.rows:
        print(json.dumps({**row, "mode": args.mode}))
    passed = sum(bool(row["passed"]) for row in verdicts.rows)
    text = f"{passed} of {len(verdicts.rows)} replies passed"
    if verdicts.missing:
        text += f"; {len(verdicts.missing)} cases have no reply ({', '.join(verdicts.missing[:3])})"
    print(text, file=sys.stderr)
    if args.mode == "bfcl":
        for line in _flips(verdicts):
            print(line, file=sys.stderr)
    return 0


def _flips(verdicts: "Judged") -> list[str]:
    """What strict judges otherwise, and why; the first ten."""
    audited = [row for row in verdicts.rows if "excluded" not in row]
    passed = sum(bool(row["passed"]) for row in audited)
    strict = sum(bool(row["strict"]["passed"]) for row in audited)
    lines = [
        f"audited (without excluded cases): {passed} of {len(audited)} by BFCL's rules, {strict} by strict"
    ]
    flips = verdicts.flips
    if flips:
        lines.append(f"the verdicts differ on {len(flips)} replies:")
        lines += [f"  {row['id']}: {_why(row)}" for row in flips[:_SHOWN]]
        if len(flips) > _SHOWN:
            lines.append(f"  … and {len(flips) - _SHOWN} more (field `strict` of each line)")
    return lines


def _why(row: dict[str, Any]) -> str:
    strict = row["strict"]
    excluded = f" [excluded: {', '.join(row['excluded'])}]" if "excluded" in row else ""
    if row["passed"]:
        return f"bfcl passes, strict {strict['failure']}: {strict['reason']}{excluded}"
    return f"strict passes, bfcl {row['failure']}: {row['reason']}{excluded}"
