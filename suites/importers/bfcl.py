"""BFCL v4, single turn: its 13 scored categories as cases, with what its own checker is given beside them.

Source: the data of bfcl-eval (PyPI; Apache-2.0): `data/BFCL_v4_<category>.json` and, for those with gold
answers, `data/possible_answer/…`. Only these files are read.

Our expectation says what BFCL's gold says, by the rules of the strict judge: an argument whose gold list
holds "" may be left out; texts compare under the normal form `text`; an alternative that breaks the tool's
own schema is dropped where others are left. Types become those of JSON Schema. In the Java and JavaScript
categories the model gives every argument as a text in that language, as BFCL has it; golds are written as
literals. A relevance item asks for some call, whichever.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from suites.bfcl.checker import language_of
from suites.bfcl.literals import write_literal
from suites.errors import SuiteError
from suites.exclusions import read_exclusions
from suites.importers.base import Imported, Skipped
from suites.importers.bfcl_docs import tool_of
from suites.importers.source import Source
from suites.json_text import compact
from suites.model import (
    Accept,
    Case,
    Expectation,
    ExpectedCall,
    Message,
    Official,
    Tool,
)
from suites.schema import VALUE_LINT, argument_problems, schema_problems

__all__ = ["CATEGORIES", "EXCLUSIONS", "NOT_READ", "expanded", "read"]

CATEGORIES: dict[str, str] = {
    "simple_python": "One function, one call.",
    "simple_java": "One function in Java's types; every argument is a text in Java.",
    "simple_javascript": "One function in JavaScript's types; every argument is a text in JavaScript.",
    "multiple": "Two to four functions, one of which is to be called.",
    "parallel": "One function, several calls.",
    "parallel_multiple": "Several functions, several calls.",
    "irrelevance": "No function fits: no call.",
    "live_simple": "Contributed by users: one function, one call.",
    "live_multiple": "Contributed by users: several functions, one call.",
    "live_parallel": "Contributed by users: one function, several calls.",
    "live_parallel_multiple": "Contributed by users: several functions, several calls.",
    "live_irrelevance": "Contributed by users: no function fits.",
    "live_relevance": "Contributed by users: some function fits; any call will do.",
}
EXCLUSIONS = Path(__file__).with_name("bfcl_exclusions.yaml")
NOT_READ = (
    "multi_turn_base",
    "multi_turn_miss_func",
    "multi_turn_miss_param",
    "multi_turn_long_context",
    "web_search",
    "memory",
    "format_sensitivity",
)
_DECLINE = "None of the available functions can do this."
_MOST = 256
_LIVE = re.compile(r"_\d+-(\d+)-\d+$")


def read(source: Source) -> Imported:
    """The categories that the source holds. Errors: SuiteError if it holds none."""
    cases: list[Case] = []
    skipped: list[Skipped] = []
    files = {category: _questions(source, category) for category in CATEGORIES}
    if not any(files.values()):
        raise SuiteError("holds no file BFCL_v4_<category>.json", file=source.name)
    for category, file in files.items():
        if file is None:
            continue
        golds = _golds(source, category)
        for line, row in source.json_lines(file):
            place = f"{source.place(file)}:{line}"
            try:
                cases.append(_case(row, category, golds))
            except _MISFITS as error:
                skipped.append(Skipped(where=place, why=_why(error)))
    version, exclusions = read_exclusions(EXCLUSIONS)
    present = {case.id for case in cases}
    there = [c for c in NOT_READ if source.find(f"BFCL_v4_{c}.json")]
    notes = [f"not imported (needs simulators or the network): {', '.join(there)}"] if there else []
    if absent := [category for category, file in files.items() if file is None]:
        notes.append(f"the source has no file of: {', '.join(absent)}")
    return Imported(
        about=(
            "Berkeley Function Calling Leaderboard v4, single turn: non-live, live, (ir)relevance. "
            "Each case keeps its function docs and gold for the official verdict."
        ),
        version=source.version or "unknown",
        licence="Apache-2.0",
        cases=tuple(cases),
        categories={c: CATEGORIES[c] for c in CATEGORIES if any(x.category == c for x in cases)},
        exclusions={
            reason: (about, tuple(i for i in ids if i in present))
            for reason, (about, ids) in exclusions.items()
        },
        exclusions_version=version,
        skipped=tuple(skipped),
        notes=tuple(notes),
    )


_MISFITS = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, re.error)
"""What an item of another form than BFCL's raises, wherever it first departs from it."""


