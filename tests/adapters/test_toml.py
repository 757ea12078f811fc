"""The TOML writer against the standard library's reader."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import ModelError
from adapters.toml import dump_toml

texts = st.text(st.characters(exclude_categories=["Cs"]))
scalars = texts | st.integers() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(texts, values, max_size=6))
def test_the_standard_reader_finds_the_same_values(table: dict[str, Any]) -> None:
    back = tomllib.loads(dump_toml(table))
    assert back == table
    assert _kinds(back) == _kinds(table)


def _kinds(value: object) -> object:
    """True is not 1, and 1 is not 1.0."""
    if isinstance(value, dict):
        return {k: _kinds(v) for k, v in value.items()}
    return [_kinds(v) for v in value] if isinstance(value, list) else type(value)


@pytest.mark.parametrize(
    ("table", "place"),
    [
        ({"a": None}, "a: NoneType"),
        ({"a": {"b": [1, None]}}, r"a\.b\[1\]: NoneType"),
        ({"a": b"x"}, "a: bytes"),
        ({"a": float("inf")}, "a: inf is no finite number"),
        ({"a": [float("nan")]}, r"a\[0\]: nan is no finite number"),
        ({"a": {1: 2}}, "a: the key 1"),
        ({"a": "\ud800"}, "a: the text .* is no Unicode"),
    ],
)
def test_what_toml_cannot_hold_is_refused_with_its_place(table: Any, place: str) -> None:
    with pytest.raises(ModelError, match=place):
        dump_toml(table)


def test_what_is_nested_too_deep_is_refused() -> None:
    deep: Any = 1
    for _ in range(50):
        deep = [deep]
    with pytest.raises(ModelError, match="nested more than"):
        dump_toml({"a": deep})


def test_the_form_is_one_that_people_read() -> None:
    table = {"name": "a b", "recipe": {"r": 16, "lr": 1e-4}, "runs": [{"n": 1}, {"n": 2}]}
    assert dump_toml(table) == (
        'name = "a b"\n\n[recipe]\nr = 16\nlr = 0.0001\n\n[[runs]]\nn = 1\n\n[[runs]]\nn = 2\n'
    )
