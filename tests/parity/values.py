"""Values, schemas and gold answers in the shapes of BFCL, and the ways in which a reply departs from them."""

from typing import Any

from tests.parity.rng import Rng

__all__ = [
    "PYTHON_KINDS",
    "WORDS",
    "alternatives",
    "mutated",
    "schema",
    "strange",
    "value",
    "varied",
]

WORDS = (
    "New York", "San Francisco, CA", "April 1, 2024", "2024-04-01", "10:30", "user's guide", 'say "hi"',
    "A/B", "a_b", "C++", "x^2", "é", "İstanbul", "Straße", "tab\there", "line\nbreak", "-", "...", " ",
    "5", "-5", "1.5", "15", "true", "None", "dontcare", "(a)", "N/A", "km/h", "日本", "UPPER lower",
    "it's", 'it"s', "*bold*", "a.b.c", "ﬁ", "\u00a0x", "celsius", "metric", "id", "null", "[]", "{}",
    "\u212a",
)  # fmt: skip
PYTHON_KINDS = ("string", "integer", "float", "boolean", "array", "tuple", "dict", "any")
_KEYS = ("name", "size", "unit", "Color", "a b", "x")
_INTS = (0, 1, 5, -5, 15, 2024, 1000000, 2**53 + 1, 10**30)
_FLOATS = (0.0, 1.0, 5.0, -5.0, 1.5, 0.1, 3.14, 1e22, 2.0**60)


def schema(rng: Rng, kind: str) -> dict[str, Any]:
    """A parameter's description as BFCL writes it."""
    made: dict[str, Any] = {"type": kind, "description": f"a {kind}"}
    if kind in ("array", "tuple"):
        inner = rng.pick(("string", "integer", "float", "boolean", "dict", "array", "any"))
        made["items"] = {"type": inner}
    if kind == "dict":
        made["properties"] = {key: {"type": "string"} for key in rng.some(_KEYS)}
    if rng.chance(0.1):
        made["default"] = value(rng, made)
    if rng.chance(0.05):
        made["enum"] = list(WORDS[:3])
    return made


def value(rng: Rng, made: dict[str, Any]) -> Any:
    """A value of a parameter's type."""
    kind = made["type"]
    if kind == "integer":
        return rng.pick(_INTS) if rng.chance(0.7) else rng.below(50)
    if kind == "float":
        return rng.pick(_FLOATS) if rng.chance(0.7) else rng.below(1000) / 8
    if kind == "boolean":
        return rng.chance(0.5)
    if kind in ("array", "tuple"):
        return [value(rng, _inner(made)) for _ in range(rng.below(4))]
    if kind == "dict":
        return {key: _scalar(rng) for key in rng.some(_KEYS)}
    return rng.pick(WORDS)


def _inner(made: dict[str, Any]) -> dict[str, Any]:
    inner = made["items"]["type"]
    return {"type": inner, "items": {"type": "integer"}} if inner == "array" else {"type": inner}


def _scalar(rng: Rng) -> Any:
    if rng.chance(0.1):
        return rng.pick(([1, 2], ["a", "B"], {"k": "v"}, None, [], {}))
    return value(rng, {"type": rng.pick(("string", "string", "integer", "float", "boolean"))})


def alternatives(rng: Rng, made: dict[str, Any], right: Any, *, optional: bool) -> list[Any]:
    """A gold list that accepts `right`, in BFCL's form: entries of dicts are lists of alternatives."""
    golds = [gold_form(rng, made, right)]
    while rng.chance(0.35):
        golds.append(gold_form(rng, made, value(rng, made)))
    if rng.chance(0.05):
        golds = [strange(rng), *golds]
    if optional:
        golds.append("")
    elif rng.chance(0.08):
        golds.insert(0, "")
    return golds


def gold_form(rng: Rng, made: dict[str, Any], right: Any) -> Any:
    """A right value as a gold alternative."""
    kind, inner = made["type"], made.get("items", {}).get("type")
    if kind == "dict" and isinstance(right, dict):
        return _entries(rng, right)
    if inner == "dict" and isinstance(right, list):
        return [_entries(rng, item) if isinstance(item, dict) else item for item in right]
    return right


