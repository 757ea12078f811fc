"""A second, tolerant reading of a malformed reply: what a repairing parser would have made of it.

It never decides a verdict. Reports show it as a figure of its own, because repair hides exactly the
format faults that a benchmark has to show.
"""

import re
from typing import Any

from bench.dialects.calls import build_call
from suites import Call
from suites.json_text import compact, loads

__all__ = ["repaired_calls"]

_LONGEST = 2000
_OPEN = re.compile(
    r"<tool_call>|```(?:json|tool_code|tool_call)?|<start_function_call>"
    r"|<\|tool_call>|<\|python_tag\|>|;\s{0,20}(?=\{)"
)


def repaired_calls(text: str) -> tuple[Call, ...] | None:
    """The calls that json-repair finds in a text (its first 2,000 characters), or None if there are none."""
    from json_repair import loads as read_loosely

    text = text[:_LONGEST]
    bodies = [part for part in _OPEN.split(text) if "{" in part]
    calls: list[Call] = []
    for body in bodies[:4]:
        try:
            value = read_loosely(body[body.index("{") :])
        except (ValueError, RecursionError, IndexError, TypeError):
            continue
        for item in value if isinstance(value, list) else [value]:
            call = _call(item)
            if call is not None:
                calls.append(call)
    return tuple(calls) or None


def _call(value: Any) -> Call | None:
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        return None
    arguments = value.get("arguments", value.get("parameters", {}))
    if not isinstance(arguments, dict):
        return None
    try:
        return build_call(value["name"], loads(compact(arguments)))
    except (ValueError, RecursionError):
        return None
