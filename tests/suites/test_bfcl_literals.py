"""Java and JavaScript literals: written so that BFCL reads the value, compared by what they mean."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suites.bfcl import java, javascript
from suites.bfcl.literals import KIND, same_literal, write_literal


def _schema(kind: str, inner: str | None) -> dict[str, Any]:
    return {KIND[0]: kind, **({KIND[1]: inner} if inner else {})}


@pytest.mark.parametrize(
    ("language", "kind", "inner", "value", "text"),
    [
        ("java", "String", None, "a, b", "a, b"),
        ("java", "integer", None, -5, "-5"),
        ("java", "long", None, 5, "5L"),
        ("java", "float", None, 0.5, "0.5f"),
        ("java", "double", None, 2.0, "2.0"),
        ("java", "boolean", None, True, "true"),
        ("java", "char", None, "c", "c"),
        ("java", "ArrayList", "String", ["a", "b"], 'new ArrayList<>(Arrays.asList("a", "b"))'),
        ("java", "ArrayList", "integer", [], "new ArrayList<>()"),
        ("java", "Array", "integer", [1, 2], "new int[]{1, 2}"),
        ("java", "Array", "String", ["a"], "new String[]{a}"),
        (
            "java",
            "HashMap",
            None,
            {"a": 1, "b": "x"},
            'new HashMap<String, Object>() {{ put("a", 1); put("b", "x"); }}',
        ),
        ("javascript", "String", None, "a", "a"),
        ("javascript", "integer", None, 5, "5"),
        ("javascript", "Bigint", None, 10**30, f"{10**30}n"),
        ("javascript", "float", None, 0.25, "0.25"),
        ("javascript", "Boolean", None, False, "false"),
        ("javascript", "array", "String", ["a", "b"], '["a", "b"]'),
        ("javascript", "array", "integer", [1], "[1]"),
        ("javascript", "dict", None, {"a": 1, "b": "x"}, '{a: 1, b: "x"}'),
        ("javascript", "dict", None, {}, "{}"),
    ],
)
def test_a_value_is_written_as_one_would(
    language: str, kind: str, inner: str | None, value: Any, text: str
) -> None:
    assert write_literal(language, value, kind, inner) == text
    convert = java.convert if language == "java" else javascript.convert
    assert convert(text, kind, inner) == value


@pytest.mark.parametrize(
    ("language", "kind", "inner", "value"),
    [
        ("java", "ArrayList", "any", [42, True]),  # BFCL leaves elements of any type texts
        ("java", "ArrayList", "String", ["a, b"]),  # and splits a list at every comma
        ("java", "HashMap", None, {"a": "}"}),
        ("java", "Set", "integer", [1]),
        ("java", "integer", None, None),
        ("javascript", "String", None, '"quoted"'),
        ("javascript", "float", None, 1e30),
        ("javascript", "Boolean", None, None),
    ],
)
def test_what_no_text_can_say_is_not_written(
    language: str, kind: str, inner: str | None, value: Any
) -> None:
    assert write_literal(language, value, kind, inner) is None


_NOT_CONVERTED = ("Set", "Hashtable", "Queue", "Stack")
_SCALARS = st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6)
_VALUES = _SCALARS | st.lists(_SCALARS, max_size=3) | st.dictionaries(st.text(max_size=4), _SCALARS)


@given(
    typed=st.sampled_from(
        [("java", kind) for kind in java.TYPES if kind not in _NOT_CONVERTED]
        + [("javascript", kind) for kind in javascript.TYPES]
    ),
    inner=st.none() | st.sampled_from(["String", "integer", "any", "float", "char"]),
    value=_VALUES,
)
@settings(max_examples=300)
def test_what_is_written_means_exactly_the_value_and_equals_itself(
    typed: tuple[str, str], inner: str | None, value: Any
) -> None:
    language, kind = typed
    text = write_literal(language, value, kind, inner)
    if text is None:
        return
    convert = java.convert if language == "java" else javascript.convert
    found = convert(text, kind, inner)
    assert (type(found), found) == (type(value), value)
    if "nan" not in text.lower():
        assert same_literal(language, text, text, _schema(kind, inner))
        assert same_literal(language, f"  {text}\n", text, _schema(kind, inner))


@pytest.mark.parametrize(
    ("language", "kind", "inner", "a", "b", "equal"),
    [
        ("java", "integer", None, "5", " 5 ", True),
        ("java", "integer", None, "5", "05", True),
        ("java", "integer", None, "5", "6", False),
        ("java", "long", None, "5L", "5l", True),
        ("java", "long", None, "5L", "5", False),
        ("java", "double", None, "0.5", "5e-1", True),
        ("java", "boolean", None, "true", "True", False),
        ("java", "boolean", None, "true", "false", False),
        ("java", "String", None, '"a"', "a", True),
        ("java", "String", None, "a b", "ab", False),
        ("java", "ArrayList", "String", 'new ArrayList<>(Arrays.asList("a","b"))',
         'new ArrayList<String>(Arrays.asList("a", "b"))', True),
        ("java", "ArrayList", "integer", "new ArrayList<>(Arrays.asList(1, 2))",
         "new ArrayList<>(Arrays.asList(2, 1))", False),
        ("java", "ArrayList", "integer", "new ArrayList<>(Arrays.asList(1))",
         "new ArrayList<>(Arrays.asList(1, 1))", False),
        ("java", "HashMap", None, 'new HashMap<>() {{ put("a", 1); put("b", 2); }}',
         'new HashMap<String, Integer>() {{ put("b", 2); put("a", 1); }}', True),
        ("java", "HashMap", None, 'new HashMap<>() {{ put("a", 1); }}',
         'new HashMap<>() {{ put("a", true); }}', False),
        ("javascript", "array", "integer", "[1,2]", "[1, 2]", True),
        ("javascript", "array", None, "[1]", '["1"]', False),
        ("javascript", "array", None, "[1]", "[1.0]", True),
        ("javascript", "dict", None, "{a: 1}", "{'a':1}", True),
        ("javascript", "dict", None, "{a: 1}", "{b: 1}", False),
        ("javascript", "Boolean", None, "true", "1", False),
        ("javascript", "Bigint", None, "5n", "5", False),
        ("javascript", "String", None, "'a'", '"a"', True),
        ("javascript", "float", None, "1", "1.0", True),
    ],
)  # fmt: skip
def test_texts_are_compared_by_their_values(
    language: str, kind: str, inner: str | None, a: str, b: str, equal: bool
) -> None:
    assert same_literal(language, a, b, _schema(kind, inner)) is equal
    assert same_literal(language, b, a, _schema(kind, inner)) is equal


@given(a=st.text(max_size=30), b=st.text(max_size=30), kind=st.sampled_from([*java.TYPES, "x"]))
def test_any_two_texts_can_be_compared(a: str, b: str, kind: str) -> None:
    for language in ("java", "javascript"):
        assert same_literal(language, a, b, _schema(kind, "String")) in (True, False)
