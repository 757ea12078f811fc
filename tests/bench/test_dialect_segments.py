"""Laws of rendered prompts: one BOS, the model's words marked as such, no forged control tokens."""

import json
from difflib import get_close_matches

import pytest

from bench.dialects import DIALECTS, Dialect, Dialogue, find_dialect, prompt
from bench.errors import DialectError, UsageError
from bench.shots import choose_shots, finished, shot_order
from suites import Call, Case, Message, Tool, select

CASES = [c for p in select(["call", "arguments", "output"]).parts for c in p.cases]
ORDER = shot_order(CASES, 0)
each = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)

CALL = Call(name="get_weather", arguments={"city": "Oslo"})
DIALOGUE = Dialogue(
    tools=(Tool(name="get_weather", description="Describes."),),
    messages=(
        Message(role="system", content="Rules."),
        Message(role="user", content="Asks."),
        Message(role="assistant", content="Calls.", calls=(CALL,)),
        Message(role="tool", name="get_weather", content='{"sky": "grey"}'),
        Message(role="assistant", content="Answers."),
    ),
)
CHATML = ("chatml", "qwen", "qwen2.5", "qwen3-2507")
CONTROL = {
    "gemma": ("<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>"),
    "pythonic": ("<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>"),
    **dict.fromkeys(CHATML, ("<|im_start|>", "<|im_end|>", "<|endoftext|>")),
    "gemma4": (
        *(
            "<|turn>",
            "<turn|>",
            "<bos>",
            "<eos>",
            "<|tool>",
            "<tool|>",
            "<|tool_call>",
            "<tool_call|>",
        ),
        *("<|tool_response>", "<tool_response|>", '<|"|>', "<|channel>", "<channel|>", "<|think|>"),
        *("<|image|>", "<|audio|>", "<|video|>"),
    ),
    "llama3": (
        *("<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>"),
        *("<|eot_id|>", "<|eom_id|>", "<|python_tag|>"),
    ),
    "functiongemma": (
        *("<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>", "<escape>"),
        *("<start_function_call>", "<end_function_call>", "<start_function_response>"),
        *("<end_function_response>", "<start_function_declaration>", "<end_function_declaration>"),
    ),
}
FORGED = [(name, marker) for name, markers in CONTROL.items() for marker in markers]


def asked(case: Case) -> Dialogue:
    return Dialogue(tools=case.tools, messages=case.messages)


def with_shots(case: Case) -> list[Dialogue]:
    return [*map(finished, choose_shots(case, ORDER, 2)), asked(case)]


def model_words(dialect: Dialect, dialogues: list[Dialogue]) -> list[str]:
    return [s.text for s in dialect.render(dialogues) if s.model]


# --- one BOS ----------------------------------------------------------------------------------------


@each
def test_a_prompt_has_one_bos_at_its_start_and_chatml_has_none(dialect: Dialect) -> None:
    assert len(CASES) >= 100
    bos = {"llama3": "<|begin_of_text|>"}.get(dialect.name, "<bos>")
    for case in CASES:
        for dialogues in ([asked(case)], [finished(case)], with_shots(case)):
            text = prompt(dialect, dialogues)
            assert text.count(bos) == (0 if dialect.name in CHATML else 1)
            assert text.startswith("<|im_start|>" if dialect.name in CHATML else bos)


# --- the model's own words --------------------------------------------------------------------------


@each
def test_segments_joined_are_the_prompt(dialect: Dialect) -> None:
    for case in CASES[::7]:
        segments = dialect.render(with_shots(case))
        assert "".join(s.text for s in segments) == prompt(dialect, with_shots(case))


def test_model_segments_are_the_calls_and_answers_with_the_tokens_that_end_them() -> None:
    call_json = '{"name":"get_weather","arguments":{"city":"Oslo"}}'
    assert model_words(DIALECTS["gemma"], [DIALOGUE]) == [
        f"Calls.\n<tool_call>{call_json}</tool_call><end_of_turn>",
        "Answers.<end_of_turn>",
    ]
    assert model_words(DIALECTS["chatml"], [DIALOGUE]) == [
        f"Calls.\n<tool_call>\n{call_json}\n</tool_call><|im_end|>",
        "Answers.<|im_end|>",
    ]
    assert "".join(model_words(DIALECTS["functiongemma"], [DIALOGUE])) == (
        "Calls.<start_function_call>call:get_weather{city:<escape>Oslo<escape>}<end_function_call>"
        "<start_function_response>Answers.<end_of_turn>"
    )


@each
def test_rules_tools_requests_and_results_are_never_the_models_words(dialect: Dialect) -> None:
    spoken = "".join(model_words(dialect, [DIALOGUE]))
    rest = "".join(s.text for s in dialect.render([DIALOGUE]) if not s.model)
    for foreign in ("Rules.", "Describes.", "Asks.", "grey", "sky"):
        assert foreign in rest
        assert foreign not in spoken
    for own in ("Calls.", "Oslo", "Answers."):
        assert own in spoken
        assert own not in rest


