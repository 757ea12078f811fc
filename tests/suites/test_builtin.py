"""The built-in suites: sound by the project's own check, and of the size and shape that is promised."""

from collections import Counter
from dataclasses import replace

import pytest

from suites import BASELINES, FailureMode, Suite, builtin_suites, judge, select
from suites.catalogue import BUILTIN
from suites.health import check_suite
from suites.leak import distinctive_values, leaks
from suites.load import splits_of
from suites.mutate import mutations

SUITES: dict[str, Suite] = {
    f"{name}/{split}": select([f"{name}/{split}"]).parts[0].suite
    for name, split in builtin_suites()
}
DEV = [name for name in SUITES if name.endswith("/dev")]
each = pytest.mark.parametrize("suite", SUITES.values(), ids=SUITES)


def _passed(suite: Suite, baseline: str) -> Counter[str]:
    """Passed cases by kind of expectation."""
    reply = BASELINES[baseline]
    return Counter(c.expectation.kind for c in suite.cases if judge(c, reply(c)).passed)


def _kinds(suite: Suite) -> Counter[str]:
    return Counter(c.expectation.kind for c in suite.cases)


def test_there_are_the_three_suites() -> None:
    assert DEV == ["arguments/dev", "call/dev", "output/dev"]


@each
def test_check_finds_nothing(suite: Suite) -> None:
    health = check_suite(suite)
    assert health.findings == ()
    assert health.sound
    assert health.cases == len(suite.cases)
    assert health.mutations >= 8 * health.cases


@each
def test_gold_passes_every_case(suite: Suite) -> None:
    assert _passed(suite, "gold") == _kinds(suite)


@each
def test_every_mutation_of_gold_fails_with_the_mode_it_stands_for(suite: Suite) -> None:
    for case in suite.cases:
        for mutation in mutations(case):
            verdict = judge(case, mutation.reply)
            found = (case.id, mutation.name, verdict.passed, verdict.failure)
            assert found == (case.id, mutation.name, False, mutation.expected), verdict.reason


def test_mutations_of_the_built_in_cases_produce_every_failure_mode() -> None:
    seen = {m.expected for suite in SUITES.values() for c in suite.cases for m in mutations(c)}
    assert seen == set(FailureMode)


# --- the floors ---------------------------------------------------------------------------------------


def test_gold_and_three_floors_are_reported() -> None:
    assert list(BASELINES) == ["gold", "always decline", "always first tool", "noise"]


@each
def test_noise_passes_nothing_and_holds_no_sub_check(suite: Suite) -> None:
    for case in suite.cases:
        verdict = judge(case, BASELINES["noise"](case))
        assert not verdict.passed, case.id
        assert set(verdict.checks.values()) == {None}, case.id


@each
def test_always_decline_passes_all_of_ask_and_decline_no_call_and_few_answers(
    suite: Suite,
) -> None:
    kinds, passed = _kinds(suite), _passed(suite, "always decline")
    assert passed["call"] == 0
    assert (passed["ask"], passed["decline"]) == (kinds["ask"], kinds["decline"])
    assert passed["answer"] <= 0.2 * kinds["answer"]


@each
def test_always_the_first_tool_passes_hardly_a_case(suite: Suite) -> None:
    assert sum(_passed(suite, "always first tool").values()) <= 0.01 * len(suite.cases)


@each
@pytest.mark.parametrize("baseline", sorted(set(BASELINES) - {"gold"}))
def test_no_baseline_but_gold_passes_more_than_55_percent(suite: Suite, baseline: str) -> None:
    assert sum(_passed(suite, baseline).values()) <= 0.55 * len(suite.cases)


def test_dev_and_test_share_no_tool_no_group_and_no_distinctive_value() -> None:
    assert leaks(list(SUITES.values())) == []


def test_a_planted_leak_of_each_kind_is_found() -> None:
    test = next(s for s in SUITES.values() if s.split == "test")
    case = next(c for c in test.cases if distinctive_values(c))
    planted = replace(test, name="planted", split="dev", cases=(case,))
    kinds = {f.text.split()[1] for f in leaks([test, planted])}
    assert kinds == {"tool", "group", "value"}


# --- size and shape -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DEV)
def test_dev_suite_has_forty_cases_twelve_tools_and_six_domains(name: str) -> None:
    suite = SUITES[name]
    assert len(suite.cases) >= 40
    assert len({t.name for c in suite.cases for t in c.tools}) >= 12
    assert len({c.id.split(".")[0] for c in suite.cases}) >= 6


@each
def test_every_group_has_at_least_two_cases(suite: Suite) -> None:
    assert min(Counter(c.group for c in suite.cases).values()) >= 2


@each
def test_every_case_is_named_by_its_group_and_every_category_is_used(suite: Suite) -> None:
    assert all(c.id.startswith(c.group + ".") for c in suite.cases)
    assert {c.category for c in suite.cases} <= set(suite.categories)
    both = [c for s in SUITES.values() if s.name == suite.name for c in s.cases]
    assert {c.category for c in both} == set(suite.categories)


@each
def test_every_suite_says_what_it_is_and_under_which_licence(suite: Suite) -> None:
    assert suite.about
    assert suite.licence
    assert all(suite.categories.values())


@each
def test_no_case_is_left_with_an_inferred_tool(suite: Suite) -> None:
    assert not [c.id for c in suite.cases if "inferred-tool" in c.tags]


def test_ids_are_unique_over_all_suites_of_a_split() -> None:
    for split in ("dev", "test"):
        found = [c.id for n, s in SUITES.items() if n.endswith(split) for c in s.cases]
        assert len(found) == len(set(found))


def test_no_tool_is_shared_between_dev_and_test() -> None:
    names = {
        split: {
            t.name for n, s in SUITES.items() if n.endswith(split) for c in s.cases for t in c.tools
        }
        for split in ("dev", "test")
    }
    assert names["dev"] & names["test"] == set()


def test_every_suite_folder_is_listed() -> None:
    folders = [f for f in BUILTIN.iterdir() if f.is_dir()]
    assert {n.split("/")[0] for n in SUITES} == {f.name for f in folders}
    assert sum(len(splits_of(f)) for f in folders) == len(SUITES)


def test_smoke_has_eight_cases_of_each_suite_and_half_expect_calls() -> None:
    selection = select(["smoke"])
    assert selection.size == 24
    assert sorted(p.suite.name for p in selection.parts) == ["arguments", "call", "output"]
    assert [len(p.cases) for p in selection.parts] == [8, 8, 8]
    cases = [c for p in selection.parts for c in p.cases]
    assert sum(c.expectation.kind == "call" for c in cases) == 12


def test_smoke_takes_groups_by_twos() -> None:
    groups = Counter(c.group for p in select(["smoke"]).parts for c in p.cases)
    assert min(groups.values()) >= 2
