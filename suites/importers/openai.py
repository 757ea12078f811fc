"""Chat rows in OpenAI's form, one JSON object a line, with tools and the right reply as the last turn.

    {"messages": [...], "tools": [...]}                        as for fine-tuning at OpenAI
    {"prompt": [...], "completion": [...], "tools": [...]}     as for TRL
    {"metadata": "eval", "tools": [...], "messages": [...]}    as in google/mobile-actions

The last assistant message is the gold: its `tool_calls` are expected, or its text (no call: an answer, with
no facts). Messages before it are the dialogue; what stands behind it (results of the gold calls) is left
out. Earlier assistant turns make no cases of their own.

Tolerated: arguments as JSON text or as an object; `tools` or `messages` as JSON text; the role `developer`;
type words in upper case; tools without `"type": "function"`; null in place of what is not there (tables fill
columns up), in arguments wherever the tool does not take null. Other columns are not read, but for `id`
or `uuid` (the case's id) and `parallel_tool_calls`. Anything else: the row is skipped, with file and line.
"""

from typing import Any

from suites.errors import SuiteError
from suites.forms import case_from
from suites.importers.base import Imported
from suites.importers.building import Ids, Rows, build, call_from, text_of
from suites.importers.schemas import plain_tool
from suites.importers.source import Source
from suites.json_text import loads
from suites.model import Call, Case, Expectation, Message, Tool
from suites.schema import argument_problems

__all__ = ["read"]

_CATEGORIES = {
    "call": "the last reply of the dialogue calls",
    "answer": "the last reply of the dialogue is text",
}
_EXCLUSIONS = {
    "parallel_forbidden": "the gold makes several calls and the row forbids parallel calls"
}
_NOTES = (
    "A gold text says only that no call is right: whether it answers, asks or declines is unknown, so every "
    "one is an `answer` without facts.",
    "One version of the gold arguments is known: another wording of a free text counts as wrong.",
)
_ENDINGS = (".jsonl", ".ndjson")


def read(source: Source) -> Imported:
    """All JSON-lines files of the source. Errors: SuiteError if there is none, or a line is no JSON."""
    rows, ids = Rows(), Ids()
    names = [n for n in source.names if n.endswith(_ENDINGS)]
    names = names or (list(source.names) if len(source.names) == 1 else [])
    if not names:
        remedy = "give a file of JSON lines, or a folder that holds some"
        raise SuiteError(f"holds no {' or '.join(_ENDINGS)} file: {remedy}", file=source.name)
    for name in sorted(names):
        stem = name.rpartition(".")[0].replace("/", "-") or name
        for number, row in source.json_lines(name):
            try:
                case = _case(row, f"{stem}-{number}", ids, rows)
            except SuiteError as error:
                rows.skip(f"{source.place(name)}:{number}", error)
                continue
            rows.cases.append(case)
            if "no-parallel" in case.tags and len(case.expectation.calls) > 1:
                rows.exclude("parallel_forbidden", case)
    return Imported(
        about=f"Chat rows of {source.name}",
        version=source.version or "unknown",
        licence="unknown",
        cases=tuple(rows.cases),
        categories={
            k: v for k, v in _CATEGORIES.items() if any(c.category == k for c in rows.cases)
        },
        exclusions=rows.exclusions(_EXCLUSIONS),
        exclusions_version="1",
        skipped=tuple(rows.skipped),
        notes=(*_NOTES, *rows.number_notes()),
    )


