"""JSON Schema (2020-12) of tool parameters: is it sound, and does a call obey it."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, UnknownType, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from suites.model import FailureMode, Tool, canonical

__all__ = [
    "VALUE_LINT",
    "ArgumentProblem",
    "argument_problems",
    "sample",
    "schema_problems",
    "show",
]

VALUE_LINT = ("default ", "enum value ")
"""How those of `schema_problems` begin that are about single values: such a schema can still be obeyed."""

_FORMATS = FormatChecker(formats=())


@_FORMATS.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) is not None and bool(
        dt.date.fromisoformat(value)
    )


@_FORMATS.checks("time", raises=ValueError)
def _is_time(value: object) -> bool:
    """RFC 3339 time, and the HH:MM that people mean by it."""
    return not isinstance(value, str) or (
        ":" in value and bool(dt.time.fromisoformat(value).isoformat())
    )


@_FORMATS.checks("date-time", raises=ValueError)
def _is_datetime(value: object) -> bool:
    return not isinstance(value, str) or (
        len(value) > 10 and bool(dt.datetime.fromisoformat(value))
    )


@dataclass(frozen=True, kw_only=True)
class ArgumentProblem:
    """One fault of one argument: its failure mode, its dotted path and a sentence with the values."""

    mode: FailureMode
    path: str
    text: str


def show(value: Any, limit: int = 80) -> str:
    """JSON text of a value, cut to `limit` characters: for reasons and messages."""
    text = canonical(value) if not isinstance(value, str) else f"{value!r}"
    return text if len(text) <= limit else text[: limit - 1] + "…"


def schema_problems(tool: Tool) -> tuple[str, ...]:
    """What is wrong with a tool's parameters as JSON Schema 2020-12; nothing when they are sound."""
    return _cached_problems(_Key(tool))


def _schema_problems(tool: Tool) -> list[str]:
    schema = tool.parameters
    try:
        if not _plainly_sound(schema):
            Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        where = ".".join(str(p) for p in error.absolute_path) or "parameters"
        return [f"is no JSON Schema (2020-12): {where}: {_brief(error)}"]
    found = []
    if schema.get("type") != "object":
        found.append(f"parameters must have type object, not {schema.get('type')!r}")
    found += [
        f"requires {n!r}, which is not in properties"
        for n in tool.required
        if n not in tool.properties
    ]
    for name, sub in tool.properties.items():
        if isinstance(sub, dict):
            found += _value_lint(tool, name, sub)
    return found


def _value_lint(tool: Tool, name: str, schema: Mapping[str, Any]) -> list[str]:
    bare = {k: v for k, v in schema.items() if k != "default"}
    root = _validator(tool)  # references of a property start from the whole schema
    found = []
    try:
        if "default" in schema and any(root.descend(schema["default"], bare)):
            found.append(f"default {show(schema['default'])} of {name!r} violates its own schema")
        typed = Draft202012Validator({"type": schema["type"]} if "type" in schema else {})
        for value in schema.get("enum", ()):
            if not typed.is_valid(value):
                found.append(
                    f"enum value {show(value)} of {name!r} has another type than {schema['type']!r}"
                )
    except Unresolvable as error:
        found.append(f"reference of {name!r} cannot be resolved (nothing is fetched): {error}")
    return found


def argument_problems(tool: Tool, arguments: Mapping[str, Any]) -> list[ArgumentProblem]:
    """How a call's arguments break the tool's schema; unknown names count even where it allows them."""
    properties = tool.properties
    found = [
        ArgumentProblem(
            mode=FailureMode.INVENTED_ARGUMENT,
            path=name,
            text=f"{tool.name} has no parameter {name!r} (given {show(value)})",
        )
        for name, value in arguments.items()
        if name not in properties
    ]
    if not found and _plainly_valid(tool.parameters, arguments):
        return []
    try:
        errors = sorted(
            _validator(tool).iter_errors(dict(arguments)), key=lambda e: list(map(str, e.path))
        )
    except (Unresolvable, OverflowError, ValueError, RecursionError) as error:
        # A reference that nothing resolves; a number too large for multipleOf; a schema that eats itself.
        text = f"{tool.name}: the arguments cannot be checked ({error})"
        return [ArgumentProblem(mode=FailureMode.SCHEMA_VIOLATION, path="", text=text)]
    except UnknownType as error:
        text = f"{tool.name}: its schema has an unknown type {error.type!r}"
        return [ArgumentProblem(mode=FailureMode.SCHEMA_VIOLATION, path="", text=text)]
    found += [p for e in errors for p in _problems(tool, e)]
    return list({(p.mode, p.path, p.text): p for p in found}.values())


_ANNOTATIONS = frozenset({"description", "default", "title", "examples", "$comment", "$schema"})
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list, tuple),
    "object": (dict, Mapping),
    "null": (type(None),),
}


