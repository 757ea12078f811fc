"""Java values as BFCL reads them: a text and a declared type give a Python value, or the text again.

Source: behaviour of `java_type_converter` in bfcl-eval 2026.3.23; tests/parity holds us to it. Where its
regular expressions backtrack without need, the same match is found here in linear time.
"""

import re
from typing import Any

__all__ = ["TYPES", "convert"]

TYPES: dict[str, type] = {
    "byte": int,
    "short": int,
    "integer": int,
    "float": float,
    "double": float,
    "long": int,
    "boolean": bool,
    "char": str,
    "Array": list,
    "ArrayList": list,
    "Set": set,
    "HashMap": dict,
    "Hashtable": dict,
    "Queue": list,
    "Stack": list,
    "String": str,
    "any": str,
}

_REAL = r"^-?\d+(\.\d+)?([eE][+-]?\d+)?"
_INTEGER, _LONG = re.compile(r"^-?\d+$"), re.compile(r"^-?\d+[lL]$")
_DOUBLE, _FLOAT = re.compile(_REAL + "$"), re.compile(_REAL + "[fF]$")
_FLOAT_MARK, _LONG_MARK = re.compile("[fF]$"), re.compile("[lL]$")
_AS_LIST = re.compile(r"new\s+ArrayList<\w*>\(Arrays\.asList\((.+?)\)\)")
_NEW_LIST = re.compile(r"new\s+ArrayList<\w*>\(\)")
_LIST_BRACES = re.compile(r"new\s+ArrayList<\w*>\(\)\s*\{\{")
_ADD = re.compile(r"add\((.+?)\)")
_ARRAY = re.compile(r"new\s+\w+\[\]\s*\{(.*?)\}")
_NEW_MAP = re.compile(r"new\s+HashMap<.*?>\s*\(\)")
_MAP_BRACES = re.compile(r"new\s+HashMap<.*?>\s*\(\)\s*\{\s*\{?\s*", re.DOTALL)
_PUT = re.compile(r"put\(\"(.*?)\",\s*(.*?)\)")


def convert(value: str, kind: str, inner: str | None = None) -> Any:
    """The Python value of a Java text of type `kind` (its elements: `inner`), or the text itself."""
    match kind:
        case "String" | "any" | "char":
            return value  # a char keeps its quotes: the official pattern for it can never match
        case "byte" | "short" | "integer":
            return int(value) if _INTEGER.match(value) else value
        case "float":
            return float(_FLOAT_MARK.sub("", value)) if _FLOAT.match(value) else value
        case "double":
            return float(value) if _DOUBLE.match(value) else value
        case "long":
            return int(_LONG_MARK.sub("", value)) if _LONG.match(value) else value
        case "boolean":
            return value == "true" if value in ("true", "false") else value
        case "ArrayList":
            return _array_list(value, inner)
        case "Array":
            return _array(value, inner)
        case "HashMap":
            return _hash_map(value)
        case "Set" | "Hashtable" | "Queue" | "Stack":
            raise NotImplementedError(f"BFCL does not convert {kind}")
    raise ValueError(f"unsupported type: {kind}")


def _array_list(text: str, inner: str | None) -> Any:
    if found := _AS_LIST.search(text):
        return [_element(part.strip(), inner) for part in found[1].split(",")]
    body = _list_body(text)
    if body is not None:
        return [_element(part.strip(), inner) for part in _ADD.findall(body)]
    return [] if _NEW_LIST.search(text) else text


def _list_body(text: str) -> str | None:
    """What `\\{\\{\\s*(.+?)\\s*\\}\\}` captures (over lines): at least one character, blanks cut off."""
    found = _LIST_BRACES.search(text)
    if found is None:
        return None
    begin = first = found.end()
    while first < len(text) and text[first].isspace():
        first += 1
    close = text.find("}}", first + 1)
    if close >= 0:
        return text[first] + text[first + 1 : close].rstrip()
    return text[first - 1] if first > begin and text.startswith("}}", first) else None


def _element(text: str, inner: str | None) -> Any:
    if inner in ("char", "String"):
        return text[1:-1]
    return convert(text, inner) if inner else _value(text)


def _array(text: str, inner: str | None) -> Any:
    found = _ARRAY.search(text)
    if found is None:
        return text
    parts = (part.strip() for part in found[1].split(",") if part.strip())
    return [convert(part, inner) if inner else _value(part) for part in parts]


def _hash_map(text: str) -> Any:
    found = _MAP_BRACES.search(text)
    close = text.find("}", found.end()) if found else -1
    if found is not None and close >= 0:
        body = text[found.end() : close].rstrip()
        return {key: _value(value.strip()) for key, value in _PUT.findall(body)}
    return {} if _NEW_MAP.search(text) else text


def _value(text: str) -> Any:
    """The value of an element whose type is not declared."""
    if text in ("true", "false"):
        return text == "true"
    if text.startswith('"') and text.endswith('"'):
        return text[1:-1]
    if _LONG.match(text):
        return int(text[:-1])
    if _FLOAT.match(text):
        return float(_FLOAT_MARK.sub("", text))
    for number in (int, float):
        try:
            return number(text)
        except ValueError:
            continue
    return text
