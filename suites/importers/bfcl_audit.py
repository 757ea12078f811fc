"""What is wrong with BFCL's items, found by rule: the reasons of the committed exclusion list.

`bfcl_exclusions.yaml` is the list that counts; `make parity` derives it anew from the data and compares.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from suites.baselines import gold_reply
from suites.bfcl import check
from suites.bfcl.checker import language_of
from suites.judge import judge
from suites.model import Case, canonical
from suites.official import official_gold

__all__ = ["REASONS", "audit", "gold_fails"]

REASONS: dict[str, str] = {
    "gold_fails": "The gold answer fails BFCL's own checker in every way of giving it.",
    "opposite_labels": "The same question and functions stand in another category with the opposite label.",
    "duplicate": "The same question and functions stand earlier in the same category.",
    "enum": "No accepted value of a parameter is in the enum of its schema.",
    "type": "Every accepted value of a parameter has another type than its schema.",
    "undeclared": "The gold names a parameter that its function does not have.",
    "strict_gold": "The gold cannot pass the strict judge: no accepted value obeys the tool's schema.",
}
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "float": (float, int),
    "boolean": (bool,),
    "array": (list,),
    "tuple": (list,),
    "dict": (dict,),
}


def audit(cases: Sequence[Case]) -> dict[str, list[str]]:
    """Reason -> ids in the order of the cases; a case may have several reasons."""
    opposite, doubles = _doubles(cases)
    rules: dict[str, Callable[[Case], bool]] = {
        "gold_fails": gold_fails,
        "opposite_labels": lambda case: case.id in opposite,
        "duplicate": lambda case: case.id in doubles,
        "enum": lambda case: any(map(_no_enum, _parameters(case))),
        "type": lambda case: any(map(_no_type, _parameters(case))),
        "undeclared": lambda case: any(detail is None for detail, _ in _parameters(case)),
        "strict_gold": _strict_fails,
    }
    found: dict[str, list[str]] = {reason: [] for reason in REASONS}
    for case in cases:
        for reason, holds in rules.items():
            if holds(case):
                found[reason].append(case.id)
    known = {i for reason, ids in found.items() if reason != "strict_gold" for i in ids}
    found["strict_gold"] = [i for i in found["strict_gold"] if i not in known]
    return found


def gold_fails(case: Case) -> bool:
    """Whether BFCL's own checker refuses the gold answer in every way of giving it."""
    official = case.official
    if official is None or not official.gold:
        return False
    functions, gold = list(official.functions), list(official.gold)
    return not check(functions, official_gold(case), gold, official.category).valid


def _strict_fails(case: Case) -> bool:
    return not judge(case, gold_reply(case)).passed


def _parameters(case: Case) -> Iterator[tuple[Any, list[Any]]]:
    """(declared detail or None, accepted values) of every gold parameter of a Python item."""
    official = case.official
    if official is None or language_of(official.category) != "python":
        return
    functions: Iterable[Any] = official.functions
    docs = {doc["name"]: doc for doc in functions}
    gold: Iterable[Any] = official.gold
    for wanted in gold:
        for name, answers in wanted.items():
            properties = docs[name]["parameters"]["properties"] if name in docs else {}
            for param, golds in answers.items():
                yield properties.get(param), [value for value in golds if value != ""]


def _no_enum(parameter: tuple[Any, list[Any]]) -> bool:
    detail, values = parameter
    if detail is None or "enum" not in detail or detail.get("type") in ("array", "tuple"):
        return False
    return bool(values) and not any(value in detail["enum"] for value in values)


def _no_type(parameter: tuple[Any, list[Any]]) -> bool:
    detail, values = parameter
    kinds = _TYPES.get(detail["type"]) if detail is not None else None
    if kinds is None or not values:
        return False
    fits = [isinstance(v, kinds) and (kinds == (bool,) or not isinstance(v, bool)) for v in values]
    return not any(fits)


def _doubles(cases: Sequence[Case]) -> tuple[set[str], set[str]]:
    """Ids with an opposite twin, and ids that repeat an earlier case of their category."""
    by_input: dict[str, list[Case]] = {}
    for case in cases:
        official = case.official
        functions = list(official.functions) if official else []
        messages = [m.model_dump(mode="json") for m in case.messages]
        by_input.setdefault(canonical([messages, functions]), []).append(case)
    opposite: set[str] = set()
    doubles: set[str] = set()
    for same in by_input.values():
        if len({c.expectation.no_call is None for c in same}) == 2:
            opposite |= {c.id for c in same}
        seen: set[str] = set()
        for case in same:
            if case.category in seen:
                doubles.add(case.id)
            seen.add(case.category)
    return opposite, doubles
