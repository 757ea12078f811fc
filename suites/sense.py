"""Whether a text says anything that can be read: one word that belongs here, else it is noise.

A text is a reply if it shares a word with what was said (messages, calls, results, tools), with what the
case declares (words, facts, gold text), or with the everyday words in `everyday.txt`. Words are compared
whole, under the normal form `text`, those of the case also by their first four letters ("rains" and
"raining"); scripts written without blanks by two characters (one ideograph). A word of one or two Latin
letters is too easily hit by chance: it counts only beside another or alone. A number counts if the case has
it too, or asks for one. Whether the reply is *right* is not asked here.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

from suites.json_text import compact
from suites.model import Case
from suites.values import plain_text
from suites.words import numbers_in, says, words_in

__all__ = ["EVERYDAY", "readable"]

EVERYDAY = Path(__file__).with_name("everyday.txt")

# Languages whose words are not set off by blanks, or carry particles.
_PARTS = ("zh", "ja", "ko", "th")
_RUN = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3040-\u31ff\u3400-\u9fff\uac00-\ud7af]+"
)
_STEM = 4  # letters
# "It rains.", "No rain.": so common that chance does not matter beside them.
_SHORT = ("is", "it", "no")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def readable(case: Case, text: str) -> bool:
    """True if the text has a word or number that belongs to the case, or an everyday word."""
    normal = plain_text(text)
    words = words_in(normal)
    whole, parts = _everyday()
    if _known(words, whole) or any(part in normal for part in parts):
        return True
    said = " ".join(_said(case))
    if _fits(case, text, said):
        return True
    said = plain_text(said)
    own = words_in(said)
    if _known(words, whole | frozenset(own)) or _runs(normal) & _runs(said):
        return True
    stems = {word[:_STEM] for word in own if len(word) >= _STEM and word.isalpha()}
    return any(word[:_STEM] in stems for word in words)


def _known(words: list[str], vocabulary: frozenset[str]) -> bool:
    known = {word for word in words if word in vocabulary}
    if any(map(_telling, known)):
        return True
    longest = max(map(len, known), default=0)
    return longest > 1 and (len(known) > 1 or known == set(words))


def _telling(word: str) -> bool:
    return len(word) > 2 or word in _SHORT or (len(word) == 2 and not word.isascii())


def _runs(text: str) -> set[str]:
    """Ideographs, and pairs of other characters that stand side by side without a blank."""
    found: set[str] = set()
    for match in _RUN.finditer(text):
        run = match.group()
        found |= {a + b for a, b in pairwise(run)}
        found |= {char for char in run if "\u3400" <= char <= "\u9fff"}
    return found


def _fits(case: Case, text: str, said: str) -> bool:
    """Whether a declared fact stands in the text, or a number that the case has or asks for."""
    answer = case.expectation.answer
    facts = (*answer.facts, *answer.absent) if answer is not None else ()
    if any(says(text, fact) for fact in facts):
        return True
    numbers = numbers_in(text)
    asked = any(numbers_in(str(item)) for fact in facts for item in fact.any_of)
    return bool(numbers) and (asked or bool(numbers & numbers_in(said)))


def _said(case: Case) -> Iterator[str]:
    """All that the case says: dialogue, calls, tools and what it declares about the right reply."""
    for message in case.messages:
        yield message.content
        for call in message.calls:
            yield f"{call.name} {compact(call.arguments)}"
    for tool in case.tools:
        yield f"{_CAMEL.sub(' ', tool.name)} {tool.description} {compact(tool.parameters)}"
    wanted = case.expectation
    yield wanted.text or ""
    yield from wanted.words
    if wanted.answer is not None:
        facts = (*wanted.answer.facts, *wanted.answer.absent)
        yield from (str(item) for fact in facts for item in fact.any_of)
    yield from (compact(call.gold().arguments) for call in wanted.calls)


@lru_cache(maxsize=1)
def _everyday() -> tuple[frozenset[str], tuple[str, ...]]:
    """(words that must stand whole, parts that may stand anywhere), in normal form."""
    whole: set[str] = set()
    parts: list[str] = []
    for line in EVERYDAY.read_text(encoding="utf-8").splitlines():
        language, _, words = line.partition(":")
        if language in _PARTS:
            parts += plain_text(words).split()
        elif not line.startswith("#"):
            whole |= set(words_in(plain_text(words)))
    return frozenset(whole), tuple(dict.fromkeys(parts))
