"""When2Call's training files: tools of Python types, calls as `<TOOLCALL>` in the text."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from train.corpora import Converted, numbered
from train.corpora.when2call import convert

Check = Callable[[Converted], None]
STATIONS = {
    "name": "get_stations_within_1_km",
    "description": "Fetch the nearest EV charging stations.",
    "parameters": {
        "type": "dict",
        "properties": {
            "region": {"description": "The region code.", "type": "str", "default": ""},
            "latitude": {"description": "The latitude.", "type": "int", "default": "40.733"},
        },
    },
    "required": ["region"],
}
CALL = '<TOOLCALL>[{"name": "get_stations_within_1_km", "arguments": {"region": "us"}}]</TOOLCALL>'
USER = {"role": "user", "content": "Stations near me?"}


def sft(text: Any = "Which region?", tools: Any = (STATIONS,)) -> dict[str, Any]:
    return {"tools": list(tools), "messages": [USER, {"role": "assistant", "content": text}]}


def pref(chosen: str) -> dict[str, Any]:
    return {
        "tools": [json.dumps(STATIONS)],
        "messages": [USER],
        "chosen_response": {"role": "assistant", "content": chosen},
        "rejected_response": {"role": "assistant", "content": "They are at 5 Main St."},
    }


def test_rows_of_both_files_as_published_become_examples(round_trip: Check) -> None:
    converted = convert(numbered([sft(), pref(CALL), pref("I can't do that.")], "w"))
    ask, call, decline = (e.dialogue.messages[-1] for e in converted.examples)
    assert ask.content == "Which region?"
    assert (call.content, call.calls[0].arguments) == ("", {"region": "us"})
    assert decline.content == "I can't do that."
    (tool,) = converted.examples[0].dialogue.tools
    assert tool.parameters["required"] == ["region"]
    assert tool.properties["region"] == {
        "description": "The region code.",
        "type": "string",
        "default": "",
    }
    assert "default" not in tool.properties["latitude"]
    assert converted.examples[1].dialogue.tools == (tool,)
    round_trip(converted)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("x", "row"),
        ({"tools": []}, "row"),
        ({"correct_answer": "direct", "question": "q"}, "held_out"),
        (sft(None), "text"),
        (sft("<TOOLCALL>[{"), "text"),
        (sft(CALL + " Done."), "text"),
        (sft("<TOOLCALL>[{]</TOOLCALL>"), "calls"),
        (sft("<TOOLCALL>[]</TOOLCALL>"), "calls"),
        (sft(CALL.replace('"us"', "1")), "wrong_type"),
        (sft(CALL.replace("_1_km", "")), "invented_tool"),
        (sft(tools=["{"]), "tools"),
        (sft(tools=[{"name": "f", "parameters": {"x": {"type": "Callable"}}}]), "tools"),
        ({**sft(), "messages": [USER]}, "turns"),
    ],
)
def test_what_is_broken_is_left_out_by_reason(given: Any, expected: str) -> None:
    assert convert(numbered([given], "w")).reasons == {expected: 1}
