"""A value for a parameter and the words that a request says it with."""

import datetime as dt
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from train.requests.parameters import Parameter, label_of
from train.toolboxes import Library

__all__ = ["Value", "draw_value"]

_SMALL = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz"
_ITEMS = 6


@dataclass(frozen=True, kw_only=True)
class Value:
    """value: as the call holds it, plain JSON data; said: as the request says it."""

    value: Any
    said: str


def draw_value(
    parameter: Parameter, rng: Random, library: Library, depth: int = 2, *, several: bool = False
) -> Value | None:
    """A value that the parameter's schema allows; None where no rule gives one.

    depth: levels of lists and objects that are followed; several: the value is one of a list.
    """
    schema = parameter.schema
    choices = schema.get("enum")
    if isinstance(choices, list) and choices:
        value = rng.choice(choices)
        return Value(value=value, said=value if isinstance(value, str) else json.dumps(value))
    match parameter.kind:
        case "boolean":
            value = rng.random() < 0.6
            return Value(value=value, said="yes" if value else "no")
        case "integer":
            return _integer(parameter, rng)
        case "number":
            return _number(parameter, rng)
        case "string":
            return _string(parameter, rng, library, several)
        case "array":
            return _array(parameter, rng, library, depth)
        case "object":
            return _object(parameter, rng, library, depth)
    return None


def _bounds(schema: Any, low: float, high: float) -> tuple[float, float]:
    least, most = schema.get("minimum"), schema.get("maximum")
    low = float(least) if isinstance(least, int | float) else low
    high = float(most) if isinstance(most, int | float) else max(high, low + 10)
    return (low, high) if low <= high else (high, high)


def _integer(parameter: Parameter, rng: Random) -> Value:
    label = parameter.label
    known = [int(x) for x in parameter.examples if re.fullmatch(r"-?\d{1,9}", x)]
    if "year" in label.split():
        low, high = (1950.0, 2035.0) if "years" not in label else (1.0, 30.0)
    elif known and rng.random() < 0.5:
        low = high = float(rng.choice(known))
    elif known:
        low, high = 1.0, 2.0 * max(map(abs, known)) + 3
    elif "age" in label.split():
        low, high = 18, 90
    else:
        low, high = 1.0, rng.choice((12.0, 60.0, 500.0, 9000.0, 250000.0))
    low, high = _bounds(parameter.schema, low, high)
    value = rng.randint(int(low), max(int(low), int(high)))
    said = str(value)
    if 0 <= value <= 10 and rng.random() < 0.25:
        said = _SMALL[value]
    elif value >= 10000 and rng.random() < 0.3:
        said = f"{value:,}"
    return Value(value=value, said=said)


def _number(parameter: Parameter, rng: Random) -> Value:
    known = [float(x) for x in parameter.examples if re.fullmatch(r"-?\d{1,9}(?:\.\d+)?", x)]
    top = 2 * max(map(abs, known)) + 1 if known else rng.choice((1.0, 10.0, 100.0, 5000.0))
    low, high = _bounds(parameter.schema, 0.0, top)
    value: float = round(rng.uniform(low, high), rng.choice((0, 0, 1, 1, 2)))
    if rng.random() < 0.3 and known:
        value = rng.choice(known)
    if value.is_integer():
        return Value(value=int(value), said=str(int(value)))
    return Value(value=value, said=str(value))


_MONTHS = tuple(dt.date(2000, m, 1).strftime("%B") for m in range(1, 13))


def _date(rng: Random) -> Value:
    day = dt.date(2032, 1, 5) + dt.timedelta(days=rng.randrange(1000))
    month = _MONTHS[day.month - 1]
    words = (f"{month} {day.day}, {day.year}", f"{day.day} {month} {day.year}", day.isoformat())
    return Value(value=day.isoformat(), said=rng.choice(words))


def _code(rng: Random) -> str:
    style = rng.randrange(5)
    digits = str(rng.randint(100, 99999))
    if style == 0:
        return digits
    if style == 1:
        return "".join(rng.choices("ABCDEFGHJKLMNPRSTUVW", k=rng.randint(2, 4))) + digits
    if style == 2:
        return f"{''.join(rng.choices('ABCDEFGHJKLMNPRSTUVW', k=2))}-{digits}"
    if style == 3:
        return "".join(rng.choices(_LETTERS + "23456789", k=8))
    return f"{rng.choice(('user', 'item', 'ref', 'ord', 'job', 'tx'))}_{digits}"