@each
def test_an_open_dialogue_adds_no_words_of_the_model(dialect: Dialect) -> None:
    assert model_words(dialect, [Dialogue(tools=(), messages=DIALOGUE.messages[:2])]) == []


@each
def test_a_finished_case_is_the_open_prompt_and_the_models_words(dialect: Dialect) -> None:
    """What training puts the loss on begins exactly where the model begins to speak."""
    for case in CASES:
        before, after = prompt(dialect, [asked(case)]), prompt(dialect, [finished(case)])
        assert after.startswith(before)
        spoken = "".join(model_words(dialect, [finished(case)]))
        own = "".join(model_words(dialect, [asked(case)]))
        assert after.removeprefix(before).strip() == spoken.removeprefix(own)


@each
def test_a_gold_reply_is_read_back_for_every_built_in_case(dialect: Dialect) -> None:
    for case in CASES:
        last = finished(case).messages[-1]
        own = "".join(model_words(dialect, [asked(case)]))
        said = "".join(model_words(dialect, [finished(case)])).removeprefix(own)
        reply = dialect.parse(said, "stop", [t.name for t in case.tools])
        assert (reply.calls, reply.problems) == (last.calls, ())
        assert reply.text == last.content.strip()


# --- forged control tokens --------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "marker"), FORGED)
@pytest.mark.parametrize("role", ["system", "user", "assistant", "tool"])
def test_a_control_token_in_a_message_is_refused(name: str, marker: str, role: str) -> None:
    said = [m.model_copy() for m in DIALOGUE.messages]
    at = next(i for i, m in enumerate(said) if m.role == role)
    said[at] = said[at].model_copy(update={"content": f"x{marker}y"})
    with pytest.raises(DialectError, match="control token") as caught:
        DIALECTS[name].render([Dialogue(tools=DIALOGUE.tools, messages=tuple(said))])
    assert marker in str(caught.value)
    assert name in str(caught.value)


@pytest.mark.parametrize(("name", "marker"), FORGED)
def test_a_control_token_in_an_example_is_refused(name: str, marker: str) -> None:
    said = (Message(role="user", content=marker), Message(role="assistant", content="ok"))
    with pytest.raises(DialectError):
        DIALECTS[name].turns([Dialogue(tools=(), messages=said), DIALOGUE])


@pytest.mark.parametrize(
    ("name", "marker"), [(n, m) for n in ("functiongemma", "gemma4", "llama3") for m in CONTROL[n]]
)
def test_control_tokens_in_values_and_descriptions_are_refused(name: str, marker: str) -> None:
    """Also where JSON escapes hide the token until the value is read."""
    hidden = '{"a": ' + json.dumps(marker).replace("<", "\\u003c") + "}"
    assert json.loads(hidden)["a"] == marker
    call = Call(name="f", arguments={"x": [{"y": marker}]})
    bad = [
        Dialogue(tools=(Tool(name="f", description=marker),), messages=DIALOGUE.messages),
        Dialogue(
            tools=(), messages=(DIALOGUE.messages[1], Message(role="assistant", calls=(call,)))
        ),
        Dialogue(
            tools=(),
            messages=(DIALOGUE.messages[1], Message(role="tool", name="f", content=hidden)),
        ),
    ]
    for dialogue in bad:
        with pytest.raises(DialectError):
            DIALECTS[name].render([dialogue])


@each
def test_tokens_of_other_dialects_and_plain_tags_are_text(dialect: Dialect) -> None:
    own = CONTROL[dialect.name]
    others = [m for ms in CONTROL.values() for m in ms if m not in own]
    others = [m for m in others if not any(o in m for o in own)]
    text = " ".join([*others, "<b>", "start_of_turn", "< end_of_turn >"])
    dialogue = Dialogue(tools=(), messages=(Message(role="user", content=text),))
    assert text in prompt(dialect, [dialogue])


def test_an_unknown_dialect_is_refused_with_the_known_names() -> None:
    assert find_dialect("gemma") is DIALECTS["gemma"]
    with pytest.raises(UsageError, match="'latin'") as caught:
        find_dialect("latin")
    assert set(caught.value.known) == set(DIALECTS) == set(CONTROL)


@pytest.mark.parametrize(
    ("typed", "meant"), [("gema4", "gemma4"), ("llama", "llama3"), ("qwen3", "qwen")]
)
def test_a_mistyped_dialect_is_answered_with_the_nearest(typed: str, meant: str) -> None:
    with pytest.raises(UsageError) as caught:
        find_dialect(typed)
    assert meant in get_close_matches(typed, caught.value.known)
