"""Chat rows in OpenAI's form, TRL's form and as in mobile-actions: the last assistant turn is the gold."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from suites.errors import SuiteError
from suites.importers import Imported, Source
from suites.importers.openai import read
from suites.model import Call, Message

Make = Callable[..., Source]
WEATHER: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Weather now.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}
ASK = {"role": "user", "content": "Weather in Oslo?"}


def _call(arguments: Any, call_id: str = "c1", name: str = "get_weather") -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": call_id, "type": "function", "function": function}


def _gold(*calls: dict[str, Any]) -> dict[str, Any]:
    return {"role": "assistant", "content": None, "tool_calls": list(calls)}


def _row(*messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": list(messages), "tools": [WEATHER], **more}


# The recorded row of google/mobile-actions, shortened.
MOBILE: dict[str, Any] = {
    "metadata": "eval",
    "tools": [
        {
            "function": {
                "name": "send_email",
                "description": "Sends an email.",
                "parameters": {
                    "type": "OBJECT",
                    "properties": {
                        "body": {"type": "STRING", "description": "The body."},
                        "to": {"type": "STRING"},
                        "title": None,
                    },
                    "required": ["to"],
                },
            }
        },
        {
            "function": {
                "name": "turn_on_flashlight",
                "description": "Turns the light on.",
                "parameters": {"type": "OBJECT", "properties": {}},
            }
        },
    ],
    "messages": [
        {"role": "developer", "content": "Day of week is Sunday", "tool_calls": None},
        {"role": "user", "content": "Write to ann@example.org: hello"},
        {
            "role": "assistant",
            "tool_calls": [
                {
                    "function": {
                        "name": "send_email",
                        "arguments": {"to": "ann@example.org", "body": "hello", "cc": None},
                    }
                }
            ],
        },
    ],
}


def test_calls_texts_and_dialogues(source_of: Make, sound: Callable[[Imported], int]) -> None:
    past = _gold(_call('{"city": "Oslo"}', "x"), _call({"city": "Bergen"}, "y"))
    told: list[dict[str, Any]] = [
        {"role": "tool", "tool_call_id": "y", "content": "rain"},
        {"role": "tool", "tool_call_id": "x", "content": [{"type": "text", "text": "sun"}]},
    ]
    rows = [
        _row(ASK, _gold(_call('{"city": "Oslo", "days": "3"}')), id="first"),
        _row(ASK, past, *told, {"role": "assistant", "content": "Sun."}),
        {
            "prompt": [{**ASK, "content": "And in Rome?"}],
            "completion": [_gold(_call({"city": "Rome"}))],
            "tools": json.dumps([WEATHER]),
        },
    ]
    found = read(source_of({"rows/a.jsonl": rows}))
    assert sound(found) > 20
    assert [c.id for c in found.cases] == ["first", "rows-a-2", "rows-a-3"]
    assert [c.category for c in found.cases] == ["call", "answer", "call"]
    golds = [c.expectation.calls[0].gold() for c in found.cases if c.expectation.calls]
    assert golds == [
        Call(name="get_weather", arguments={"city": "Oslo", "days": 3}),
        Call(name="get_weather", arguments={"city": "Rome"}),
    ]
    assert found.cases[1].messages[1:] == (
        Message(
            role="assistant",
            calls=tuple(
                Call(name="get_weather", arguments={"city": c}) for c in ("Oslo", "Bergen")
            ),
        ),
        Message(role="tool", name="get_weather", content="rain"),
        Message(role="tool", name="get_weather", content="sun"),
    )
    assert found.cases[1].expectation.text == "Sun."
    assert found.cases[1].expectation.answer is None
    assert any(note.startswith("1 arguments given as text") for note in found.notes)
    assert any("unknown" in note for note in found.notes)


def test_a_row_of_mobile_actions(source_of: Make, sound: Callable[[Imported], int]) -> None:
    found = read(source_of({"data.jsonl": [MOBILE]}))
    assert sound(found) > 10
    case = found.cases[0]
    assert [m.role for m in case.messages] == ["system", "user"]
    assert case.tools[0].parameters == {
        "type": "object",
        "properties": {
            "body": {"type": "string", "description": "The body."},
            "to": {"type": "string"},
        },
        "required": ["to"],
    }
    gold = case.expectation.calls[0].gold().arguments
    assert gold == {"to": "ann@example.org", "body": "hello"}


def test_null_in_place_of_a_parameter_that_does_not_take_it_is_left_out(source_of: Make) -> None:
    row = _row(ASK, _gold(_call({"city": "Oslo", "days": None})))
    found = read(source_of({"a.jsonl": [row]}))
    assert found.cases[0].expectation.calls[0].gold().arguments == {"city": "Oslo"}
    assert not found.exclusions


def test_what_is_unsound_is_excluded_by_name(
    source_of: Make, sound: Callable[[Imported], int]
) -> None:
    two = _gold(_call({"city": "Oslo"}), _call({"city": "Rome"}))
    rows = [
        _row(ASK, _gold(_call({"days": 2})), id="schema"),
        _row({"role": "user", "content": "a"}, _gold(_call({}, name="other")), id="other"),
        _row({"role": "user", "content": "b"}, two, parallel_tool_calls=False, id="parallel"),
        _row({"role": "user", "content": "c"}, two, parallel_tool_calls=True, id="fine"),
    ]
    found = read(source_of({"a.jsonl": rows}))
    assert {k: ids for k, (_, ids) in found.exclusions.items()} == {
        "parallel_forbidden": ("parallel",),
        "gold_violates_schema": ("schema",),
        "tool_not_offered": ("other",),
    }
    sound(found)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ([], "mapping"),
        ({"prompt": "text", "completion": "text"}, "no JSON list"),
        ({"messages": []}, "no messages"),
        (_row(ASK), "no gold"),
        (_row({"role": "assistant", "content": "Hi"}), "follow a user message"),
        (_row(ASK, {"role": "assistant", "content": " "}), "content"),
        (_row(ASK, _gold(_call("{"))), "no JSON"),
        (_row(ASK, _gold({"function": {"arguments": {}}})), "name"),
        (_row({**ASK, "mood": "good"}, {"role": "assistant", "content": "x"}), "unknown field"),
        (_row(ASK, _gold(_call({"city": "\ud800"}))), "half a character"),
        ({"messages": [ASK, _gold(_call({}))], "tools": [{"name": "a b"}]}, "tool 'a b'"),
    ],
)
def test_rows_that_do_not_convert_are_skipped_with_file_and_line(
    source_of: Make, row: Any, why: str
) -> None:
    good = _row(ASK, _gold(_call({"city": "Oslo"})))
    found = read(source_of({"a.jsonl": [good, row]}))
    assert len(found.cases) == 1
    assert [s.where for s in found.skipped] == ["given/a.jsonl:2"]
    assert why in found.skipped[0].why


def test_a_source_without_json_lines_is_refused(source_of: Make) -> None:
    with pytest.raises(SuiteError, match="JSON lines"):
        read(source_of({"a.txt": "", "b.txt": ""}))
    with pytest.raises(SuiteError, match=r"a\.jsonl:2"):
        read(source_of({"a.jsonl": "{}\n{\n"}))
