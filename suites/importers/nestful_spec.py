"""NESTFUL's tool files: tools as JSON Schema, and results made up from what a tool says it gives back.

NESTFUL publishes no results. A value of a result is, in this order:

1. the value that the call itself gave under the same name (a real service repeats it), if it fits
2. one of the values that the output, or the argument that takes it, lists: one that the request says, else
   one drawn by the hash of its place
3. an opaque value drawn by the hash of its place and typed by the output: `SKYI-4821`, 4821, true
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from suites.errors import SuiteError
from suites.importers.schemas import plain_schema, plain_tool
from suites.model import Tool
from suites.words import says_any

__all__ = ["Spec", "choose_tools", "drawn", "made_up", "spec_from"]

_MOST_TOOLS, _USUAL_TOOLS = 12, 8
_PARAMETERS = ("query_parameters", "path_parameters", "parameters", "arguments")
_ALLOWED = ("enum", "allowed_values", "possible_values")
_KEPT = ("type", "description", "items", "properties", "format", "required", "default")
_TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
_COMMON = frozenset(
    (
        *("add", "analyze", "calculate", "check", "convert", "create", "find", "generate"),
        *("get", "id", "list", "make", "new", "of", "play", "recommend"),
        *("reserve", "search", "send", "set", "show", "the", "track", "update"),
        *("validate", "by", "for", "to", "in", "api"),
    )
)


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A tool, and output field -> its JSON Schema."""

    tool: Tool
    outputs: Mapping[str, dict[str, Any]]


def spec_from(obj: Any) -> Spec:
    """A tool of a NESTFUL spec file. Errors: SuiteError if it is none.

    A parameter without a type takes text. One that does not say whether it is required is optional, unless
    its tool marks the optional ones (`optional: true`): then it is required.
    """
    if not isinstance(obj, dict):
        raise SuiteError("a tool must be a mapping")
    given: dict[str, Any] = {}
    for key in _PARAMETERS:
        part = obj.get(key)
        if part is not None and not isinstance(part, dict):
            raise SuiteError(f"{key} is no mapping")
        given.update(part or {})
    marks = any(isinstance(p, dict) and p.get("optional") is True for p in given.values())
    properties = {name: _parameter(name, p, marks) for name, p in given.items()}
    description = obj.get("description")
    tool = plain_tool(
        {
            "name": obj.get("name"),
            "description": description if isinstance(description, str) else "",
            "parameters": {"type": "object", "properties": properties},
        }
    )
    outputs = obj.get("output_parameters")
    outputs = outputs if isinstance(outputs, dict) else {}
    return Spec(tool=tool, outputs={k: _output(v) for k, v in outputs.items()})


def _parameter(name: str, value: Any, marks: bool) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SuiteError(f"parameter {name!r} is no mapping")
    schema = {k: value[k] for k in _KEPT if k in value}
    kind = schema.setdefault("type", "string")
    if isinstance(kind, str) and kind.lower() == "enum":
        schema["type"] = "string"
    elif isinstance(kind, str) and kind.lower().startswith("date"):
        schema["type"] = "string"
        schema["description"] = f"{schema.get('description', '')} ({kind})".strip()
    if not isinstance(schema.get("required"), bool | list):
        schema["required"] = marks and value.get("optional") is not True
    if "default_value" in value:
        schema["default"] = value["default_value"]
    allowed = [value[k] for k in _ALLOWED if isinstance(value.get(k), list) and value[k]]
    if allowed:
        schema["enum"] = allowed[0]
    limits = [value[k] for k in _ALLOWED if isinstance(value.get(k), str)]
    if limits:
        schema["description"] = f"{schema.get('description', '')} ({limits[0]})".strip()
    return schema


