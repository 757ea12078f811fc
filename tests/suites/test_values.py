"""When two values are the same, at every depth of any JSON value."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suites.model import Accept
from suites.values import accepts, same

LEAVES = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=5)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def _mapped(value: Any, change: Any) -> Any:
    if isinstance(value, list):
        return [_mapped(v, change) for v in value]
    if isinstance(value, dict):
        return {k: _mapped(v, change) for k, v in value.items()}
    return change(value)


def _holds(value: Any, kind: type) -> bool:
    if isinstance(value, list | dict):
        inner = value if isinstance(value, list) else list(value.values())
        return any(_holds(v, kind) for v in inner)
    return type(value) is kind


@given(VALUES, VALUES)
def test_sameness_is_reflexive_and_symmetric(a: Any, b: Any) -> None:
    assert same(a, a)
    assert same(a, b) is same(b, a)


@given(VALUES)
def test_int_is_accepted_where_a_float_is_asked_at_every_depth(value: Any) -> None:
    floats = _mapped(value, lambda v: float(v) if type(v) is int else v)
    assert same(value, floats)
    assert same(floats, value)


@given(VALUES)
def test_boolean_is_never_a_number_at_any_depth(value: Any) -> None:
    numbers = _mapped(value, lambda v: int(v) if type(v) is bool else v)
    assert same(value, numbers) is not _holds(value, bool)


@given(VALUES)
def test_text_of_a_number_is_never_the_number_at_any_depth(value: Any) -> None:
    texts = _mapped(value, lambda v: str(v) if type(v) is int else v)
    assert same(value, texts) is not _holds(value, int)


@given(st.lists(LEAVES, max_size=6), st.randoms())
def test_set_ignores_order_but_not_the_number_of_each(items: list[Any], shuffle: Any) -> None:
    accept = Accept(any_of=(items,), normal="set")
    assert accepts(accept, shuffle.sample(items, len(items)))
    assert not accepts(accept, [*items, "one more"])
    if items:
        assert not accepts(accept, items[1:])


@given(st.dates())
def test_every_date_is_the_same_in_all_unambiguous_forms(day: Any) -> None:
    iso = day.isoformat()
    accept = Accept(any_of=(iso,), normal="date")
    month = day.strftime("%B")
    year = f"{day.year:04}"
    assert accepts(accept, iso.replace("-", "/"))
    assert accepts(accept, f"{day.day} {month} {year}")
    assert accepts(accept, f"{month} {day.day}, {year}")
    assert accepts(accept, f"{month[:3]} {day.day}, {year}")
    assert accepts(accept, f"{iso}T00:00:00")


@given(st.dates(), st.dates())
def test_two_dates_are_never_the_same(a: Any, b: Any) -> None:
    accept = Accept(any_of=(a.isoformat(),), normal="date")
    assert accepts(accept, f"{b.day} {b:%B} {b.year:04}") is (a == b)


@given(st.times().map(lambda t: t.replace(microsecond=0)))
def test_every_time_is_the_same_on_a_twelve_hour_clock(moment: Any) -> None:
    moment = moment.replace(second=0)
    accept = Accept(any_of=(f"{moment:%H:%M}",), normal="time")
    half = "p.m." if moment.hour >= 12 else "a.m."
    hour = moment.hour % 12 or 12
    assert accepts(accept, f"{moment:%H:%M:%S}")
    assert accepts(accept, f"{hour}:{moment:%M} {half}")
    assert accepts(accept, f"{hour}:{moment:%M}{half.replace('.', '').upper()}")
    assert not accepts(accept, f"{hour}:{moment:%M} {'am' if half == 'p.m.' else 'pm'}")


@pytest.mark.parametrize("normal", ["exact", "text", "date", "time", "datetime", "set"])
@given(text=st.text())
def test_every_text_is_the_same_as_itself_and_none_as_text_plus_a_letter(
    normal: Any, text: str
) -> None:
    accept = Accept(any_of=(text,), normal=normal)
    assert accepts(accept, text)
    assert not accepts(accept, text + "q")


def test_default_of_the_schema_stands_for_a_left_out_key_on_either_side() -> None:
    schema = {"properties": {"width": {"default": 1}}}
    for gold, value in (({"width": 1.0}, {}), ({}, {"width": 1}), ({}, {})):
        assert accepts(Accept(any_of=(gold,)), value, schema)
    for gold, value in (({"width": 2}, {}), ({}, {"width": True}), ({}, {"other": 1})):
        assert not accepts(Accept(any_of=(gold,)), value, schema)


def test_format_of_the_schema_is_the_normal_form_unless_one_is_declared() -> None:
    moment, other = "2026-03-05T12:00:00Z", "2026-03-05T13:00:00+01:00"
    assert accepts(Accept(any_of=(moment,)), other, {"format": "date-time"})
    assert not accepts(Accept(any_of=(moment,)), other, {})
    assert not accepts(Accept(any_of=(moment,), normal="text"), other, {"format": "date-time"})


def test_within_reaches_into_lists_and_includes_its_bound() -> None:
    accept = Accept(any_of=([1, 2.5],), within=0.5)
    assert accepts(accept, [1.5, 2])
    assert not accepts(accept, [1.6, 2])
    assert not accepts(accept, [True, 2])
