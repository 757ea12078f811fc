"""The compiled checks of schemas against jsonschema run plainly, and the memory that they keep."""

import gc
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.exceptions import UnknownType, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from suites import builtin_suites, select
from suites.compiled import FORMATS
from suites.judge import judge
from suites.model import (
    Accept,
    Call,
    Case,
    Expectation,
    ExpectedCall,
    FailureMode,
    Message,
    Reply,
    Tool,
)
from suites.mutate import mutations
from suites.schema import argument_problems, show

Told = list[tuple[FailureMode, str, str]]  # mode, path, text

SUITES = [f"{name}/{split}" for name, split in builtin_suites()]


def plain(tool: Tool, arguments: Mapping[str, Any]) -> Told:
    """What jsonschema alone says about a call, in the words of the judge; nothing is compiled or cached."""
    found: Told = [
        (
            FailureMode.INVENTED_ARGUMENT,
            name,
            f"{tool.name} has no parameter {name!r} (given {show(value)})",
        )
        for name, value in arguments.items()
        if name not in tool.properties
    ]
    library = Draft202012Validator(tool.parameters, registry=Registry(), format_checker=FORMATS)
    try:
        errors = sorted(
            library.iter_errors(dict(arguments)), key=lambda e: [str(p) for p in e.path]
        )
    except (Unresolvable, OverflowError, ValueError, RecursionError) as error:
        text = f"{tool.name}: the arguments cannot be checked ({error})"
        return [(FailureMode.SCHEMA_VIOLATION, "", text)]
    except UnknownType as error:
        text = f"{tool.name}: its schema has an unknown type {error.type!r}"
        return [(FailureMode.SCHEMA_VIOLATION, "", text)]
    found += [told for error in errors for told in _told(tool, error)]
    return list(dict.fromkeys(found))


def _told(tool: Tool, error: ValidationError) -> Iterator[tuple[FailureMode, str, str]]:
    path = ".".join(str(p) for p in error.absolute_path)
    rule: Any = error.validator_value
    given_value: Any = error.instance
    if error.validator == "required":
        for name in rule:
            if name not in given_value:
                full = f"{path}.{name}" if path else name
                yield FailureMode.MISSING_ARGUMENT, full, f"{full} is missing"
        return
    line = error.message.splitlines()[0]
    line = line if len(line) <= 160 else line[:159] + "…"
    mode, text = FailureMode.SCHEMA_VIOLATION, f"{path}: {line}"
    if error.validator == "type":
        kinds = " or ".join(rule) if isinstance(rule, list) else str(rule)
        mode, text = FailureMode.WRONG_TYPE, f"{path} must be {kinds}, got {show(given_value)}"
    elif error.validator in ("additionalProperties", "unevaluatedProperties"):
        if not path:
            return
        mode = FailureMode.INVENTED_ARGUMENT
    yield mode, path, text if path else f"{tool.name}: {text}"


def told(tool: Tool, arguments: Mapping[str, Any]) -> Told:
    return [(p.mode, p.path, p.text) for p in argument_problems(tool, arguments)]


@pytest.mark.parametrize("name", SUITES)
def test_every_call_of_the_built_in_suites_has_the_faults_that_jsonschema_finds(name: str) -> None:
    compared = 0
    for case in select([name]).parts[0].cases:
        golds = [wanted.gold() for wanted in case.expectation.calls]
        broken = [call for mutation in mutations(case) for call in mutation.reply.calls]
        for call in (*golds, *broken):
            tool = case.tool(call.name)
            if tool is not None:
                assert told(tool, call.arguments) == plain(tool, call.arguments), (case.id, call)
                compared += 1
    assert compared or name.startswith("smoke")


# --- schemas and values of any form -----------------------------------------------------------------

