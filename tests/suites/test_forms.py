"""One case, many ways to write it: the short form, fields, the wire form of chat APIs, MCP tools."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suites import builtin_suites, load_suite, select
from suites.forms import case_from, tool_from
from suites.model import Case, Message, Suite, Tool

SHORT = """\
tools:
  get_weather:
    description: Weather now.
    parameters:
      city: {type: string}
      unit?: {type: string, enum: [celsius, fahrenheit], default: celsius}
  set_volume:
    description: Set the volume.
    parameters: {level: integer}
cases:
- id: next
  group: g
  category: c
  tags: [t]
  note: n
  tools: [get_weather, set_volume]
  system: Be brief.
  user: Set the volume to the temperature in Bergen.
  thought: I need the weather.
  model: {function_call: {name: get_weather, arguments: {city: Bergen}}}
  tool: {temp_c: 7, wind: [1, 2.5, null, true], sky: "böig"}
  expect: {function_call: {name: set_volume, arguments: {level: {any_of: [7, 8], within: 0.5}}}}
- id: told
  tools: [get_weather]
  history:
  - user: Rain in Bergen?
  - model: {function_calls: [{name: get_weather, arguments: {city: Bergen}},
      {name: get_weather, arguments: {city: Voss}}]}
    tool: [dry, {rain: true}]
  - model: It rains in Voss.
  user: And where is it dry?
  words: [dry]
  answer: {facts: [Bergen, [1, one]], absent: [Voss], if_missing: no_answer}
  reply: It is dry in Bergen, 1 city.
"""
PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": "string"},
        "unit": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
    },
    "required": ["city"],
}
VOLUME = {"type": "object", "properties": {"level": {"type": "integer"}}, "required": ["level"]}
PLAIN = [
    {"name": "get_weather", "description": "Weather now.", "parameters": PARAMETERS},
    {"name": "set_volume", "description": "Set the volume.", "parameters": VOLUME},
]
OPENAI = [{"type": "function", "function": {**tool, "strict": True}} for tool in PLAIN]
MCP = [
    {
        "name": tool["name"],
        "title": "A title",
        "description": tool["description"],
        "inputSchema": tool["parameters"],
        "outputSchema": {"type": "object"},
        "annotations": {"readOnlyHint": True},
    }
    for tool in PLAIN
]
RESULT = '{"temp_c":7,"wind":[1,2.5,null,true],"sky":"böig"}'
BERGEN, VOSS = {"city": "Bergen"}, {"city": "Voss"}


def _ours(*arguments: dict[str, Any]) -> dict[str, Any]:
    calls = [{"name": "get_weather", "arguments": a} for a in arguments]
    return {"role": "assistant", "calls": calls}


def _wire(*arguments: dict[str, Any]) -> dict[str, Any]:
    calls = [
        {
            "id": f"call_{i}",
            "type": "function",
            "function": {"name": "get_weather", "arguments": json.dumps(a)},
        }
        for i, a in enumerate(arguments)
    ]
    return {"role": "assistant", "content": None, "refusal": None, "tool_calls": calls}


def _fields(tools: list[Any], wire: bool) -> list[dict[str, Any]]:
    made = _wire if wire else _ours
    keys = [{"tool_call_id": "call_0"}, {"tool_call_id": "call_1"}] if wire else [{}, {}]
    reported = [
        {"role": "tool", **key, "content": content}
        for key, content in zip(keys, ["dry", {"rain": True}], strict=True)
    ]
    level = {"any_of": [7, 8], "within": 0.5}
    return [
        {
            "id": "next",
            "group": "g",
            "category": "c",
            "tags": ["t"],
            "note": "n",
            "tools": tools,
            "messages": [
                {"role": "developer" if wire else "system", "content": "Be brief."},
                {"role": "user", "content": "Set the volume to the temperature in Bergen."},
                {**made(BERGEN), "thought": "I need the weather."},
                {"role": "tool", "content": RESULT},
            ],
            "expectation": {"calls": [{"name": "set_volume", "arguments": {"level": level}}]},
        },
        {
            "id": "told",
            "tools": tools[:1],
            "messages": [
                {"role": "user", "content": "Rain in Bergen?"},
                made(BERGEN, VOSS),
                *reported,
                {"role": "assistant", "content": "It rains in Voss."},
                {"role": "user", "content": [{"type": "text", "text": "And where is it dry?"}]},
            ],
            "expectation": {
                "no_call": "answer",
                "words": ["dry"],
                "text": "It is dry in Bergen, 1 city.",
                "answer": {
                    "facts": ["Bergen", [1, "one"]],
                    "absent": [{"any_of": ["Voss"]}],
                    "if_missing": "no_answer",
                },
            },
        },
    ]


@pytest.mark.parametrize("tools", [PLAIN, OPENAI, MCP], ids=["plain", "openai", "mcp"])
@pytest.mark.parametrize("wire", [False, True], ids=["fields", "wire"])
def test_all_forms_give_equal_cases(
    write_suite: Callable[..., Path], write_lines: Callable[..., Path], tools: Any, wire: bool
) -> None:
    short = load_suite(write_suite(SHORT))
    folder = write_lines(*_fields(tools, wire))
    (folder / "dev.yaml").unlink()
    lines = load_suite(folder)
    assert lines.cases == short.cases
    assert lines.hash == short.hash


def test_fields_may_stand_in_yaml_and_the_short_form_in_json_lines(
    write_suite: Callable[..., Path], write_lines: Callable[..., Path]
) -> None:
    from_yaml = load_suite(write_suite(json.dumps(_fields(PLAIN, wire=False))))
    short = {"user": "Hi.", "no_call": "answer", "reply": "Hi."}
    assert from_yaml.cases == load_suite(write_suite(SHORT)).cases
    (folder := write_lines(short)).joinpath("dev.yaml").unlink()
    (case,) = load_suite(folder).cases
    assert case.messages == (Message(role="user", content="Hi."),)


@pytest.mark.parametrize(("name", "split"), builtin_suites())
def test_fields_of_every_built_in_case_load_to_the_same_case(name: str, split: str) -> None:
    for case in select([f"{name}/{split}"]).parts[0].cases:
        raw = json.loads(case.model_dump_json())
        assert case_from(raw, default_id="other") == case


GUIDE = """\
- user: "What's the weather in Paris?"
  model:
    function_call:
      name: getWeather
      arguments:
        city: "Paris"
