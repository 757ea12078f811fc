"""Which tools share words: for distractors that are hard, and for tools that are safely others."""

from collections.abc import Sequence
from random import Random

from train.requests.parameters import Spec

__all__ = ["FAR", "Near", "overlap"]

FAR = 0.34
"""Largest overlap of words of a tool that is left out with those on offer; above, one of them might do."""

_RARE = 60


class Near:
    """An index of tools by the words of their names and descriptions."""

    def __init__(self, specs: Sequence[Spec]) -> None:
        self._by_word: dict[str, list[Spec]] = {}
        for spec in specs:
            for word in spec.words:
                if len(word) > 4:
                    self._by_word.setdefault(word, []).append(spec)

    def draw(self, spec: Spec, rng: Random) -> Spec | None:
        """A tool that has a rarer word in common (it may be the tool itself); None where there is none."""
        words = [w for w in sorted(spec.words) if 1 < len(self._by_word.get(w, ())) <= _RARE]
        return rng.choice(self._by_word[rng.choice(words)]) if words else None


def overlap(one: Spec, other: Spec) -> float:
    """Words in common, as a share (0 to 1) of all words of the two."""
    return len(one.words & other.words) / max(1, len(one.words | other.words))
