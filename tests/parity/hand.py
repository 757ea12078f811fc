"""Hand-made pairs: one for each rule of BFCL's checker that is known to surprise."""

from typing import Any

from tests.parity.calls import Pair, pair

__all__ = ["HAND"]


def _one(
    kind: str, golds: Any, *values: Any, items: str | None = None, category: str = "simple_python"
) -> list[Pair]:
    """A function of one parameter: each value against the golds."""
    made = {"type": kind} if items is None else {"type": kind, "items": {"type": items}}
    docs = [{"name": "f", "parameters": {"properties": {"p": made}, "required": ["p"]}}]
    return [pair(docs, [{"f": {"p": value}}], [{"f": {"p": golds}}], category) for value in values]


def _greedy(first: list[int], second: list[int], *calls: int) -> Pair:
    docs = [
        {"name": "f", "parameters": {"properties": {"p": {"type": "integer"}}, "required": ["p"]}}
    ]
    golds = [{"f": {"p": first}}, {"f": {"p": second}}]
    return pair(docs, [{"f": {"p": call}} for call in calls], golds, "parallel")


def _decode(language: str, *texts: str) -> list[Pair]:
    return [("decode", None, text, None, language) for text in texts]


HAND: list[Pair] = [
    *_one("string", ["5", "A/B", "1.5"], "-5", "ab", "15", "a_b", " 5 ", "5\t", 5, None),
    *_one("string", ["x", ""], "", "...", "-", "X", "y"),
    *_one("string", ["it's"], 'it"s', "it's", "its"),
    *_one("string", [5, "five"], "FIVE", "five", 5, "5"),
    *_one("string", [None], "None", None, ""),
    *_one("integer", [5], 5, 5.0, "5", True, 6),
    *_one("integer", [1], 1, True, 1.0),
    *_one("integer", ["5"], "5", 5),
    *_one("integer", [None, 5], None, 5, 6),
    *_one("float", [5.0, 1.5], 5, 5.0, 1.5, "5.0", True, 10**400, float("inf")),
    *_one("float", [5], 5, 5.0),
    *_one("boolean", [True], True, 1, "true", False),
    *_one("any", ["x"], "X", 5, True, ["x"]),
    *_one("any", [5], 5, "5", 5.0),
    *_one("array", [[1.0, 2.0]], [1, 2], [1.0, 2.0], (1.0, 2.0), items="float"),
    *_one("array", [[1.0, 2.0], ""], [1, 2], [], "", ["a"], items="float"),
    *_one(
        "array",
        [["New York", "LA"]],
        ["newyork", "l.a"],
        ["LA", "New York"],
        ["New York"],
        items="string",
    ),
    *_one("array", [[["A"]]], [["a"]], [["A"]], [["A", 1]], items="array"),
    *_one("array", ["names"], "names", ["a"], [], items="string"),
    *_one("array", [], [], ["a"], items="string"),
    *_one("array", [[5, "a"]], [5, "a"], ["a", 5], [5, 5], items="string"),
    *_one("tuple", [[1, 2]], (1, 2), [1, 2], (2, 1), [1.0, 2], items="integer"),
    *_one(
        "dict",
        [{"k": ["A b", ""], "n": [5]}],
        {"n": 5},
        {"k": "ab", "n": 5.0},
        {"k": "c"},
        {"n": 6, "k": "c"},
        {},
    ),
    *_one("dict", [{"k": [1]}], {"k": True}, {"k": 1.0}, {"k": [1]}, {"K": 1}),
    *_one("dict", [{"k": [{"In": "X"}]}], {"k": {"In": "X"}}, {"k": {"In": "x"}}),
    *_one("dict", [{"k": {"in": ["x"]}}], {"k": {"in": "x"}}, {"k": "x"}, {}),
    *_one("dict", [{}, ""], {}, {"a": 1}, ""),
    *_one("dict", [""], {}, {"a": 1}, ""),
    *_one("dict", [{"a": [1]}, {"b": [2]}], {"a": 2}, {"b": 2}, {"c": 1}, {"a": 1, "b": 2}),
    *_one(
        "array",
        [[{"a": [1]}, {"b": ["x"]}]],
        [{"a": 1}, {"b": "X"}],
        [{"b": "x"}, {"a": 1}],
        [{"a": 1}],
        items="dict",
    ),
    *_one("array", [[{"a": [1]}], ""], [], [1], [{"a": 1}], [[]], items="dict"),
    *_one("number", [5], 5),
    *_one("object", [{}], {}),
    *_one("array", [[1]], [1]),
    *_one("integer", [5], 10**5000),
    *_one("array", [["a"], ["b"]], ["b", 10**5000], [10**5000], items="string"),
    _greedy([1, 2], [1], 1, 2),
    _greedy([1], [1, 2], 1, 2),
    _greedy([1, 2], [2], 1, 2),
    _greedy([1], [1], 1, 1),
    _greedy([1], [2], 2, 1),
    _greedy([1], [2], 1),
    _greedy([1], [2], 1, 2, 2),
    _greedy([1], [2], 1, 1),
    *_one("char", ["c", "'c'"], "'c'", "c", '"c"', category="simple_java"),
    *_one("float", [1.5], "1.5f", "1.5", "1.5F", 1.5, category="simple_java"),
    *_one("long", [5], "5L", "5", "5l", category="simple_java"),
    *_one("Set", [[]], "x", category="simple_java"),
    *_one("String", ["a"], '"A"', "'a'", "a", '"', category="simple_javascript"),
    *_one(
        "array",
        [[[1, 2], [3]]],
        "[[1, 2], [3]]",
        "[[1, 2],[3]",
        items="array",
        category="simple_javascript",
    ),
    *_decode(
        "python",
        "[f(1)]",
        "f(x=1, x=2)",
        "[f(x=true, y=null)]",
        "[f(x=g(y=1), z=h(1))]",
        "```python\n[f(x=1)]\n```",
    ),
    *_decode(
        "python",
        "[f(x=1+2*3, y='a'+'b')]",
        "[f(x=a+b)]",
        "[f(x=lambda y: y)]",
        "[f(x=1/0)]",
        "[f(x=not True)]",
    ),
    *_decode(
        "java",
        "f(a=1)",
        '[a.b(c=1, d="x")]',
        "[a.bcd(c=new int[]{1, 2}, d=-5)]",
        '[a.bcdef(c="é", d="x")]',
    ),
    *_decode(
        "javascript",
        "f(a=1)",
        "f(true, a='x')",
        "f(a=1), g(b=2)",
        "[f(a=[1, 2], b={c: 1})]",
        "f(a=1, a=2)",
    ),
]
