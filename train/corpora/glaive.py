"""Glaive (glaiveai/glaive-function-calling-v2): two columns of text.

    system   SYSTEM: You are a helpful assistant with access to the following functions. Use them if
             required -\\n{ "name": …, "description": …, "parameters": {…} }\\n\\n{ … }
             or  SYSTEM: You are a helpful assistant, with no access to external functions.
    chat     USER: …\\n\\n\\nASSISTANT: <functioncall> {"name": "f", "arguments": '{"a": 1}'} <|endoftext|>
             \\n\\n\\nFUNCTION RESPONSE: {…}\\n\\n\\nASSISTANT: … <|endoftext|>

The arguments are JSON between single quotes, which makes the whole no JSON: they are taken from the first
quote to the last one before the closing bracket. An apostrophe escaped as `\\'`, which JSON does not know,
is read as one. A turn may say something before its call, not behind it. The system text is left away.

Seen: whole rows as other projects quote them in tests and listings, and a converter (anyscale/templates,
templates/fine-tune-llm_v2/…/fc_utils/preprocessing.py), which reports that turns of the assistant may
follow one another: such rows are left out (`turns`).
"""

import re
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
from train.corpora.draft import Draft
from train.corpora.literals import read_objects
from train.corpora.toolbox import read_tools
from train.examples import Example

__all__ = ["convert"]

_TURN = re.compile(r"(?:\A|(?<=\s))(USER|ASSISTANT|FUNCTION RESPONSE):(?=\s|\Z)")
_CALL, _UNCALL, _END = "<functioncall>", "</functioncall>", "<|endoftext|>"
_QUOTED = re.compile(
    r"""\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*'(.*)'\s*\}""", re.DOTALL
)


def convert(rows: Rows, options: Options = DEFAULTS) -> Converted:
    """Rows as examples."""
    return convert_rows(rows, _read, options)


def _read(row: Any, place: Place, options: Options, tally: Tally) -> Example:
    if not isinstance(row, dict) or not isinstance(row.get("chat"), str):
        raise UnfitError("row", "a row needs system and chat")
    system = row.get("system")
    tools = _offered(system if isinstance(system, str) else "")
    draft = Draft(read_tools(tools, options, tally), options, tally)
    head, *parts = _TURN.split(row["chat"])
    if head.strip() or not parts:
        raise UnfitError("row", "the chat does not begin with USER: or ASSISTANT:")
    for role, text in zip(parts[::2], parts[1::2], strict=True):
        match role:
            case "USER":
                draft.user(text)
            case "ASSISTANT":
                _model(draft, text)
            case _:
                draft.result(text.replace(_END, "").strip())
    return draft.example(place)


def _offered(system: str) -> list[Any]:
    start = system.find("{")
    if start < 0:
        return []
    try:
        tools, end = read_objects(system, start)
    except ValueError as error:
        raise UnfitError("tools", error) from None
    if system[end:].strip(" \t\r\n]"):
        raise UnfitError("tools", f"text behind the tools: {system[end:].strip()[:40]!r}")
    return tools


def _model(draft: Draft, text: str) -> None:
    said, marked, call = text.replace(_END, " ").partition(_CALL)
    if not marked:
        draft.model(said)
        return
    draft.model(said, [_call(call.replace(_UNCALL, " ").strip())])


def _call(text: str) -> Any:
    try:
        return _with_arguments(loads(text))
    except ValueError as error:
        problem = error
    found = _QUOTED.fullmatch(text)
    if found is None:
        raise UnfitError("calls", problem)
    try:
        arguments = found[2]
        try:
            value = loads(arguments)
        except ValueError:
            value = loads(arguments.replace("\\'", "'"))
        return {"name": loads(found[1]), "arguments": value}
    except ValueError as error:
        raise UnfitError("calls", f"the arguments are no JSON: {error}") from None


def _with_arguments(value: Any) -> Any:
    if isinstance(value, dict) and isinstance(value.get("arguments"), str):
        return {**value, "arguments": loads(value["arguments"] or "{}")}
    return value
