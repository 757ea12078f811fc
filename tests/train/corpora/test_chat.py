"""Chat rows as for OpenAI and TRL, and mobile-actions."""

import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from train.corpora import Converted, numbered
from train.corpora.chat import convert, convert_mobile_actions

Check = Callable[[Converted], None]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"type": "string", "enum": ["C", "F"]},
                "near": {"type": ["string", "null"]},
            },
            "required": ["city"],
        },
    },
}


def made(ident: str, arguments: Any, name: str = "get_weather") -> dict[str, Any]:
    return {"id": ident, "type": "function", "function": {"name": name, "arguments": arguments}}


def row(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    asked = {"role": "user", "content": "Oslo and Rome?"}
    return {"messages": [asked, *messages], "tools": [WEATHER], **more}


def said(text: Any, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **more}


TWO = said(None, tool_calls=[made("1", '{"city": "Oslo"}'), made("2", {"city": "Rome"})])


def test_results_come_in_the_order_of_the_calls_that_they_name(round_trip: Check) -> None:
    given = row(
        TWO,
        {"role": "tool", "tool_call_id": "2", "content": [{"type": "text", "text": "hot: 30"}]},
        {"role": "tool", "tool_call_id": "1", "content": {"sky": "grey"}},
        said("Oslo is grey, Rome hot."),
        {"role": "user", "content": "Thanks!"},
    )
    given["messages"].insert(0, {"role": "developer", "content": "Be brief."})
    converted = convert(numbered([given], "o"))
    (example,) = converted.examples
    system, _, act, first, second, _ = example.dialogue.messages
    assert (system.role, system.content) == ("system", "Be brief.")
    assert [c.arguments for c in act.calls] == [{"city": "Oslo"}, {"city": "Rome"}]
    assert (first.content, second.content) == ('{"sky":"grey"}', "hot: 30")
    assert converted.counts["cut_tails"] == 1
    round_trip(converted)


def test_every_turn_of_the_assistant_is_learned_with_its_thought(round_trip: Check) -> None:
    given = row(
        said("", tool_calls=[made("1", '{"city": "Oslo"}')], reasoning_content="First Oslo."),
        {"role": "tool", "content": "grey"},
        said("<think>Now the text.</think>Grey."),
        {"role": "user", "content": "And Rome?"},
        said(None, function_call={"name": "get_weather", "arguments": '{"city": "Rome"}'}),
    )
    converted = convert(numbered([given], "o"))
    turns = [m for m in converted.examples[0].dialogue.messages if m.role == "assistant"]
    assert [t.thought for t in turns] == ["First Oslo.", "Now the text.", None]
    assert converted.counts["thoughts"] == 2
    round_trip(converted)


def test_tables_fill_with_null_what_is_not_there(round_trip: Check) -> None:
    filled = {"city": "Oslo", "unit": None, "near": None, "other": None}
    given = row(said(None, tool_calls=[made("1", filled)], name=None))
    given["tools"] = json.dumps([WEATHER])
    given["messages"] = json.dumps(given["messages"])
    converted = convert(numbered([given], "o"))
    (call,) = converted.examples[0].dialogue.messages[-1].calls
    assert call.arguments == {"city": "Oslo", "near": None}
    assert converted.counts["dropped_nulls"] == 2
    round_trip(converted)


def test_prompt_and_completion_of_trl() -> None:
    given = {"prompt": [{"role": "user", "content": "Hi"}], "completion": [said("Hello.")]}
    (example,) = convert(numbered([given], "o")).examples
    assert [m.content for m in example.dialogue.messages] == ["Hi", "Hello."]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], "row"),
        ({"tools": []}, "row"),
        ({"messages": "no list"}, "row"),
        ({"messages": ["x"]}, "row"),
        (row({"role": "robot", "content": "x"}), "row"),
        (row(said([{"type": "image_url"}])), "row"),
        (row(said("A.", weight=0)), "turns"),
        (row(said("A."), said("B.")), "turns"),
        (row(said("A."), {"role": "system", "content": "B."}), "turns"),
        (row(), "turns"),
        (row(said(None)), "text"),
        (row(said('{"name": "get_weather", "arguments": {"city": "Oslo"}}')), "text"),
        (row(TWO, {"role": "tool", "content": "x"}, said("A.")), "results"),
        (row({"role": "tool", "content": "x"}, said("A.")), "results"),
        (row(TWO, {"role": "tool", "name": "other", "content": "x"}), "results"),
        (row(said(None, tool_calls=[made("1", "{")])), "calls"),
        (row(said(None, tool_calls=[{"function": {"arguments": "{}"}}])), "calls"),
        (row(said(None, tool_calls=[made("1", '{"city": "O", "unit": "K"}')])), "schema_violation"),
        (row(said(None, tool_calls=[made("1", "{}", "f")])), "invented_tool"),
        (row(said(None, tool_calls=[made("1", {"city": float("nan")})])), "calls"),
        (row(said(None, tool_calls=[made("1", {"city": pd.Timestamp(0)})])), "calls"),
        (row(said("A."), tools=[{"function": {"name": "f", "parameters": {"type": "thing"}}}]), "tools"),
        (row(said("A."), tools=7), "tools"),
    ],
)  # fmt: skip
def test_what_is_broken_is_left_out_by_reason(given: Any, expected: str) -> None:
    assert convert(numbered([given], "o")).reasons == {expected: 1}


