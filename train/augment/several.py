"""missing_call and extra_call: as many calls as are asked for, no fewer and no more."""

from collections.abc import Iterator, Sequence
from random import Random

from suites.model import Tool
from train.augment.case import Draft, user
from train.augment.draw import Request, draw_request, upper
from train.augment.offer import offered
from train.augment.requests import call_draft
from train.augment.say import calling
from train.toolboxes import Library, TrainTool

__all__ = ["extra_call", "missing_call"]


def missing_call(library: Library, rng: Random) -> Iterator[Draft]:
    """Two or three calls in one request: of several tools, or of one tool with another value."""
    group = _together(library, rng) if rng.random() < 0.6 else _repeated(library, rng)
    if group is None:
        return
    requests, text = group
    tools = offered(rng, library, _tools(requests))
    yield _draft(rng, library, requests, text, tools, f"{len(requests)}_calls")
    if rng.random() < 0.25:
        yield call_draft(rng, library, requests[0], category="one_call", tools=tools)


def extra_call(library: Library, rng: Random) -> Iterator[Draft]:
    """One call is wanted, a second is only talked about; every third group has both wanted beside it."""
    first, second = _clauses(library, rng, 2)
    frame = rng.choice(library.phrases["only_first"]["en"])
    tools = offered(rng, library, _tools([first, second]))
    text = _filled(frame, [first, second])
    yield _draft(rng, library, [first], text, tools, "only_first")
    if rng.random() < 0.33:
        frame = rng.choice(library.phrases["both"]["en"])
        text = _filled(frame, [first, second])
        yield _draft(rng, library, [first, second], text, tools, "2_calls")


def _draft(
    rng: Random,
    library: Library,
    requests: Sequence[Request],
    text: str,
    tools: tuple[Tool, ...],
    category: str,
) -> Draft:
    return Draft(
        category=category,
        tools=tools,
        messages=(user(text),),
        expectation=calling(rng, library, requests),
    )


def _tools(requests: Sequence[Request]) -> list[TrainTool]:
    return list({r.tool.name: r.tool for r in requests}.values())


def _clauses(library: Library, rng: Random, count: int) -> list[Request]:
    """Imperatives to different tools, mostly of one domain."""
    box = rng.choice(library.boxes)
    pool = box.tools if rng.random() < 0.7 else library.tools
    chosen = rng.sample(pool, count)
    found = [draw_request(rng, t, form="do", optional=0.2) for t in chosen]
    return [r for r in found if r is not None]


def _together(library: Library, rng: Random) -> tuple[list[Request], str]:
    count = 3 if rng.random() < 0.25 else 2
    requests = _clauses(library, rng, count)
    frame = rng.choice(library.phrases["both" if count == 2 else "three"]["en"])
    return requests, _filled(frame, requests)


_ENTITIES = ("code", "person", "first", "city", "email", "pool", "path")


def _repeated(library: Library, rng: Random) -> tuple[list[Request], str] | None:
    """The same for another hive, berth or person: the first value of the tool that names a thing."""
    tool = rng.choice(library.tools)
    request = draw_request(rng, tool, form="do", optional=0.2)
    if request is None:
        return None
    varied = next((n for n, p in tool.parameters.items() if p.required), None)
    if varied is None or varied not in request.values:
        return None
    kind = tool.parameters[varied].kind
    if not (kind.name in _ENTITIES or kind.size > 2) or kind.says:
        return None
    count = 2 if rng.random() < 0.25 else 1
    others: dict[str, Request] = {}
    for _ in range(30):
        drawn = kind.draw(rng, "en")
        if drawn.value != request.values[varied].value and len(others) < count:
            others[drawn.say] = request.with_value(varied, drawn)
    if len(others) < count:
        return None
    names = list(others)
    group = "again" if count == 1 else "again_twice"
    frame = rng.choice(library.phrases[group]["en"])
    text = frame.format(
        do1=request.clause,
        Do1=upper(request.clause),
        other=names[0],
        third=names[-1],
    )
    return [request, *others.values()], text


def _filled(frame: str, requests: Sequence[Request]) -> str:
    words = {f"do{i}": r.clause for i, r in enumerate(requests, start=1)}
    words |= {f"Do{i}": upper(r.clause) for i, r in enumerate(requests, start=1)}
    return frame.format(**words)
