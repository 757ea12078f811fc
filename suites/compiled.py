"""A JSON Schema (2020-12) compiled once into a check: the faults that jsonschema finds, in its order.

What is compiled is the way to jsonschema's own rules: the walk through `properties` and `items`, and for
the common keywords a quick test that says *surely fine*. Where it does not, the rule of jsonschema decides
and words the fault; only `type` is told by the Python types of JSON values. A schema with any keyword
that looks at others or holds inner schemas is left to jsonschema whole, and so is a tool with references.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, cast

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError
from referencing import Registry

__all__ = ["FORMATS", "Check", "Fault", "compiled", "validator"]

FORMATS = FormatChecker(formats=())
"""The formats that are checked; every other `format` is an annotation, as in the standard."""


@FORMATS.checks("date", raises=ValueError)
def _is_date(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) is not None and bool(
        dt.date.fromisoformat(value)
    )


@FORMATS.checks("time", raises=ValueError)
def _is_time(value: object) -> bool:
    """RFC 3339 time, and the HH:MM that people mean by it."""
    return not isinstance(value, str) or (
        ":" in value and bool(dt.time.fromisoformat(value).isoformat())
    )


@FORMATS.checks("date-time", raises=ValueError)
def _is_datetime(value: object) -> bool:
    return not isinstance(value, str) or (
        len(value) > 10 and bool(dt.datetime.fromisoformat(value))
    )


class Fault(NamedTuple):
    """One fault of a value: where it is, which keyword with which rule it breaks, and jsonschema's words.

    message: empty for `type`, whose rule and value say all.
    """

    path: tuple[str | int, ...]
    keyword: str | None
    rule: Any
    value: Any
    message: str


Check = Callable[[Any], Sequence[Fault]]
"""All faults of a value, in jsonschema's order; raises what jsonschema raises where a schema is unsound."""


def validator(schema: Mapping[str, Any]) -> Draft202012Validator:
    """jsonschema's validator with the formats of this module; it fetches nothing."""
    return Draft202012Validator(schema, registry=Registry(), format_checker=FORMATS)


def compiled(schema: Mapping[str, Any]) -> Check:
    """The check of a schema; an unsound schema is found out only by the values that reach it."""
    if _refers(schema):
        whole = validator(schema)
        return lambda value: _faults(whole.iter_errors(value))
    return _node(schema)


