"""Runs as pandas frames: one row a record, or one row a score."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bench.store import Run
from reports.export.rows import COLUMNS, REQUIRED, rows
from reports.summary import Summary, summarise

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["records_frame", "summaries_frame", "summary_frame"]


def records_frame(runs: Sequence[Run]) -> "pd.DataFrame":
    """One row a record, in the order of the runs; every column has one type in all rows.

    The columns are those of the exports (reports.export.rows.COLUMNS): tools, dialogue, expectation, calls
    and sub-checks are JSON text; seconds are of generation; a verdict that was judged anew keeps the old one
    in `was` and `was_passed`.
    """
    import pandas as pd

    found = [row for run in runs for row in rows(run)]
    types = {name: _type(name, kind) for name, kind in COLUMNS.items()}
    return pd.DataFrame(found, columns=list(COLUMNS)).astype(types)


def summary_frame(runs: Sequence[Run]) -> "pd.DataFrame":
    """One row a run, suite and category (suite `all` and category "" for the wholes): n, passed, and the
    rate with its 95 % Wilson interval at the effective size (0 to 1; missing where n is 0)."""
    return summaries_frame([summarise(run) for run in runs])


def summaries_frame(summaries: Sequence[Summary]) -> "pd.DataFrame":
    """The same from summaries."""
    import pandas as pd

    scores = []
    for summary in summaries:
        for line in summary.lines:
            score, bounds = line.score, line.score.interval
            scores.append(
                {
                    "target": summary.manifest.label,
                    "suite": line.suite,
                    "category": line.category,
                    "n": score.n,
                    "groups": score.groups,
                    "passed": score.passed,
                    "rate": score.rate,
                    "low": bounds.low if bounds else None,
                    "high": bounds.high if bounds else None,
                    "run": summary.manifest.run_id,
                }
            )
    types = dict.fromkeys(("rate", "low", "high"), "float64")
    columns = ["target", "suite", "category", "n", "groups", "passed", *types, "run"]
    return pd.DataFrame(scores, columns=columns).astype(types)


def _type(name: str, kind: type) -> Any:
    """`string` and `boolean` may be missing."""
    if kind is str:
        return "string"
    if kind is bool:
        return "bool" if name in REQUIRED else "boolean"
    return "int64" if kind is int else "float64"
