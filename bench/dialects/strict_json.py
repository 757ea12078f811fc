"""JSON read strictly: no NaN, no infinity, no duplicate keys, no deep nesting; nothing is repaired."""

import json
import math
from typing import Any

from suites import Call

__all__ = ["build_call", "call_from", "compact", "loads"]

_DEPTH = 64


def compact(value: Any) -> str:
    """JSON text without blanks; letters of other scripts stay readable."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def loads(text: str) -> Any:
    """The JSON value of a text. Errors: ValueError with a short reason, for anything but plain JSON."""
    try:
        value = json.loads(
            text, parse_constant=_constant, parse_float=_float, object_pairs_hook=_object
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"no JSON ({error.msg} at character {error.pos})") from None
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    if not _shallow(value, _DEPTH):
        raise ValueError("JSON nested too deeply")
    return value


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


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def _float(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is no finite number")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(k for k, _ in pairs if k in seen or seen.add(k))  # type: ignore[func-returns-value]
        raise ValueError(f"key {twice[:40]!r} stands twice")
    return result


def _shallow(value: Any, depth: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return depth > 0 and all(_shallow(v, depth - 1) for v in inner)
