"""How much two requests say the same: words without formatting, values masked, an index that finds the near.

Two measures, both over a text's words and its pairs of neighbouring words, each weighted by how rare it is in
the indexed texts (ln(1 + N / texts that have it); one that no text has counts as if half a text had it):

- overlap: weight of what both have / weight of what either has (weighted Jaccard);
- contained: weight of what both have / weight of the indexed text: a request inside a longer text.

Plain word 3-grams (Jaccard) were tried: as seldom wrong on unrelated requests, they miss more copies. The
thresholds are in train.collisions, with what they find and what they take for a copy.
"""

import itertools
import math
import re
import unicodedata
from collections.abc import Iterator, Sequence, Set
from typing import Any

import numpy as np

__all__ = ["MASK", "TextIndex", "Words", "key_of", "leaf_words", "masked", "words_of"]

Words = tuple[str, ...]

MASK = "\0"
"""Stands for one or more neighbouring values in a masked text; no text holds it as a word."""

_LONGEST_VALUE = 8
"""Words of the longest value that is masked; longer ones are the request itself."""

# Scripts without blanks between words (Thai, Lao, Burmese, Khmer, Japanese, Chinese): a word a letter.
_DENSE = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_WORD = re.compile(f"[{_DENSE}]|[^\\W_{_DENSE}]+")
_APOSTROPHES = re.compile("['\u2018\u2019\u02bc`\u00b4]")


def words_of(text: str) -> Words:
    """The words of a text without case, accents, punctuation, blanks and width; `What's` is one word."""
    text = _APOSTROPHES.sub("", text)
    if not text.isascii():
        parts = unicodedata.normalize("NFKD", text)
        text = "".join(c for c in parts if not unicodedata.combining(c))
        text = unicodedata.normalize("NFKC", text)
    return tuple(_WORD.findall(text.upper().casefold()))  # upper: a dotless i is an i


def key_of(text: str) -> str:
    """The letters and digits of a text in one piece; of a text without any, its other characters."""
    return "".join(words_of(text)) or "".join(unicodedata.normalize("NFKC", text).split())


def leaf_words(value: Any) -> Iterator[Words]:
    """The words of every text and number inside a JSON value, where they are few enough to be a value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from leaf_words(item)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        words = words_of(str(value))
        if 0 < len(words) <= _LONGEST_VALUE:
            yield words


def masked(words: Words, values: Set[Words]) -> Words:
    """The words with MASK for values (the longest first) and for words with a digit in them."""
    firsts = {value[0] for value in values}
    result: list[str] = []
    at = 0
    while at < len(words):
        size = 0
        if words[at] in firsts:
            longest = min(_LONGEST_VALUE, len(words) - at)
            size = next((n for n in range(longest, 0, -1) if words[at : at + n] in values), 0)
        if size or _has_digit(words[at]):
            if result[-1:] != [MASK]:
                result.append(MASK)
        else:
            result.append(words[at])
        at += size or 1
    return tuple(result)


class TextIndex:
    """Distinct texts, as words, and where each word and pair of words occurs. Exact, no sampling.

    Memory: one number for every word and pair of every text (about 25 for a request).
    """

    def __init__(self, texts: Sequence[Words]) -> None:
        self.texts = tuple(texts)
        self._ids: dict[str, int] = {}
        places: list[list[int]] = []
        features = [_features(text) for text in self.texts]
        for i, found in enumerate(features):
            for feature in found:
                at = self._ids.setdefault(feature, len(places))
                if at == len(places):
                    places.append([])
                places[at].append(i)
        count = len(self.texts)
        self._places = [np.array(p, dtype=np.int32) for p in places]
        self._weights = [math.log1p(count / len(p)) for p in places]
        self._unknown = math.log1p(2 * count)
        self._sizes = np.array(
            [math.fsum(self._weights[self._ids[f]] for f in x) for x in features]
        )
        self._words = np.array([_count(text) for text in self.texts], dtype=np.int32)

    def near(
        self,
        text: Words,
        *,
        overlap: float,
        shortest: int,
        contained: float,
        shortest_contained: int,
    ) -> list[tuple[int, float]]:
        """(index of a text, the greater of its two measures) for every text that reaches a threshold.

        shortest, shortest_contained: fewest words (MASK apart) that a text, and for the overlap the one
        asked about too, must have.
        """
        features = _features(text)
        ids = [self._ids[f] for f in features if f in self._ids]
        if not ids:
            return []
        places = [self._places[i] for i in ids]
        known = [self._weights[i] for i in ids]
        size = math.fsum(known) + (len(features) - len(ids)) * self._unknown
        weights = np.repeat(known, [len(p) for p in places])
        both = np.bincount(np.concatenate(places), weights=weights, minlength=len(self.texts))
        share = both / (size + self._sizes - both)
        inside = both / np.maximum(self._sizes, 1e-9)
        alike = (share >= overlap) & (self._words >= shortest) & (_count(text) >= shortest)
        holds = (inside >= contained) & (self._words >= shortest_contained)
        found = np.flatnonzero(alike | holds)
        return [(int(i), float(inside[i] if holds[i] else share[i])) for i in found]


def _has_digit(word: str) -> bool:
    return not word.isalpha() and any(c.isdigit() for c in word)


def _features(text: Words) -> list[str]:
    """Words and pairs of neighbours, each once, in the order of the text (sums do not depend on hashing)."""
    pairs = (f"{a} {b}" for a, b in itertools.pairwise(text))
    return list(dict.fromkeys([*(w for w in text if w != MASK), *pairs]))


def _count(text: Words) -> int:
    return len(text) - text.count(MASK)
