"""When2Call: one row as its README prints it, and rows of the same form for each of the four decisions."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from suites.errors import SuiteError
from suites.importers import Imported, Source
from suites.importers.when2call import read

TOOL = {
    "name": "get_service_id",
    "description": "Retrieve the unique identifier for a specific service within a given province.",
    "parameters": {
        "type": "dict",
        "required": ["service_id", "province_id"],
        "properties": {
            "service_id": {"type": "integer", "enum": ["1", "2", "3"]},
            "province_id": {"type": "integer", "enum": ["1", "2", "3"]},
        },
    },
}
ANSWERS = {
    "direct": "The unique identifier would be its business registration number or tax ID.",
    "tool_call": '{"name": "get_service_id", "arguments": {"service_id": 2, "province_id": 2}}',
    "request_for_info": "Which service id do you mean, the standard or the extensive ironing service?",
    "cannot_answer": "Apologies, I'm unable to provide that information.",
}
# The row of the repository's README, its texts shortened.
PRINTED: dict[str, Any] = {
    "uuid": "1f8221f0-7906-4e11-80f3-6cbe38ce49c8",
    "source": "BFCL v2 Live Simple",
    "source_id": "live_simple_179-104-0",
    "question": "get unique identifier for an ironing service within Chiang Mai?",
    "correct_answer": "cannot_answer",
    "answers": ANSWERS,
    "target_tool": None,
    "tools": [],
    "orig_tools": [json.dumps(TOOL)],
}
MCQ, JUDGE = "data/test/when2call_test_mcq.jsonl", "data/test/when2call_test_llm_judge.jsonl"
Make = Callable[..., Source]


def _row(uuid: str, **changes: Any) -> dict[str, Any]:
    return {**PRINTED, "uuid": uuid, "tools": [json.dumps(TOOL)], **changes}


ROWS = [
    PRINTED,
    _row("call", correct_answer="tool_call", target_tool="get_service_id"),
    _row(
        "ask",
        correct_answer="request_for_info",
        held_out_param="service_id",
        question="identifier of a service in Chiang Mai?",
    ),
    _row("talk", correct_answer="direct", question="What is a tax ID?"),
]


@pytest.fixture
def imported(source_of: Make) -> Imported:
    return read(source_of({MCQ: ROWS, JUDGE: ROWS[:2], "data/train/sft.jsonl": "no JSON"}))


def test_every_decision_becomes_its_own_kind(
    imported: Imported, sound: Callable[[Imported], int]
) -> None:
    assert sound(imported) > 20
    kinds = {c.category: c.expectation.kind for c in imported.cases}
    assert kinds == {
        "cannot_answer": "decline",
        "tool_call": "call",
        "request_for_info": "ask",
        "direct": "answer",
    }
    assert imported.skipped == ()
    assert imported.exclusions == {}
    assert imported.licence == "CC-BY-4.0"
    assert any("BFCL v2 Live" in note for note in imported.notes)


def test_the_printed_row(imported: Imported) -> None:
    case = imported.cases[0]
    assert case.id == PRINTED["uuid"]
    assert case.group == "live_simple-104"
    assert case.tools == ()
    assert case.tags == ("llm-judge", "no-tools")
    assert case.expectation.text == ANSWERS["cannot_answer"]


def test_types_and_listed_numbers_of_bfcl_become_json_schema(imported: Imported) -> None:
    case = imported.cases[1]
    assert case.tools[0].parameters["type"] == "object"
    assert case.tools[0].properties["service_id"] == {"type": "integer", "enum": [1, 2, 3]}
    assert case.expectation.calls[0].gold().arguments == {"service_id": 2, "province_id": 2}


def test_the_words_of_the_held_out_parameter_are_those_that_gold_says(imported: Imported) -> None:
    assert imported.cases[2].expectation.words == ("service id", "service")


@pytest.mark.parametrize(
    "written",
    [
        '<TOOLCALL>[{"name": "get_service_id", "arguments": {"service_id": 2, "province_id": 2}}]</TOOLCALL>',
        [{"name": "get_service_id", "arguments": {"service_id": "2", "province_id": 2}}],
        ['{"name": "get_service_id", "arguments": {"service_id": 2, "province_id": 2}}'],
    ],
)
def test_a_call_may_be_written_as_text_between_marks_or_as_values(
    source_of: Make, written: Any
) -> None:
    answers = {**ANSWERS, "tool_call": written}
    found = read(source_of({MCQ: [_row("a", correct_answer="tool_call", answers=answers)]}))
    gold = found.cases[0].expectation.calls[0].gold()
    assert gold.arguments == {"service_id": 2, "province_id": 2}
    assert found.exclusions == {}


def test_what_does_not_convert_is_skipped_by_line_and_what_is_unsound_is_excluded(
    source_of: Make, sound: Callable[[Imported], int]
) -> None:
    unknown = {**ANSWERS, "tool_call": '{"name": "get_service_id", "arguments": {"city": "x"}}'}
    rows = [
        _row("a", correct_answer="maybe"),
        _row(
            "b", correct_answer="tool_call", answers={**ANSWERS, "tool_call": "get_service_id(2)"}
        ),
        _row("c", answers={"direct": "x"}),
        _row("d", tools=["{"]),
        _row("e", tools=[{**TOOL, "parameters": {"type": "blob", "properties": {}}}]),
        _row("f", question=7),
        [],
        _row("g", question="g?", correct_answer="tool_call", answers=unknown),
        _row(
            "h",
            question="h?",
            correct_answer="tool_call",
            target_tool=json.dumps({"name": "other"}),
        ),
        _row("i", question="i?"),
        _row("i", question="Another?"),
        _row("j", correct_answer="tool_call", question="twin"),
        _row("k", correct_answer="direct", question="twin"),
        _row("l", question="again"),
        _row("m", question="again", answers={**ANSWERS, "cannot_answer": "No."}),
    ]
    found = read(source_of({MCQ: rows}))
    assert [s.where for s in found.skipped] == [
        f"given/{MCQ}:{n}" for n in (1, 2, 3, 4, 5, 6, 7, 11)
    ]
    assert {k: ids for k, (_, ids) in found.exclusions.items()} == {
        "target_tool_differs": ("h",),
        "gold_violates_schema": ("g",),
        "duplicate": ("m",),
        "contradiction": ("j", "k"),
    }
    sound(found)


def test_a_source_without_its_files_is_refused_with_the_remedy(source_of: Make) -> None:
    with pytest.raises(SuiteError, match=r"when2call_test_mcq\.jsonl"):
        read(source_of({"a.jsonl": [], "b.jsonl": []}))
    with pytest.raises(SuiteError, match="broken JSON"):
        read(source_of({MCQ: "{"}))
