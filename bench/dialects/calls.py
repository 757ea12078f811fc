"""A call from what a model wrote: exactly a name and arguments, in valid Unicode."""

import json
from typing import Any

from suites import Call
from suites.json_text import compact

__all__ = ["build_call", "call_from", "tojson"]


def tojson(value: Any, indent: int | None = None) -> str:
    """JSON text with the blanks that chat templates write (their filter of the same name)."""
    return json.dumps(value, ensure_ascii=False, indent=indent)


def call_from(value: Any, key: str = "arguments") -> Call:
    """A call from `{"name": …, key: {…}}`, exactly. Errors: ValueError with a short reason."""
    if not isinstance(value, dict):
        raise ValueError("a call must be a JSON object")
    if not isinstance(value.get("name"), str) or not value["name"]:
        raise ValueError("the call has no name")
    if not isinstance(value.get(key), dict):
        raise ValueError(f"the call's {key} are no JSON object")
    if extra := sorted(set(value) - {"name", key}):
        raise ValueError(f"the call has an unknown key {extra[0]!r}")
    return build_call(value["name"], value[key])


def build_call(name: str, arguments: dict[str, Any]) -> Call:
    """A Call. Errors: ValueError where the values are no valid Unicode (lone surrogates)."""
    try:
        compact([name, arguments]).encode()
    except UnicodeEncodeError:
        raise ValueError("the call is no valid Unicode") from None
    return Call(name=name, arguments=arguments)
