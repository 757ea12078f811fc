"""What the importers share: unique ids, expected calls from plain gold calls, and the audit of what came out.

Texts are compared under the normal form `text` (case, blanks and quotes do not matter), except where the
parameter lists its values or has a format of its own.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from suites.errors import SuiteError
from suites.health import check_case
from suites.importers.base import Skipped
from suites.importers.schemas import exact
from suites.json_text import compact
from suites.model import Accept, Call, Case, ExpectedCall, Tool, canonical

__all__ = ["AUDIT", "Ids", "Rows", "audit", "build", "call_from", "expected_call", "text_of"]

AUDIT = {
    "gold_violates_schema": "the published gold breaks the schema of the tool that it calls",
    "tool_not_offered": "the published gold calls a tool that is not offered",
    "tools_ambiguous": "two different tools of one name are offered",
    "gold_fails": "the published gold does not pass its own case",
    "cannot_discriminate": "a wrong reply would pass, or would fail for another reason than its own",
    "duplicate": "the same dialogue, tools and expectation as an earlier case",
    "contradiction": "the same dialogue and tools as another case, and another expectation",
}
"""Reasons that `audit` gives -> what they mean."""

_REASONS = {"gold": "gold_violates_schema", "tools": "tools_ambiguous", "tags": "gold_fails"}


class Ids:
    """Case ids: the source's own where it is one word and new, else the place."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def take(self, wanted: Any, place: str) -> str:
        """An id that no case has yet. Errors: SuiteError if the source's own id stands twice."""
        own = isinstance(wanted, str) and re.fullmatch(r"\S{1,200}", wanted) is not None
        name = str(wanted) if own else re.sub(r"\s+", "-", place)
        if name in self._seen:
            raise SuiteError(f"id {name!r} stands twice")
        self._seen.add(name)
        return name


class Rows:
    """Collects cases and what was left out while a source is read."""

    def __init__(self) -> None:
        self.cases: list[Case] = []
        self.skipped: list[Skipped] = []
        self.excluded: dict[str, list[str]] = {}
        self.converted = 0

    def skip(self, where: str, why: SuiteError | str) -> None:
        """An item that is not imported, with the reason."""
        safe = str(why).encode("utf-8", "backslashreplace").decode()
        self.skipped.append(Skipped(where=where, why=safe))

    def exclude(self, reason: str, case: Case) -> None:
        """A case that is kept, but left out of audited figures."""
        ids = self.excluded.setdefault(reason, [])
        if case.id not in ids:
            ids.append(case.id)

    def exclusions(self, meanings: Mapping[str, str]) -> dict[str, tuple[str, tuple[str, ...]]]:
        """reason -> (meaning, ids), after the audit of all cases; reasons in the order of `meanings`."""
        for reason, ids in audit(self.cases).items():
            for case_id in ids:
                if case_id not in self.excluded.setdefault(reason, []):
                    self.excluded[reason].append(case_id)
        known = {**meanings, **AUDIT}
        return {r: (known[r], tuple(self.excluded[r])) for r in known if self.excluded.get(r)}

    def number_notes(self) -> tuple[str, ...]:
        """A line about numbers that the source gives as text, if there were any."""
        if not self.converted:
            return ()
        line = "arguments given as text where the schema says number were read as numbers"
        return (f"{self.converted} {line} (only texts that are exactly a number)",)

    def calls(self, calls: Iterable[Call], tools: Sequence[Tool]) -> tuple[ExpectedCall, ...]:
        """Expected calls of plain gold calls; counts the texts that became numbers."""
        found = []
        for call in calls:
            tool = next((t for t in tools if t.name == call.name), None)
            expected, converted = expected_call(call, tool)
            self.converted += converted
            found.append(expected)
        return tuple(found)


def build(**fields: Any) -> Case:
    """A Case of objects of ours. Errors: SuiteError with the field that cannot be used."""
    try:
        case = Case(**fields)
        compact(case.model_dump(mode="json")).encode()
        return case
    except (UnicodeError, PydanticSerializationError):
        raise SuiteError("holds half a character (a lone surrogate)") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or None
        raise SuiteError(first["msg"].removeprefix("Value error, "), field=field) from None