def _entries(rng: Rng, right: dict[str, Any]) -> dict[str, Any]:
    entries: dict[str, Any] = {}
    for key, item in right.items():
        golds = [item, *([_scalar(rng)] if rng.chance(0.3) else [])]
        if rng.chance(0.25):
            golds.append("")
        entries[key] = golds if rng.chance(0.97) else rng.pick((item, {"k": ["v"]}, "", "text", 5))
    if rng.chance(0.1):
        entries["extra"] = rng.pick(([""], ["x", ""], ["x"]))
    return entries


def varied(rng: Rng, text: str) -> str:
    """A string that is often the same under BFCL's normal form, and sometimes not."""
    for _ in range(1 + rng.below(2)):
        place = rng.below(len(text) + 1)
        text = rng.pick(
            (
                text.upper(),
                text.lower(),
                text.title(),
                text.replace(" ", ""),
                text.replace(" ", "_"),
                text.replace("'", '"'),
                text.replace('"', "'"),
                text[:place] + rng.pick(" ,./-_*^") + text[place:],
                text[:place] + rng.pick("\t:()x'\"+\n") + text[place:],
                text[:place] + text[place + 1 :],
                text.strip(" ,./-_*^"),
            )
        )
    return text


def strange(rng: Rng) -> Any:
    """A value of any type at all."""
    return rng.pick(
        (
            None, True, False, 0, 1, 5, -5, 1.0, 5.0, 0.5, "", "5", "five", "True", [], ["5"], [5],
            [5.0], [True], {}, {"a": 1}, {"name": "x"}, [{}], [{"name": "x"}], [[1, 2]], (), (1, 2),
            ("a",), [None], [""], float("inf"), 10**5000, [10**5000], {"name": 10**5000}, b"x", 1j,
            "a" * 300, [[], ""],
        )
    )  # fmt: skip


def mutated(rng: Rng, right: Any) -> Any:
    """A value near to `right`: other case, type, order, length or depth."""
    if rng.chance(0.12):
        return strange(rng)
    if isinstance(right, str):
        other: Any = rng.pick((varied(rng, right), varied(rng, right), [right], right.encode()))
        return other if rng.chance(0.9) else rng.pick(WORDS)
    if isinstance(right, bool):
        return rng.pick(
            (not right, int(right), str(right), str(right).lower(), float(right), [right])
        )
    if isinstance(right, int):
        near = (
            right + 1,
            float(right) if abs(right) < 2**60 else 1.0,
            _shown(right),
            right == 1,
            [right],
        )
        return rng.pick(near)
    if isinstance(right, float):
        whole = int(right) if abs(right) < 1e300 else 7
        return rng.pick((right + 0.5, whole, str(right), right == 1, [right], -right))
    if isinstance(right, list | tuple):
        return _mutated_list(rng, list(right))
    if isinstance(right, dict):
        return _mutated_dict(rng, dict(right))
    return strange(rng)


def _shown(value: Any) -> str:
    try:
        return str(value)
    except ValueError:  # a number of over 4300 digits
        return "huge"


def _mutated_list(rng: Rng, right: list[Any]) -> Any:
    if right and rng.chance(0.5):
        place = rng.below(len(right))
        right[place] = mutated(rng, right[place])
        return right
    return rng.pick(
        (
            right[::-1],
            tuple(right),
            right[:-1],
            [*right, 1],
            [*right, *right],
            [right],
            _shown(right),
            [],
        )
    )


def _mutated_dict(rng: Rng, right: dict[str, Any]) -> Any:
    if right and rng.chance(0.6):
        key = rng.pick(sorted(right))
        if rng.chance(0.25):
            del right[key]
        else:
            right[key] = mutated(rng, right[key])
        return right
    first = next(iter(right.values()), 1)
    return rng.pick(
        ({**right, "more": 1}, {k: [v] for k, v in right.items()}, [right], {}, {"name": first})
    )
