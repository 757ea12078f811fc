"""A `tools/list` result of an MCP server becomes a toolbox."""

from collections.abc import Callable
from typing import Any

import pytest

from suites.errors import SuiteError
from suites.importers import Source
from suites.importers.mcp import read

Make = Callable[..., Source]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"location": {"type": "string"}, "deep": True},
    "required": ["location"],
}
# The form of the protocol's own example, with every optional field.
WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "title": "Weather",
    "description": "Get current weather information for a location",
    "inputSchema": SCHEMA,
    "outputSchema": {"type": "object"},
    "annotations": {"readOnlyHint": True},
    "icons": [],
    "execution": {"taskSupport": "optional"},
    "_meta": {"a": 1},
}
NOW = {"name": "now", "inputSchema": {"type": "object"}}


@pytest.mark.parametrize(
    "answer",
    [
        {"tools": [WEATHER, NOW]},
        {"jsonrpc": "2.0", "id": 1, "result": {"tools": [WEATHER, NOW]}},
        [WEATHER, NOW],
    ],
)
def test_a_list_of_tools_with_or_without_its_envelope(source_of: Make, answer: Any) -> None:
    found = read(source_of({"tools.json": answer}))
    assert [t.name for t in found.toolbox] == ["get_weather", "now"]
    assert found.toolbox[0].parameters == SCHEMA
    assert found.toolbox[0].description == WEATHER["description"]
    assert found.toolbox[1].parameters == {"type": "object", "properties": {}}
    assert found.cases == ()
    assert found.skipped == ()


def test_unsound_tools_are_skipped_one_by_one(source_of: Make) -> None:
    tools = [
        WEATHER,
        {**WEATHER, "description": "Another."},
        WEATHER,
        {"name": "a", "inputSchema": {"type": "string"}},
        {"name": "b", "inputSchema": {"type": "object", "properties": {"x": {"type": "dict"}}}},
        {"name": "c", "inputSchema": {"type": "object", "required": ["x"]}},
        {"name": "d", "inputSchema": {"type": "object", "properties": {"x": {"pattern": "("}}}},
        {"name": "e/f", "inputSchema": {"type": "object"}},
        {"name": "g", "description": "no schema"},
        {"function": {"name": "plain", "parameters": {"type": "object", "properties": {}}}},
        7,
    ]
    found = read(source_of({"tools.json": {"tools": tools, "nextCursor": "more"}}))
    assert [t.name for t in found.toolbox] == ["get_weather", "plain"]
    assert [s.where for s in found.skipped] == [
        f"given/tools.json: tools.{i}" for i in (1, 3, 4, 5, 6, 7, 8, 10)
    ]
    assert any("nextCursor" in note for note in found.notes)


def test_files_that_are_no_lists_are_named_and_nothing_at_all_is_refused(source_of: Make) -> None:
    found = read(source_of({"a.json": {"tools": [NOW]}, "package.json": {"name": "x"}}))
    assert [s.where for s in found.skipped] == ["given/package.json"]
    with pytest.raises(SuiteError, match="tools/list"):
        read(source_of({"package.json": {"name": "x"}}))
    with pytest.raises(SuiteError, match="broken JSON"):
        read(source_of({"tools.json": "{"}))
