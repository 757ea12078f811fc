"""Replies made elsewhere, judged by our judge or by the rules of the benchmark that a case comes from."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bench.dialects import Dialect, find_dialect
from bench.dialects.attempts import attempt
from bench.dialects.calls import build_call
from bench.errors import UsageError
from suites import Case, Reply, SuiteError, judge, select
from suites.bfcl import BfclVerdict, decode
from suites.bfcl.checker import is_call_list, language_of
from suites.health import refuse_unsound
from suites.json_text import loads
from suites.load import read_json_lines
from suites.official import official_verdict, official_verdict_of_text

__all__ = ["MODES", "Judged", "judge_replies"]

MODES = ("strict", "bfcl")
_FIELDS = ("id", "text", "tool_calls", "finish")
_BFCL = "bfcl"
"""The name of BFCL's prompt-mode notation, `[f(x=1)]`, as a dialect of replies."""


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Verdict rows (id, passed, outcome, failure, reason) in the order of the file; ids without a reply.

    In mode bfcl a row's failure is BFCL's error type, and `strict` holds our verdict on the same reply.
    """

    rows: list[dict[str, Any]]
    missing: list[str]

    @property
    def flips(self) -> list[dict[str, Any]]:
        """Rows of mode bfcl on which the strict verdict differs."""
        return [r for r in self.rows if "strict" in r and r["strict"]["passed"] != r["passed"]]


def judge_replies(
    suite: str, file: Path, dialect_name: str | None = None, mode: str = "strict"
) -> Judged:
    """Judge a file of replies.

    dialect_name: notation of the texts, a dialect or `bfcl` (BFCL's prompt mode); by default `bfcl` for
    suites that carry BFCL's own data, `gemma` for others.
    Errors: SuiteError with file and line for anything that is not a reply, UsageError for mode bfcl on cases
    without BFCL's data.
    """
    parts = select([suite]).parts
    cases = {c.id: c for part in parts for c in part.cases}
    foreign = all(c.official is not None for c in cases.values())
    if mode == "bfcl" and not foreign:
        raise UsageError(
            f"--mode bfcl needs an imported BFCL suite, and {suite!r} is none: use strict"
        )
    name = dialect_name or (_BFCL if foreign else "gemma")
    dialect = None if name == _BFCL else _dialect(name)
    if mode == "strict":
        for part in parts:
            refuse_unsound(part.cases, part.suite.places)
    rows: dict[str, dict[str, Any]] = {}
    for line, raw in read_json_lines(file):
        case = _case(raw, cases, suite, file, line)
        if case.id in rows:
            raise SuiteError(
                f"case {case.id!r} has two replies", file=str(file), line=line, field="id"
            )
        try:
            reply = _reply(raw, dialect, case)
        except SuiteError as error:
            raise SuiteError(
                error.message, file=str(file), line=line, field=error.field, known=error.known
            ) from None
        strict = _strict_row(case, reply)
        if mode == "strict":
            rows[case.id] = {"id": case.id, **strict}
        else:
            prompted = dialect is None and raw.get("tool_calls") is None
            verdict = (
                official_verdict_of_text(case, reply.text)
                if prompted
                else official_verdict(case, reply)
            )
            rows[case.id] = {"id": case.id, **_bfcl_row(reply, verdict), "strict": strict}
        if case.excluded:
            rows[case.id]["excluded"] = list(case.excluded)
    return Judged(rows=list(rows.values()), missing=[i for i in cases if i not in rows])


def _dialect(name: str) -> Dialect:
    try:
        return find_dialect(name)
    except UsageError as error:
        raise UsageError(str(error), known=[*error.known, _BFCL]) from None


def _case(raw: Any, cases: Mapping[str, Case], suite: str, file: Path, line: int) -> Case:
    if not isinstance(raw, dict) or not isinstance(raw.get("id"), str):
        raise SuiteError("a reply needs an id", file=str(file), line=line, field="id")
    name = raw["id"]
    if name not in cases:
        message = f"there is no case {name!r} in suite {suite!r}"
        raise SuiteError(message, file=str(file), line=line, field="id", known=cases)
    return cases[name]


def _strict_row(case: Case, reply: Reply) -> dict[str, Any]:
    verdict = judge(case, reply)
    return {
        "passed": verdict.passed,
        "outcome": verdict.outcome,
        "failure": verdict.failure,
        "reason": verdict.reason,
    }


def _bfcl_row(reply: Reply, verdict: BfclVerdict) -> dict[str, Any]:
    row: dict[str, Any] = {
        "passed": verdict.valid,
        "outcome": reply.outcome,
        "failure": verdict.error_type,
        "reason": verdict.message,
    }
    if verdict.crashed:
        row["crashed"] = True
        row["reason"] = f"the official checker raises {verdict.error_type}: {verdict.message}"
    return row


def _reply(raw: dict[str, Any], dialect: Dialect | None, case: Case) -> Reply:
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
        if dialect is None:
            return _prompted(text, finish, case)
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


def _prompted(text: str, finish: Literal["stop", "length"], case: Case) -> Reply:
    """A text in BFCL's prompt-mode notation, for the strict judge; a call tried in vain is malformed."""
    category = case.official.category if case.official else "simple_python"
    language = "python" if "relevance" in category else language_of(category)
    decoded = decode(text, language)
    if decoded.ok and is_call_list(decoded.calls) and decoded.calls:
        return _decoded(decoded.calls, text, finish)
    names = [t.name for t in case.tools]
    tried = attempt(text, names)
    # In Python what is refused is a call whose arguments would be run; in Java any prose is.
    if tried is None and decoded.refused and (language == "python" or _CALL.search(text)):
        tried = decoded.error
    if tried is None and text.strip("`\n ").startswith("[") and "(" in text:
        tried = decoded.error or "a list that holds no call"
    return Reply(text=text, problems=(tried,) if tried else (), finish=finish)


_CALL = re.compile(r"[\w$]\(")


def _decoded(items: list[Any], text: str, finish: Literal["stop", "length"]) -> Reply:
    calls, problems = [], []
    for item in items:
        for name, arguments in item.items():
            try:
                calls.append(build_call(name, _plain(arguments)))
            except ValueError as error:
                problems.append(f"{name}: {error}")
    return Reply(text=text, calls=tuple(calls), problems=tuple(problems), finish=finish)


def _plain(value: Any) -> Any:
    """Python literals as JSON values: a tuple is a list. Errors: ValueError for what JSON cannot say."""
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise ValueError("a key is no text")
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"{type(value).__name__} is no JSON value")
