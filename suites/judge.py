"""The strict judge: a pure function of (case, reply) that returns a verdict with a reason.

Outcome first. `error` is infrastructure and not scored; `malformed` always fails and is never 'no call'.

Sub-checks (True, False or None where they do not apply):
    format      the calls that were tried can be read (None: plain text, no call tried)
    decision    a call was made exactly where one was expected (None: malformed, cut off or unreadable)
    name        the called tools are the expected ones, each as often as expected
    count       as many calls as expected
    schema      every call made, wanted or not, names an offered tool and obeys its schema
    arguments   every assigned call: schema-valid, required given, values acceptable, nothing invented
    answer      a text has all facts that the case asks for, and none that it forbids
    kind        a text asks or declines by the words the case declares; never decides the verdict

A call case passes when format, decision, name, count and arguments hold; parallel calls are assigned to
the expected ones optimally, in any order. A no-call case passes when nothing was called, nothing
malformed was tried, the text says something that can be read (suites/sense.py) and `answer` holds; noise and
an empty text decide nothing, so no sub-check applies to them. Text beside a right call is allowed. A text
that the token budget cut off before its end fails as `truncated`: nobody knows what would have followed.
"""

from collections import Counter

from suites.assign import assign
from suites.model import Call, Case, ExpectedCall, FailureMode, Outcome, Reply, Tool, Verdict
from suites.schema import ArgumentProblem, argument_problems, show
from suites.sense import readable
from suites.values import accepts, same
from suites.words import asks, says, says_any

__all__ = ["CHECKS", "judge"]

CHECKS = ("format", "decision", "name", "count", "schema", "arguments", "answer", "kind")

_OTHER_TOOL, _IMPERFECT = 1000.0, 10.0
_NO_TOOL = Tool(name="unknown")
_ORDER = (
    FailureMode.MISSING_ARGUMENT,
    FailureMode.INVENTED_ARGUMENT,
    FailureMode.WRONG_TYPE,
    FailureMode.SCHEMA_VIOLATION,
    FailureMode.WRONG_VALUE,
)


def judge(case: Case, reply: Reply) -> Verdict:
    """The verdict of the strict mode on one reply to one case (rules at the top of this module)."""
    outcome = reply.outcome
    if outcome is Outcome.ERROR:
        text = "; ".join(reply.problems) or "no reply"
        return Verdict(passed=False, outcome=outcome, reason=f"not scored: {text}")
    if outcome is Outcome.MALFORMED:
        mode, what = FailureMode.MALFORMED_CALL, "broken call"
        if reply.finish == "length":
            mode, what = FailureMode.TRUNCATED, "cut off by the token budget"
        return _fail(outcome, mode, f"{what}: {'; '.join(reply.problems)}", {"format": False})
    if reply.finish == "length" and not reply.calls:
        reason = f"cut off by the token budget before its end: {show(reply.text)}"
        return _fail(outcome, FailureMode.TRUNCATED, reason, {})
    if case.expectation.any_call:
        return _judge_any_call(case, reply)
    return _judge_calls(case, reply) if case.expectation.calls else _judge_no_call(case, reply)


Checks = dict[str, bool | None]


def _all(known: Checks) -> Checks:
    return {name: known.get(name) for name in CHECKS}


def _fail(outcome: Outcome, mode: FailureMode, reason: str, checks: Checks) -> Verdict:
    return Verdict(passed=False, outcome=outcome, failure=mode, reason=reason, checks=_all(checks))


def _names(calls: tuple[Call, ...] | tuple[ExpectedCall, ...]) -> str:
    return ", ".join(c.name for c in calls)


# --- a call is expected -----------------------------------------------------------------------------


def _judge_calls(case: Case, reply: Reply) -> Verdict:
    expected = case.expectation.calls
    if not reply.calls:
        return _no_call_made(case, reply)
    faults = {id(c): _schema_faults(case, c) for c in reply.calls}
    names_match = Counter(c.name for c in reply.calls) == Counter(c.name for c in expected)
    count = len(reply.calls) == len(expected)
    pairs = _pairs(case, reply.calls, faults)
    named = [(call, wanted) for call, wanted in pairs if wanted.name == call.name]
    problems = [p for call, wanted in named for p in _problems(case, call, wanted, faults)]
    checks: Checks = {
        "format": True,
        "decision": True,
        "name": names_match,
        "count": count,
        "schema": not any(faults.values()),
        "arguments": not problems if named else None,
    }
    if names_match and not problems:
        made = "; ".join(_shown(c) for c in reply.calls)
        return Verdict(
            passed=True, outcome=Outcome.CALL, reason=f"called {made}", checks=_all(checks)
        )
    mode, reason = _call_fault(case, reply, pairs, problems)
    return _fail(Outcome.CALL, mode, reason, checks)


