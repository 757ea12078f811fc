"""Laws of `Dialect.end`: where a growing reply is over although no stop token came."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.dialects import DIALECTS, Dialect

CALL = '<tool_call>{"name":"f","arguments":{"x":1}}</tool_call>'
FRAGMENTS = [
    *("<tool_call>", "</tool_call>", "<think>", "</think>", CALL, "{", "}", "<", "<tool", "_call>"),
    *(" ", "\n", " " * 70, "ok", "</", ">", '"'),
]
TEXTS = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=3)), max_size=14).map(
    "".join
)
GAPS = st.text(alphabet=" \n\t", max_size=20)
BEFORE = st.sampled_from(["", "Let me see. ", "<think>I need f.</think>\n", "\n"])
PROSE = st.sampled_from(
    ["Done.", "<b>x", "<tool_response>", "{", "<tool_calls>", "</tool_call>", "0"]
)
SLOW = (HealthCheck.too_slow,)  # a busy machine is no fault
LAWS = settings(max_examples=200, deadline=None, database=None, suppress_health_check=SLOW)
tagged = pytest.mark.parametrize(
    "dialect", [DIALECTS["gemma"], DIALECTS["chatml"], DIALECTS["qwen"]], ids=lambda d: d.name
)


def row_of_calls(gaps: list[str]) -> str:
    return CALL + "".join(gap + CALL for gap in gaps)


@tagged
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


@tagged
@given(before=BEFORE, gaps=st.lists(GAPS, max_size=3), after=GAPS)
@LAWS
def test_parallel_calls_are_not_cut(
    dialect: Dialect, before: str, gaps: list[str], after: str
) -> None:
    text = before + row_of_calls(gaps) + after
    assert all(dialect.end(text[:size]) is None for size in range(len(text) + 1))
    assert len(dialect.parse(text).calls) == len(gaps) + 1


@tagged
@given(before=BEFORE, gaps=st.lists(GAPS, max_size=3), gap=GAPS, prose=PROSE, more=TEXTS)
@LAWS
def test_prose_after_the_calls_is_cut(
    dialect: Dialect, before: str, gaps: list[str], gap: str, prose: str, more: str
) -> None:
    spoken = before + row_of_calls(gaps)
    assert dialect.end(spoken + gap + prose + more) == len(spoken)


@tagged
@given(text=TEXTS)
@LAWS
def test_a_cut_loses_no_call_before_it(dialect: Dialect, text: str) -> None:
    end = dialect.end(text)
    if end is not None:
        kept = dialect.parse(text[:end]).calls
        assert kept == dialect.parse(text).calls[: len(kept)]
        assert text[:end].endswith("</tool_call>")


@tagged
@pytest.mark.parametrize(
    "text",
    [
        *("", "Hello.", "It is 4.\n\nAnything else?", "<tool_call>", CALL[:-1], "</tool_call> ok"),
        *(
            f"<think>{CALL} ok",
            f"<think>{CALL}</think> ok",
            f"{CALL}\n<tool",
            f"{CALL} <tool_call>x",
        ),
    ],
)
def test_a_reply_without_a_finished_call_has_no_end(dialect: Dialect, text: str) -> None:
    assert dialect.end(text) is None


@pytest.mark.parametrize(
    ("name", "call", "stop"),
    [
        (
            "functiongemma",
            "<start_function_call>call:f{}<end_function_call>",
            "<start_function_response>",
        ),
        ("gemma4", "<|tool_call>call:f{}<tool_call|>", "<|tool_response>"),
    ],
)
@given(before=TEXTS, after=TEXTS)
@LAWS
def test_where_a_token_ends_the_calls_there_is_no_other_end(
    name: str, call: str, stop: str, before: str, after: str
) -> None:
    dialect = DIALECTS[name]
    assert dialect.end(before + call + after) is None
    assert stop in dialect.stops
