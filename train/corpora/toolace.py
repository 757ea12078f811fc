"""ToolACE (Team-ACE/ToolACE): tools as JSON inside the system text, calls as `[Name Of Tool(arg="x")]`.

    {"system": "You are an expert in composing functions. … that you can invoke:\\n[{…}, …]. …",
     "conversations": [{"from": "user", "value": "…"},
                       {"from": "assistant", "value": "[Market Trends API(trend_type=\\"INDEXES\\")]"},
                       {"from": "tool", "value": "[{\\"name\\": …, \\"results\\": {…}}]"},
                       {"from": "assistant", "value": "text"}]}

Many tools have names with blanks; they are renamed (see Options). Calls are read by the grammar of literal
keyword arguments, never evaluated; JSON's true, false and null occur among them and are read. An assistant
turn that begins with `[` must be calls whole. Of the system text only sentences that say the date are kept.

Seen: the rules on the card of a converted copy (tuandunghcmut/toolace on the hub), and this shape with these
names in tests of other converters. No raw row of the file was seen.
"""

import re
from collections.abc import Sequence
from typing import Any

from bench.dialects.python_text import read_call, skip
from suites.json_text import loads_at
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
from train.corpora.draft import Draft, said_facts
from train.corpora.literals import listed, read_data
from train.corpora.toolbox import read_tools
from train.examples import Example

__all__ = ["convert"]

_LIST = re.compile(r"\[\s{0,40}\{")
_MOST_LISTS = 20


def convert(rows: Rows, options: Options = DEFAULTS) -> Converted:
    """Rows as examples."""
    return convert_rows(rows, _read, options)


def _read(row: Any, place: Place, options: Options, tally: Tally) -> Example:
    if not isinstance(row, dict) or not isinstance(row.get("system"), str):
        raise UnfitError("row", "a row needs system and conversations")
    if not row.get("conversations"):
        raise UnfitError("row", "a row needs conversations")
    tools, prose = _offered(row["system"])
    box = read_tools(tools, options, tally)
    draft = Draft(box, options, tally)
    draft.system(said_facts(prose))
    names = sorted(box.names, key=len, reverse=True)
    for turn in listed(row, "conversations"):
        if not isinstance(turn, dict) or not isinstance(turn.get("value"), str):
            raise UnfitError("row", "a turn needs from and value")
        match turn.get("from"):
            case "user":
                draft.user(turn["value"])
            case "assistant":
                text = turn["value"].strip()
                if text.startswith("["):
                    draft.model("", _calls(text, names))
                else:
                    draft.model(text)
            case "tool":
                _results(draft, turn["value"], tally)
            case other:
                raise UnfitError("row", f"unknown role {other!r}")
    return draft.example(place)


def _offered(system: str) -> tuple[list[Any], str]:
    """(the tools, the text around them)."""
    for number, found in enumerate(_LIST.finditer(system)):
        if number == _MOST_LISTS:
            break
        try:
            value, end = loads_at(system, found.start())
        except ValueError:
            continue
        if all(isinstance(t, dict) and "name" in t for t in value):
            return value, f"{system[: found.start()]}\n{system[end:]}"
    raise UnfitError("tools", "the system text holds no list of tools in JSON")


def _calls(text: str, names: Sequence[str]) -> list[Any]:
    """The calls of a turn. A name that is offered may hold blanks and brackets."""
    calls: list[Any] = []
    at = skip(text, 1)
    try:
        while True:
            name = next((n for n in names if text.startswith(f"{n}(", at)), None)
            if name is None:
                name, arguments, at = read_call(text, at, loose=True)
            else:
                start = at + len(name)
                _, arguments, end = read_call(f"f{text[start:]}", 0, loose=True)
                at = start + end - 1
            calls.append({"name": name, "arguments": arguments})
            at = skip(text, at)
            if text.startswith(",", at):
                at = skip(text, at + 1)
            elif text.startswith("]", at):
                break
            else:
                raise ValueError("the list of calls is not closed")
    except ValueError as error:
        raise UnfitError("calls", error) from None
    if text[at + 1 :].strip():
        raise UnfitError("calls", f"text behind the calls: {text[at + 1 :].strip()[:40]!r}")
    return calls


def _results(draft: Draft, text: str, tally: Tally) -> None:
    try:
        value = read_data(text, tally)
    except ValueError:
        draft.result(text)
        return
    entries = value if isinstance(value, list) else [value]
    if entries and all(
        isinstance(e, dict) and isinstance(e.get("name"), str) and set(e) == {"name", "results"}
        for e in entries
    ):
        for entry in entries:
            draft.result(entry["results"], entry["name"])
    elif isinstance(value, list) and len(value) == draft.wanted > 1:
        for entry in value:
            draft.result(entry)
    else:
        draft.result(value)
