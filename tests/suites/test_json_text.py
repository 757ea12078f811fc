"""JSON read strictly, as replies and case files are."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.json_text import compact, loads

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES)
def test_every_json_value_is_read_as_it_was_written(value: Any) -> None:
    for text in (compact(value), json.dumps(value, indent=1)):
        found = loads(text)
        assert found == value
        assert compact(found) == compact(value)


BROKEN: dict[str, tuple[str, str]] = {
    "nothing": ("", "no JSON"),
    "single quotes": ("{'a': 1}", "no JSON"),
    "final comma": ('{"a": 1,}', "no JSON"),
    "two values": ('{"a": 1} {"b": 2}', "no JSON"),
    "no end": ('{"a": 1', "no JSON"),
    "Python": ("True", "no JSON"),
    "NaN": ('{"a": NaN}', "NaN"),
    "infinity": ("[Infinity]", "Infinity"),
    "minus infinity": ("-Infinity", "-Infinity"),
    "a number above all": ("[-1e999]", "finite"),
    "a key twice": ('{"a": 1, "b": 2, "a": 1}', "'a' stands twice"),
    "a key twice inside": ('{"x": {"a": 1, "a": 2}}', "'a' stands twice"),
    "deep without an end": ("[" * 100_000, "deep"),
    "deep": ("[" * 100 + "]" * 100, "deep"),
    "an endless integer": ("1" * 5000, "digits"),
}


@pytest.mark.parametrize(("text", "word"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_plain_json_is_refused_in_a_few_words(text: str, word: str) -> None:
    with pytest.raises(ValueError, match=word) as caught:
        loads(text)
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


@given(st.text())
def test_any_text_is_a_value_or_a_value_error(text: str) -> None:
    try:
        value = loads(text)
    except ValueError:
        return
    assert loads(compact(value)) == value


def test_compact_text_has_no_blanks_and_keeps_letters() -> None:
    assert compact({"a": ["ü", 1, None]}) == '{"a":["ü",1,null]}'
