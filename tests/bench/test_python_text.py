"""The reader of pythonic calls against Python's own parser: the same literals, and nothing is evaluated."""

import ast
import json
import warnings
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.dialects.python_text import OPENING, read_call, read_calls

SLOW = (HealthCheck.too_slow,)  # a busy machine is no fault
LAWS = settings(max_examples=300, deadline=None, database=None, suppress_health_check=SLOW)
STRINGS = st.text(st.characters(blacklist_categories=("Cs",)), max_size=12)
VALUES = st.recursive(
    st.one_of(
        *(st.none(), st.booleans(), st.integers(), STRINGS),
        st.floats(allow_nan=False, allow_infinity=False),
    ),
    lambda v: st.one_of(st.lists(v, max_size=3), st.dictionaries(STRINGS, v, max_size=3)),
    max_leaves=8,
)
PIECES = [
    *(
        "'",
        '"',
        "'''",
        '"""',
        "\\",
        "\\n",
        "\\x41",
        "\\u00e9",
        "\\101",
        "\\N{BULLET}",
        "\\d",
        "r'",
        "u'",
    ),
    *(
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        ",",
        ":",
        " ",
        "\n",
        "1",
        "0",
        "-",
        "+",
        "1.5",
        ".5",
        "1e3",
        "0x1F",
    ),
    *("1_0", "_", "012", "1j", "True", "None", "true", "a", "f'", "b'", "#", "...", "e", "''", "é"),
]


def python_reads(source: str) -> Any:
    """The value of a call's one keyword argument, by Python's parser, tuples as lists; or ValueError."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # unknown escapes
            (item,) = ast.parse(f"[f(x={source})]", mode="eval").body.elts  # type: ignore[attr-defined]
            (keyword,) = item.keywords
            if not isinstance(item, ast.Call) or item.args or keyword.arg != "x":
                raise ValueError
            value = ast.literal_eval(keyword.value)
    except (SyntaxError, ValueError, TypeError, AttributeError, MemoryError, RecursionError):
        raise ValueError("Python does not read it") from None
    return as_json(value)


def as_json(value: Any) -> Any:
    """ValueError for what JSON cannot say, and for what we refuse on purpose: keys that are no text."""
    match value:
        case tuple() | list():
            return [as_json(v) for v in value]
        case dict():
            if not all(isinstance(k, str) for k in value):
                raise ValueError("a key that is no text")
            return {k: as_json(v) for k, v in value.items()}
        case None | bool() | int() | str():
            return value
        case float() if abs(value) != float("inf"):
            return value
        case _:
            raise ValueError("no JSON")


def we_read(source: str) -> Any:
    text = f"[f(x={source})]"
    ((name, arguments),), end = read_calls(text, 0)
    assert (name, end) == ("f", len(text))
    return arguments["x"]


def exact(value: Any) -> str:
    """JSON text: unlike `==`, it tells 1, 1.0 and true apart."""
    return json.dumps(value)


@given(value=VALUES)
@LAWS
def test_what_repr_writes_is_read_back(value: Any) -> None:
    assert exact(we_read(repr(value))) == exact(value)


@given(value=VALUES)
@LAWS
def test_what_json_writes_of_text_is_read_back(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False)
    words = {"null": "None", "true": "True", "false": "False"}
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        assert exact(we_read(words.get(text, text))) == exact(value)


@given(source=st.lists(st.sampled_from(PIECES), min_size=1, max_size=7).map("".join))
@settings(LAWS, max_examples=1500)
def test_any_source_is_read_as_python_reads_it_or_refused(source: str) -> None:
    """What we read, Python reads, and as the same value; what Python reads as JSON's values, we read."""
    try:
        ours: Any = we_read(source)
    except (ValueError, AssertionError):
        ours = ValueError
    try:
        theirs: Any = python_reads(source)
    except ValueError:
        theirs = ValueError
    if ours is not ValueError or theirs is not ValueError:
        allowed = "#" in source or "\\\n" in source.replace("'", "")  # comments, joined lines
        assert ours == theirs or (ours is ValueError and allowed), (ours, theirs)


def test_calls_keep_order_names_and_keywords() -> None:
    calls, end = read_calls("[b.c(x=1, y=[2]), a(), b.c(x=1,),] rest", 0)
    assert calls == [("b.c", {"x": 1, "y": [2]}), ("a", {}), ("b.c", {"x": 1})]
    assert end == len("[b.c(x=1, y=[2]), a(), b.c(x=1,),]")


def test_only_the_tolerant_reading_knows_the_words_of_json() -> None:
    assert read_call("f(x=[true, false, null])", 0, loose=True)[1] == {"x": [True, False, None]}
    for word in ("true", "false", "null"):
        with pytest.raises(ValueError, match="no literal"):
            read_call(f"f(x={word})", 0)


@pytest.mark.parametrize("text", ["[f(", "[ f(", "[\n  a.b-c(", "[_1("])
def test_a_name_before_a_bracket_opens_a_list_of_calls(text: str) -> None:
    assert OPENING.match(text)


@pytest.mark.parametrize("text", ["[", "[f", "[f ]", "[1(", "[f (", "f(", "['f('", "[]"])
def test_other_brackets_open_none(text: str) -> None:
    assert OPENING.match(text) is None
