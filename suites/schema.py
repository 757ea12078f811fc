"""JSON Schema (2020-12) of tool parameters: is it sound, and does a call obey it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, UnknownType
from referencing.exceptions import Unresolvable

from suites.compiled import Check, Fault, compiled, validator
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

Kept = TypeVar("Kept")


@dataclass(frozen=True, kw_only=True)
class ArgumentProblem:
    """One fault of one argument: its failure mode, its dotted path and a sentence with the values."""

    mode: FailureMode
    path: str
    text: str


def show(value: Any, limit: int = 80) -> str:
    """JSON text of a value, cut to `limit` characters: for reasons and messages."""
    text = repr(value) if isinstance(value, str) or type(value) is int else canonical(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def schema_problems(tool: Tool) -> tuple[str, ...]:
    """What is wrong with a tool's parameters as JSON Schema 2020-12; nothing when they are sound."""
    return _kept(_LINTS, tool, lambda t: tuple(_schema_problems(t)))


def _schema_problems(tool: Tool) -> list[str]:
    schema = tool.parameters
    try:
        if not _plainly_sound(schema):
            Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        where = ".".join(str(p) for p in error.absolute_path) or "parameters"
        fault = _brief(error.message)
        if list(error.absolute_path)[-1:] == ["type"]:
            fault = f"{show(error.instance)} is no type (there are {', '.join(sorted(_TYPES))})"
        return [f"is no JSON Schema (2020-12): {where}: {fault}"]
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
    root = validator(tool.parameters)  # references of a property start from the whole schema
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
    unknown = [name for name in arguments if name not in properties]
    try:
        faults = _check(tool)(arguments if type(arguments) is dict else dict(arguments))
    except (Unresolvable, OverflowError, ValueError, RecursionError) as error:
        # A reference that nothing resolves; a number too large for multipleOf; a schema that eats itself.
        text = f"{tool.name}: the arguments cannot be checked ({error})"
        return [ArgumentProblem(mode=FailureMode.SCHEMA_VIOLATION, path="", text=text)]
    except UnknownType as error:
        text = f"{tool.name}: its schema has an unknown type {error.type!r}"
        return [ArgumentProblem(mode=FailureMode.SCHEMA_VIOLATION, path="", text=text)]
    if not unknown and not faults:
        return []
    found = [
        ArgumentProblem(
            mode=FailureMode.INVENTED_ARGUMENT,
            path=name,
            text=f"{tool.name} has no parameter {name!r} (given {show(arguments[name])})",
        )
        for name in unknown
    ]
    if len(faults) > 1:
        faults = sorted(faults, key=lambda f: list(map(str, f.path)))
    for fault in faults:
        found += _problems(tool, fault)
    if len(found) > 1:
        return list({(p.mode, p.path, p.text): p for p in found}.values())
    return found


_TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")


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


def _problems(tool: Tool, fault: Fault) -> Iterator[ArgumentProblem]:
    path = ".".join(map(str, fault.path))
    match fault.keyword:
        case "type":
            mode = FailureMode.WRONG_TYPE
            wanted = " or ".join(fault.rule) if isinstance(fault.rule, list) else str(fault.rule)
            text = f"{path} must be {wanted}, got {show(fault.value)}"
        case "required":
            for name in [str(n) for n in fault.rule if n not in fault.value]:
                full = f"{path}.{name}" if path else name
                mode = FailureMode.MISSING_ARGUMENT
                yield ArgumentProblem(mode=mode, path=full, text=f"{full} is missing")
            return
        case "additionalProperties" | "unevaluatedProperties":
            if not path:
                return
            mode, text = FailureMode.INVENTED_ARGUMENT, f"{path}: {_brief(fault.message)}"
        case _:
            mode, text = FailureMode.SCHEMA_VIOLATION, f"{path}: {_brief(fault.message)}"
    yield ArgumentProblem(mode=mode, path=path, text=text if path else f"{tool.name}: {text}")


def _brief(message: str) -> str:
    line = message.splitlines()[0]
    return line if len(line) <= 160 else line[:159] + "…"


# --- what is kept between calls ---------------------------------------------------------------------

_MOST = 2048  # of about 2 kB each
_CHECKS: dict[bytes, Check] = {}
_LINTS: dict[bytes, tuple[str, ...]] = {}


def _check(tool: Tool) -> Check:
    return _CHECKS.get(tool.digest) or _kept(_CHECKS, tool, lambda t: compiled(t.parameters))


def _kept(known: dict[bytes, Kept], tool: Tool, make: Callable[[Tool], Kept]) -> Kept:
    """What was made of these very parameters, whichever tool has them; a full store starts anew."""
    found = known.get(tool.digest)
    if found is None:
        found = make(tool)
        if len(known) >= _MOST:
            known.clear()
        known[tool.digest] = found
    return found


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