def _plainly_sound(schema: Any) -> bool:
    """True only for what surely is a JSON Schema, of common keywords; the metaschema decides the rest."""
    if not isinstance(schema, dict):
        return False
    for keyword, rule in schema.items():
        match keyword:
            case "type":
                sound = isinstance(rule, str) and rule in _TYPES
            case "description" | "title" | "format":
                sound = isinstance(rule, str)
            case "properties":
                sound = isinstance(rule, dict) and all(map(_plainly_sound, rule.values()))
            case "required":
                texts = isinstance(rule, list) and all(isinstance(n, str) for n in rule)
                sound = texts and len(set(rule)) == len(rule)
            case "items":
                sound = _plainly_sound(rule)
            case "enum":
                sound = isinstance(rule, list)
            case "minimum" | "maximum":
                sound = isinstance(rule, int | float) and not isinstance(rule, bool)
            case _:
                sound = keyword == "default"
        if not sound:
            return False
    return True


def _plainly_valid(schema: Any, value: Any) -> bool:
    """True only where a value surely obeys a schema of common keywords; the library decides the rest."""
    if not isinstance(schema, dict):
        return False
    for keyword, rule in schema.items():
        match keyword:
            case "type":
                kinds = _TYPES.get(rule) if isinstance(rule, str) else None
                if kinds is None or not isinstance(value, kinds):
                    return False
                if isinstance(value, bool) and rule != "boolean":
                    return False
            case "enum":
                if not any(type(x) is type(value) and x == value for x in rule):
                    return False
            case "properties":
                if not isinstance(value, Mapping):
                    return False
                if not all(_plainly_valid(rule[k], v) for k, v in value.items() if k in rule):
                    return False
            case "required":
                if not isinstance(value, Mapping) or any(name not in value for name in rule):
                    return False
            case "items":
                if not isinstance(value, list) or not all(_plainly_valid(rule, v) for v in value):
                    return False
            case "format":
                if not isinstance(value, str) or not _FORMATS.conforms(value, rule):
                    return False
            case _:
                if keyword not in _ANNOTATIONS:
                    return False
    return True


def _problems(tool: Tool, error: ValidationError) -> Iterator[ArgumentProblem]:
    path = ".".join(str(p) for p in error.absolute_path)
    match error.validator:
        case "type":
            mode = FailureMode.WRONG_TYPE
            text = f"{path} must be {_types(error)}, got {show(error.instance)}"
        case "required":
            wanted: Any = error.validator_value
            given: Any = error.instance
            for name in [str(n) for n in wanted if n not in given]:
                full = f"{path}.{name}" if path else name
                mode = FailureMode.MISSING_ARGUMENT
                yield ArgumentProblem(mode=mode, path=full, text=f"{full} is missing")
            return
        case "additionalProperties" | "unevaluatedProperties":
            if not path:
                return
            mode, text = FailureMode.INVENTED_ARGUMENT, f"{path}: {_brief(error)}"
        case _:
            mode, text = FailureMode.SCHEMA_VIOLATION, f"{path}: {_brief(error)}"
    yield ArgumentProblem(mode=mode, path=path, text=text if path else f"{tool.name}: {text}")


def _types(error: ValidationError) -> str:
    wanted = error.validator_value
    return " or ".join(wanted) if isinstance(wanted, list) else str(wanted)


def _brief(error: SchemaError | ValidationError) -> str:
    if isinstance(error, SchemaError) and list(error.absolute_path)[-1:] == ["type"]:
        return f"{show(error.instance)} is no type (there are {', '.join(sorted(_TYPES))})"
    line = error.message.splitlines()[0]
    return line if len(line) <= 160 else line[:159] + "…"


def _validator(tool: Tool) -> Draft202012Validator:
    return _cached_validator(_Key(tool))


class _Key:
    """A tool's parameters as a dictionary key: identity first, so that the common case costs nothing."""

    def __init__(self, tool: Tool) -> None:
        self.tool = tool

    def __hash__(self) -> int:
        return hash(self.tool.name)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Key):
            return NotImplemented
        return self.tool is other.tool or self.tool.parameters == other.tool.parameters


@lru_cache(maxsize=4096)
def _cached_problems(key: _Key) -> tuple[str, ...]:
    return tuple(_schema_problems(key.tool))


@lru_cache(maxsize=4096)
def _cached_validator(key: _Key) -> Draft202012Validator:
    return Draft202012Validator(key.tool.parameters, registry=Registry(), format_checker=_FORMATS)


def sample(schema: Mapping[str, Any]) -> Any:
    """A simple value that fits a schema: its default, first enum value, or the least one of its type."""
    for key in ("default", "const"):
        if key in schema:
            return schema[key]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    match kind:
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
        case "array":
            return [sample(schema.get("items", {}))] * max(1, schema.get("minItems", 1))
        case "object":
            inner = schema.get("properties", {})
            return {n: sample(inner.get(n, {})) for n in schema.get("required", ())}
        case "null":
            return None
    formats = {"date": "2026-01-01", "time": "12:00", "date-time": "2026-01-01T12:00:00"}
    return formats.get(schema.get("format", ""), "x" * max(1, schema.get("minLength", 1)))
