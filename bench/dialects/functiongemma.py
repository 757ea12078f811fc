"""FunctionGemma: tool tokens of its own, values that are not JSON, strings between `<escape>` tokens.

    <start_of_turn>developer
    You are a model that can do function calling with the following functions
        <start_function_declaration>declaration:NAME{description:…,parameters:{…}}<end_function_declaration>
    <start_function_call>call:NAME{k:<escape>text<escape>,n:5}<end_function_call>
    <start_function_response>response:NAME{k:v}<end_function_response>

Parallel calls follow each other without a separator; keys are sorted and types upper-cased; a result and what
the model says next stay in the same model turn. Source: the model's chat template, as Google documents it
(ai.google.dev/gemma/docs/functiongemma).
"""

from collections.abc import Sequence
from typing import Any

from bench.dialects.attempts import attempt
from bench.dialects.base import Dialogue, Finish, Segment, Turn, opening, refuse_markers
from bench.dialects.braced import Braced, Check, Piece, joined_turns
from bench.dialects.repair import repaired_calls
from bench.dialects.tagged import cut_at
from suites import Message, Reply, Tool

__all__ = ["FunctionGemma"]

_BOS = "<bos>"
_DECLARE, _UNDECLARE = "<start_function_declaration>", "<end_function_declaration>"
_PROMPT = "You are a model that can do function calling with the following functions"
_FORM = Braced(
    dialect="functiongemma",
    start="<start_of_turn>",
    end="<end_of_turn>",
    call="<start_function_call>",
    uncall="<end_function_call>",
    response="<start_function_response>",
    unresponse="<end_function_response>",
    quote="<escape>",
    null="None",
)


class FunctionGemma:
    """The dialect of google/functiongemma-270m-it and its fine-tunes."""

    name: str = "functiongemma"
    stops: tuple[str, ...] = (_FORM.end, _FORM.response, _FORM.start, "<eos>")
    markers = (*_FORM.tokens, _BOS, "<eos>", _DECLARE, _UNDECLARE)

    def turns(self, dialogues: Sequence[Dialogue]) -> list[Turn]:
        """Developer, user and model turns; a model turn holds calls, results and the answer."""
        return joined_turns(self._pieces(dialogues))

    def render(self, dialogues: Sequence[Dialogue]) -> list[Segment]:
        """`<bos>` and every turn; the model's turn is open at the end unless it gave its answer."""
        return _FORM.render(_BOS, self._pieces(dialogues), dialogues[-1].messages[-1])

    def end(self, text: str) -> int | None:
        """Never before a stop token: `<start_function_response>` ends a reply with calls."""
        del text
        return None

    def parse(self, text: str, finish: Finish = "stop", tools: Sequence[str] = ()) -> Reply:
        """See Dialect.parse."""
        body = cut_at(text, self.stops)
        found = _FORM.read(body)
        problems = found.problems
        if not problems and (trace := attempt(found.text, tools)) is not None:
            problems = [trace]
        return Reply(
            text=found.text,
            calls=tuple(found.calls),
            problems=tuple(problems),
            finish=finish,
            repaired=repaired_calls(body) if problems else None,
        )

    def _pieces(self, dialogues: Sequence[Dialogue]) -> list[Piece]:
        pieces: list[Piece] = []
        for dialogue in dialogues:
            first, messages = opening(dialogue)
            system = [self._plain(m.content) for m in first]
            if dialogue.tools or system:
                declared = "".join(_declaration(t, self._checked) for t in dialogue.tools)
                head = "\n".join([*system, _PROMPT]) if dialogue.tools else "\n".join(system)
                pieces.append(("developer", Segment(text=head + declared)))
            pieces += map(self._said, messages)
        return pieces

    def _said(self, message: Message) -> Piece:
        match message.role:
            case "user":
                return "user", Segment(text=self._plain(message.content))
            case "tool":
                self._plain(message.content)
                return "model", Segment(text=_FORM.result(message, self._checked))
            case _:
                content = self._plain(message.content)
                calls = _FORM.calls(message.calls, self._checked)
                return "model", Segment(text=content + calls, model=True)

    def _plain(self, text: str) -> str:
        return self._checked(text).strip()

    def _checked(self, text: str) -> str:
        return refuse_markers(text, self.markers, self.name)


def _declaration(tool: Tool, check: Check) -> str:
    schema = _FORM.value(_typed(tool.parameters), check)
    if not tool.properties:
        schema = "{type:<escape>OBJECT<escape>}"
    text = f"description:{_FORM.text(tool.description, check)},parameters:{schema}"
    return f"{_DECLARE}declaration:{tool.name}{{{text}}}{_UNDECLARE}"


def _typed(schema: Any) -> Any:
    """The schema with upper-cased types, at every depth where a schema stands."""
    if not isinstance(schema, dict):
        return schema
    result: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "type" and isinstance(value, str):
            result[key] = value.upper()
        elif key == "type" and isinstance(value, list):
            result[key] = [str(v).upper() for v in value]
        elif key == "properties" and isinstance(value, dict):
            result[key] = {k: _typed(v) for k, v in value.items()}
        elif key == "items":
            result[key] = _typed(value)
        else:
            result[key] = value
    return result
