"""What dev and test share: a tool, a group, or a distinctive value would let tuning on dev leak into test."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from suites.health import Finding
from suites.model import Case, Suite, Tool
from suites.places import NOWHERE

__all__ = ["distinctive", "distinctive_values", "leaks"]

_SHORTEST_TEXT, _SMALLEST_NUMBER = 4, 1000


def leaks(suites: Sequence[Suite]) -> list[Finding]:
    """An error for every tool, group or distinctive value that a dev and a test split have in common."""
    splits = [(s, *_contents(s)) for s in suites]
    found: list[Finding] = []
    for dev, *ours in (x for x in splits if x[0].split == "dev"):
        for test, *theirs in (x for x in splits if x[0].split == "test"):
            for what, a, b in zip(("tool", "group", "value"), ours, theirs, strict=True):
                found += [
                    Finding(
                        level="error",
                        check="leak",
                        case=a[shared],
                        text=f"shares {what} {shared!r} with {test.name}/test ({b[shared]})",
                        place=str(dev.places.get(a[shared], NOWHERE)),
                    )
                    for shared in sorted(a.keys() & b.keys())
                ]
    return found


def distinctive_values(case: Case) -> set[str]:
    """Texts of four and more letters and numbers from 1,000 or with a fraction in the gold arguments.

    Values that the schema lists (enums) are the tool's, not the case's.
    """
    accepted = (a for call in case.expectation.calls for a in call.arguments.values())
    return distinctive((value for accept in accepted for value in accept.any_of), case.tools)


def distinctive(values: Iterable[Any], tools: Iterable[Tool]) -> set[str]:
    """What distinctive_values finds in a case, found in any argument values; tools: those on offer."""
    found = {leaf for value in values for leaf in _leaves(value)}
    return found - {e for tool in tools for e in _enums(tool.parameters)} if found else found


def _contents(suite: Suite) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    tools: dict[str, str] = {}
    groups: dict[str, str] = {}
    values: dict[str, str] = {}
    for case in suite.cases:
        groups.setdefault(case.group, case.id)
        for tool in case.tools:
            tools.setdefault(tool.name, case.id)
        for value in distinctive_values(case):
            values.setdefault(value, case.id)
    return tools, groups, values


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) >= _SHORTEST_TEXT:
            yield value.casefold()
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, int | float) and (abs(value) >= _SMALLEST_NUMBER or value != int(value)):
        yield str(value)


def _enums(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from (e.casefold() for e in schema.get("enum", ()) if isinstance(e, str))
        for inner in schema.values():
            yield from _enums(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _enums(inner)
