"""Constrained mode: text is free, and a call once opened is a sound call of an offered tool."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters import Target
from bench.constrain import CONSTRAINED, loose, structural_tag
from bench.dialects import Dialogue, find_dialect, prompt
from bench.dialects.tagged import CLOSE, OPEN
from bench.engines.vllm import VllmEngine
from bench.errors import InfrastructureError
from bench.plan import Settings
from bench.runner import Chosen, resume, run_targets
from bench.store import read_run
from suites import Call, Case, Message, Tool, gold_reply, select
from suites.schema import argument_problems
from tests.vllm.conftest import NAMES, Make, ask, by_id, texts
from tests.vllm.test_runs import Interrupted

Accepts = Callable[[str, str], bool]
SHAPES: dict[str, dict[str, Any]] = {
    "pick": {"colour": {"enum": ["red", "green", "blue"]}, "deep": {"type": "boolean"}},
    "count": {"n": {"type": "integer", "minimum": -3, "maximum": 40}, "exact": {"type": "boolean"}},
    "several": {
        "items": {"type": "array", "items": {"enum": [1, 2, 3]}, "minItems": 1, "maxItems": 3}
    },
    "nested": {
        "where": {
            "type": "object",
            "properties": {
                "side": {"enum": ["left", "right"]},
                "floor": {"type": ["integer", "null"]},
            },
            "required": ["side"],
        }
    },
    "named.thing": {"code": {"type": "string", "minLength": 1, "maxLength": 4}},
    "either": {"v": {"anyOf": [{"type": "boolean"}, {"type": "null"}]}},
    "shared": {"a": {"$ref": "#/$defs/Side"}},
}


def tool(name: str) -> Tool:
    properties = SHAPES[name]
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    schema["required"] = [next(iter(properties))]
    if name == "shared":
        schema["$defs"] = {"Side": {"enum": ["left", "right"]}}
    return Tool(name=name, parameters=schema)


TOOLS = tuple(map(tool, SHAPES))


@pytest.fixture(scope="module")
def accepts() -> Accepts:
    """Whether the grammar of a structural tag takes a whole text."""
    import xgrammar
    from xgrammar.testing import _is_grammar_accept_string

    grammars: dict[str, Any] = {}

    def check(tag: str, text: str) -> bool:
        if tag not in grammars:
            grammars[tag] = xgrammar.Grammar.from_structural_tag(tag)
        return bool(_is_grammar_accept_string(grammars[tag], text))

    return check


def ordered(schema: Any, value: Any) -> Any:
    """The value with its keys in the order of the schema, in which the grammar wants them."""
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        keys = [*(k for k in properties if k in value), *(k for k in value if k not in properties)]
        return {k: ordered(properties.get(k, {}), value[k]) for k in keys}
    if isinstance(value, list):
        return [ordered(schema.get("items", {}), v) for v in value]
    return value


def calls(case: Case) -> tuple[Call, ...]:
    schemas = {t.name: t.parameters for t in case.tools}
    gold = gold_reply(case).calls
    return tuple(Call(name=c.name, arguments=ordered(schemas[c.name], c.arguments)) for c in gold)


def spoken(name: str, case: Case, made: tuple[Call, ...]) -> str:
    dialect = find_dialect(name)
    before = prompt(dialect, [Dialogue(tools=case.tools, messages=case.messages)])
    said = (*case.messages, Message(role="assistant", calls=made))
    text = prompt(dialect, [Dialogue(tools=case.tools, messages=said)]).removeprefix(before)
    for stop in dialect.stops:
        text = text.partition(stop)[0]
    return text


@pytest.fixture(scope="module")
def gold() -> list[Case]:
    parts = select(
        ["call", "arguments", "output", "call/test", "arguments/test", "output/test"]
    ).parts
    return [c for part in parts for c in part.cases if c.expectation.calls]


@pytest.mark.parametrize("name", CONSTRAINED)
def test_every_gold_call_is_possible_and_no_broken_one(
    name: str, gold: list[Case], accepts: Accepts
) -> None:
    dialect = find_dialect(name)
    assert len(gold) > 1000
    assert not [t.name for c in gold for t in c.tools if loose(t)]
    for case in gold:
        tag = str(structural_tag(dialect, case.tools))
        text = spoken(name, case, calls(case))
        assert OPEN in text
        assert accepts(tag, text), text
        assert accepts(tag, f"Let me see. {text}"), text
    for case in gold[::10]:
        tag = str(structural_tag(dialect, case.tools))
        for broken in mutations(name, case):
            assert not accepts(tag, broken), broken


def mutations(name: str, case: Case) -> list[str]:
    """A call of the case, with its structure, name, keys or values broken."""
    first = calls(case)[0]
    text = spoken(name, case, (first,))
    body = text[len(OPEN) : -len(CLOSE)].strip()
    unknown = Call(name="no_such_tool", arguments=first.arguments)
    more = Call(name=first.name, arguments={**first.arguments, "no_such_argument": 1})
    found = [
        text.removesuffix(CLOSE),
        f"{OPEN}{body[:-1]}{CLOSE}",
        text.replace('"name"', '"nme"', 1),
        f"{OPEN}{body},{CLOSE}",
        f"{OPEN}{body}{body}{CLOSE}",
        f"{OPEN}{CLOSE}",
        f"{OPEN}call {body}{CLOSE}",
        f"{OPEN}[{body}]{CLOSE}",
        spoken(name, case, (unknown,)),
        spoken(name, case, (more,)),
    ]
    schema = next(t for t in case.tools if t.name == first.name)
    for key in schema.required:
        rest = {k: v for k, v in first.arguments.items() if k != key}
        found.append(spoken(name, case, (Call(name=first.name, arguments=rest),)))
        wrong = {**first.arguments, key: [["of another type"]]}
        found.append(spoken(name, case, (Call(name=first.name, arguments=wrong),)))
    return found


def forced(tag: str) -> str:
    """The same grammar, but the text begins with a call: a random model would not open one by itself."""
    found = json.loads(tag)
    found["format"]["at_least_one"] = True
    return json.dumps(found)


@pytest.mark.parametrize("name", ["gemma", "chatml", "qwen"])
def test_every_call_that_a_random_model_opens_is_a_sound_one(name: str, engine: VllmEngine) -> None:
    """At temperature 1, under the constraint, from nothing but noise."""
    dialect = find_dialect(name)
    tools = {t.name: t for t in TOOLS}
    asked = []
    for n in range(84):  # two tools at a time, each of them in 24 requests
        offered = [TOOLS[n % len(TOOLS)], TOOLS[(n + 1) % len(TOOLS)]]
        request = ask(
            "Hi", n, max_tokens=160, temperature=1.0, seed=n, adapter=(None, *NAMES)[n % 4]
        )
        tag = forced(str(structural_tag(dialect, offered)))
        asked.append(replace(request, constraint=tag, dialect=dialect))
    found = by_id(engine, asked)
    whole = [c for c in found.values() if CLOSE in c.text]
    used = set()
    for completion in whole:
        end = dialect.end(completion.text) or len(completion.text)
        reply = dialect.parse(completion.text[:end], "stop", list(tools))
        assert reply.calls, completion.text
        if completion.finish == "stop":
            assert not reply.problems, (completion.text, reply.problems)
        for call in reply.calls:
            used.add(call.name)
            assert not argument_problems(tools[call.name], call.arguments), call
    assert len(whole) > len(asked) / 2
    assert used == set(SHAPES)


def test_without_the_constraint_the_same_model_opens_no_call_and_its_text_stays_as_it_was(
    engine: VllmEngine, smoke: Make
) -> None:
    free, held = smoke(), smoke(constrained=True)
    assert any(r.constraint for r in held)
    assert not any(r.constraint for r in free)
    found = texts(engine, free)
    assert not any(OPEN in text for text, _, _ in found.values())
    assert texts(engine, held) == found


def test_a_free_reply_still_ends_at_its_stop(engine: VllmEngine) -> None:
    tag = structural_tag(find_dialect("gemma"), TOOLS)
    asked = [
        ask("Hello", n, temperature=1.5, seed=n, max_tokens=40, constraint=tag) for n in range(120)
    ]
    found = by_id(engine, asked)
    assert {c.finish for c in found.values()} == {"stop", "length"}


def test_a_constrained_run_says_so_and_goes_on_as_it_was_begun(
    engine: VllmEngine, targets: dict[str, list[Target]], home: Path
) -> None:
    chosen = Chosen(names=("smoke",), limit=4)
    settings = Settings(max_tokens=12, constrained=True)
    with pytest.raises(InfrastructureError):
        run_targets(chosen, targets["gemma3"][:1], settings, Interrupted(engine, 5))
    (path,) = (home / "runs").glob("*.jsonl")
    assert len(read_run(path).records) == 5
    seen: list[str | None] = []

    class Watched(Interrupted):
        def generate(self, requests: Any) -> Any:
            seen.extend(r.constraint for r in requests)
            return super().generate(requests)

    found = resume(path, Watched(engine, 999))
    assert found.complete
    assert found.manifest.sampling["constrained"] is True
    assert found.manifest.label.endswith(", constrained")
    assert seen
    assert any(seen)


def test_a_schema_beyond_the_grammar_still_gives_a_well_formed_call(engine: VllmEngine) -> None:
    odd = Tool(
        name="odd",
        parameters={
            "type": "object",
            "properties": {"n": {"type": "integer", "multipleOf": 7}},
            "patternProperties": {"^x": {"type": "string"}},
        },
    )
    assert loose(odd) == "multipleOf"
    tag = forced(str(structural_tag(find_dialect("gemma"), [odd])))
    asked = [
        ask("Hi", n, max_tokens=120, temperature=1.0, seed=n, constraint=tag) for n in range(40)
    ]
    whole = [c.text for c in by_id(engine, asked).values() if c.finish == "stop"]
    assert whole
    for text in whole:
        (call, *_) = find_dialect("gemma").parse(text, "stop", ["odd"]).calls
        assert call.name == "odd"
