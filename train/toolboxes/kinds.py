"""Where values come from: each kind draws a value in canonical form together with the words for it.

    [a, b]  or  pool NAME       one of a list; an item may be {is: 500, say: [half a kilo, 500 g]}
    {red: [red, crimson]}       an enum (or "true" / "false"): canonical value -> how it is said
    code B-###                  a code: `#` a digit, `@` a capital letter
    int 2..40/2    num 1..9/0.5 a number on a grid; `int 2000..90000/100` is said with or without commas
    date, past, time, datetime  ISO inside, said in the ways of the language
    minutes 10..240/5           and grams, metres, cents, millilitres: said with a unit, kept in the base unit
    person, first, email, phone, url, city, text, path    made of the shared lists
    list SPEC 2..4              several different ones
    {of: {street: SPEC, …}, say: "{street}, {city}"}      a nested object
    {each: {item: SPEC, …}, say: "{item}", count: 2..3}   a list of such objects, different in the first field

Dates lie in 2032 to 2034, past ones in 2021 to 2023: years that no built-in suite asks for.
"""

import datetime as dt
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from suites.errors import SuiteError
from suites.model import Accept, Normal
from train.toolboxes.template import parse
from train.toolboxes.tongues import MONTHS, join, number

__all__ = ["Drawn", "Kind", "kind_from", "say_date"]

