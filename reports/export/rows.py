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
from reports.export.parts import command_line
from reports.shown import clean
from suites.judge import CHECKS
from suites.vary import kind_of

__all__ = ["COLUMNS", "json_text", "rows"]

COLUMNS: dict[str, type] = {
    **dict.fromkeys(
        ("run_id", "run_file", "target", "label", "model", "model_hash", "adapter", "adapter_hash"),
        str,
    ),
    "run_complete": bool,
    **dict.fromkeys(("dialect", "engine", "engine_version", "dtype", "device"), str),
    "max_tokens": int,
    "temperature": float,
    "shots": int,
    "samples": int,
    "constrained": bool,
    **dict.fromkeys(
        ("sampling", "engine_settings", "packages", "git", "started", "command"),
        str,
    ),
    **dict.fromkeys(("suite", "suite_version", "split", "suite_hash", "selection_hash"), str),
    **dict.fromkeys(("case_id", "input_hash", "group", "category", "tags", "note"), str),
    "variant": str,
    "sample": int,
    "excluded": str,
    "passed": bool,
    "outcome": str,
    "failure": str,
    "reason": str,
    **{f"check_{name}": bool for name in CHECKS},
    "repaired": bool,
    "official_valid": bool,
    "official_error_type": str,
    "official_message": str,
    "official_crashed": bool,
    **dict.fromkeys(("expected_kind", "expected_calls", "actual_calls"), str),
    **dict.fromkeys(("text", "thought", "finish"), str),
    "prompt_tokens": int,
    "new_tokens": int,
    "seconds": float,
    "cached": bool,
    **dict.fromkeys(("notes", "shot_ids"), str),
    **dict.fromkeys(("tools", "messages", "expectation", "official"), str),
}
"""Column -> type of its values, in the order of the columns; any of them may be None.

run_*, target to command: of the run; expected_calls: gold calls, `actual_calls`: the calls that were read;
failure: the FailureMode; new_tokens: completion tokens; split: `dev+test` where the run holds both of a
suite; official: what the case's own benchmark is given, official_*: its verdict; command: without absolute
folders.
"""


def rows(run: Run) -> Iterator[dict[str, Any]]:
    """The rows of a run, one a record (variants and errors included), in the order of the file."""
    shared = _of_run(run)
    suites = {s.name: _of_suite(run.manifest, s.name) for s in run.manifest.suites}
    empty = dict.fromkeys(("suite_version", "split", "suite_hash"))
    for record in run.records:
        found = {**shared, **suites.get(record.suite, empty), **_of_case(record), **_of(record)}
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
    limit, temperature = m.sampling.get("max_tokens"), m.sampling.get("temperature")
    return {
        **{name: getattr(m, name) for name in ("run_id", "target", "label", "model", "model_hash")},
        **{name: getattr(m, name) for name in ("adapter", "adapter_hash", "dialect", "engine")},
        **{name: getattr(m, name) for name in ("engine_version", "dtype", "device", "shots")},
        **{name: getattr(m, name) for name in ("samples", "git", "started", "selection_hash")},
        "run_file": run.path.rpartition("/")[2],
        "run_complete": run.complete,
        "max_tokens": limit if isinstance(limit, int) else None,
        "temperature": float(temperature) if isinstance(temperature, int | float) else None,
        "constrained": bool(m.sampling.get("constrained")),
        "sampling": json_text(m.sampling),
        "engine_settings": json_text(m.engine_settings),
        "packages": json_text(m.packages),
        "command": command_line(m) or None,
    }


def _of_suite(manifest: Manifest, name: str) -> dict[str, Any]:
    refs = [s for s in manifest.suites if s.name == name]
    return {
        "suite_version": "+".join(dict.fromkeys(s.version for s in refs)),
        "split": "+".join(dict.fromkeys(s.split for s in refs)),
        "suite_hash": "+".join(dict.fromkeys(s.hash for s in refs)),
    }


def _of_case(record: Record) -> dict[str, Any]:
    case = record.case
    gold = [c.gold().model_dump(mode="json") for c in case.expectation.calls]
    official = case.official.model_dump(mode="json") if case.official else None
    return {
        "case_id": case.id,
        "group": case.group,
        "category": case.category,
        "tags": json_text(case.tags),
        "note": case.note,
        "variant": kind_of(case),
        "excluded": json_text(case.excluded),
        "expected_kind": case.expectation.kind,
        "expected_calls": json_text(gold),
        "tools": json_text([t.model_dump(mode="json") for t in case.tools]),
        "messages": json_text([m.model_dump(mode="json") for m in case.messages]),
        "expectation": json_text(case.expectation.model_dump(mode="json")),
        "official": None if official is None else json_text(official),
    }


def _of(record: Record) -> dict[str, Any]:
    verdict, official = record.verdict, record.official
    return {
        "suite": record.suite,
        "input_hash": record.input,
        "sample": record.sample,
        "passed": verdict.passed,
        "outcome": verdict.outcome.value,
        "failure": verdict.failure.value if verdict.failure else None,
        "reason": verdict.reason,
        **{f"check_{name}": verdict.checks.get(name) for name in CHECKS},
        "repaired": record.repaired,
        "official_valid": official.valid if official else None,
        "official_error_type": official.error_type if official else None,
        "official_message": official.message if official else None,
        "official_crashed": official.crashed if official else None,
        "actual_calls": json_text([c.model_dump(mode="json") for c in record.calls]),
        "text": record.text,
        "thought": record.thought,
        "finish": record.finish,
        "prompt_tokens": record.prompt_tokens,
        "new_tokens": record.completion_tokens,
        "seconds": record.seconds,
        "cached": record.cached,
        "notes": json_text(record.notes),
        "shot_ids": json_text(record.shots),
    }


def _clean(value: Any) -> Any:
    return clean(value) if isinstance(value, str) else value
