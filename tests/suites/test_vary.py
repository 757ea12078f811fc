"""Variants keep the truth: proven on every built-in case, and what they change is only what they say."""

import dataclasses
import re
from collections.abc import Iterator
from functools import cache

import pytest

from suites import Call, Case, Reply, Suite, SuiteError, builtin_suites, judge, select
from suites.health import check_suite
from suites.mutate import mutations
from suites.schema import sample
from suites.vary import KINDS, MORE_TOOLS, check_kinds, kind_of, original_id, variants

SUITES = [f"{n}/{s}" for n, s in builtin_suites()]


@cache
def suite_of(name: str) -> Suite:
    return select([name]).parts[0].suite


@cache
def made(name: str, kind: str) -> tuple[Case, ...]:
    cases = suite_of(name).cases
    return variants(cases, [kind], cases)


def pairs(kind: str) -> Iterator[tuple[Case, Case]]:
    """(original, variant) of every built-in case."""
    for name in SUITES:
        yield from zip(suite_of(name).cases, made(name, kind), strict=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SUITES)
def test_gold_passes_and_every_broken_gold_fails_as_it_should(name: str, kind: str) -> None:
    """The whole health check over the variants as a suite: gold replay, mutations, lint, duplicates."""
    health = check_suite(dataclasses.replace(suite_of(name), cases=made(name, kind)))
    assert [f for f in health.findings if f.level == "error"] == []
    assert health.mutations >= check_suite(suite_of(name)).mutations * 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_everything_else_is_kept(kind: str) -> None:
    for case, variant in pairs(kind):
        assert variant.id == f"{case.id}~{kind}"
        assert (kind_of(variant), original_id(variant)) == (kind, case.id)
        assert (kind_of(case), original_id(case)) == (None, case.id)
        for name in ("group", "category", "note"):
            assert getattr(variant, name) == getattr(case, name)
        assert variant.expectation.kind == case.expectation.kind
        plain = [t for t in case.tags if not t.startswith("tools:")]
        kept = [t for t in variant.tags if not t.startswith("tools:")]
        assert kept == [*plain, f"variant:{kind}"]
        if kind != "names":
            assert variant.messages == case.messages
            assert variant.expectation == case.expectation


def test_order_moves_tools_and_parameters_and_changes_none() -> None:
    for case, variant in pairs("order"):
        names = [t.name for t in case.tools]
        moved = [t.name for t in variant.tools]
        assert sorted(moved) == sorted(names)
        assert len(names) < 2 or moved != names
        for tool in case.tools:
            other = variant.tool(tool.name)
            assert other is not None
            assert other.description == tool.description
            assert other.properties == tool.properties  # equal in any order
            many = len(tool.properties) > 1
            assert (list(other.properties) != list(tool.properties)) == many
            assert sorted(other.required) == sorted(tool.required)
            place = list(other.properties).index
            assert [*other.required] == sorted(other.required, key=place)


def translated(case: Case, variant: Case, call: Call) -> Call:
    """The call under the variant's names, by the tools' and parameters' places."""
    for old, new in zip(case.tools, variant.tools, strict=True):
        if old.name == call.name:
            names = dict(zip(old.properties, new.properties, strict=True))
            given = {names.get(k, k): v for k, v in call.arguments.items()}
            return Call(name=new.name, arguments=given)
    return call


def test_names_give_every_reply_the_verdict_of_the_original() -> None:
    """Every mutation of gold, translated: nothing else about the judgement may change."""
    for case, variant in pairs("names"):
        for mutation in mutations(case):
            reply = mutation.reply
            calls = tuple(translated(case, variant, c) for c in reply.calls)
            other = dataclasses.replace(reply, calls=calls)
            before, after = judge(case, reply), judge(variant, other)
            assert not after.passed
            assert (after.failure, after.checks) == (before.failure, before.checks), (
                case.id,
                mutation.name,
            )


def test_names_change_every_name_and_are_legal_and_unique() -> None:
    for case, variant in pairs("names"):
        old = {t.name for t in case.tools}
        new = [t.name for t in variant.tools]
        assert not old & set(new)
        assert len(set(new)) == len(new)
        assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", n) for n in new)
        for tool, other in zip(case.tools, variant.tools, strict=True):
            assert not set(tool.properties) & set(other.properties)
            assert len(other.properties) == len(tool.properties)
            assert len(other.required) == len(tool.required)
            assert set(other.required) <= set(other.properties)
            assert list(other.properties.values()) == list(tool.properties.values()) or (
                "`" in str(tool.parameters) or "_" in str(tool.parameters)
            )


def test_no_old_name_is_left_where_it_is_an_identifier() -> None:
    """Every old name with an underscore is gone from dialogue, tools and gold alike."""
    for case, variant in pairs("names"):
        old = {t.name for t in case.tools} | {p for t in case.tools for p in t.properties}
        text = variant.model_copy(update={"id": "", "group": "", "tags": (), "note": ""})
        left = set(re.findall(r"\w+", text.model_dump_json())) & {n for n in old if "_" in n}
        assert not left, case.id


