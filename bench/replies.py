"""Replies made elsewhere, judged by our judge."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.dialects import Dialect, find_dialect
from bench.dialects.calls import build_call
from suites import Case, Reply, SuiteError, judge, select
from suites.health import refuse_unsound
from suites.json_text import loads
from suites.load import read_json_lines

__all__ = ["Judged", "judge_replies"]

_FIELDS = ("id", "text", "tool_calls", "finish")


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Verdict rows (id, passed, outcome, failure, reason) in the order of the file; ids without a reply."""

    rows: list[dict[str, Any]]
    missing: list[str]


def judge_replies(suite: str, file: Path, dialect_name: str) -> Judged:
    """Judge a file of replies. Errors: SuiteError with file and line for anything that is not a reply."""
    dialect = find_dialect(dialect_name)
    cases = {c.id: c for part in select([suite]).parts for c in part.cases}
    refuse_unsound(cases.values())
    rows: dict[str, dict[str, Any]] = {}
    for line, raw in read_json_lines(file):
        if not isinstance(raw, dict) or not isinstance(raw.get("id"), str):
            raise SuiteError("a reply needs an id", file=str(file), line=line, field="id")
        name = raw["id"]
        if name not in cases:
            message = f"there is no case {name!r} in suite {suite!r}"
            raise SuiteError(message, file=str(file), line=line, field="id", known=cases)
        if name in rows:
            raise SuiteError(
                f"case {name!r} has two replies", file=str(file), line=line, field="id"
            )
        try:
            reply = _reply(raw, dialect, cases[name])
        except SuiteError as error:
            raise SuiteError(
                error.message, file=str(file), line=line, field=error.field, known=error.known
            ) from None
        verdict = judge(cases[name], reply)
        rows[name] = {
            "id": name,
            "passed": verdict.passed,
            "outcome": verdict.outcome,
            "failure": verdict.failure,
            "reason": verdict.reason,
        }
    return Judged(rows=list(rows.values()), missing=[i for i in cases if i not in rows])


def _reply(raw: dict[str, Any], dialect: Dialect, case: Case) -> Reply:
    for key in raw:
        if key not in _FIELDS:
            raise SuiteError("unknown field", field=key, known=_FIELDS)
    finish = raw.get("finish", "stop")
    if finish not in ("stop", "length"):
        raise SuiteError("must be stop or length", field="finish")
    text = raw.get("text") or ""
    if not isinstance(text, str):
        raise SuiteError("must be text", field="text")
    if raw.get("tool_calls") is None:
        if "text" not in raw:
            raise SuiteError("a reply needs text or tool_calls")
        return dialect.parse(text, finish, [t.name for t in case.tools])
    if not isinstance(raw["tool_calls"], list):
        raise SuiteError("must be a list", field="tool_calls")
    return _structured(raw["tool_calls"], text, finish)


def _structured(items: list[Any], text: str, finish: Literal["stop", "length"]) -> Reply:
    """Calls given as data. OpenAI's entries are read too; arguments that are no object are a broken call."""
    calls, problems = [], []
    for i, item in enumerate(items):
        call = item.get("function", item) if isinstance(item, dict) else item
        if not isinstance(call, dict) or not isinstance(call.get("name"), str):
            raise SuiteError("a call needs a name", field=f"tool_calls.{i}")
        arguments = call.get("arguments", {})
        try:
            value = loads(arguments) if isinstance(arguments, str) else arguments
            if not isinstance(value, dict):
                raise ValueError("the call's arguments are no JSON object")
            calls.append(build_call(call["name"], value))
        except ValueError as error:
            problems.append(str(error))
    return Reply(text=text, calls=tuple(calls), problems=tuple(problems), finish=finish)
