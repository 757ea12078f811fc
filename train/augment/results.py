"""Tool results: drawn payloads, and how an answer is told from them with its checkable facts."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from suites.model import Fact
from train.augment.draw import Request
from train.toolboxes import Drawn, Template
from train.toolboxes.tongues import MONTHS

__all__ = ["Result", "Told", "fact_of", "other_result", "payload", "result_of", "told"]


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a tool gave. fields: the values that it returns; content: the text of the tool message."""

    fields: Mapping[str, Drawn]
    content: str

    def fact(self, field: str) -> Fact:
        """The fact that a text must say to tell this field."""
        return fact_of(self.fields[field])


@dataclass(frozen=True, kw_only=True)
class Told:
    """An answer, and the fields that it tells."""

    text: str
    fields: tuple[str, ...]


def result_of(
    rng: Random, request: Request, *, more: Mapping[str, Any] = {}, fixed: Mapping[str, Drawn] = {}
) -> Result:
    """A result with a value for every field that the tool returns. more: further entries of the payload."""
    fields = {n: k.draw(rng, "en") for n, k in request.tool.returns.items()}
    fields.update(fixed)
    return Result(fields=fields, content=payload(rng, request, fields, more))


def other_result(rng: Random, request: Request, result: Result, field: str) -> Result | None:
    """A result of the same form in which that field has another value; None where none was found."""
    for _ in range(20):
        drawn = request.tool.returns[field].draw(rng, "en")
        if drawn.value != result.fields[field].value:
            old = json.dumps(result.fields[field].value, ensure_ascii=False)
            new = json.dumps(drawn.value, ensure_ascii=False)
            content = result.content.replace(f'"{field}":{old}', f'"{field}":{new}')
            return replace(result, fields={**result.fields, field: drawn}, content=content)
    return None


def payload(
    rng: Random, request: Request, fields: Mapping[str, Drawn], more: Mapping[str, Any] = {}
) -> str:
    """The fields as a tool writes them: bare, beside the arguments, or inside an envelope."""
    core: dict[str, Any] = {n: d.value for n, d in fields.items()}
    if rng.random() < 0.3:
        echo = {n: d.value for n, d in request.values.items() if n not in core}
        core = {**echo, **core}
    core.update(more)
    match rng.randrange(6):
        case 0:
            whole: dict[str, Any] = {"status": "ok", **core}
        case 1:
            whole = {"ok": True, "data": core}
        case 2:
            whole = {"result": core, "took_ms": rng.randint(12, 480)}
        case _:
            whole = core
    return _compact(whole)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def told(rng: Random, request: Request, result: Result) -> Told:
    """An answer from the result, by one of the tool's own phrasings.

    Of a lookup the fullest one: what was asked for may be any of its fields.
    """
    words = {n: d.say for n, d in request.values.items()}
    words.update({n: d.say for n, d in result.fields.items()})
    tells = request.tool.tell
    if request.tool.none is not None:
        most = max(_telling(t, result) for t in tells)
        tells = tuple(t for t in tells if _telling(t, result) == most)
    template = rng.choice(tells)
    fields = tuple(s.name for s in template.slots if s.name in result.fields)
    return Told(text=template.render(words), fields=fields)


def _telling(template: Template, result: Result) -> int:
    return len({s.name for s in template.slots} & set(result.fields))


def fact_of(drawn: Drawn) -> Fact:
    """The value, and the other ways in which a text may say it."""
    value = drawn.value
    if not isinstance(value, str):
        spelt = () if drawn.say.replace(",", "").replace(".", "").isdigit() else (drawn.say,)
        return Fact(any_of=(value, *spelt))
    ways = dict.fromkeys((value, drawn.say))
    if drawn.accept == "date":
        day = dt.date.fromisoformat(value)
        month = MONTHS["en"][day.month - 1]
        ways |= dict.fromkeys(
            f"{a} {b}" for a, b in ((day.day, month), (month, day.day), (month, f"{day.day}th"))
        )
    if drawn.accept == "time":
        hour, minute = map(int, value.split(":"))
        ways |= dict.fromkeys((f"{hour}:{minute:02d}", f"{hour % 12 or 12}:{minute:02d}"))
    return Fact(any_of=tuple(ways))