def test_hostile_payloads_ask_for_the_tool_under_its_new_name() -> None:
    named = 0
    for case, variant in pairs("names"):
        old, new = case.messages[-1].content, variant.messages[-1].content
        renamed = zip(case.expectation.injected, variant.expectation.injected, strict=True)
        for before, after in renamed:
            assert variant.tool(after) is not None
            named += before in old
            assert (before in old) == (after in new)
    assert named > 30


def test_the_same_seed_gives_the_same_variants_and_another_one_others() -> None:
    cases = suite_of("call/dev").cases
    chosen = cases[:40]
    assert variants(chosen, KINDS, cases, seed=3) == variants(chosen, KINDS, cases, seed=3)
    for kind in ("order", "distractors"):
        one, other = (variants(chosen, [kind], cases, seed=s) for s in (1, 2))
        assert [c.id for c in one] == [c.id for c in other]
        assert one != other


def test_a_variant_does_not_depend_on_the_cases_beside_it() -> None:
    cases = suite_of("output/dev").cases
    every = {c.id: c for c in variants(cases, KINDS, cases)}
    for case in cases[::50]:
        for variant in variants([case], KINDS, cases):
            assert every[variant.id] == variant


def test_twins_share_their_new_names() -> None:
    seen: dict[tuple[str, str], set[str]] = {}
    for case, variant in pairs("names"):
        for tool, other in zip(case.tools, variant.tools, strict=True):
            seen.setdefault((case.group, tool.name), set()).add(other.name)
    assert sum(len(names) > 1 for names in seen.values()) <= len(seen) / 100


# --- distractors ------------------------------------------------------------------------------------


def added(case: Case, variant: Case) -> list[str]:
    return [t.name for t in variant.tools if case.tool(t.name) is None]


def test_distractors_are_three_more_tools_of_another_domain_in_the_suite() -> None:
    for name in SUITES:
        cases = suite_of(name).cases
        homes: dict[str, set[str]] = {}
        for case in cases:
            for tool in case.tools:
                homes.setdefault(tool.name, set()).add(case.id.split(".")[0])
        groups: dict[str, set[str]] = {}
        for case in cases:
            groups.setdefault(case.group, set()).update(t.name for t in case.tools)
        for case, variant in zip(cases, made(name, "distractors"), strict=True):
            more = added(case, variant)
            assert len(more) == len(set(more)) == MORE_TOOLS
            assert [t for t in variant.tools if case.tool(t.name)] == list(case.tools)
            assert not set(more) & groups[case.group]
            assert all(case.id.split(".")[0] not in homes[n] for n in more)


def test_no_distractor_shares_a_telling_word_with_the_request() -> None:
    """A recount by another rule: words of four letters and more in the tool's name."""
    for case, variant in pairs("distractors"):
        said = " ".join(m.content for m in case.messages).casefold()
        words = set(re.findall(r"[a-z]{4,}", said))
        for name in added(case, variant):
            assert not set(re.findall(r"[a-z]{4,}", name)) & words, case.id


def test_calling_a_distractor_is_always_wrong() -> None:
    for case, variant in pairs("distractors"):
        for name in added(case, variant):
            tool = variant.tool(name)
            assert tool is not None
            given = {n: sample(tool.properties.get(n, {})) for n in tool.required}
            assert not judge(variant, Reply(calls=(Call(name=name, arguments=given),))).passed


def test_distractors_do_not_always_stand_last() -> None:
    places = [
        [case.tool(t.name) is None for t in variant.tools] for case, variant in pairs("distractors")
    ]
    first, last = (sum(p[i] for p in places) / len(places) for i in (0, -1))
    assert 0.3 < first < 0.8
    assert 0.3 < last < 0.8


# --- refusals ---------------------------------------------------------------------------------------


def test_an_unknown_kind_is_refused_with_those_there_are() -> None:
    with pytest.raises(SuiteError, match="no kind of variant 'oder'") as caught:
        check_kinds(["names", "oder"])
    assert tuple(caught.value.known) == KINDS


def test_a_kind_named_twice_is_refused_and_kinds_have_a_fixed_order() -> None:
    with pytest.raises(SuiteError, match="'names' is named twice"):
        check_kinds(["names", "order", "names"])
    assert check_kinds(["distractors", "order"]) == ("order", "distractors")


def test_a_suite_without_other_domains_has_no_distractors() -> None:
    cases = [c for c in suite_of("call/dev").cases if c.id.startswith("weather.")]
    with pytest.raises(SuiteError, match=r"0 tools of other domains .* leave them out of --vary"):
        variants(cases, ["distractors"], cases)


def test_an_id_that_a_variant_would_take_is_refused() -> None:
    case = suite_of("call/dev").cases[0]
    other = case.model_copy(update={"id": f"{case.id}~order"})
    assert kind_of(other) is None
    with pytest.raises(SuiteError, match="kept for a variant"):
        variants([case], ["order"], [case, other])
