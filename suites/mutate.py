"""Gold replies broken in one known way each: every one must fail, with the failure mode it stands for."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from suites.baselines import gold_reply
from suites.model import Call, Case, FailureMode, Reply, Tool
from suites.schema import argument_problems, sample
from suites.values import accepts
from suites.words import says

__all__ = ["Mutation", "mutations"]

_OTHER_TYPES: tuple[Any, ...] = ("seven", 7, True, ["x"], {"x": 1})
_INVENTED = "no_such_tool"
_EXTRA = "no_such_parameter"


class Mutation(NamedTuple):
    """One broken reply: what was done to gold, the reply, and the failure mode that must come out."""

    name: str
    reply: Reply
    expected: FailureMode


def mutations(case: Case) -> Iterator[Mutation]:
    """Every mutation that applies to the case; which apply depends on its tools and expectation."""
    gold = gold_reply(case)
    broken = Reply(text='<tool_call>{"name": ', problems=("no JSON",))
    yield Mutation("break the call", broken, FailureMode.MALFORMED_CALL)
    cut = Reply(text='<tool_call>{"name": ', problems=("no JSON",), finish="length")
    yield Mutation("cut the call", cut, FailureMode.TRUNCATED)
    endless = Reply(text="Well, well, well, well,", finish="length")
    yield Mutation("never come to an end", endless, FailureMode.TRUNCATED)
    if case.expectation.any_call:
        yield Mutation("say it in text", Reply(text="Sure, here you go."), FailureMode.MISSED_CALL)
        invented = Call(name=_INVENTED)
        yield Mutation("invent a tool", Reply(calls=(invented,)), FailureMode.INVENTED_TOOL)
        return
    yield from _of_calls(case, gold) if gold.calls else _of_text(case, gold)
    for name in case.expectation.injected:
        reply = Reply(calls=(_sample_call(case, name),))
        yield Mutation("follow the injection", reply, FailureMode.FOLLOWED_INJECTION)


def _of_calls(case: Case, gold: Reply) -> Iterator[Mutation]:
    missed = FailureMode.MISSED_FOLLOWUP if case.past_calls else FailureMode.MISSED_CALL
    yield Mutation("say it in text", Reply(text="Sure, here you go."), missed)
    yield Mutation(
        "ask instead", Reply(text="Could you tell me more?"), FailureMode.ASKED_NEEDLESSLY
    )
    first, rest = gold.calls[0], gold.calls[1:]
    invented = Call(name=_INVENTED, arguments=first.arguments)
    yield Mutation("invent a tool", Reply(calls=(invented, *rest)), FailureMode.INVENTED_TOOL)
    yield Mutation("repeat a call", Reply(calls=(*gold.calls, first)), FailureMode.REPEATED_CALL)
    expected = {c.name for c in gold.calls}
    hostile = case.expectation.injected
    others = [t for t in case.tools if t.name not in expected and t.name not in hostile]
    made = {c.name for c in case.past_calls}
    if others:
        other = next((t for t in others if t.name not in made), None)
        if other is not None:
            call = _sample_call(case, other.name)
            yield Mutation("call another tool", Reply(calls=(call, *rest)), FailureMode.WRONG_TOOL)
            yield Mutation("add a call", Reply(calls=(*gold.calls, call)), FailureMode.EXTRA_CALL)
    if rest:
        yield Mutation("drop a call", Reply(calls=rest), FailureMode.MISSING_CALL)
    for past in case.past_calls[:1]:
        if past.name not in expected:
            yield Mutation("go back a step", Reply(calls=(past, *rest)), FailureMode.REPEATED_CALL)
    for name, call, mode in _of_arguments(case, first):
        yield Mutation(name, Reply(calls=(call, *rest)), mode)


def _of_arguments(case: Case, call: Call) -> Iterator[tuple[str, Call, FailureMode]]:
    tool = case.tool(call.name)
    if tool is None:
        return
    yield "invent a parameter", _with(call, _EXTRA, "x"), FailureMode.INVENTED_ARGUMENT
    for name in tool.properties:
        value = sample_other(tool, name)
        if name not in call.arguments and value is not None and _lone(tool, call, name):
            yield f"fill in {name}", _with(call, name, value), FailureMode.INVENTED_ARGUMENT
            break
    accepted = {a for c in case.expectation.calls if c.name == call.name for a in c.arguments}
    for name in call.arguments:
        if (
            name in tool.required
            and name in accepted
            and "default" not in tool.properties.get(name, {})
        ):
            left = {k: v for k, v in call.arguments.items() if k != name}
            yield f"drop {name}", Call(name=call.name, arguments=left), FailureMode.MISSING_ARGUMENT
    for name in call.arguments:
        yield from _of_value(case, tool, call, name)


def _of_value(
    case: Case, tool: Tool, call: Call, name: str
) -> Iterator[tuple[str, Call, FailureMode]]:
    for wrong in _OTHER_TYPES:
        changed = _with(call, name, wrong)
        if any(
            p.mode is FailureMode.WRONG_TYPE for p in argument_problems(tool, changed.arguments)
        ):
            yield f"change the type of {name}", changed, FailureMode.WRONG_TYPE
            break
    schema = tool.properties.get(name, {})
    if "enum" in schema and schema.get("type", "string") == "string":
        changed = _with(call, name, "no such value")
        yield f"leave the enum of {name}", changed, FailureMode.SCHEMA_VIOLATION
    accepts_of = [
        c.arguments[name]
        for c in case.expectation.calls
        if c.name == call.name and name in c.arguments
    ]
    for other in _neighbours(call.arguments[name], schema):
        changed = _with(call, name, other)
        valid = not argument_problems(tool, changed.arguments)
        if valid and not any(accepts(a, other, schema) for a in accepts_of):
            yield f"change {name}", changed, FailureMode.WRONG_VALUE
            break


def _neighbours(value: Any, schema: dict[str, Any]) -> Iterator[Any]:
    yield from schema.get("enum", ())
    match value:
        case bool():
            yield not value
        case int():
            yield from (value + 1, value - 1)
        case float():
            yield from (value + 0.5, value * 2 + 1)
        case str():
            yield from (value + " x", "2031-07-19", "03:17", "2031-07-19T03:17:00", value + "x")
        case list() if value:
            yield from (value[:-1], [*value, value[-1]], value[::-1])
            for inner in _neighbours(value[0], schema.get("items", {})):
                yield [inner, *value[1:]]
        case dict():
            properties = schema.get("properties", {})
            for key in value:
                for inner in _neighbours(value[key], properties.get(key, {})):
                    yield {**value, key: inner}


def _of_text(case: Case, gold: Reply) -> Iterator[Mutation]:
    yield Mutation("say nothing", Reply(text="  "), FailureMode.NO_ANSWER)
    yield Mutation("say what nobody can read", Reply(text="xqzvw"), FailureMode.NO_ANSWER)
    wanted = case.expectation
    usable = [t for t in case.tools if t.name not in wanted.injected]
    if usable:
        mode = (
            FailureMode.ASSUMED_ARGUMENT if wanted.no_call == "ask" else FailureMode.NEEDLESS_CALL
        )
        call = _sample_call(case, usable[0].name)
        if call not in case.past_calls:
            yield Mutation("call anyway", Reply(calls=(call,)), mode)
    invented = Call(name=_INVENTED)
    yield Mutation("invent a tool", Reply(calls=(invented,)), FailureMode.INVENTED_TOOL)
    for past in case.past_calls[:1]:
        yield Mutation("repeat a call", Reply(calls=(past,)), FailureMode.REPEATED_CALL)
    answer = wanted.answer
    if answer is None:
        return
    silent = "Well, well."
    if any(not says(silent, fact) for fact in answer.facts):
        yield Mutation("leave out the facts", Reply(text=silent), answer.if_missing)
    for fact in answer.absent:
        reply = Reply(text=f"{gold.text} {fact.any_of[0]} ")
        yield Mutation("say what is wrong", reply, answer.if_present)


def sample_other(tool: Tool, name: str) -> Any:
    """A schema-valid value of a parameter that is not its default, or None where there is none."""
    schema = tool.properties.get(name, {})
    bare = {k: v for k, v in schema.items() if k != "default"}
    default = schema.get("default", _EXTRA)
    for value in (sample(bare), *_neighbours(sample(bare), schema)):
        if value != default:
            probe = Tool(
                name=tool.name, parameters={"type": "object", "properties": {name: schema}}
            )
            if not argument_problems(probe, {name: value}):
                return value
    return None


def _lone(tool: Tool, call: Call, name: str) -> bool:
    """Whether adding the argument leaves the call schema-valid, so that only 'not asked for' remains."""
    return not argument_problems(tool, {**call.arguments, name: sample_other(tool, name)})


def _with(call: Call, name: str, value: Any) -> Call:
    return Call(name=call.name, arguments={**call.arguments, name: value})


def _sample_call(case: Case, name: str) -> Call:
    tool = case.tool(name)
    if tool is None:
        return Call(name=name)
    return Call(name=name, arguments={n: sample(tool.properties.get(n, {})) for n in tool.required})
