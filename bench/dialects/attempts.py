"""Calls tried in a notation that the dialect does not have: broken calls, never 'no call'."""

import re
from collections.abc import Sequence

__all__ = ["attempt"]

_TRACES = (
    (
        re.compile(r"</?(?:tool_call|function_call|start_function_call|end_function_call)\b"),
        "a stray {}",
    ),
    (re.compile(r"<\|(?:tool_call|python_tag)\b"), "a stray {}"),
    (re.compile(r"<\|tool_response>"), "speaks as the tool: {}"),
    (re.compile(r"</?(?:tool_response|start_function_response)\b"), "speaks as the tool: {}"),
    (re.compile(r"```(?:tool_code|tool_call)"), "a fenced {}"),
    (re.compile(r"</?(?:tool_calls|tool_code|function)\b|<function="), "a stray {}"),
    (
        re.compile(r"\bAction:\s{0,20}[\w.\-]{1,128}\s{0,20}\n\s{0,20}Action Input:"),
        "another notation: {}",
    ),
    (
        re.compile(r"'(?:name|function|tool)'\s{0,20}:\s{0,20}'[\w.\-]{1,128}'"),
        "a Python literal: {}",
    ),
    (re.compile(r'"(?:tool_name|function_name)"\s{0,20}:'), "JSON of a call outside of a call: {}"),
    (
        re.compile(r'"(?:arguments|parameters)"\s{0,20}:\s{0,20}\{'),
        "JSON of a call outside of a call: {}",
    ),
    (
        re.compile(
            r'"(?:name|function|tool)"\s{0,20}:\s{0,20}"[\w.\-]{1,128}"\s{0,20},'
            r'\s{0,20}"(?:arguments|parameters|args)"'
        ),
        "JSON of a call outside of a call: {}",
    ),
    (
        re.compile(r'"(?:tool_calls|function_call)"\s{0,20}:'),
        "JSON of a call outside of a call: {}",
    ),
)


_CALLS = re.compile(r"(?<!\w)call:[A-Za-z_][\w.\-]{0,127}\{")
_FOLLOWS = re.compile(r"""[({]|\s{1,4}\(\s{0,4}\w{1,64}\s{0,4}=|["']\s{0,20}:\s{0,20}\{""")


def attempt(text: str, tools: Sequence[str] = ()) -> str | None:
    """What in a text looks like a call that was not read as one, or None. Linear in the text's length.

    A name on offer counts directly before a bracket (`get_weather(city=…)`, `get_weather{…}`), before a
    bracket with a keyword (`get_weather (city=…)`), and as the key of an object (`"get_weather": {…}`).
    """
    for pattern, what in _TRACES:
        if found := pattern.search(text):
            return what.format(repr(found.group()[:60]))
    for name in filter(None, tools):
        start = text.find(name)
        while start >= 0:
            after = start + len(name)
            before_ok = start == 0 or not (text[start - 1].isalnum() or text[start - 1] in "_.")
            if before_ok and _FOLLOWS.match(text, after):
                return f"{text[start : after + 40]!r} outside of a call"
            start = text.find(name, after)
    found = _CALLS.search(text)
    return f"another notation: {found.group()[:60]!r}" if found else None
