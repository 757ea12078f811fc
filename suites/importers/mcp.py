"""The tools of an MCP server, from the answer to `tools/list`: a toolbox for cases still to be written.

    {"tools": [...]}     {"jsonrpc": "2.0", "id": 1, "result": {"tools": [...]}}     [...]

A tool has a name, an inputSchema of type object, and mostly a description; its other fields (title,
outputSchema, annotations, icons, …) say nothing to a model and are not read. A list may hold OpenAI tools
and plain ones, too. Several files make one toolbox. A tool is skipped if its schema is unsound, its name
cannot be a function's, or another tool has it.
"""

from typing import Any

from suites.errors import SuiteError
from suites.forms import tool_from
from suites.importers.base import Imported
from suites.importers.building import Rows
from suites.importers.schemas import refuse_unsound_tool
from suites.importers.source import Source
from suites.model import Tool

__all__ = ["read"]

_READ = ("name", "description", "inputSchema")


def read(source: Source) -> Imported:
    """All tools of the source, without cases. Errors: SuiteError if there is no list of tools, or no JSON."""
    rows = Rows()
    found: dict[str, Tool] = {}
    lists = 0
    notes: list[str] = []
    names = [n for n in source.names if n.endswith(".json")]
    for name in sorted(names or (source.names if len(source.names) == 1 else ())):
        value = source.json(name)
        listed = _tools(value)
        place = source.place(name)
        if listed is None:
            rows.skip(place, "is no answer to tools/list")
            continue
        lists += 1
        if _result(value).get("nextCursor"):
            notes.append(f"{place} is one page of several: its nextCursor was not followed")
        for i, item in enumerate(listed):
            try:
                _add(item, found)
            except SuiteError as error:
                rows.skip(f"{place}: tools.{i}", error)
    if not lists:
        remedy = 'give a .json file that holds {"tools": [...]}'
        raise SuiteError(f"holds no answer to tools/list: {remedy}", file=source.name)
    return Imported(
        about=f"Tools of {source.name}",
        version=source.version or "unknown",
        licence="unknown",
        toolbox=tuple(found.values()),
        skipped=tuple(rows.skipped),
        notes=("Tools without cases: a toolbox to write cases for.", *notes),
    )


def _result(value: Any) -> dict[str, Any]:
    if isinstance(value, dict) and isinstance(value.get("result"), dict):
        value = value["result"]
    return value if isinstance(value, dict) else {}


def _tools(value: Any) -> list[Any] | None:
    listed = value if isinstance(value, list) else _result(value).get("tools")
    return listed if isinstance(listed, list) else None


def _add(item: Any, found: dict[str, Tool]) -> None:
    if isinstance(item, dict) and "inputSchema" in item:
        schema = item["inputSchema"]
        if not isinstance(schema, dict) or schema.get("type") != "object":
            raise SuiteError(f"tool {item.get('name')!r} needs an inputSchema of type object")
        item = {k: item[k] for k in _READ if item.get(k) is not None}
    elif isinstance(item, dict) and "parameters" not in item and "function" not in item:
        raise SuiteError(f"tool {item.get('name')!r} has no inputSchema")
    tool = tool_from(item)
    refuse_unsound_tool(tool)
    if tool.name not in found:
        found[tool.name] = tool
    elif found[tool.name] != tool:
        raise SuiteError(f"tool {tool.name!r} stands twice with different content")
