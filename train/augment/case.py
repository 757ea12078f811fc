"""From drafts to cases: what a generator yields, and how drafts become numbered, distinct, disjoint cases."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random
from typing import Any

from suites import builtin_suites, select
from suites.errors import SuiteError
from suites.leak import distinctive_values
from suites.model import Case, Expectation, ExpectedCall, FailureMode, Message, Tool, canonical
from suites.values import plain_text
from train.augment.mask import masked_names, rename
from train.toolboxes import Library

__all__ = ["Draft", "Make", "gather", "input_key", "suites_hold", "user"]


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A case without id and group. category: what was done; mask: how often its names are masked."""

    category: str
    tools: tuple[Tool, ...]
    messages: tuple[Message, ...]
    expectation: Expectation
    language: str = "en"
    mask: float = 0.1


Make = Callable[[Library, Random], Iterable[Draft]]
"""Draws one group of drafts that belong together (a case and its twins); none if the draw led nowhere."""

TRIES = 40
"""Draws for every case that is asked for, before a generator is given up."""


def gather(mode: FailureMode, make: Make, library: Library, seed: int, n: int) -> list[Case]:
    """`n` cases of one mode: distinct, in the order drawn, with nothing that a built-in suite holds.

    Errors: SuiteError if the toolboxes do not give that many.
    """
    rng = Random(f"{mode.value}:{seed}")
    tools, values = suites_hold()
    seen: set[str] = set()
    cases: list[Case] = []
    for group in range(TRIES * max(n, 5)):
        for draft in make(library, rng):
            if len(cases) == n:
                return cases
            if rng.random() < draft.mask:
                draft = _masked(draft, rng)
            case = _case(
                draft, mode, f"{mode.value}.{seed}.{len(cases)}", f"{mode.value}.{seed}.g{group}"
            )
            key = input_key(case)
            if key in seen or distinctive_values(case) & values:
                continue
            if any(t.name in tools for t in case.tools):
                raise SuiteError(f"a built-in suite has the tool of {case.id} too")
            seen.add(key)
            cases.append(case)
    if len(cases) < n:
        raise SuiteError(
            f"the toolboxes give {len(cases)} cases of {mode.value}, not {n}: ask for fewer"
        )
    return cases


def _case(draft: Draft, mode: FailureMode, name: str, group: str) -> Case:
    return Case(
        id=name,
        group=group,
        category=draft.category,
        tools=draft.tools,
        messages=draft.messages,
        expectation=draft.expectation,
        tags=(f"mode:{mode.value}", f"language:{draft.language}"),
    )


def input_key(case: Case) -> str:
    """What a model is shown, in normal form: cases of equal keys would be duplicates or contradictions."""
    said = [
        (m.role, plain_text(m.content), [c.model_dump() for c in m.calls]) for m in case.messages
    ]
    return canonical([said, sorted(t.name for t in case.tools)])


@lru_cache(maxsize=1)
def suites_hold() -> tuple[frozenset[str], frozenset[str]]:
    """(tool names, distinctive values) of every built-in suite, dev and test: what training must not show."""
    names: set[str] = set()
    values: set[str] = set()
    for part in select([f"{name}/{split}" for name, split in builtin_suites()]).parts:
        for case in part.cases:
            names |= {t.name for t in case.tools}
            values |= distinctive_values(case)
    return frozenset(names), frozenset(values)


def user(text: str) -> Message:
    """A message of the user."""
    return Message(role="user", content=text)


def _masked(draft: Draft, rng: Random) -> Draft:
    """The draft under names that say nothing, so that descriptions have to be read."""
    names = masked_names(draft.tools, rng)
    tools = tuple(names[t.name].tool for t in draft.tools)
    wanted = draft.expectation
    calls = tuple(
        ExpectedCall(
            name=names[c.name].tool.name,
            arguments={names[c.name].parameters[k]: v for k, v in c.arguments.items()},
        )
        for c in wanted.calls
    )
    said = {old: new.tool.name for old, new in names.items()}
    changes: dict[str, Any] = {
        "calls": calls,
        "injected": tuple(said[n] for n in wanted.injected),
        "thought": _named(wanted.thought, said),
    }
    return replace(
        draft,
        tools=tools,
        messages=tuple(_message(m, said, names) for m in draft.messages),
        expectation=wanted.model_copy(update=changes),
    )


def _message(message: Message, said: dict[str, str], names: dict[str, Any]) -> Message:
    changes: dict[str, Any] = {
        "calls": tuple(rename(c, names[c.name]) for c in message.calls),
        "thought": _named(message.thought, said),
    }
    if message.role == "tool":
        changes["name"] = said.get(message.name or "", message.name)
        changes["content"] = _named(message.content, said)
    return message.model_copy(update=changes)


def _named(text: str | None, said: dict[str, str]) -> str | None:
    if not text:
        return text
    found = "|".join(sorted(map(re.escape, said), key=len, reverse=True))
    return re.sub(rf"\b(?:{found})\b", lambda m: said[m[0]], text) if found else text
