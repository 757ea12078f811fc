"""When2Call (NVIDIA, NAACL 2025): call, ask for what is missing, say that it cannot be done, or answer.

Read as the repository's README describes it; of the raw files only the one row that README prints was ever
seen here, so every row is checked and what does not convert is left out by name. One JSON object a line:

    uuid, source, source_id, question, correct_answer, answers {direct, tool_call, request_for_info,
    cannot_answer}, target_tool, tools, orig_tools, orig_question, held_out_param

    correct_answer    becomes
    tool_call         the call of answers.tool_call: JSON text of one call or a list of calls, bare or
                      between <TOOLCALL> and </TOOLCALL>, or the same as JSON values
    request_for_info  no call: ask; the words of held_out_param that the gold text says are the declared words
    cannot_answer     no call: decline
    direct            no call: answer

Tolerated: tools as JSON text or as objects, `tools` itself as JSON text, null for an empty list, and the
type words of BFCL (see schemas.py). Not read: the training files.
"""

import re
from typing import Any

from suites.errors import SuiteError
from suites.importers.base import Imported
from suites.importers.building import Ids, Rows, build, call_from, text_of
from suites.importers.schemas import plain_tool
from suites.importers.source import Source
from suites.json_text import loads
from suites.model import Call, Case, Expectation, Message, NoCall, Tool
from suites.words import says_any

__all__ = ["read"]

_FILES = ("when2call_test_mcq.jsonl", "when2call_test_llm_judge.jsonl")
_NO_CALL: dict[str, NoCall] = {
    "direct": "answer",
    "request_for_info": "ask",
    "cannot_answer": "decline",
}
_CATEGORIES = {
    "tool_call": "the request can be done with an offered tool: call it",
    "request_for_info": "a needed value was taken out of the request: ask for it",
    "cannot_answer": "the needed tool is not offered: say that it cannot be done",
    "direct": "the request needs no tool: answer it",
}
_EXCLUSIONS = {"target_tool_differs": "answers.tool_call calls another tool than target_tool names"}
_NOTES = (
    "The questions come from BFCL v2 Live: a score here and one on BFCL Live are not independent, and a "
    "model trained on the one has seen the other.",
    "When2Call itself scores the decision only: that is the sub-check `decision`. Here a call must also be "
    "the gold call, of which the source gives one version.",
    "Texts are checked for not calling; whether they ask for the right thing is the sub-check `kind`, "
    "where the gold text names the parameter that was taken out.",
)
_TOOLCALL = re.compile(r"\s*<TOOLCALL>(.*)</TOOLCALL>\s*", re.DOTALL)
_CLUSTER = re.compile(r"(live_[a-z_]+)_\d+-(\d+)-\d+")


def read(source: Source) -> Imported:
    """The test files of When2Call as one suite. Errors: SuiteError if there are none, or broken JSON."""
    rows, ids = Rows(), Ids()
    names = _test_files(source)
    judged = _uuids(source, names[1:])
    for number, row in source.json_lines(names[0]):
        place = f"{source.place(names[0])}:{number}"
        try:
            case, fault = _case(row, f"when2call-{number}", ids, judged, rows)
        except SuiteError as error:
            rows.skip(place, error)
            continue
        rows.cases.append(case)
        if fault:
            rows.exclude(fault, case)
    return Imported(
        about="When2Call: whether to call, to ask, to decline or to answer (questions of BFCL v2 Live)",
        version=source.version or "unknown",
        licence="CC-BY-4.0",
        cases=tuple(rows.cases),
        categories={
            k: v for k, v in _CATEGORIES.items() if any(c.category == k for c in rows.cases)
        },
        exclusions=rows.exclusions(_EXCLUSIONS),
        exclusions_version="1",
        skipped=tuple(rows.skipped),
        notes=(*_NOTES, *rows.number_notes()),
    )