def _case(row: Any, place: str, ids: Ids, rows: Rows) -> Case:
    if not isinstance(row, dict):
        raise SuiteError("a row must be a mapping")
    tools = tuple(plain_tool(t) for t in _list(row, "tools"))
    messages = _messages(row)
    last = max((i for i, m in enumerate(messages) if m.get("role") == "assistant"), default=None)
    if last is None:
        raise SuiteError("holds no assistant message, so no gold")
    history, gold = messages[:last], messages[last]
    if not history or history[-1].get("role") not in ("user", "tool"):
        raise SuiteError("the gold must follow a user message or a tool result")
    calls = tuple(_call(c, tools) for c in _list(gold, "tool_calls"))
    if calls:
        wanted = Expectation(calls=rows.calls(calls, tools))
    else:
        parts = gold.get("content")
        text = _read_message({"role": "assistant", "content": parts}).content if parts else None
        wanted = Expectation(no_call="answer", text=text_of(text, "the gold's content"))
    read_history = tuple(_read_message(m) for m in _dialogue(history, tools))
    own = next((row[k] for k in ("id", "uuid") if isinstance(row.get(k), str | int)), None)
    case_id = ids.take(str(own) if own is not None else None, place)
    return build(
        id=case_id,
        group=case_id,
        category="call" if calls else "answer",
        tools=tools,
        messages=read_history,
        expectation=wanted,
        tags=("no-parallel",) if row.get("parallel_tool_calls") is False else (),
    )


def _messages(row: dict[str, Any]) -> list[dict[str, Any]]:
    keys = ("messages",) if row.get("messages") is not None else ("prompt", "completion")
    found = [m for key in keys for m in _list(row, key)]
    if not found:
        raise SuiteError("holds no messages (or prompt and completion as lists of messages)")
    if not all(isinstance(m, dict) for m in found):
        raise SuiteError("a message must be a mapping")
    return [{k: v for k, v in m.items() if v is not None} for m in found]


def _list(obj: dict[str, Any], key: str) -> list[Any]:
    """A list under a key, as it is or as JSON text; empty where there is none."""
    value = obj.get(key)
    if isinstance(value, str):
        try:
            value = loads(value)
        except ValueError as error:
            raise SuiteError(f"is text, but no JSON list: {error}", field=key) from None
    if value is None:
        return []
    if isinstance(value, dict) and key == "completion":
        return [value]
    if not isinstance(value, list):
        raise SuiteError("must be a list", field=key)
    return value


def _call(obj: Any, tools: tuple[Tool, ...]) -> Call:
    if isinstance(obj, dict) and isinstance(obj.get("function"), dict):
        obj = obj["function"]
    if isinstance(obj, dict) and isinstance(obj.get("arguments"), str):
        try:
            obj = {**obj, "arguments": loads(obj["arguments"] or "{}")}
        except ValueError as error:
            raise SuiteError(f"arguments are no JSON: {error}") from None
    call = call_from(obj)
    tool = next((t for t in tools if t.name == call.name), None)
    if tool is None:
        return call
    filled = {n for n, v in call.arguments.items() if v is None and not _takes_null(tool, n)}
    return Call(
        name=call.name, arguments={n: v for n, v in call.arguments.items() if n not in filled}
    )


def _takes_null(tool: Tool, name: str) -> bool:
    schema = tool.properties.get(name)
    if schema is None:
        return False
    probe = Tool(name="probe", parameters={"type": "object", "properties": {"x": schema}})
    return not argument_problems(probe, {"x": None})


def _dialogue(history: list[dict[str, Any]], tools: tuple[Tool, ...]) -> list[dict[str, Any]]:
    """The messages before the gold, their calls as ours and their results named after their calls."""
    names: dict[str, str] = {}
    order: list[str] = []
    found = []
    for message in history:
        plain = {k: v for k, v in message.items() if k not in ("tool_calls", "tool_call_id")}
        made = _list(message, "tool_calls")
        if made:
            calls = [_call(c, tools) for c in made]
            order = [c.name for c in calls]
            names.update((str(c.get("id")), n) for c, n in zip(made, order, strict=True))
            plain["calls"] = [c.model_dump(mode="json") for c in calls]
        if message.get("role") == "tool" and "name" not in message:
            named = names.get(str(message.get("tool_call_id")))
            named = named or (order.pop(0) if order else None)
            if named is not None:
                plain["name"] = named
        found.append(plain)
    return found


def _read_message(message: dict[str, Any]) -> Message:
    """One message through the reader of our own files, which knows OpenAI's roles and content parts."""
    wanted = {"no_call": "answer", "text": "x"}
    raw = {"messages": [message], "expectation": wanted}
    return case_from(raw, default_id="message").messages[0]