NAMES = st.sampled_from(["a", "b", "c", "1"])
NUMBERS = st.sampled_from([0, 1, -1, 2, 5, 1.0, 0.5, 5.5, -0.0, 10**20])
SCALARS = st.sampled_from(
    [None, True, False, 0, 1, -1, 5, 1.0, 5.5, 10**20, "", "a", "ab", "1", "2026-02-28", "1430"]
)
VALUES = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3),
    st.dictionaries(NAMES, SCALARS, max_size=3),
    st.lists(st.lists(SCALARS, max_size=1) | st.dictionaries(NAMES, SCALARS, max_size=2)),
    st.dictionaries(NAMES, st.lists(SCALARS, max_size=2), max_size=2),
)
KINDS = st.sampled_from(["string", "integer", "number", "boolean", "array", "object", "null"])
LENGTHS = st.integers(0, 2)
LEAVES: dict[str, st.SearchStrategy[Any]] = {
    "type": KINDS | st.lists(KINDS, min_size=1, max_size=2, unique=True),
    "enum": st.lists(VALUES, max_size=3),
    "const": VALUES,
    "required": st.lists(NAMES, max_size=2, unique=True),
    "minimum": NUMBERS,
    "maximum": NUMBERS,
    "exclusiveMinimum": NUMBERS,
    "exclusiveMaximum": NUMBERS,
    "multipleOf": st.sampled_from([1, 2, 0.5]),
    "minLength": LENGTHS,
    "maxLength": LENGTHS,
    "pattern": st.sampled_from(["^a", "[0-9]"]),
    "format": st.sampled_from(["date", "time", "date-time", "email"]),
    "minItems": LENGTHS,
    "maxItems": LENGTHS,
    "uniqueItems": st.booleans(),
    "minProperties": LENGTHS,
    "maxProperties": LENGTHS,
    "dependentRequired": st.just({"a": ["b"]}),
    "additionalProperties": st.booleans(),
    "default": VALUES,
    "description": st.just("x"),
}
LEAF_SCHEMAS = st.booleans() | st.fixed_dictionaries({}, optional=LEAVES)
APPLYING: dict[str, st.SearchStrategy[Any]] = {
    "items": LEAF_SCHEMAS,
    "properties": st.dictionaries(NAMES, LEAF_SCHEMAS, max_size=3),
    "additionalProperties": LEAF_SCHEMAS,
    "patternProperties": st.dictionaries(st.just("^[ab]"), LEAF_SCHEMAS),
    "prefixItems": st.lists(LEAF_SCHEMAS, min_size=1, max_size=2),
    "contains": LEAF_SCHEMAS,
    "anyOf": st.lists(LEAF_SCHEMAS, min_size=1, max_size=2),
    "oneOf": st.lists(LEAF_SCHEMAS, min_size=1, max_size=2),
    "not": LEAF_SCHEMAS,
    "unevaluatedProperties": st.booleans(),
    "$ref": st.sampled_from(["#/properties/a", "#/properties/b", "https://x.org/y"]),
}
NESTED = st.sampled_from(sorted(APPLYING)).flatmap(
    lambda key: st.fixed_dictionaries({key: APPLYING[key]}, optional={"type": KINDS})
)
DEEP = st.fixed_dictionaries(
    {}, optional={"properties": st.dictionaries(NAMES, NESTED, max_size=2), "items": NESTED}
)
WHOLE = {
    "required": st.lists(NAMES, max_size=2, unique=True),
    "additionalProperties": st.booleans(),
    "minProperties": LENGTHS,
    "$defs": st.just({"x": {"type": "string"}}),
}


@st.composite
def near(draw: st.DrawFn, schema: Any) -> Any:
    """A value that a schema may well allow: of its type, of its enum, with its properties."""
    if not isinstance(schema, dict) or draw(st.integers(0, 7)) == 0:
        return draw(VALUES)
    if schema.get("enum") and draw(st.booleans()):
        return draw(st.sampled_from(schema["enum"]))
    if "properties" in schema:
        names = draw(st.lists(NAMES, max_size=3, unique=True))
        return {n: draw(near(schema["properties"].get(n))) for n in names}
    if "items" in schema:
        return [draw(near(schema["items"])) for _ in range(draw(LENGTHS))]
    return draw(VALUES)


@settings(max_examples=500)
@given(
    properties=st.dictionaries(NAMES, LEAF_SCHEMAS | NESTED | DEEP, min_size=1, max_size=3),
    whole=st.fixed_dictionaries({}, optional=WHOLE),
    data=st.data(),
)
def test_any_schema_and_arguments_have_the_faults_that_jsonschema_finds(
    properties: dict[str, Any], whole: dict[str, Any], data: st.DataObject
) -> None:
    schema = {"type": "object", "properties": properties, **whole}
    tool = Tool(name="f", parameters=schema)
    for _ in range(3):
        arguments = data.draw(near(schema))
        if isinstance(arguments, dict):
            assert told(tool, arguments) == plain(tool, arguments)


SAMPLES: list[Any] = [
    *(None, True, False, 0, 1, -1, 2, 5, 1.0, 0.5, 5.5, -0.0, 10**20, 10**400),
    *(float("inf"), float("nan"), "", "a", "b", "ab", "1", "5", "2026-02-28", "2026-02-29"),
    *("14:30", "1430", "2026-03-05T10:00", [], [1], [True], [1.0], ["a", "a"], [[1], [True]]),
    *({}, {"a": 0}, {"a": False}, {"a": 0.0}, {"b": 1}, {"a": 1, "b": 2}, {"a": {"b": [1]}}),
]
RULES: dict[str, list[Any]] = {
    "type": [
        *("string", "integer", "number", "boolean", "array", "object", "null", "strng", 7),
        *(["string", "null"], ["integer", "boolean"], ["object", "strng"], []),
    ],
    "enum": [["a", "b"], [1, "1"], [True], [1.0], [[1], {"a": 0}], [None], [], "ab"],
    "const": SAMPLES,
    "required": [["a"], ["a", "b"], [], "a", [1]],
    "minimum": [0, 1.0, -5.5, 10**400, float("nan"), True, "1"],
    "maximum": [0, 1.0, 5.5, 10**400, float("nan"), True, "1"],
    "exclusiveMinimum": [0, 1.0],
    "exclusiveMaximum": [0, 1.0],
    "multipleOf": [1, 0.5, 0.01],
    "minLength": [0, 1, 2],
    "maxLength": [0, 1, 2],
    "pattern": ["^a", "[0-9]"],
    "format": ["date", "time", "date-time", "email"],
    "minItems": [0, 1, 2],
    "maxItems": [0, 1],
    "uniqueItems": [True, False],
    "minProperties": [0, 1, 2],
    "maxProperties": [0, 1],
    "dependentRequired": [{"a": ["b"]}],
    "additionalProperties": [True, False, {"type": "integer"}],
    "properties": [{"a": {"type": "integer"}}, {"a": False}, {"a": True}, {"a": {}}, [1]],
    "items": [{"type": "integer"}, {}, True, False, {"items": {"type": "boolean"}}],
    "anyOf": [[{"type": "string"}, {"type": "null"}]],
    "nullable": [True],
}


