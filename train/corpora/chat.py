"""Chat rows with `messages` and `tools`, as OpenAI and TRL take them, and google/mobile-actions.

    {"messages": [{"role", "content", "tool_calls", "tool_call_id"}, …], "tools": [{…}, …]}
    {"prompt": [...], "completion": [...], "tools": [...]}          as for TRL
    {"metadata": "train", "tools": [...], "messages": [...]}        mobile-actions

Every turn of the assistant is learned; a row with a turn of weight 0 (not to be learned) is left out.
Tolerated: arguments as JSON text or as a mapping; `tools` or `messages` as JSON text; the roles `developer`
and `function`; a single `function_call`; a list of text parts; `reasoning_content` or a leading `<think>`
as the thought; type words in upper case; null in place of what is not there (tables fill columns up), in
arguments wherever the tool does not take null. System text is kept whole.

Of mobile-actions, rows with `"metadata": "eval"` are left out (`held_out`), and the last line of the
developer's text, which is FunctionGemma's own announcement of tools, is taken off: the dialects write theirs.
Seen: a row of mobile-actions as Google's notebook printed it (google-gemini/gemma-cookbook, FunctionGemma/).
"""

from collections.abc import Callable
from typing import Any

from suites.json_text import loads
from train.corpora.base import (
    DEFAULTS,
    Converted,
    Options,
    Place,
    Rows,
    Tally,
    UnfitError,
    convert_rows,
)
from train.corpora.draft import Draft, split_thought
from train.corpora.literals import listed
from train.corpora.toolbox import read_tools
from train.examples import Example

__all__ = ["convert", "convert_mobile_actions", "read_chat"]

_ANNOUNCED = "You are a model that can do function calling with the following functions"


def convert(rows: Rows, options: Options = DEFAULTS) -> Converted:
    """Rows as examples."""
    return convert_rows(rows, _read, options)


def convert_mobile_actions(rows: Rows, options: Options = DEFAULTS) -> Converted:
    """Rows of mobile-actions as examples."""
    return convert_rows(rows, _read_mobile, options)


def _read(row: Any, place: Place, options: Options, tally: Tally) -> Example:
    return read_chat(row, place, options, tally)


def _read_mobile(row: Any, place: Place, options: Options, tally: Tally) -> Example:
    if isinstance(row, dict) and row.get("metadata") == "eval":
        raise UnfitError("held_out", "metadata says eval")
    return read_chat(row, place, options, tally, system=_without_announcement)


def _without_announcement(text: str) -> str:
    return text.strip().removesuffix(_ANNOUNCED)


def _same(text: str) -> str:
    return text


def _no_calls(text: str) -> tuple[str, list[Any]]:
    return text, []


def read_chat(
    row: Any,
    place: Place,
    options: Options,
    tally: Tally,
    *,
    system: Callable[[str], str] = _same,
    calls_in: Callable[[str], tuple[str, list[Any]]] = _no_calls,
) -> Example:
    """One row; calls_in: (text, calls) of an assistant's text, for corpora that write calls as text."""
    messages = _messages(row)
    box = read_tools(listed(row, "tools", "tools"), options, tally)
    draft = Draft(box, options, tally, nulls=True)
    asked: dict[str, str] = {}
    for message in messages:
        match message.get("role"):
            case "system" | "developer":
                draft.system(system(_text(message)))
            case "user":
                draft.user(_text(message))
            case "assistant":
                _model(draft, message, calls_in, asked)
            case "tool" | "function":
                name = message.get("name", asked.get(str(message.get("tool_call_id"))))
                draft.result(_content(message), name if isinstance(name, str) else None)
            case other:
                raise UnfitError("row", f"unknown role {other!r}")
    return draft.example(place)


def _messages(row: Any) -> list[dict[str, Any]]:
    if not isinstance(row, dict):
        raise UnfitError("row", "a row must be a mapping")
    keys = ("messages",) if row.get("messages") is not None else ("prompt", "completion")
    found: list[Any] = []
    for key in keys:
        value = row.get(key)
        found += [value] if isinstance(value, dict) else listed(row, key)
    if not found:
        raise UnfitError("row", "holds no messages (or prompt and completion as lists of messages)")
    if not all(isinstance(m, dict) for m in found):
        raise UnfitError("row", "a message must be a mapping")
    return _in_order([{k: v for k, v in m.items() if v is not None} for m in found])


def _in_order(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages, results that name their calls by id in the order of those calls."""
    found: list[dict[str, Any]] = []
    order: dict[str, int] = {}
    block = 0
    for message in messages:
        if message.get("role") != "tool":
            made = message.get("tool_calls")
            made = made if isinstance(made, list | tuple) else ()
            ids = [c.get("id") for c in made if isinstance(c, dict)]
            order, block = {str(name): i for i, name in enumerate(ids)}, len(found) + 1
        found.append(message)
        results = found[block:]
        if results and all(str(m.get("tool_call_id")) in order for m in results):
            found[block:] = sorted(results, key=lambda m: order[str(m.get("tool_call_id"))])
    return found


def _model(
    draft: Draft,
    message: dict[str, Any],
    calls_in: Callable[[str], tuple[str, list[Any]]],
    asked: dict[str, str],
) -> None:
    if message.get("weight") == 0:
        raise UnfitError("turns", "a turn of weight 0 would be learned")
    thought, text = split_thought(_text(message))
    given = message.get("reasoning_content")
    if thought is None and isinstance(given, str):
        thought = given
    text, calls = calls_in(text)
    if isinstance(message.get("function_call"), dict):
        calls = [*calls, _call(message["function_call"])]
    for made in listed(message, "tool_calls", "calls"):
        call = _call(made)
        calls = [*calls, call]
        if isinstance(made, dict) and isinstance(call, dict):
            asked[str(made.get("id"))] = str(call.get("name"))
    draft.model(text, calls, thought)


def _call(made: Any) -> Any:
    if isinstance(made, dict) and isinstance(made.get("function"), dict):
        made = made["function"]
    if isinstance(made, dict) and isinstance(made.get("arguments"), str):
        try:
            return {**made, "arguments": loads(made["arguments"] or "{}")}
        except ValueError as error:
            raise UnfitError("calls", f"arguments are no JSON: {error}") from None
    return made


def _text(message: dict[str, Any]) -> str:
    content = _content(message)
    if not isinstance(content, str):
        raise UnfitError("row", f"the content of a {message.get('role')} message is no text")
    return content


def _content(message: dict[str, Any]) -> Any:
    """The text of a message (OpenAI's list of text parts is joined); any other value as it is."""
    content = message.get("content", "")
    if isinstance(content, list) and content:
        parts = [p for p in content if isinstance(p, dict) and p.get("type") == "text"]
        if len(parts) == len(content) and all(isinstance(p.get("text"), str) for p in parts):
            return "".join(p["text"] for p in parts)
    return content
