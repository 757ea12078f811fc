"""JavaScript values as BFCL reads them: a text and a declared type give a Python value, or the text again.

Source: behaviour of `js_type_converter` in bfcl-eval 2026.3.23; tests/parity holds us to it. Its pattern
for an array of arrays takes exponential time on an unclosed one; the same match is found here in
linear time.
"""

import re
from typing import Any

__all__ = ["TYPES", "convert"]

TYPES: dict[str, type] = {
    "String": str,
    "integer": int,
    "float": float,
    "Bigint": int,
    "Boolean": bool,
    "dict": dict,
    "array": list,
    "any": str,
}

_INTEGER, _FLOAT = re.compile(r"^-?\d+$"), re.compile(r"^-?\d+(\.\d+)?$")
_BIGINT = re.compile(r"^-?\d+n$")
_ROWS, _NEW_ROWS = re.compile(r"\[\s*\["), re.compile(r"new\s+Array\(\s*\[")
_NEXT_ROW = re.compile(r"\s*,\s*\[")
_BLANK = re.compile(r"\s*")
_ROW = re.compile(r"\[(.*?)\]")
_ARRAY = re.compile(r"\[(.*?)\]|new\s+Array\((.*?)\)")
_OBJECT = re.compile(r"\{(.*?)\}")
_PAIR = re.compile(r"([^:]+):\s*(.*?)(?:,\s*(?=[^,]+:)|$)")


def convert(value: str, kind: str, inner: str | None = None) -> Any:
    """The Python value of a JavaScript text of type `kind` (its elements: `inner`), or the text itself."""
    match kind:
        case "String":
            return value[1:-1] if _quoted(value) else value
        case "any":
            return value
        case "integer":
            return int(value) if _INTEGER.match(value) else value
        case "float":
            return float(value) if _FLOAT.match(value) else value
        case "Bigint":
            return int(value[:-1]) if _BIGINT.match(value) else value
        case "Boolean":
            return value == "true" if value in ("true", "false") else value
        case "array":
            return _array(value.strip(), inner)
        case "dict":
            return _object(value.strip())
    raise ValueError(f"unsupported type: {kind}")


def _quoted(text: str) -> bool:
    return text.startswith(('"', "'")) and text.endswith(text[0])


def _array(text: str, inner: str | None = None) -> Any:
    rows = _rows(text)
    if rows is not None:
        return rows
    found = _ARRAY.match(text)
    if found is None:
        return text
    body = (found[2] if found[1] is None else found[1]).strip()
    parts = [part.strip() for part in body.split(",")] if body else []
    if not inner:
        return [_value(part) for part in parts]
    try:
        return [convert(p, inner, "String" if p.startswith(("'", '"')) else None) for p in parts]
    except ValueError:  # too many digits
        return text


def _rows(text: str) -> list[list[Any]] | None:
    """The rows of an array of arrays (two levels), or None where the text does not begin with one."""
    if found := _ROWS.match(text):
        end = _rows_end(text, found.end(), "]")
    elif found := _NEW_ROWS.match(text):
        end = _rows_end(text, found.end(), ")")
    else:
        return None
    if end is None:
        return None
    rows = []
    for index, body in enumerate(_ROW.findall(text[:end])):
        body = body.strip()
        if index == 0 and body.startswith("["):
            body = body[1:]
        rows.append([_value(part.strip()) for part in body.split(",")])
    return rows


def _rows_end(text: str, begin: int, closer: str) -> int | None:
    """Where `.*?\\]\\s*(,\\s*\\[.*?\\]\\s*)*` and the closer end, when matched from `begin`.

    At each `]`, what follows decides: the closer ends the match, `, [` begins the next row, anything else
    belongs to this row. No way back is needed: the brackets left to this row are those of the next one.
    """
    while True:
        close = text.find("]", begin)
        if close < 0 or "\n" in text[begin:close]:
            return None
        blank = _BLANK.match(text, close + 1)
        after = blank.end() if blank else close + 1
        if text.startswith(closer, after):
            return after + 1
        row = _NEXT_ROW.match(text, close + 1)
        begin = row.end() if row else close + 1


def _object(text: str) -> Any:
    if text == "{}":
        return {}
    found = _OBJECT.match(text)
    if found is None:
        return text
    result = {}
    for key, value in _PAIR.findall(found[1]):
        value = value.strip()
        is_array = value.startswith("[") and value.endswith("]")
        result[key.strip().strip("'\"")] = _array(value) if is_array else _value(value.strip("'\""))
    return result


def _value(text: str) -> Any:
    """The value of an element whose type is not declared."""
    text = text.strip()
    if text in ("true", "false"):
        return text == "true"
    if _quoted(text):
        return text[1:-1]
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text
