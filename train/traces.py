"""What of a dialogue could give a test away, as keys: its requests, tools, calls and values."""

import itertools
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bench.dialects import Dialogue
from suites import Call, Case, Tool
from suites.json_text import compact
from suites.leak import distinctive
from suites.model import ExpectedCall, canonical
from train.overlap import Words, key_of, leaf_words, masked, words_of

__all__ = ["FEWEST_PARAMETERS", "Traces", "bare_name", "traces_of", "traces_of_case"]

FEWEST_PARAMETERS = 3
"""Of a schema that is recognised without the name of its tool."""

_MOST_COMBINATIONS = 64
_ANNOTATIONS = frozenset(
    ("description", "title", "default", "example", "examples", "$comment", "$schema", "$id")
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Traces:
    """The keys of one dialogue. Two dialogues collide where they share one (see train.guard).

    whole: all that the user says, without formatting; requests, masked: each user message as words, as it
    stands and with its values masked; tools: bare name -> name; schemas: parameters of tools with
    FEWEST_PARAMETERS or more -> the tool's name; calls: name and arguments -> the call as text, for calls
    with an argument; values: the distinctive ones of all calls.
    """

    whole: str
    requests: tuple[Words, ...]
    masked: tuple[Words, ...]
    tools: Mapping[str, str]
    schemas: Mapping[str, str]
    calls: Mapping[str, str]
    values: frozenset[str]


def traces_of(dialogue: Dialogue) -> Traces:
    """The traces of a training dialogue: its calls are those of every model turn."""
    calls = [call for m in dialogue.messages for call in m.calls]
    arguments = [value for call in calls for value in call.arguments.values()]
    return _traces(dialogue, calls, arguments)


def traces_of_case(case: Case) -> Traces:
    """The traces of a test case: its calls are those already made and every accepted form of the gold."""
    calls = [call for m in case.messages for call in m.calls]
    arguments = [value for call in calls for value in call.arguments.values()]
    for wanted in case.expectation.calls:
        calls += _accepted(wanted)
        arguments += [v for accept in wanted.arguments.values() for v in accept.any_of]
    return _traces(Dialogue(tools=case.tools, messages=case.messages), calls, arguments)


def bare_name(name: str) -> str:
    """A tool's name without case and separators: `getWeather`, `get_weather` and `get.weather` are one."""
    return re.sub(r"[^a-z0-9]", "", name.lower()) or name


def _traces(dialogue: Dialogue, calls: Iterable[Call], arguments: list[Any]) -> Traces:
    said = [m.content for m in dialogue.messages if m.role == "user"]
    keys = [key_of(text) for text in said]
    whole = "\n".join(keys)
    if not whole.strip():
        whole = canonical([[m.role, m.content] for m in dialogue.messages])
    requests = tuple(words_of(text) for text in said)
    values = {words for value in arguments for words in leaf_words(value)}
    return Traces(
        whole=whole,
        requests=requests,
        masked=tuple(masked(words, values) for words in requests),
        tools={bare_name(t.name): t.name for t in dialogue.tools},
        schemas={
            _schema_key(t): t.name for t in dialogue.tools if len(t.properties) >= FEWEST_PARAMETERS
        },
        calls={
            _call_key(call): f"{call.name} {compact(call.arguments)}"
            for call in calls
            if call.arguments
        },
        values=frozenset(distinctive(arguments, dialogue.tools)),
    )


def _accepted(wanted: ExpectedCall) -> Iterator[Call]:
    """Every call that is accepted (without what is optional, too), or the gold alone if they are too many."""
    options = [
        [(name, value) for value in accept.any_of] + ([None] if accept.optional else [])
        for name, accept in wanted.arguments.items()
    ]
    number = 1
    for choice in options:
        number *= len(choice)
    if number > _MOST_COMBINATIONS:
        yield wanted.gold()
        return
    for chosen in itertools.product(*options):
        yield Call(name=wanted.name, arguments=dict(pair for pair in chosen if pair is not None))


def _call_key(call: Call) -> str:
    return canonical([bare_name(call.name), _plain(call.arguments)])


def _plain(value: Any) -> Any:
    """A value without formatting: texts by their letters and digits, 1.0 as 1."""
    if isinstance(value, str):
        return key_of(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {bare_name(name): _plain(item) for name, item in value.items()}
    return value


def _schema_key(tool: Tool) -> str:
    """The parameters without descriptions and defaults, keywords and `required` in any order."""
    return _shape_of(json.dumps(tool.parameters))


@lru_cache(maxsize=4096)
def _shape_of(parameters: str) -> str:
    return canonical(_shape(json.loads(parameters)))


def _shape(schema: Any) -> Any:
    if isinstance(schema, list):
        return sorted((_shape(item) for item in schema), key=canonical)
    if not isinstance(schema, dict):
        return schema
    found: dict[str, Any] = {}
    for keyword, inner in schema.items():
        if keyword == "properties" and isinstance(inner, dict):
            found[keyword] = {bare_name(name): _shape(sub) for name, sub in inner.items()}
        elif keyword == "required" and isinstance(inner, list):
            found[keyword] = sorted(bare_name(str(name)) for name in inner)
        elif keyword not in _ANNOTATIONS:
            found[keyword] = _shape(inner)
    return found
