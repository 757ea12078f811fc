"""Dataset health: is every gold right by the project's own judge, and every corrupted gold wrong?"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from suites.baselines import gold_reply
from suites.errors import SuiteError
from suites.judge import judge
from suites.model import Case, Suite, Tool, canonical
from suites.mutate import mutations
from suites.schema import VALUE_LINT, argument_problems, schema_problems, show
from suites.values import plain_text

__all__ = ["Finding", "Health", "check_case", "check_suite", "refuse_unsound"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fault of a suite. level `error` fails the check; `warning` does not, nor does `excluded`.

    excluded: an error of a case that the suite's exclusion list leaves out.
    """

    level: str
    check: str
    case: str
    text: str


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
        for tool in case.tools:
            if id(tool) not in seen_tools:
                seen_tools[id(tool)] = None
                key = canonical(tool.model_dump(mode="json"))
                if key not in distinct:
                    distinct.add(key)
                    findings += _lint_tool(case, tool)
    for case in suite.cases:
        count, found = check_case(case)
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


def check_case(case: Case) -> tuple[int, list[Finding]]:
    """(mutations judged, findings) of one case: its tools and gold, gold replay, and every broken gold."""
    findings = list(_lint_case(case))
    if findings or not _sound_tools(case):
        return 0, findings
    verdict = judge(case, gold_reply(case))
    if not verdict.passed:
        return 0, [_error(case, "gold replay", f"gold fails ({verdict.failure}): {verdict.reason}")]
    if verdict.checks.get("kind") is False:
        words = ", ".join(case.expectation.words)
        findings.append(
            _error(case, "gold replay", f"gold text has none of the declared words ({words})")
        )
    tried = 0
    for mutation in mutations(case):
        tried += 1
        verdict = judge(case, mutation.reply)
        if verdict.passed:
            findings.append(_error(case, "mutation", f"{mutation.name}: passes ({verdict.reason})"))
        elif verdict.failure is not mutation.expected:
            got = f"{mutation.name}: judged {verdict.failure}, expected {mutation.expected}"
            findings.append(_error(case, "mutation", f"{got} ({verdict.reason})"))
    return tried, findings


def refuse_unsound(cases: Iterable[Case]) -> None:
    """Refuse to measure with a case whose tools or gold are unsound, or whose gold does not pass.

    Errors: SuiteError with the first such case.
    """
    for case in cases:
        if case.excluded:
            continue
        found = [f for tool in case.tools for f in _lint_tool(case, tool) if f.level == "error"]
        found += _lint_case(case)
        if not found:
            verdict = judge(case, gold_reply(case))
            if not verdict.passed:
                found.append(_error(case, "gold replay", f"gold fails: {verdict.reason}"))
        if found:
            remedy = "callbench suites check SUITE shows all"
            raise SuiteError(f"case {case.id!r} cannot be measured: {found[0].text} ({remedy})")


def _error(case: Case, check: str, text: str) -> Finding:
    return Finding(level="error", check=check, case=case.id, text=text)


def _is_error(case: Case, problem: str) -> bool:
    """A default or enum value of an imported tool stays as its benchmark shows it to every model."""
    return case.official is None or not problem.startswith(VALUE_LINT)


def _sound_tools(case: Case) -> bool:
    return not any(_is_error(case, p) for tool in case.tools for p in schema_problems(tool))


def _lint_tool(case: Case, tool: Tool) -> Iterator[Finding]:
    for problem in schema_problems(tool):
        level = "error" if _is_error(case, problem) else "warning"
        text = f"tool {tool.name!r} {problem}"
        yield Finding(level=level, check="schema", case=case.id, text=text)
    if not tool.description and "inferred-tool" not in case.tags:
        text = f"tool {tool.name!r} has no description"
        yield Finding(level="warning", check="schema", case=case.id, text=text)


def _lint_case(case: Case) -> Iterator[Finding]:
    for name, count in Counter(t.name for t in case.tools).items():
        if count > 1:
            yield _error(case, "tools", f"tool {name!r} is offered {count} times")
    for tag in case.tags:
        if tag.startswith("tools:") and tag != f"tools:{len(case.tools)}":
            yield _error(case, "tags", f"is tagged {tag!r} and offers {len(case.tools)} tools")
    if not _sound_tools(case):
        return
    for wanted in case.expectation.calls:
        tool = case.tool(wanted.name)
        if tool is None:
            yield _error(
                case, "gold", f"expects {wanted.name!r}, which is not offered: nobody can pass"
            )
            continue
        gold = wanted.gold().arguments
        for problem in argument_problems(tool, gold):
            yield _error(case, "gold", f"gold violates its own schema: {problem.text}")
        for name, accept in wanted.arguments.items():
            for value in accept.any_of[1:]:
                for problem in argument_problems(tool, {**gold, name: value}):
                    text = f"accepted {name}={show(value)} violates the schema: {problem.text}"
                    yield _error(case, "gold", text)
    for name in case.expectation.injected:
        if case.tool(name) is None:
            yield _error(case, "gold", f"injected tool {name!r} is not offered")


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
        if other.expectation == case.expectation:
            yield _error(case, "duplicate", f"is the same as case {other.id!r}")
        else:
            yield _error(
                case, "contradiction", f"has the input of {other.id!r} and another expectation"
            )
