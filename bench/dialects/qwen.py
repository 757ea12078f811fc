"""Qwen 2.5 and Qwen 3: ChatML turns with the tool text, blanks and result turns of Qwen's own templates.

Where it differs from `chatml`: the wording and place of the tool text (behind the system text, not before),
JSON with blanks after `:` and `,`, and results in a user turn (several share one) instead of a `tool` turn.
Sources: the chat templates of Qwen/Qwen2.5-Instruct, Qwen/Qwen3 and Qwen/Qwen3-4B-Instruct-2507.

    qwen         Qwen 3 in its non-thinking mode: the model's turn opens with an empty <think> block,
                 and thoughts of the dialogue are left out
    qwen2.5      a default system text; no thinking of its own
    qwen3-2507   Qwen3 Instruct 2507: neither

Stated deviations: texts are stripped; in `qwen2.5` and `qwen3-2507` a thought stands as `<think>…</think>` in
the model's text, since their templates have no place for one.
"""

from collections.abc import Sequence

from bench.dialects.base import Dialogue, Finish, Segment, Turn, opening, refuse_markers
from bench.dialects.calls import tojson
from bench.dialects.tagged import CLOSE, OPEN, cut_at, end_of_calls, read, think
from suites import Message, Reply, Tool

__all__ = ["QWEN", "Qwen"]

_START, _END = "<|im_start|>", "<|im_end|>"
_NO_THOUGHT = "<think>\n\n</think>\n\n"
_DEFAULT = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."
_BEFORE = (
    "# Tools\n\nYou may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n"
)
_AFTER = (
    "\n</tools>\n\nFor each function call, return a json object with function name and arguments "
    "within <tool_call></tool_call> XML tags:\n<tool_call>\n"
    '{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
)


class Qwen:
    """The dialect of Qwen 2.5 and Qwen 3 chat models. They have no BOS."""

    stops: tuple[str, ...] = (_END, _START, "<|endoftext|>")
    markers = (_START, _END, "<|endoftext|>")

    def __init__(self, name: str, *, default: str = "", thinks: bool = False) -> None:
        """default: system text where a dialogue has none; thinks: Qwen 3, here told not to think."""
        self.name = name
        self._default = default
        self._thinks = thinks

    def turns(self, dialogues: Sequence[Dialogue]) -> list[Turn]:
        """A system turn before each dialogue (if it has text); results in user turns."""
        turns: list[Turn] = []
        for i, dialogue in enumerate(dialogues):
            system, messages = opening(dialogue)
            texts = [m.content.strip() for m in system] or [self._default]
            if dialogue.tools:
                texts.append(_tools(dialogue.tools))
            elif i > 0:  # else the tools of the example before would still be on offer
                texts.append("No functions are provided.")
            said = [Turn(role="system", content="\n\n".join(filter(None, texts)))]
            said = [turn for turn in said if turn.content]
            for before, message in zip([None, *messages], messages, strict=False):
                turn = self._turn(message)
                if before is not None and before.role == message.role == "tool":
                    turn = Turn(role="user", content=f"{said.pop().content}\n{turn.content}")
                said.append(turn)
            for turn in said:
                refuse_markers(turn.content, self.markers, self.name)
            turns += said
        return turns

    def render(self, dialogues: Sequence[Dialogue]) -> list[Segment]:
        """Every turn closed, and an open assistant turn unless the model spoke last.

        With `thinks`, the assistant turn at the end, open or closed, begins with an empty thought.
        """
        segments: list[Segment] = []
        turns = self.turns(dialogues)
        opened = f"{_START}assistant\n{_NO_THOUGHT if self._thinks else ''}"
        for i, turn in enumerate(turns):
            spoken = turn.role == "assistant"
            last = spoken and i == len(turns) - 1
            segments.append(Segment(text=opened if last else f"{_START}{turn.role}\n"))
            segments.append(Segment(text=f"{turn.content}{_END}", model=spoken))
            segments.append(Segment(text="\n"))
        if turns[-1].role != "assistant":
            segments.append(Segment(text=opened))
        return segments

    def end(self, text: str) -> int | None:
        """After the last call block."""
        return end_of_calls(text)

    def parse(self, text: str, finish: Finish = "stop", tools: Sequence[str] = ()) -> Reply:
        """See Dialect.parse."""
        return read(cut_at(text, self.stops), finish, tools)

    def _turn(self, message: Message) -> Turn:
        content = message.content.strip()
        if message.role == "tool":
            return Turn(role="user", content=f"<tool_response>\n{content}\n</tool_response>")
        if message.role == "user":
            return Turn(role="user", content=content)
        calls = [
            f"{OPEN}\n{tojson({'name': c.name, 'arguments': c.arguments})}\n{CLOSE}"
            for c in message.calls
        ]
        text = "\n".join(part for part in (content, *calls) if part)
        thought = "" if self._thinks else think(message.thought)
        return Turn(role="assistant", content=f"{thought}{text}")


def _tools(tools: Sequence[Tool]) -> str:
    entries = (tojson({"type": "function", "function": t.model_dump(mode="json")}) for t in tools)
    return _BEFORE + "\n".join(entries) + _AFTER


QWEN = (
    Qwen("qwen", thinks=True),
    Qwen("qwen2.5", default=_DEFAULT),
    Qwen("qwen3-2507"),
)
"""One instance a family of templates."""
