"""missed_call and needless_call: is a call called for at all? Minimal pairs of requests and their twins."""

from collections.abc import Iterator, Sequence
from random import Random

from suites.model import Answer, Expectation, Fact, FailureMode, Message, Tool
from train.augment.case import Draft, user
from train.augment.draw import Request, draw_request, upper, wrapped
from train.augment.labels import label
from train.augment.offer import offered
from train.augment.requests import (
    ask_twin,
    call_draft,
    decline_twin,
    drawn,
    neighbours,
    small_talk,
)
from train.augment.results import result_of, told
from train.augment.say import declining, listed
from train.toolboxes import Library

__all__ = ["chat_draft", "known_draft", "missed_call", "needless_call", "negated_draft"]


def missed_call(library: Library, rng: Random) -> Iterator[Draft]:
    """A request that a tool fulfils; in some groups with a twin in which there is nothing to call."""
    request = drawn(rng, library)
    tools = offered(rng, library, [request.tool])
    before = small_talk(rng, library) if rng.random() < 0.15 else ()
    call = call_draft(rng, library, request, tools=tools, before=before)
    yield call
    chance = rng.random()
    if chance < 0.3:
        yield decline_twin(rng, library, request, call.messages[-1], tools)
    elif chance < 0.5 and (twin := ask_twin(rng, library, request, tools)):
        yield twin
    elif chance < 0.6 and request.form == "do":
        yield negated_draft(rng, library, request, tools)
    elif chance < 0.75:
        yield from known_draft(rng, library)


def needless_call(library: Library, rng: Random) -> Iterator[Draft]:
    """Requests that need no call, or that no tool fulfils; every fourth group has a call beside it."""
    request = drawn(rng, library)
    tools = offered(rng, library, [request.tool])
    chance = rng.random()
    if chance < 0.25:
        yield chat_draft(rng, library, tools)
    elif chance < 0.55:
        message = user(wrapped(rng, library, request))
        yield Draft(
            category="tool_removed",
            tools=neighbours(rng, library, request),
            messages=(message,),
            expectation=declining(rng, library, request.tool, request.language),
            language=request.language,
        )
    elif chance < 0.8 and request.form == "do":
        yield negated_draft(rng, library, request, tools)
    else:
        yield from known_draft(rng, library)
    if rng.random() < 0.25:
        yield call_draft(rng, library, request, tools=tools)


def negated_draft(
    rng: Random, library: Library, request: Request, tools: tuple[Tool, ...]
) -> Draft:
    """The user says not to do it, and asks what it would take: the names of the required parameters."""
    frame = rng.choice(library.phrases["negated"]["en"])
    names = request.tool.tool.required
    text = rng.choice(library.phrases["needed"]["en"]).format(labels=listed(names))
    facts = tuple(Fact(any_of=(label(n), n.replace("_", " "))) for n in names)
    return Draft(
        category="negated",
        tools=tools,
        messages=(user(frame.format(do=request.clause)),),
        expectation=Expectation(
            no_call="answer",
            answer=Answer(facts=_distinct(facts), if_missing=FailureMode.NO_ANSWER),
            text=upper(text),
        ),
        mask=0.0,  # the answer names the parameters
    )


def _distinct(facts: Sequence[Fact]) -> tuple[Fact, ...]:
    return tuple({f.any_of: f for f in facts}.values())


def known_draft(rng: Random, library: Library) -> Iterator[Draft]:
    """The answer stands in the dialogue already: it is read there, not looked up again."""
    tool = rng.choice([t for t in library.tools if t.none is not None])
    request = draw_request(rng, tool)
    if request is None:
        return
    result = result_of(rng, request)
    field = rng.choice(sorted(result.fields))
    tools = offered(rng, library, [tool])
    history = (
        user(wrapped(rng, library, request)),
        Message(role="assistant", calls=(request.call(),)),
        Message(role="tool", name=tool.name, content=result.content),
        Message(role="assistant", content=told(rng, request, result).text),
    )
    name, value = label(field), result.fields[field]
    question = rng.choice(
        (
            f"The {name} again, please?",
            f"Sorry, I closed the window by mistake. Which {name} was it?",
            f"And the {name}, once more?",
            f"Could you repeat the {name} for me?",
            f"I need to write down the {name}. What did it say?",
        )
    )
    text = rng.choice(
        (f"The {name} was {value.say}.", f"It was {value.say}.", f"{upper(name)}: {value.say}.")
    )
    yield Draft(
        category="already_known",
        tools=tools,
        messages=(*history, user(question)),
        expectation=Expectation(
            no_call="answer", answer=Answer(facts=(result.fact(field),)), text=text
        ),
    )


def chat_draft(rng: Random, library: Library, tools: tuple[Tool, ...]) -> Draft:
    """A question of general knowledge, a sum or a courtesy, with tools at hand that do not matter."""
    if rng.random() < 0.5:
        return _sum_draft(rng, library, tools)
    entry = rng.choice(library.payloads["chat"])
    facts = tuple(Fact(any_of=tuple(f)) for f in entry.get("facts", ()))
    answer = Answer(facts=facts, if_missing=FailureMode.NO_ANSWER) if facts else None
    return Draft(
        category="chat",
        tools=tools,
        messages=(user(entry["q"]),),
        expectation=Expectation(no_call="answer", answer=answer, text=entry["a"]),
        language=entry["language"],
    )


def _sum_draft(rng: Random, library: Library, tools: tuple[Tool, ...]) -> Draft:
    entry = rng.choice(library.payloads["sums"])
    a, b = rng.randint(12, 98), rng.randint(3, 89)
    match entry["op"]:
        case "+":
            result = a + b
        case "-":
            a, b = max(a, b), min(a, b)
            result = a - b
        case "*":
            a, b = rng.randint(3, 29), rng.randint(3, 19)
            result = a * b
        case _:
            a, b = rng.randint(2, 30), rng.randint(2, 6)
            result = 7 * a + b
    given = entry.get("a") or rng.choice(library.payloads["sum_answers"])
    facts = (Fact(any_of=(result,)),)
    return Draft(
        category="chat",
        tools=tools,
        messages=(user(entry["q"].format(a=a, b=b)),),
        expectation=Expectation(
            no_call="answer",
            answer=Answer(facts=facts, if_missing=FailureMode.NO_ANSWER),
            text=given.format(result=result),
        ),
        language=entry.get("language", "en"),
    )