def _string(parameter: Parameter, rng: Random, library: Library, several: bool) -> Value | None:
    label = f" {parameter.label.lower()} "
    about = f"{parameter.about} {parameter.schema.get('description', '')}"
    form = parameter.schema.get("format")
    if "YYYY-MM-DD" in about or form == "date":
        return _date(rng)
    if form == "date-time" or "YYYY" in about or "HH:MM" in about:
        return None  # a form of its own, which no rule here knows
    if parameter.examples and (several or rng.random() < 0.8):
        text = rng.choice(parameter.examples)
        return Value(value=text, said=text)
    made = _by_label(label, rng, library)
    if made is None and parameter.examples:
        made = rng.choice(parameter.examples)
    if made is None:
        return None
    return Value(value=made, said=made)


def _by_label(label: str, rng: Random, library: Library) -> str | None:
    pools = library.pools

    def has(*words: str) -> bool:
        return any(f" {w} " in label or f" {w}s " in label for w in words)

    if has("id", "identifier", "code", "number", "key", "reference", "sku"):
        return _code(rng)
    if has("date", "day"):
        return str(_date(rng).value)
    if has("time"):
        return f"{rng.randint(0, 23):02}:{rng.choice((0, 10, 15, 30, 45)):02}"
    if has("email", "mail", "recipient"):
        return f"{rng.choice(pools['mailbox'])}@{rng.choice(pools['host'])}"
    if has("url", "link", "website"):
        return f"https://{rng.choice(pools['host'])}/{rng.choice(pools['slug'])}"
    if has("file", "path"):
        return str(rng.choice(pools["path"]))
    if has("city", "location", "place", "destination", "origin", "region", "address", "area"):
        return str(rng.choice(pools["city"]))
    if has(
        "person", "author", "artist", "patient", "customer", "student", "member", "user", "player"
    ):
        return f"{rng.choice(pools['first'])} {rng.choice(pools['last'])}"
    if has("message", "text", "comment", "note", "notes", "content", "reason", "feedback"):
        return str(rng.choice(pools["text_en"]))
    return None


def _array(parameter: Parameter, rng: Random, library: Library, depth: int) -> Value | None:
    items = parameter.schema.get("items")
    if depth == 0 or not isinstance(items, dict):
        return None
    low = parameter.schema.get("minItems", 2)
    high = parameter.schema.get("maxItems", max(4, low if isinstance(low, int) else 4))
    if not isinstance(low, int) or not isinstance(high, int) or high > 50:
        return None
    inner = Parameter(
        name=parameter.name,
        schema=items,
        required=True,
        about=parameter.about,
        examples=parameter.examples,
    )
    found: dict[str, Value] = {}
    wanted = rng.randint(min(low, high), max(1, min(high, _ITEMS)))
    for _ in range(6 * wanted):
        if len(found) == wanted:
            break
        item = draw_value(inner, rng, library, depth - 1, several=True)
        if item is None:
            return None
        found.setdefault(json.dumps(item.value), item)
    if len(found) < min(low, wanted):
        return None
    values = list(found.values())
    return Value(value=[v.value for v in values], said=listed([v.said for v in values]))


def _object(parameter: Parameter, rng: Random, library: Library, depth: int) -> Value | None:
    inner = parameter.schema.get("properties")
    if depth == 0 or not isinstance(inner, dict) or not inner:
        return None
    required = parameter.schema.get("required", ())
    values: dict[str, Value] = {}
    for name, schema in inner.items():
        needed = name in required
        if not isinstance(schema, dict) or (not needed and rng.random() < 0.5):
            continue
        made = draw_value(
            Parameter(name=name, schema=schema, required=needed), rng, library, depth - 1
        )
        if made is None:
            if needed:
                return None
            continue
        values[name] = made
    if not values:
        return None
    said = listed([f"{label_of(k)} {v.said}" for k, v in values.items()])
    return Value(value={k: v.value for k, v in values.items()}, said=said)


def listed(items: Sequence[str]) -> str:
    """`a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
