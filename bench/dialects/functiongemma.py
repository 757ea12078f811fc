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

import re
from collections.abc import Callable, Sequence
from typing import Any

from bench.dialects.attempts import attempt
from bench.dialects.base import Dialogue, Finish, Segment, Turn, opening, refuse_markers
from bench.dialects.calls import build_call
from bench.dialects.repair import repaired_calls
from bench.dialects.tagged import cut_at
from bench.errors import DialectError
from suites import Call, Message, Reply, Tool
from suites.json_text import compact, loads

__all__ = ["FunctionGemma"]

_START, _END, _BOS = "<start_of_turn>", "<end_of_turn>", "<bos>"
_CALL, _UNCALL = "<start_function_call>", "<end_function_call>"
_RESPONSE, _UNRESPONSE = "<start_function_response>", "<end_function_response>"
_DECLARE, _UNDECLARE = "<start_function_declaration>", "<end_function_declaration>"
_ESCAPE = "<escape>"
_PROMPT = "You are a model that can do function calling with the following functions"
_HEAD = re.compile(r"call:([A-Za-z_][\w.\-]{0,127})\{")
_LITERAL = re.compile(r"[^,{}\[\]<>:]{1,400}")
_KEY = re.compile(r"([^,{}\[\]<>:\"']{1,200}):")
_DEPTH = 64

Check = Callable[[str], str]


class FunctionGemma:
    """The dialect of google/functiongemma-270m-it and its fine-tunes."""

    name: str = "functiongemma"
    stops: tuple[str, ...] = (_END, _RESPONSE, _START, "<eos>")
    markers = (
        *(_START, _END, _BOS, "<eos>", _CALL, _UNCALL, _RESPONSE, _UNRESPONSE),
        *(_DECLARE, _UNDECLARE, _ESCAPE),
    )

    def turns(self, dialogues: Sequence[Dialogue]) -> list[Turn]:
        """Developer, user and model turns; a model turn holds calls, results and the answer."""
        turns: list[Turn] = []
        for role, segment in self._pieces(dialogues):
            if turns and turns[-1].role == role and role == "model":
                turns[-1] = Turn(role=role, content=turns[-1].content + segment.text)
            else:
                turns.append(Turn(role=role, content=segment.text))
        return turns

    def render(self, dialogues: Sequence[Dialogue]) -> list[Segment]:
        """`<bos>` and every turn; the model's turn is open at the end unless it gave its answer."""
        segments = [Segment(text=_BOS)]
        open_role = ""
        for role, piece in self._pieces(dialogues):
            if role != open_role or role != "model":
                if open_role:
                    segments.append(Segment(text=_END, model=open_role == "model"))
                    segments.append(Segment(text="\n"))
                segments.append(Segment(text=f"{_START}{role}\n"))
            if segments[-1].model and not piece.model:  # the model ends its calls itself
                segments.append(Segment(text=_RESPONSE, model=True))
                piece = Segment(text=piece.text.removeprefix(_RESPONSE))
            segments.append(piece)
            open_role = role
        last = dialogues[-1].messages[-1]
        if last.role == "assistant":
            ending = _RESPONSE if last.calls else _END
            segments.append(Segment(text=ending, model=True))
            if not last.calls:
                segments.append(Segment(text="\n"))
        elif last.role != "tool":
            segments += [Segment(text=f"{_END}\n"), Segment(text=f"{_START}model\n")]
        return segments

    def end(self, text: str) -> int | None:
        """Never before a stop token: `<start_function_response>` ends a reply with calls."""
        del text
        return None

    def parse(self, text: str, finish: Finish = "stop", tools: Sequence[str] = ()) -> Reply:
        """See Dialect.parse."""
        body = cut_at(text, self.stops)
        calls: list[Call] = []
        problems: list[str] = []
        outside: list[str] = []
        at = 0
        while (start := body.find(_CALL, at)) >= 0:
            outside.append(body[at:start])
            try:
                call, at = _read_call(body, start + len(_CALL))
            except ValueError as error:
                problems.append(str(error))
                at = len(body)
                break
            calls.append(call)
        outside.append(body[at:])
        plain = "".join(outside).strip()
        if not problems and (trace := attempt(plain, tools)) is not None:
            problems.append(trace)
        return Reply(
            text=plain,
            calls=tuple(calls),
            problems=tuple(problems),
            finish=finish,
            repaired=repaired_calls(body) if problems else None,
        )

    def _pieces(self, dialogues: Sequence[Dialogue]) -> list[tuple[str, Segment]]:
        pieces: list[tuple[str, Segment]] = []
        for dialogue in dialogues:
            first, messages = opening(dialogue)
            system = [self._plain(m.content) for m in first]
            if dialogue.tools or system:
                declared = "".join(_declaration(t, self._checked) for t in dialogue.tools)
                head = "\n".join([*system, _PROMPT]) if dialogue.tools else "\n".join(system)
                pieces.append(("developer", Segment(text=head + declared)))
            for message in messages:
                pieces += self._said(message)
        return pieces

    def _said(self, message: Message) -> list[tuple[str, Segment]]:
        content = self._plain(message.content)
        match message.role:
            case "user":
                return [("user", Segment(text=content))]
            case "tool":
                name = self._checked(message.name or "tool")
                text = f"{_RESPONSE}response:{name}{_result(content, self._checked)}{_UNRESPONSE}"
                return [("model", Segment(text=text))]
            case _:
                calls = "".join(
                    f"{_CALL}call:{self._checked(c.name)}{_value(c.arguments, self._checked)}{_UNCALL}"
                    for c in message.calls
                )
                return [("model", Segment(text=content + calls, model=True))]

    def _plain(self, text: str) -> str:
        return self._checked(text).strip()

    def _checked(self, text: str) -> str:
        return refuse_markers(text, self.markers, self.name)


