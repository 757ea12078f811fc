"""The vocabulary: strict, frozen, and what it derives."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from suites.model import (
    Call,
    Case,
    Expectation,
    ExpectedCall,
    FailureMode,
    Message,
    NoCall,
    Outcome,
    Reply,
    Tool,
    canonical,
    content_hash,
)

MODES = """missed_call needless_call repeated_call malformed_call truncated wrong_tool invented_tool
missing_call extra_call missing_argument invented_argument wrong_type schema_violation wrong_value
assumed_argument asked_needlessly ignored_output contradicted_output misread_error
followed_injection missed_followup no_answer"""
CALLED = (ExpectedCall(name="f"),)


def test_failure_modes_are_the_closed_list_of_the_design() -> None:
    assert {mode.value for mode in FailureMode} == set(MODES.split())


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"calls": CALLED, "no_call": "ask", "text": "x"},
        {"no_call": "ask"},
        {"no_call": "ask", "text": "  "},
        {"calls": CALLED, "answer": {}},
        {"no_call": "refuse", "text": "x"},
        {"no_call": "ask", "text": "x", "hope": 1},
    ],
    ids=str,
)
def test_expectation_is_either_calls_or_a_no_call_with_its_text(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Expectation(**fields)


@pytest.mark.parametrize("kind", ["answer", "ask", "decline"])
def test_kind_is_call_or_the_sort_of_no_call(kind: NoCall) -> None:
    assert Expectation(calls=CALLED).kind == "call"
    assert Expectation(no_call=kind, text="x").kind == kind


@pytest.mark.parametrize("name", ["", "two words", "1st", "a/b", "ü", "a" * 129])
def test_tool_name_that_no_model_can_call_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        Tool(name=name)


@pytest.mark.parametrize(
    ("cls", "fields"),
    [
        (Tool, {"name": 1}),
        (Call, {"name": "f", "arguments": "{}"}),
        (Message, {"role": "bot"}),
        (Message, {"role": "user", "content": None}),
        (Case, {"id": "a", "group": "a", "messages": (), "expectation": None}),
    ],
)
def test_wrong_type_is_an_error_never_a_guess(cls: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        cls(**fields)


def test_case_cannot_be_changed() -> None:
    case = Case(
        id="a",
        group="a",
        messages=(Message(role="user", content="x"),),
        expectation=Expectation(calls=CALLED),
    )
    with pytest.raises(ValidationError):
        case.id = "b"  # type: ignore[misc]


@pytest.mark.parametrize("calls", [(), (Call(name="f"),)])
@pytest.mark.parametrize("problems", [(), ("no JSON",)])
@pytest.mark.parametrize("finish", ["stop", "length", "error"])
def test_outcome_is_error_before_malformed_before_call_before_answer(
    calls: Any, problems: Any, finish: Any
) -> None:
    outcome = Reply(text="x", calls=calls, problems=problems, finish=finish).outcome
    order = [
        (finish == "error", Outcome.ERROR),
        (bool(problems), Outcome.MALFORMED),
        (bool(calls), Outcome.CALL),
        (True, Outcome.ANSWER),
    ]
    assert outcome is next(found for holds, found in order if holds)


def test_past_calls_are_those_since_the_last_request() -> None:
    def made(name: str) -> Message:
        return Message(role="assistant", calls=(Call(name=name),))

    user = Message(role="user", content="x")
    messages = (user, made("old"), user, made("new"), Message(role="tool"), made("newer"))
    case = Case(id="a", group="a", messages=messages, expectation=Expectation(calls=CALLED))
    assert [c.name for c in case.past_calls] == ["new", "newer"]


@given(st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=5))
def test_order_of_keys_changes_neither_text_nor_hash(value: dict[str, Any]) -> None:
    other = dict(reversed(list(value.items())))
    assert canonical(value) == canonical(other)
    assert content_hash(value) == content_hash(other)


def test_hash_tells_types_apart() -> None:
    values: list[Any] = [1, 1.0, True, "1", None, [1], {"1": 1}]
    assert len({content_hash(v) for v in values}) == len(values)
