"""What several generators share: a drawn request with its language, its case, and the twins of a pair."""

from collections.abc import Collection, Sequence
from random import Random

from suites.model import Message, Tool
from train.augment.case import Draft, user
from train.augment.draw import Request, draw_request, wrapped
from train.augment.offer import offered
from train.augment.say import asking, calling, declining
from train.toolboxes import Library, TrainTool

__all__ = [
    "any_language",
    "ask_twin",
    "call_draft",
    "decline_twin",
    "drawn",
    "neighbours",
    "small_talk",
]

FOREIGN = 0.3
"""How often a request is put in another language, where the tool has phrasings in one."""


SAME_WORDS = 0.15
"""How often a twin without the tool repeats the words of its call exactly."""


def any_language(rng: Random, tool: TrainTool, share: float = FOREIGN) -> str:
    """English, or with the given share one of the other languages of the tool."""
    return rng.choice(sorted(tool.other)) if tool.other and rng.random() < share else "en"


def drawn(
    rng: Random,
    library: Library,
    tools: Sequence[TrainTool] | None = None,
    *,
    share: float = FOREIGN,
    optional: float = 0.4,
    form: str | None = None,
) -> Request:
    """A request to any of the tools (of all toolboxes where None), in any of its languages."""
    while True:
        tool = rng.choice(tools or library.tools)
        language = any_language(rng, tool, share) if form is None else "en"
        request = draw_request(rng, tool, language=language, optional=optional, form=form)
        if request is not None:
            return request


def call_draft(
    rng: Random,
    library: Library,
    request: Request,
    *,
    category: str = "call",
    tools: tuple[Tool, ...] | None = None,
    before: tuple[Message, ...] = (),
    mask: float = 0.1,
) -> Draft:
    """The request, and the call that it asks for."""
    return Draft(
        category=category,
        tools=tools if tools is not None else offered(rng, library, [request.tool]),
        messages=(*before, user(wrapped(rng, library, request))),
        expectation=calling(rng, library, [request]),
        language=request.language,
        mask=mask,
    )


def neighbours(
    rng: Random, library: Library, request: Request, *, near: float = 0.6, size: int | None = None
) -> tuple[Tool, ...]:
    """Tools among which none can do what is asked."""
    hidden: Collection[str] = {request.tool.name}
    return offered(
        rng, library, [], near=near, size=size, without=hidden, domain=request.tool.domain
    )


def decline_twin(
    rng: Random,
    library: Library,
    request: Request,
    message: Message,
    tools: tuple[Tool, ...] | None = None,
    mask: float = 0.1,
) -> Draft:
    """The same request where the tool is not offered: there is nothing to call.

    Now and then in the very same words, mostly in others, so that requests stay diverse.
    """
    if rng.random() > SAME_WORDS:
        message = user(wrapped(rng, library, request))
    left = tuple(t for t in tools or () if t.name != request.tool.name)
    return Draft(
        category="tool_removed",
        tools=left or neighbours(rng, library, request),
        messages=(message,),
        expectation=declining(rng, library, request.tool, request.language),
        language=request.language,
        mask=mask,
    )


def ask_twin(
    rng: Random,
    library: Library,
    request: Request,
    tools: tuple[Tool, ...],
    name: str | None = None,
) -> Draft | None:
    """The same words without one required value: it has to be asked for. None where that cannot be said."""
    names = [
        n
        for n in request.template.removable
        if request.tool.parameters[n].required and n in request.values
    ]
    if not names:
        return None
    name = name or rng.choice(names)
    expectation = asking(rng, library, request.tool, name, request.language)
    if expectation is None:
        return None
    return Draft(
        category="value_removed",
        tools=tools,
        messages=(user(wrapped(rng, library, request.without(name))),),
        expectation=expectation,
        language=request.language,
    )


def small_talk(rng: Random, library: Library) -> tuple[Message, ...]:
    """An exchange that came before and has nothing to do with the request."""
    entry = rng.choice([e for e in library.payloads["chat"] if e["language"] == "en"])
    return (user(entry["q"]), Message(role="assistant", content=entry["a"]))