def _test_files(source: Source) -> list[str]:
    """The file of the cases, and after it the judge subset, which only marks cases of the first."""
    found = [name for file in _FILES if (name := source.find(file)) is not None]
    if not found and len(source.names) == 1:
        found = list(source.names)
    if not found:
        remedy = f"give a folder that holds {_FILES[0]}, or one such file"
        raise SuiteError(f"holds no test file of When2Call: {remedy}", file=source.name)
    return found


def _uuids(source: Source, names: list[str]) -> set[str]:
    rows = [row for name in names for _, row in source.json_lines(name)]
    return {str(row.get("uuid")) for row in rows if isinstance(row, dict)}


def _case(row: Any, place: str, ids: Ids, judged: set[str], rows: Rows) -> tuple[Case, str | None]:
    if not isinstance(row, dict):
        raise SuiteError("a row must be a mapping")
    kind = row.get("correct_answer")
    answers = row.get("answers")
    if not isinstance(kind, str) or kind not in _CATEGORIES:
        raise SuiteError(f"must be one of {', '.join(_CATEGORIES)}", field="correct_answer")
    if not isinstance(answers, dict):
        raise SuiteError("must be a mapping", field="answers")
    question = text_of(row.get("question"), "question")
    tools = _tools(row.get("tools"))
    calls = _calls(answers.get(kind)) if kind == "tool_call" else ()
    if calls:
        wanted = Expectation(calls=rows.calls(calls, tools))
    else:
        text = text_of(answers.get(kind), f"answers.{kind}")
        words = _words(row.get("held_out_param"), text) if kind == "request_for_info" else ()
        wanted = Expectation(no_call=_NO_CALL[kind], text=text, words=words)
    case_id = ids.take(row.get("uuid"), place)
    tags = ["llm-judge"] * (case_id in judged) + ["no-tools"] * (not tools)
    case = build(
        id=case_id,
        group=_group(row.get("source_id"), case_id),
        category=kind,
        tools=tools,
        messages=(Message(role="user", content=question),),
        expectation=wanted,
        tags=tuple(tags),
    )
    target = _name(row.get("target_tool"))
    differs = bool(calls) and target is not None and target not in {c.name for c in calls}
    return case, "target_tool_differs" if differs else None


def _group(source_id: Any, case_id: str) -> str:
    """Items of BFCL Live that share a function document share the middle number of their id."""
    if not isinstance(source_id, str) or not source_id:
        return case_id
    match = _CLUSTER.fullmatch(source_id)
    return f"{match[1]}-{match[2]}" if match else source_id


def _tools(value: Any) -> tuple[Tool, ...]:
    value = _parsed(value, "tools")
    if value is None:
        return ()
    if not isinstance(value, list):
        raise SuiteError("must be a list", field="tools")
    found: list[Tool] = []
    for i, item in enumerate(value):
        tool = plain_tool(_parsed(item, f"tools.{i}"))
        if tool not in found:
            found.append(tool)
    return tuple(found)


def _calls(value: Any) -> tuple[Call, ...]:
    if isinstance(value, str):
        match = _TOOLCALL.fullmatch(value)
        value = _parsed(match[1] if match else value, "answers.tool_call")
    made = value if isinstance(value, list) else [value]
    if not made:
        raise SuiteError("holds no call", field="answers.tool_call")
    return tuple(call_from(_parsed(call, "answers.tool_call")) for call in made)


def _parsed(value: Any, field: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return loads(value)
    except ValueError as error:
        raise SuiteError(f"is no JSON: {error}", field=field) from None


def _name(value: Any) -> str | None:
    """The name in `target_tool`: a name, a tool, or a tool as JSON text; None where it says nothing."""
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            value = loads(value)
        except ValueError:
            return None
    if isinstance(value, dict):
        value = value.get("name")
    return value if isinstance(value, str) and value else None


def _words(parameter: Any, text: str) -> tuple[str, ...]:
    """The parameter's name as words, and each longer word of it, where the gold text says it."""
    if not isinstance(parameter, str):
        return ()
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", parameter)
    parts = re.findall(r"[^\W_]+", spaced)
    words = dict.fromkeys([" ".join(parts), *(p for p in parts if len(p) > 3)])
    return tuple(w for w in words if w and says_any(text, (w,)))