# --- writing ----------------------------------------------------------------------------------------


def _declaration(tool: Tool, check: Check) -> str:
    schema = _value(_typed(tool.parameters), check)
    if not tool.properties:
        schema = "{type:<escape>OBJECT<escape>}"
    text = f"description:{_value(tool.description, check)},parameters:{schema}"
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


def _value(value: Any, check: Check) -> str:
    match value:
        case None:
            return "None"
        case bool():
            return "true" if value else "false"
        case str():
            return f"{_ESCAPE}{check(value)}{_ESCAPE}"
        case dict():
            inner = ",".join(f"{_key(k, check)}:{_value(value[k], check)}" for k in sorted(value))
            return f"{{{inner}}}"
        case list():
            return f"[{','.join(_value(v, check) for v in value)}]"
        case _:
            return compact(value)


def _key(key: str, check: Check) -> str:
    if not key.strip() or not _KEY.fullmatch(f"{key}:"):
        raise DialectError(f"key {key!r} cannot be written in dialect 'functiongemma'")
    return check(key)


def _result(content: str, check: Check) -> str:
    """A JSON object as it is; anything else under the key `value`."""
    try:
        value = loads(content)
    except ValueError:
        value = content
    return _value(value if isinstance(value, dict) else {"value": value}, check)


# --- reading ----------------------------------------------------------------------------------------


def _read_call(text: str, at: int) -> tuple[Call, int]:
    """The call at `at` (after its opening token) and where it ends. Errors: ValueError, short."""
    head = _HEAD.match(text, at)
    if head is None:
        raise ValueError(f"no call:NAME{{ after {_CALL} ({text[at : at + 40]!r})")
    arguments, at = _read_object(text, head.end(), _DEPTH)
    if not text.startswith(_UNCALL, at):
        raise ValueError("a <start_function_call> is not closed")
    return build_call(head.group(1), arguments), at + len(_UNCALL)


def _read_object(text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    if depth == 0:
        raise ValueError("nested too deeply")
    result: dict[str, Any] = {}
    if text.startswith("}", at):
        return result, at + 1
    while True:
        key = _KEY.match(text, at)
        if key is None:
            raise ValueError(f"no key at {text[at : at + 40]!r}")
        name = key.group(1).strip()
        if not name:
            raise ValueError(f"no key at {text[at : at + 40]!r}")
        if name in result:
            raise ValueError(f"key {name[:40]!r} stands twice")
        result[name], at = _read_value(text, key.end(), depth)
        if text.startswith("}", at):
            return result, at + 1
        if not text.startswith(",", at):
            raise ValueError(f"no , or }} at {text[at : at + 40]!r}")
        at += 1


def _read_list(text: str, at: int, depth: int) -> tuple[list[Any], int]:
    if depth == 0:
        raise ValueError("nested too deeply")
    result: list[Any] = []
    if text.startswith("]", at):
        return result, at + 1
    while True:
        value, at = _read_value(text, at, depth)
        result.append(value)
        if text.startswith("]", at):
            return result, at + 1
        if not text.startswith(",", at):
            raise ValueError(f"no , or ] at {text[at : at + 40]!r}")
        at += 1


def _read_value(text: str, at: int, depth: int) -> tuple[Any, int]:
    if text.startswith(_ESCAPE, at):
        start = at + len(_ESCAPE)
        end = text.find(_ESCAPE, start)
        if end < 0:
            raise ValueError("a string is not closed by <escape>")
        return text[start:end], end + len(_ESCAPE)
    if text.startswith("{", at):
        return _read_object(text, at + 1, depth - 1)
    if text.startswith("[", at):
        return _read_list(text, at + 1, depth - 1)
    literal = _LITERAL.match(text, at)
    if literal is None:
        raise ValueError(f"no value at {text[at : at + 40]!r}")
    word = literal.group().strip()
    if word == "None":
        return None, literal.end()
    value = loads(word)
    if isinstance(value, str):
        raise ValueError(f"a string without <escape>: {word[:40]!r}")
    return value, literal.end()