def _no_call_made(case: Case, reply: Reply) -> Verdict:
    wanted = "; ".join(_shown(c.gold()) for c in case.expectation.calls)
    request = next((m.content for m in reversed(case.messages) if m.role == "user"), "")
    if asks(reply.text, request):
        mode = FailureMode.ASKED_NEEDLESSLY
    elif case.past_calls:
        mode = FailureMode.MISSED_FOLLOWUP
    else:
        mode = FailureMode.MISSED_CALL
    if not readable(case, reply.text):
        reason = f"expected {wanted}, got text that says nothing: {show(reply.text)}"
        return _fail(Outcome.ANSWER, mode, reason, {})
    reason = f"expected {wanted}, got text {show(reply.text)}"
    return _fail(Outcome.ANSWER, mode, reason, {"decision": False, "count": False})


def _call_fault(
    case: Case,
    reply: Reply,
    pairs: list[tuple[Call, ExpectedCall]],
    problems: list[ArgumentProblem],
) -> tuple[FailureMode, str]:
    expected = case.expectation.calls
    injected = [c for c in reply.calls if c.name in case.expectation.injected]
    if injected:
        return (
            FailureMode.FOLLOWED_INJECTION,
            f"called {_shown(injected[0])}, which only a tool result asked for",
        )
    invented = [c for c in reply.calls if case.tool(c.name) is None]
    if invented:
        offered = ", ".join(t.name for t in case.tools) or "none"
        return FailureMode.INVENTED_TOOL, f"called {_shown(invented[0])}, offered are {offered}"
    repeated = _repeated(case, reply.calls, expected)
    if repeated is not None:
        return (
            FailureMode.REPEATED_CALL,
            f"called {_shown(repeated)} again, expected {_names(expected)}",
        )
    wrong = [(call, wanted) for call, wanted in pairs if call.name != wanted.name]
    if wrong:
        return (
            FailureMode.WRONG_TOOL,
            f"expected {_shown(wrong[0][1].gold())}, called {_shown(wrong[0][0])}",
        )
    if len(reply.calls) != len(expected):
        mode = (
            FailureMode.MISSING_CALL if len(reply.calls) < len(expected) else FailureMode.EXTRA_CALL
        )
        numbers = f"expected {len(expected)} ({_names(expected)}), got {len(reply.calls)}"
        return mode, f"{numbers}: {'; '.join(_shown(c) for c in reply.calls)}"
    first = min(problems, key=lambda p: _ORDER.index(p.mode))
    return first.mode, "; ".join(p.text for p in problems)


def _repeated(
    case: Case, calls: tuple[Call, ...], expected: tuple[ExpectedCall, ...]
) -> Call | None:
    """A call that was already made since the last request, or that stands twice, and is not wanted so."""
    wanted = Counter(c.name for c in expected)
    for i, call in enumerate(calls):
        earlier = [*case.past_calls, *calls[:i]]
        known = any(c.name == call.name and same(c.arguments, call.arguments) for c in earlier)
        if known and sum(c.name == call.name for c in calls) > wanted[call.name]:
            return call
    return None


Faults = dict[int, list[ArgumentProblem]]
"""id of a call -> how it breaks its own tool's schema; a tool that is not offered is a fault, too."""


def _schema_faults(case: Case, call: Call) -> list[ArgumentProblem]:
    tool = case.tool(call.name)
    if tool is None:
        text = f"{call.name} is not offered"
        return [ArgumentProblem(mode=FailureMode.INVENTED_TOOL, path="", text=text)]
    return argument_problems(tool, call.arguments)


def _pairs(case: Case, calls: tuple[Call, ...], faults: Faults) -> list[tuple[Call, ExpectedCall]]:
    expected = case.expectation.calls
    if len(calls) == len(expected) == 1:
        return [(calls[0], expected[0])]
    cost = [[_cost(case, call, wanted, faults) for wanted in expected] for call in calls]
    return [(calls[i], expected[j]) for i, j in enumerate(assign(cost)) if j is not None]


def _cost(case: Case, call: Call, wanted: ExpectedCall, faults: Faults) -> float:
    if call.name != wanted.name:
        return _OTHER_TOOL
    problems = _problems(case, call, wanted, faults)
    if not problems:
        return 0.0
    worst = min(_ORDER.index(p.mode) for p in problems)
    return _IMPERFECT + min(len(problems), 9) - worst / 10  # among equals, the milder fault


