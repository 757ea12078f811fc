"""What the model is shown as its own turn is read back as the same calls, thought and text."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from bench.dialects import DIALECTS, Dialect, Dialogue
from suites import Call, Message, Outcome, Reply

CONTROL = (
    *("<tool_call>", "</tool_call>", "<think>", "</think>", "<escape>", "<bos>", "<eos>"),
    *("<start_of_turn>", "<end_of_turn>", "<start_function_", "<end_function_"),
    *("<|im_start|>", "<|im_end|>", "<|endoftext|>"),
    *("<|tool", "<tool", "<|turn", "<turn|", "<|channel", "<channel", '<|"|>', "<|think|>"),
    *("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>"),
    *("<|eot_id|>", "<|eom_id|>", "<|python_tag|>", "<|image|>", "<|audio|>", "<|video|>"),
)
PIECES = [
    "{",
    "}",
    "[",
    "]",
    '"',
    "'",
    "\\",
    ",",
    ":",
    "<",
    ">",
    "</",
    "tool_call",
    "\n",
    " ",
    "<b>",
]
STRINGS = st.one_of(
    st.text(max_size=20),
    st.lists(
        st.sampled_from([*PIECES, "escape", "None", "true", "5", "\u2028", "\x00"]), max_size=12
    )
    .map("".join)
    .filter(lambda s: not any(c in s for c in CONTROL)),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**300), 10**300),
    st.floats(allow_nan=False, allow_infinity=False),
    STRINGS,
)
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_.\-]{0,20}", fullmatch=True)
SLOW = (HealthCheck.too_slow,)  # a busy machine is no fault
LAWS = settings(max_examples=100, deadline=None, database=None, suppress_health_check=SLOW)


def values(keys: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.recursive(
        SCALARS,
        lambda v: st.one_of(st.lists(v, max_size=4), st.dictionaries(keys, v, max_size=4)),
        max_leaves=12,
    )


def calls(
    keys: st.SearchStrategy[str], inner: st.SearchStrategy[str] | None = None
) -> st.SearchStrategy[tuple[Call, ...]]:
    """keys: of arguments; inner: of the objects inside them, where they may be other."""
    arguments = st.dictionaries(keys, values(keys if inner is None else inner), max_size=4)
    one = st.builds(lambda n, a: Call(name=n, arguments=a), NAMES, arguments)
    return st.lists(one, min_size=1, max_size=3).map(tuple)


ANY_CALLS = calls(STRINGS)
WORD_KEYS = st.from_regex(r"\w{1,20}", fullmatch=True)
WORD_KEY_CALLS = calls(WORD_KEYS)
WORD_ARGUMENT_CALLS = calls(WORD_KEYS, STRINGS)
WORDS = st.lists(st.sampled_from(["I", "see", "Oslo,", "42", "\u00fc", "ok."]), max_size=5).map(
    " ".join
)


def shown(dialect: Dialect, said: Message) -> str:
    """The model's own words where this message closes a dialogue."""
    asked = Message(role="user", content="Well?")
    segments = dialect.render([Dialogue(tools=(), messages=(asked, said))])
    return "".join(s.text for s in segments if s.model)


def read_back(dialect: Dialect, said: Message) -> Reply:
    reply = dialect.parse(shown(dialect, said), "stop", [c.name for c in said.calls])
    assert reply.problems == ()
    assert exact(reply.calls) == exact(said.calls)
    return reply


def exact(found: tuple[Call, ...]) -> str:
    """JSON text of calls: unlike `==`, it tells 1, 1.0 and true apart."""
    return json.dumps([c.model_dump() for c in found], sort_keys=True)


@pytest.mark.parametrize("name", ["gemma", "chatml", "qwen2.5", "llama3"])
@given(made=ANY_CALLS, thought=st.one_of(st.none(), WORDS.filter(bool)), said=WORDS)
@LAWS
def test_calls_thought_and_text_survive_a_round_trip(
    name: str, made: tuple[Call, ...], thought: str | None, said: str
) -> None:
    written = json.dumps([c.model_dump() for c in made], ensure_ascii=False)
    assume(not any(c in written for c in CONTROL))
    message = Message(role="assistant", content=said, calls=made, thought=thought)
    reply = read_back(DIALECTS[name], message)
    assert reply.outcome is Outcome.CALL
    assert reply.text == said
    assert reply.thought == thought


@pytest.mark.parametrize("name", ["functiongemma", "gemma4"])
@given(made=WORD_KEY_CALLS, said=WORDS)
@LAWS
def test_calls_with_word_keys_survive_a_round_trip(
    name: str, made: tuple[Call, ...], said: str
) -> None:
    reply = read_back(DIALECTS[name], Message(role="assistant", content=said, calls=made))
    assert reply.outcome is Outcome.CALL
    assert reply.text == said


@given(made=WORD_ARGUMENT_CALLS, thought=st.one_of(st.none(), WORDS.filter(bool)), said=WORDS)
@LAWS
def test_pythonic_calls_with_word_arguments_survive_a_round_trip(
    made: tuple[Call, ...], thought: str | None, said: str
) -> None:
    message = Message(role="assistant", content=said, calls=made, thought=thought)
    reply = read_back(DIALECTS["pythonic"], message)
    assert (reply.text, reply.thought) == (said, thought)


@given(made=WORD_KEY_CALLS, thought=WORDS.filter(bool), said=WORDS)
@LAWS
def test_gemma4_thoughts_survive_a_round_trip(
    made: tuple[Call, ...], thought: str, said: str
) -> None:
    message = Message(role="assistant", content=said, calls=made, thought=thought)
    reply = read_back(DIALECTS["gemma4"], message)
    assert (reply.text, reply.thought) == (said, thought)


@pytest.mark.parametrize("name", DIALECTS)
@given(said=WORDS.filter(bool))
@LAWS
def test_a_text_reply_survives_a_round_trip(name: str, said: str) -> None:
    reply = read_back(DIALECTS[name], Message(role="assistant", content=said))
    assert reply.outcome is Outcome.ANSWER
    assert reply.text == said


@pytest.mark.parametrize("name", DIALECTS)
def test_forty_levels_survive_a_round_trip(name: str) -> None:
    value: Any = "x"
    for _ in range(20):
        value = [{"k": value}]
    read_back(
        DIALECTS[name],
        Message(role="assistant", calls=(Call(name="f", arguments={"x": value}),)),
    )


@pytest.mark.parametrize("name", DIALECTS)
def test_order_and_repetition_of_parallel_calls_survive_a_round_trip(name: str) -> None:
    made = tuple(Call(name=n, arguments={"n": i}) for n, i in (("b", 1), ("a", 2), ("b", 1)))
    assert read_back(DIALECTS[name], Message(role="assistant", calls=made)).calls == made
