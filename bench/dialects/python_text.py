"""A list of calls with literal arguments, `[f(a=1), g.h(b=["x"])]`, read by its grammar, never evaluated.

Keyword arguments only; values are literals that JSON can say: None, True, False, numbers, strings, lists,
tuples (read as lists) and dictionaries with text keys. Names and keywords may hold dots and hyphens, because
the names of tools and of their parameters do.
"""

import math
import re
import unicodedata
from typing import Any

__all__ = ["OPENING", "read_call", "read_calls", "skip"]

OPENING = re.compile(r"\[\s{0,40}[A-Za-z_][\w.\-]{0,127}\(")
"""What opens a list of calls."""

_DEPTH = 64
_BLANKS = re.compile(r"[ \t\r\n\f]*+")
_NAME = re.compile(r"([A-Za-z_][\w.\-]{0,127})\(")
_KEYWORD = re.compile(r"([\w.$\-]{1,200})[ \t]{0,20}=(?!=)")
_WORD = re.compile(r"[\w.]{1,40}")
_SIGN = re.compile(r"[+\-][ \t\r\n\f]*+(?=[\d.])")
_NUMBER = re.compile(
    r"(?:0[xX](?:_?[0-9a-fA-F])++|0[bB](?:_?[01])++|0[oO](?:_?[0-7])++"
    r"|(?:\.\d(?:_?\d)*+|\d(?:_?\d)*+(?:\.(?:\d(?:_?\d)*+)?)?)(?:[eE][+\-]?\d(?:_?\d)*+)?)(?![\w.])",
    re.ASCII,
)
_QUOTE = re.compile(r"""([rRuU]?)('{3}|"{3}|'|")""")
_INNER = {
    "'": re.compile(r"([^'\\\r\n]*+(?:\\[\s\S][^'\\\r\n]*+)*+)'"),
    '"': re.compile(r'([^"\\\r\n]*+(?:\\[\s\S][^"\\\r\n]*+)*+)"'),
    "'''": re.compile(r"([^'\\]*+(?:(?:\\[\s\S]|'(?!''))[^'\\]*+)*+)'''"),
    '"""': re.compile(r'([^"\\]*+(?:(?:\\[\s\S]|"(?!""))[^"\\]*+)*+)"""'),
}
_ESCAPE = re.compile(
    r"\\(?:(\r\n|\r|\n)|([0-7]{1,3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})"
    r"|N\{([^{}]{1,100})\}|([\s\S]))"
)
_PLAIN = dict(zip("\\'\"abfnrtv", "\\'\"\a\b\f\n\r\t\v", strict=True))
_WORDS: dict[str, Any] = {"None": None, "True": True, "False": False}
_LOOSE: dict[str, Any] = {**_WORDS, "null": None, "true": True, "false": False}


def read_calls(text: str, at: int) -> tuple[list[tuple[str, dict[str, Any]]], int]:
    """The (name, arguments) of the list that begins at `at`, and where it ends. Errors: ValueError, short."""
    calls: list[tuple[str, dict[str, Any]]] = []
    at = skip(text, at + 1)
    while True:
        name, arguments, at = read_call(text, at)
        calls.append((name, arguments))
        at = skip(text, at)
        if text.startswith(",", at):
            at = skip(text, at + 1)
        elif not text.startswith("]", at):
            raise ValueError(f"the list of calls is not closed ({_here(text, at)})")
        if text.startswith("]", at):
            return calls, at + 1


def read_call(text: str, at: int, *, loose: bool = False) -> tuple[str, dict[str, Any], int]:
    """Name, arguments and end of the call that begins at `at`. Errors: ValueError, short.

    loose: JSON's true, false and null are read, too; for a second, tolerant reading only.
    """
    name = _NAME.match(text, at)
    if name is None:
        raise ValueError(f"no call in the list ({_here(text, at)})")
    arguments: dict[str, Any] = {}
    words = _LOOSE if loose else _WORDS
    at = skip(text, name.end())
    while not text.startswith(")", at):
        keyword = _KEYWORD.match(text, at)
        if keyword is None:
            raise ValueError(f"no keyword argument ({_here(text, at)})")
        if keyword.group(1) in arguments:
            raise ValueError(f"keyword {keyword.group(1)[:40]!r} stands twice")
        value, at = _value(text, skip(text, keyword.end()), _DEPTH, words)
        arguments[keyword.group(1)] = value
        at = _separated(text, at, ")")
    return name.group(1), arguments, at + 1


