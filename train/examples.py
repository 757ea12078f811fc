"""Training dialogues in the same form as cases: Thought -> Act -> Observe -> Answer.

A case with its gold reply as the last turn is an example, so every file of cases is also a training file. The
loss belongs on the model's own turns only (thoughts, calls, answers); prompts and tool results are masked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.dialects import Dialect, Dialogue
from bench.shots import finished
from suites import Case, load_cases

__all__ = ["MASKED", "Encoded", "Example", "encode", "example_from", "load_examples"]

MASKED = -100
"""The label that torch's cross-entropy leaves out."""


@dataclass(frozen=True, kw_only=True)
class Example:
    """One training dialogue; the messages of role `assistant` are the model's turns."""

    id: str
    group: str
    dialogue: Dialogue


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """Token ids and labels of one example, both of its length; a label is the id itself or MASKED."""

    input_ids: list[int]
    labels: list[int]

    @property
    def supervised(self) -> int:
        """Number of tokens with a label."""
        return sum(label != MASKED for label in self.labels)


def example_from(case: Case) -> Example:
    """The case with its gold reply (and gold thought) as the model's last turn."""
    return Example(id=case.id, group=case.group, dialogue=finished(case))


def load_examples(path: Path) -> list[Example]:
    """The examples of a file of cases, in either form. Errors: SuiteError with file, line and field."""
    return [example_from(case) for case in load_cases(path)]


def encode(example: Example, dialect: Dialect, tokenizer: Any) -> Encoded:
    """Token ids of the rendered example, with labels on the tokens that begin inside the model's turns.

    The text is tokenised whole, so the prompt's ids are those that the model sees when it is asked.
    tokenizer: a fast transformers tokenizer. Errors: DialectError if a text holds control tokens.
    """
    segments = dialect.render([example.dialogue])
    text = "".join(s.text for s in segments)
    spans: list[tuple[int, int]] = []
    at = 0
    for segment in segments:
        if segment.model:
            spans.append((at, at + len(segment.text)))
        at += len(segment.text)
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids: list[int] = list(encoded["input_ids"])
    inside = _inside([start for start, _ in encoded["offset_mapping"]], spans)
    labels = [i if model else MASKED for i, model in zip(ids, inside, strict=True)]
    return Encoded(input_ids=ids, labels=labels)


def _inside(starts: Sequence[int], spans: Sequence[tuple[int, int]]) -> list[bool]:
    """Whether each start lies in one of the spans; both are in ascending order."""
    result, current = [], 0
    for start in starts:
        while current < len(spans) and start >= spans[current][1]:
            current += 1
        result.append(current < len(spans) and spans[current][0] <= start)
    return result
