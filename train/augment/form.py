"""malformed_call and truncated: strings that tempt to break the format, and replies that stay short."""

from collections.abc import Iterator
from dataclasses import replace
from random import Random

from suites.model import Answer, Expectation, Message
from train.augment.case import Draft, user
from train.augment.draw import draw_request, wrapped
from train.augment.offer import offered
from train.augment.requests import ask_twin, call_draft, drawn
from train.augment.results import fact_of, result_of, told
from train.toolboxes import Drawn, Library

__all__ = ["malformed_call", "truncated"]

_AWKWARD = ("text", "path", "object", "objects", "list")


def malformed_call(library: Library, rng: Random) -> Iterator[Draft]:
    """Quotes, backslashes, line breaks, braces and other scripts inside arguments; nested arguments."""
    tools = [
        t for t in library.tools if any(p.kind.name in _AWKWARD for p in t.parameters.values())
    ]
    tool = rng.choice(tools)
    awkward = [n for n, p in tool.parameters.items() if p.kind.name in _AWKWARD]
    request = draw_request(rng, tool, optional=0.2, say=[rng.choice(awkward)])
    if request is None:
        return
    shown = offered(rng, library, [tool])
    for name in awkward:
        if name in request.values and tool.parameters[name].kind.name == "text":
            text = rng.choice(library.pools["tricky"])
            tricky = Drawn(value=text, say=text, accept="text")
            request = request.with_value(name, tricky)
    yield call_draft(rng, library, request, category="awkward", tools=shown)
    if rng.random() < 0.1 and (draft := ask_twin(rng, library, request, shown)):
        yield draft


def truncated(library: Library, rng: Random) -> Iterator[Draft]:
    """Many tools or a long result, and a reply without a thought that comes to its end."""
    if rng.random() < 0.3 and (draft := _long_result(library, rng)):
        yield draft
        return
    request = drawn(rng, library, optional=0.2)
    size = rng.randint(9, 16)
    tools = offered(rng, library, [request.tool], size=size)
    draft = call_draft(rng, library, request, category="many_tools", tools=tools)
    yield replace(draft, expectation=draft.expectation.model_copy(update={"thought": None}))


def _long_result(library: Library, rng: Random) -> Draft | None:
    """A lookup whose result holds some hundred characters that nobody asked for."""
    tool = rng.choice([t for t in library.tools if t.none is not None])
    request = draw_request(rng, tool)
    if request is None:
        return None
    log = [
        {
            "seq": i,
            "node": f"n{rng.randint(10, 99)}",
            "ms": rng.randint(3, 95),
            "cached": i % 3 == 0,
        }
        for i in range(1, rng.randint(8, 18))
    ]
    result = result_of(rng, request, more={"trace": log})
    answer = told(rng, request, result)
    facts = tuple(fact_of(result.fields[f]) for f in answer.fields)
    return Draft(
        category="long_result",
        tools=offered(rng, library, [tool]),
        messages=(
            user(wrapped(rng, library, request)),
            Message(role="assistant", calls=(request.call(),)),
            Message(role="tool", name=tool.name, content=result.content),
        ),
        expectation=Expectation(no_call="answer", answer=Answer(facts=facts), text=answer.text),
    )
