"""One flat row a record, with typed columns; nothing of a record is lost in it.

What is a list or an object in a record (tools, messages, expectation, calls, checks, …) is JSON text in its
column. Texts are kept byte for byte, control characters too; a lone surrogate, which UTF-8 cannot hold,
stands as a visible escape in a text and as a JSON escape in JSON.
"""

import json
from collections.abc import Iterator
from typing import Any

from bench.records import Manifest, Record
from bench.store import Run
from reports.export.parts import command_line, split_of
from reports.shown import clean
from suites.vary import kind_of

__all__ = ["COLUMNS", "REQUIRED", "json_text", "rows"]

COLUMNS: dict[str, type] = {
    **dict.fromkeys(("run", "target", "model", "adapter", "adapter_hash", "dialect"), str),
    **dict.fromkeys(("engine", "dtype", "device", "suite", "split", "suite_hash"), str),
    **dict.fromkeys(("id", "group", "category", "input", "variant"), str),
    "sample": int,
    "excluded": bool,
    **dict.fromkeys(("tools", "messages", "expected", "text", "calls", "thought"), str),
    "passed": bool,
    **dict.fromkeys(("outcome", "failure", "reason", "checks"), str),
    **dict.fromkeys(("repaired", "official", "was_passed"), bool),
    "finish": str,
    "prompt_tokens": int,
    "completion_tokens": int,
    "seconds": float,
    "cached": bool,
    **dict.fromkeys(("expected_kind", "expected_calls", "official_verdict", "was"), str),
    **dict.fromkeys(("tags", "note", "exclusions", "official_case", "notes", "shot_ids"), str),
    **dict.fromkeys(("run_file", "started", "model_hash", "suite_version", "sampling"), str),
    **dict.fromkeys(("engine_settings", "packages", "git", "command", "rescored_from"), str),
    "shots": int,
    "run_complete": bool,
}
"""Column -> type of its values, in the order of the columns.

target: with its examples and samples, if any; split: `dev+test` where the run holds both of a suite, for its
records do not say which; input: hash of what was asked; expected: the whole expectation; expected_calls: its
gold calls; calls: those that were read; official: whether the case's own benchmark passes the reply;
official_verdict, was (the judgement before the reply was judged anew): as in the record; official_case: what
the benchmark is given; command: without the folders of absolute paths.
"""

REQUIRED = frozenset(
    ("sample", "excluded", "passed", "prompt_tokens", "completion_tokens", "seconds", "cached")
)
"""Columns without a missing value; `shots` and `run_complete` have none either."""


def rows(run: Run) -> Iterator[dict[str, Any]]:
    """The rows of a run, one a record (variants and errors included), in the order of the file."""
    shared = _of_run(run)
    suites = {s.name: _of_suite(run.manifest, s.name) for s in run.manifest.suites}
    unknown = dict.fromkeys(("suite_version", "split", "suite_hash"))
    for record in run.records:
        found = {**shared, **suites.get(record.suite, unknown), **_of_case(record), **_of(record)}
        yield {name: _clean(found[name]) for name in COLUMNS}


def json_text(value: Any) -> str:
    """Compact JSON; other scripts stay readable unless something in it cannot be written as UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"))
    return text


def _of_run(run: Run) -> dict[str, Any]:
    m = run.manifest
    return {
        **{name: getattr(m, name) for name in ("model", "model_hash", "adapter", "adapter_hash")},
        **{name: getattr(m, name) for name in ("dialect", "dtype", "device", "git", "started")},
        "run": m.run_id,
        "target": m.label,
        "engine": f"{m.engine} {m.engine_version}",
        "shots": m.shots,
        "run_file": str(run.path).rpartition("/")[2],
        "run_complete": run.complete,
        "sampling": json_text(m.sampling),
        "engine_settings": json_text(m.engine_settings),
        "packages": json_text(m.packages),
        "command": command_line(m) or None,
        "rescored_from": m.rescored.run_id if m.rescored else None,
    }


def _of_suite(manifest: Manifest, name: str) -> dict[str, Any]:
    refs = [s for s in manifest.suites if s.name == name]
    return {
        "suite_version": "+".join(dict.fromkeys(s.version for s in refs)),
        "split": split_of(manifest, name),
        "suite_hash": "+".join(dict.fromkeys(s.hash for s in refs)),
    }


def _of_case(record: Record) -> dict[str, Any]:
    case = record.case
    gold = [c.gold().model_dump(mode="json") for c in case.expectation.calls]
    return {
        **{name: getattr(case, name) for name in ("id", "group", "category", "note")},
        "tags": json_text(case.tags),
        "variant": kind_of(case),
        "excluded": bool(case.excluded),
        "exclusions": json_text(case.excluded),
        "expected_kind": case.expectation.kind,
        "expected_calls": json_text(gold),
        "tools": json_text([t.model_dump(mode="json") for t in case.tools]),
        "messages": json_text([m.model_dump(mode="json") for m in case.messages]),
        "expected": json_text(case.expectation.model_dump(mode="json")),
        "official_case": _model(case.official),
    }


def _of(record: Record) -> dict[str, Any]:
    verdict = record.verdict
    return {
        **{name: getattr(record, name) for name in ("suite", "input", "sample", "repaired")},
        **{name: getattr(record, name) for name in ("text", "thought", "finish", "cached")},
        **{name: getattr(record, name) for name in ("prompt_tokens", "completion_tokens")},
        "seconds": record.seconds,
        "passed": verdict.passed,
        "outcome": verdict.outcome.value,
        "failure": verdict.failure.value if verdict.failure else None,
        "reason": verdict.reason,
        "checks": json_text(verdict.checks),
        "official": record.official.valid if record.official else None,
        "official_verdict": _model(record.official),
        "was_passed": record.was.verdict.passed if record.was else None,
        "was": _model(record.was),
        "calls": json_text([c.model_dump(mode="json") for c in record.calls]),
        "notes": json_text(record.notes),
        "shot_ids": json_text(record.shots),
    }


def _model(found: Any) -> str | None:
    return None if found is None else json_text(found.model_dump(mode="json"))


def _clean(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value
