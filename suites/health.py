"""Dataset health: is every gold right by the project's own judge, and every corrupted gold wrong?"""

import difflib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from jsonschema import Draft202012Validator

from suites.baselines import gold_reply
from suites.errors import SuiteError
from suites.judge import judge
from suites.model import Case, Suite, canonical
from suites.mutate import mutations
from suites.places import NOWHERE, Place
from suites.schema import VALUE_LINT, argument_problems, schema_problems, show
from suites.values import plain_text

__all__ = ["Finding", "Health", "check_case", "check_suite", "refuse_unsound"]

_KEYWORDS = frozenset(Draft202012Validator.VALIDATORS) | {
    *("title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"),
    *("then", "else", "minContains", "maxContains", "definitions", "$defs", "$id", "$schema"),
    *("contentEncoding", "contentMediaType", "contentSchema", "$anchor", "$dynamicAnchor"),
    *("$comment", "$vocabulary"),
}
_FOREIGN = frozenset({"example", "nullable", "optional", "discriminator"})
"""Of OpenAPI and of public benchmarks: harmless."""

_PARAMETER = re.compile(r"properties\.([^.:]+)|of '([^']+)'")
"""The parameter that a fault of a schema names."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fault of a suite. level `error` fails the check; `warning` does not, nor does `excluded`.

    excluded: an error of a case that the suite's exclusion list leaves out. place: `file:line` of what is
    wrong, relative to the working folder where it lies inside; empty for a case that no file holds.
    """

    level: str
    check: str
    case: str
    text: str
    place: str = ""


@dataclass(frozen=True, kw_only=True)
class Health:
    """What a check looked at and found. groups: clusters of cases; mutations: broken golds judged.

    excluded: reason of the exclusion list -> number of cases that it leaves out.
    """

    suite: str
    cases: int
    groups: int
    tools: int
    mutations: int
    findings: tuple[Finding, ...]
    excluded: dict[str, int] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """True when there is no finding of level `error`."""
        return not any(f.level == "error" for f in self.findings)


def check_suite(suite: Suite) -> Health:
    """Gold replay, mutations, schema lint, duplicates and contradictions over every case of a suite."""
    findings: list[Finding] = []
    seen_tools: dict[int, None] = {}
    distinct: set[str] = set()
    tried = 0
    # Excluded cases last: a tool is looked at once, and its fault counts if another case offers it too.
    for case in sorted(suite.cases, key=lambda c: bool(c.excluded)):
        place = suite.places.get(case.id, NOWHERE)
        for i, tool in enumerate(case.tools):
            if id(tool) not in seen_tools:
                seen_tools[id(tool)] = None
                key = canonical(tool.model_dump(mode="json"))
                if key not in distinct:
                    distinct.add(key)
                    findings += _lint_tool(case, i, place)
    for case in suite.cases:
        count, found = check_case(case, suite.places.get(case.id, NOWHERE))
        tried += count
        findings += found
    findings += _doubles(suite)
    excluded = {c.id for c in suite.cases if c.excluded}
    findings = [
        replace(f, level="excluded") if f.level == "error" and f.case in excluded else f
        for f in findings
    ]
    return Health(
        suite=f"{suite.name}/{suite.split}",
        cases=len(suite.cases),
        groups=len({c.group for c in suite.cases}),
        tools=len({t.name for c in suite.cases for t in c.tools}),
        mutations=tried,
        findings=tuple(findings),
        excluded=dict(Counter(reason for c in suite.cases for reason in c.excluded)),
    )


def check_case(case: Case, place: Place = NOWHERE) -> tuple[int, list[Finding]]:
    """(mutations judged, findings) of one case: its tools and gold, gold replay, and every broken gold."""
    findings = list(_lint_case(case, place))
    if findings or not _sound_tools(case):
        return 0, findings
    verdict = judge(case, gold_reply(case))
    if not verdict.passed:
        text = f"gold fails ({verdict.failure}): {verdict.reason}"
        return 0, [_error(case, "gold replay", text, _gold(case, place))]
    if verdict.checks.get("kind") is False:
        words = ", ".join(case.expectation.words)
        text = f"gold text has none of the declared words ({words})"
        findings.append(_error(case, "gold replay", text, place.reply()))
    tried = 0
    for mutation in mutations(case):
        tried += 1
        verdict = judge(case, mutation.reply)
        if verdict.passed:
            text = f"{mutation.name}: passes ({verdict.reason})"
        elif verdict.failure is not mutation.expected:
            got = f"{mutation.name}: judged {verdict.failure}, expected {mutation.expected}"
            text = f"{got} ({verdict.reason})"
        else:
            continue
        findings.append(_error(case, "mutation", text, place.expected()))
    return tried, findings


def refuse_unsound(cases: Iterable[Case], places: Mapping[str, Place] = {}) -> None:
    """Refuse to measure with a case whose tools or gold are unsound, or whose gold does not pass.

    places: case id -> where it stands. Errors: SuiteError with the first such case, and file and line.
    """
    for case in cases:
        if case.excluded:
            continue
        place = places.get(case.id, NOWHERE)
        found = [
            finding
            for i, tool in enumerate(case.tools)
            if schema_problems(tool)
            for finding in _lint_tool(case, i, place)
            if finding.level == "error"
        ]
        found += _lint_case(case, place)
        if not found:
            verdict = judge(case, gold_reply(case))
            if not verdict.passed:
                text = f"gold fails: {verdict.reason}"
                found.append(_error(case, "gold replay", text, _gold(case, place)))
        if found:
            file, _, line = found[0].place.rpartition(":")
            remedy = f"callbench suites check {file or 'SUITE'} shows all"
            raise SuiteError(
                f"case {case.id!r} cannot be measured: {found[0].text} ({remedy})",
                file=file or None,
                line=int(line) if line else None,
            )


