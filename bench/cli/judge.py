"""Judge replies made elsewhere: one JSON line a case in, one verdict a line out (on stdout).

A reply is {"id": …, "text": …}, read by --dialect, or {"id": …, "tool_calls": [{"name": …, "arguments":
{…}}]}. Every reply must belong to a case; cases without a reply are counted on stderr, not judged.
"""

import argparse
from pathlib import Path

__all__ = ["add_arguments", "main"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench judge`."""
    parser.add_argument("suite", metavar="SUITE")
    parser.add_argument("--replies", metavar="FILE", type=Path, required=True, help="JSON lines")
    parser.add_argument(
        "--dialect", default="gemma", help="notation of the texts (default: %(default)s)"
    )
    parser.add_argument(
        "--mode", choices=("strict",), default="strict", help="default: %(default)s"
    )


def main(args: argparse.Namespace) -> int:
    """Print a verdict for every reply; a summary goes to stderr."""
    import json
    import sys

    from bench.replies import judge_replies

    verdicts = judge_replies(args.suite, args.replies, args.dialect)
    for row in verdicts.rows:
        print(json.dumps({**row, "mode": args.mode}))
    passed = sum(bool(row["passed"]) for row in verdicts.rows)
    text = f"{passed} of {len(verdicts.rows)} replies passed"
    if verdicts.missing:
        text += f"; {len(verdicts.missing)} cases have no reply ({', '.join(verdicts.missing[:3])})"
    print(text, file=sys.stderr)
    return 0
