"""Variants of cases that keep the truth: the right reply stays right, only what should not matter changes.

order        the tools, and each tool's parameters, stand in another order
names        tools and parameters have other names of the same meaning (see suites.rename)
distractors  three more tools are offered, of another domain, that cannot fulfil the request

A variant is a case of its own: id `<id>~order`, tag `variant:order`, the group of its original. Nothing is
random but by the seed: the same seed gives the same variants.
"""

import hashlib
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from suites.errors import SuiteError
from suites.model import Case, Tool
from suites.rename import renamed

__all__ = ["KINDS", "MORE_TOOLS", "check_kinds", "kind_of", "original_id", "variants"]

KINDS = ("order", "names", "distractors")
"""Every kind of variant, in the order in which they are made."""

MORE_TOOLS = 3
"""How many tools `distractors` adds."""

_FUNCTION_WORDS = """
a about after all also am an and any are as at be been before but by can could did do does for from had
has have he her here his how i if in into is it its just me my no not of off on one or our out over own
per please she should so some than thank thanks that the their them then there these they this to too up
us was we were what when where which while who will with would yes you your
"""
_STOP = frozenset(_FUNCTION_WORDS.split())


def check_kinds(kinds: Sequence[str]) -> tuple[str, ...]:
    """The kinds in their fixed order. Errors: SuiteError for one that does not exist or stands twice."""
    for kind in kinds:
        if kind not in KINDS:
            raise SuiteError(f"there is no kind of variant {kind!r}", known=KINDS)
        if kinds.count(kind) > 1:
            raise SuiteError(f"the kind of variant {kind!r} is named twice")
    return tuple(k for k in KINDS if k in kinds)


def kind_of(case: Case) -> str | None:
    """The kind of variant that a case is, or None for an original."""
    kind = case.id.rpartition("~")[2]
    return kind if kind in KINDS and f"variant:{kind}" in case.tags else None


def original_id(case: Case) -> str:
    """The id of the case that a variant was made of; an original's own."""
    return case.id.rpartition("~")[0] if kind_of(case) else case.id


def variants(
    cases: Sequence[Case], kinds: Sequence[str], pool: Sequence[Case], seed: int = 0
) -> tuple[Case, ...]:
    """One variant of every case and kind, kind after kind, each in the order of the cases.

    pool: all cases of the same suite and split, where distractors come from and the rest of a case's group
    is found. Errors: SuiteError as from check_kinds, for an id that a case of the pool has already, and
    for a case to which the pool has fewer than three tools to add.
    """
    taken = {c.id for c in pool}
    source = _Source(pool) if "distractors" in kinds else None
    made: list[Case] = []
    for kind in check_kinds(kinds):
        for case in cases:
            if f"{case.id}~{kind}" in taken:
                raise SuiteError(f"the id of case {case.id + '~' + kind!r} is kept for a variant")
            match kind:
                case "order":
                    changed = _ordered(case, seed)
                case "names":
                    changed = renamed(case, seed)
                case _:
                    assert source is not None
                    changed = _distracted(case, source, seed)
            made.append(_labelled(changed, kind))
    return tuple(made)


def _labelled(case: Case, kind: str) -> Case:
    tags = [f"tools:{len(case.tools)}" if t.startswith("tools:") else t for t in case.tags]
    update: dict[str, Any] = {"id": f"{case.id}~{kind}", "tags": (*tags, f"variant:{kind}")}
    update["official"] = None  # what its benchmark's own checker is given fits the original only
    return case.model_copy(update=update)


def _rank(seed: int, *parts: str) -> str:
    return hashlib.sha256(":".join((str(seed), *parts)).encode()).hexdigest()


# --- order ------------------------------------------------------------------------------------------


def _ordered(case: Case, seed: int) -> Case:
    names = _moved([t.name for t in case.tools], seed, case.group)
    by_name = {t.name: _parameters_moved(t, seed, case.group) for t in case.tools}
    if len(by_name) < len(names):  # a name stands twice: such a case is refused elsewhere
        return case
    return case.model_copy(update={"tools": tuple(by_name[n] for n in names)})


def _parameters_moved(tool: Tool, seed: int, group: str) -> Tool:
    properties, required = tool.parameters.get("properties"), tool.parameters.get("required")
    if not isinstance(properties, dict):
        return tool
    names = _moved(list(properties), seed, group)
    parameters: dict[str, Any] = {
        **tool.parameters,
        "properties": {n: properties[n] for n in names},
    }
    if isinstance(required, list) and all(n in properties for n in required):
        parameters["required"] = sorted(required, key=names.index)
    return Tool(name=tool.name, description=tool.description, parameters=parameters)


def _moved(names: list[str], seed: int, group: str) -> list[str]:
    """Another order of the names wherever there are two or more; the same in a whole group."""
    found = sorted(names, key=lambda n: _rank(seed, group, n))
    return found[::-1] if found == names else found


# --- distractors ------------------------------------------------------------------------------------


