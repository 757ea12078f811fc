"""The lexical rules against hand-labelled replies: every figure that reports print is recounted here.

`replies.jsonl` was written and labelled from requests and tools alone, before the phrases and without the
words that the cases declare. A reply *is* what it does in the main: a refusal with an offer declines, one
that names what it still needs asks, one that claims to have done it answers, right or wrong. The lists were
tuned on the first, third, … line; the figures come from the second, fourth, …
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites import Case, builtin_suites, judge, select
from suites.kinds import MEASURED, PHRASES, Measured, text_kind
from suites.model import Reply
from suites.sense import readable
from suites.values import plain_text

CASES: dict[tuple[str, str], Case] = {
    (f"{name}/{split}", c.id): c
    for name, split in builtin_suites()
    for c in select([f"{name}/{split}"]).parts[0].cases
}
ROWS: list[dict[str, Any]] = [
    json.loads(line)
    for line in (Path(__file__).parent / "tables" / "replies.jsonl")
    .read_text(encoding="utf-8")
    .splitlines()
]
LABELLED = [(CASES[row["suite"], row["case"]], row["text"], row["is"]) for row in ROWS]


def _count(labelled: list[tuple[Case, str, str]]) -> Measured:
    kinds = [text_kind(case, text) == kind for case, text, kind in labelled]
    held: dict[bool, list[bool]] = {True: [], False: []}
    for case, text, kind in labelled:
        check = judge(case, Reply(text=text)).checks["kind"]
        if case.expectation.no_call and check is not None:
            held[kind == case.expectation.kind].append(check)
    return Measured(
        kinds=(sum(kinds), len(kinds)),
        said=(sum(held[True]), len(held[True])),
        false_alarms=(sum(held[False]), len(held[False])),
    )


def test_the_measured_errors_are_those_of_the_untouched_half() -> None:
    assert _count(LABELLED[1::2]) == MEASURED


def test_the_labelled_replies_are_many_and_various() -> None:
    assert len(ROWS) >= 240
    assert len({(row["case"], row["text"]) for row in ROWS}) == len(ROWS)
    assert len({row["case"] for row in ROWS}) >= 60
    assert min(Counter(row["is"] for row in ROWS).values()) >= 80
    assert {c.expectation.kind for c, _, _ in LABELLED} == {"call", "answer", "ask", "decline"}
    tags = {t for c, _, _ in LABELLED for t in c.tags if t.startswith("lang:")}
    assert len(tags) >= 5
    wrong = [1 for c, _, kind in LABELLED if kind != c.expectation.kind]
    assert len(wrong) >= 100


def test_no_labelled_reply_fails_for_saying_nothing() -> None:
    assert [text for case, text, _ in LABELLED if not readable(case, text)] == []


def test_the_untouched_half_is_told_about_as_well_as_the_other() -> None:
    right, n = _count(LABELLED[0::2]).kinds
    assert right / n - MEASURED.kinds[0] / MEASURED.kinds[1] <= 0.05


CASE = CASES["call/dev", "garage.brakes.no-date"]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("What day works for you?", "ask"),
        ("Please tell me the day", "ask"),
        ("I can't tell which day you mean.", "ask"),
        ("I can't do that. Shall I order a key?", "decline"),
        ("Sorry, what day?", "ask"),
        ("Sorry!", "decline"),
        ("Booked.", "answer"),
        ("cannoted", "answer"),
        ("申し訳ありません", "decline"),
        ("请告诉我日期", "ask"),
    ],
)
def test_the_rules_in_their_order(text: str, kind: str) -> None:
    assert text_kind(CASE, text) == kind


def test_an_echo_of_the_request_is_no_question_and_all_facts_make_an_answer() -> None:
    case = CASES["call/dev", "maps.pin.equator"]
    assert text_kind(case, case.messages[-1].content) == "answer"
    assert text_kind(case, "Who doesn't know the equator?") == "answer"
    assert text_kind(case, "Who doesn't know that?") == "ask"


def test_the_kind_does_not_depend_on_what_is_expected_of_a_case_without_facts() -> None:
    """Else the matrix would lean to its diagonal."""
    for case, text, _ in LABELLED:
        if case.expectation.answer is None and case.expectation.no_call:
            other = "ask" if case.expectation.no_call == "decline" else "decline"
            swapped = case.expectation.model_copy(update={"no_call": other, "words": ()})
            twin = case.model_copy(update={"expectation": swapped})
            assert text_kind(twin, text) == text_kind(case, text)


@given(text=st.text(max_size=80))
def test_any_text_has_a_kind(text: str) -> None:
    assert text_kind(CASE, text) in ("answer", "ask", "decline")


def test_the_phrases_are_in_normal_form_and_not_empty() -> None:
    for line in PHRASES.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            head, _, listed = line.partition(":")
            assert head.split()[0] in ("decline", "sorry", "ask")
            phrases = [phrase.strip() for phrase in listed.split("|")]
            assert all(phrases), head
            assert [p for p in phrases if plain_text(p) != p.replace("ß", "ss")] == [], head
            assert len(set(phrases)) == len(phrases), head