_ANY = validator({})  # its rules are the same under every schema without references
_REFERENCES = frozenset({"$ref", "$dynamicRef", "$id"})
_LEAVES = frozenset(
    {
        *("type", "enum", "const", "required", "pattern", "format", "multipleOf", "uniqueItems"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"),
        *("minItems", "maxItems", "minProperties", "maxProperties", "dependentRequired"),
    }
)
"""Keywords whose rule looks at nothing but the value: no other keyword, no inner schema."""


def _refers(schema: Any) -> bool:
    if isinstance(schema, dict):
        return not _REFERENCES.isdisjoint(schema) or any(map(_refers, schema.values()))
    return isinstance(schema, list) and any(map(_refers, schema))


def _faults(errors: Iterable[ValidationError]) -> list[Fault]:
    return [
        Fault(
            tuple(e.absolute_path), cast(Any, e.validator), e.validator_value, e.instance, e.message
        )
        for e in errors
    ]


def _fine(_: Any) -> Sequence[Fault]:
    return ()


def _node(schema: Mapping[str, Any]) -> Check:
    """The check of one schema: keyword by keyword where all are known here, else by jsonschema."""
    checks = []
    for keyword, rule in schema.items():
        if keyword in _ANY.VALIDATORS:
            check = _keyword(keyword, rule, schema)
            if check is None:
                return lambda value: _faults(_ANY.descend(value, schema))
            checks.append(check)
    if len(checks) < 2:
        return checks[0] if checks else _fine
    return partial(_every, tuple(checks))


def _every(checks: tuple[Check, ...], value: Any) -> Sequence[Fault]:
    found: list[Fault] = []
    for check in checks:
        if faults := check(value):
            found += faults
    return found


def _keyword(keyword: str, rule: Any, schema: Mapping[str, Any]) -> Check | None:
    """The check of one keyword, or None where only jsonschema knows what it means."""
    if keyword == "properties" and isinstance(rule, dict):
        if not all(isinstance(inner, dict) for inner in rule.values()):
            return None  # true and false: jsonschema reports them at another path
        checks = {name: _node(inner) for name, inner in rule.items()}
        return partial(_properties, {n: c for n, c in checks.items() if c is not _fine})
    if keyword == "items" and isinstance(rule, dict):
        return partial(_items, _node(rule))
    if keyword == "additionalProperties" and isinstance(rule, bool):
        return _fine if rule else _nothing_else(schema.get("properties"))
    return _leaf(keyword, rule) if keyword in _LEAVES else None


def _nothing_else(properties: Any) -> Check | None:
    if properties is not None and not isinstance(properties, dict):
        return None
    siblings = {"properties": dict.fromkeys(properties or ())}  # all that the rule looks at
    return partial(
        _obey, _has_only, siblings["properties"], "additionalProperties", False, siblings
    )


def _leaf(keyword: str, rule: Any) -> Check:
    if keyword == "type" and (kinds := _kinds(rule)):
        return _TYPES[rule] if isinstance(rule, str) else partial(_typed, kinds, rule)
    prepare, surely = _QUICK.get(keyword, (_nothing, _never))
    known = prepare(rule)
    return partial(_obey, _never if known is None else surely, known, keyword, rule, {})


def _typed(kinds: frozenset[type], rule: Any, value: Any) -> Sequence[Fault]:
    if type(value) in kinds:
        return ()
    if type(value) not in _PLAIN:  # 5.0 is an integer
        names = rule if isinstance(rule, list) else [rule]
        if any(_ANY.is_type(value, name) for name in names):
            return ()
    return [Fault((), "type", rule, value, "")]


def _obey(
    surely: Callable[[Any, Any], bool],
    known: Any,
    keyword: str,
    rule: Any,
    siblings: dict[str, Any],
    value: Any,
) -> Sequence[Fault]:
    if surely(known, value):
        return ()
    law: Any = _ANY.VALIDATORS[keyword]
    return [Fault((), keyword, rule, value, e.message) for e in law(_ANY, rule, value, siblings)]


def _properties(checks: dict[str, Check], value: Any) -> Sequence[Fault]:
    found: list[Fault] = []
    if isinstance(value, dict):
        for name, check in checks.items():
            if name in value and (faults := check(value[name])):
                found += [Fault((name, *path), *rest) for path, *rest in faults]
    return found


def _items(check: Check, value: Any) -> Sequence[Fault]:
    found: list[Fault] = []
    if isinstance(value, list):
        for i, item in enumerate(value):
            if faults := check(item):
                found += [Fault((i, *path), *rest) for path, *rest in faults]
    return found


# --- what is surely fine ----------------------------------------------------------------------------

_KINDS: dict[str, frozenset[type]] = {
    "string": frozenset({str}),
    "integer": frozenset({int}),
    "number": frozenset({int, float}),
    "boolean": frozenset({bool}),
    "array": frozenset({list}),
    "object": frozenset({dict}),
    "null": frozenset({type(None)}),
}
_NUMBERS = _KINDS["number"]
_PLAIN = frozenset().union(*_KINDS.values()) - {float}
"""Types whose values have no other JSON type than the ones that name them above."""


def _nothing(_: Any) -> None:
    return None


def _never(_known: Any, _value: Any) -> bool:
    return False


def _kinds(rule: Any) -> frozenset[type] | None:
    names = rule if isinstance(rule, list) else [rule]
    if not all(isinstance(n, str) and n in _KINDS for n in names):
        return None
    return frozenset[type]().union(*(_KINDS[n] for n in names))


def _texts(rule: Any) -> frozenset[str] | None:
    return frozenset(x for x in rule if isinstance(x, str)) if isinstance(rule, list) else None


def _among(texts: frozenset[str], value: Any) -> bool:
    return type(value) is str and value in texts


def _names(rule: Any) -> frozenset[str] | None:
    texts = isinstance(rule, list) and all(isinstance(n, str) for n in rule)
    return frozenset(rule) if texts else None


def _has_all(names: frozenset[str], value: Any) -> bool:
    return type(value) is dict and value.keys() >= names


def _has_only(names: dict[str, Any], value: Any) -> bool:
    return type(value) is dict and value.keys() <= names.keys()


def _bound(rule: Any) -> float | None:
    return rule if type(rule) in _NUMBERS else None


def _at_least(bound: float, value: Any) -> bool:
    return type(value) in _NUMBERS and value >= bound


def _at_most(bound: float, value: Any) -> bool:
    return type(value) in _NUMBERS and value <= bound


_QUICK: dict[str, tuple[Callable[[Any], Any], Callable[[Any, Any], bool]]] = {
    "enum": (_texts, _among),
    "required": (_names, _has_all),
    "minimum": (_bound, _at_least),
    "maximum": (_bound, _at_most),
}
"""keyword -> what is prepared of its rule (None: nothing can be), and the test of it and a value."""

_TYPES = {name: partial(_typed, kinds, name) for name, kinds in _KINDS.items()}
