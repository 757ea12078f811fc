"""Glaive: two columns of text."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from train.corpora import Converted, load_corpus, numbered
from train.corpora.glaive import convert

Check = Callable[[Converted], None]
SYSTEM = """SYSTEM: You are a helpful assistant with access to the following functions. Use them if required -
{
    "name": "get_news_headlines",
    "description": "Get the latest news headlines",
    "parameters": {
        "type": "object",
        "properties": {"country": {"type": "string"}, "count": {"type": "integer"}},
        "required": ["country"]
    }
}

{
    "name": "get_random_quote",
    "description": "Get a random quote",
    "parameters": {}
}
"""
NEWS = """ASSISTANT: <functioncall> {"name": "get_news_headlines", "arguments": '{"country": "%s"}'} \
<|endoftext|>


FUNCTION RESPONSE: {"headlines": ["USER: a headline?"]}


ASSISTANT: Here it is: a headline. <|endoftext|>


"""


def row(chat: Any, system: Any = SYSTEM) -> dict[str, Any]:
    return {"system": system, "chat": chat}


def call(text: str) -> dict[str, Any]:
    return row(f"USER: News?\n\n\nASSISTANT: <functioncall> {text} <|endoftext|>")


def test_a_row_as_published_becomes_a_dialogue_of_several_turns(round_trip: Check) -> None:
    chat = f"USER: News of Chad?\n\n\n{NEWS.replace('USER: ', '') % 'Chad'}USER: A quote, please.\n\n\n"
    chat += 'ASSISTANT: Sure. <functioncall> {"name": "get_random_quote", "arguments": {}}'
    chat += " <|endoftext|>\n\n\n"
    chat += 'FUNCTION RESPONSE: {"quote": "Stay hungry."}\n\n\nASSISTANT: "Stay hungry." <|endoftext|>\n\n\n'
    converted = convert(numbered([row(chat)], "g"))
    (example,) = converted.examples
    messages = example.dialogue.messages
    roles = ["user", "assistant", "tool", "assistant"] * 2
    assert [m.role for m in messages] == roles
    assert messages[1].calls[0].arguments == {"country": "Chad"}
    assert messages[2].name == "get_news_headlines"
    assert (messages[5].content, messages[5].calls[0].name) == ("Sure.", "get_random_quote")
    assert [t.name for t in example.dialogue.tools] == ["get_news_headlines", "get_random_quote"]
    assert converted.counts["model_turns"] == 4
    round_trip(converted)


def test_a_dialogue_without_functions_has_no_tools(round_trip: Check) -> None:
    system = "SYSTEM: You are a helpful assistant, with no access to external functions."
    chat = "USER: What is HTTP?\n\n\nASSISTANT: A protocol. <|endoftext|>"
    converted = convert(numbered([row(chat, system)], "g"))
    (example,) = converted.examples
    assert example.dialogue.tools == ()
    assert [m.content for m in example.dialogue.messages] == ["What is HTTP?", "A protocol."]
    round_trip(converted)


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("""{"name": "get_news_headlines", "arguments": '{"country": "It's"}'}""", {"country": "It's"}),
        ("""{"name": "get_news_headlines", "arguments": '{"country": "It\\'s"}'}""", {"country": "It's"}),
        ("""{"name": "get_news_headlines", "arguments": "{\\"country\\": \\"a\\"}"}""", {"country": "a"}),
        ("""{"name": "get_news_headlines", "arguments": {"country": "a"}}</functioncall>""",
         {"country": "a"}),
        ("""{"name": "get_news_headlines", "arguments": '{"country": "a", "count": "2"}'}""",
         {"country": "a", "count": 2}),
        ("""{"name": "get_random_quote"}""", {}),
    ],
)  # fmt: skip
def test_arguments_are_read_as_they_are_quoted(text: str, arguments: dict[str, Any]) -> None:
    (example,) = convert(numbered([call(text)], "g")).examples
    assert example.dialogue.messages[-1].calls[0].arguments == arguments


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (3, "row"),
        ({"system": SYSTEM}, "row"),
        (row(""), "row"),
        (row("Hello USER: x"), "row"),
        (row("USER: x\n\n\nASSISTANT: y", SYSTEM.replace('"name":', '"name"')), "tools"),
        (row("USER: x\n\n\nASSISTANT: y", SYSTEM + "Be brief."), "tools"),
        (call('{"name": "get_news_headlines", "arguments": {"country": }'), "calls"),
        (call("""{"name": "get_news_headlines", "arguments": '{country}'}"""), "calls"),
        (call("""{"name": "get_random_quote", "arguments": {}} Done."""), "calls"),
        (call("not json"), "calls"),
        (call("""{"name": "get_news_headlines", "arguments": '{}'}"""), "missing_argument"),
        (call("""{"name": "get_joke", "arguments": '{}'}"""), "invented_tool"),
        (row("USER: x\n\n\nASSISTANT: <|endoftext|>"), "text"),
        (row("USER: x\n\n\nASSISTANT: a\n\n\nASSISTANT: b"), "turns"),
        (row("ASSISTANT: a\n\n\nUSER: x"), "turns"),
        (row("USER: x"), "turns"),
        (row('USER: x\n\n\nFUNCTION RESPONSE: {"a": 1}\n\n\nASSISTANT: y'), "results"),
    ],
)
def test_what_is_broken_is_left_out_by_reason(given: Any, expected: str) -> None:
    assert convert(numbered([given], "g")).reasons == {expected: 1}


def test_the_sample_converts_whole(data: Path, round_trip: Check) -> None:
    file = data / "train-format-samples" / "data" / "fixtures" / "glaive_sample.jsonl"
    converted = load_corpus("glaive", file)
    assert converted.skipped == ()
    assert [len(e.dialogue.messages) for e in converted.examples] == [4, 2, 8]
    round_trip(converted)
