"""Hermes and hermes-thinking: tags in texts, JSON or Python literals, thoughts."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suites import Call
from train.corpora import Converted, Options, load_corpus, numbered
from train.corpora.hermes import convert

Check = Callable[[Converted], None]
TOOLS = (
    "[{'type': 'function', 'function': {'name': 'get_news', 'description': 'News', 'parameters': "
    "{'type': 'object', 'properties': {'country': {'type': 'string'}, 'count': {'type': 'integer'}}, "
    "'required': ['country']}}}]"
)
SYSTEM = (
    "You are a function calling AI model. You are provided with function signatures within "
    f"<tools></tools> XML tags.Here are the available tools:<tools> {TOOLS} </tools>For each function call "
    "return a json object within <tool_call></tool_call> XML tags as follows:\n<tool_call>\n{tool_call}\n"
    "</tool_call>"
)
THOUGHT = "Okay, the user wants news.\n\nI call get_news.\n"
FRANCE = "<tool_call>\n{'name': 'get_news', 'arguments': {'country': 'France'}}\n</tool_call>"
GOOD = f"<think>{THOUGHT}</think>{FRANCE}"
RESULT = "<tool_response>\n{'headlines': ['It\\'s on', None, True]}\n</tool_response>"


def thinking(*turns: tuple[str, str], system: str = SYSTEM) -> dict[str, Any]:
    said = [("system", system), ("human", "News from France?"), *turns]
    return {"conversations": [{"role": r, "content": t} for r, t in said]}


def one(row: Any, options: Options = Options()) -> Converted:  # noqa: B008
    return convert(numbered([row], "t"), options)


def reason(row: Any) -> str:
    converted = one(row)
    assert not converted.examples
    (skipped,) = converted.skipped
    assert skipped.where == "t:1"
    return skipped.reason


def test_a_thinking_row_as_published_becomes_one_example(round_trip: Check) -> None:
    converted = one(thinking(("model", GOOD), ("tool", RESULT), ("model", "It's on.")))
    (example,) = converted.examples
    user, act, result, answer = example.dialogue.messages
    assert (user.role, user.content) == ("user", "News from France?")
    assert act.thought == THOUGHT.strip()
    assert act.calls == (Call(name="get_news", arguments={"country": "France"}),)
    assert (result.role, result.name) == ("tool", "get_news")
    assert json.loads(result.content) == {"headlines": ["It's on", None, True]}
    assert (answer.content, answer.thought) == ("It's on.", None)
    (tool,) = example.dialogue.tools
    assert tool.required == ("country",)
    counts = {"model_turns": 2, "calls": 1, "thoughts": 1, "answers": 1, "python_literals": 3}
    assert dict(converted.counts) == {"rows": 1, "examples": 1, **counts}
    round_trip(converted)


def test_a_row_of_the_first_set_names_its_result_and_keeps_no_prose(round_trip: Check) -> None:
    content = {"name": "get_news", "content": {"headlines": ["A"]}}
    row = {
        "id": "753d8365",
        "conversations": [
            {"from": "system", "value": SYSTEM + "\nToday is Monday, 2024-02-05. Be brief."},
            {"from": "human", "value": "News of today?"},
            {"from": "gpt", "value": FRANCE + "\n" + FRANCE.replace("France", "Chad")},
            {
                "from": "tool",
                "value": f"<tool_response>\n{json.dumps(content)}\n</tool_response>" * 2,
            },
            {"from": "gpt", "value": "A."},
        ],
        "tools": TOOLS,
        "category": "News",
    }
    (example,) = one(row).examples
    system, _, act, first, second, _ = example.dialogue.messages
    assert system.content == "Today is Monday, 2024-02-05."
    assert [c.arguments["country"] for c in act.calls] == ["France", "Chad"]
    assert first.content == second.content == '{"headlines":["A"]}'
    round_trip(one(row))


def test_tools_may_stand_in_the_column_only() -> None:
    row = thinking(("model", GOOD), system="Help.")
    row["tools"] = TOOLS
    (example,) = one(row).examples
    assert [t.name for t in example.dialogue.tools] == ["get_news"]


def test_what_follows_the_last_turn_of_the_model_is_cut_off_and_counted() -> None:
    converted = one(thinking(("model", GOOD), ("tool", RESULT)))
    assert [m.role for m in converted.examples[0].dialogue.messages] == ["user", "assistant"]
    assert converted.counts["cut_tails"] == 1


def test_a_number_as_text_is_converted_only_when_it_is_exactly_one() -> None:
    text = "{'name': 'get_news', 'arguments': {'country': 'Mali', 'count': '%s'}}"
    good = one(thinking(("model", f"<tool_call>{text % '5'}</tool_call>")))
    assert good.examples[0].dialogue.messages[-1].calls[0].arguments == {
        "country": "Mali",
        "count": 5,
    }
    assert good.counts["numbers_from_text"] == 1
    assert reason(thinking(("model", f"<tool_call>{text % '5 items'}</tool_call>"))) == "wrong_type"


def call(text: str) -> dict[str, Any]:
    return thinking(("model", f"<tool_call>{text}</tool_call>"))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (None, "row"),
        ({}, "row"),
        ({"conversations": "[broken"}, "row"),
        ({"conversations": ["x"]}, "row"),
        ({"conversations": [{"from": "robot", "value": "x"}]}, "row"),
        ({"conversations": [{"from": "human", "value": 5}]}, "row"),
        (thinking(("model", "Hi."), system="<tools>[{'name': </tools>"), "tools"),
        (thinking(("model", "Hi."), system="<tools>[{'name': 'f'}] and more</tools>"), "tools"),
        (thinking(("model", "{}"), system="Here is the <schema>{}</schema>"), "json_mode"),
        (call("{'name': 'get_news', 'arguments': {'country': open('x')}}"), "calls"),
        (call("{'name': 'get_news', 'arguments': ['France']}"), "calls"),
        (call("{'arguments': {}}"), "calls"),
        (call("{'name': 'get_news'} {'name': 'get_news'}"), "calls"),
        (call("[]"), "calls"),
        (thinking(("model", "<tool_call>\n{'name': 'get_news'")), "calls"),
        (thinking(("model", FRANCE + "Done.")), "calls"),
        (call("{'name': 'get_news', 'arguments': {}}"), "missing_argument"),
        (
            call("{'name': 'get_news', 'arguments': {'country': 'x', 'page': 1}}"),
            "invented_argument",
        ),
        (call("{'name': 'get_news', 'arguments': {'country': 5}}"), "wrong_type"),
        (call("{'name': 'get_joke', 'arguments': {}}"), "invented_tool"),
        (thinking(("model", "<think>Hm.")), "text"),
        (thinking(("model", "Well, <think>hm</think>")), "text"),
        (thinking(("model", "I call get_news(country='France')")), "text"),
        (thinking(("model", "</tool_call>")), "text"),
        (thinking(("model", "  ")), "text"),
        (thinking(("model", "Half \ud800")), "text"),
        (thinking(("model", "A."), ("model", "B.")), "turns"),
        (thinking(("human", " ")), "turns"),
        (thinking(("human", "And?")), "turns"),
        (thinking(("model", "A."), ("system", "B.")), "turns"),
        (thinking(("tool", "r")), "results"),
        (thinking(("model", GOOD), ("tool", "1"), ("tool", "2")), "results"),
        (thinking(("model", GOOD), ("tool", '{"name": "other", "content": 1}')), "results"),
        (thinking(("model", GOOD), ("tool", RESULT + "and so on")), "results"),
        (thinking(("model", FRANCE * 2), ("tool", RESULT), ("model", "A.")), "results"),
    ],
)
def test_what_is_broken_is_left_out_by_reason(row: Any, expected: str) -> None:
    assert reason(row) == expected


def test_violations_are_kept_on_demand_and_counted() -> None:
    converted = one(
        call("{'name': 'get_news', 'arguments': {'country': 5}}"), Options(keep_violations=True)
    )
    assert len(converted.examples) == 1
    assert converted.counts["kept_wrong_type"] == 1


def test_the_samples_of_both_forms_convert_whole(data: Path, round_trip: Check) -> None:
    folder = data / "train-format-samples" / "data" / "fixtures"
    plain = load_corpus("hermes", folder / "hermes_v1_sample.jsonl")
    assert dict(plain.counts) == {
        "rows": 2,
        "examples": 2,
        "answers": 2,
        "calls": 3,
        "model_turns": 4,
    }
    round_trip(plain)
    thought = load_corpus("hermes-thinking", folder / "hermes_reasoning_sample.jsonl")
    assert (len(thought.examples), thought.counts["thoughts"]) == (1, 1)
    (tool,) = thought.examples[0].dialogue.tools
    assert tool.parameters["properties"]["text"]["type"] == "string"
    round_trip(thought)
