"""Words without formatting, masks, and an index that is as exact as comparing every pair."""

import itertools
import math
import random
from collections import Counter

import pytest

from train.overlap import MASK, TextIndex, Words, key_of, leaf_words, masked, words_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What's the weather?", "WHATS   the\nWeather"),
        ("Café, déjà vu!", "cafe deja vu"),
        ("Straße", "STRASSE"),
        ("numaralı", "NUMARALI"),
        ("１２３ ｋｍ", "123 km"),
        ("send the e-mail", "Send; the 'e mail'."),
    ],
)
def test_formatting_is_no_difference(one: str, other: str) -> None:
    assert words_of(one) == words_of(other)
    assert key_of(one) == key_of(other)


def test_other_letters_and_digits_are_a_difference() -> None:
    assert words_of("at 5 pm") != words_of("at 6 pm")
    assert key_of("turn it on") != key_of("turn it off")


def test_letters_of_scripts_without_blanks_are_words_of_their_own() -> None:
    assert words_of("31番の料理") == ("31", "番", "の", "料", "理")


def test_a_text_without_letters_keeps_a_key() -> None:
    assert key_of("?!") == "?!"
    assert key_of(" ... ") != ""
    assert key_of("👍") != key_of("👎")


def test_values_and_words_with_digits_are_masked_the_longest_first() -> None:
    values = {("new", "york"), ("new",), ("ada",)}
    found = masked(words_of("Ada, fly to New York at 5pm with Ada"), values)
    assert found == (MASK, "fly", "to", MASK, "at", MASK, "with", MASK)
    assert masked(("ada", "new", "b4"), values) == (MASK,)


def test_the_words_of_values_are_found_at_every_depth() -> None:
    value = {
        "to": ["Ada Byron", {"n": 7.5}],
        "urgent": True,
        "none": None,
        "text": "a b c d e f g h i",
    }
    assert list(leaf_words(value)) == [("ada", "byron"), ("7", "5")]


def _features(text: Words) -> set[object]:
    return (set(text) - {MASK}) | set(itertools.pairwise(text))


def _measures(texts: list[Words], asked: Words) -> list[tuple[float, float]]:
    """(overlap, contained) with each text by the definition, pair by pair."""
    seen = Counter(f for text in texts for f in _features(text))

    def weight(features: set[object]) -> float:
        return sum(math.log(1 + len(texts) / (seen[f] or 0.5)) for f in features)

    ours = _features(asked)
    return [
        (
            weight(ours & _features(t)) / weight(ours | _features(t)),
            weight(ours & _features(t)) / weight(_features(t)),
        )
        for t in texts
    ]


def test_the_index_finds_what_comparing_every_pair_finds() -> None:
    rng = random.Random(7)
    alphabet = ["the", "a", "set", "alarm", "for", "six", "lamp", "off", MASK]
    texts = list({tuple(rng.choices(alphabet, k=rng.randint(2, 9))) for _ in range(60)})
    texts = sorted(t for t in texts if set(t) != {MASK})
    index = TextIndex(texts)
    hits = 0
    for _ in range(200):
        asked = (*rng.choice(texts)[rng.randint(0, 1) :], *rng.choices([*alphabet, "zebra"], k=2))
        if not _features(asked):
            continue
        size = len(asked) - asked.count(MASK)
        want = set()
        for i, (overlap, contained) in enumerate(_measures(texts, asked)):
            length = len(texts[i]) - texts[i].count(MASK)
            if (overlap >= 0.45 and min(length, size) >= 3) or (contained >= 0.75 and length >= 4):
                want.add(i)
        found = index.near(asked, overlap=0.45, shortest=3, contained=0.75, shortest_contained=4)
        assert {i for i, _ in found} == want
        hits += len(want)
    assert hits > 50


def test_an_index_of_nothing_finds_nothing() -> None:
    index = TextIndex([])
    assert index.near(("a", "b"), overlap=0, shortest=0, contained=0, shortest_contained=0) == []