def _output(value: Any) -> dict[str, Any]:
    """The schema of an output: its type, inner fields and listed values, and nothing else."""
    plain = plain_schema(value)
    schema: dict[str, Any] = {}
    if isinstance(plain.get("type"), str) and plain["type"] in _TYPES:
        schema["type"] = plain["type"]
    if isinstance(plain.get("properties"), dict):
        schema["properties"] = {k: _output(v) for k, v in plain["properties"].items()}
    if isinstance(plain.get("items"), dict):
        schema["items"] = _output(plain["items"])
    listed = [plain[k] for k in _ALLOWED if isinstance(plain.get(k), list) and plain[k]]
    if listed:
        schema["enum"] = listed[0]
    return schema


# --- results ----------------------------------------------------------------------------------------


def made_up(
    schema: Mapping[str, Any], *, place: str, name: str, takers: Iterable[Any] = (), request: str
) -> Any:
    """A value of an output field (rules 2 and 3 at the top); takers: schemas of what takes the value."""
    rule = dict(schema)
    takers = [t for t in takers if isinstance(t, dict)]
    for taker in takers:
        if "type" not in rule and "type" in taker:
            rule["type"] = taker["type"]
        if isinstance(taker.get("enum"), list):
            both = [v for v in rule.get("enum", taker["enum"]) if v in taker["enum"]]
            rule["enum"] = both or taker["enum"]
        if "format" in taker:
            rule.setdefault("format", taker["format"])
    listed = rule.get("enum")
    if isinstance(listed, list) and listed:
        said = [v for v in listed if isinstance(v, str) and v and says_any(request, (v,))]
        return said[0] if said else listed[drawn(place) % len(listed)]
    return _opaque(rule, place, name, request)


def _opaque(rule: Mapping[str, Any], place: str, name: str, request: str) -> Any:
    kind = rule.get("type")
    kind = kind[0] if isinstance(kind, list) and kind else kind
    number = 1000 + drawn(place) % 9000
    match kind:
        case "integer" | "number":
            return number
        case "boolean":
            return number % 2 == 0
        case "array":
            items = rule.get("items")
            items = items if isinstance(items, dict) else {"type": "string"}
            places = (f"{place}[{i}]" for i in range(2))
            return [made_up(items, place=p, name=name, request=request) for p in places]
        case "object":
            inner = rule.get("properties")
            fields = list(inner.items())[:4] if isinstance(inner, dict) and inner else [("id", {})]
            return {k: made_up(s, place=f"{place}.{k}", name=k, request=request) for k, s in fields}
    if rule.get("format") == "date":
        return f"2031-{1 + number % 12:02}-{1 + number % 28:02}"
    letters = re.sub(r"[^A-Z]", "", name.upper())[:4] or "ID"
    return f"{letters}-{number}"


def drawn(place: str) -> int:
    """A number drawn by the sha256 of a place: the same on every machine."""
    return int.from_bytes(
        hashlib.sha256(place.encode("utf-8", "surrogatepass")).digest()[:6], "big"
    )


# --- tools on offer ---------------------------------------------------------------------------------


def choose_tools(used: Iterable[str], specs: Mapping[str, Spec], place: str) -> tuple[Tool, ...]:
    """The used tools and others of the same file, 8 in all where the used ones leave room, never over 12.

    An added tool shares no telling word of its name with a used one, so that none could stand in for it.
    Errors: SuiteError if more than 12 are used.
    """
    names = list(dict.fromkeys(used))
    if len(names) > _MOST_TOOLS:
        raise SuiteError(f"uses {len(names)} tools, more than {_MOST_TOOLS}")
    taken = {word for name in names for word in _name_words(name)}
    others = [n for n in specs if n not in names and not _name_words(n) & taken]
    others.sort(key=lambda n: drawn(f"{place} {n}"))
    names += others[: max(0, _USUAL_TOOLS - len(names))]
    names.sort(key=lambda n: drawn(f"{place} order {n}"))
    return tuple(specs[n].tool for n in names)


def _name_words(name: str) -> set[str]:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return {w.removesuffix("s") for w in re.findall(r"[a-z0-9]+", spaced.lower())} - _COMMON
