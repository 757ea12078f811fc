"""The bfcl mode beyond parity: what it must never do, and how long it may take."""

import time
from pathlib import Path

import pytest

from suites.bfcl import check, check_text, decode

DOCS = [
    {
        "name": "f",
        "parameters": {
            "properties": {"p": {"type": "array", "items": {"type": "String"}}},
            "required": [],
        },
    }
]


def test_a_crash_is_a_verdict_with_the_name_of_the_exception() -> None:
    docs = [{"name": "f", "parameters": {"properties": {"p": {"type": "number"}}, "required": []}}]
    verdict = check(docs, [{"f": {"p": 1}}], [{"f": {"p": [1]}}], "simple_python")
    assert (verdict.valid, verdict.crashed, verdict.error_type) == (False, True, "KeyError")


def test_model_text_is_not_run(tmp_path: Path) -> None:
    target = tmp_path / "written"
    decoded = decode(f"[f(x=open({str(target)!r}, 'w').write('x') + 1)]")
    assert decoded.refused
    assert not target.exists()


@pytest.mark.parametrize("text", ["[f(x=len('a') + 1)]", "[f(x=2 ** 10 ** 9)]"])
def test_a_refused_text_is_never_credited_as_no_call(text: str) -> None:
    assert not check_text([], text, None, "irrelevance").valid
    assert check_text(DOCS, text, [], "simple_python").error_type == "ast_decoder:decoder_failed"


@pytest.mark.parametrize("text", ["[f(x=a + 1)]", "abc", "", "[]"])
def test_what_does_not_decode_is_no_call_as_officially(text: str) -> None:
    assert check_text([], text, None, "irrelevance").valid


def test_underscores_stand_for_dots_when_the_model_was_told_so() -> None:
    docs = [{"name": "a.b", "parameters": {"properties": {}, "required": []}}]
    assert not check(docs, [{"a_b": {}}], [{"a.b": {}}], "simple_python").valid
    assert check(docs, [{"a_b": {}}], [{"a.b": {}}], "simple_python", underscores=True).valid


@pytest.mark.parametrize(
    ("category", "kind", "value"),
    [
        ("simple_javascript", "array", "[[" + "1],[" * 3000),
        ("simple_javascript", "array", "new Array([" + "1],[" * 3000),
        ("simple_java", "HashMap", "new HashMap<>() {" + " " * 5000 + "x"),
        ("simple_java", "ArrayList", "new ArrayList<>() {{" + " " * 5000 + "}"),
    ],
)
def test_hostile_values_take_no_exponential_time(category: str, kind: str, value: str) -> None:
    detail = {"type": kind, "items": {"type": "any"}}
    docs = [{"name": "f", "parameters": {"properties": {"p": detail}, "required": []}}]
    begin = time.perf_counter()
    check(docs, [{"f": {"p": value}}], [{"f": {"p": [["x"]]}}], category)
    assert time.perf_counter() - begin < 1.0


@pytest.mark.parametrize("language", ["java", "javascript"])
@pytest.mark.parametrize(
    "text", ["f(" * 5000, "[" * 5000, "f(a=" + "(" * 5000, "f(a=-" + "-" * 20000 + "1)"]
)
def test_deep_text_is_no_exception(language: str, text: str) -> None:
    assert not decode(text, language).ok  # type: ignore[arg-type]
