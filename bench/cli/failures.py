"""What a target gets wrong on dev: counts by failure mode and category, and the replies behind each.

Several runs of one target are pooled. A run on a test split or an imported suite is refused: those are opened
once, at the end.
"""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bench.cli.common import add_format, emit, run_path

if TYPE_CHECKING:
    from bench.stats import Proportion
    from reports import Table
    from train.profile import Failure, FailureProfile

__all__ = ["add_arguments", "main"]

_EXAMPLES = 3
_WIDTH = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench failures`."""
    parser.add_argument(
        "runs", nargs="+", metavar="RUN", help="run file, URL or run id, on dev suites"
    )
    parser.add_argument("--mode", metavar="MODE", help="show every failure of this mode")
    parser.add_argument(
        "--limit",
        type=int,
        metavar="N",
        help=f"examples a mode (default: {_EXAMPLES}; all with --mode and with --json)",
    )
    add_format(parser)


def main(args: argparse.Namespace) -> int:
    """Print the failure profile."""
    from bench.errors import UsageError
    from bench.store import read_run
    from suites import FailureMode
    from train.profile import failure_profile

    if args.limit is not None and args.limit < 0:
        raise UsageError(f"--limit {args.limit} is no number of examples")
    modes = [mode.value for mode in FailureMode]
    if args.mode is not None and args.mode not in modes:
        raise UsageError(f"there is no failure mode {args.mode!r}", known=modes)
    profile = failure_profile([read_run(run_path(name)) for name in args.runs])
    everything = args.mode is not None or args.format == "json"
    limit = args.limit if args.limit is not None or everything else _EXAMPLES
    shown = {
        line.mode.value: [f for f in profile.failures if f.mode is line.mode][:limit]
        for line in profile.modes
        if args.mode in (None, line.mode.value)
    }
    tables = [_by_mode(profile), _by_category(profile)]
    tables += [_examples(m, some, profile, args.format) for m, some in shown.items() if some]
    emit(tables, _data(profile, shown), args.format)
    return 0


def _by_mode(profile: "FailureProfile") -> "Table":
    from reports import Table

    rows = [
        [
            x.mode.value,
            str(x.failed.passed),
            str(x.cases),
            _percent(x.failed),
            f"{100 * x.share:.1f}",
        ]
        for x in profile.modes
    ]
    rows.append(
        [
            "all",
            str(profile.failed.passed),
            str(len({(f.suite, f.case) for f in profile.failures})),
            _percent(profile.failed),
            "100.0" if profile.failures else "-",
        ]
    )
    notes = [
        f"of {profile.failed.n} replies in {profile.failed.groups} groups; 95 % Wilson interval at the "
        "effective size of grouped cases",
        f"runs: {', '.join(profile.runs)}",
    ]
    if profile.empty:
        notes.append("nothing failed: there is nothing to train from")
    if profile.errors:
        notes.append(f"{profile.errors} cases without a reply are not counted")
    if profile.excluded:
        notes.append(f"{profile.excluded} replies to cases of the exclusion list are not counted")
    notes += profile.notes
    return Table(
        title=f"Failures of {profile.target} by mode",
        head=["mode", "replies", "cases", "% of all replies", "% of failures"],
        rows=rows,
        notes=notes,
    )


def _by_category(profile: "FailureProfile") -> "Table":
    from reports import Table

    rows = [
        [
            x.suite,
            x.category,
            str(x.failed.n),
            str(x.failed.groups),
            str(x.failed.passed),
            _percent(x.failed),
            str(x.errors),
            ", ".join(f"{mode} {n}" for mode, n in x.modes.items()),
        ]
        for x in profile.lines
    ]
    head = ["suite", "category", "n", "groups", "failed", "% failed", "errors", "modes"]
    return Table(title="Failures by category", head=head, rows=rows)


def _examples(
    mode: str, some: "Sequence[Failure]", profile: "FailureProfile", form: str
) -> "Table":
    from reports import Table

    total = next(x.failed.passed for x in profile.modes if x.mode.value == mode)
    width = None if form == "csv" else _WIDTH
    rows = [
        [
            f.suite,
            f.case,
            *(_short(x, width) for x in (f.request, f.expected, f.actual, f.reason)),
        ]
        for f in some
    ]
    more = f" (first {len(some)}; --mode {mode} shows all)" if len(some) < total else ""
    return Table(
        title=f"{mode}: {total} {'reply' if total == 1 else 'replies'}{more}",
        head=["suite", "case", "request", "expected", "actual", "reason"],
        rows=rows,
    )


def _data(profile: "FailureProfile", shown: "dict[str, list[Failure]]") -> dict[str, Any]:
    return {
        "target": profile.target,
        "runs": list(profile.runs),
        "suites": [s.model_dump(mode="json") for s in profile.suites],
        **_counts(profile.failed),
        "errors": profile.errors,
        "excluded": profile.excluded,
        "modes": [
            {"mode": x.mode.value, **_counts(x.failed), "cases": x.cases, "share": x.share}
            for x in profile.modes
        ],
        "categories": [
            {
                "suite": x.suite,
                "category": x.category,
                **_counts(x.failed),
                "errors": x.errors,
                "modes": x.modes,
            }
            for x in profile.lines
        ],
        "examples": [vars(f) for some in shown.values() for f in some],
        "notes": list(profile.notes),
    }


def _counts(failed: "Proportion") -> dict[str, Any]:
    known = {
        "n": failed.n,
        "groups": failed.groups,
        "failed": failed.passed,
        "rate": failed.rate,
    }
    return {**known, **(vars(failed.interval) if failed.interval else {})}


def _percent(failed: "Proportion") -> str:
    if failed.rate is None or failed.interval is None:
        return "-"
    low, high = 100 * failed.interval.low, 100 * failed.interval.high
    return f"{100 * failed.rate:.1f} [{low:.0f}, {high:.0f}]"


def _short(text: str, width: int | None) -> str:
    return text if width is None or len(text) <= width else text[: width - 1] + "…"
