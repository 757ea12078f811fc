"""JSON read strictly: no NaN, no infinity, no duplicate keys, no deep nesting; nothing is repaired."""

import json
import math
from typing import Any

__all__ = ["BrokenJSONError", "compact", "loads", "loads_at"]

_DEPTH = 64
_BLANK = " \t\n\r"


def compact(value: Any) -> str:
    """JSON text without blanks; letters of other scripts stay readable."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class BrokenJSONError(ValueError):
    """No JSON from `position` on; None if the text ends inside a string."""

    def __init__(self, message: str, position: int | None) -> None:
        super().__init__(message)
        self.position = position


def loads(text: str) -> Any:
    """The JSON value of a text. Errors: ValueError with a short reason, for anything but plain JSON."""
    value, end = loads_at(text, 0)
    if text[end:].strip(_BLANK):
        raise ValueError(f"no JSON (text behind it at character {end})")
    return value


def loads_at(text: str, at: int) -> tuple[Any, int]:
    """The JSON value that begins at `at` (after blanks), and where it ends.

    Errors: BrokenJSONError where the grammar ends, ValueError for values that are not plain JSON; both short.
    """
    while at < len(text) and text[at] in _BLANK:
        at += 1
    try:
        value, end = _DECODER.raw_decode(text, at)
    except json.JSONDecodeError as error:
        if error.msg.startswith("Unterminated string"):
            raise BrokenJSONError("no JSON (a string is not closed)", None) from None
        message = f"no JSON ({error.msg} at character {error.pos - at})"
        raise BrokenJSONError(message, error.pos) from None
    except RecursionError:
        raise ValueError("JSON nested too deeply") from None
    if not _shallow(value, _DEPTH):
        raise ValueError("JSON nested too deeply")
    return value, end


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


_DECODER = json.JSONDecoder(parse_constant=_constant, parse_float=_float, object_pairs_hook=_object)
