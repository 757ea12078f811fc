"""ChatML with Hermes tool calling: `<|im_start|>role … <|im_end|>`, tools in the system turn.

Calls are `<tool_call>` blocks with a line of JSON, results a `tool` turn with `<tool_response>`. Source of
the notation: the NousResearch Hermes 2 Pro model card; the wording of the system text is our own.
"""

from collections.abc import Sequence

from bench.dialects.base import Dialogue, Finish, Segment, Turn, opening, refuse_markers
from bench.dialects.tagged import CLOSE, OPEN, cut_at, end_of_calls, read, think
from suites import Message, Reply, Tool
from suites.json_text import compact

__all__ = ["ChatML"]

_START, _END = "<|im_start|>", "<|im_end|>"


class ChatML:
    """The dialect of ChatML models tuned on Hermes-style tool calls. ChatML has no BOS of its own."""

    name: str = "chatml"
    stops: tuple[str, ...] = (_END, _START, "<|endoftext|>")
    markers = (_START, _END, "<|endoftext|>")

    def turns(self, dialogues: Sequence[Dialogue]) -> list[Turn]:
        """A system turn with rules and tools before each dialogue; a case's system text follows them."""
        turns: list[Turn] = []
        for dialogue in dialogues:
            system, messages = opening(dialogue)
            texts = [_system(dialogue.tools), *(m.content.strip() for m in system)]
            said = [Turn(role="system", content="\n\n".join(texts)), *map(_turn, messages)]
            for turn in said:
                refuse_markers(turn.content, self.markers, self.name)
            turns += said
        return turns

    def render(self, dialogues: Sequence[Dialogue]) -> list[Segment]:
        """Every turn closed, and an open assistant turn unless the model spoke last."""
        segments: list[Segment] = []
        turns = self.turns(dialogues)
        for turn in turns:
            spoken = turn.role == "assistant"
            segments.append(Segment(text=f"{_START}{turn.role}\n"))
            segments.append(Segment(text=f"{turn.content}{_END}", model=spoken))
            segments.append(Segment(text="\n"))
        if turns[-1].role != "assistant":
            segments.append(Segment(text=f"{_START}assistant\n"))
        return segments

    def end(self, text: str) -> int | None:
        """After the last call block."""
        return end_of_calls(text)

    def parse(self, text: str, finish: Finish = "stop", tools: Sequence[str] = ()) -> Reply:
        """See Dialect.parse."""
        return read(cut_at(text, self.stops), finish, tools)


def _turn(message: Message) -> Turn:
    content = message.content.strip()
    if message.role == "tool":
        return Turn(role="tool", content=f"<tool_response>\n{content}\n</tool_response>")
    if message.role == "user":
        return Turn(role="user", content=content)
    calls = [
        f"{OPEN}\n{compact({'name': c.name, 'arguments': c.arguments})}\n{CLOSE}"
        for c in message.calls
    ]
    text = "\n".join(part for part in (content, *calls) if part)
    return Turn(role="assistant", content=f"{think(message.thought)}{text}")


def _system(tools: Sequence[Tool]) -> str:
    entries = [compact({"type": "function", "function": t.model_dump(mode="json")}) for t in tools]
    return "\n".join(
        [
            "You can call functions. Their signatures stand within <tools></tools>:",
            "<tools>",
            *entries,
            "</tools>",
            "Call one only if it fits and the request gives every required value. Write each call as",
            f"{OPEN}",
            '{"name":"NAME","arguments":{}}',
            f"{CLOSE}",
            "Otherwise reply in plain text: answer, ask for the missing value, or say what you cannot do.",
        ]
    )
