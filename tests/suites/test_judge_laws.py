"""What the judge must not depend on: order, names, the moment, and anything but case and reply."""

import random
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites import builtin_suites, judge, select
from suites.baselines import BASELINES, gold_reply
from suites.forms import case_from
from suites.model import Call, Case, Reply, Verdict
from suites.mutate import mutations
from suites.sense import readable

SMOKE = select(["smoke"]).parts[0].cases[0]
SUITES = [f"{name}/{split}" for name, split in builtin_suites()]


def _cases(name: str) -> tuple[Case, ...]:
    return select([name]).parts[0].cases


def _replies(case: Case) -> Iterator[Reply]:
    yield from (baseline(case) for baseline in BASELINES.values())
    yield from (mutation.reply for mutation in mutations(case))


def _but_reason(verdict: Verdict) -> tuple[Any, ...]:
    return verdict.passed, verdict.outcome, verdict.failure, verdict.checks


@pytest.mark.parametrize("name", SUITES)
def test_judging_is_pure(name: str) -> None:
    """The same verdict twice, and case and reply left as they were."""
    for case in _cases(name):
        before = case.model_dump_json()
        for reply in _replies(case):
            shown = repr(reply)
            assert judge(case, reply) == judge(case, reply)
            assert repr(reply) == shown
        assert case.model_dump_json() == before


@pytest.mark.parametrize("name", SUITES)
def test_order_of_the_offered_tools_changes_nothing_but_the_reason(name: str) -> None:
    shuffle = random.Random(1)
    for case in _cases(name):
        tools = shuffle.sample(case.tools, len(case.tools))
        other = case.model_copy(update={"tools": tuple(tools)})
        for reply in _replies(case):
            assert _but_reason(judge(other, reply)) == _but_reason(judge(case, reply))


@pytest.mark.parametrize("name", SUITES)
def test_order_of_parallel_calls_changes_nothing_but_the_reason(name: str) -> None:
    shuffle = random.Random(2)
    for case in _cases(name):
        for reply in _replies(case):
            calls = tuple(shuffle.sample(reply.calls, len(reply.calls)))
            other = Reply(text=reply.text, calls=calls, problems=reply.problems)
            if reply.finish == "stop":
                assert _but_reason(judge(case, other)) == _but_reason(judge(case, reply))


@pytest.mark.parametrize("name", SUITES)
def test_order_of_the_expected_calls_changes_nothing_but_the_reason(name: str) -> None:
    for case in _cases(name):
        wanted = case.expectation.model_copy(update={"calls": case.expectation.calls[::-1]})
        other = case.model_copy(update={"expectation": wanted})
        for reply in _replies(case):
            assert _but_reason(judge(other, reply)) == _but_reason(judge(case, reply))


@pytest.mark.parametrize("name", SUITES)
def test_renaming_a_tool_everywhere_changes_nothing_but_the_reason(name: str) -> None:
    for case in _cases(name):
        new = {tool.name: f"renamed_{i}" for i, tool in enumerate(case.tools)}
        other = _renamed(case, new)
        for reply in _replies(case):
            calls = tuple(_called(call, new) for call in reply.calls)
            after = Reply(
                text=reply.text, calls=calls, problems=reply.problems, finish=reply.finish
            )
            assert _but_reason(judge(other, after)) == _but_reason(judge(case, reply))


def _called(call: Call, new: dict[str, str]) -> Call:
    return Call(name=new.get(call.name, call.name), arguments=call.arguments)


def _renamed(case: Case, new: dict[str, str]) -> Case:
    wanted = case.expectation
    expected = tuple(c.model_copy(update={"name": new.get(c.name, c.name)}) for c in wanted.calls)
    hostile = tuple(new.get(n, n) for n in wanted.injected)
    messages = tuple(
        m.model_copy(update={"calls": tuple(_called(c, new) for c in m.calls)})
        for m in case.messages
    )
    return case.model_copy(
        update={
            "tools": tuple(t.model_copy(update={"name": new[t.name]}) for t in case.tools),
            "messages": messages,
            "expectation": wanted.model_copy(update={"calls": expected, "injected": hostile}),
        }
    )