"""


def test_example_of_the_guide_loads_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "guide.yaml"
    file.write_text(GUIDE, encoding="utf-8")
    suite = load_suite(file)
    (case,) = suite.cases
    assert (suite.name, suite.split) == ("guide", "dev")
    assert (case.id, case.group) == ("guide-001", "guide-001")
    assert case.messages == (Message(role="user", content="What's the weather in Paris?"),)
    assert case.expectation.calls[0].gold().arguments == {"city": "Paris"}
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    assert case.tools == (Tool(name="getWeather", parameters=schema),)
    assert case.tags == ("inferred-tool",)


def test_inferred_tool_has_the_type_of_every_argument(suite_of: Callable[..., Suite]) -> None:
    gold = {"a": 1, "b": 1.5, "c": True, "d": ["x"], "e": {"k": 1}, "f": "s", "g": None}
    raw = {"user": "x", "model": {"function_call": {"name": "f", "arguments": gold}}}
    (tool,) = suite_of(raw).cases[0].tools
    types = [tool.properties[k].get("type") for k in gold]
    assert types == ["integer", "number", "boolean", "array", "object", "string", None]
    assert tool.required == tuple(gold)


def test_short_parameters_know_optional_defaults_and_type_words() -> None:
    raw = {"a": "string", "b?": "integer", "c": {"type": "number", "default": 1.5}}
    tool = tool_from({"parameters": raw}, "f")
    assert tool.parameters == {
        "type": "object",
        "properties": {
            "a": {"type": "string"},
            "b": {"type": "integer"},
            "c": {"type": "number", "default": 1.5},
        },
        "required": ["a"],
    }


@pytest.mark.parametrize("raw", [{"name": "f"}, {"name": "f", "parameters": {}}])
def test_tool_may_have_no_parameters(raw: dict[str, Any]) -> None:
    tool = tool_from(raw)
    assert (tool.properties, tool.required) == ({}, ())


def test_results_without_ids_are_named_by_the_order_of_their_calls() -> None:
    calls = [{"name": "f"}, {"name": "g"}]
    messages = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "calls": calls},
        {"role": "tool", "content": {"a": 1}},
        {"role": "tool", "content": [1, 2]},
    ]
    expectation = {"no_call": "answer", "text": "ok"}
    case = case_from({"messages": messages, "expectation": expectation}, default_id="x")
    assert [(m.name, m.content) for m in case.messages[2:]] == [("f", '{"a":1}'), ("g", "[1,2]")]


def test_results_with_ids_are_named_by_their_call_in_any_order() -> None:
    calls = [{"id": f"id-{name}", "function": {"name": name}} for name in "fg"]
    messages = [
        {"role": "user", "content": "x"},
        {"role": "assistant", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "id-g", "content": "of g"},
        {"role": "tool", "tool_call_id": "id-f", "content": "of f"},
    ]
    expectation = {"no_call": "answer", "text": "ok"}
    case = case_from({"messages": messages, "expectation": expectation}, default_id="x")
    assert [(m.name, m.content) for m in case.messages[2:]] == [("g", "of g"), ("f", "of f")]


def test_value_that_only_looks_like_acceptable_values_is_a_value() -> None:
    value = {"any_of": [1], "colour": "red"}
    call = {"name": "f", "arguments": {"a": value}}
    case: Case = case_from({"user": "x", "expect": {"function_call": call}}, default_id="x")
    assert case.expectation.calls[0].arguments["a"].any_of == (value,)


def test_defaults_of_a_file_apply_where_a_case_says_nothing(
    write_suite: Callable[..., Path],
) -> None:
    text = (
        "defaults: {system: Be brief., no_call: decline}\n"
        "cases:\n- {user: a, reply: no}\n- {user: b, reply: ok, no_call: ask, system: Be kind.}\n"
    )
    first, second = load_suite(write_suite(text)).cases
    assert (first.expectation.kind, first.messages[0].content) == ("decline", "Be brief.")
    assert (second.expectation.kind, second.messages[0].content) == ("ask", "Be kind.")