@pytest.mark.parametrize("keyword", RULES)
def test_each_keyword_finds_what_jsonschema_finds(keyword: str) -> None:
    """Every rule, unsound ones included, with every value: the same faults, or the same exception."""
    for rule in RULES[keyword]:
        tool = Tool(name="f", parameters={"type": "object", "properties": {"a": {keyword: rule}}})
        for value in SAMPLES:
            given_value = {"a": value}
            assert _tried(told, tool, given_value) == _tried(plain, tool, given_value), (
                rule,
                value,
            )


def _tried(
    judging: Callable[[Tool, dict[str, Any]], Told], tool: Tool, arguments: dict[str, Any]
) -> Told | str:
    try:
        return judging(tool, arguments)
    except Exception as error:
        return repr(error)


def test_sibling_keywords_are_read_together() -> None:
    objects: dict[str, Any] = {"type": "object", "additionalProperties": False}
    schemas: list[dict[str, Any]] = [
        {**objects, "properties": {"a": {"type": "integer"}}, "required": ["a"]},
        {**objects, "properties": {}, "patternProperties": {"^b": {"type": "integer"}}},
        {"prefixItems": [{"type": "string"}], "items": {"type": "integer"}},
        {"prefixItems": [{"type": "string"}], "items": False},
        {"contains": {"type": "integer"}, "minContains": 2},
        {"properties": {"a": {}}, "unevaluatedProperties": False},
        {"if": {"type": "integer"}, "then": {"minimum": 2}, "else": {"type": "string"}},
        {"$ref": "#/properties/b"},
        {"$ref": "#"},
    ]
    for schema in schemas:
        properties = {"a": schema, "b": {"type": "integer", "minimum": 1}}
        tool = Tool(name="f", parameters={"type": "object", "properties": properties})
        for value in SAMPLES:
            assert told(tool, {"a": value, "b": 0}) == plain(tool, {"a": value, "b": 0})


def test_order_of_the_keywords_is_the_order_of_the_faults() -> None:
    """Two schemas that differ in nothing else are equal for Python, and each keeps its own order."""
    rules: dict[str, Any] = {"minimum": 5, "multipleOf": 2}
    swapped = dict(reversed(rules.items()))
    tools = [
        Tool(name="f", parameters={"type": "object", "properties": {"a": a}})
        for a in (rules, swapped)
    ]
    found = [told(tool, {"a": 3}) for tool in tools]
    assert found == [plain(tool, {"a": 3}) for tool in tools]
    assert found[0] == found[1][::-1] != found[1]


def test_copy_of_a_tool_with_other_parameters_is_checked_by_those() -> None:
    tool = Tool(name="f", parameters={"type": "object", "properties": {"a": {"type": "string"}}})
    assert told(tool, {"a": "x"}) == []
    other = {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]}
    for deep in (False, True):
        copied = tool.model_copy(update={"parameters": other}, deep=deep)
        assert told(copied, {"b": 1}) == []
        assert [path for _, path, _ in told(copied, {"a": "x"})] == ["a", "b"]
    assert told(tool, {"a": "x"}) == []


# --- memory -----------------------------------------------------------------------------------------


def _short_lived(number: int) -> Case:
    """A case with a tool of its own."""
    properties = {f"a{number}": {"type": "string"}, "n": {"type": "integer", "minimum": number}}
    schema = {"type": "object", "properties": properties, "required": ["n"]}
    wanted = ExpectedCall(name="f", arguments={"n": Accept(any_of=(number,))})
    return Case(
        id="x",
        group="x",
        tools=(Tool(name="f", parameters=schema),),
        messages=(Message(role="user", content="x"),),
        expectation=Expectation(calls=(wanted,)),
    )


def test_a_hundred_thousand_verdicts_need_no_more_memory_than_a_thousand() -> None:
    """3,500 tools come and go; what is kept of them stays below one number of entries."""

    def judge_many(first: int, tools: int, replies: int) -> int:
        for number in range(first, first + tools):
            case = _short_lived(number)
            for i in range(replies):
                reply = Reply(calls=(Call(name="f", arguments={"n": number - i % 2}),))
                assert judge(case, reply).passed is (i % 2 == 0)
        gc.collect()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        return peak

    tracemalloc.start()
    try:
        thousand = judge_many(0, 1000, 1)
        hundred_thousand = judge_many(1000, 2500, 40)
    finally:
        tracemalloc.stop()
    assert hundred_thousand - thousand < 3_500_000
