"""The law of the judge as a table: case and reply -> verdict, failure mode, sub-checks, reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from suites.forms import case_from, tool_from
from suites.judge import CHECKS, judge
from suites.model import Call, Case, FailureMode, Outcome, Reply

TABLE: dict[str, Any] = json.loads(
    (Path(__file__).parent / "tables" / "judge.json").read_text(encoding="utf-8")
)
TOOLBOX = {name: tool_from(raw, name) for name, raw in TABLE["tools"].items()}


def _case(name: str) -> Case:
    return case_from(TABLE["cases"][name], default_id="row", toolbox=TOOLBOX)


def _calls(raw: list[Any]) -> tuple[Call, ...]:
    return tuple(Call(name=name, arguments=arguments) for name, arguments in raw)


def _reply(raw: dict[str, Any]) -> Reply:
    fields = {**raw, "calls": _calls(raw.get("calls", []))}
    if "problems" in raw:
        fields["problems"] = tuple(raw["problems"])
    if "repaired" in raw:
        fields["repaired"] = _calls(raw["repaired"])
    return Reply(**fields)


@pytest.mark.parametrize("row", TABLE["rows"], ids=lambda row: row["law"])
def test_verdict_is_the_one_of_the_table(row: dict[str, Any]) -> None:
    verdict = judge(_case(row["case"]), _reply(row["reply"]))
    assert (verdict.passed, verdict.failure) == (row["passed"], row["failure"]), verdict.reason
    chosen = {name: verdict.checks.get(name) for name in row.get("checks", {})}
    assert chosen == row.get("checks", {})
    missing = [word for word in row.get("reason", []) if word not in verdict.reason]
    assert not missing, verdict.reason


@pytest.mark.parametrize("row", TABLE["rows"], ids=lambda row: row["law"])
def test_verdict_is_whole(row: dict[str, Any]) -> None:
    """A scored failure has exactly one mode, a scored verdict all checks, every verdict a reason."""
    reply = _reply(row["reply"])
    verdict = judge(_case(row["case"]), reply)
    assert verdict.outcome is reply.outcome
    assert verdict.reason
    if verdict.scored:
        assert tuple(verdict.checks) == CHECKS
        assert (verdict.failure is None) == verdict.passed
    else:
        assert verdict.outcome is Outcome.ERROR
        assert (verdict.passed, verdict.failure) == (False, None)


def test_table_covers_the_closed_list_of_failure_modes() -> None:
    assert {row["failure"] for row in TABLE["rows"]} - {None} == {
        mode.value for mode in FailureMode
    }


def test_table_has_a_law_of_its_own_in_every_row_and_uses_every_case() -> None:
    laws = [row["law"] for row in TABLE["rows"]]
    assert len(laws) == len(set(laws))
    assert len(laws) >= 60
    assert {row["case"] for row in TABLE["rows"]} == set(TABLE["cases"])


@pytest.mark.parametrize("check", CHECKS)
def test_every_sub_check_is_seen_true_and_false_in_the_table(check: str) -> None:
    seen = {row["checks"][check] for row in TABLE["rows"] if check in row.get("checks", {})}
    assert {True, False} <= seen


def test_every_outcome_is_seen_in_the_table() -> None:
    assert {_reply(row["reply"]).outcome for row in TABLE["rows"]} == set(Outcome)
