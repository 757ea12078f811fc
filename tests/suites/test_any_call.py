"""Cases for which any call is right: which replies pass, and what they may not say besides."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suites.baselines import BASELINES, gold_reply
from suites.errors import SuiteError
from suites.health import check_suite
from suites.judge import judge
from suites.load import load_suite
from suites.model import Call, Case, Expectation, FailureMode, Outcome, Reply, Suite
from suites.mutate import mutations

RING: dict[str, Any] = {
    "name": "ring",
    "description": "Ring.",
    "parameters": {
        "type": "object",
        "properties": {"times": {"type": "integer", "maximum": 9}, "tone": {"type": "string"}},
        "required": ["times"],
    },
}
MAIL = {"name": "mail", "description": "Mail.", "parameters": {"to": "string"}}
RAW: dict[str, Any] = {
    "id": "any",
    "tools": [RING, MAIL],
    "messages": [{"role": "user", "content": "Do what you can."}],
    "expectation": {"any_call": True},
}


@pytest.fixture
def suite(suite_of: Callable[..., Suite]) -> Suite:
    return suite_of(RAW)


@pytest.fixture
def case(suite: Suite) -> Case:
    return suite.cases[0]


def _reply(*calls: tuple[str, dict[str, Any]], text: str = "") -> Reply:
    return Reply(text=text, calls=tuple(Call(name=n, arguments=a) for n, a in calls))


@pytest.mark.parametrize(
    "reply",
    [
        _reply(("ring", {"times": 2})),
        _reply(("mail", {"to": "Ann"})),
        _reply(("ring", {"times": 1}), ("mail", {"to": "Ann"}), ("ring", {"times": 1})),
        _reply(("ring", {"times": 9, "tone": "low"}), text="I ring."),
    ],
)
def test_any_sound_call_of_an_offered_tool_passes(case: Case, reply: Reply) -> None:
    verdict = judge(case, reply)
    assert (verdict.passed, verdict.outcome, verdict.failure) == (True, Outcome.CALL, None)
    assert verdict.checks["decision"] is True
    assert verdict.checks["schema"] is True


@pytest.mark.parametrize(
    ("reply", "mode"),
    [
        (Reply(text="Sure, I will."), FailureMode.MISSED_CALL),
        (Reply(text=""), FailureMode.MISSED_CALL),
        (Reply(text="abc"), FailureMode.MISSED_CALL),
        (_reply(("sing", {})), FailureMode.INVENTED_TOOL),
        (_reply(("ring", {})), FailureMode.MISSING_ARGUMENT),
        (_reply(("ring", {"times": "2"})), FailureMode.WRONG_TYPE),
        (_reply(("ring", {"times": 10})), FailureMode.SCHEMA_VIOLATION),
        (_reply(("ring", {"times": 1, "x": 1})), FailureMode.INVENTED_ARGUMENT),
        (_reply(("ring", {"times": 1}), ("sing", {})), FailureMode.INVENTED_TOOL),
        (Reply(text="ring(", problems=("cut",)), FailureMode.MALFORMED_CALL),
        (Reply(text="Well,", finish="length"), FailureMode.TRUNCATED),
    ],
)
def test_all_else_fails_and_is_named(case: Case, reply: Reply, mode: FailureMode) -> None:
    verdict = judge(case, reply)
    assert (verdict.passed, verdict.failure) == (False, mode)
    assert verdict.reason


def test_gold_is_a_sound_call_and_noise_and_declining_fail(case: Case) -> None:
    passed = {name: judge(case, reply(case)).passed for name, reply in BASELINES.items()}
    assert passed == {
        "gold": True,
        "always decline": False,
        "always first tool": True,
        "noise": False,
    }
    assert [c.name for c in gold_reply(case).calls] == ["ring"]


def test_every_broken_reply_fails_as_it_should(suite: Suite, case: Case) -> None:
    tried = list(mutations(case))
    assert {m.expected for m in tried} >= {FailureMode.MISSED_CALL, FailureMode.INVENTED_TOOL}
    for mutation in tried:
        assert judge(case, mutation.reply).failure is mutation.expected
    health = check_suite(suite)
    assert health.findings == ()
    assert health.mutations == len(tried)


def test_any_call_of_nothing_cannot_be_passed_and_is_found(
    suite_of: Callable[..., Suite],
) -> None:
    health = check_suite(suite_of({**RAW, "tools": []}))
    assert [(f.level, f.check) for f in health.findings] == [("error", "gold replay")]


@pytest.mark.parametrize(
    "more",
    [
        {"calls": [{"name": "ring"}]},
        {"no_call": "answer", "text": "No."},
        {"answer": {"facts": [{"any_of": ["x"]}]}},
        {"any_call": False},
        {"any_call": "yes"},
    ],
)
def test_nothing_else_may_be_expected_beside_it(
    write_lines: Callable[..., Path], more: dict[str, Any]
) -> None:
    case = {**RAW, "expectation": {**RAW["expectation"], **more}}
    with pytest.raises(SuiteError, match=r"dev\.jsonl:1: expectation"):
        load_suite(write_lines(case))


def test_it_is_read_from_disk_and_counts_as_a_call(write_lines: Callable[..., Path]) -> None:
    (case,) = load_suite(write_lines(RAW)).cases
    assert case.expectation == Expectation(any_call=True)
    assert case.expectation.kind == "call"
