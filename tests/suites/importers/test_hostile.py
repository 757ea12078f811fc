"""Whatever stands in a file: an importer skips it or refuses it with one line, and never fails otherwise."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suites.errors import SuiteError
from suites.importers import Imported, Importer, Source, gptscript, mcp, nestful, openai, when2call

Make = Callable[..., Source]
SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "default": "x"},
        "n": {"type": "integer", "enum": [1]},
    },
    "required": ["city"],
}
TOOL = {"name": "f", "description": "d", "parameters": SCHEMA}
CALL = {"name": "f", "arguments": {"city": "Oslo", "n": 1}}
SPEC = {
    "name": "f",
    "description": "d",
    "query_parameters": {"city": {"type": "string", "required": True}},
    "output_parameters": {
        "id": {"type": "string"},
        "o": {"type": "object", "properties": {"i": {}}},
    },
}
ITEM = {
    "input": "q",
    "output": [
        {"name": "f", "arguments": {"city": "Oslo"}, "label": "var1"},
        {"name": "f", "arguments": {"city": "$var1.o.i$"}, "label": "var2"},
    ],
}
ROWS: dict[str, tuple[Importer, dict[str, Any]]] = {
    "when2call": (
        when2call.read,
        {
            "when2call_test_mcq.jsonl": [
                {
                    "uuid": "u",
                    "source_id": "live_simple_1-2-3",
                    "question": "q",
                    "correct_answer": kind,
                    "answers": {"tool_call": json.dumps(CALL), "request_for_info": "Which city?"},
                    "target_tool": "f",
                    "tools": [json.dumps(TOOL), TOOL],
                    "held_out_param": "city",
                }
                for kind in ("tool_call", "request_for_info")
            ]
        },
    ),
    "nestful": (nestful.read, {"a-data.json": [ITEM], "a-spec.json": [SPEC]}),
    "gptscript": (
        gptscript.read,
        {
            "specs/a.yaml": {
                "categories": ["basic"],
                "prompt": "q",
                "available_functions": [TOOL],
                "expected_function_calls": [
                    {**CALL, "result": "out"},
                    {"any_order": [{**CALL, "result": "15:30", "optional": False}]},
                ],
                "final_answer_should": "The answer should indicate out and 15:30",
            }
        },
    ),
    "openai": (
        openai.read,
        {
            "a.jsonl": [
                {
                    "id": "x",
                    "tools": [TOOL],
                    "messages": [
                        {"role": "user", "content": "q"},
                        {"role": "assistant", "tool_calls": [{"id": "1", "function": CALL}]},
                        {"role": "tool", "tool_call_id": "1", "content": "r"},
                        {"role": "assistant", "content": "done"},
                    ],
                }
            ]
        },
    ),
    "mcp": (mcp.read, {"t.json": {"tools": [{"name": "f", "inputSchema": SCHEMA}]}}),
}
WORDS = [
    "f",
    "object",
    "string",
    "$var1.id$",
    "$var1$",
    "{",
    "[1]",
    "-1",
    "1.0",
    "\ud800",
    "",
    "a b",
]
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


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        found += [p for k, v in value.items() for p in _places(v, (*path, k))]
    elif isinstance(value, list):
        found += [p for i, v in enumerate(value) for p in _places(v, (*path, i))]
    return found


def _replaced(files: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(files)
    target: Any = changed
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    return changed


def _outcome(read: Importer, source: Source) -> tuple[Imported | None, str]:
    """What was read, or the refusal."""
    try:
        return read(source), ""
    except SuiteError as error:
        return None, str(error)


@pytest.mark.parametrize("name", ROWS)
def test_the_valid_rows_are_read_whole(source_of: Make, name: str) -> None:
    read, files = ROWS[name]
    found = read(source_of(files))
    assert found.cases or found.toolbox
    assert [s.why for s in found.skipped if "twice" not in s.why] == []


@pytest.mark.parametrize("name", ROWS)
@settings(max_examples=150)
@given(data=st.data())
def test_any_value_at_any_place_is_skipped_or_refused(
    source_of: Make, name: str, data: st.DataObject
) -> None:
    read, files = ROWS[name]
    place = data.draw(st.sampled_from([p for p in _places(files) if len(p) > 1]))
    changed = _replaced(files, place, data.draw(VALUES))
    found, refusal = _outcome(read, source_of(changed))
    assert "\n" not in refusal
    if found is None:
        assert refusal
        return
    assert len({c.id for c in found.cases}) == len(found.cases)
    for case in found.cases:
        assert json.dumps(case.model_dump(mode="json"), ensure_ascii=False).encode()
    assert all(s.why.encode() and s.where.encode() for s in found.skipped)


@pytest.mark.parametrize("name", ROWS)
@settings(max_examples=60)
@given(text=st.text(max_size=40) | VALUES.map(json.dumps))
def test_any_text_for_a_file_is_skipped_or_refused(source_of: Make, name: str, text: str) -> None:
    read, files = ROWS[name]
    for file in files:
        changed = {k: text if k == file else v for k, v in files.items()}
        found, refusal = _outcome(read, source_of(changed))
        assert found is not None or refusal