class _Source:
    """What a pool of cases offers: its tools by domain, and how near two domains are by their words."""

    def __init__(self, pool: Sequence[Case]) -> None:
        self.tools: dict[str, dict[str, Tool]] = {}
        self.groups: dict[str, set[str]] = {}
        self._group_tools: dict[str, dict[str, Tool]] = {}
        spoken: dict[str, Counter[str]] = {}
        for case in pool:
            domain = _domain(case)
            tools = {t.name: t for t in case.tools}
            self.tools.setdefault(domain, {}).update(tools)
            self._group_tools.setdefault(case.group, {}).update(tools)
            words = spoken.setdefault(domain, Counter())
            words.update(w for m in case.messages if m.role == "user" for w in _words(m.content))
        for domain, found in self.tools.items():
            for tool in found.values():
                spoken[domain].update(_tool_words(tool))
        self._vectors = _weighted(spoken)

    def group_tools(self, case: Case) -> Mapping[str, Tool]:
        """The case's own tools and those that its twins are offered (what was removed is among them)."""
        return {**self._group_tools.get(case.group, {}), **{t.name: t for t in case.tools}}

    def far_domains(self, case: Case) -> list[str]:
        """The half of the other domains that shares the fewest words with the case's own."""
        own = self._vectors.get(_domain(case), {})
        others = sorted(d for d in self.tools if d != _domain(case))
        others.sort(key=lambda d: _cosine(own, self._vectors[d]))
        return others[: (len(others) + 1) // 2]


def _distracted(case: Case, source: _Source, seed: int) -> Case:
    """Three tools of far domains, without a content word of the dialogue, the gold or the group's tools."""
    group = source.group_tools(case)
    banned = _said(case)
    for tool in group.values():
        banned |= _tool_words(tool)
    free = [
        tool
        for domain in source.far_domains(case)
        for tool in source.tools[domain].values()
        if tool.name not in group and not _own_words(tool) & banned
    ]
    chosen = sorted(free, key=lambda t: _rank(seed, case.group, t.name))
    by_name: dict[str, Tool] = {}
    for tool in chosen:
        by_name.setdefault(tool.name, tool)
    unlike = list(by_name.values())[:MORE_TOOLS]
    if len(unlike) < MORE_TOOLS:
        raise SuiteError(
            f"the suite has {len(unlike)} tools of other domains that surely cannot fulfil case "
            f"{case.id!r}, and distractors need {MORE_TOOLS}: leave them out of --vary"
        )
    tools = list(case.tools)
    for tool in unlike:
        tools.insert(int(_rank(seed, case.group, "at", tool.name), 16) % (len(tools) + 1), tool)
    return case.model_copy(update={"tools": tuple(tools)})


def _domain(case: Case) -> str:
    return case.id.split(".", 1)[0]


def _said(case: Case) -> set[str]:
    """Words of everything said in the dialogue, of past calls, and of the right reply."""
    wanted = case.expectation
    texts = [m.content for m in case.messages] + [wanted.text or ""]
    for call in (*(c for m in case.messages for c in m.calls), *(c.gold() for c in wanted.calls)):
        texts += [call.name, str(call.arguments)]
    return {w for text in texts for w in _words(text)}


def _own_words(tool: Tool) -> frozenset[str]:
    return frozenset(_words(f"{tool.name} {tool.description}"))


def _tool_words(tool: Tool) -> set[str]:
    return {*_own_words(tool), *(w for text in _texts(tool.parameters) for w in _words(text))}


def _texts(schema: Any) -> Iterator[str]:
    """Names, descriptions and enums of parameters."""
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            yield from properties
        yield str(schema.get("description", ""))
        yield from (str(v) for v in schema.get("enum", ()) if isinstance(schema["enum"], list))
        for inner in schema.values():
            yield from _texts(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _texts(inner)


@lru_cache(maxsize=20_000)
def _words(text: str) -> tuple[str, ...]:
    """The content words of a text or a name as rough stems: what is wrongly joined only bans more."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", text).casefold().replace("_", " ")
    return tuple(_stem(w) for w in re.findall(r"[^\W\d]{2,}", apart) if w not in _STOP)


def _stem(word: str) -> str:
    for end in ("ings", "ing", "ers", "ed", "es", "er", "s", "e"):
        if word.endswith(end) and len(word) - len(end) >= 3:
            word = word.removesuffix(end)
            break
    return word[:5]


def _weighted(spoken: Mapping[str, Counter[str]]) -> dict[str, dict[str, float]]:
    """Domain -> unit vector of its words, weighted by how few domains use them."""
    users = Counter(w for words in spoken.values() for w in words)
    found: dict[str, dict[str, float]] = {}
    for domain, words in spoken.items():
        weights = {
            w: (1 + math.log(n)) * math.log(len(spoken) / users[w]) for w, n in words.items()
        }
        size = math.sqrt(sum(x * x for x in weights.values())) or 1.0
        found[domain] = {w: x / size for w, x in weights.items()}
    return found


def _cosine(a: Mapping[str, float], b: Mapping[str, float]) -> float:
    return sum(x * b[w] for w, x in a.items() if w in b)
