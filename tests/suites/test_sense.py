"""What can be read: one word that belongs here is enough, random letters are not."""

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites import Case, builtin_suites, select
from suites.forms import case_from
from suites.sense import EVERYDAY, readable
from suites.values import plain_text
from suites.words import words_in

CASES: list[Case] = [
    c for name, split in builtin_suites() for c in select([f"{name}/{split}"]).parts[0].cases
]
TOOL = {
    "name": "getQuincunx",
    "description": "Plants flibber trees.",
    "parameters": {"zyx": "string"},
}
ASK = case_from(
    {
        "tools": [TOOL],
        "user": "Gromble it!",
        "no_call": "ask",
        "words": ["vwollig"],
        "reply": "Blorp?",
    },
    default_id="ask",
)
SUM = case_from(
    {"tools": [], "user": "Add 50 and 38.", "answer": {"facts": [[88]]}, "reply": "88"},
    default_id="sum",
)
SHORT = case_from(
    {"tools": [], "user": "Plan?", "answer": {"facts": [["B"]]}, "reply": "B"}, default_id="short"
)
TOKYO = case_from(
    {"tools": [], "user": "東京の天気", "no_call": "decline", "reply": "無理"}, default_id="tokyo"
)
SEOUL = case_from(
    {"tools": [], "user": "서울의 날씨", "no_call": "decline", "reply": "불가"}, default_id="seoul"
)


@pytest.mark.parametrize(
    "text",
    [
        "Hi!",
        "Sure.",
        "Désolé",
        "No",
        "OK.",
        "nope",
        "It is mild.",
        "好的",
        "네",
        "はい",
        "لا",
        "нет",
    ],
)
def test_one_everyday_word_can_be_read_whatever_the_case(text: str) -> None:
    assert readable(ASK, text)


@pytest.mark.parametrize("text", ["gromble", "QUINCUNX", "flibber!", "zyx", "Vwollig?", "blorp"])
def test_a_word_of_the_dialogue_the_tools_or_the_declaration_can_be_read(text: str) -> None:
    assert readable(ASK, text)
    assert not readable(SUM, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "abc",
        "asdf jkl",
        "qwerty",
        "sdfghjkl;",
        "zxcvbnm hjkl",
        "....",
        "?",
        "<unused1>",
        "c d",
    ],
)
def test_mash_and_signs_cannot_be_read(text: str) -> None:
    assert not readable(ASK, text)


@pytest.mark.parametrize(("text", "case", "read"), [
    ("88", SUM, True),
    ("42", SUM, True),
    ("42", ASK, False),
    ("b", SHORT, True),
    ("c", SHORT, False),
    ("東 ", TOKYO, True),
    ("鑫鑫", TOKYO, False),
    ("서울은", SEOUL, True),
    ("쿄쿄쿄", SEOUL, False),
])  # fmt: skip
def test_numbers_facts_and_scripts_without_blanks(text: str, case: Case, read: bool) -> None:
    assert readable(case, text) is read


def test_a_word_of_the_case_counts_by_its_beginning_and_not_by_its_end() -> None:
    assert readable(ASK, "Gromblings.")
    assert not readable(ASK, "ungromble grxmble zyxes thxyes")


def test_what_must_not_be_said_can_be_read_all_the_same() -> None:
    """Else a false answer of one word would be taken for none."""
    answer = {"facts": [["wimsy"]], "absent": [["zorkish"]]}
    raw = {"tools": [], "user": "Well?", "answer": answer, "reply": "wimsy"}
    case = case_from(raw, default_id="banned")
    assert readable(case, "Zorkish!")
    assert not readable(case, "Blorkish!")


def test_every_gold_text_can_be_read() -> None:
    texts = [(c.id, c.expectation.text) for c in CASES if c.expectation.text]
    assert len(texts) > 1000
    assert [i for c in CASES if (i := c.id) and not readable(c, c.expectation.text or "yes")] == []


def test_hardly_a_random_string_can_be_read() -> None:
    """1 to 3 words of 1 to 8 random letters, each for a random case; about 1 in 100 hits a short word."""
    rng = random.Random(1)
    passed = 0
    for _ in range(1000):
        words = [
            "".join(rng.choices(string.ascii_lowercase, k=rng.randint(1, 8)))
            for _ in range(rng.randint(1, 3))
        ]
        passed += readable(rng.choice(CASES), " ".join(words))
    assert passed <= 20


@given(text=st.text(max_size=80))
def test_any_text_is_read_without_an_exception(text: str) -> None:
    assert readable(ASK, text) is readable(ASK, f" {text}\n")


def test_the_everyday_words_are_in_normal_form_and_cover_the_languages_of_the_suites() -> None:
    lines = [x for x in EVERYDAY.read_text(encoding="utf-8").splitlines() if x and x[0] != "#"]
    languages = {x.partition(":")[0] for x in lines}
    tags = {t.removeprefix("lang:") for c in CASES for t in c.tags if t.startswith("lang:")}
    assert tags <= languages
    for line in lines:
        language, _, words = line.partition(":")
        assert plain_text(words) == " ".join(words.split()).replace("ß", "ss"), language
        if language not in ("zh", "ja", "ko", "th"):
            assert words_in(words) == words.split(), language
