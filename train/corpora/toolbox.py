"""The tools of a row as ours, and the names under which the row calls them.

Read: OpenAI entries, plain definitions and flat tables of Python types (`{"p": {"type": "str, optional"}}`).
A flat parameter is required unless its type says optional or it has a default; a list `required` beside
the table, where there is one, decides instead. Nulls of a table's columns mean that nothing stands there.
Further rules of schemas stand in `suites.importers.schemas`; a schema that is unsound after them leaves
the row out.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from suites import SuiteError, Tool
from suites.importers.schemas import plain_tool
from train.corpora.base import DEFAULTS, Options, Tally, UnfitError
from train.corpora.python_types import python_type

__all__ = ["Toolbox", "legal_name", "read_tool", "read_tools"]

_LEGAL = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]{0,127}")
_OWN = ("name", "description", "parameters", "inputSchema", "required")
_VALUES = ("const", "enum", "default", "examples")


@dataclass(frozen=True, kw_only=True)
class Toolbox:
    """The tools on offer; names: as the row writes a tool -> its name with us."""

    tools: tuple[Tool, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)

    def find(self, name: str) -> Tool | None:
        """The tool of that name, as the row writes it or as we do."""
        wanted = self.names.get(name, name)
        return next((t for t in self.tools if t.name == wanted), None)


def read_tools(values: Iterable[Any], options: Options, tally: Tally) -> Toolbox:
    """The tools of a row; the same one twice counts once. Errors: UnfitError."""
    tools: dict[str, Tool] = {}
    names: dict[str, str] = {}
    for value in values:
        original, tool = read_tool(value, options)
        if tool.name in tools and (tools[tool.name] != tool or original not in names):
            raise UnfitError("tools", f"two different tools are called {tool.name!r}")
        if original != tool.name and original not in names:
            tally["renamed_tools"] += 1
        tools[tool.name] = tool
        names[original] = tool.name
    return Toolbox(tools=tuple(tools.values()), names=names)


def read_tool(value: Any, options: Options = DEFAULTS) -> tuple[str, Tool]:
    """(the name as it is written, the tool). Errors: UnfitError."""
    if isinstance(value, dict) and isinstance(value.get("function"), dict):
        value = value["function"]
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise UnfitError("tools", "a tool must be a mapping with a name")
    raw = {k: value[k] for k in _OWN if value.get(k) is not None}
    original = raw["name"]
    raw["name"] = legal_name(original, options)
    key = "inputSchema" if "inputSchema" in raw else "parameters"
    parameters = raw.get(key, {})
    if isinstance(parameters, list) and not parameters:
        parameters = {}
    if not isinstance(parameters, dict):
        raise UnfitError("tools", f"the parameters of {original!r} are no mapping")
    try:
        parameters = _without_nulls(parameters)
        if _is_schema(parameters):
            raw[key] = _worded(parameters)
        else:
            raw[key] = _flat(parameters, raw.pop("required", None))
        return original, plain_tool(raw)
    except RecursionError:
        raise UnfitError("tools", f"the schema of {original!r} is nested too deeply") from None
    except (SuiteError, ValueError) as error:
        raise UnfitError("tools", f"{original!r}: {error}") from None


def legal_name(name: str, options: Options = DEFAULTS) -> str:
    """The name as a tool may have it: letters, digits, `_`, `.` and `-`. Errors: UnfitError."""
    if _LEGAL.fullmatch(name):
        return name
    if not options.rename_tools:
        raise UnfitError("tools", f"{name!r} is no name for a tool")
    plain = re.sub(r"[^A-Za-z0-9_.\-]+", "_", name).strip("_")
    if not re.search(r"[A-Za-z0-9]", plain):
        raise UnfitError("tools", f"{name!r} is no name for a tool")
    return (plain if _LEGAL.match(plain[0]) else f"_{plain}")[:128]


def _is_schema(parameters: Mapping[str, Any]) -> bool:
    """A JSON Schema, not a table of parameters (one of which may be called `type` or `properties`)."""
    if not parameters or isinstance(parameters.get("type"), str):
        return True
    inner = parameters.get("properties")
    return isinstance(inner, dict) and not isinstance(inner.get("type"), str)


def _flat(parameters: Mapping[str, Any], required: Any) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    needed: list[str] = []
    for name, given in parameters.items():
        schema = {"type": given} if isinstance(given, str) else given
        if not isinstance(schema, dict):
            raise ValueError(f"parameter {name!r} is no mapping")
        plain = {k: v for k, v in schema.items() if k != "type"}
        optional = "default" in plain
        kind = schema.get("type")
        if isinstance(kind, str):
            read, may_lack = python_type(kind)
            plain, optional = {**read, **plain}, optional or may_lack
        elif kind is not None:
            plain["type"] = kind
        says = plain.pop("required", None) if isinstance(plain.get("required"), bool) else None
        if says is True or (says is None and not optional):
            needed.append(name)
        properties[name] = _worded(plain)
    if isinstance(required, list):
        needed = required
    schema_object: dict[str, Any] = {"type": "object", "properties": properties}
    if needed:
        schema_object["required"] = needed
    return schema_object


def _worded(schema: Any) -> Any:
    """The schema with types such as `List[int]` in JSON's words; plain words are read elsewhere."""
    if not isinstance(schema, dict):
        return schema
    plain = dict(schema)
    kind = plain.get("type")
    if isinstance(kind, str) and ("[" in kind or "|" in kind or "," in kind):
        del plain["type"]
        plain = {**python_type(kind)[0], **plain}
    if isinstance(plain.get("properties"), dict):
        plain["properties"] = {k: _worded(v) for k, v in plain["properties"].items()}
    if isinstance(plain.get("items"), dict):
        plain["items"] = _worded(plain["items"])
    return plain


def _without_nulls(schema: Any) -> Any:
    """The schema without null columns; values (enum, default, …) stay as they are, but for a null itself."""
    if isinstance(schema, list):
        return [_without_nulls(s) for s in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        k: v if k in _VALUES and not isinstance(v, dict) else _without_nulls(v)
        for k, v in schema.items()
        if v is not None
    }
