"""ToolACE: tools in the system text, calls as `[Name Of Tool(arg="x")]`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from train.corpora import Converted, load_corpus, numbered
from train.corpora.toolace import convert

Check = Callable[[Converted], None]
TRENDS = {
    "name": "Market Trends API",
    "description": "Latest trends [by type]",
    "parameters": {
        "type": "dict",
        "properties": {
            "trend_type": {"description": "Type", "type": "string"},
            "limit": {"description": "Most", "type": "int", "default": 3},
            "filter": {"type": "dict"},
            "ids": {"type": "array", "items": {"type": "int"}},
        },
        "required": ["trend_type"],
    },
    "required": None,
}
RAIN = {
    "name": "rain.today",
    "description": "Rain",
    "parameters": {"type": "dict", "properties": {}},
}
SYSTEM = (
    "You are an expert in composing functions. You are given a question and a set of possible functions.\n"
    "The current time is 2024-10-25 09:00.\n"
    "Here is a list of functions in JSON format that you can invoke:\n"
    f"{json.dumps([TRENDS, RAIN])}. \nShould you decide to return the function call(s). "
    "Put it in the format of "
    "[func1(params_name=params_value, params_name2=params_value2...), func2(params)]\n"
)  # fmt: skip
CALLS = '[Market Trends API(trend_type="IN [A], (B)=1", ids=[1, 2]), rain.today()]'
RESULTS = json.dumps(
    [
        {"name": "rain.today", "results": {"mm": 3}},
        {"name": "Market Trends API", "results": {"up": ["S&P"]}},
    ]
)


def row(*turns: tuple[str, str], system: Any = SYSTEM) -> dict[str, Any]:
    said = [("user", "Trends and rain?"), *turns]
    return {"system": system, "conversations": [{"from": f, "value": v} for f, v in said]}


def reasons(given: Any) -> dict[str, int]:
    return convert(numbered([given], "t")).reasons


def test_a_row_as_published_becomes_one_example(round_trip: Check) -> None:
    given = row(("assistant", CALLS), ("tool", RESULTS), ("assistant", "S&P is up; 3 mm of rain."))
    converted = convert(numbered([given], "t"))
    (example,) = converted.examples
    system, _, act, rain, trends, _ = example.dialogue.messages
    assert system.content == "The current time is 2024-10-25 09:00."
    assert [c.name for c in act.calls] == ["Market_Trends_API", "rain.today"]
    assert act.calls[0].arguments == {"trend_type": "IN [A], (B)=1", "ids": [1, 2]}
    assert (rain.name, rain.content) == ("rain.today", '{"mm":3}')
    assert (trends.name, trends.content) == ("Market_Trends_API", '{"up":["S&P"]}')
    tool = example.dialogue.tools[0]
    assert tool.parameters["type"] == "object"
    assert tool.properties["limit"] == {"description": "Most", "type": "integer", "default": 3}
    assert converted.counts["renamed_tools"] == 1
    round_trip(converted)


def test_json_words_among_the_literals_are_read() -> None:
    call = '[Market Trends API(trend_type="A", filter={"a": true, "b": null, "c": False})]'
    (example,) = convert(numbered([row(("assistant", call))], "t")).examples
    arguments = example.dialogue.messages[-1].calls[0].arguments
    assert arguments["filter"] == {"a": True, "b": None, "c": False}


def test_a_refusal_is_a_reply_without_a_call(round_trip: Check) -> None:
    converted = convert(numbered([row(("assistant", "None of the functions can do it."))], "t"))
    assert converted.counts["answers"] == 1
    round_trip(converted)


def test_results_without_names_belong_to_the_calls_in_their_order() -> None:
    (example,) = convert(
        numbered([row(("assistant", CALLS), ("tool", "[1, 2]"), ("assistant", "Done."))], "t")
    ).examples
    said = [(m.name, m.content) for m in example.dialogue.messages if m.role == "tool"]
    assert said == [("Market_Trends_API", "1"), ("rain.today", "2")]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("x", "row"),
        ({"system": SYSTEM}, "row"),
        (row(("assistant", "Hi."), system=None), "row"),
        (row(("assistant", "Hi."), system="No tools here [1]."), "tools"),
        (row(("assistant", "Hi."), system=f"{SYSTEM[:600]}"), "tools"),
        ({"system": SYSTEM, "conversations": ["x"]}, "row"),
        (row(("robot", "Hi.")), "row"),
        (row(("assistant", "[Market Trends API('A')]")), "calls"),
        (row(("assistant", "[Market Trends API(trend_type=A)]")), "calls"),
        (row(("assistant", "[Market Trends API(trend_type=os.getcwd())]")), "calls"),
        (row(("assistant", '[Market Trends API(trend_type="A"]')), "calls"),
        (row(("assistant", '[Market Trends API(trend_type="A") and so on')), "calls"),
        (row(("assistant", '[Market Trends API(trend_type="A")] Done.')), "calls"),
        (row(("assistant", '[Market Trends API(trend_type="A", trend_type="B")]')), "calls"),
        (row(("assistant", "[1] A list.")), "calls"),
        (row(("assistant", 'I call [Market Trends API(trend_type="A")]')), "text"),
        (row(("assistant", "[Market Trends API(limit=3)]")), "missing_argument"),
        (row(("assistant", '[Market Trends API(trend_type="A", page=3)]')), "invented_argument"),
        (row(("assistant", '[Market Trends API(trend_type="A", limit="few")]')), "wrong_type"),
        (row(("assistant", "[snow()]")), "invented_tool"),
        (row(("assistant", CALLS), ("tool", "rain and trends"), ("assistant", "A.")), "results"),
        (row(("assistant", "[rain.today()]"), ("tool", RESULTS)), "results"),
        (row(("assistant", "A."), ("assistant", "B.")), "turns"),
        (row(), "turns"),
    ],
)
def test_what_is_broken_is_left_out_by_reason(given: Any, expected: str) -> None:
    assert reasons(given) == {expected: 1}


def test_the_sample_converts_whole(data: Path, round_trip: Check) -> None:
    file = data / "train-format-samples" / "data" / "fixtures" / "toolace_sample.jsonl"
    converted = load_corpus("toolace", file)
    assert converted.skipped == ()
    assert [len(e.dialogue.messages) for e in converted.examples] == [4, 2, 4]
    assert converted.examples[2].dialogue.tools[0].name == "User_Feed_Video_Posts_V2"
    round_trip(converted)
