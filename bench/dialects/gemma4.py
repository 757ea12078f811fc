"""Gemma 4: native tool tokens, a system role, and a thought channel.

    <bos><|turn>system
    SYSTEM<|tool>declaration:NAME{description:<|"|>…<|"|>,parameters:{…}}<tool|><turn|>
    <|turn>user
    …<turn|>
    <|turn>model
    <|channel>thought
    …
    <channel|><|tool_call>call:NAME{k:<|"|>text<|"|>,n:5}<tool_call|>
        <|tool_response>response:NAME{k:v}<tool_response|>answer<turn|>      (on the same line)

Source: the chat template of google/gemma-4-E2B-it as published in July 2026, thinking not enabled; earlier
revisions write None for null, and the first has faults of its own. Templates of the larger models also open
the model's turn with an empty thought; this dialect does not.

Stated deviations: several system texts are joined by a line break; text beside a call stands before it, where
the template moves it behind the results; a schema without `type` is closed like any other.
"""

from collections.abc import Sequence
from typing import Any

from bench.dialects.attempts import attempt
from bench.dialects.base import Dialogue, Finish, Segment, Turn, opening, refuse_markers
from bench.dialects.braced import Braced, Check, Piece, joined_turns
from bench.dialects.repair import repaired_calls
from bench.dialects.tagged import cut_at
from suites import Message, Reply, Tool

__all__ = ["Gemma4"]

_BOS = "<bos>"
_DECLARE, _UNDECLARE = "<|tool>", "<tool|>"
_CHANNEL, _UNCHANNEL = "<|channel>", "<channel|>"
_THOUGHT = "thought\n"
_STANDARD = ("description", "type", "properties", "required", "nullable")
_FORM = Braced(
    dialect="gemma4",
    start="<|turn>",
    end="<turn|>",
    call="<|tool_call>",
    uncall="<tool_call|>",
    response="<|tool_response>",
    unresponse="<tool_response|>",
    quote='<|"|>',
    null="null",
    order=str.lower,
    channel=(_CHANNEL, _UNCHANNEL),
)


class Gemma4:
    """The dialect of google/gemma-4-E2B-it and its fine-tunes."""

    name: str = "gemma4"
    stops: tuple[str, ...] = (_FORM.end, _FORM.response, _FORM.start, "<eos>")
    markers = (
        *(*_FORM.tokens, _BOS, "<eos>", _DECLARE, _UNDECLARE, _CHANNEL, _UNCHANNEL),
        *("<|think|>", "<|image|>", "<|audio|>", "<|video|>"),
    )

    def turns(self, dialogues: Sequence[Dialogue]) -> list[Turn]:
        """System, user and model turns; a model turn holds thoughts, calls, results and the answer."""
        return joined_turns(self._pieces(dialogues))

    def render(self, dialogues: Sequence[Dialogue]) -> list[Segment]:
        """`<bos>` and every turn; the model's turn is open at the end unless it gave its answer."""
        return _FORM.render(_BOS, self._pieces(dialogues), dialogues[-1].messages[-1])

    def end(self, text: str) -> int | None:
        """Never before a stop token: `<|tool_response>` ends a reply with calls."""
        del text
        return None

    def parse(self, text: str, finish: Finish = "stop", tools: Sequence[str] = ()) -> Reply:
        """See Dialect.parse. A call inside a thought is only thought of."""
        body = cut_at(text, self.stops)
        found = _FORM.read(body)
        problems = found.problems
        if not problems and (trace := _attempt(found.text, tools)) is not None:
            problems = [trace]
        thoughts = [t.removeprefix(_THOUGHT).strip() for t in found.thoughts]
        return Reply(
            text=found.text,
            calls=tuple(found.calls),
            problems=tuple(problems),
            finish=finish,
            thought="\n".join(thoughts) if thoughts else None,
            repaired=repaired_calls(body) if problems else None,
        )

    def _pieces(self, dialogues: Sequence[Dialogue]) -> list[Piece]:
        pieces: list[Piece] = []
        for turn, dialogue in enumerate(dialogues, start=1):
            first, messages = opening(dialogue)
            system = "\n".join(self._plain(m.content) for m in first)
            if dialogue.tools or first:
                declared = "".join(_declaration(t, self._checked) for t in dialogue.tools)
                pieces.append(("system", Segment(text=system + declared)))
            asked = max(i for i, m in enumerate(messages) if m.role == "user")
            current = turn == len(dialogues)
            for i, message in enumerate(messages):
                pieces.append(self._said(message, thinking=current and i > asked))
        return pieces

    def _said(self, message: Message, *, thinking: bool) -> Piece:
        """Thoughts are kept since the last request only, as the template does it."""
        content = self._plain(message.content)
        match message.role:
            case "user":
                return "user", Segment(text=content)
            case "tool":
                return "model", Segment(text=_FORM.result(message, self._checked))
            case _:
                thought = ""
                if message.thought and thinking:
                    thought = f"{_CHANNEL}{_THOUGHT}{self._checked(message.thought)}\n{_UNCHANNEL}"
                calls = _FORM.calls(message.calls, self._checked)
                return "model", Segment(text=thought + content + calls, model=True)

    def _plain(self, text: str) -> str:
        return self._checked(text).strip()

    def _checked(self, text: str) -> str:
        return refuse_markers(text, self.markers, self.name)


