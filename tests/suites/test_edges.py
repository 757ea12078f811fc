"""Edges that once were faults: each stays a law."""

import json
from pathlib import Path
from typing import Any

import pytest

from suites import Call, Reply, Suite, SuiteError, judge, load_suite, select
from suites.forms import case_from, tool_from
from suites.health import check_suite
from suites.model import Accept, Fact, Tool
from suites.schema import schema_problems
from suites.values import accepts
from suites.words import numbers_in, says


def _case(params: dict[str, Any], args: dict[str, Any]) -> Any:
    tool = {"name": "f", "description": "d", "parameters": params}
    call = {"function_call": {"name": "f", "arguments": args}}
    return case_from({"user": "x", "tools": [tool], "expect": call}, default_id="a")


def _f(**arguments: Any) -> Reply:
    return Reply(calls=(Call(name="f", arguments=arguments),))


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+02:00", "9999-12-31T23:59:59-02:00"])
def test_moment_at_the_edge_of_time_is_judged(text: str) -> None:
    case = _case({"t": {"type": "string", "format": "date-time"}}, {"t": "2026-01-01T00:00:00Z"})
    assert not judge(case, _f(t=text)).passed


def test_nan_is_judged_under_multiple_of() -> None:
    case = _case({"n": {"type": "number", "multipleOf": 0.01}}, {"n": 0.5})
    assert not judge(case, _f(n=float("nan"))).passed


def test_boolean_schema_is_a_schema() -> None:
    """`true` as a property is valid JSON Schema (Rust MCP servers write it for any value)."""
    case = _case({"type": "object", "properties": {"v": True}}, {"v": 1})
    assert judge(case, _f(v=1)).passed
    assert check_suite(Suite(name="m", version="1", split="dev", cases=(case,))).findings == ()


def test_local_reference_with_a_default_is_sound() -> None:
    parameters: dict[str, Any] = {
        "type": "object",
        "$defs": {"C": {"enum": ["r", "g"]}},
        "properties": {"c": {"$ref": "#/$defs/C", "default": "r"}},
    }
    assert schema_problems(Tool(name="f", parameters=parameters)) == ()


@pytest.mark.parametrize("calls", [1.5, [1], [{}], "f"])
def test_broken_calls_of_a_message_are_a_fault_with_a_place(tmp_path: Path, calls: Any) -> None:
    file = tmp_path / "x.jsonl"
    messages = [{"role": "user", "content": "x"}, {"role": "assistant", "calls": calls}]
    raw = {"messages": messages, "expectation": {"no_call": "answer", "text": "x"}}
    file.write_text(json.dumps(raw))
    with pytest.raises(SuiteError):
        load_suite(file)


def test_empty_any_of_without_tools_is_a_fault_with_a_place(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(
        "- user: a\n  expect: {function_call: {name: f, arguments: {x: {any_of: []}}}}\n"
    )
    with pytest.raises(SuiteError):
        load_suite(file)


def test_number_and_latin_word_beside_cjk_are_said() -> None:
    assert numbers_in("气温17度") == {17.0}
    assert says("我在Paris工作", Fact(any_of=("Paris",)))


def test_order_of_wrong_parallel_calls_does_not_change_the_failure_mode() -> None:
    params = {"x": "integer", "y?": "integer"}
    tool = {"name": "f", "description": "d", "parameters": params}
    calls = [{"name": "f", "arguments": {"x": 1}}, {"name": "f", "arguments": {"x": 2, "y": 5}}]
    raw = {"user": "x", "tools": [tool], "expect": {"function_calls": calls}}
    case = case_from(raw, default_id="a")
    a, b = Call(name="f", arguments={"x": 2}), Call(name="f", arguments={"x": 1, "y": 5})
    assert judge(case, Reply(calls=(a, b))).failure == judge(case, Reply(calls=(b, a))).failure


def test_set_within_a_tolerance_is_matched_optimally() -> None:
    accept = Accept(any_of=([1, 2],), normal="set", within=0.6)
    assert accepts(accept, [1.0, 1.5])
    assert accepts(accept, [1.5, 1.0])


def test_date_of_seven_digits_can_mean_two_days() -> None:
    assert not accepts(Accept(any_of=("2026-11-01",), normal="date"), "2026111")


def test_each_missing_argument_is_named_once() -> None:
    reason = judge(_case({"a": "string", "b": "string"}, {"a": "x", "b": "y"}), _f()).reason
    assert reason.count("a is missing") == 1


def test_tool_schema_without_type_object_keeps_its_properties() -> None:
    """OpenAI entries often leave out `type: object`."""
    tool = tool_from({"name": "f", "parameters": {"properties": {"c": {"type": "string"}}}})
    assert list(tool.properties) == ["c"]


def test_negative_limit_is_refused() -> None:
    with pytest.raises(SuiteError):
        select(["call"], limit=-1)
