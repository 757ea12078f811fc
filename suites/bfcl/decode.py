"""From a model's text to calls, as BFCL's prompt-mode decoder reads it, without running any of it.

Source: behaviour of `default_decode_ast_prompting` in bfcl-eval 2026.3.23 (tests/parity holds us to it):
blanks and backticks are stripped and square brackets added; positional arguments are dropped; of equal
keywords the last wins; a bare name becomes its own text, and so does a nested call without keywords. The
official decoder passes arithmetic to eval; here constants are folded (fold.py) and the rest is refused.
"""

import ast
import warnings
from collections.abc import Callable
from typing import Any

from suites.bfcl.checker import Language, check, language_of
from suites.bfcl.fold import RefusedError, fold
from suites.bfcl.java_text import read_java
from suites.bfcl.javascript_text import read_javascript
from suites.bfcl.scan import NotReadError
from suites.bfcl.verdict import BfclVerdict, Decoded

__all__ = ["check_text", "decode"]

_READERS: dict[str, Callable[[str], Any]] = {"java": read_java, "javascript": read_javascript}


def decode(text: str, language: Language = "python") -> Decoded:
    """What the official decoder makes of a text.

    Java and JavaScript: the grammar of java_text.py and javascript_text.py; other text is refused.
    """
    text = text.strip("`\n ")
    text = text if text.startswith("[") else "[" + text
    text = text if text.endswith("]") else text + "]"
    try:
        if language == "python":
            return Decoded(calls=_python(text))
        return Decoded(calls=_READERS[language](text[1:-1]))
    except RefusedError as error:
        return Decoded(error=f"{error} would be evaluated", refused=True)
    except NotReadError as error:
        return Decoded(error=f"not in the {language} we read: {error}", refused=True)
    except Exception as error:
        return Decoded(error=f"{type(error).__name__}: {error}")


def check_text(
    function_docs: Any, text: str, gold: Any, category: str, *, underscores: bool = False
) -> BfclVerdict:
    """The official verdict on a prompt-mode reply: decode, then check.

    A refused text counts as not decoded, except that it is never credited as "no call".
    """
    relevance = "relevance" in category
    decoded = decode(text, "python" if relevance else language_of(category))
    if decoded.ok:
        return check(function_docs, decoded.calls, gold, category, underscores=underscores)
    if relevance:
        calls: Any = [{"refused": {}}] if decoded.refused else None
        return check(function_docs, calls, gold, category)
    return BfclVerdict(valid=False, error_type="ast_decoder:decoder_failed", message=decoded.error)


# --- python -----------------------------------------------------------------------------------------


def _python(text: str) -> list[dict[str, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an odd escape in a model's text is no concern of the user
        body: Any = ast.parse(text.strip().strip("'"), mode="eval").body
    if isinstance(body, ast.Call):
        return [_call(body)]
    return [_call(_is_call(item)) for item in body.elts]


def _is_call(node: ast.expr) -> ast.Call:
    if not isinstance(node, ast.Call):
        raise TypeError(f"{type(node).__name__} where a call is expected")
    return node


def _call(node: ast.Call) -> dict[str, Any]:
    parts: list[str] = []
    func = node.func
    while isinstance(func, ast.Attribute):
        parts.append(func.attr)
        func = func.value
    if isinstance(func, ast.Name):
        parts.append(func.id)
    arguments: dict[Any, Any] = {k.arg: _value(k.value) for k in node.keywords}
    return {".".join(reversed(parts)): arguments}


def _value(node: ast.expr | None) -> Any:
    match node:
        case ast.Constant(value=value):
            return "..." if value is ... else value
        case ast.UnaryOp(operand=ast.Constant(value=value)):
            return -value  # type: ignore[operator]  # whatever the operator is: `not True` gives -1
        case ast.List(elts=items):
            return [_value(item) for item in items]
        case ast.Dict(keys=keys, values=values):
            return {_value(k): _value(v) for k, v in zip(keys, values, strict=True)}
        case ast.BinOp():
            return fold(node)
        case ast.Name(id=name):
            return name
        case ast.Call(keywords=keywords):
            return _call(node) if keywords else ast.unparse(node)
        case ast.Tuple(elts=items):
            return tuple(_value(item) for item in items)
        case ast.Subscript(value=inner, slice=index):
            return f"{ast.unparse(inner)}[{ast.unparse(index)}]"
    raise TypeError(f"no value: {type(node).__name__}")
