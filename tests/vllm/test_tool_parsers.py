"""vLLM's own tool parsers as a cross-check of ours: on every gold call they agree, or lose what is known.

They play no part in the scores.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from bench.dialects import Dialogue, find_dialect, prompt
from suites import Case, Message, gold_reply, select

TOKENS = ("<tool_call>", "</tool_call>", "<|tool_call>", "<tool_call|>", "<|python_tag|>", '<|"|>')
Found = list[tuple[str, dict[str, Any]]]
Extract = Callable[[str, str, Case], Found]


@pytest.fixture(scope="module")
def extract(tiny_tokenizer: Any) -> Extract:
    """(name and arguments of the calls that the parser of that name finds)."""
    import copy

    from vllm.entrypoints.openai.chat_completion.protocol import ChatCompletionRequest
    from vllm.tool_parsers import ToolParserManager

    tokenizer = copy.deepcopy(tiny_tokenizer)
    tokenizer.add_tokens(list(TOKENS))

    def run(parser: str, text: str, case: Case) -> Found:
        tools = [{"type": "function", "function": t.model_dump(mode="json")} for t in case.tools]
        request = ChatCompletionRequest(
            model="m", messages=[{"role": "user", "content": "x"}], tools=tools
        )
        made = ToolParserManager.get_tool_parser(parser)(tokenizer, request.tools)
        calls = made.extract_tool_calls(text, request).tool_calls
        return [(c.function.name, json.loads(c.function.arguments)) for c in calls]

    return run


@pytest.fixture(scope="module")
def gold() -> list[Case]:
    """The built-in cases in which a call is right."""
    parts = select(["call", "arguments", "output"]).parts
    return [c for part in parts for c in part.cases if c.expectation.calls]


def spoken(name: str, case: Case) -> str:
    """What the model would write for the gold calls, without what ends its turn."""
    dialect = find_dialect(name)
    said = Message(role="assistant", calls=gold_reply(case).calls)
    before = prompt(dialect, [Dialogue(tools=case.tools, messages=case.messages)])
    text = prompt(dialect, [Dialogue(tools=case.tools, messages=(*case.messages, said))])
    assert text.startswith(before)
    text = text.removeprefix(before)
    for stop in dialect.stops:
        text = text.partition(stop)[0]
    return text


def parsed(name: str, text: str, case: Case) -> Found:
    reply = find_dialect(name).parse(text, "stop", [t.name for t in case.tools])
    assert not reply.problems
    return [(c.name, c.arguments) for c in reply.calls]


@pytest.mark.parametrize(
    ("parser", "dialect"),
    [
        ("hermes", "gemma"),
        ("hermes", "chatml"),
        ("hermes", "qwen"),
        ("hermes", "qwen2.5"),
        ("gemma4", "gemma4"),
        ("pythonic", "pythonic"),
        ("llama3_json", "llama3"),
    ],
)
def test_they_agree_with_ours_on_every_gold_call(
    parser: str, dialect: str, extract: Extract, gold: list[Case]
) -> None:
    assert len(gold) >= 600
    for case in gold:
        text = spoken(dialect, case)
        ours = parsed(dialect, text, case)
        assert ours == [(c.name, c.arguments) for c in gold_reply(case).calls]
        assert extract(parser, text, case) == ours, case.id


def _survives(value: Any) -> bool:
    """Its functiongemma parser finds text between <escape> tokens only, and reads it as JSON if it can."""
    if not isinstance(value, str):
        return False
    try:
        json.loads(value)
    except ValueError:
        return True
    return False


def test_its_functiongemma_parser_loses_what_is_no_text(extract: Extract, gold: list[Case]) -> None:
    """Numbers, booleans, lists, objects are dropped without an error (about half of the gold calls)."""
    lost = 0
    for case in gold:
        text = spoken("functiongemma", case)
        ours = parsed("functiongemma", text, case)
        values = [v for _, arguments in ours for v in arguments.values()]
        same = extract("functiongemma", text, case) == ours
        assert same == all(map(_survives, values)), case.id
        lost += not same
    assert lost >= 300


@pytest.mark.parametrize(
    ("parser", "dialect", "text", "theirs", "ours"),
    [
        (
            "functiongemma",
            "functiongemma",
            "<start_function_call>call:math.root{of:<escape>x<escape>}<end_function_call>",
            [],  # a name is \w+ there: no dots, no hyphens
            [("math.root", {"of": "x"})],
        ),
        (
            "functiongemma",
            "functiongemma",
            "<start_function_call>call:dial{number:<escape>0800<escape>,code:<escape>12345<escape>}"
            "<end_function_call>",
            [
                ("dial", {"number": "0800", "code": 12345})
            ],  # text that looks like JSON changes its type
            [("dial", {"number": "0800", "code": "12345"})],
        ),
        (
            "hermes",
            "chatml",
            '<tool_call>{"name":"a","arguments":{}}</tool_call><tool_call>{"name":</tool_call>',
            [],  # one broken call drops the whole ones, too
            [("a", {})],
        ),
        (
            "pythonic",
            "pythonic",
            "[math.root(of=2)]",
            [],  # no dotted names
            [("math.root", {"of": 2})],
        ),
    ],
    ids=["dotted name", "text like JSON", "one broken of two", "dotted pythonic name"],
)
def test_losses_that_are_known(
    parser: str,
    dialect: str,
    text: str,
    theirs: Found,
    ours: Found,
    extract: Extract,
    gold: list[Case],
) -> None:
    assert extract(parser, text, gold[0]) == theirs
    calls = find_dialect(dialect).parse(text, "stop", ["math.root", "dial", "a"]).calls
    assert [(c.name, c.arguments) for c in calls] == ours
