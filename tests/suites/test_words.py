"""What a text says: numbers by value, facts as whole words, questions of its own."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.model import Fact
from suites.values import plain_text
from suites.words import asks, numbers_in, says, says_any

TABLES = Path(__file__).parent / "tables"


def _rows(name: str) -> list[dict[str, Any]]:
    rows = json.loads((TABLES / f"{name}.json").read_text(encoding="utf-8"))
    assert len({row["law"] for row in rows}) == len(rows)
    return [pytest.param(row, id=row["law"]) for row in rows]


@pytest.mark.parametrize("row", _rows("numbers"))
def test_numbers_of_a_text_are_the_ones_of_the_table(row: dict[str, Any]) -> None:
    assert numbers_in(row["text"]) == set(map(float, row["numbers"]))


@pytest.mark.parametrize("row", _rows("says"))
def test_fact_is_said_as_the_table_has_it(row: dict[str, Any]) -> None:
    assert says(row["text"], Fact(any_of=tuple(row["any_of"]))) is row["said"]


@pytest.mark.parametrize("row", _rows("asks"))
def test_question_is_seen_as_the_table_has_it(row: dict[str, Any]) -> None:
    assert asks(row["text"], row["request"]) is row["asks"]


@given(text=st.text(), phrases=st.lists(st.text(max_size=8), max_size=4), request=st.text())
def test_any_text_is_read_without_an_exception(text: str, phrases: list[str], request: str) -> None:
    assert isinstance(says_any(text, phrases), bool)
    assert isinstance(asks(text, request), bool)
    assert all(isinstance(n, float) for n in numbers_in(text))


@given(st.text(alphabet="0123456789.,-\u2212 _aEURé度\u0661"))
def test_any_heap_of_digits_and_signs_is_read(text: str) -> None:
    assert all(isinstance(n, float) for n in numbers_in(text))


@given(st.integers(-(10**15), 10**15))
def test_every_integer_is_found_plain_and_with_thousands(number: int) -> None:
    assert numbers_in(f"It is {number}.") == {float(number)}
    assert numbers_in(f"It is {number:,}!") == {float(number)}


@given(st.decimals(-(10**9), 10**9, places=2))
def test_every_decimal_is_found_with_point_comma_and_thousands(number: Any) -> None:
    plain = f"{number:.2f}"
    expected = {float(plain)}
    assert numbers_in(f"({plain} l)") == expected
    assert numbers_in(f"({plain.replace('.', ',')} l)") == expected
    assert numbers_in(f"({number:,.2f} l)") == expected


@given(before=st.text(max_size=20), after=st.text(max_size=20), phrase=st.text(min_size=1))
def test_a_phrase_between_blanks_is_always_found(before: str, after: str, phrase: str) -> None:
    if phrase.strip():
        assert says_any(f"{before} \n{phrase} {after}", [phrase.upper(), phrase])


@given(st.text())
def test_normal_form_is_reached_in_one_step(text: str) -> None:
    once = plain_text(text)
    assert plain_text(f"  {text}\n") == once
    assert once == once.strip()
    assert "  " not in once


AWKWARD = {
    "digits": "1" * 200_000,
    "digits and a letter": "1" * 200_000 + "x",
    "letter and digits": "x" + "1" * 200_000,
    "thousands": "1" + ",111" * 50_000,
    "thousands and a digit": "1" + ",111" * 50_000 + "1",
    "commas": "1," * 100_000,
    "points": "1." * 100_000,
    "bare commas": "," * 200_000,
    "minus signs": "-" * 200_000,
    "minus and digit": "-1" * 100_000,
    "currency codes": "EUR" * 66_000 + "1",
    "currency codes and digits": "EUR1" * 50_000,
    "question marks": "?" * 200_000,
    "blanks": " " * 200_000,
    "combining marks": "e" + "\u0301" * 20_000,
    "one letter": "a" * 200_000,
    "CJK": "東京" * 100_000,
    "words": "no parcel " * 20_000,
}


@pytest.mark.parametrize("text", AWKWARD.values(), ids=AWKWARD)
def test_long_awkward_text_is_read_in_one_pass(text: str) -> None:
    """200 000 characters; anything quadratic would hang here for minutes."""
    assert len(numbers_in(text)) <= 3
    assert says(text, Fact(any_of=("nowhere to be found", "a" * 50 + "b", -123456))) is False
    assert asks(text, "Is it so?") is ("?" in text)
    assert says_any(text, ["no parcel no"]) is (text == AWKWARD["words"])
