"""xLAM: JSON in text, flat tables of Python types; and the rows without calls."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from suites import Case, Expectation, Message
from suites.kinds import text_kind
from train.corpora import Converted, Options, numbered
from train.corpora.xlam import REPLIES, convert, convert_irrelevance

Check = Callable[[Converted], None]
GIVEAWAYS = {
    "name": "live_giveaways_by_type",
    "description": "Retrieve live giveaways.",
    "parameters": {
        "type": {"description": "The type (e.g. game).", "type": "str", "default": "game"},
        "pages": {"description": "Pages.", "type": "List[int], optional"},
    },
}
NPV = {
    "name": "npv",
    "description": "Net present value.",
    "parameters": {
        "flows": {"description": "Cash flows.", "type": "List[float]"},
        "rate": {"description": "Rate.", "type": "float, optional", "default": "0.1"},
    },
}
ANSWERS = [
    {"name": "live_giveaways_by_type", "arguments": {"type": "beta"}},
    {"name": "live_giveaways_by_type", "arguments": {"type": "game"}},
]


def row(answers: Any = ANSWERS, tools: Any = (GIVEAWAYS, NPV), **more: Any) -> dict[str, Any]:
    text = {"answers": json.dumps(answers), "tools": json.dumps(tools)}
    return {"id": 0, "query": "Where are beta and game giveaways?", **text, **more}


def npv(**arguments: Any) -> list[dict[str, Any]]:
    return [{"name": "npv", "arguments": arguments}]


def test_the_first_row_as_published_becomes_parallel_calls(round_trip: Check) -> None:
    converted = convert(numbered([row()], "xlam"))
    (example,) = converted.examples
    assert example.id == "xlam:1"
    _, act = example.dialogue.messages
    assert [c.arguments for c in act.calls] == [{"type": "beta"}, {"type": "game"}]
    first, second = example.dialogue.tools
    assert first.properties["type"] == {
        "type": "string",
        "description": "The type (e.g. game).",
        "default": "game",
    }
    assert first.properties["pages"]["items"] == {"type": "integer"}
    assert first.required == ()
    assert second.required == ("flows",)
    assert second.properties["rate"]["default"] == 0.1
    round_trip(converted)


def test_numbers_as_text_are_converted_at_every_depth_and_counted() -> None:
    converted = convert(numbered([row(npv(flows=["-100", "60.5", 70]))], "x"))
    (call,) = converted.examples[0].dialogue.messages[-1].calls
    assert call.arguments == {"flows": [-100, 60.5, 70]}
    assert converted.counts["numbers_from_text"] == 2


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], "row"),
        ({"query": "x"}, "row"),
        (row([]), "row"),
        (row(query=""), "turns"),
        (row(query=7), "turns"),
        ({**row(), "answers": "[{"}, "calls"),
        (row(answers={"name": "npv"}), "calls"),
        (row(npv(flows=[1], rate="high")), "wrong_type"),
        (row(npv(rate=0.1)), "missing_argument"),
        (row(npv(flows=[1], years=3)), "invented_argument"),
        (row([{"name": "irr", "arguments": {}}]), "invented_tool"),
        (row([{"arguments": {}}]), "calls"),
        ({**row(), "tools": "{}"}, "tools"),
        (row(tools=[GIVEAWAYS, {"name": "live_giveaways_by_type"}]), "tools"),
        (row(tools=[{"name": "f", "parameters": {"g": {"type": "Callable[[float], float]"}}}]), "tools"),
        (row(tools=[{"name": "???", "parameters": {}}]), "tools"),
        (row(tools=["f"]), "tools"),
    ],
)  # fmt: skip
def test_what_is_broken_is_left_out_by_reason(given: Any, expected: str) -> None:
    converted = convert(numbered([given, row()], "x"))
    assert converted.reasons == {expected: 1}
    assert converted.skipped[0].where == "x:1"
    assert len(converted.examples) == 1


def test_names_that_no_tool_may_have_are_rewritten_or_left_out() -> None:
    tools = [{"name": "Get Joke (v2)", "parameters": {}}]
    given = row([{"name": "Get Joke (v2)", "arguments": {}}], tools)
    converted = convert(numbered([given], "x"))
    (example,) = converted.examples
    assert [t.name for t in example.dialogue.tools] == ["Get_Joke_v2"]
    assert example.dialogue.messages[-1].calls[0].name == "Get_Joke_v2"
    assert converted.counts["renamed_tools"] == 1
    assert convert(numbered([given], "x"), Options(rename_tools=False)).reasons == {"tools": 1}


def test_two_names_that_would_become_one_are_left_out() -> None:
    tools = [{"name": "get joke", "parameters": {}}, {"name": "get_joke", "parameters": {}}]
    assert convert(numbered([row([], tools)], "x")).reasons == {"tools": 1}


def test_a_row_of_irrelevance_gets_a_reply_of_ours_that_depends_on_the_request_only(
    round_trip: Check,
) -> None:
    rows = [row([], query=f"Request {i}") for i in range(60)]
    converted = convert_irrelevance(numbered(rows, "i"))
    again = convert_irrelevance(numbered(reversed(rows), "i"))
    said = [e.dialogue.messages[-1].content for e in converted.examples]
    assert said == [e.dialogue.messages[-1].content for e in again.examples][::-1]
    assert set(said) == set(REPLIES)
    assert converted.counts["templated_replies"] == 60
    round_trip(Converted(examples=converted.examples[:3]))


def test_every_reply_of_ours_reads_as_declining() -> None:
    case = Case(
        id="c",
        group="c",
        messages=(Message(role="user", content="Book a table."),),
        expectation=Expectation(no_call="decline", text="x"),
    )
    assert {text_kind(case, text) for text in REPLIES} == {"decline"}


def test_a_row_with_calls_is_no_row_of_irrelevance() -> None:
    assert convert_irrelevance(numbered([row()], "i")).reasons == {"row": 1}
