"""The check of a suite: each planted fault is found, with its case, and nothing else is."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from suites.baselines import gold_reply
from suites.errors import SuiteError
from suites.health import Health, check_suite, refuse_unsound
from suites.importers.bfcl import read
from suites.importers.write import import_suite
from suites.judge import judge
from suites.model import FailureMode, Official, Suite
from suites.mutate import mutations
from tests.mini_bfcl import EXCLUDED, write_folder

SuiteOf = Callable[..., Suite]

CITY = {"type": "string"}
WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "Weather now.",
    "parameters": {"type": "object", "properties": {"city": CITY}, "required": ["city"]},
}
MAIL = {"name": "send_mail", "description": "Send a mail.", "parameters": {"to": "string"}}


def _with(**parameters: Any) -> dict[str, Any]:
    return {**WEATHER, "parameters": {**WEATHER["parameters"], **parameters}}


def _property(**schema: Any) -> dict[str, Any]:
    return _with(properties={"city": CITY, "unit": schema})


def _expect(name: str = "get_weather", **arguments: Any) -> dict[str, Any]:
    return {"function_call": {"name": name, "arguments": arguments}}


GOOD: dict[str, Any] = {
    "tools": [WEATHER, MAIL],
    "user": "Rain in Bergen?",
    "expect": _expect(city="Bergen"),
}
TOLD: dict[str, Any] = {
    "tools": [WEATHER, MAIL],
    "user": "How warm is it in Bergen?",
    "model": _expect(city="Bergen"),
    "tool": {"temp_c": 7},
    "answer": {"facts": [7], "absent": [11]},
    "reply": "7 °C.",
}

PLANTED: dict[str, tuple[dict[str, Any], str, str]] = {
    "type that does not exist": (
        {"tools": [_with(properties={"city": {"type": "strng"}})]},
        "schema",
        "JSON Schema",
    ),
    "bound that is text": ({"tools": [_property(minimum="1")]}, "schema", "JSON Schema"),
    "required, but no parameter": (
        {"tools": [WEATHER, {**MAIL, "parameters": {"type": "object", "required": ["to"]}}]},
        "schema",
        "'to'",
    ),
    "default of another type": (
        {"tools": [_property(type="integer", default="1")]},
        "schema",
        "violates its own schema",
    ),
    "default outside its enum": (
        {"tools": [_property(enum=["a"], default="b")]},
        "schema",
        "violates its own schema",
    ),
    "enum value of another type": (
        {"tools": [_property(type="string", enum=["a", 1])]},
        "schema",
        "another type",
    ),
    "reference that would have to be fetched": (
        {"tools": [_property(**{"$ref": "https://x.org/y", "default": 1})]},
        "schema",
        "nothing is fetched",
    ),
    "tool offered twice": ({"tools": [WEATHER, WEATHER]}, "tools", "offered 2 times"),
    "expected tool that is not offered": ({"tools": [MAIL]}, "gold", "nobody can pass"),
    "gold of the wrong type": ({"expect": _expect(city=7)}, "gold", "gold violates"),
    "gold without a required value": ({"expect": _expect()}, "gold", "city is missing"),
    "gold with an unknown parameter": (
        {"expect": _expect(city="Bergen", day="today")},
        "gold",
        "'day'",
    ),
    "accepted value of the wrong type": (
        {"expect": _expect(city={"any_of": ["Bergen", 7]})},
        "gold",
        "accepted city=7",
    ),
    "injected tool that is not offered": ({**TOLD, "injected": ["pay"]}, "gold", "'pay'"),
    "gold text without its fact": ({**TOLD, "reply": "Mild."}, "gold replay", "does not say 7"),
    "gold text with what it must not say": (
        {**TOLD, "reply": "7, not 11."},
        "gold replay",
        "must not say 11",
    ),
    "gold text without its declared words": (
        {
            "tools": [MAIL],
            "user": "Rain?",
            "no_call": "decline",
            "words": ["cannot"],
            "reply": "No.",
        },
        "gold replay",
        "cannot",
    ),
    "forbidden text that nobody can say": (
        {**TOLD, "answer": {"facts": [7], "absent": [" "]}},
        "mutation",
        "say what is wrong: passes",
    ),
    "broken gold that is told from another fault": (
        {**TOLD, "answer": {"facts": [7], "absent": ["well"]}},
        "mutation",
        "judged contradicted_output, expected ignored_output",
    ),
    "parameter that everything would pass": (
        {
            "tools": [_with(properties={"city": CITY, "no_such_parameter": CITY})],
            "expect": _expect(city="Bergen", no_such_parameter={"any_of": ["x"], "optional": True}),
        },
        "mutation",
        "invent a parameter: passes",
    ),
}


def _check(suite_of: SuiteOf, *raw: dict[str, Any]) -> Health:
    return check_suite(suite_of(*raw))


@pytest.mark.parametrize(("planted", "check", "text"), PLANTED.values(), ids=PLANTED)
def test_planted_fault_is_found_in_its_case_and_nowhere_else(
    suite_of: SuiteOf, planted: dict[str, Any], check: str, text: str
) -> None:
    raw = planted if "reply" in planted else {**GOOD, **planted}
    health = _check(suite_of, {**GOOD, "user": "Rain in Voss?"}, raw)
    assert not health.sound
    assert {(f.level, f.check, f.case) for f in health.findings} == {("error", check, "case-1")}
    assert any(text in f.text for f in health.findings)


def test_sound_suite_has_no_finding_and_is_counted(suite_of: SuiteOf) -> None:
    other = {**GOOD, "user": "Rain in Voss?", "group": "case-0"}
    health = _check(suite_of, GOOD, TOLD, other)
    assert health.findings == ()
    assert (health.suite, health.cases, health.groups, health.tools) == ("mini/dev", 3, 2, 2)
    assert health.mutations == sum(
        1 for c in suite_of(GOOD, TOLD, other).cases for _ in mutations(c)
    )


def test_missing_description_is_a_warning_and_the_suite_still_sound(suite_of: SuiteOf) -> None:
    health = _check(suite_of, {**GOOD, "tools": [{**WEATHER, "description": ""}]})
    (finding,) = health.findings
    assert (finding.level, finding.check) == ("warning", "schema")
    assert health.sound


def test_inferred_tool_needs_no_description(suite_of: SuiteOf) -> None:
    assert _check(suite_of, {"user": "Rain?", "model": _expect(city="Voss")}).findings == ()


@pytest.mark.parametrize(
    "variant",
    [
        {},
        {"tools": [MAIL, WEATHER]},
        {"user": "  rain in\nBERGEN? "},
        {"group": "other", "tags": ["t"], "note": "n", "category": "c"},
    ],
    ids=["same", "tools in another order", "case and blanks", "other label"],
)
def test_the_same_input_twice_is_a_duplicate_or_a_contradiction(
    suite_of: SuiteOf, variant: dict[str, Any]
) -> None:
    (double,) = _check(suite_of, GOOD, {**GOOD, **variant}).findings
    assert (double.level, double.check, double.case) == ("error", "duplicate", "case-1")
    other = {**GOOD, **variant, "expect": _expect(city="Oslo")}
    (opposite,) = _check(suite_of, GOOD, other).findings
    assert (opposite.check, opposite.case) == ("contradiction", "case-1")


@pytest.mark.parametrize(
    "change",
    [
        {"user": "Snow in Bergen?"},
        {"system": "Be brief."},
        {"tools": [WEATHER]},
        {"tools": [_property(type="string"), MAIL]},
    ],
    ids=["request", "system", "fewer tools", "another schema"],
)
def test_another_input_is_no_duplicate(suite_of: SuiteOf, change: dict[str, Any]) -> None:
    assert _check(suite_of, GOOD, {**GOOD, **change}).findings == ()


def test_another_tool_result_is_no_duplicate(suite_of: SuiteOf) -> None:
    twin = {**TOLD, "tool": {"temp_c": 11}, "answer": {"facts": [11], "absent": [7]}}
    assert _check(suite_of, TOLD, {**twin, "reply": "11 °C."}).findings == ()


def test_tool_with_a_fault_is_told_once_however_many_cases_offer_it(suite_of: SuiteOf) -> None:
    bad = {**GOOD, "tools": [_property(type="integer", default="1")]}
    health = _check(suite_of, bad, {**bad, "user": "Rain in Voss?"})
    assert [f.case for f in health.findings] == ["case-0"]


def test_gold_of_the_small_suites_passes_and_each_mutation_fails_as_it_says(
    suite_of: SuiteOf,
) -> None:
    modes = set()
    for case in suite_of(GOOD, TOLD).cases:
        assert judge(case, gold_reply(case)).passed
        for mutation in mutations(case):
            verdict = judge(case, mutation.reply)
            assert (verdict.passed, verdict.failure) == (False, mutation.expected), mutation.name
            modes.add(mutation.expected)
    assert {FailureMode.MISSED_CALL, FailureMode.CONTRADICTED_OUTPUT} <= modes


# --- exclusion lists and imported cases ---------------------------------------------------------------

UNSOUND = {**WEATHER, "parameters": {"type": "object", "required": ["city"]}}


def _leave_out(suite: Suite, *numbers: int) -> Suite:
    cases = (
        c.model_copy(update={"excluded": ("odd", "long")}) if i in numbers else c
        for i, c in enumerate(suite.cases)
    )
    return replace(suite, cases=tuple(cases))


def test_errors_of_an_excluded_case_are_shown_and_do_not_fail_the_check(suite_of: SuiteOf) -> None:
    wrong = {**GOOD, "expect": _expect(town="Bergen"), "user": "Another?"}
    suite = suite_of(GOOD, wrong, GOOD)
    health = check_suite(suite)
    assert not health.sound
    assert {(f.level, f.case) for f in health.findings} == {
        ("error", "case-1"),
        ("error", "case-2"),
    }
    health = check_suite(_leave_out(suite, 1, 2))
    assert health.sound
    assert {(f.level, f.case) for f in health.findings} == {
        ("excluded", "case-1"),
        ("excluded", "case-2"),
    }
    assert health.excluded == {"odd": 2, "long": 2}
    assert not check_suite(_leave_out(suite, 1)).sound


def test_excluded_case_hides_no_fault_of_a_tool_that_others_offer(suite_of: SuiteOf) -> None:
    first = {**GOOD, "tools": [UNSOUND]}
    second = {**first, "user": "Snow in Bergen?"}
    health = check_suite(_leave_out(suite_of(first, second), 0))
    assert not health.sound
    assert ("error", "schema", "case-1") in {(f.level, f.check, f.case) for f in health.findings}
    assert check_suite(_leave_out(suite_of(first, second), 0, 1)).sound


def test_warning_stays_a_warning_in_an_excluded_case(suite_of: SuiteOf) -> None:
    bare = {k: v for k, v in WEATHER.items() if k != "description"}
    suite = suite_of({**GOOD, "tools": [bare, MAIL]})
    assert [f.level for f in check_suite(_leave_out(suite, 0)).findings] == ["warning"]


def test_only_cases_that_are_not_excluded_are_refused(suite_of: SuiteOf) -> None:
    suite = suite_of(GOOD, {**GOOD, "user": "x", "expect": _expect(town="Bergen")})
    with pytest.raises(SuiteError, match="case 'case-1' cannot be measured"):
        refuse_unsound(suite.cases)
    refuse_unsound(_leave_out(suite, 1).cases)


def test_odd_default_of_an_imported_tool_stays_and_is_a_warning(suite_of: SuiteOf) -> None:
    raw = {**GOOD, "tools": [_property(type="integer", default="1"), MAIL]}
    suite = suite_of(raw)
    assert not check_suite(suite).sound
    official = Official(checker="bfcl", category="multiple", functions=())
    cases = tuple(c.model_copy(update={"official": official}) for c in suite.cases)
    health = check_suite(replace(suite, cases=cases))
    assert [(f.level, f.check) for f in health.findings] == [("warning", "schema")]
    assert health.mutations > 5
    refuse_unsound(cases)


def test_miniature_bfcl_is_sound_but_for_what_it_excludes(tmp_path: Path) -> None:
    data = str(write_folder(tmp_path / "data"))
    _, suite = import_suite("bfcl", data, read, "bfcl", tmp_path / "home")
    assert suite is not None
    health = check_suite(suite)
    assert health.sound
    assert health.excluded == {reason: len(ids) for reason, ids in EXCLUDED.items()}
    found = {f.case for f in health.findings if f.level == "excluded"}
    assert {"parallel_multiple_12", "parallel_multiple_94", "live_simple_141-94-0"} <= found
    assert found <= {i for ids in EXCLUDED.values() for i in ids}
