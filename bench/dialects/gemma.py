"""Gemma 2 and Gemma 3: no tool tokens and no system role.

Rules and tools stand in the first user turn, one tool a line; calls are text in `<tool_call>` tags; results
come back in a user turn as `<tool_response>`. Turns are `<start_of_turn>user|model … <end_of_turn>`, as in
the models' own chat template, which strips every turn's text.
"""

from collections.abc import Sequence

from bench.dialects.base import Dialogue, Finish, Segment, Turn, opening, refuse_markers
from bench.dialects.tagged import cut_at, end_of_calls, read, think, write
from suites import Message, Reply, Tool
from suites.json_text import compact

__all__ = ["Gemma", "merged", "render_turns"]

_START, _END, _BOS = "<start_of_turn>", "<end_of_turn>", "<bos>"
_RULES = (
    "Call a tool only if it fits and the request gives every required value; write each call as "
    '<tool_call>{"name":"NAME","arguments":{}}</tool_call>. Otherwise reply in plain text: answer, '
    "ask for the missing value, or say what you cannot do."
)


class Gemma:
    """The dialect of Gemma 2 and Gemma 3 (prompted tool calling)."""

    name: str = "gemma"
    stops: tuple[str, ...] = (_END, _START, "<eos>")
    markers = (_START, _END, _BOS, "<eos>")

    def turns(self, dialogues: Sequence[Dialogue]) -> list[Turn]:
        """Alternating user and model turns; the rules stand once, each dialogue brings its own tools."""
        turns: list[Turn] = []
        for i, dialogue in enumerate(dialogues):
            system, messages = opening(dialogue)
            header = [_header(dialogue.tools, rules=i == 0), *(m.content.strip() for m in system)]
            for j, message in enumerate(messages):
                role, text = _said(message)
                if j == 0:
                    text = "\n\n".join([*(part for part in header if part), text])
                turns.append(Turn(role=role, content=text))
        return merged(turns, self.markers, self.name)

    def render(self, dialogues: Sequence[Dialogue]) -> list[Segment]:
        """`<bos>`, every turn closed, and an open model turn unless the model spoke last."""
        return render_turns(self.turns(dialogues))

    def end(self, text: str) -> int | None:
        """After the last call block."""
        return end_of_calls(text)

    def parse(self, text: str, finish: Finish = "stop", tools: Sequence[str] = ()) -> Reply:
        """See Dialect.parse."""
        return read(cut_at(text, self.stops), finish, tools)


def merged(turns: Sequence[Turn], markers: Sequence[str], dialect: str) -> list[Turn]:
    """Turns of one role after another as one, because Gemma's template knows alternating turns only.

    Errors: DialectError for a control token in a text.
    """
    result: list[Turn] = []
    for turn in turns:
        text = refuse_markers(turn.content, markers, dialect)
        if result and result[-1].role == turn.role:
            text = f"{result.pop().content}\n{text}"
        result.append(Turn(role=turn.role, content=text))
    return result


def render_turns(turns: Sequence[Turn]) -> list[Segment]:
    """`<bos>`, every turn closed, and an open model turn unless the model spoke last."""
    segments = [Segment(text=_BOS)]
    for turn in turns:
        segments.append(Segment(text=f"{_START}{turn.role}\n"))
        spoken = turn.role == "model"
        ending = _END if spoken else f"{_END}\n"
        segments.append(Segment(text=f"{turn.content.strip()}{ending}", model=spoken))
        if spoken:
            segments.append(Segment(text="\n"))
    if turns[-1].role == "user":
        segments.append(Segment(text=f"{_START}model\n"))
    return segments


def _said(message: Message) -> tuple[str, str]:
    content = message.content.strip()
    match message.role:
        case "assistant":
            calls = write(message.calls)
            text = "\n".join(part for part in (content, calls) if part)
            return "model", f"{think(message.thought)}{text}"
        case "tool":
            return "user", f"<tool_response>{content}</tool_response>"
        case _:
            return "user", content


def _header(tools: Sequence[Tool], *, rules: bool) -> str:
    """Rules and tools; nothing where there is neither."""
    lines = [_RULES] if rules else []
    if tools:
        lines.append("Tools:")
        lines += [compact(t.model_dump(mode="json", exclude_defaults=True)) for t in tools]
    else:
        lines.append("Tools: none")
    return "\n".join(lines)
