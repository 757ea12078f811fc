"""Data as text: JSON or a Python literal, never evaluated."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from train.corpora.literals import listed, read_data, read_objects

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@settings(max_examples=200, deadline=None, database=None)
@given(value=st.lists(PLAIN, max_size=4))
def test_what_python_prints_is_read_back(value: list[Any]) -> None:
    assert read_data(repr(value)) == value


def test_python_literals_are_counted_and_json_is_not() -> None:
    tally: Counter[str] = Counter()
    assert read_data('{"a": [true, null]}', tally) == {"a": [True, None]}
    assert tally == {}
    assert read_data("{'a': [True, null, (1, 2)]}", tally) == {"a": [True, None, [1, 2]]}
    assert tally == {"python_literals": 1}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5 + 5",
        "open('x')",
        "{'a': __import__('os')}",
        "[x for x in (1, 2)]",
        "{'a': 1}, {'b': 2}",
        "{'a': 1}) or g(x={}",
        "{1: 2}",
        "{'a': nan}",
        "{'a': 1e999}",
        "{'a'",
        "{'a': b'x'}",
        "[" * 200 + "]" * 200,
        "{'a': 1, 'a': 2}",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="JSON"):
        read_data(text)


def test_objects_one_after_another() -> None:
    assert read_objects('x {"a": 1}\n\n{"b": 2}, [3] end', 2) == ([{"a": 1}, {"b": 2}, [3]], 25)
    assert read_objects("nothing", 0) == ([], 0)


def test_a_list_may_be_text_or_missing() -> None:
    assert listed({"k": "['a']"}, "k") == ["a"]
    assert listed({"k": (1, 2)}, "k") == [1, 2]
    assert listed({"k": None}, "k") == listed({}, "k") == listed({"k": " "}, "k") == []