def _error(case: Case, check: str, text: str, place: str) -> Finding:
    return Finding(level="error", check=check, case=case.id, text=text, place=place)


def _gold(case: Case, place: Place) -> str:
    return place.call(0) if case.expectation.calls else place.reply()


def _is_error(case: Case, problem: str) -> bool:
    """A default or enum value of an imported tool stays as its benchmark shows it to every model."""
    return case.official is None or not problem.startswith(VALUE_LINT)


def _sound_tools(case: Case) -> bool:
    return not any(_is_error(case, p) for tool in case.tools for p in schema_problems(tool))


def _lint_tool(case: Case, index: int, place: Place) -> Iterator[Finding]:
    tool = case.tools[index]
    found = [("error" if _is_error(case, p) else "warning", p) for p in schema_problems(tool)]
    found += [("warning", problem) for problem in _misspelt(tool.parameters)]
    if not tool.description and "inferred-tool" not in case.tags:
        found.append(("warning", "has no description"))
    for level, problem in found:
        named = _PARAMETER.search(problem)
        where = place.tool(index, tool.name, (named[1] or named[2]) if named else "")
        text = f"tool {tool.name!r} {problem}"
        yield Finding(level=level, check="schema", case=case.id, text=text, place=where)


def _misspelt(schema: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Keywords that JSON Schema does not know and so ignores, and that look like one that it knows."""
    for keyword in sorted(schema.keys() - _KEYWORDS - _FOREIGN):
        if close := difflib.get_close_matches(keyword, sorted(_KEYWORDS), n=1, cutoff=0.8):
            where = path or "parameters"
            yield f"{where}: JSON Schema knows no {keyword!r}: did you mean {close[0]!r}?"
    properties = schema.get("properties")
    inner = dict(properties) if isinstance(properties, dict) else {}
    inner = {f"properties.{name}": sub for name, sub in inner.items()}
    for name, sub in {**inner, "items": schema.get("items")}.items():
        if isinstance(sub, dict):
            yield from _misspelt(sub, f"{path}.{name}" if path else name)


def _lint_case(case: Case, place: Place) -> Iterator[Finding]:
    for name, count in Counter(t.name for t in case.tools).items():
        if count > 1:
            text = f"tool {name!r} is offered {count} times"
            yield _error(case, "tools", text, place.part("tools"))
    for tag in case.tags:
        if tag.startswith("tools:") and tag != f"tools:{len(case.tools)}":
            text = f"is tagged {tag!r} and offers {len(case.tools)} tools"
            yield _error(case, "tags", text, place.part("tags"))
    if not _sound_tools(case):
        return
    for i, wanted in enumerate(case.expectation.calls):
        tool = case.tool(wanted.name)
        if tool is None:
            offered = ", ".join(t.name for t in case.tools) or "no tool is"
            text = f"expects {wanted.name!r}, which is not offered: nobody can pass ({offered})"
            yield _error(case, "gold", text, place.call(i))
            continue
        gold = wanted.gold().arguments
        for problem in argument_problems(tool, gold):
            text = f"gold violates its own schema: {problem.text}"
            yield _error(case, "gold", text, place.call(i, *_keys(problem.path)))
        for name, accept in wanted.arguments.items():
            for value in accept.any_of[1:]:
                for problem in argument_problems(tool, {**gold, name: value}):
                    text = f"accepted {name}={show(value)} violates the schema: {problem.text}"
                    yield _error(case, "gold", text, place.call(i, name))
    for name in case.expectation.injected:
        if case.tool(name) is None:
            text = f"injected tool {name!r} is not offered"
            yield _error(case, "gold", text, place.part("injected"))


def _keys(path: str) -> tuple[str | int, ...]:
    return tuple(int(p) if p.isdigit() else p for p in path.split("."))


def _doubles(suite: Suite) -> Iterator[Finding]:
    """Cases with the same dialogue and tools (in any order): duplicates, or opposite labels."""
    seen: dict[str, Case] = {}
    for case in suite.cases:
        messages = [
            (m.role, plain_text(m.content), canonical([c.model_dump() for c in m.calls]))
            for m in case.messages
        ]
        tools = sorted(canonical(t.model_dump(mode="json")) for t in case.tools)
        key = canonical([messages, tools])
        other = seen.setdefault(key, case)
        if other is case:
            continue
        place = suite.places.get(case.id, NOWHERE)
        first = str(suite.places.get(other.id, NOWHERE))
        named = f"{other.id!r} ({first})" if first else repr(other.id)
        if other.expectation == case.expectation:
            yield _error(case, "duplicate", f"is the same as case {named}", str(place))
        else:
            text = f"has the input of {named} and another expectation"
            yield _error(case, "contradiction", text, place.expected())
