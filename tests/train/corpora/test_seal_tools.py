"""Seal-Tools: one file of tools, requests with labels of outputs; and the real data, whole."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suites.schema import argument_problems
from train.corpora import Converted, Options, load_corpus, numbered
from train.corpora.seal_tools import convert

Check = Callable[[Converted], None]


def tool(name: str, parameters: dict[str, str], responses: dict[str, str]) -> dict[str, Any]:
    def table(types: dict[str, str]) -> dict[str, Any]:
        return {k: {"type": v, "description": f"The {k}."} for k, v in types.items()}

    return {
        "api_name": name,
        "api_description": f"{name} it.",
        "field": "Tests/Tests",
        "parameters": table(parameters),
        "required": list(parameters)[:1],
        "responses": table(responses),
    }


TOOLS = [
    tool("findCity", {"name": "str"}, {"city_id": "str", "size": "int", "open": "bool"}),
    tool("getWeather", {"city": "str", "days": "int"}, {"weather": "str"}),
    tool("plan Trip", {"weather": "str", "size": "int"}, {"plan": "str"}),
]


def call(api: str, parameters: Any, *labels: int) -> dict[str, Any]:
    return {"api": api, "parameters": parameters, "responses": [f"API_call_{n}" for n in labels]}


def row(*calling: Any) -> dict[str, Any]:
    return {"id": "r", "query": "Plan my trip to Oslo.", "calling": list(calling)}


CITY = call("findCity", {"name": "Oslo"}, 0, 1, 2)
WEATHER = call("getWeather", {"city": "API_call_0", "days": 2}, 3)
PLAN = call("plan Trip", {"weather": "API_call_3", "size": "API_call_1"}, 4)


def converted(*rows: Any, options: Options = Options()) -> Converted:  # noqa: B008
    return convert(numbered([*TOOLS, *rows], "s"), options)


def test_independent_calls_are_one_parallel_turn_with_their_tools(round_trip: Check) -> None:
    other = call("getWeather", {"city": "Rome", "days": "3"}, 3)
    found = converted(row(CITY, other))
    (example,) = found.examples
    assert [t.name for t in example.dialogue.tools] == ["findCity", "getWeather"]
    assert example.dialogue.tools[1].required == ("city",)
    assert [m.role for m in example.dialogue.messages] == ["user", "assistant"]
    calls = example.dialogue.messages[-1].calls
    assert [c.arguments for c in calls] == [{"name": "Oslo"}, {"city": "Rome", "days": 3}]
    assert found.counts["numbers_from_text"] == 1
    assert (found.counts["rows"], found.counts["tools"]) == (1, 3)
    round_trip(found)


def test_references_are_nested_steps_with_the_value_of_their_own_field(round_trip: Check) -> None:
    found = converted(row(CITY, WEATHER, PLAN))
    (example,) = found.examples
    _, first, city, second, weather, third = example.dialogue.messages
    result = json.loads(city.content)
    assert sorted(result) == ["city_id", "open", "size"]
    assert [c.name for c in first.calls] == ["findCity"]
    assert second.calls[0].arguments == {"city": result["city_id"], "days": 2}
    assert weather.name == "getWeather"
    assert third.calls[0].name == "plan_Trip"
    assert third.calls[0].arguments == {
        "weather": json.loads(weather.content)["weather"],
        "size": result["size"],
    }
    assert isinstance(result["size"], int)
    assert (found.counts["made_up_results"], found.counts["nested"]) == (2, 1)
    assert found.examples == converted(row(CITY, WEATHER, PLAN)).examples
    round_trip(found)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("x", "row"),
        ({"query": "q"}, "row"),
        (row(), "row"),
        ({**row(CITY), "query": ""}, "turns"),
        (row("x"), "calls"),
        (row(call("findCity", "Oslo")), "calls"),
        (row({**CITY, "responses": [1]}), "calls"),
        (row(WEATHER), "reference"),
        (row(WEATHER, CITY), "reference"),
        (row(CITY, call("getWeather", {"city": "API_call_0 response"})), "reference"),
        (row(CITY, call("getWeather", {"city": ["API_call_0"]})), "reference"),
        (row({**CITY, "responses": [f"API_call_{n}" for n in range(5)]},
             call("getWeather", {"city": "API_call_4"})), "reference"),
        (row(call("findTown", {"name": "Oslo"})), "invented_tool"),
        (row(call("findCity", {})), "missing_argument"),
        (row(call("findCity", {"name": "Oslo", "zip": 1})), "invented_argument"),
        (row(call("getWeather", {"city": "Oslo", "days": "two"})), "wrong_type"),
        (row(CITY, call("getWeather", {"city": "API_call_2"})), "wrong_type"),
    ],
)  # fmt: skip
def test_what_is_broken_is_left_out_by_reason(given: Any, expected: str) -> None:
    assert converted(given).reasons == {expected: 1}


def test_a_name_that_no_tool_may_have_is_left_out_on_demand() -> None:
    found = converted(row(CITY, WEATHER, PLAN), options=Options(rename_tools=False))
    assert found.reasons == {"tools": 1}


# --- the real data ----------------------------------------------------------------------------------


def test_the_real_data_convert_with_exactly_these_counts(data: Path) -> None:
    found = load_corpus("seal-tools", data / "seal-tools")
    assert dict(found.counts) == {
        "rows": 2054,
        "examples": 2010,
        "calls": 5404,
        "made_up_results": 110,
        "model_turns": 2072,
        "nested": 55,
        "numbers_from_text": 130,
        "renamed_tools": 1,
        "tools": 4076,
    }
    assert found.reasons == {"tools": 2, "reference": 2, "wrong_type": 40}
    assert len({e.id for e in found.examples}) == 2010
    kept = load_corpus("seal-tools", data / "seal-tools", options=Options(keep_violations=True))
    assert kept.reasons == {"tools": 2, "reference": 2}
    assert kept.counts["kept_wrong_type"] == 44


def test_every_real_call_obeys_its_tool_and_refers_to_nothing_unsaid(data: Path) -> None:
    for example in load_corpus("seal-tools", data / "seal-tools").examples:
        tools = {t.name: t for t in example.dialogue.tools}
        told = ""
        for message in example.dialogue.messages:
            told += message.content if message.role == "tool" else ""
            for made in message.calls:
                assert argument_problems(tools[made.name], made.arguments) == []
                assert "API_call" not in json.dumps(made.arguments)
        for turn in [m for m in example.dialogue.messages if m.calls][1:]:
            values = [v for c in turn.calls for v in c.arguments.values()]
            assert any(json.dumps(v) in told for v in values), example.id


def test_real_examples_go_round_through_the_dialects(data: Path, round_trip: Check) -> None:
    found = load_corpus("seal-tools", data / "seal-tools")
    nested = [e for e in found.examples if len(e.dialogue.messages) > 2]
    round_trip(Converted(examples=(*found.examples[::20], *nested)))
