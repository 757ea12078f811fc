"""Runs as pandas frames: one row a record, or one row a score."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bench.records import Record
from bench.store import Run
from reports.summary import Summary, summarise

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["records_frame", "summary_frame"]


def records_frame(runs: Sequence[Run]) -> "pd.DataFrame":
    """One row a record, in the order of the runs; every column has one type in all rows.

    Tools, dialogue, expectation, calls and sub-checks are JSON text; seconds are of generation; a verdict
    that was judged anew keeps the old one in `was_passed`.
    """
    import pandas as pd

    rows = [_row(run, record) for run in runs for record in run.records]
    frame = pd.DataFrame(rows, columns=list(_COLUMNS))
    return frame.astype(_COLUMNS)


def summary_frame(runs: Sequence[Run]) -> "pd.DataFrame":
    """One row a run, suite and category (suite `all` and category "" for the wholes): n, passed, and the
    rate with its 95 % Wilson interval at the effective size (0 to 1; missing where n is 0)."""
    return summaries_frame([summarise(run) for run in runs])


def summaries_frame(summaries: Sequence[Summary]) -> "pd.DataFrame":
    """The same from summaries."""
    import pandas as pd

    rows = []
    for summary in summaries:
        for line in summary.lines:
            score, bounds = line.score, line.score.interval
            rows.append(
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
    return pd.DataFrame(rows, columns=columns).astype(types)


_COLUMNS: dict[str, Any] = {
    **dict.fromkeys(("run", "target", "model", "adapter", "adapter_hash", "dialect"), "string"),
    **dict.fromkeys(("engine", "dtype", "device", "suite", "split", "suite_hash"), "string"),
    **dict.fromkeys(("id", "group", "category", "input"), "string"),
    "sample": "int64",
    "excluded": "bool",
    **dict.fromkeys(("tools", "messages", "expected", "text", "calls", "thought"), "string"),
    "passed": "bool",
    **dict.fromkeys(("outcome", "failure", "reason", "checks"), "string"),
    **dict.fromkeys(("repaired", "official", "was_passed"), "boolean"),
    "finish": "string",
    "prompt_tokens": "int64",
    "completion_tokens": "int64",
    "seconds": "float64",
    "cached": "bool",
}
"""Column -> pandas type; `string` and `boolean` may be missing."""


def _row(run: Run, record: Record) -> dict[str, Any]:
    manifest, case, verdict = run.manifest, record.case, record.verdict
    suites = {s.name: s for s in manifest.suites}
    suite = suites.get(record.suite)
    return {
        "run": manifest.run_id,
        "target": manifest.label,
        "model": manifest.model,
        "adapter": manifest.adapter,
        "adapter_hash": manifest.adapter_hash,
        "dialect": manifest.dialect,
        "engine": f"{manifest.engine} {manifest.engine_version}",
        "dtype": manifest.dtype,
        "device": manifest.device,
        "suite": record.suite,
        "split": suite.split if suite else None,
        "suite_hash": suite.hash if suite else None,
        "id": record.id,
        "group": case.group,
        "category": case.category,
        "input": record.input,
        "sample": record.sample,
        "excluded": bool(case.excluded),
        "tools": _json([t.model_dump(mode="json") for t in case.tools]),
        "messages": _json([m.model_dump(mode="json") for m in case.messages]),
        "expected": _json(case.expectation.model_dump(mode="json")),
        "text": record.text,
        "calls": _json([c.model_dump(mode="json") for c in record.calls]),
        "thought": record.thought,
        "passed": verdict.passed,
        "outcome": verdict.outcome.value,
        "failure": verdict.failure.value if verdict.failure else None,
        "reason": verdict.reason,
        "checks": _json(verdict.checks),
        "repaired": record.repaired,
        "official": record.official.valid if record.official else None,
        "was_passed": record.was.verdict.passed if record.was else None,
        "finish": record.finish,
        "prompt_tokens": record.prompt_tokens,
        "completion_tokens": record.completion_tokens,
        "seconds": record.seconds,
        "cached": record.cached,
    }


def _json(value: Any) -> str:
    """Plain ASCII, so that no text of a model can break a writer."""
    return json.dumps(value, sort_keys=True)
