"""Hermes function calling: `<tools>`, `<tool_call>`, `<tool_response>` and `<think>` inside of the texts.

Two corpora of one format:

    NousResearch/hermes-function-calling-v1         conversations: [{"from", "value"}], roles human, gpt
    Jofthomas/hermes-function-calling-thinking-V1   conversations: [{"role", "content"}], roles human,
                                                    model; a `<think>` block before each call

    system   … <tools> [{'type': 'function', 'function': {…}}] </tools> …
    human    the request
    gpt      <tool_call>\\n{'arguments': {…}, 'name': 'f'}\\n</tool_call>       once or several times
    tool     <tool_response>\\n{"name": "f", "content": {…}}\\n</tool_response> or the bare result

Tools, calls and results are JSON or Python literals; both are read, nothing is evaluated. The system text is
left away (it describes this notation) but for sentences that say the date. Rows about JSON mode are left out.

Seen: the data card of the first, with two whole rows (a copy in shiva-metageeks/dataset, public/README.md);
a row of the second as the agents-course notebook printed it (marketneutral/jl-hf-agents,
bonus-unit1/bonus-unit1.ipynb). The files themselves were not seen.
"""

import re
from typing import Any

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
from train.corpora.draft import Draft, said_facts, split_thought
from train.corpora.literals import listed, read_data, read_objects
from train.corpora.toolbox import read_tools
from train.examples import Example

__all__ = ["convert"]

_TOOLS = re.compile(r"<tools>(.*?)</tools>", re.DOTALL)
_OPEN, _CLOSE = "<tool_call>", "</tool_call>"
_RESPONSE = re.compile(r"\s*<tool_response>(.*?)</tool_response>", re.DOTALL)
_ROLES = {
    "system": "system",
    "human": "user",
    "user": "user",
    "gpt": "model",
    "model": "model",
    "assistant": "model",
    "tool": "tool",
}


def convert(rows: Rows, options: Options = DEFAULTS) -> Converted:
    """Rows of either corpus as examples."""
    return convert_rows(rows, _read, options)


def _read(row: Any, place: Place, options: Options, tally: Tally) -> Example:
    if not isinstance(row, dict) or not row.get("conversations"):
        raise UnfitError("row", "a row needs conversations")
    turns = [_turn(t) for t in listed(row, "conversations")]
    system = "\n".join(text for role, text in turns if role == "system")
    draft = Draft(read_tools(_offered(system, row, tally), options, tally), options, tally)
    draft.system(said_facts(_TOOLS.sub(" ", system)))
    for i, (role, text) in enumerate(turns):
        match role:
            case "system":
                if any(r != "system" for r, _ in turns[:i]):
                    raise UnfitError("turns", "system text behind the first turn")
            case "user":
                draft.user(text)
            case "model":
                thought, said = split_thought(text)
                said, calls = _calls(said, tally)
                draft.model(said, calls, thought)
            case _:
                _results(draft, text, tally)
    return draft.example(place)


def _turn(turn: Any) -> tuple[str, str]:
    if not isinstance(turn, dict):
        raise UnfitError("row", "a turn must be a mapping")
    role = turn.get("from", turn.get("role"))
    text = turn.get("value", turn.get("content"))
    if not isinstance(role, str) or role not in _ROLES:
        raise UnfitError("row", f"unknown role {role!r}")
    if not isinstance(text, str):
        raise UnfitError("row", f"the text of a turn of {role!r} is no text")
    return _ROLES[role], text


def _offered(system: str, row: dict[str, Any], tally: Tally) -> list[Any]:
    """The tools of the system text; of the column `tools` where the text has none."""
    blocks = [b.strip() for b in _TOOLS.findall(system)]
    blocks = [b for b in blocks if b.startswith(("[", "{"))]
    if not blocks:
        if "<schema>" in system:
            raise UnfitError("json_mode", "the system text gives a schema for the reply")
        return listed(row, "tools", "tools")
    found: list[Any] = []
    for block in blocks:
        try:
            try:
                values, end = read_objects(block, 0)
                if block[end:].strip():
                    raise ValueError("text behind the tools")
            except ValueError:
                values = [read_data(block, tally)]
        except ValueError as error:
            raise UnfitError("tools", error) from None
        for value in values:
            found += value if isinstance(value, list) else [value]
    return found


def _calls(text: str, tally: Tally) -> tuple[str, list[Any]]:
    """(the text beside the calls, the calls). The text may stand before them, not behind."""
    before, opened, rest = text.partition(_OPEN)
    calls: list[Any] = []
    while opened:
        inner, closed, rest = rest.partition(_CLOSE)
        if not closed:
            raise UnfitError("calls", "a <tool_call> is not closed")
        try:
            value = read_data(inner.strip(), tally)
        except ValueError as error:
            raise UnfitError("calls", error) from None
        calls += value if isinstance(value, list) else [value]
        between, opened, rest = rest.partition(_OPEN)
        if between.strip():
            raise UnfitError("calls", f"text behind a call: {between.strip()[:40]!r}")
    if _OPEN in text and not calls:
        raise UnfitError("calls", "an empty list of calls")
    return before, calls


def _results(draft: Draft, text: str, tally: Tally) -> None:
    blocks = _RESPONSE.findall(text)
    if blocks and _RESPONSE.sub("", text).strip():
        raise UnfitError("results", "text beside a <tool_response>")
    for block in blocks or [text]:
        content, name = block.strip(), None
        try:
            value: Any = read_data(content, tally)
        except ValueError:
            draft.result(content)
            continue
        if isinstance(value, dict) and set(value) == {"name", "content"}:
            name = value["name"] if isinstance(value["name"], str) else None
            value = value["content"] if name else value
        draft.result(value, name)
