"""The same case under other names: every tool and top-level parameter renamed, its meaning kept.

snake_case becomes camelCase (in a third of the groups kebab-case for tools) and camelCase snake_case; a
leading verb takes a synonym from a short list; a single word gets a neutral affix. Texts follow where they
quote a name as an identifier: `get_weather` anywhere, a single word only in backticks, before a bracket or
as the key of a tool's result. Values never change: a name that an argument or an enum quotes stays as it
is, and so do the parameters of a schema that refers to them in other ways than `properties` and `required`.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any

from suites.model import (
    Accept,
    Answer,
    Call,
    Case,
    Expectation,
    ExpectedCall,
    Fact,
    Message,
    Tool,
)

__all__ = ["renamed"]

LONGEST = 64
"""Longest tool name that OpenAI-compatible servers take; they also refuse dots."""

SYNONYMS = {
    "get": "fetch",
    "fetch": "get",
    "delete": "remove",
    "remove": "delete",
    "add": "append",
    "create": "make",
    "find": "locate",
    "locate": "find",
    "search": "find",
    "buy": "purchase",
    "send": "dispatch",
    "start": "begin",
    "stop": "halt",
    "show": "display",
    "reserve": "book",
    "log": "record",
    "record": "log",
}
"""Verbs that may stand for one another at the head of any tool's name (`list` or `book` may not: they
are nouns too, or mean something else before a particle)."""

_PLAIN_SCHEMA = frozenset(
    ("type", "properties", "required", "description", "title", "additionalProperties")
) | frozenset(("$schema", "$defs", "definitions", "$comment"))
_VALUES = ("enum", "const", "default", "examples", "pattern", "$ref")
_BEFORE, _AFTER = r"(?<![A-Za-z0-9_.\-/])", r"(?![A-Za-z0-9_\-]|\.[A-Za-z0-9_])"


def renamed(case: Case, seed: int = 0) -> Case:
    """The case with new names for its tools and parameters; id and tags are left to the caller.

    The same seed gives the same names, and a name the same new one throughout a group of cases (unless
    two would clash). Pure: nothing but the arguments decides.
    """
    names = _Names(case, seed)
    return Case(
        id=case.id,
        group=case.group,
        category=case.category,
        tools=tuple(names.tool(t) for t in case.tools),
        messages=tuple(names.message(m) for m in case.messages),
        expectation=names.expectation(case.expectation),
        tags=case.tags,
        note=case.note,
        excluded=case.excluded,
    )


class _Names:
    """Old names -> new ones, and the parts of a case rewritten with them."""

    def __init__(self, case: Case, seed: int) -> None:
        stay = _quoted_by_values(case)
        old_tools = list(dict.fromkeys(t.name for t in case.tools))
        kebab = hashlib.sha256(f"{seed}:{case.group}".encode()).digest()[0] % 3 == 0
        heads = {_words(n)[0] for n in old_tools if _words(n)}
        self._tools: dict[str, str] = {}
        for name in old_tools:
            if name not in stay:
                taken = {*old_tools, *self._tools.values()}
                self._tools[name] = _first(_tool_names(name, kebab, heads), taken)
        old = list(dict.fromkeys(p for t in case.tools for p in t.properties))
        stay |= {p for t in case.tools if not _plain(t) for p in t.properties}
        given = {a for c in _calls(case) for a in c.arguments} | {*old}
        self._parameters: dict[str, str] = {}
        for name in old:
            if name not in stay:
                taken = given | {*self._parameters.values()}
                self._parameters[name] = _first(_parameter_names(name), taken)
        self._new = {**self._parameters, **self._tools}
        self._texts = _pattern(self._new, self._tools)
        singles = [n for n in self._parameters if n and not _compound(n)]
        self._keys = re.compile(rf'(?<!\\)"({_any(singles)})"(?=\s*:)') if singles else None
        hostile = [n for n in case.expectation.injected if n in self._tools and not _compound(n)]
        self._hostile = re.compile(f"{_BEFORE}({_any(hostile)}){_AFTER}") if hostile else None
        self._known = {t.name for t in case.tools}

    def text(self, text: str) -> str:
        """A text with the names that it quotes replaced."""
        if self._texts is None:
            return text
        return self._texts.sub(lambda m: self._new[m.group()], text)

    def tool(self, tool: Tool) -> Tool:
        parameters = dict(_described(tool.parameters, self.text))
        properties, required = parameters.get("properties"), parameters.get("required")
        if _plain(tool) and isinstance(properties, dict):
            parameters["properties"] = {
                self._parameters.get(k, k): v for k, v in properties.items()
            }
            if isinstance(required, list):
                parameters["required"] = [self._parameters.get(str(n), n) for n in required]
        return Tool(
            name=self._tools.get(tool.name, tool.name),
            description=self.text(tool.description),
            parameters=parameters,
        )

    def message(self, message: Message) -> Message:
        content = message.content
        if message.role == "tool":
            if self._hostile is not None:
                content = self._hostile.sub(lambda m: self._tools[m.group()], content)
            if self._keys is not None:
                content = self._keys.sub(lambda m: f'"{self._parameters[m.group(1)]}"', content)
        return Message(
            role=message.role,
            content=self.text(content),
            calls=tuple(self._call(c) for c in message.calls),
            thought=None if message.thought is None else self.text(message.thought),
            name=None if message.name is None else self._tools.get(message.name, message.name),
        )

    def expectation(self, wanted: Expectation) -> Expectation:
        answer = wanted.answer
        if answer is not None:
            answer = Answer(
                facts=tuple(map(self._fact, answer.facts)),
                absent=tuple(map(self._fact, answer.absent)),
                if_missing=answer.if_missing,
                if_present=answer.if_present,
            )
        return Expectation(
            calls=tuple(self._expected(c) for c in wanted.calls),
            no_call=wanted.no_call,
            answer=answer,
            words=tuple(map(self.text, wanted.words)),
            text=None if wanted.text is None else self.text(wanted.text),
            thought=None if wanted.thought is None else self.text(wanted.thought),
            injected=tuple(self._tools.get(n, n) for n in wanted.injected),
        )

    def _call(self, call: Call) -> Call:
        """A call of a tool that is not offered keeps its arguments' names: its schema is unknown."""
        if call.name not in self._known:
            return call
        arguments = {self._parameters.get(k, k): v for k, v in call.arguments.items()}
        return Call(name=self._tools.get(call.name, call.name), arguments=arguments)

    def _expected(self, call: ExpectedCall) -> ExpectedCall:
        if call.name not in self._known:
            return call
        arguments = {self._parameters.get(k, k): v for k, v in call.arguments.items()}
        return ExpectedCall(name=self._tools.get(call.name, call.name), arguments=arguments)

    def _fact(self, fact: Fact) -> Fact:
        return Fact(any_of=tuple(self.text(x) if isinstance(x, str) else x for x in fact.any_of))