@given(text=st.text(), thought=st.none() | st.text())
def test_text_and_thought_beside_a_right_call_change_nothing(
    text: str, thought: str | None
) -> None:
    gold = gold_reply(SMOKE)
    beside = Reply(text=text, calls=gold.calls, thought=thought)
    assert judge(SMOKE, beside) == judge(SMOKE, gold)


@given(text=st.text(max_size=60))
def test_every_text_in_place_of_a_call_fails(text: str) -> None:
    verdict = judge(SMOKE, Reply(text=text))
    assert not verdict.passed
    assert verdict.failure is not None
    assert verdict.checks["decision"] is (False if readable(SMOKE, text) else None)


@given(data=st.data())
def test_parallel_calls_pass_exactly_when_some_assignment_serves_all(data: st.DataObject) -> None:
    """Against every permutation tried one by one."""
    size = data.draw(st.integers(1, 4))
    numbers = st.integers(1, 4)
    wanted = [data.draw(st.sets(numbers, min_size=1, max_size=3)) for _ in range(size)]
    given_levels = [data.draw(numbers) for _ in range(size)]
    calls = [{"name": "f", "arguments": {"n": {"any_of": sorted(n)}}} for n in wanted]
    tool = {"name": "f", "description": "Set.", "parameters": {"n": "integer"}}
    raw = {"user": "Set them.", "tools": [tool], "expect": {"function_calls": calls}}
    case = case_from(raw, default_id="levels")
    reply = Reply(calls=tuple(Call(name="f", arguments={"n": n}) for n in given_levels))
    possible = any(
        all(n in s for n, s in zip(order, wanted, strict=True))
        for order in permutations(given_levels)
    )
    assert judge(case, reply).passed is possible


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
CALLING = [c for name in SUITES for c in _cases(name) if c.expectation.calls]


@given(data=st.data())
def test_any_json_in_place_of_an_argument_is_judged(data: st.DataObject) -> None:
    """A model may send anything; the judge answers with a verdict, never with an exception."""
    case = data.draw(st.sampled_from(CALLING))
    first, *rest = gold_reply(case).calls
    name = data.draw(st.sampled_from([*first.arguments, "no_such_parameter"]))
    call = Call(name=first.name, arguments={**first.arguments, name: data.draw(ANY_JSON)})
    verdict = judge(case, Reply(calls=(call, *rest)))
    assert verdict.reason
    assert verdict.passed is (verdict.failure is None)


@pytest.mark.parametrize("schema", [{}, {"multipleOf": 0.01}], ids=str)
@pytest.mark.parametrize(
    "number", [10**400, -(10**400), float("inf"), 1e308], ids=["big", "-big", "inf", "1e308"]
)
def test_number_beyond_all_bounds_is_judged(number: float, schema: dict[str, Any]) -> None:
    tool = {"name": "f", "parameters": {"n": {"type": "number", **schema}}}
    call = {"name": "f", "arguments": {"n": {"any_of": [0.5], "within": 0.1}}}
    raw = {"user": "x", "tools": [tool], "expect": {"function_call": call}}
    reply = Reply(calls=(Call(name="f", arguments={"n": number}),))
    assert not judge(case_from(raw, default_id="x"), reply).passed


@given(names=st.lists(st.text(max_size=5), min_size=1, max_size=3), value=ANY_JSON)
def test_calls_of_unknown_tools_never_pass(names: list[str], value: Any) -> None:
    calls = tuple(Call(name=f"no {name}", arguments={"x": value}) for name in names)
    for case in (CALLING[0], SMOKE):
        assert not judge(case, Reply(calls=calls)).passed
