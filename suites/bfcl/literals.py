"""Java and JavaScript values as text: writing a gold value as a literal, and comparing two literals.

In BFCL's Java and JavaScript categories every argument reaches the model's call as a text in that language;
two texts are the same value if BFCL's own conversion gives the same value for both.
"""

from collections.abc import Mapping
from typing import Any

from suites.bfcl import java, javascript
from suites.model import canonical
from suites.values import plain_text

__all__ = ["KIND", "same_literal", "write_literal"]

KIND = ("x-language-type", "x-element-type")
"""Keywords of a parameter's schema that keep its type in the source language, and its elements' type."""


def write_literal(language: str, value: Any, kind: str, inner: str | None = None) -> str | None:
    """A text that BFCL converts to exactly this value, or None where we cannot write one.

    language: `java` or `javascript`; kind, inner: the declared types, e.g. ArrayList of String. BFCL keeps
    the quotes of some list elements; where it does, they are left out.
    """
    for quote in ('"', ""):
        text = (
            _java(value, kind, inner, quote)
            if language == "java"
            else _javascript(value, kind, quote)
        )
        if text is not None and _exact(_converted(language, text, kind, inner), value):
            return text
    return None


def same_literal(language: str, given: str, gold: str, schema: Mapping[str, Any]) -> bool:
    """Whether two texts are the same value of the parameter's declared type; blanks around do not matter."""
    kind, inner = schema.get(KIND[0], "any"), schema.get(KIND[1])
    a = _converted(language, given.strip(), kind, inner)
    return _same(a, _converted(language, gold.strip(), kind, inner))


def _converted(language: str, text: str, kind: str, inner: str | None) -> Any:
    try:
        if language == "java":
            return java.convert(text, kind, inner)
        return javascript.convert(text, kind, inner)
    except Exception:  # what BFCL cannot convert stays a text: NotImplementedError, ValueError, …
        return text


def _exact(a: Any, b: Any) -> bool:
    return canonical(a) == canonical(b)


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[k], b[k]) for k in a)
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, int | float) and isinstance(b, int | float):
        return a == b
    if isinstance(a, str) and isinstance(b, str):
        return plain_text(_bare(a)) == plain_text(_bare(b))
    return a is None and b is None


def _bare(text: str) -> str:
    """A text without the quotes of its language."""
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else text


def _java(value: Any, kind: str, inner: str | None, quote: str) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"{value}L" if kind == "long" else str(value)
    if isinstance(value, float):
        return f"{value!r}f" if kind == "float" else repr(value)
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        puts = [f'put("{key}", {_java_item(item, None, quote)})' for key, item in value.items()]
        return f"new HashMap<String, Object>() {{{{ {'; '.join(puts)}; }}}}"
    if isinstance(value, list):
        items = ", ".join(_java_item(item, inner, quote) for item in value)
        if kind == "Array":
            return f"new {_element_type(inner)}[]{{{items}}}"
        return f"new ArrayList<>(Arrays.asList({items}))" if value else "new ArrayList<>()"
    return None


def _element_type(inner: str | None) -> str:
    return {"integer": "int", None: "Object", "any": "Object"}.get(inner, str(inner))


def _java_item(value: Any, inner: str | None, quote: str) -> str:
    if isinstance(value, str):
        return f"'{value}'" if inner == "char" else f"{quote}{value}{quote}"
    return _java(value, inner or "any", None, quote) or ""


def _javascript(value: Any, kind: str, quote: str) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return f"{value}n" if kind == "Bigint" else repr(value)
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return f"[{', '.join(_javascript_item(item, quote) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{k}: {_javascript_item(v, quote)}' for k, v in value.items())}}}"
    return None


def _javascript_item(value: Any, quote: str) -> str:
    if isinstance(value, str):
        return f"{quote}{value}{quote}"
    return _javascript(value, "any", quote) or ""
