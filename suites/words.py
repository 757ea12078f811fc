"""What a text says, lexically: facts as whole words or numbers, and the words that a case declares."""

import re
from collections.abc import Sequence

from suites.model import Fact
from suites.values import plain_text

__all__ = ["asks", "numbers_in", "phrase_pattern", "says", "says_any", "words_in"]

# Letters and digits of scripts that set words off by blanks (not Thai, Khmer, Chinese, Japanese, Korean).
# Of Latin-1 the letters and raised digits only, not its punctuation (« » ¿ ·).
_LATIN = "\u00aa\u00b2\u00b3\u00b5\u00b9\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af"
_SPACED = f"{_LATIN}\u0370-\u0dff\u10a0-\u10ff\u1e00-\u1fff"
_OTHER = re.compile(f"[{_SPACED}]")
_WORD = f"0-9A-Za-z{_SPACED}"
_WORDS = re.compile(f"[{_WORD}]+")
_CODES = "EUR|USD|GBP|JPY|CHF|CAD|AUD|INR|CNY|SEK|NOK|DKK"
_NUMBER = re.compile(
    rf"(?:(?<=(?:{_CODES}))|(?<![{_WORD}]))(?<![.,])[-\u2212]?(?:\d{{1,3}}(?:,\d{{3}})+|\d+)(?:[.,]\d+)?(?!\d)"
)

_DATE = re.compile(
    rf"(?<![{_WORD}.,])(\d{{1,2}})\.(\d{{1,2}})\.(\d{{4}}|\d{{2}})(?![{_WORD}]|[.,]\d)"
)


def says(text: str, fact: Fact) -> bool:
    """True if the text contains any of the fact's strings (whole words, any case) or numbers (by value)."""
    strings = [item for item in fact.any_of if isinstance(item, str)]
    numbers = {float(item) for item in fact.any_of if not isinstance(item, str)}
    return says_any(text, strings) or bool(numbers & numbers_in(text) if numbers else False)


def says_any(text: str, phrases: list[str] | tuple[str, ...]) -> bool:
    """True if any phrase stands in the text as whole words, compared under the normal form `text`."""
    normal = plain_text(text)
    return any(_stands(plain_text(p), normal) for p in phrases if p.strip())


def numbers_in(text: str) -> set[float]:
    """Every number of a text by value: `1,234.5`, `-7`, `7,5` (decimal comma), `EUR12`; not the 2 of `v2`.

    A comma before exactly three digits separates thousands. A date with points (`30.1.2027`) gives its
    parts, and day and month as a decimal.
    """
    found: set[float] = set()
    for date in _DATE.finditer(text):
        day, month, year = date.groups()
        found |= {float(day), float(month), float(year), float(f"{day}.{month}")}
    text = _DATE.sub(" ", text)
    for match in _NUMBER.finditer(text):
        token = match.group().replace("\u2212", "-")
        whole, comma, rest = token.rpartition(",")
        if comma and "." not in rest and len(rest) != 3:
            token = whole.replace(",", "") + "." + rest
        found.add(float(token.replace(",", "")))
    return found


def words_in(text: str) -> list[str]:
    """The words of a text in the scripts that set them off by blanks: runs of letters and digits."""
    return _WORDS.findall(text)


def phrase_pattern(whole: Sequence[str], parts: Sequence[str]) -> re.Pattern[str]:
    """Finds any of the phrases, in normal form: `whole` as whole words, `parts` anywhere."""
    either = "|".join(map(re.escape, sorted(whole, key=len, reverse=True)))
    inside = "".join(f"|{re.escape(part)}" for part in sorted(parts, key=len, reverse=True))
    return re.compile(f"(?<![{_WORD}])(?:{either})(?![{_WORD}]){inside}")


def asks(text: str, request: str) -> bool:
    """True if the text puts a question of its own (an echo of the request is not one)."""
    own = plain_text(text).replace(plain_text(request), " ")
    return any(mark in own for mark in "?\uff1f\u061f")


def _stands(phrase: str, text: str) -> bool:
    """Whether the phrase stands in the text as whole words, both in normal form."""
    at = text.find(phrase)
    while at >= 0:
        end = at + len(phrase)
        starts = at == 0 or not (_in_word(phrase[0]) and _in_word(text[at - 1]))
        if starts and (end == len(text) or not (_in_word(phrase[-1]) and _in_word(text[end]))):
            return True
        at = text.find(phrase, at + 1)
    return False


def _in_word(char: str) -> bool:
    return char.isalnum() if char.isascii() else _OTHER.match(char) is not None
