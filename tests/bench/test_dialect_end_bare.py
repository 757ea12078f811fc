"""Laws of `Dialect.end` where calls have no closing tag: Llama's bare JSON and pythonic lists."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.dialects import DIALECTS, Dialect

CALL = {"llama3": '{"name": "f", "parameters": {"x": 1}}', "pythonic": "[f(x=1)]"}
BETWEEN = {"llama3": ["", " ", "\n", "; ", ";\n", "<|python_tag|>"], "pythonic": ["", " ", "\n\n"]}
FRAGMENTS = [
    *CALL.values(),
    *("{", "}", "[", "]", "(", ")", "[f(", "x=", "1", '"', "'", ",", ";", "<|python_tag|>", "<|py"),
    *(
        '{"name": ',
        '"f"',
        ', "parameters": ',
        "{}",
        "<think>",
        "</think>",
        " ",
        "\n",
        "ok",
        '{"a": 1}',
    ),
]
TEXTS = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=2)), max_size=14).map(
    "".join
)
BEFORE = st.sampled_from(["", "Let me see. ", "<think>I need f.</think>\n", "\n"])
PROSE = st.sampled_from(["Done.", "<b>x", "<tool_response>", "</tool_call>", "0", "(", "}"])
SLOW = (HealthCheck.too_slow,)  # a busy machine is no fault
LAWS = settings(max_examples=150, deadline=None, database=None, suppress_health_check=SLOW)
bare = pytest.mark.parametrize("dialect", [DIALECTS[n] for n in CALL], ids=lambda d: d.name)


def row_of_calls(name: str, gaps: list[int]) -> str:
    between = BETWEEN[name]
    return CALL[name] + "".join(between[g % len(between)] + CALL[name] for g in gaps)


@bare
@given(text=TEXTS)
@LAWS
def test_an_end_once_found_stays_where_it_is(dialect: Dialect, text: str) -> None:
    found: int | None = None
    for size in range(len(text) + 1):
        end = dialect.end(text[:size])
        if found is not None:
            assert end == found
        assert end is None or 0 < end <= size
        found = end


@bare
@given(
    before=BEFORE, gaps=st.lists(st.integers(0, 9), max_size=3), after=st.text(" \n\t", max_size=9)
)
@LAWS
def test_parallel_calls_are_not_cut(
    dialect: Dialect, before: str, gaps: list[int], after: str
) -> None:
    text = before + row_of_calls(dialect.name, gaps) + after
    assert all(dialect.end(text[:size]) is None for size in range(len(text) + 1))
    reply = dialect.parse(text)
    assert len(reply.calls) == len(gaps) + 1
    assert reply.problems == ()


@bare
@given(before=BEFORE, gaps=st.lists(st.integers(0, 9), max_size=3), prose=PROSE, more=TEXTS)
@LAWS
def test_prose_after_the_calls_is_cut(
    dialect: Dialect, before: str, gaps: list[int], prose: str, more: str
) -> None:
    spoken = before + row_of_calls(dialect.name, gaps)
    assert dialect.end(f"{spoken}\n{prose}{more}") == len(spoken)


@bare
@given(text=TEXTS)
@LAWS
def test_a_cut_loses_no_call_before_it(dialect: Dialect, text: str) -> None:
    end = dialect.end(text)
    if end is not None:
        kept = dialect.parse(text[:end]).calls
        assert kept == dialect.parse(text).calls[: len(kept)]
        assert text[:end].endswith("}" if dialect.name == "llama3" else "]")


@bare
@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "Hello.",
            "It is 4.\n\nAnything else?",
            '{"a": 1}',
            '{"a": 1} ok',
            "[1, 2] ok",
            "{",
            "[",
        ),
        *(
            "<think>[f()] ok",
            '<think>{"name": "f", "parameters": {}} ok',
            "<|python_tag|>",
            "[f(",
            "[f",
        ),
    ],
)
def test_a_reply_without_a_finished_call_has_no_end(dialect: Dialect, text: str) -> None:
    assert dialect.end(text) is None
