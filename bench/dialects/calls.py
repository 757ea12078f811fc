"""A call from what a model wrote: exactly a name and arguments, in valid Unicode."""

from typing import Any

from suites import Call
from suites.json_text import compact

__all__ = ["build_call", "call_from"]


def call_from(value: Any) -> Call:
    """A call from `{"name": …, "arguments": {…}}`, exactly. Errors: ValueError with a short reason."""
    if not isinstance(value, dict):
        raise ValueError("a call must be a JSON object")
    if not isinstance(value.get("name"), str) or not value["name"]:
        raise ValueError("the call has no name")
    if not isinstance(value.get("arguments"), dict):
        raise ValueError("the call's arguments are no JSON object")
    if extra := sorted(set(value) - {"name", "arguments"}):
        raise ValueError(f"the call has an unknown key {extra[0]!r}")
    return build_call(value["name"], value["arguments"])


def build_call(name: str, arguments: dict[str, Any]) -> Call:
    """A Call. Errors: ValueError where the values are no valid Unicode (lone surrogates)."""
    try:
        compact([name, arguments]).encode()
    except UnicodeEncodeError:
        raise ValueError("the call is no valid Unicode") from None
    return Call(name=name, arguments=arguments)
