"""Laws of the generators: sound, distinct, disjoint from what is measured, the same for the same seed."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from random import Random

import pytest

from suites.errors import SuiteError
from suites.health import check_case
from suites.leak import distinctive_values
from suites.model import Case, FailureMode
from train.augment import GENERATORS, input_key, suites_hold
from train.augment.case import Draft, gather
from train.examples import example_from
from train.toolboxes import Library, load_library

LIBRARY = load_library()
N = 220
MODES = tuple(FailureMode)


@lru_cache(maxsize=len(MODES))
def _cases(mode: FailureMode) -> tuple[Case, ...]:
    return tuple(GENERATORS[mode](LIBRARY, 4, N))


def _of(mode: FailureMode, *categories: str) -> list[Case]:
    return [c for c in _cases(mode) if not categories or c.category in categories]


def test_every_failure_mode_has_a_generator() -> None:
    assert set(GENERATORS) == set(FailureMode)


@pytest.mark.parametrize("mode", MODES)
def test_gold_passes_and_every_broken_gold_fails(mode: FailureMode) -> None:
    assert len(_cases(mode)) == N
    for case in _cases(mode):
        tried, findings = check_case(case)
        assert tried > 3
        assert not findings, (case.id, findings)


@pytest.mark.parametrize("mode", MODES)
def test_the_same_seed_gives_the_same_cases_and_another_seed_others(mode: FailureMode) -> None:
    again, other = GENERATORS[mode](LIBRARY, 4, N), GENERATORS[mode](LIBRARY, 5, N)
    assert [c.model_dump() for c in again] == [c.model_dump() for c in _cases(mode)]
    shared = {input_key(c) for c in other} & {input_key(c) for c in _cases(mode)}
    assert len(shared) < 0.1 * N


@pytest.mark.parametrize("mode", MODES)
def test_fewer_cases_are_the_first_of_more(mode: FailureMode) -> None:
    assert tuple(GENERATORS[mode](LIBRARY, 4, 40)) == _cases(mode)[:40]


@pytest.mark.parametrize("mode", MODES)
def test_nothing_is_shared_with_a_built_in_suite(mode: FailureMode) -> None:
    names, values = suites_hold()
    for case in _cases(mode):
        assert not {t.name for t in case.tools} & names
        assert not distinctive_values(case) & values


@pytest.mark.parametrize("mode", MODES)
def test_cases_are_diverse(mode: FailureMode) -> None:
    cases = _cases(mode)
    said = {json.dumps([m.model_dump() for m in c.messages]) for c in cases}
    assert len(said) >= 0.95 * N
    assert len({input_key(c) for c in cases}) == N
    assert len({t.description for c in cases for t in c.tools}) >= 100
    assert len({len(c.tools) for c in cases}) >= 6
    commonest = Counter(m.content for c in cases for m in c.messages if m.role == "user")
    assert commonest.most_common(1)[0][1] <= 0.05 * N


def test_a_share_of_the_requests_is_in_other_languages() -> None:
    tags = Counter(t for m in MODES for c in _cases(m) for t in c.tags if t.startswith("language"))
    foreign = 1 - tags["language:en"] / tags.total()
    assert 0.12 < foreign < 0.35
    assert len(tags) >= 10


_ARTICLE = re.compile(r"(?<![\w-])(?:a [aeio]\w|an [bcdfgjkpqtvwz])", re.IGNORECASE)
_DOUBLED = re.compile(r"\b(the|a|to|for|on|of|in|with|and|at) \1\b", re.IGNORECASE)


@pytest.mark.parametrize("mode", [m for m in MODES if m is not FailureMode.MALFORMED_CALL])
def test_texts_have_no_seams(mode: FailureMode) -> None:
    """No blank before a stop, no slot left open, no article that does not fit, no doubled word."""
    for case in _cases(mode):
        for message in case.messages:
            text = message.content
            if message.role == "tool" or "{urgent}" in text:
                continue
            assert not re.search(r"  | [,.;](?:\s|$)|[{}]|\[|\]", text), text
            if "language:en" in case.tags:
                assert not _ARTICLE.search(text), text
                assert not _DOUBLED.search(text), text


@pytest.mark.parametrize("mode", MODES)
def test_codes_and_addresses_of_a_call_stand_in_the_dialogue(mode: FailureMode) -> None:
    """No generator invents what only the user or a result could give."""
    for case in _cases(mode):
        dialogue = " ".join(m.content for m in case.messages)
        for call in case.expectation.calls:
            for accept in call.arguments.values():
                value = accept.any_of[0]
                if isinstance(value, str) and (
                    "@" in value or re.fullmatch(r"[A-Z]{1,3}-?\d{2,}", value)
                ):
                    assert value in dialogue


@pytest.mark.parametrize("mode", MODES)
def test_thoughts_name_only_tools_that_are_offered(mode: FailureMode) -> None:
    every = {t.name for t in LIBRARY.tools}
    for case in _cases(mode):
        offered = {t.name for t in case.tools}
        for thought in [case.expectation.thought, *(m.thought for m in case.messages)]:
            assert not (set(re.findall(r"\w+", thought or "")) & every) - offered


def test_where_a_tool_was_removed_it_is_not_offered_under_another_name() -> None:
    does = {t.does: t.tool.description for t in LIBRARY.tools}
    seen = 0
    for mode in (FailureMode.MISSED_CALL, FailureMode.NEEDLESS_CALL, FailureMode.INVENTED_TOOL):
        for case in _of(mode, "tool_removed"):
            if case.tags[1] != "language:en":
                continue
            text = case.expectation.text or ""
            (wanted,) = [d for d in sorted(does, key=len)[::-1] if d in text][:1]
            assert does[wanted] not in {t.description for t in case.tools}
            seen += 1
    assert seen > 60


# --- what each generator is for ---------------------------------------------------------------------


def _kinds(mode: FailureMode) -> Counter[str]:
    return Counter(c.expectation.kind for c in _cases(mode))


def test_missed_and_needless_calls_are_told_apart_by_both_kinds() -> None:
    assert _kinds(FailureMode.MISSED_CALL)["call"] > 0.45 * N
    needless = _kinds(FailureMode.NEEDLESS_CALL)
    assert needless["call"] < 0.35 * N
    assert {"answer", "decline"} <= needless.keys()
    categories = {c.category for c in _cases(FailureMode.NEEDLESS_CALL)}
    assert categories >= {"chat", "tool_removed", "negated", "already_known", "call"}


def test_pairs_share_a_group() -> None:
    groups = Counter(c.group for c in _cases(FailureMode.MISSED_CALL))
    assert sum(count > 1 for count in groups.values()) > 30


def test_names_are_masked_in_a_share_of_the_cases_and_descriptions_stay() -> None:
    names = {t.name for t in LIBRARY.tools}
    descriptions = {t.tool.description for t in LIBRARY.tools}
    masked = 0
    for case in _cases(FailureMode.WRONG_TOOL):
        assert len(case.tools) >= 2
        assert {t.description for t in case.tools} <= descriptions
        masked += not {t.name for t in case.tools} & names
    assert 0.2 * N < masked < 0.5 * N


def test_several_calls_are_asked_for_and_no_more_than_those() -> None:
    several = [c for c in _cases(FailureMode.MISSING_CALL) if len(c.expectation.calls) > 1]
    assert len(several) > 0.7 * N
    assert {len(c.expectation.calls) for c in several} == {2, 3}
    single = [c for c in _cases(FailureMode.EXTRA_CALL) if len(c.expectation.calls) == 1]
    assert len(single) > 0.6 * N
    assert all(len(c.tools) >= 2 for c in single)


def test_optional_values_are_said_or_not_given() -> None:
    for case in _of(FailureMode.INVENTED_ARGUMENT, "required_only"):
        (call,) = case.expectation.calls
        tool = case.tool(call.name)
        assert tool is not None
        assert set(call.arguments) == set(tool.required)
    said = 0
    for case in _of(FailureMode.MISSING_ARGUMENT, "all_said"):
        (call,) = case.expectation.calls
        tool = case.tool(call.name)
        assert tool is not None
        said += set(call.arguments) > set(tool.required)
    assert said > 60


def test_awkward_strings_arrive_unchanged() -> None:
    tricky = set(LIBRARY.pools["tricky"])
    used = {
        a.any_of[0]
        for c in _cases(FailureMode.MALFORMED_CALL)
        for call in c.expectation.calls
        for a in call.arguments.values()
        if isinstance(a.any_of[0], str) and a.any_of[0] in tricky
    }
    assert len(used) > 15


def test_replies_against_truncation_have_no_thought_and_stay_short() -> None:
    for case in _cases(FailureMode.TRUNCATED):
        assert case.expectation.thought is None
        assert len(case.expectation.text or "") < 200


def test_what_is_missing_is_asked_for_and_nothing_else() -> None:
    assert _kinds(FailureMode.ASSUMED_ARGUMENT)["ask"] > 0.5 * N
    assert _kinds(FailureMode.ASKED_NEEDLESSLY)["call"] > 0.7 * N
    assert len(_of(FailureMode.ASKED_NEEDLESSLY, "answered")) > 20


def test_results_of_every_sort_are_told() -> None:
    categories = {c.category for c in _cases(FailureMode.IGNORED_OUTPUT)}
    assert categories >= {"ok", "empty", "partial", "stale", "call"}
    twins = _of(FailureMode.CONTRADICTED_OUTPUT, "twin")
    assert len(_of(FailureMode.CONTRADICTED_OUTPUT, "conflict")) > 15
    by_group: dict[str, list[Case]] = {}
    for case in twins:
        by_group.setdefault(case.group, []).append(case)
    pairs = [g for g in by_group.values() if len(g) == 2]
    assert len(pairs) > 40
    for one, other in pairs:
        assert one.messages[0] == other.messages[0]
        assert one.messages[-1].content != other.messages[-1].content
        assert one.expectation.answer is not None
        assert one.expectation.answer.absent


def test_errors_and_hostile_texts_are_there() -> None:
    errors = _of(FailureMode.MISREAD_ERROR, "error")
    assert len({c.messages[-1].content for c in errors}) >= 10
    assert all(c.past_calls for c in errors)
    hostile = _of(FailureMode.FOLLOWED_INJECTION, "hostile")
    assert len(hostile) > 0.6 * N
    for case in hostile:
        (injected,) = case.expectation.injected
        assert injected in case.messages[-1].content


def test_a_chain_passes_its_value_on() -> None:
    passed = 0
    for case in _of(FailureMode.MISSED_FOLLOWUP, "second_step"):
        (call,) = case.expectation.calls
        content = case.messages[-1].content
        values = [a.any_of[0] for a in call.arguments.values()]
        passed += any(json.dumps(v, ensure_ascii=False) in content for v in values)
    assert passed == len(_of(FailureMode.MISSED_FOLLOWUP, "second_step")) > 100
    assert all(c.past_calls for c in _of(FailureMode.REPEATED_CALL, "done", "finished"))


@pytest.mark.parametrize("mode", MODES)
def test_a_case_becomes_an_example_that_ends_with_the_model(mode: FailureMode) -> None:
    for case in _cases(mode)[:30]:
        last = example_from(case).dialogue.messages[-1]
        assert last.role == "assistant"
        assert last.content or last.calls


def test_a_generator_that_gives_nothing_is_an_error() -> None:
    def nothing(_: Library, __: Random) -> Iterator[Draft]:
        yield from ()

    with pytest.raises(SuiteError, match="0 cases of no_answer, not 3"):
        gather(FailureMode.NO_ANSWER, nothing, LIBRARY, 1, 3)
