"""Whatever stands in a row: a converter makes an example of it or leaves it out, and never fails."""

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.dialects import find_dialect
from train.corpora import CORPORA, REASONS, Converted, numbered, spoken

SCHEMA = {
    "type": "dict",
    "properties": {"city": {"type": "str", "default": "x"}, "n": {"type": "integer", "enum": [1]}},
    "required": ["city"],
}
TOOL = {"name": "f g", "description": "d", "parameters": SCHEMA}
FLAT = {"name": "f g", "parameters": {"city": {"type": "str"}, "n": {"type": "int, optional"}}}
CALL = {"name": "f g", "arguments": {"city": "Oslo", "n": 1}}
MESSAGES = [
    {"role": "system", "content": "Today is Monday, 2024-02-05."},
    {"role": "user", "content": "q"},
    {"role": "assistant", "content": None, "tool_calls": [{"id": "1", "function": CALL}]},
    {"role": "tool", "tool_call_id": "1", "content": "r"},
    {"role": "assistant", "content": "done"},
]
HERMES = {
    "conversations": [
        {"from": "system", "value": f"<tools>{[TOOL]}</tools>"},
        {"from": "human", "value": "q"},
        {"from": "gpt", "value": f"<think>t</think><tool_call>{CALL}</tool_call>"},
        {"from": "tool", "value": '<tool_response>{"name": "f g", "content": 1}</tool_response>'},
        {"from": "gpt", "value": "done"},
    ]
}
ROWS: dict[str, list[Any]] = {
    "hermes-thinking": [HERMES],
    "hermes": [HERMES],
    "xlam": [{"query": "q", "answers": [CALL], "tools": [FLAT, TOOL | {"name": "h"}]}],
    "xlam-irrelevance": [{"query": "q", "answers": "[]", "tools": [FLAT]}],
    "toolace": [
        {
            "system": f"Functions:\n{json.dumps([TOOL])}",
            "conversations": [
                {"from": "user", "value": "q"},
                {"from": "assistant", "value": '[f g(city="Oslo", n=1)]'},
                {"from": "tool", "value": '[{"name": "f g", "results": {"a": 1}}]'},
                {"from": "assistant", "value": "done"},
            ],
        }
    ],
    "glaive": [
        {
            "system": f"SYSTEM: functions -\n{json.dumps(TOOL)}",
            "chat": 'USER: q\n\n\nASSISTANT: <functioncall> {"name": "f g", "arguments": '
            '\'{"city": "Oslo"}\'} <|endoftext|>\n\n\nFUNCTION RESPONSE: {}\n\n\nASSISTANT: done',
        }
    ],
    "mobile-actions": [{"metadata": "train", "tools": [TOOL], "messages": MESSAGES}],
    "when2call": [
        {
            "tools": [TOOL],
            "messages": MESSAGES[1:2],
            "chosen_response": {
                "role": "assistant",
                "content": f"<TOOLCALL>{[CALL]}</TOOLCALL>",
            },
        }
    ],
    "seal-tools": [
        {
            "api_name": "f g",
            "parameters": SCHEMA["properties"],
            "required": ["city"],
            "responses": {"a": {"type": "str"}, "b": {"type": "int"}},
        },
        {
            "query": "q",
            "calling": [
                {"api": "f g", "parameters": {"city": "Oslo"}, "responses": ["API_call_0"]},
                {"api": "f g", "parameters": {"city": "API_call_0", "n": 1}, "responses": []},
            ],
        },
    ],
    "openai": [{"tools": [TOOL], "messages": MESSAGES}],
}
WORDS = [
    "f g",
    "object",
    "str, optional",
    "List[int]",
    "API_call_0",
    "{",
    "[1]",
    "-1",
    "\ud800",
    "",
]
WORDS += ["<tool_call>", "</think>", "USER: ", "assistant", "eval", "[f g(", "'", "a b"]
KEYS = [
    "type",
    "properties",
    "items",
    "required",
    "enum",
    "default",
    "$ref",
    "anyOf",
    "city",
    "name",
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(WORDS) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=4),
    max_leaves=6,
)  # fmt: skip
SLOW = (HealthCheck.too_slow,)


def laws(count: int) -> settings:
    return settings(max_examples=count, deadline=None, database=None, suppress_health_check=SLOW)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    return found + [p for k, v in inner for p in places(v, (*path, k))]


def replaced(rows: list[Any], place: tuple[Any, ...], value: Any) -> list[Any]:
    changed = copy.deepcopy(rows)
    target: Any = changed
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    return changed


def sound(name: str, rows: list[Any]) -> Converted:
    """Converts, and checks that every row is accounted for and every example can be written."""
    converted = CORPORA[name].convert(numbered(rows, "x"))
    assert len(converted.examples) + len(converted.skipped) == converted.counts["rows"]
    assert all(s.reason in REASONS and s.why.encode() for s in converted.skipped)
    for example in converted.examples:
        assert example.dialogue.messages[-1].role == "assistant"
        for part in (*example.dialogue.tools, *example.dialogue.messages):
            assert json.dumps(part.model_dump(mode="json"), ensure_ascii=False).encode()
    for dialect in ("gemma", "functiongemma", "chatml"):
        kept = spoken(converted, find_dialect(dialect))
        assert len(kept.examples) + len(kept.skipped) == converted.counts["rows"]
    return converted


@pytest.mark.parametrize("name", ROWS)
def test_the_valid_rows_convert_whole(name: str) -> None:
    converted = sound(name, ROWS[name])
    assert converted.skipped == ()
    assert len(converted.examples) == 1


def test_every_corpus_is_tried() -> None:
    assert set(ROWS) == set(CORPORA)


@pytest.mark.parametrize("name", ROWS)
@laws(80)
@given(data=st.data())
def test_any_value_at_any_place_is_an_example_or_left_out(name: str, data: st.DataObject) -> None:
    place = data.draw(st.sampled_from(places(ROWS[name])))
    sound(name, replaced(ROWS[name], place, data.draw(VALUES)))


@pytest.mark.parametrize("name", ROWS)
@laws(80)
@given(data=st.data())
def test_any_cut_or_doubled_text_is_an_example_or_left_out(name: str, data: st.DataObject) -> None:
    rows = ROWS[name]
    texts: list[tuple[tuple[Any, ...], str]] = []
    for path in places(rows):
        value: Any = rows
        for key in path:
            value = value[key]
        if isinstance(value, str) and len(value) > 1:
            texts.append((path, value))
    place, text = data.draw(st.sampled_from(texts))
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    middle = data.draw(st.sampled_from(["", text[start:end] * 2, *WORDS]))
    sound(name, replaced(rows, place, text[:start] + middle + text[end:]))


@pytest.mark.parametrize("name", ROWS)
@laws(40)
@given(rows=st.lists(VALUES, max_size=3))
def test_any_rows_are_accounted_for(name: str, rows: list[Any]) -> None:
    sound(name, rows)


@pytest.mark.parametrize("name", ROWS)
def test_a_row_nested_beyond_measure_is_left_out(name: str) -> None:
    deep: Any = "x"
    for _ in range(5000):
        deep = [deep]
    for place in places(ROWS[name]):
        target = place[:-1]
        shallow = copy.deepcopy(ROWS[name])
        inner: Any = shallow
        for key in target:
            inner = inner[key]
        inner[place[-1]] = deep
        converted = CORPORA[name].convert(numbered(shallow, "x"))
        assert len(converted.examples) + len(converted.skipped) == converted.counts["rows"]
