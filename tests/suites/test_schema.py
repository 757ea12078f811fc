"""JSON Schema of tool parameters: what is sound, what a call breaks, and the sample values."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from suites import builtin_suites, select
from suites.model import FailureMode, Tool
from suites.mutate import mutations
from suites.schema import argument_problems, sample, schema_problems, show

TOOLS = {
    tool.name: tool
    for name, split in builtin_suites()
    for case in select([f"{name}/{split}"]).parts[0].cases
    for tool in case.tools
}


def _tool(required: tuple[str, ...] = (), **properties: Any) -> Tool:
    schema = {"type": "object", "properties": properties, "required": list(required)}
    return Tool(name="f", parameters=schema)


def test_schemas_of_the_built_in_tools_are_sound() -> None:
    assert {name: found for name, t in TOOLS.items() if (found := schema_problems(t))} == {}


def test_sample_of_every_built_in_parameter_fits_its_schema() -> None:
    for tool in TOOLS.values():
        arguments = {name: sample(schema) for name, schema in tool.properties.items()}
        assert argument_problems(tool, arguments) == []


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"type": "object", "properties": {"a": {"type": "strng"}}}, "no JSON Schema"),
        ({"type": "object", "properties": {"a": {"minimum": "1"}}}, "properties.a.minimum"),
        ({"type": "object", "properties": ["a"]}, "no JSON Schema"),
        ({"type": "array", "properties": {}}, "type object"),
        ({"properties": {}}, "type object"),
        ({"type": "object", "properties": {}, "required": ["a"]}, "'a'"),
        ({"type": "object", "properties": {"a": {"type": "integer", "default": "1"}}}, "default"),
        ({"type": "object", "properties": {"a": {"type": "string", "enum": ["x", 1]}}}, "enum"),
        ({"type": "object", "properties": {"a": {"enum": ["x"], "default": "y"}}}, "default"),
        (
            {"type": "object", "properties": {"a": {"$ref": "https://x.org/y", "default": 1}}},
            "nothing is fetched",
        ),
    ],
)
def test_unsound_schema_is_named(parameters: dict[str, Any], word: str) -> None:
    problems = schema_problems(Tool(name="f", parameters=parameters))
    assert len(problems) == 1
    assert word in problems[0]


@pytest.mark.parametrize(
    ("schema", "value", "mode"),
    [
        ({"type": "integer"}, "5", FailureMode.WRONG_TYPE),
        ({"type": "integer"}, True, FailureMode.WRONG_TYPE),
        ({"type": "integer"}, 5.5, FailureMode.WRONG_TYPE),
        ({"type": "integer"}, 5.0, None),
        ({"type": "number"}, 5, None),
        ({"type": "number"}, False, FailureMode.WRONG_TYPE),
        ({"type": ["string", "null"]}, None, None),
        ({"type": ["string", "null"]}, 1, FailureMode.WRONG_TYPE),
        ({"type": "array", "items": {"type": "string"}}, ["a", 1], FailureMode.WRONG_TYPE),
        ({"enum": ["a"]}, "A", FailureMode.SCHEMA_VIOLATION),
        ({"const": 1}, 1.0, None),
        ({"minimum": 1}, 0, FailureMode.SCHEMA_VIOLATION),
        ({"pattern": "^[a-z]+$"}, "A1", FailureMode.SCHEMA_VIOLATION),
        ({"minItems": 1}, [], FailureMode.SCHEMA_VIOLATION),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, 1.5, FailureMode.SCHEMA_VIOLATION),
        ({"format": "date"}, "2026-02-29", FailureMode.SCHEMA_VIOLATION),
        ({"format": "date"}, "2028-02-29", None),
        ({"format": "time"}, "14:30", None),
        ({"format": "time"}, "1430", FailureMode.SCHEMA_VIOLATION),
        ({"format": "date-time"}, "2026-03-05T10:00", None),
        ({"format": "date-time"}, "2026-03-05", FailureMode.SCHEMA_VIOLATION),
        ({"format": "email"}, "not checked", None),
        ({"properties": {"x": {}}, "required": ["x"]}, {}, FailureMode.MISSING_ARGUMENT),
        (
            {"properties": {"x": {}}, "additionalProperties": False},
            {"y": 1},
            FailureMode.INVENTED_ARGUMENT,
        ),
        ({"$ref": "https://x.org/y"}, 1, FailureMode.SCHEMA_VIOLATION),
    ],
)
def test_value_breaks_its_schema_with_the_mode_of_the_fault(
    schema: dict[str, Any], value: Any, mode: FailureMode | None
) -> None:
    found = argument_problems(_tool(a=schema), {"a": value})
    assert [p.mode for p in found] == ([] if mode is None else [mode])


def test_unknown_parameter_counts_even_where_the_schema_allows_it() -> None:
    free = Tool(name="f", parameters={"type": "object", "additionalProperties": True})
    found = argument_problems(free, {"x": 1})
    assert [(p.mode, p.path) for p in found] == [(FailureMode.INVENTED_ARGUMENT, "x")]


def test_fault_names_the_path_and_the_value() -> None:
    tool = _tool(a={"type": "array", "items": {"properties": {"b": {"type": "integer"}}}})
    (found,) = argument_problems(tool, {"a": [{"b": 1}, {"b": "two"}]})
    assert found.path == "a.1.b"
    assert "'two'" in found.text


def test_two_tools_of_one_name_are_checked_by_their_own_schemas() -> None:
    """The validators are cached; the cache must not mix up tools of equal name."""
    text, number = _tool(a={"type": "string"}), _tool(a={"type": "number"})
    for _ in range(2):
        assert argument_problems(text, {"a": "x"}) == argument_problems(number, {"a": 1}) == []
        assert argument_problems(text, {"a": 1})
        assert argument_problems(number, {"a": "x"})


@given(st.recursive(st.text() | st.integers() | st.none(), st.lists), st.integers(2, 90))
def test_shown_value_is_never_longer_than_its_limit(value: Any, limit: int) -> None:
    assert len(show(value, limit)) <= limit


def test_what_passes_here_passes_the_library_and_what_it_refuses_is_a_problem() -> None:
    """The quick ways through schemas and values of common keywords never contradict jsonschema."""
    judged = 0
    for part in select(["arguments", "call/test"]).parts:
        for case in part.cases[::3]:
            for mutation in mutations(case):
                for call in mutation.reply.calls:
                    tool = case.tool(call.name)
                    if tool is None:
                        continue
                    Draft202012Validator.check_schema(tool.parameters)
                    valid = Draft202012Validator(tool.parameters).is_valid(call.arguments)
                    assert valid or argument_problems(tool, call.arguments), (case.id, call)
                    judged += 1
    assert judged > 1000


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "strng"}}},
        {"type": "object", "properties": {"a": {"type": ["string", "strng"]}}},
        {"type": "object", "properties": {"a": {"enum": "b"}}},
        {"type": "object", "properties": {"a": {"minimum": "1"}}},
        {"type": "object", "properties": {"a": {"minimum": True}}},
        {"type": "object", "properties": {"a": {"items": [1]}}},
        {"type": "object", "properties": {"a": 5}},
        {"type": "object", "properties": {}, "required": ["a", "a"]},
        {"type": "object", "properties": {}, "required": "a"},
        {"type": "object", "properties": {"a": {"description": 7}}},
        {"type": "object", "properties": {"a": {"minLength": -1}}},
        {"type": "object", "properties": {"a": {"pattern": "("}}},
    ],
)
def test_what_the_metaschema_refuses_is_a_problem(schema: dict[str, Any]) -> None:
    assert schema_problems(Tool(name="f", parameters=schema))
