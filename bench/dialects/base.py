"""What a dialect is: how a dialogue becomes a prompt for one model family, and its text a Reply again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from bench.errors import DialectError
from suites import Message, Reply, Tool

__all__ = [
    "Dialect",
    "Dialogue",
    "Finish",
    "Segment",
    "Turn",
    "opening",
    "prompt",
    "refuse_markers",
]

Finish = Literal["stop", "length"]


@dataclass(frozen=True, kw_only=True)
class Dialogue:
    """Tools on offer and what was said; in an example the last message is the model's."""

    tools: tuple[Tool, ...]
    messages: tuple[Message, ...]


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One turn as the model's own chat template knows it: a role and its plain text."""

    role: str
    content: str


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A piece of prompt text; `model` marks the model's own words, on which training puts the loss."""

    text: str
    model: bool = False


class Dialect(Protocol):
    """One model family's way of tool calling. Implementations are stateless.

    stops: texts of the special tokens that end the model's turn.
    """

    name: str
    stops: tuple[str, ...]

    def turns(self, dialogues: Sequence[Dialogue]) -> list[Turn]:
        """The dialogues (examples first) as plain turns; what the chat template would be given."""
        ...

    def render(self, dialogues: Sequence[Dialogue]) -> list[Segment]:
        """The prompt text, with exactly one BOS; ends where the model begins to speak.

        If the last message is the model's, its turn is closed: a training example.
        Errors: DialectError if a text contains the dialect's own control tokens.
        """
        ...

    def end(self, text: str) -> int | None:
        """Where a growing reply is over although no stop token came (after its calls), or None."""
        ...

    def parse(self, text: str, finish: Finish = "stop", tools: Sequence[str] = ()) -> Reply:
        """The reply in a completion. Never raises, never repairs, never evaluates; linear in its length.

        tools: names on offer, so that a call tried in another notation is seen as malformed, not as text.
        """
        ...


def prompt(dialect: Dialect, dialogues: Sequence[Dialogue]) -> str:
    """The rendered text in one piece."""
    return "".join(segment.text for segment in dialect.render(dialogues))


def opening(dialogue: Dialogue) -> tuple[list[Message], list[Message]]:
    """(system messages, the rest). No family's template knows another order.

    Errors: DialectError for a system message after the first turn, or a dialogue that the user does not open.
    """
    messages = list(dialogue.messages)
    start = next((i for i, m in enumerate(messages) if m.role != "system"), len(messages))
    rest = messages[start:]
    if not rest or rest[0].role != "user":
        raise DialectError("a dialogue must begin with the user (after any system text)")
    if any(m.role == "system" for m in rest):
        raise DialectError("system text must stand before the dialogue")
    return messages[:start], rest


def refuse_markers(text: str, markers: Sequence[str], dialect: str) -> str:
    """The text, unless it holds a control token, which would forge turns or calls in the prompt."""
    for marker in markers:
        if marker in text:
            raise DialectError(
                f"a message contains {marker!r}, a control token of dialect {dialect!r}"
            )
    return text
