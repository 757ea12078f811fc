"""Laws of `Dialect.parse` on any text: it comes back, never raises, hides no broken call, runs nothing."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.dialects import DIALECTS, Dialect
from suites import Call, Outcome, Reply

CHATML = ("chatml", "qwen", "qwen2.5", "qwen3-2507")
OPENER = {
    **dict.fromkeys(("gemma", *CHATML), "<tool_call>"),
    "functiongemma": "<start_function_call>",
    "gemma4": "<|tool_call>",
    "llama3": "<|python_tag|>",
    "pythonic": "[f(",
}
CLOSER = {
    **dict.fromkeys(("gemma", *CHATML), "</tool_call>"),
    "functiongemma": "<end_function_call>",
    "gemma4": "<tool_call|>",
    "llama3": "}",
    "pythonic": "]",
}
STOPS = {
    **dict.fromkeys(("gemma", "pythonic"), ("<end_of_turn>", "<start_of_turn>", "<eos>")),
    **dict.fromkeys(CHATML, ("<|im_end|>", "<|im_start|>", "<|endoftext|>")),
    "functiongemma": ("<end_of_turn>", "<start_function_response>", "<start_of_turn>", "<eos>"),
    "gemma4": ("<turn|>", "<|tool_response>", "<|turn>", "<eos>"),
    "llama3": ("<|eot_id|>", "<|eom_id|>", "<|end_of_text|>", "<|start_header_id|>"),
}
FRAGMENTS = [
    *("<tool_call>", "</tool_call>", "<think>", "</think>", "<start_function_call>"),
    *("<end_function_call>", "<start_function_response>", "<escape>", "<end_of_turn>"),
    *("<start_of_turn>", "<eos>", "<bos>", "<|im_start|>", "<|im_end|>", "<|endoftext|>"),
    *("call:", "call:f{", "f(", "f{", '{"name":"f","arguments":', '"name"', '"arguments"', "```"),
    *("```json", "{", "}", "[", "]", '"', "'", ":", ",", "\\", "\\ud800", "\ud800", "\n", " ", "<"),
    *("NaN", "1e999", "None", "true", "-", "9" * 60, "x:", "a", "//", "\u201c", "\x00"),
    *("<|tool_call>", "<tool_call|>", "<|channel>", "<channel|>", "thought\n", '<|"|>', "<turn|>"),
    *(
        "<|python_tag|>",
        "<|eot_id|>",
        '{"name": "f", "parameters": ',
        ";",
        "[f(",
        "x=",
        ")",
        "(",
        "r'",
    ),
]
ANY_TEXT = st.one_of(
    st.text(),
    st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=4)), max_size=30).map("".join),
)
FINISH = st.sampled_from(("stop", "length"))
GOOD = {
    "gemma": '<tool_call>{"name":"f","arguments":{}}</tool_call>',
    **dict.fromkeys(CHATML, '<tool_call>\n{"name":"f","arguments":{}}\n</tool_call>'),
    "functiongemma": "<start_function_call>call:f{}<end_function_call>",
    "gemma4": "<|tool_call>call:f{}<tool_call|>",
    "llama3": '{"name": "f", "parameters": {}}',
    "pythonic": "[f()]",
}
UNFINISHED = {
    "gemma": '<tool_call>{"name":"f","arguments":{"x":',
    **dict.fromkeys(CHATML, '<tool_call>\n{"name":"f","arguments":{"x":'),
    "functiongemma": "<start_function_call>call:f{x:[",
    "gemma4": "<|tool_call>call:f{x:[",
    "llama3": '{"name": "f", "parameters": {"x":',
    "pythonic": "[f(x=",
}
SIZE = 200_000
SLOW = (HealthCheck.too_slow,)  # a busy machine is no fault
LAWS = settings(max_examples=120, deadline=None, database=None, suppress_health_check=SLOW)
READERS = [d for d in DIALECTS.values() if d.name not in ("qwen2.5", "qwen3-2507")]
"""Qwen's variants differ in what they write, not in what they read."""
each = pytest.mark.parametrize("dialect", READERS, ids=lambda d: d.name)


def visible(text: str, name: str) -> str | None:
    """The text before any stop token and after a thought; None where a thought is not closed."""
    for stop in STOPS[name]:
        text = text.partition(stop)[0]
    if name == "gemma4":
        while "<|channel>" in text:
            before, _, rest = text.partition("<|channel>")
            _, closed, rest = rest.partition("<channel|>")
            if not closed:
                return None
            text = before + rest
        return text
    if name != "functiongemma" and text.lstrip().startswith("<think>"):
        _, closed, text = text.partition("</think>")
        return text if closed else None
    return text


@each
@given(text=ANY_TEXT, finish=FINISH)
@LAWS
def test_any_text_is_read_without_an_error(dialect: Dialect, text: str, finish: str) -> None:
    reply = dialect.parse(text, finish, ["f"])
    assert isinstance(reply, Reply)
    assert reply.finish == finish
    assert (reply.outcome is Outcome.MALFORMED) == bool(reply.problems)
    assert all(problem.strip() for problem in reply.problems)
    assert reply.problems or reply.repaired is None