FIRST_DAY, LAST_DAY = dt.date(2032, 1, 5), dt.date(2034, 12, 20)
PAST_FIRST, PAST_LAST = dt.date(2021, 2, 1), dt.date(2023, 11, 28)


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A value and the words for it. accept: the normal form under which it is judged."""

    value: Any
    say: str
    accept: Normal = "exact"

    @property
    def converted(self) -> bool:
        """Whether the words are not simply the value."""
        plain = self.value if isinstance(self.value, str) else json.dumps(self.value)
        return self.say not in (plain, str(self.value))

    def accepted(self) -> Accept:
        """What a judge takes for it."""
        return Accept(any_of=(self.value,), normal=self.accept)


Draw = Callable[[Random, str], Drawn]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """name: the first word of its spec, by which questions are chosen; draw: (rng, language) -> Drawn."""

    name: str
    draw: Draw
    says: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    size: int = 0
    """How many different values it has; 0 where there are very many."""


def kind_from(spec: Any, pools: Mapping[str, Any], where: str) -> Kind:
    """The kind of a spec. Errors: SuiteError (with `where`) for one that cannot be read."""
    if isinstance(spec, list):
        return _choice("pool", spec, where)
    if isinstance(spec, dict):
        if "each" in spec:
            return _objects(spec, pools, where)
        return _object(spec, pools, where) if "of" in spec else _enum(spec, where)
    if not isinstance(spec, str):
        raise SuiteError(f"values must be a kind, a list or a mapping, not {spec!r}", field=where)
    word, _, rest = spec.partition(" ")
    if word == "pool":
        if rest not in pools:
            raise SuiteError(f"there is no pool {rest!r}", field=where, known=pools)
        return replace(_choice(rest, pools[rest], where), name=rest)
    if word == "list":
        return _list(rest, pools, where)
    if word == "code":
        return Kind(name="code", draw=lambda rng, _: _code(rng, rest))
    if word in _MADE:
        return Kind(name=word, draw=_MADE[word](pools))
    if word in ("int", "num", *_UNITS):
        return Kind(name=word, draw=_numbers(word, rest, where))
    raise SuiteError(f"{spec!r} is no kind of value", field=where, known=[*_MADE, *_UNITS])


def _choice(name: str, items: list[Any], where: str) -> Kind:
    drawn: list[tuple[Any, tuple[str, ...]]] = []
    for item in items:
        if isinstance(item, dict):
            said = item.get("say", item.get("is"))
            drawn.append((item["is"], tuple(said) if isinstance(said, list) else (str(said),)))
        else:
            drawn.append((item, (str(item),)))
    if len({json.dumps(v) for v, _ in drawn}) < len(drawn):
        raise SuiteError("a value stands twice", field=where)

    def draw(rng: Random, language: str) -> Drawn:
        value, words = rng.choice(drawn)
        said = rng.choice(words) if language == "en" else words[0]
        accept: Normal = "text" if isinstance(value, str) and value == said else "exact"
        return Drawn(value=value, say=said, accept=accept)

    return Kind(name=name, draw=draw, size=len(drawn))


def _enum(spec: Mapping[str, Any], where: str) -> Kind:
    says = {k: tuple(v) if isinstance(v, list) else (str(v),) for k, v in spec.items()}
    if len(says) < 2:
        raise SuiteError("an enum needs two values at least", field=where)
    keys = list(says)

    def draw(rng: Random, _: str) -> Drawn:
        key = rng.choice(keys)
        value: Any = {"true": True, "false": False}.get(key, key)
        return Drawn(value=value, say=rng.choice(says[key]))

    return Kind(name="enum", draw=draw, says=says, size=len(says))


def _object(spec: Mapping[str, Any], pools: Mapping[str, Any], where: str) -> Kind:
    inner = {k: kind_from(v, pools, f"{where}.{k}") for k, v in spec["of"].items()}
    said = parse(spec["say"], where)

    def draw(rng: Random, language: str) -> Drawn:
        parts = {k: kind.draw(rng, language) for k, kind in inner.items()}
        words = {k: d.say for k, d in parts.items()}
        return Drawn(value={k: d.value for k, d in parts.items()}, say=said.render(words))

    return Kind(name="object", draw=draw)


def _objects(spec: Mapping[str, Any], pools: Mapping[str, Any], where: str) -> Kind:
    one = _object({"of": spec["each"], "say": spec["say"]}, pools, where)
    low, high = (int(n) for n in spec["count"].split(".."))

    def draw(rng: Random, language: str) -> Drawn:
        made: dict[str, Drawn] = {}
        wanted = rng.randint(low, high)
        for _ in range(50):
            item = one.draw(rng, language)
            made.setdefault(str(next(iter(item.value.values()))), item)
            if len(made) == wanted:
                break
        said = join([d.say for d in made.values()], language)
        return Drawn(value=[d.value for d in made.values()], say=said, accept="set")

    return Kind(name="objects", draw=draw)


_LIST = re.compile(r"(.*?)\s+(\d+)\.\.(\d+)$")


def _list(rest: str, pools: Mapping[str, Any], where: str) -> Kind:
    found = _LIST.match(rest)
    if found is None:
        raise SuiteError("a list is written `list KIND 2..4`", field=where)
    inner = kind_from(found[1], pools, where)
    low, high = int(found[2]), int(found[3])

    def draw(rng: Random, language: str) -> Drawn:
        wanted = rng.randint(low, high)
        items: dict[str, Drawn] = {}
        for _ in range(50):
            item = inner.draw(rng, language)
            items.setdefault(json.dumps(item.value), item)
            if len(items) == wanted:
                break
        said = join([d.say for d in items.values()], language)
        return Drawn(value=[d.value for d in items.values()], say=said, accept="set")

    return Kind(name="list", draw=draw)


def _code(rng: Random, pattern: str) -> Drawn:
    letters = "ABCDEFGHJKLMNPRSTUVWX"
    text = "".join(
        rng.choice("123456789" if c == "#" else letters) if c in "#@" else c for c in pattern
    )
    return Drawn(value=text, say=text)


# --- numbers ----------------------------------------------------------------------------------------

_UNITS: dict[str, tuple[tuple[float, str], ...]] = {
    "minutes": ((60, "{} hours"), (1, "{} minutes"), (1, "{} min")),
    "grams": ((1000, "{} kg"), (1, "{} grams"), (1, "{} g"), (1000, "{} kilos")),
    "metres": ((1000, "{} km"), (1, "{} metres"), (1, "{} m")),
    "cents": ((100, "{} euros"), (100, "€{}"), (100, "{} EUR")),
    "millilitres": ((1000, "{} litres"), (1, "{} millilitres"), (1, "{} ml"), (10, "{} cl")),
    "seconds": ((60, "{} minutes"), (1, "{} seconds"), (1, "{} s")),
    "percent": ((1, "{} percent"), (1, "{} %"), (1, "{}%")),
    "fraction": ((0.01, "{} percent"), (0.01, "{} %")),
}
_NEUTRAL = {
    "minutes": (1, "{} min"),
    "grams": (1, "{} g"),
    "metres": (1, "{} m"),
    "cents": (100, "{} €"),
    "millilitres": (1, "{} ml"),
    "seconds": (1, "{} s"),
    "percent": (1, "{} %"),
    "fraction": (0.01, "{} %"),
}
_RANGE = re.compile(r"(-?[\d.]+?)\.\.(-?[\d.]+?)(?:/([\d.]+))?$")


def _numbers(word: str, rest: str, where: str) -> Draw:
    found = _RANGE.match(rest)
    if found is None:
        raise SuiteError(f"{word} needs a range like 2..40 or 1..9/0.5", field=where)
    low, high, step = float(found[1]), float(found[2]), float(found[3] or 1)
    whole = word != "num" and word != "fraction"
    digits = len(found[3].partition(".")[2]) if found[3] else 0

    def draw(rng: Random, language: str) -> Drawn:
        value: Any = round(low + step * rng.randint(0, round((high - low) / step)), digits)
        if whole or (word == "num" and value == int(value)):
            value = int(value)
        if word in _UNITS:
            unit, form = _NEUTRAL[word] if language != "en" else rng.choice(_UNITS[word])
            shown = round(value / unit, 4)
            if shown < 1.5 or round(shown, 2 if word == "cents" else 1) != shown:
                unit, form = _NEUTRAL[word]
                shown = round(value / unit, 4)
            said = number(shown, language, rng, words=False)
            if word == "cents" and shown != int(shown):
                said = number(shown, language, rng, places=2, words=False)
            return Drawn(value=value, say=form.format(said))
        said = number(value, language, rng, words=word == "int")
        return Drawn(value=value, say=said)

    return draw


# --- made of the shared lists -----------------------------------------------------------------------


def _day(rng: Random, first: dt.date, last: dt.date) -> dt.date:
    return first + dt.timedelta(days=rng.randint(0, (last - first).days))


def say_date(day: dt.date, language: str, rng: Random) -> str:
    """The day in one of the ways in which a person writes it, none of which can mean another day."""
    month = MONTHS[language][day.month - 1]
    if language == "en":
        suffix = (
            "th"
            if 10 <= day.day % 100 <= 20
            else {1: "st", 2: "nd", 3: "rd"}.get(day.day % 10, "th")
        )
        ways = (
            f"{day.day} {month} {day.year}",
            f"{month} {day.day}, {day.year}",
            f"{month} {day.day}{suffix}, {day.year}",
            f"the {day.day}{suffix} of {month} {day.year}",
            f"{day.day} {month[:3]} {day.year}",
            day.isoformat(),
        )
        return rng.choice(ways)
    if language in ("zh", "ja"):
        return f"{day.year}年{day.month}月{day.day}日"
    if language == "ko":
        return f"{day.year}년 {day.month}월 {day.day}일"
    forms = {"de": "{d}. {m} {y}", "es": "{d} de {m} de {y}", "pt": "{d} de {m} de {y}"}
    return forms.get(language, "{d} {m} {y}").format(d=day.day, m=month, y=day.year)


def _say_time(hour: int, minute: int, language: str, rng: Random) -> str:
    plain = f"{hour}:{minute:02d}"
    if language != "en":
        return plain
    twelve, half = hour % 12 or 12, "am" if hour < 12 else "pm"
    ways = [f"{hour:02d}:{minute:02d}", f"{twelve}:{minute:02d} {half}"]
    part = "in the morning" if hour < 12 else "in the afternoon" if hour < 18 else "in the evening"
    named = {15: f"quarter past {twelve}", 30: f"half past {twelve}", 0: f"{twelve} o'clock"}
    if minute in named:
        ways.append(f"{named[minute]} {part}")
    return rng.choice(ways)


def _clock(rng: Random) -> tuple[int, int]:
    return rng.randint(6, 22), rng.choice((0, 0, 5, 10, 15, 20, 25, 30, 30, 35, 40, 45, 50, 55))


def _dates(first: dt.date, last: dt.date) -> Draw:
    def draw(rng: Random, language: str) -> Drawn:
        day = _day(rng, first, last)
        return Drawn(value=day.isoformat(), say=say_date(day, language, rng), accept="date")

    return draw


def _time(rng: Random, language: str) -> Drawn:
    hour, minute = _clock(rng)
    return Drawn(
        value=f"{hour:02d}:{minute:02d}", say=_say_time(hour, minute, language, rng), accept="time"
    )


_AT = {
    "de": "um",
    "fr": "à",
    "es": "a las",
    "it": "alle",
    "pt": "às",
    "nl": "om",
    "pl": "o",
    "sv": "klockan",
}


def _datetime(rng: Random, language: str) -> Drawn:
    day, (hour, minute) = _day(rng, FIRST_DAY, LAST_DAY), _clock(rng)
    at = "at " if language == "en" else f"{_AT[language]} " if language in _AT else ""
    said = f"{say_date(day, language, rng)} {at}{_say_time(hour, minute, language, rng)}"
    value = f"{day.isoformat()}T{hour:02d}:{minute:02d}:00"
    return Drawn(value=value, say=said, accept="datetime")


def _person(pools: Mapping[str, Any]) -> Draw:
    def draw(rng: Random, _: str) -> Drawn:
        name = f"{rng.choice(pools['first'])} {rng.choice(pools['last'])}"
        return Drawn(value=name, say=name, accept="text")

    return draw


def _email(pools: Mapping[str, Any]) -> Draw:
    def draw(rng: Random, _: str) -> Drawn:
        name = f"{rng.choice(pools['mailbox'])}{rng.choice(('', rng.randint(11, 98)))}"
        mail = f"{name}@{rng.choice(pools['host'])}"
        return Drawn(value=mail, say=mail)

    return draw


def _url(pools: Mapping[str, Any]) -> Draw:
    def draw(rng: Random, _: str) -> Drawn:
        made = f"https://{rng.choice(pools['host'])}/{rng.choice(pools['slug'])}/{rng.randint(12, 998)}"
        return Drawn(value=made, say=made)

    return draw


def _phone(rng: Random) -> Drawn:
    parts = (rng.choice(("+49 30", "+33 1", "+44 20", "+39 06", "+31 20", "+46 8", "+1 555")),)
    number_ = f"{parts[0]} {rng.randint(100, 999)} {rng.randint(1000, 9999)}"
    return Drawn(value=number_, say=number_)


def _any_of(name: str) -> Callable[[Mapping[str, Any]], Draw]:
    def make(pools: Mapping[str, Any]) -> Draw:
        return _choice(name, pools[name], name).draw

    return make


def _text(pools: Mapping[str, Any]) -> Draw:
    """Free text of the language of the request, else of any: it is passed on as it stands."""

    def draw(rng: Random, language: str) -> Drawn:
        own = (
            pools[f"text_{language}"]
            if f"text_{language}" in pools and rng.random() < 0.8
            else None
        )
        value = rng.choice(own or pools["text_any"])
        return Drawn(value=value, say=value, accept="text")

    return draw


_MADE: dict[str, Callable[[Mapping[str, Any]], Draw]] = {
    "date": lambda _: _dates(FIRST_DAY, LAST_DAY),
    "past": lambda _: _dates(PAST_FIRST, PAST_LAST),
    "time": lambda _: _time,
    "datetime": lambda _: _datetime,
    "person": _person,
    "email": _email,
    "url": _url,
    "phone": lambda _: lambda rng, _language: _phone(rng),
    "text": _text,
    "first": _any_of("first"),
    "city": _any_of("city"),
    "path": _any_of("path"),
}
