"""Writing TOML: tables of text, numbers, truth values, lists and tables. `tomllib` reads it again."""

import math
import re
from collections.abc import Mapping
from typing import Any

from adapters.errors import ModelError

__all__ = ["check_toml", "dump_toml"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SHORT = {"\b": r"\b", "\t": r"\t", "\n": r"\n", "\f": r"\f", "\r": r"\r", '"': r"\"", "\\": r"\\"}
_DEPTH = 32


def dump_toml(values: Mapping[str, Any]) -> str:
    """A table as TOML text that `tomllib.loads` reads back as the same values.

    Tables become `[table]` sections, lists of tables `[[list]]` sections. Errors: ModelError for what
    TOML cannot hold (None, dates are left out on purpose, other objects, text that is no Unicode).
    """
    check_toml(values)
    return "".join(_section(values, ())).lstrip("\n")


def check_toml(value: object, place: str = "", depth: int = 0) -> None:
    """Raise ModelError, with the place, for a value that cannot be written."""
    if depth > _DEPTH:
        raise ModelError(f"{place}: nested more than {_DEPTH} deep")
    if isinstance(value, str):
        _encodable(value, place)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise ModelError(f"{place or 'table'}: the key {key!r} is no text")
            _encodable(key, place)
            check_toml(inner, f"{place}.{key}" if place else key, depth + 1)
    elif isinstance(value, list | tuple):
        for i, inner in enumerate(value):
            check_toml(inner, f"{place}[{i}]", depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ModelError(f"{place}: {value} is no finite number")
    elif not isinstance(value, bool | int | float):
        kind = type(value).__name__
        raise ModelError(f"{place}: {kind} cannot be written; use text, a number, true or false")


def _encodable(text: str, place: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ModelError(f"{place or 'table'}: the text {text!r} is no Unicode") from None


def _section(table: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
    lines, below = [], []
    for key, value in table.items():
        inner = (*path, key)
        head = ".".join(map(_key, inner))
        if isinstance(value, Mapping):
            below += [f"\n[{head}]\n", *_section(value, inner)]
        elif _is_tables(value):
            for row in value:
                below.append(f"\n[[{head}]]\n")
                below += [f"{_key(k)} = {_value(v)}\n" for k, v in row.items()]
        else:
            lines.append(f"{_key(key)} = {_value(value)}\n")
    return lines + below


def _is_tables(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(map(_is_table, value))


def _is_table(value: object) -> bool:
    return isinstance(value, Mapping)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items())
        return f"{{{inner}}}"
    return str(value)


def _text(text: str) -> str:
    return f'"{"".join(map(_character, text))}"'


def _character(character: str) -> str:
    if character in _SHORT:
        return _SHORT[character]
    if character < " " or character == "\x7f":
        return f"\\u{ord(character):04x}"
    return character