@each
@given(text=ANY_TEXT, finish=FINISH)
@LAWS
def test_calls_that_were_read_are_finite_json_in_valid_unicode(
    dialect: Dialect, text: str, finish: str
) -> None:
    for call in dialect.parse(GOOD[dialect.name] + text, finish).calls:
        assert isinstance(call, Call)
        json.dumps([call.name, call.arguments], ensure_ascii=False, allow_nan=False).encode()


@each
@given(before=ANY_TEXT, after=ANY_TEXT, finish=FINISH)
@LAWS
def test_an_opening_token_without_a_complete_call_is_malformed(
    dialect: Dialect, before: str, after: str, finish: str
) -> None:
    text = before + OPENER[dialect.name] + after
    seen = visible(text, dialect.name)
    reply = dialect.parse(text, finish)
    if seen is None or (OPENER[dialect.name] in seen and not reply.calls):
        assert reply.outcome is Outcome.MALFORMED


@each
@given(text=ANY_TEXT)
@LAWS
def test_more_opening_tokens_than_complete_calls_is_malformed(dialect: Dialect, text: str) -> None:
    """A good call never excuses a broken one after it."""
    reply = dialect.parse(GOOD[dialect.name] + OPENER[dialect.name] + text, "stop")
    assert reply.calls
    if CLOSER[dialect.name] not in text:
        assert reply.outcome is Outcome.MALFORMED


@each
@given(text=ANY_TEXT, stop=st.integers(0, 3), after=ANY_TEXT)
@LAWS
def test_nothing_after_a_stop_token_is_read(
    dialect: Dialect, text: str, stop: int, after: str
) -> None:
    token = STOPS[dialect.name][stop % len(STOPS[dialect.name])]
    assert token in dialect.stops
    assert dialect.parse(text + token + after, "stop", ["f"]) == dialect.parse(
        text + token, "stop", ["f"]
    )


@each
@pytest.mark.parametrize(
    "piece",
    [
        *("<tool_call>", "</tool_call>", "<start_function_call>", "<end_function_call>"),
        *("<escape>", "<think>", "{", "}", "[", '"', "\\", " ", "f ", '"name"' + " " * 20),
        *('<tool_call>{"name":"f","arguments":{', "<start_function_call>call:f{a:"),
        *("<|tool_call>", "<|tool_call>call:f{a:", "<|channel>", "<|channel><channel|>", '<|"|>'),
        *("<|python_tag|>", '{"name":', '{"name": "f", "parameters": {"a":', '{"name":[', "; "),
        *("[f(", "[f(a=", "[f(a='", "[f(a=(", "[f(a={'b':", "f(", "-", "call:", "''", "\\'", "9"),
        *sorted(set(GOOD.values())),
    ],
)
@pytest.mark.parametrize("inside", [False, True], ids=["alone", "in a call"])
def test_two_hundred_thousand_awkward_characters_come_back(
    dialect: Dialect, piece: str, inside: bool
) -> None:
    text = (piece * (SIZE // len(piece) + 1))[:SIZE]
    text = UNFINISHED[dialect.name] + text if inside else text
    reply = dialect.parse(text, "length", ["f", "get_weather"])
    assert isinstance(dialect.end(text), int | None)
    assert not inside or reply.outcome is Outcome.MALFORMED


@each
def test_every_one_of_thousands_of_calls_is_read(dialect: Dialect) -> None:
    assert len(dialect.parse(GOOD[dialect.name] * 4000).calls) == 4000


@each
@pytest.mark.parametrize(
    "shape",
    [
        *(
            "{}",
            "<tool_call>{}</tool_call>",
            '<tool_call>{{"name":{},"arguments":{{}}}}</tool_call>',
        ),
        '<tool_call>{{"name":"f","arguments":{{"x":{}}}}}</tool_call>',
        '<tool_call>{{"name":"f","arguments":{}}}</tool_call>',
        "<start_function_call>{}<end_function_call>",
        "<start_function_call>call:{}<end_function_call>",
        "<start_function_call>call:f{{{}:1}}<end_function_call>",
        "<start_function_call>call:f{{x:{}}}<end_function_call>",
        "<start_function_call>call:f{{x:[{}]}}<end_function_call>",
        "<start_function_call>call:f{{x:<escape>{}<escape>}}<end_function_call>",
        *("<|tool_call>call:f{{x:{}}}<tool_call|>", '{{"name": "f", "parameters": {}}}'),
        *("<|python_tag|>{}", "[f({})]", "[f(x={})]", "[f(x=[{}])]", "[{}()]", "[f(x=f{})]"),
        *("<think>{}</think>", "```tool_code\n{}\n```", "```python\n{}\n```", "f({})", "f(x={})"),
    ],
)
def test_code_in_a_reply_is_never_run(
    dialect: Dialect, shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    attack = "__import__('os').system('touch PWNED')"
    for code in (attack, f'"{attack}"', f"{{'x': {attack}}}", f"!!python/object/apply:{attack}"):
        dialect.parse(shape.format(code), "stop", ["f", "__import__"])
        assert list(tmp_path.iterdir()) == []