def _why(error: Exception) -> str:
    """One line for people on an item that cannot be read."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        text = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    elif isinstance(error, UnicodeError):
        text = "is no valid Unicode"
    elif isinstance(error, KeyError):
        text = f"has no {error}"
    elif isinstance(error, ValueError):
        text = str(error)
    else:
        text = f"{type(error).__name__}: {error}"
    return " ".join(text.encode("utf-8", "backslashreplace").decode().split())


def _questions(source: Source, category: str) -> str | None:
    name = source.find(f"BFCL_v4_{category}.json")
    return None if name is None or Path(name).parent.name == "possible_answer" else name


def _golds(source: Source, category: str) -> dict[str, Any]:
    if category.endswith("relevance"):
        return {}
    file = source.find(f"possible_answer/BFCL_v4_{category}.json")
    if file is None:
        raise SuiteError(f"has no possible_answer/BFCL_v4_{category}.json", file=source.name)
    golds: dict[str, Any] = {}
    for line, row in source.json_lines(file):
        if not isinstance(row, dict) or not isinstance(row.get("id"), str):
            raise SuiteError("a gold answer needs an id", file=source.place(file), line=line)
        golds[row["id"]] = row.get("ground_truth")
    return golds


def _case(row: Any, category: str, golds: Mapping[str, Any]) -> Case:
    if not isinstance(row, dict):
        raise ValueError("is no mapping")
    name, functions = row["id"], row["function"]
    language = language_of(category)
    tools = tuple(tool_of(doc, language) for doc in functions)
    for tool in tools:
        if problems := [p for p in schema_problems(tool) if not p.startswith(VALUE_LINT)]:
            raise ValueError(f"tool {tool.name!r} {problems[0]}")
    gold = [] if category.endswith("relevance") else _gold(golds, name)
    compact([row, gold]).encode()  # a lone surrogate could be kept, but not written
    live = _LIVE.search(name)
    return Case(
        id=name,
        group=f"{category}:{live[1]}" if live else name,
        category=category,
        tools=tools,
        messages=_messages(row["question"]),
        expectation=_expectation(category, tools, functions, gold),
        official=Official(
            checker="bfcl", category=category, functions=tuple(functions), gold=tuple(gold)
        ),
    )


def _gold(golds: Mapping[str, Any], name: str) -> list[Any]:
    gold = golds.get(name)
    if not isinstance(gold, list) or not gold:
        raise ValueError(f"{name} has no gold answer")
    return gold


def _messages(question: Any) -> tuple[Message, ...]:
    """The one turn of a question; several messages of one role in a row become one (no template has them)."""
    if not isinstance(question, list) or len(question) != 1:
        raise ValueError("the question is not of one turn")
    turn = question[0]
    merged: list[tuple[str, list[str]]] = []
    for message in turn:
        role, text = message["role"], message["content"]
        if merged and merged[-1][0] == role:
            merged[-1][1].append(text)
        else:
            merged.append((role, [text]))
    return tuple(Message(role=role, content="\n".join(texts)) for role, texts in merged)  # type: ignore[arg-type]


def _expectation(
    category: str, tools: tuple[Tool, ...], functions: list[Any], gold: list[Any]
) -> Expectation:
    if "irrelevance" in category:
        return Expectation(no_call="decline", text=_DECLINE)
    if "relevance" in category:
        return Expectation(any_call=True)
    language = language_of(category)
    docs = {doc["name"]: doc for doc in functions}
    by_name = {tool.name: tool for tool in tools}
    expected = []
    for wanted in gold:
        for name, answers in wanted.items():
            properties = docs[name]["parameters"]["properties"] if name in docs else {}
            arguments: dict[str, Accept] = {}
            for param, alternatives in answers.items():
                detail = properties.get(param, {})
                accept = _accept(alternatives, detail, language)
                if accept is not None:
                    arguments[param] = _sound(accept, by_name.get(name), param)
            expected.append(ExpectedCall(name=name, arguments=arguments))
    return Expectation(calls=tuple(expected))


def _accept(alternatives: list[Any], detail: Mapping[str, Any], language: str) -> Accept | None:
    """None where the gold list is empty or holds only "": the argument is to be left out."""
    values = expanded(alternatives)
    optional = "" in alternatives
    if not values:
        return None
    if language == "python":
        return Accept(any_of=tuple(values), normal="text", optional=optional)
    kind, inner = str(detail.get("type", "any")), (detail.get("items") or {}).get("type")
    texts = [write_literal(language, value, kind, inner) for value in values]
    kept = [t for t in texts if t is not None] or [str(value) for value in values]
    return Accept(any_of=tuple(kept), normal=language, optional=optional)  # type: ignore[arg-type]


def _sound(accept: Accept, tool: Tool | None, name: str) -> Accept:
    """Without the alternatives that break the tool's own schema, unless all of them do."""
    if tool is None or name not in tool.properties:
        return accept
    probe = Tool(name=tool.name, parameters={**tool.parameters, "required": []})
    valid = tuple(v for v in accept.any_of if not argument_problems(probe, {name: v}))
    return accept.model_copy(update={"any_of": valid}) if valid else accept


def expanded(alternatives: Any) -> list[Any]:
    """Every value that a gold list stands for: dicts of alternatives are multiplied out; no ""."""
    if not isinstance(alternatives, list):
        raise TypeError("a gold answer is a list of alternatives")
    values = (v for gold in alternatives if gold != "" for v in _values(gold))
    found = list(itertools.islice(values, _MOST + 1))
    if len(found) > _MOST:
        raise ValueError(f"more than {_MOST} alternatives of one argument")
    return found


def _values(gold: Any) -> Iterator[Any]:
    if isinstance(gold, dict):
        yield from _dicts(gold)
    elif isinstance(gold, list) and any(isinstance(item, dict) for item in gold):
        for items in itertools.product(*(_few(item) for item in gold)):
            yield list(items)
    else:
        yield gold


def _few(gold: Any) -> list[Any]:
    """The values of one item of a list, as many as could still be accepted."""
    return list(itertools.islice(_values(gold), _MOST + 1))


def _dicts(gold: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One dict a choice of alternatives; the alternative "" leaves its key out. Inner values stay."""
    choices = [
        [(key, value) for value in (golds if isinstance(golds, list) else [golds])]
        for key, golds in gold.items()
    ]
    for chosen in itertools.product(*choices):
        yield {key: value for key, value in chosen if value != ""}