def skip(text: str, at: int) -> int:
    """Behind the blanks at `at`."""
    found = _BLANKS.match(text, at)
    return found.end() if found else at


def _here(text: str, at: int) -> str:
    return repr(text[at : at + 40]) if at < len(text) else "the text ends"


def _separated(text: str, at: int, closing: str) -> int:
    """Behind the comma, or at the closing bracket, that must follow an item."""
    at = skip(text, at)
    if text.startswith(",", at):
        return skip(text, at + 1)
    if not text.startswith(closing, at):
        raise ValueError(f"no , or {closing} ({_here(text, at)})")
    return at


def _value(text: str, at: int, depth: int, words: dict[str, Any]) -> tuple[Any, int]:
    if _QUOTE.match(text, at):
        return _strings(text, at)
    match text[at : at + 1]:
        case "[":
            return _items(text, at + 1, "]", depth - 1, words)[:2]
        case "(":
            items, end, commas = _items(text, at + 1, ")", depth - 1, words)
            return (items[0] if len(items) == 1 and not commas else items), end
        case "{":
            return _pairs(text, at + 1, depth - 1, words)
    sign = _SIGN.match(text, at)
    number = _NUMBER.match(text, sign.end() if sign else at)
    if number is not None:
        value = _number(number.group())
        return (-value if text[at] == "-" else value), number.end()
    word = _WORD.match(text, at)
    if word is not None and word.group() in words:
        return words[word.group()], word.end()
    raise ValueError(f"no literal ({_here(text, at)})")


def _items(
    text: str, at: int, closing: str, depth: int, words: dict[str, Any]
) -> tuple[list[Any], int, int]:
    """The items up to the closing bracket, where they end, and how many commas stand among them."""
    if depth < 0:
        raise ValueError("nested too deeply")
    items: list[Any] = []
    commas = 0
    at = skip(text, at)
    while not text.startswith(closing, at):
        value, at = _value(text, at, depth, words)
        items.append(value)
        commas += text.startswith(",", skip(text, at))
        at = _separated(text, at, closing)
    return items, at + 1, commas


def _pairs(text: str, at: int, depth: int, words: dict[str, Any]) -> tuple[dict[str, Any], int]:
    if depth < 0:
        raise ValueError("nested too deeply")
    result: dict[str, Any] = {}
    at = skip(text, at)
    while not text.startswith("}", at):
        if not _QUOTE.match(text, at):
            raise ValueError(f"a key that is no text ({_here(text, at)})")
        key, at = _strings(text, at)
        at = skip(text, at)
        if not text.startswith(":", at):
            raise ValueError(f"no : after a key ({_here(text, at)})")
        if key in result:
            raise ValueError(f"key {key[:40]!r} stands twice")
        result[key], at = _value(text, skip(text, at + 1), depth, words)
        at = _separated(text, at, "}")
    return result, at + 1


def _strings(text: str, at: int) -> tuple[str, int]:
    """Strings that follow one another are one string."""
    parts: list[str] = []
    end = at
    while quote := _QUOTE.match(text, at):
        inner = _INNER[quote.group(2)].match(text, quote.end())
        if inner is None:
            raise ValueError("a string is not closed")
        raw = quote.group(1) in ("r", "R")
        parts.append(inner.group(1) if raw else _ESCAPE.sub(_unescaped, inner.group(1)))
        end = inner.end()
        at = skip(text, end)
    return "".join(parts), end


def _unescaped(found: re.Match[str]) -> str:
    line, octal, two, four, eight, name, other = found.groups()
    if line:
        return ""
    if octal:
        return chr(int(octal, 8))
    if code := two or four or eight:
        if int(code, 16) > 0x10FFFF:
            raise ValueError(f"no such character: {found.group()}")
        return chr(int(code, 16))
    if name:
        try:
            return unicodedata.lookup(name)
        except KeyError:
            raise ValueError(f"no such character: {found.group()[:40]}") from None
    if other in "xuUN":
        raise ValueError(f"a broken escape \\{other}")
    return _PLAIN.get(other, found.group())


def _number(word: str) -> int | float:
    try:
        if word[:2].lower() in ("0x", "0o", "0b"):
            return int(word, 0)
        if set(word) & set(".eE"):
            number = float(word)
            if not math.isfinite(number):
                raise ValueError
            return number
        return int(word, 0)
    except ValueError:
        raise ValueError(f"{word[:20]} is no finite number") from None