def call_from(obj: Any) -> Call:
    """A call from {"name", "arguments"}. Errors: SuiteError if it is none."""
    if not isinstance(obj, dict) or not isinstance(obj.get("name"), str):
        raise SuiteError("a call needs a name")
    arguments = obj.get("arguments")
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        raise SuiteError(f"the arguments of {obj['name']!r} are no mapping")
    try:
        return Call(name=obj["name"], arguments=arguments)
    except ValidationError as error:
        message = error.errors(include_url=False)[0]["msg"]
        raise SuiteError(f"a call that cannot be used: {message}") from None


def expected_call(call: Call, tool: Tool | None) -> tuple[ExpectedCall, int]:
    """(the expected call, how many texts became numbers): one acceptable value for each argument."""
    properties = tool.properties if tool is not None else {}
    arguments: dict[str, Accept] = {}
    converted = 0
    for name, value in call.arguments.items():
        schema = properties.get(name, {})
        plain, count = exact(value, schema)
        converted += count
        free = _holds_text(plain) and not _is_listed(schema)
        arguments[name] = Accept(any_of=(plain,), normal="text" if free else "exact")
    return ExpectedCall(name=call.name, arguments=arguments), converted


def text_of(value: Any, what: str) -> str:
    """A text that is not blank. Errors: SuiteError naming what is missing."""
    if not isinstance(value, str) or not value.strip():
        raise SuiteError(f"{what} is no text")
    return value


def audit(cases: Sequence[Case]) -> dict[str, list[str]]:
    """reason -> ids of the cases that the project's own check finds unsound (AUDIT says what they mean)."""
    found: dict[str, list[str]] = {}
    for case in cases:
        _, findings = check_case(case)
        reasons = {_reason(f.check, f.text) for f in findings if f.level == "error"}
        for reason in sorted(reasons):
            found.setdefault(reason, []).append(case.id)
    for reason, ids in _twins(cases).items():
        found.setdefault(reason, []).extend(ids)
    return found


def _reason(check: str, text: str) -> str:
    if check == "gold" and "not offered" in text:
        return "tool_not_offered"
    if check == "gold replay":
        return "gold_fails"
    return _REASONS.get(check, "cannot_discriminate")


def _twins(cases: Sequence[Case]) -> dict[str, list[str]]:
    """Cases of one input. Of opposite expectations no case counts; of equal ones, the first."""
    inputs: dict[str, list[Case]] = {}
    for case in cases:
        tools = sorted(canonical(t.model_dump(mode="json")) for t in case.tools)
        key = canonical([[m.model_dump(mode="json") for m in case.messages], tools])
        inputs.setdefault(key, []).append(case)
    found: dict[str, list[str]] = {}
    for twins in inputs.values():
        opposite = len({_wanted(c) for c in twins}) > 1
        if opposite:
            found.setdefault("contradiction", []).extend(c.id for c in twins)
        elif len(twins) > 1:
            found.setdefault("duplicate", []).extend(c.id for c in twins[1:])
    return found


def _wanted(case: Case) -> str:
    """What is expected, but for the wording of the gold text."""
    wording = {"text", "thought", "words"}
    return canonical(case.expectation.model_dump(mode="json", exclude=wording))


def _holds_text(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_holds_text(v) for v in value)
    if isinstance(value, dict):
        return any(_holds_text(v) for v in value.values())
    return isinstance(value, str)


def _is_listed(schema: Any) -> bool:
    """Whether a schema lists its values or has a format, itself or in its items and properties."""
    if not isinstance(schema, dict):
        return False
    if "enum" in schema or "const" in schema or "format" in schema:
        return True
    inner = schema.get("properties")
    inner = list(inner.values()) if isinstance(inner, dict) else []
    return any(_is_listed(s) for s in [schema.get("items"), *inner])