# --- mobile-actions ---------------------------------------------------------------------------------

NOW = (
    "Current date and time given in YYYY-MM-DDTHH:MM:SS format: 2024-10-20T14:27:48\n"
    "Day of week is Sunday\n"
)
ANNOUNCED = "You are a model that can do function calling with the following functions\n"


def mobile(metadata: str = "train") -> dict[str, Any]:
    event = {
        "function": {
            "name": "create_calendar_event",
            "description": "Creates an event.",
            "parameters": {
                "type": "OBJECT",
                "properties": {
                    "title": {"type": "STRING", "description": "The title."},
                    "datetime": {"type": "STRING", "description": "When."},
                    "body": None,
                },
                "required": ["title", "datetime"],
            },
        }
    }
    light = {
        "function": {
            "name": "turn_on_flashlight",
            "description": "Light.",
            "parameters": {"type": "OBJECT", "properties": {"title": None}, "required": None},
        }
    }
    arguments = {"title": "Lunch", "datetime": "2024-10-24T14:00:00", "body": None}
    return {
        "metadata": metadata,
        "tools": [event, light],
        "messages": [
            {"role": "developer", "content": NOW + ANNOUNCED, "tool_calls": None},
            {"role": "user", "content": "Lunch on Thursday at 2 pm", "tool_calls": None},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"function": {"name": "create_calendar_event", "arguments": arguments}},
                    {"function": {"name": "turn_on_flashlight", "arguments": {"title": None}}},
                ],
            },
        ],
    }


def test_a_row_of_mobile_actions_keeps_the_date_and_not_the_announcement() -> None:
    (example,) = convert_mobile_actions(numbered([mobile()], "m")).examples
    system, _, act = example.dialogue.messages
    assert system.content == NOW.strip()
    assert [c.name for c in act.calls] == ["create_calendar_event", "turn_on_flashlight"]
    assert example.dialogue.tools[0].parameters["type"] == "object"
    assert sorted(example.dialogue.tools[0].properties) == ["datetime", "title"]
    assert example.dialogue.tools[1].properties == {}


def test_arguments_that_a_table_filled_up_are_none_even_without_a_parameter(
    round_trip: Check,
) -> None:
    converted = convert_mobile_actions(numbered([mobile()], "m"))
    assert [c.arguments for c in converted.examples[0].dialogue.messages[-1].calls] == [
        {"title": "Lunch", "datetime": "2024-10-24T14:00:00"},
        {},
    ]
    assert converted.counts["dropped_nulls"] == 2
    round_trip(converted)


def test_evaluation_rows_are_held_out() -> None:
    assert convert_mobile_actions(numbered([mobile("eval")], "m")).reasons == {"held_out": 1}
