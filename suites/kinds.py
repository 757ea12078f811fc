"""What a text does: answer, ask or decline, told from its words alone, with the measured error.

The rule, in this order: a text with every fact that the case asks for answers; one that says it cannot or
will not do it declines (also where it ends in an offer); one that puts a question of its own, or wants
something from the user without a question mark, asks; a bare apology declines; anything else answers. The
phrases stand in `phrases.txt`. The words that a case declares are left out on purpose: they belong to the
*expected* kind, and a matrix of expected against observed kinds that used them would lean to its diagonal.
The sub-check `kind` is about those words, and is measured beside this rule.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from suites.model import Case, NoCall
from suites.values import plain_text
from suites.words import asks, phrase_pattern, says

__all__ = ["MEASURED", "PHRASES", "Measured", "text_kind"]

PHRASES = Path(__file__).with_name("phrases.txt")

_PARTS = ("zh", "ja", "ko", "th")


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Errors on the half of the labelled replies that nothing was tuned on; (right, of) each.

    kinds: texts whose kind `text_kind` tells right; said: texts of the kind that their case expects and in
    which the sub-check `kind` holds; false_alarms: texts of another kind in which it holds all the same.
    """

    kinds: tuple[int, int]
    said: tuple[int, int]
    false_alarms: tuple[int, int]


MEASURED = Measured(kinds=(210, 220), said=(65, 77), false_alarms=(7, 64))
"""Recomputed from the labelled replies, and compared, by the tests."""


def text_kind(case: Case, text: str) -> NoCall:
    """`answer`, `ask` or `decline`, by the rule at the top of this module. The text must be readable."""
    answer = case.expectation.answer
    if answer is not None and answer.facts and all(says(text, fact) for fact in answer.facts):
        return "answer"
    request = next((m.content for m in reversed(case.messages) if m.role == "user"), "")
    echo = plain_text(request)
    own = plain_text(text).replace(echo, " ") if echo else plain_text(text)
    phrases = _phrases()
    # "I can't tell which one" wants to know, it does not refuse.
    if phrases["decline"].search(phrases["ask"].sub(" ", own)):
        return "decline"
    if asks(text, request) or phrases["ask"].search(own):
        return "ask"
    return "decline" if phrases["sorry"].search(own) else "answer"


@lru_cache(maxsize=1)
def _phrases() -> dict[str, re.Pattern[str]]:
    """Kind of phrase (`decline`, `sorry`, `ask`) -> a pattern over texts in normal form."""
    whole: dict[str, list[str]] = {}
    parts: dict[str, list[str]] = {}
    for line in PHRASES.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") or not line.strip():
            continue
        head, _, listed = line.partition(":")
        kind, language = head.split()
        found = [plain_text(phrase) for phrase in listed.split("|")]
        whole.setdefault(kind, [])
        parts.setdefault(kind, [])
        (parts if language in _PARTS else whole)[kind].extend(found)
    return {kind: phrase_pattern(whole[kind], parts[kind]) for kind in whole}