# --- new names --------------------------------------------------------------------------------------


def _tool_names(name: str, kebab: bool, heads: set[str]) -> Iterator[str]:
    """Candidates as words in their style, the best first; a synonym that heads another tool is none."""
    words = _words(name)
    style = _style(name, kebab)
    other = SYNONYMS.get(words[0]) if words else None
    if other is not None and other not in heads:
        yield style([other, *words[1:]])
    if len(words) > 1:
        yield style(words)
    yield style([*words, "tool"])
    yield from (style([*words, "tool", str(n)]) for n in count(2))


def _parameter_names(name: str) -> Iterator[str]:
    words = _words(name)
    style = _style(name, kebab=False)
    if len(words) > 1:
        yield style(words)
    affix = "given" if words[-1:] == ["value"] else "value"
    yield style([*words, affix])
    yield from (style([*words, affix, str(n)]) for n in count(2))


def _first(candidates: Iterable[str], taken: set[str]) -> str:
    """The first candidate that is free; a longer one than servers take ends in a hash of the rest."""
    for name in candidates:
        found = name
        if len(name) > LONGEST:
            found = f"{name[: LONGEST - 7]}_{hashlib.sha256(name.encode()).hexdigest()[:6]}"
        if found not in taken:
            return found
    raise AssertionError("the candidates are endless")


def _style(name: str, kebab: bool) -> Any:
    if any(c in name for c in "_-.") or not _compound(name):
        return _kebab if kebab and "-" not in name else _camel
    return _snake


