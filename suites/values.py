"""When two argument values are the same: by type and value, or by a declared normal form.

Nothing is deleted to make values match: "-5" is not "5" and "A/B" is not "ab". An integer and a float of
the same value are equal at every depth, a boolean is never a number, and a key that is left out equals
its schema default.
"""

import datetime as dt
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from suites.assign import assign
from suites.model import Accept, Normal

__all__ = ["accepts", "plain_text", "same"]

_MISSING: Any = object()
_NUMBER = (int, float)
_EXACT = frozenset({str, int, bool, type(None)})
"""Types whose equal values are the same under every normal form and tolerance (infinity is not)."""
_FORMAT_NORMALS: dict[str, Normal] = {"date": "date", "time": "time", "date-time": "datetime"}
_QUOTES = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u2010": "-",
        "\u2011": "-",
        "\u2212": "-",
    }
)


def accepts(accept: Accept, value: Any, schema: Mapping[str, Any] | None = None) -> bool:
    """True if `value` is acceptable under the declared normal form (or the one of the schema's format)."""
    kind, golds = type(value), accept.any_of
    if kind in _EXACT:
        for gold in golds:
            if kind is type(gold) and value == gold:
                return True
    normal, within, schema = accept.normal, accept.within, schema or {}
    if normal in ("java", "javascript"):
        return isinstance(value, str) and _accepts_literal(accept, value, schema)
    for gold in golds:  # noqa: SIM110 (a generator would cost as much as the comparison)
        if _equal(value, gold, normal, within, schema):
            return True
    return False


def _accepts_literal(accept: Accept, value: str, schema: Mapping[str, Any]) -> bool:
    """A text in the language that the normal form names, of the type that the schema keeps (see bfcl)."""
    from suites.bfcl.literals import same_literal

    golds = (gold for gold in accept.any_of if isinstance(gold, str))
    return any(same_literal(accept.normal, value, gold, schema) for gold in golds)


def same(a: Any, b: Any) -> bool:
    """Equality of two JSON values: 1 equals 1.0, true never equals 1, strings under Unicode NFC."""
    return _equal(a, b, "exact", None, {})


def plain_text(text: str) -> str:
    """The normal form `text`: NFKC, straight quotes, casefold, single blanks."""
    return " ".join(unicodedata.normalize("NFKC", text.translate(_QUOTES)).casefold().split())


def _equal(a: Any, b: Any, normal: Normal, within: float | None, schema: Mapping[str, Any]) -> bool:
    if isinstance(a, str):
        if not isinstance(b, str):
            return False
        if normal == "exact" and "format" in schema:
            normal = _FORMAT_NORMALS.get(str(schema["format"]), normal)
        return _strings(a, b, normal)
    if a is None or isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, _NUMBER):
        if not isinstance(b, _NUMBER):
            return False
        return a == b if within is None else _near(a, b, within)
    if isinstance(a, list) and isinstance(b, list):
        items = schema.get("items")
        return _lists(a, b, normal, within, items if isinstance(items, dict) else {})
    return isinstance(a, dict) and isinstance(b, dict) and _dicts(a, b, normal, within, schema)


def _near(a: float, b: float, within: float) -> bool:
    try:
        return abs(a - b) <= within
    except OverflowError:  # an integer beyond every float
        return False


def _lists(
    a: list[Any], b: list[Any], normal: Normal, within: float | None, schema: Mapping[str, Any]
) -> bool:
    if len(a) != len(b):
        return False
    if normal != "set":
        return all(_equal(x, y, normal, within, schema) for x, y in zip(a, b, strict=True))
    cost = [[float(not _equal(x, y, "exact", within, schema)) for y in b] for x in a]
    return sum(cost[i][j] for i, j in enumerate(assign(cost)) if j is not None) == 0


def _dicts(
    a: dict[str, Any],
    b: dict[str, Any],
    normal: Normal,
    within: float | None,
    schema: Mapping[str, Any],
) -> bool:
    properties = schema.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    for key in {**a, **b}:
        inner = properties.get(key)
        inner = inner if isinstance(inner, dict) else {}
        default = inner.get("default", _MISSING)
        x, y = a.get(key, default), b.get(key, default)
        if x is _MISSING or y is _MISSING or not _equal(x, y, normal, within, inner):
            return False
    return True


def _strings(a: str, b: str, normal: Normal) -> bool:
    if a == b or (normal == "exact" and a.isascii() and b.isascii()):
        return a == b
    match normal:
        case "text":
            return plain_text(a) == plain_text(b)
        case "date":
            return _same_parsed(_date(a), _date(b), a, b)
        case "time":
            return _same_parsed(_time(a), _time(b), a, b)
        case "datetime":
            return _same_parsed(_datetime(a), _datetime(b), a, b)
        case _:
            return unicodedata.normalize("NFC", a) == unicodedata.normalize("NFC", b)


def _same_parsed(x: Any, y: Any, a: str, b: str) -> bool:
    return a == b if x is None or y is None else x == y


def _date(text: str) -> dt.date | None:
    """ISO, YYYY/MM/DD, `5 March 2026`, `March 5, 2026`: only forms that cannot mean another day."""
    text = " ".join(text.split())
    for form in (
        "%Y-%m-%d",
        "%Y/%m/%d",
        "%d %B %Y",
        "%B %d, %Y",
        "%B %d %Y",
        "%d %b %Y",
        "%b %d, %Y",
    ):
        try:
            return dt.datetime.strptime(text, form).date()
        except ValueError:
            continue
    moment = _datetime(text) if len(text) > 10 else None
    return moment.date() if moment and moment.time() == dt.time() else None


def _time(text: str) -> dt.time | None:
    text = re.sub(r"\s*([ap])\.?\s*m\.?$", r" \1m", text.strip().lower())
    for form in ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I %p"):
        try:
            return dt.datetime.strptime(text, form).time()
        except ValueError:
            continue
    return None


def _datetime(text: str) -> dt.datetime | None:
    try:
        moment = dt.datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    try:
        return moment.astimezone(dt.UTC) if moment.tzinfo else moment
    except OverflowError:  # at the edge of time
        return None
