"""Data written as text: JSON, or a Python literal read by its grammar and never evaluated."""

from typing import Any

from bench.dialects.python_text import read_call, skip
from suites.json_text import loads, loads_at
from train.corpora.base import Tally, UnfitError

__all__ = ["listed", "read_data", "read_objects"]


def read_data(text: str, tally: Tally | None = None) -> Any:
    """The JSON value of a text, else its Python literal (counted as `python_literals`).

    A Python literal may hold None, True, False, numbers, texts, lists, tuples (as lists) and dictionaries
    with text keys; JSON's null, true and false are read in it, too, because the corpora mix both.
    Errors: ValueError, short.
    """
    try:
        return loads(text)
    except ValueError as error:
        problem = error
    at = skip(text, 0)
    if text[at : at + 1] not in ("{", "["):
        raise ValueError(str(problem)) from None
    try:
        _, arguments, end = read_call(f"f(x={text})", 0, loose=True)
    except ValueError as error:
        raise ValueError(f"neither JSON nor a Python literal: {error}") from None
    if set(arguments) != {"x"} or end != len(text) + 5:
        raise ValueError("neither JSON nor a Python literal: more than one value")
    if tally is not None:
        tally["python_literals"] += 1
    return arguments["x"]


def read_objects(text: str, at: int) -> tuple[list[Any], int]:
    """The JSON values that follow one another from `at` on (only blanks or commas between), and their end.

    Errors: ValueError where a value begins and is broken.
    """
    found: list[Any] = []
    end = at
    while True:
        start = end
        while start < len(text) and text[start] in " \t\r\n,":
            start += 1
        if text[start : start + 1] not in ("{", "["):
            return found, end
        value, end = loads_at(text, start)
        found.append(value)


def listed(row: Any, key: str, reason: str = "row") -> list[Any]:
    """The list under a key, as it is or as text; empty where it is null or missing.

    Errors: UnfitError with that reason.
    """
    value = row.get(key)
    if isinstance(value, str):
        try:
            value = read_data(value) if value.strip() else None
        except ValueError as error:
            raise UnfitError(reason, f"{key} is text, but no list: {error}") from None
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise UnfitError(reason, f"{key} must be a list")
    return list(value)
