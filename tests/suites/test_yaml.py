"""YAML as data: JSON's types only, and the line of every value."""

from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from suites.errors import SuiteError
from suites.yaml_io import load_yaml


def _values(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        st.none() | st.booleans() | st.integers() | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc"), inner),
        max_leaves=10,
    )


JSON_VALUES = _values(st.text(st.characters(codec="utf-8")))


def _scalar(text: str) -> Any:
    return load_yaml(f"key: {text}\n", "x.yaml")[0]["key"]


TRAPS = """no yes on off y n No NO Off True TRUE False Null NULL 2026-03-05 2026-03-05T10:00:00Z
12:30 1:30:00 0123 007 0x1F 0o17 0b1 1_000 +5 .5 5. .inf -.inf .nan NaN Infinity 1,5 = <<"""


@pytest.mark.parametrize("text", TRAPS.split())
def test_yaml_1_1_trap_stays_text(text: str) -> None:
    """Norway is no falsehood, 12:30 is not 750, and a date is no object."""
    assert _scalar(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("1.50", 1.5),
        ("1e3", 1000.0),
        ("'true'", "true"),
        ('"12"', "12"),
        ("'null'", "null"),
    ],
)
def test_values_of_json_are_themselves_and_quotes_make_text(text: str, value: Any) -> None:
    found = _scalar(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("a: !!python/object:os.system {}\n", 1, "python/object"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]\n", 2, "python/object/apply"),
        ("a: !!python/name:os.system\n", 1, "python/name"),
        ("a:\n- !!binary aGk=\n", 2, "binary"),
        ("a: !!set {x}\n", 1, "set"),
        ("a: !!timestamp 2026-03-05\n", 1, "timestamp"),
        ("a: !mine 1\n", 1, "!mine"),
        ("a: 1\nb: 2\na: 3\n", 3, "'a' stands twice"),
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", 4, "'b' stands twice"),
        ("a: {b: 1, b: 2}\n", 1, "'b' stands twice"),
        ("? [a, b]\n: 1\n", 1, "key must be text"),
        ("a: [1, 2\nb: 3\n", 2, "broken YAML"),
        ("a: 1\n\tb: 2\n", 2, "broken YAML"),
        ("a: *nowhere\n", 1, "broken YAML"),
        ("a: 1\n---\nb: 2\n", 2, "broken YAML"),
        ("a: 1e999\n", 1, "finite"),
        ("a: " + "9" * 5000 + "\n", 1, "too long"),
    ],
)
def test_what_is_no_data_is_refused_with_its_line(text: str, line: int, word: str) -> None:
    with pytest.raises(SuiteError) as caught:
        load_yaml(text, "x.yaml")
    assert (caught.value.file, caught.value.line) == ("x.yaml", line)
    assert word in str(caught.value)
    assert str(caught.value).startswith(f"x.yaml:{line}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["a: &a [*a]\n", "[" * 5000, "\x00", "a: \x07\n"], ids=["loop", "deep", "null", "bell"]
)
def test_hostile_file_is_refused_naming_the_file(text: str) -> None:
    with pytest.raises(SuiteError, match=r"x\.yaml"):
        load_yaml(text, "x.yaml")


def test_alias_gives_the_same_value_again() -> None:
    value, _ = load_yaml("a: &x {k: [1]}\nb: *x\n", "x.yaml")
    assert value == {"a": {"k": [1]}, "b": {"k": [1]}}


def test_every_value_has_its_line() -> None:
    _, lines = load_yaml("# head\na:\n- 1\n- b: 2\n  c:\n    d: 3\n", "x.yaml")
    assert lines == {
        (): 2,
        ("a",): 2,
        ("a", 0): 3,
        ("a", 1): 4,
        ("a", 1, "b"): 4,
        ("a", 1, "c"): 5,
        ("a", 1, "c", "d"): 6,
    }


@given(JSON_VALUES)
@example("\x85")
@example("\u2028")
def test_what_yaml_writes_of_json_values_is_read_back(value: Any) -> None:
    text = yaml.safe_dump(value)
    assert load_yaml(text, "x.yaml")[0] == value


@given(_values(st.text(st.characters(codec="utf-8", exclude_characters="\x85\u2028\u2029"))))
def test_letters_of_any_script_need_no_escape(value: Any) -> None:
    """Without YAML 1.1's three line breaks beyond ASCII: PyYAML writes them bare, and breaks are folded."""
    text = yaml.safe_dump(value, allow_unicode=True)
    assert load_yaml(text, "x.yaml")[0] == value
