"""Constrained mode: what a call must look like once the model has opened it, as a structural tag.

Text stays free; whether to call at all stays the model's decision. After the tag that opens a call, only a
well-formed call of an offered tool with arguments of its schema can follow, in the order in which the schema
lists them. So `malformed`, invented tools and schema violations become rare by force, which is why this is a
mode of its own and never compared with free runs without a word. A case without tools is asked without a
constraint.

The form is that of xgrammar 0.2 (`structural_tag`, as vLLM 0.32 takes it). What its JSON Schema does not
enforce, or reads otherwise than JSON Schema 2020-12, is listed here by its absence: a tool whose schema uses
anything but the keywords below gets any JSON object as arguments (see `loose`). Formats are annotations, here
as in the judge. Strings of limited length are without quotes, backslashes and control characters (the
library's own rule for them would let those through); half a surrogate pair (`\\ud83d`) is excluded.
"""

import json
from collections.abc import Sequence
from typing import Any

from bench.dialects import DIALECTS, Dialect
from bench.dialects.tagged import CLOSE, OPEN
from bench.errors import UsageError
from suites import Tool

__all__ = ["CONSTRAINED", "loose", "refuse_engine", "structural_tag"]

CONSTRAINED = ("gemma", "chatml", "qwen", "qwen2.5", "qwen3-2507")
"""The dialects that write calls as `<tool_call>{"name": …, "arguments": {…}}</tool_call>`."""

_ENGINES = ("vllm", "server")
_BLANK = 2
_BLANKS = {"type": "regex", "pattern": f"[ \\n]{{0,{_BLANK}}}"}
_SURROGATES = ("\\ud", "\\uD")
_FREE = {"type": "object"}
_DEPTH = 32
_NOTES = ("$schema", "title", "description", "default", "examples", "format", "deprecated")
_VALUES = ("type", "enum", "const", "required")
_LIMITS = (
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("minLength", "maxLength", "minItems", "maxItems"),
)
_TYPES = ("string", "integer", "number", "boolean", "array", "object", "null")


def structural_tag(dialect: Dialect, tools: Sequence[Tool]) -> str | None:
    """JSON text of the structural tag for calls of these tools; None without tools.

    Errors: UsageError for a dialect without tagged JSON calls.
    """
    if dialect.name not in CONSTRAINED:
        raise UsageError(
            f"--constrained knows no grammar for the calls of dialect {dialect.name!r}",
            known=[name for name in DIALECTS if name in CONSTRAINED],
        )
    if not tools:
        return None
    calls = [_call(tool) for tool in tools]
    call = calls[0] if len(calls) == 1 else {"type": "or", "elements": calls}
    content = {"type": "sequence", "elements": [_BLANKS, call, _BLANKS]}
    tag = {"type": "tag", "begin": OPEN, "content": content, "end": CLOSE}
    free = {"type": "triggered_tags", "triggers": [OPEN], "tags": [tag]}
    return json.dumps({"type": "structural_tag", "format": free}, ensure_ascii=False)


def loose(tool: Tool) -> str | None:
    """Why the tool's arguments are held to being a JSON object only, or None if its schema is enforced."""
    try:
        _narrowed(tool.parameters, _names(tool.parameters))
    except _LooseError as reason:
        return str(reason)
    return None


def refuse_engine(engine: str) -> None:
    """Errors: UsageError unless the engine of this name can constrain what it generates."""
    if engine not in _ENGINES:
        raise UsageError(
            f"--constrained needs an engine with structured output, which {engine!r} is not: "
            f"add --engine {_ENGINES[0]}"
        )


class _LooseError(ValueError):
    """A schema that the grammar would not enforce as it is meant."""


def _call(tool: Tool) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "type": "object",
        "properties": {"name": {"const": tool.name}, "arguments": _FREE},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }
    try:
        arguments = _narrowed(tool.parameters, _names(tool.parameters))
    except _LooseError:
        return _json(shape)
    if "$defs" in arguments:  # references are looked up at the root
        shape["$defs"] = arguments.pop("$defs")
    shape["properties"]["arguments"] = {"type": "object", **arguments}
    return _json(shape)


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    # Without a limit, a model can write blanks until its budget is spent.
    more: dict[str, Any] = {"max_whitespace_cnt": _BLANK, "excludes": list(_SURROGATES)}
    return {"type": "json_schema", "json_schema": schema, **more}


def _names(schema: dict[str, Any]) -> frozenset[str]:
    defs = schema.get("$defs")
    return frozenset(defs) if isinstance(defs, dict) else frozenset()


def _narrowed(schema: Any, defs: frozenset[str], depth: int = 0) -> dict[str, Any]:
    """The schema without annotations. defs: the names that references may have. Errors: _LooseError."""
    if schema is True:
        return {}
    if not isinstance(schema, dict):
        raise _LooseError("a schema that allows nothing")
    if depth > _DEPTH:
        raise _LooseError("a schema nested too deeply")
    found: dict[str, Any] = {}
    for keyword, rule in schema.items():
        if keyword in _NOTES:
            continue
        match keyword:
            case "properties":
                found[keyword] = {k: _narrowed(v, defs, depth + 1) for k, v in rule.items()}
            case "items":
                found[keyword] = _narrowed(rule, defs, depth + 1)
            case "additionalProperties":
                found[keyword] = rule if rule is False else _narrowed(rule, defs, depth + 1) or True
            case "anyOf":
                found[keyword] = [_narrowed(s, defs, depth + 1) for s in rule]
            case "$defs" if depth == 0:
                found[keyword] = {k: _narrowed(v, defs, depth + 1) for k, v in rule.items()}
            case "$ref" if str(rule).removeprefix("#/$defs/") in defs:
                found[keyword] = rule
            case _ if keyword in _VALUES or keyword in _LIMITS:
                found[keyword] = rule
            case _:
                raise _LooseError(keyword)
    _refuse_company(found, depth)
    if "minLength" in found or "maxLength" in found:
        least, most = found.pop("minLength", 0), found.pop("maxLength", "")
        found["pattern"] = f'^[^"\\\\\\x00-\\x1f\\x7f]{{{least},{most}}}$'
    return found


def _refuse_company(schema: dict[str, Any], depth: int) -> None:
    """Keywords that the grammar reads alone, in company that it would overlook."""
    rest = set(schema) - {"$defs"}
    for keyword in ("$ref", "anyOf", "const"):
        if (
            keyword in rest
            and len(rest) > 1
            and not (keyword == "const" and rest <= {"type", "const"})
        ):
            raise _LooseError(f"{keyword} beside other keywords")
    values = json.dumps([schema.get("enum"), schema.get("const")], ensure_ascii=False)
    if any(half in values for half in _SURROGATES):
        raise _LooseError("a value with a backslash before ud")
    if "enum" in rest and rest - {"enum", "type"}:
        raise _LooseError("enum beside other keywords")
    types = schema.get("type")
    for kind in types if isinstance(types, list) else [types]:
        if kind is not None and kind not in _TYPES:
            raise _LooseError(f"type {kind!r}")
    typed = {*_LIMITS, "properties", "required", "items", "additionalProperties"}
    if depth and types is None and rest & typed:  # they would leave values of other types free
        raise _LooseError("limits without a type")
    if set(schema.get("required", ())) - set(schema.get("properties", ())):
        raise _LooseError("required without its property")