def _attempt(text: str, tools: Sequence[str]) -> str | None:
    for token in (_FORM.uncall, _FORM.unresponse, _FORM.quote, _UNCHANNEL, _DECLARE, _UNDECLARE):
        if token in text:
            return f"a stray {token!r}"
    return attempt(text, tools)


# --- declarations, as the template writes them: it knows only some keywords of JSON Schema -----------


def _declaration(tool: Tool, check: Check) -> str:
    schema = tool.parameters
    parts = [f"description:{_FORM.text(tool.description, check)}"]
    if schema:
        inner = []
        if schema.get("properties"):
            inner.append(f"properties:{_properties(schema['properties'], check)}")
        if schema.get("required"):
            inner.append(f"required:{_names(schema['required'], check)}")
        if schema.get("type"):
            inner.append(f"type:{_FORM.text(_upper(schema['type']), check)}")
        parts.append(f"parameters:{{{','.join(inner)}}}")
    return f"{_DECLARE}declaration:{tool.name}{{{','.join(parts)}}}{_UNDECLARE}"


def _properties(schemas: Any, check: Check, *, skip: Sequence[str] = ()) -> str:
    if not isinstance(schemas, dict):
        return "{}"
    names = (n for n in sorted(schemas, key=str.lower) if n not in skip)
    return f"{{{','.join(f'{check(n)}:{_property(schemas[n], check)}' for n in names)}}}"


def _property(schema: Any, check: Check) -> str:
    """Description, enum (of strings), items, nullable, properties and required, type; nothing else."""
    if not isinstance(schema, dict):
        schema = {}
    parts: list[str] = []
    kind = _upper(schema.get("type", ""))
    if schema.get("description"):
        parts.append(f"description:{_FORM.text(str(schema['description']), check)}")
    if kind == "STRING" and schema.get("enum"):
        parts.append(f"enum:{_FORM.value(schema['enum'], check, quoted_keys=True)}")
    items = schema.get("items")
    if kind == "ARRAY" and items and isinstance(items, dict):
        parts.append(f"items:{_items(items, check)}")
    if schema.get("nullable"):
        parts.append("nullable:true")
    if kind == "OBJECT":
        if isinstance(schema.get("properties"), dict):
            parts.append(f"properties:{_properties(schema['properties'], check)}")
        else:
            parts.append(f"properties:{_properties(schema, check, skip=_STANDARD)}")
        if schema.get("required"):
            parts.append(f"required:{_names(schema['required'], check)}")
    parts.append(f"type:{_FORM.text(kind, check)}")
    return f"{{{','.join(parts)}}}"


def _items(schema: dict[str, Any], check: Check) -> str:
    parts: list[str] = []
    for key in sorted(schema, key=str.lower):
        value = schema[key]
        match key:
            case _ if value is None:
                continue
            case "properties":
                written = _properties(value, check)
            case "required":
                written = _names(value, check)
            case "type" if isinstance(value, list):
                written = _FORM.value([_upper(v) for v in value], check)
            case "type":
                written = _FORM.text(_upper(value), check)
            case _:
                written = _FORM.value(value, check, quoted_keys=True)
        parts.append(f"{check(key)}:{written}")
    return f"{{{','.join(parts)}}}"


def _names(names: Any, check: Check) -> str:
    return f"[{','.join(_FORM.text(str(n), check) for n in names)}]"


def _upper(kind: Any) -> str:
    return str(kind).upper()
