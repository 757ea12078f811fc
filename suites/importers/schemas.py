"""Tools as others write them, as JSON Schema (2020-12): type words, misplaced keywords, values given as text.

What is rewritten, and nothing else:

- type words of other languages and cases (`dict`, `float`, `STRING`, `str, optional`, `List[int]`);
  `any` means no type; `nullable: true` adds the type null
- `required` inside a property (true or false) or beside `parameters`, which means the list of JSON Schema
- `properties: null`, `required: null`, and properties that are null (columns that a table filled up)
- sub-schemas `true` and `false`, in their long form
- an enum value or default that is a number as text where the type says number, if it is exactly one; a
  default that still does not fit its own type is dropped

All else stays as it was, and a tool that is unsound after this is refused.
"""

import re
from typing import Any

from suites.errors import SuiteError
from suites.forms import tool_from
from suites.model import Tool
from suites.schema import argument_problems, schema_problems

__all__ = ["exact", "plain_schema", "plain_tool", "refuse_unsound_tool"]

_WORDS = {
    "object": ("dict", "object", "map", "hashmap", "mapping", "json"),
    "array": ("list", "array", "tuple", "set", "arraylist"),
    "string": ("str", "string", "char", "text"),
    "integer": ("int", "integer", "long", "short", "byte"),
    "number": ("float", "number", "double", "decimal"),
    "boolean": ("bool", "boolean"),
    "null": ("null", "none", "nonetype"),
}
_TYPES = {word: name for name, words in _WORDS.items() for word in words}
_ANY = "any"
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})")
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d{0,14})\.\d{1,14}")


def plain_tool(obj: Any) -> Tool:
    """A tool from an OpenAI, MCP or plain definition, its schema in plain JSON Schema.

    Errors: SuiteError if it is no tool, or its schema is unsound.
    """
    if isinstance(obj, dict) and isinstance(obj.get("function"), dict):
        obj = obj["function"]
    if isinstance(obj, dict):
        key = "inputSchema" if "inputSchema" in obj else "parameters"
        obj = {k: v for k, v in obj.items() if v is not None}
        beside = obj.pop("required", None)
        if isinstance(obj.get(key), dict):
            schema = plain_schema(obj[key])
            if isinstance(beside, list) and isinstance(schema.get("properties"), dict):
                schema.setdefault("required", beside)
            obj[key] = schema
    tool = tool_from(obj)
    refuse_unsound_tool(tool)
    return tool


def refuse_unsound_tool(tool: Tool) -> None:
    """Errors: SuiteError with the first thing that is wrong with the tool's schema."""
    _refuse_bad_patterns(tool.parameters, tool.name)
    try:
        problems = schema_problems(tool)
    except RecursionError:
        problems = ("has a schema that refers to itself without end",)
    except (ArithmeticError, TypeError, ValueError) as error:
        problems = (f"has a schema that cannot be checked: {error}",)
    if problems:
        raise SuiteError(f"tool {tool.name!r} {problems[0]}")


def _refuse_bad_patterns(schema: Any, name: str) -> None:
    if isinstance(schema, list):
        for item in schema:
            _refuse_bad_patterns(item, name)
    if not isinstance(schema, dict):
        return
    patterns = schema.get("patternProperties")
    found = [schema.get("pattern"), *(patterns if isinstance(patterns, dict) else ())]
    for pattern in found:
        try:
            re.compile(pattern if isinstance(pattern, str) else "")
        except (re.error, RecursionError, OverflowError):
            raise SuiteError(f"tool {name!r} has a broken pattern {pattern!r}") from None
    for item in schema.values():
        _refuse_bad_patterns(item, name)


