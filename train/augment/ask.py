"""assumed_argument and asked_needlessly: ask for what is missing, and for nothing else."""

from collections.abc import Iterator
from random import Random

from suites.model import Message
from train.augment.case import Draft, user
from train.augment.draw import Request, draw_request, wrapped
from train.augment.offer import offered
from train.augment.requests import any_language, ask_twin, call_draft
from train.augment.say import asking, calling
from train.toolboxes import Library

__all__ = ["asked_needlessly", "assumed_argument"]


def assumed_argument(library: Library, rng: Random) -> Iterator[Draft]:
    """A request without a required value; every other group has the complete one beside it."""
    request = _removable(library, rng)
    if request is None:
        return
    tools = offered(rng, library, [request.tool])
    twin = ask_twin(rng, library, request, tools)
    if twin is None:
        return
    yield twin
    if rng.random() < 0.5:
        yield call_draft(rng, library, request, tools=tools)


def asked_needlessly(library: Library, rng: Random) -> Iterator[Draft]:
    """Complete requests: optional values left to their defaults, or the missing one given on being asked."""
    request = _removable(library, rng, optional=0.15)
    if request is None:
        return
    tools = offered(rng, library, [request.tool])
    if rng.random() < 0.4 and (answered := _answered(rng, library, request)):
        yield from answered
        return
    yield call_draft(rng, library, request, category="complete", tools=tools)
    if rng.random() < 0.25 and (twin := ask_twin(rng, library, request, tools)):
        yield twin


def _removable(library: Library, rng: Random, optional: float = 0.3) -> Request | None:
    """A request whose phrasing can do without one of its required values."""
    tool = rng.choice(library.tools)
    language = any_language(rng, tool)
    templates = tool.other[language] if language != "en" else (*tool.do, *tool.questions)
    names = {n for t in templates for n in t.removable if tool.parameters[n].required}
    if not names:
        return None
    name = rng.choice(sorted(names))
    return draw_request(rng, tool, language=language, removable=name, optional=optional)


_GIVEN = ("{say}", "Oh, sorry: {say}.", "That would be {say}.", "It's {say}.", "Ah yes. {say}")


def _answered(rng: Random, library: Library, request: Request) -> tuple[Draft, ...]:
    """Asked, and answered: now everything is there and the call has to follow."""
    names = [n for n in request.template.removable if request.tool.parameters[n].required]
    if not names or request.language != "en":
        return ()
    name = rng.choice(names)
    asked = asking(rng, library, request.tool, name, "en")
    if asked is None or request.tool.parameters[name].kind.name == "enum":
        return ()
    said = request.values[name].say
    before = (
        user(wrapped(rng, library, request.without(name))),
        Message(role="assistant", content=asked.text or ""),
    )
    given = rng.choice(_GIVEN).format(say=said)
    draft = Draft(
        category="answered",
        tools=offered(rng, library, [request.tool]),
        messages=(*before, user(given)),
        expectation=calling(rng, library, [request]),
    )
    return (draft,)
