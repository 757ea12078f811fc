"""Types of parameters as Python writes them (`List[int], optional`) as JSON Schema.

The words are those of `suites.importers.schemas`; on top of them:

    List[T], Sequence[T], Iterable[T], Set[T]     an array of T
    Tuple[T, T]                                   an array, of T where all are the same
    Dict[K, V], Mapping[K, V]                     an object
    Optional[T], `T, optional`, `T, default …`    T, not required
    Union[T, U], `T | U`                          any of them; None among them means not required

Anything else (`Callable[…]`, `np.ndarray`) has no counterpart in JSON and is refused.
"""

from typing import Any

from suites.importers.schemas import plain_schema

__all__ = ["python_type"]

_JSON = ("object", "array", "string", "integer", "number", "boolean", "null")
_ARRAYS = ("list", "sequence", "iterable", "set", "frozenset", "array")
_OBJECTS = ("dict", "mapping", "defaultdict", "ordereddict", "object")
_DEPTH = 8


def python_type(text: str) -> tuple[dict[str, Any], bool]:
    """(schema of the type, whether it says that the parameter may be left out).

    Errors: ValueError naming the type that has no counterpart.
    """
    head, *rest = _split(text, ",")
    extras = [part.strip().lower() for part in rest]
    if not all(e == "optional" or e.startswith("default") for e in extras):
        raise ValueError(f"type {text[:60]!r} has no counterpart in JSON")
    schema, optional = _type(head, _DEPTH)
    return schema, optional or bool(extras)


def _type(text: str, depth: int) -> tuple[dict[str, Any], bool]:
    if depth == 0:
        raise ValueError("a type is nested too deeply")
    options = _split(text, "|")
    if len(options) > 1:
        return _union(options, depth)
    word, bracket, inner = text.strip().removeprefix("typing.").partition("[")
    name = word.strip().lower()
    arguments: list[str] = []
    if bracket:
        inner = inner.rstrip()
        if not inner.endswith("]"):
            raise ValueError(f"type {text[:60]!r} is broken")
        arguments = _split(inner[:-1], ",")
    if name == "optional" and len(arguments) == 1:
        return _type(arguments[0], depth - 1)[0], True
    if name == "union" and arguments:
        return _union(arguments, depth)
    if name in _ARRAYS and len(arguments) == 1:
        return {"type": "array", "items": _type(arguments[0], depth - 1)[0]}, False
    if name == "tuple":
        return _tuple(arguments, depth), False
    if name in (*_ARRAYS, "tuple") and not arguments:
        return {"type": "array"}, False
    if name in _OBJECTS and len(arguments) in (0, 2):
        return {"type": "object"}, False
    if bracket:
        raise ValueError(f"type {text[:60]!r} has no counterpart in JSON")
    schema = plain_schema({"type": name})
    if schema.get("type", "object") not in _JSON:
        raise ValueError(f"type {text[:60]!r} has no counterpart in JSON")
    return schema, False


def _union(options: list[str], depth: int) -> tuple[dict[str, Any], bool]:
    found = [_type(option, depth - 1)[0] for option in options]
    given = [s for s in found if s.get("type") != "null"]
    if not given:
        raise ValueError("a type that is only None")
    unlike = [s for i, s in enumerate(given) if s not in given[:i]]
    return (unlike[0] if len(unlike) == 1 else {"anyOf": unlike}), len(given) < len(found)


def _tuple(arguments: list[str], depth: int) -> dict[str, Any]:
    found = [_type(a, depth - 1)[0] for a in arguments if a.strip() != "..."]
    if found and all(s == found[0] for s in found):
        return {"type": "array", "items": found[0]}
    return {"type": "array"}


def _split(text: str, mark: str) -> list[str]:
    """The parts between marks that stand outside of brackets and quotes."""
    parts, start, depth, quote = [], 0, 0, ""
    for i, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in "[(":
            depth += 1
        elif letter in "])":
            depth -= 1
        elif letter == mark and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return [*parts, text[start:]]