def _camel(words: list[str]) -> str:
    return _headed("".join([words[0], *(w[:1].upper() + w[1:] for w in words[1:])]))


def _snake(words: list[str]) -> str:
    return _headed("_".join(words))


def _kebab(words: list[str]) -> str:
    return _headed("-".join(words))


def _headed(name: str) -> str:
    return f"_{name}" if name[:1].isdigit() else name


def _words(name: str) -> list[str]:
    """`get_weather`, `getWeather`, `get-weather` and `weather.get` in small words."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return re.sub(r"[_\-.\s]+", " ", apart).lower().split()


# --- where names stand ------------------------------------------------------------------------------


def _compound(name: str) -> bool:
    """Whether a name cannot be an ordinary word of a text (`e-mail` can)."""
    return re.search(r"[A-Za-z0-9][_.]+[A-Za-z0-9]|[a-z0-9][A-Z]", name) is not None


def _any(names: Iterable[str]) -> str:
    return "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True))


def _pattern(names: Iterable[str], tools: Iterable[str]) -> "re.Pattern[str] | None":
    """Matches exactly a name where a text quotes it as an identifier."""
    parts = []
    compound = [n for n in names if _compound(n)]
    single = [n for n in names if n and not _compound(n)]
    called = [n for n in tools if not _compound(n)]
    if compound:
        parts.append(f"{_BEFORE}(?:{_any(compound)}){_AFTER}")
    if single:
        parts.append(f"(?<=`)(?:{_any(single)})(?=`)")
    if called:
        parts.append(f"{_BEFORE}(?:{_any(called)})(?=\\()")
    return re.compile("|".join(parts)) if parts else None


def _quoted_by_values(case: Case) -> set[str]:
    """Names that argument values or enums quote: they cannot change without changing the values."""
    tools = {t.name for t in case.tools}
    pattern = _pattern([*tools, *(p for t in case.tools for p in t.properties)], tools)
    if pattern is None:
        return set()
    texts = [s for t in case.tools for s in _listed(t.parameters)]
    texts += [s for c in _calls(case) for v in c.arguments.values() for s in _strings(v)]
    return {m.group() for text in texts for m in pattern.finditer(text)}


def _calls(case: Case) -> Iterator[Call | ExpectedCall]:
    yield from (c for m in case.messages for c in m.calls)
    yield from case.expectation.calls


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Accept):
        yield from _strings(value.any_of)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings(item)


def _listed(schema: Any) -> Iterator[str]:
    """The strings of a schema that are values: enums, constants, defaults, examples, patterns."""
    if isinstance(schema, dict):
        for key, inner in schema.items():
            if key in _VALUES and key != "$ref":
                yield from _strings(inner)
            elif key == "properties" and isinstance(inner, dict):
                for sub in inner.values():
                    yield from _listed(sub)
            else:
                yield from _listed(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _listed(inner)


def _described(schema: Any, text: Any) -> Any:
    """The schema with its descriptions and titles rewritten, and nothing else."""
    if isinstance(schema, list):
        return [_described(inner, text) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    found: dict[str, Any] = {}
    for key, inner in schema.items():
        if key == "properties" and isinstance(inner, dict):
            found[key] = {name: _described(sub, text) for name, sub in inner.items()}
        elif key in ("description", "title") and isinstance(inner, str):
            found[key] = text(inner)
        else:
            found[key] = inner if key in _VALUES else _described(inner, text)
    return found


def _plain(tool: Tool) -> bool:
    """Whether nothing but `properties` and `required` can name a parameter of the tool."""
    if not set(tool.parameters) <= _PLAIN_SCHEMA:
        return False
    properties = tool.parameters.get("properties", {})
    return isinstance(properties, dict) and not _refers(tool.parameters)


def _refers(schema: Any) -> bool:
    if isinstance(schema, list):
        return any(map(_refers, schema))
    if not isinstance(schema, dict):
        return False
    ref = schema.get("$ref")
    if isinstance(ref, str) and not ref.startswith(("#/$defs/", "#/definitions/")):
        return True
    return "$dynamicRef" in schema or any(map(_refers, schema.values()))
