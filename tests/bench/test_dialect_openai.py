"""OpenAI's chat form: messages and tools of a case, results beside their calls, and what it cannot say."""

import json
from typing import Any

import pytest

from bench.dialects import CHAT, DIALECTS, Dialogue, find_dialect, prompt
from bench.errors import DialectError
from suites import Call, Message, Outcome, Tool, gold_reply, select

TOOL = Tool(name="get_weather", description="Weather.", parameters={"type": "object"})
ASKED = Message(role="user", content="Weather in Oslo and Graz?")


def body(*messages: Message, tools: tuple[Tool, ...] = (TOOL,)) -> dict[str, Any]:
    found = json.loads(prompt(CHAT, [Dialogue(tools=tools, messages=messages)]))
    assert isinstance(found, dict)
    return found


def test_it_is_found_by_its_name_and_is_none_of_the_dialects_that_prompts_are_written_in() -> None:
    assert find_dialect("openai") is CHAT
    assert "openai" not in DIALECTS


def test_messages_and_tools_are_as_the_api_takes_them() -> None:
    system = Message(role="system", content="Be brief.")
    assert body(system, ASKED) == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": ASKED.content},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "get_weather",
                    "description": "Weather.",
                    "parameters": {"type": "object"},
                },
            }
        ],
    }
    assert "tools" not in body(ASKED, tools=())


def test_results_go_to_their_calls_by_name_then_by_order() -> None:
    calls = (
        Call(name="get_weather", arguments={"city": "Oslo"}),
        Call(name="get_time", arguments={}),
        Call(name="get_weather", arguments={"city": "Graz"}),
    )
    results = [("get_time", "12:00"), ("get_weather", "rain"), (None, "sun")]
    said = [Message(role="tool", name=n, content=c) for n, c in results]
    messages = body(ASKED, Message(role="assistant", calls=calls), *said)["messages"]
    called = {c["id"]: c["function"] for c in messages[1]["tool_calls"]}
    assert messages[1]["content"] is None
    assert [json.loads(f["arguments"]) for f in called.values()] == [c.arguments for c in calls]
    assert [(called[m["tool_call_id"]]["arguments"], m["content"]) for m in messages[2:]] == [
        ("{}", "12:00"),
        ('{"city":"Oslo"}', "rain"),
        ('{"city":"Graz"}', "sun"),
    ]


def test_what_the_api_cannot_say_is_refused() -> None:
    dialogue = Dialogue(tools=(TOOL,), messages=(ASKED,))
    with pytest.raises(DialectError, match="leave --shots out"):
        CHAT.render([dialogue, dialogue])
    with pytest.raises(DialectError, match="answers no call"):
        body(ASKED, Message(role="tool", name="get_weather", content="rain"))
    with pytest.raises(DialectError, match="begin with the user"):
        body(Message(role="assistant", content="Hello"), ASKED)


def test_every_case_of_the_built_in_suites_can_be_said_and_its_gold_reply_is_read_back() -> None:
    for part in select(["call", "arguments", "output"]).parts:
        for case in part.cases:
            raw = body(*case.messages, tools=case.tools)
            assert len(raw["messages"]) == len(case.messages)
            gold = gold_reply(case)
            message: dict[str, Any] = {"content": gold.text or None}
            if gold.calls:
                message["tool_calls"] = [
                    {"name": c.name, "arguments": json.dumps(c.arguments)} for c in gold.calls
                ]
            names = [t.name for t in case.tools]
            reply = CHAT.parse(json.dumps(message), "stop", names)
            assert (reply.calls, reply.problems) == (gold.calls, ()), case.id


@pytest.mark.parametrize("text", ["Hello", '{"a": 1}', "", "[1]", '{"content": "x", "role": "y"}'])
def test_text_that_is_no_message_is_its_own_content(text: str) -> None:
    reply = CHAT.parse(text)
    assert (reply.text, reply.outcome) == (text, Outcome.ANSWER)