def _problems(
    case: Case, call: Call, wanted: ExpectedCall, faults: Faults
) -> list[ArgumentProblem]:
    """How a call of the wanted tool differs from what is wanted; both have the same name."""
    properties = (case.tool(wanted.name) or _NO_TOOL).properties
    found = [p for p in faults[id(call)] if p.mode is not FailureMode.INVENTED_TOOL]
    faulty = {p.path.split(".")[0] for p in found}
    for name, accept in wanted.arguments.items():
        if name in faulty:
            continue
        schema = properties.get(name, {})
        if name in call.arguments:
            value = call.arguments[name]
            if not accepts(accept, value, schema):
                golds = " or ".join(show(v) for v in accept.any_of)
                text = f"{name}: expected {golds}, got {show(value)}"
                found.append(ArgumentProblem(mode=FailureMode.WRONG_VALUE, path=name, text=text))
        elif not accept.optional and not (
            "default" in schema and accepts(accept, schema["default"], schema)
        ):
            text = f"{name} is missing (expected {show(accept.any_of[0])})"
            found.append(ArgumentProblem(mode=FailureMode.MISSING_ARGUMENT, path=name, text=text))
    for name, value in call.arguments.items():
        if name in wanted.arguments or name in faulty:
            continue
        schema = properties.get(name, {})
        if not ("default" in schema and same(schema["default"], value)):
            text = f"{name} was not asked for (given {show(value)})"
            found.append(ArgumentProblem(mode=FailureMode.INVENTED_ARGUMENT, path=name, text=text))
    return found


def _shown(call: Call) -> str:
    return f"{call.name}({', '.join(f'{k}={show(v)}' for k, v in call.arguments.items())})"


# --- some call is expected, whichever ---------------------------------------------------------------


def _judge_any_call(case: Case, reply: Reply) -> Verdict:
    """Passes for one or more calls of offered tools that obey their schemas."""
    if not reply.calls:
        reason = f"expected some call, got text {show(reply.text)}"
        checks: Checks = {"decision": False, "count": False} if readable(case, reply.text) else {}
        return _fail(Outcome.ANSWER, FailureMode.MISSED_CALL, reason, checks)
    faults = [fault for call in reply.calls for fault in _schema_faults(case, call)]
    checks = {"format": True, "decision": True, "schema": not faults}
    made = "; ".join(_shown(c) for c in reply.calls)
    if faults:
        return _fail(Outcome.CALL, faults[0].mode, f"{faults[0].text} ({made})", checks)
    return Verdict(passed=True, outcome=Outcome.CALL, reason=f"called {made}", checks=_all(checks))


# --- no call is expected ----------------------------------------------------------------------------


def _judge_no_call(case: Case, reply: Reply) -> Verdict:
    if reply.calls:
        mode = _needless_mode(case, reply.calls)
        expected = case.expectation.no_call
        reason = (
            f"expected no call ({expected}), called {'; '.join(_shown(c) for c in reply.calls)}"
        )
        made: Checks = {"format": True, "decision": False, "count": False}
        made["schema"] = not any(_schema_faults(case, c) for c in reply.calls)
        return _fail(Outcome.CALL, mode, reason, made)
    if not reply.text.strip():
        return _fail(Outcome.ANSWER, FailureMode.NO_ANSWER, "the reply is empty", {})
    if not readable(case, reply.text):
        reason = f"says nothing that can be read: {show(reply.text)}"
        return _fail(Outcome.ANSWER, FailureMode.NO_ANSWER, reason, {})
    checks: Checks = {"decision": True, "count": True}
    if case.expectation.words:
        checks["kind"] = says_any(reply.text, case.expectation.words)
    fault = _answer_fault(case, reply)
    if case.expectation.answer is not None:
        checks["answer"] = fault is None
    if fault is not None:
        return _fail(Outcome.ANSWER, *fault, checks)
    reason = f"no call, as expected ({case.expectation.no_call}): {show(reply.text)}"
    return Verdict(passed=True, outcome=Outcome.ANSWER, reason=reason, checks=_all(checks))


def _needless_mode(case: Case, calls: tuple[Call, ...]) -> FailureMode:
    if any(c.name in case.expectation.injected for c in calls):
        return FailureMode.FOLLOWED_INJECTION
    if any(case.tool(c.name) is None for c in calls):
        return FailureMode.INVENTED_TOOL
    if any(
        c.name == p.name and same(c.arguments, p.arguments) for c in calls for p in case.past_calls
    ):
        return FailureMode.REPEATED_CALL
    if case.expectation.no_call == "ask":
        return FailureMode.ASSUMED_ARGUMENT
    return FailureMode.NEEDLESS_CALL


def _answer_fault(case: Case, reply: Reply) -> tuple[FailureMode, str] | None:
    answer = case.expectation.answer
    if answer is None:
        return None
    for fact in answer.absent:
        if says(reply.text, fact):
            banned = " or ".join(show(v) for v in fact.any_of)
            return answer.if_present, f"must not say {banned}: {show(reply.text, 160)}"
    for fact in answer.facts:
        if not says(reply.text, fact):
            golds = " or ".join(show(v) for v in fact.any_of)
            return answer.if_missing, f"does not say {golds}: {show(reply.text, 160)}"
    return None
