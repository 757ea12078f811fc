"""wrong_tool and invented_tool: close neighbours, names that say nothing, and tools that are not there."""

from collections.abc import Iterator
from random import Random

from train.augment.case import Draft, user
from train.augment.draw import draw_request, wrapped
from train.augment.offer import offered
from train.augment.requests import any_language, call_draft, decline_twin, drawn
from train.augment.say import declining
from train.toolboxes import Library

__all__ = ["invented_tool", "wrong_tool"]


def wrong_tool(library: Library, rng: Random) -> Iterator[Draft]:
    """Two requests of one domain over the same tools, a third of them masked; some with the tool removed."""
    first = drawn(rng, library)
    others = [t for t in library.by_domain[first.tool.domain].tools if t.name != first.tool.name]
    other = rng.choice(others)
    tools = offered(rng, library, [first.tool, other], near=0.8, size=rng.randint(3, 12))
    call = call_draft(rng, library, first, tools=tools, mask=0.35)
    yield call
    second = draw_request(rng, other, language=any_language(rng, other))
    if second is not None:
        yield call_draft(rng, library, second, tools=tools, mask=0.35)
    if rng.random() < 0.35:
        yield decline_twin(rng, library, first, call.messages[-1], tools, mask=0.35)


def invented_tool(library: Library, rng: Random) -> Iterator[Draft]:
    """Neighbours that cannot do it, or no tools at all: decline; or a tool whose name has to be copied."""
    request = drawn(rng, library)
    size = rng.randint(2, 8)
    tools = offered(rng, library, [request.tool], near=0.9, size=size)
    if rng.random() < 0.5:
        yield call_draft(rng, library, request, tools=tools, mask=0.5)
        return
    left = tuple(t for t in tools if t.name != request.tool.name)
    yield Draft(
        category="tool_removed",
        tools=() if rng.random() < 0.15 else left,
        messages=(user(wrapped(rng, library, request)),),
        expectation=declining(rng, library, request.tool, request.language),
        language=request.language,
        mask=0.3,
    )
