"""Pairs for the checker: function docs, gold answers and calls, aimed at one quirk per group."""

from collections.abc import Callable
from typing import Any

from tests.parity.rng import Rng
from tests.parity.values import PYTHON_KINDS, alternatives, mutated, schema, strange, value

__all__ = ["CHECK_GROUPS", "Pair", "function", "pair"]

Pair = tuple[
    str, Any, Any, Any, str
]  # way (check, text or decode), docs, calls or text, gold, category
_NAMES = ("get_weather", "calc.area", "math.triangle.area", "book", "Find", "find")
_PARAMS = ("city", "n", "values", "options", "unit", "flag")
_SIMPLE = ("simple_python", "live_simple", "simple")


def function(
    rng: Rng, kinds: tuple[str, ...], name: str | None = None
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A function doc, its gold entry and a right call's arguments."""
    properties, gold, right = {}, {}, {}
    required = []
    for param in _PARAMS[: 1 + rng.below(3)]:
        made = schema(rng, rng.pick(kinds))
        optional = rng.chance(0.3)
        answer = value(rng, made)
        properties[param] = made
        if not (optional and rng.chance(0.3)):
            gold[param] = alternatives(rng, made, answer, optional=optional)
            if not (optional and rng.chance(0.4)):
                right[param] = answer
        if not optional or rng.chance(0.1):
            required.append(param)
    name = name or rng.pick(_NAMES)
    parameters = {"type": "dict", "properties": properties, "required": required}
    doc = {"name": name, "description": "does it", "parameters": parameters}
    return doc, {name: gold}, right


def pair(docs: Any, calls: Any, gold: Any, category: str = "simple_python") -> Pair:
    """One pair for the checker."""
    return "check", docs, calls, gold, category


def _values(*kinds: str) -> Callable[[Rng], Pair]:
    def make(rng: Rng) -> Pair:
        doc, gold, right = function(rng, kinds)
        if right and rng.chance(0.75):
            param = rng.pick(sorted(right))
            right[param] = mutated(rng, right[param])
        return pair([doc], [{doc["name"]: right}], [gold], rng.pick(_SIMPLE))

    return make


def _variables(rng: Rng) -> Pair:
    """Golds whose first value has another type than the schema."""
    doc, gold, right = function(rng, PYTHON_KINDS)
    entry = gold[doc["name"]]
    for param in entry:
        if rng.chance(0.7):
            entry[param] = [strange(rng), *entry[param]][: 1 + rng.below(3)]
            if rng.chance(0.6):
                right[param] = entry[param][0]
    if right and rng.chance(0.4):
        param = rng.pick(sorted(right))
        right[param] = mutated(rng, right[param])
    return pair([doc], [{doc["name"]: right}], [gold])


def _parameters(rng: Rng) -> Pair:
    """Missing, extra, unknown and misnamed parameters and functions; wrong counts."""
    doc, gold, right = function(rng, PYTHON_KINDS)
    name = doc["name"]
    for _ in range(1 + rng.below(2)):
        change = rng.below(8)
        if change == 0 and right:
            del right[rng.pick(sorted(right))]
        elif change == 1:
            right["other"] = strange(rng)
        elif change == 2:
            doc["parameters"]["properties"]["other"] = schema(rng, "string")
            right["other"] = "x"
        elif change == 3:
            gold[name if name in gold else next(iter(gold))]["ghost"] = rng.pick(
                (["x"], ["x", ""], [""])
            )
            if rng.chance(0.5):
                right["ghost"] = "x"
        elif change == 4:
            doc["parameters"]["required"] = rng.some([*_PARAMS, "ghost"])
        elif change == 5:
            name = rng.pick((name.replace(".", "_"), name.upper(), name + " ", "other"))
        elif change == 6 and right:
            key = rng.pick(sorted(right))
            right[key.upper()] = right.pop(key)
    calls = [{name: right}]
    if rng.chance(0.1):
        calls = rng.pick(([], calls * 2, [*calls, {"other": {}}]))
    return pair([doc], calls, [gold], rng.pick((*_SIMPLE, "multiple", "live_multiple", "parallel")))


def _multiple(rng: Rng) -> Pair:
    """Several docs, one call; sometimes the wanted doc is missing or stands twice."""
    made = [function(rng, PYTHON_KINDS, name) for name in rng.shuffled(_NAMES)[: 1 + rng.below(4)]]
    doc, gold, right = rng.pick(made)
    docs: Any = [m[0] for m in made]
    if rng.chance(0.1):
        docs = rng.pick(([d for d in docs if d is not doc], [*docs, doc], doc, []))
    called = rng.pick(made)[0]["name"] if rng.chance(0.3) else doc["name"]
    if right and rng.chance(0.3):
        param = rng.pick(sorted(right))
        right[param] = mutated(rng, right[param])
    calls = [{called: right}] * rng.pick((1, 1, 1, 1, 2, 0))
    return pair(docs, calls, [gold], rng.pick(("multiple", "live_multiple", "multiple", "simple")))


def _parallel(rng: Rng) -> Pair:
    """Several golds over few functions, so that a call may fit several of them; greedy order matters."""
    docs, golds, calls = [], [], []
    kinds = (rng.pick(("integer", "string", "boolean", "array")),)
    for name in rng.shuffled(_NAMES)[: 1 + rng.below(2)]:
        doc, _, _ = function(rng, kinds, name)
        docs.append(doc)
    for _ in range(1 + rng.below(4)):
        doc = rng.pick(docs)
        entry, right = {}, {}
        for param, made in doc["parameters"]["properties"].items():
            small = [value(rng, made) for _ in range(2)] if rng.chance(0.3) else [1, 2, 3]
            entry[param] = rng.some(small, 1) + ([""] if rng.chance(0.15) else [])
            right[param] = rng.pick(entry[param])
        golds.append({doc["name"]: entry})
        calls.append({doc["name"]: right})
    calls = rng.shuffled(calls)
    if rng.chance(0.25):
        call = rng.pick(calls)
        for arguments in call.values():
            for param in arguments:
                arguments[param] = mutated(rng, arguments[param])
    if rng.chance(0.12):
        calls = rng.pick((calls[:-1], [*calls, calls[0]], [calls[0]] * len(calls)))
    if rng.chance(0.04):
        docs = docs[:-1]
    return pair(docs, calls, golds, rng.pick(("parallel", "parallel_multiple", "live_parallel")))


def _crashes(rng: Rng) -> Pair:
    """Docs and golds that are malformed in a way that real ones are, or nearly."""
    doc, gold, right = function(rng, PYTHON_KINDS)
    name = doc["name"]
    parameters, entry = doc["parameters"], gold[name]
    param = rng.pick(sorted(parameters["properties"]))
    docs: Any = [doc]
    golds: Any = [gold]
    match rng.below(13):
        case 0:
            del parameters[rng.pick(("required", "properties"))]
        case 1:
            odd = rng.pick(
                ("number", "object", "list", "null", "Any", ["string", "null"], None, "")
            )
            parameters["properties"][param]["type"] = odd
        case 2:
            parameters["properties"][param].pop("items", None)
        case 3:
            items = rng.pick(
                ({"type": "number"}, {"type": "object"}, {}, "string", None, ["string"])
            )
            parameters["properties"][param] = {"type": rng.pick(("array", "tuple")), "items": items}
            right[param] = rng.pick(([], [1], ["a"]))
        case 4:
            entry[param] = rng.pick(
                ("text", "", 5, None, {"a": 1}, {}, [], True, 1.5, {"x": ["y"]})
            )
            right.setdefault(param, value(rng, {"type": "string"}))
        case 5:
            entry[param] = [{"name": {"first": ["x"]}}, {"name": 5}, "text"][rng.below(3) :]
            parameters["properties"][param] = {"type": "dict"}
            right[param] = rng.pick(({"name": {"first": "x"}}, {"name": "x"}, {}, {"t": 1}))
        case 6:
            docs = rng.pick(([], [None], doc, [{}], [{"name": name}], None, "doc", [5]))
        case 7:
            golds = rng.pick(
                ([], [{}], [[]], None, {}, [{name: None}], [{name: []}], "gold", [None])
            )
        case 8:
            right[param] = rng.pick(
                (10**5000, [10**5000], {"name": 10**5000}, [[10**5000]], -(10**4999))
            )
        case 9:
            parameters["properties"][param] = rng.pick((None, "string", [], {}, 5, {"kind": "x"}))
        case 10:
            parameters["properties"][param] = {"type": "array", "items": {"type": "dict"}}
            entry[param] = rng.pick(([[{"a": [1]}], ""], [["x"]], [5], [{"a": 1}], [[{"a": 1}]]))
            right[param] = rng.pick(
                ([{"a": 1}], ["x"], [1], [], [{}], [{"a": 1}, {"a": 1}], [None])
            )
        case 11:
            parameters["properties"][param] = {"type": "array", "items": {"type": "string"}}
            second = rng.pick((5, "abc", {"k": 1}, None, [], {}))
            entry[param] = rng.pick(([["a"], second], [["a"], second], [[]], [{}]))
            right[param] = rng.pick((["a"], ["b"], [], ["a", "b", "c"], [1]))
        case _:
            parameters["required"] = rng.pick(
                (None, "city", 5, {}, {"city": 1}, [["city"]], [None])
            )
    categories = ("simple_python", "multiple", "parallel", "live_parallel_multiple")
    return pair(docs, [{name: right}], golds, rng.pick(categories))


def _formats(rng: Rng) -> Pair:
    """What is not a list of calls, and relevance categories on it."""
    doc, gold, right = function(rng, ("string",))
    name = doc["name"]
    calls = rng.pick(
        (
            None, "", "text", [], {}, [{}], [None], ["f"], [[{name: right}]], {name: right},
            ({name: right},), [{name: None}], [{name: []}], [{name: "x"}], [{name: right, "g": {}}],
            [{name: right}], [{name: right}, {}], [{"": {}}], [{None: {}}], [{name: {}}], 5, True,
            [{name: {None: "x"}}],
        )
    )  # fmt: skip
    relevance = rng.pick(("irrelevance", "live_irrelevance", "live_relevance"))
    category = rng.pick((relevance, "simple_python", "parallel", "multiple"))
    return pair([doc], calls, [gold], category)


CHECK_GROUPS: dict[str, tuple[Callable[[Rng], Pair], int]] = {
    "strings": (_values("string", "any"), 3000),
    "numbers": (_values("integer", "float"), 3000),
    "booleans": (_values("boolean"), 1200),
    "lists": (_values("array"), 3500),
    "tuples": (_values("tuple"), 2000),
    "dicts": (_values("dict"), 3000),
    "mixed": (_values(*PYTHON_KINDS), 2500),
    "variables": (_variables, 3000),
    "parameters": (_parameters, 3000),
    "multiple": (_multiple, 2000),
    "parallel": (_parallel, 3500),
    "crashes": (_crashes, 3500),
    "formats": (_formats, 1000),
}
