"""wrong_value, wrong_type, schema_violation: words turned into typed, formatted, permitted values."""

import calendar
import datetime as dt
from collections.abc import Callable, Iterator
from random import Random

from suites.model import Message
from train.augment.case import Draft
from train.augment.draw import Request
from train.augment.offer import offered
from train.augment.requests import ask_twin, call_draft, drawn
from train.toolboxes import Drawn, Library, Parameter, TrainTool
from train.toolboxes.kinds import FIRST_DAY, LAST_DAY

__all__ = ["schema_violation", "wrong_type", "wrong_value"]

_FORMATTED = frozenset(
    ("date", "past", "time", "datetime", "minutes", "grams", "metres", "cents", "fraction")
) | frozenset(("seconds", "list", "object", "objects", "email", "phone", "path", "text"))


def wrong_value(library: Library, rng: Random) -> Iterator[Draft]:
    """Dates, times, units, lists and names in several languages; with a twin that differs in one value."""
    tools = _having(library, "formatted")
    request = drawn(rng, library, tools, share=0.45, optional=0.6)
    if rng.random() < 0.25 and (draft := _relative(rng, library, request)):
        yield draft
        return
    yield from _pair(library, rng, request, "formatted")


def wrong_type(library: Library, rng: Random) -> Iterator[Draft]:
    """Numbers, truth values, lists and objects beside codes that look like numbers."""
    request = drawn(rng, library, _having(library, "typed"), optional=0.8)
    yield from _pair(library, rng, request, "typed")


def schema_violation(library: Library, rng: Random) -> Iterator[Draft]:
    """Enums said in other words, numbers within bounds, objects with required properties."""
    request = drawn(rng, library, _having(library, "bounded"), optional=0.8)
    yield from _pair(library, rng, request, "bounded")


def _pair(library: Library, rng: Random, request: Request, what: str) -> Iterator[Draft]:
    """The request, the same with another value in one place, and sometimes one with a value missing."""
    tools = offered(rng, library, [request.tool])
    yield call_draft(rng, library, request, category=what, tools=tools)
    pinned = {s.name for s in request.template.slots if s.words is not None}
    names = [
        n for n in request.values if n not in pinned and _TESTS[what](request.tool.parameters[n])
    ]
    if names and rng.random() < 0.4:
        name = rng.choice(names)
        other = request.tool.parameters[name].kind.draw(rng, request.language)
        if other.value != request.values[name].value:
            twin = request.with_value(name, other)
            yield call_draft(rng, library, twin, category=what, tools=tools)
    if rng.random() < 0.25 and (draft := ask_twin(rng, library, request, tools)):
        yield draft


def _formatted(parameter: Parameter) -> bool:
    return parameter.kind.name in _FORMATTED


def _typed(parameter: Parameter) -> bool:
    kind = parameter.kind
    return kind.name in ("int", "num", "list", "object", "objects") or "true" in kind.says


def _bounded(parameter: Parameter) -> bool:
    kind = parameter.kind
    return (bool(kind.says) and "true" not in kind.says) or kind.name in ("object", "objects")


_TESTS: dict[str, Callable[[Parameter], bool]] = {
    "formatted": _formatted,
    "typed": _typed,
    "bounded": _bounded,
}


def _having(library: Library, what: str) -> tuple[TrainTool, ...]:
    """The tools with a parameter that passes the test."""
    test = _TESTS[what]
    return tuple(t for t in library.tools if any(map(test, t.parameters.values())))


def _relative(rng: Random, library: Library, request: Request) -> Draft | None:
    """A day said by its weekday, counted from the day that the system message gives."""
    names = [n for n in request.values if request.tool.parameters[n].kind.name == "date"]
    if request.language != "en" or not names:
        return None
    today = FIRST_DAY + dt.timedelta(days=rng.randint(0, (LAST_DAY - FIRST_DAY).days - 40))
    if today.weekday() == 6:  # where a week begins is a matter of custom
        today += dt.timedelta(days=1)
    name = rng.choice(names)
    said, day = _counted(rng, today)
    drawn_day = Drawn(value=day.isoformat(), say=said, accept="date")
    weekday = f"{today:%A}"
    date = f"{today.day} {today:%B} {today.year}"
    system = rng.choice(
        (
            f"Current date: {today.isoformat()} ({weekday}).",
            f"You help in an office. It is {weekday}, {date}.",
            f"Date of this conversation: {weekday}, {date}",
        )
    )
    return call_draft(
        rng,
        library,
        request.with_value(name, drawn_day),
        category="relative_date",
        before=(Message(role="system", content=system),),
    )


def _counted(rng: Random, today: dt.date) -> tuple[str, dt.date]:
    """A day after `today` in words that fit behind on, from, until and for."""
    monday = today - dt.timedelta(days=today.weekday())
    next_month = (today.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
    last = today.replace(day=calendar.monthrange(today.year, today.month)[1])
    ways = [
        (
            f"{(monday + dt.timedelta(days=7 + i)):%A} of next week",
            monday + dt.timedelta(days=7 + i),
        )
        for i in range(7)
    ]
    ways += [
        (f"{(today + dt.timedelta(days=i)):%A} of this week", today + dt.timedelta(days=i))
        for i in range(1, 7 - today.weekday())
    ]
    ways.append(("the first day of next month", next_month))
    if last > today:
        ways.append(("the last day of the current month", last))
    return rng.choice(ways)