def plain_schema(schema: Any) -> dict[str, Any]:
    """A JSON Schema (2020-12) from a schema in another dialect; the rules stand at the top of the module."""
    if not isinstance(schema, dict):
        return {"not": {}} if schema is False else {}
    plain = dict(schema)
    _plain_type(plain)
    if not isinstance(plain.get("required", []), list):
        del plain["required"]
    if "properties" in plain:
        _plain_properties(plain)
    if isinstance(plain.get("items"), dict | bool):
        plain["items"] = plain_schema(plain["items"])
    for key in ("anyOf", "oneOf", "allOf"):
        if isinstance(plain.get(key), list):
            plain[key] = [plain_schema(s) if isinstance(s, dict | bool) else s for s in plain[key]]
    for key in ("$defs", "definitions"):
        if isinstance(plain.get(key), dict):
            plain[key] = {k: plain_schema(s) for k, s in plain[key].items()}
    _plain_values(plain)
    return plain


def _plain_type(plain: dict[str, Any]) -> None:
    if plain.pop("nullable", None) is True and isinstance(plain.get("type"), str):
        plain["type"] = [plain["type"], "null"]
    kind = plain.get("type")
    if isinstance(kind, str):
        plain["type"] = _word(kind)
    elif isinstance(kind, list):
        plain["type"] = [_word(k) if isinstance(k, str) else k for k in kind]
    if plain.get("type") == _ANY or plain.get("type", ...) is None:
        del plain["type"]


def _word(kind: str) -> str:
    word = kind.strip().lower().removesuffix(", optional").partition("[")[0].strip()
    return _ANY if word == _ANY else _TYPES.get(word, kind)


def _plain_properties(plain: dict[str, Any]) -> None:
    inner = plain["properties"]
    if inner is None:
        inner = {}
    if not isinstance(inner, dict):
        return
    given = [n for n in plain.get("required", ()) if isinstance(n, str)]
    said = {k: s["required"] for k, s in inner.items() if _says_required(s)}
    names = [n for n in given if n not in said] + [k for k, needed in said.items() if needed]
    plain["properties"] = {k: plain_schema(s) for k, s in inner.items() if s is not None}
    if said:
        plain["required"] = names
    if plain.get("required") == []:
        del plain["required"]


def _says_required(schema: Any) -> bool:
    return isinstance(schema, dict) and isinstance(schema.get("required"), bool)


def _plain_values(plain: dict[str, Any]) -> None:
    bare = {"type": plain.get("type")}
    if plain.get("enum", ...) is None:
        del plain["enum"]
    if isinstance(plain.get("enum"), list):
        plain["enum"] = [exact(v, bare)[0] for v in plain["enum"]]
    if "default" in plain:
        plain["default"], _ = exact(plain["default"], plain)
        if not _default_fits(plain):
            del plain["default"]


def _default_fits(plain: dict[str, Any]) -> bool:
    """False where the default breaks a schema that is sound without it (null, too, where it means none)."""
    probe = _probe({k: v for k, v in plain.items() if k != "default"})
    try:
        refuse_unsound_tool(probe)
    except SuiteError:
        return True
    return not argument_problems(probe, {"x": plain["default"]})


def _probe(schema: dict[str, Any]) -> Tool:
    return Tool(name="probe", parameters={"type": "object", "properties": {"x": schema}})


def exact(value: Any, schema: Any) -> tuple[Any, int]:
    """(value, how many texts in it became numbers): only texts that are exactly a number, where the
    schema says number or integer and not string; at every depth.
    """
    if not isinstance(schema, dict):
        return value, 0
    if isinstance(value, str):
        kinds = schema.get("type")
        kinds = kinds if isinstance(kinds, list) else [kinds]
        if "string" in kinds:
            return value, 0
        if ("integer" in kinds or "number" in kinds) and _INTEGER.fullmatch(value):
            return int(value), 1
        if "number" in kinds and _DECIMAL.fullmatch(value):
            return float(value), 1
        return value, 0
    if isinstance(value, list):
        pairs = [exact(v, schema.get("items")) for v in value]
        return [v for v, _ in pairs], sum(n for _, n in pairs)
    if isinstance(value, dict):
        inner = schema.get("properties")
        inner = inner if isinstance(inner, dict) else {}
        found = {k: exact(v, inner.get(k)) for k, v in value.items()}
        return {k: v for k, (v, _) in found.items()}, sum(n for _, n in found.values())
    return value, 0
