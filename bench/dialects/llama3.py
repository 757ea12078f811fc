"""Llama 3.1 and later 3.x: tools as JSON in the first user turn, calls as bare JSON, results of `ipython`.

    <|begin_of_text|><|start_header_id|>system<|end_header_id|>

    Environment: ipython … SYSTEM<|eot_id|><|start_header_id|>user<|end_header_id|>

    (rules and tools) REQUEST<|eot_id|><|start_header_id|>assistant<|end_header_id|>

    {"name": "NAME", "parameters": {…}}<|eot_id|><|start_header_id|>ipython<|end_header_id|>

A call may carry `"type": "function"` and stand behind `<|python_tag|>`, as Meta's description of the format
shows it (llama.com, prompt formats, Llama 3.1); the built-in tools' `NAME.call(…)` is not read. Source of the
prompt: the chat template of meta-llama/Llama-3.1-8B-Instruct.

Stated deviations: the date is always the template's own fallback, so that prompts do not change from day to
day; several calls, which the template refuses, are joined by `; ` (vLLM's parser reads them so); text and a
thought beside a call stand before it, where the template drops them. A result that is a JSON object or list
is written as such, any other text as a JSON string, which is what the template makes of both.
"""

import re
from collections.abc import Sequence
from typing import Any

from bench.dialects.attempts import attempt
from bench.dialects.base import Dialogue, Finish, Segment, Turn, opening, refuse_markers
from bench.dialects.calls import call_from, tojson
from bench.dialects.repair import repaired_calls
from bench.dialects.tagged import after_thought, cut_at, split_thought, think
from suites import Call, Message, Reply, Tool
from suites.json_text import loads, loads_at

__all__ = ["Llama3"]

_BOS = "<|begin_of_text|>"
_HEAD, _BODY, _END = "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"
_TAG = "<|python_tag|>"
_DATES = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
_RULES = (
    "Given the following functions, please respond with a JSON for a function call with its proper "
    "arguments that best answers the given prompt.\n\n"
    'Respond in the format {"name": function name, "parameters": dictionary of argument name and its '
    "value}.Do not use variables.\n\n"
)
_BLANK = " \t\r\n"
_OPEN = re.compile(
    r'<\|python_tag\|>|\{\s{0,40}"(?:name|parameters|type"\s{0,20}:\s{0,20}"function)"'
)
_INSIDE = re.compile(r"""(?:\[|["']\s{0,20}:)\s{0,20}\Z""")


class Llama3:
    """The dialect of the Llama 3.1, 3.2 and 3.3 instruct models."""

    name: str = "llama3"
    stops: tuple[str, ...] = (_END, "<|eom_id|>", "<|end_of_text|>", _HEAD)
    markers = (_BOS, _HEAD, _BODY, _END, "<|eom_id|>", "<|end_of_text|>", _TAG)

    def turns(self, dialogues: Sequence[Dialogue]) -> list[Turn]:
        """A system turn before each dialogue; its tools stand in its first user turn."""
        turns: list[Turn] = []
        for dialogue in dialogues:
            system, messages = opening(dialogue)
            told = "\n\n".join(m.content.strip() for m in system)
            where = "Environment: ipython\n" if dialogue.tools else ""
            said = [Turn(role="system", content=f"{where}{_DATES}{told}"), *map(_turn, messages)]
            said[1] = Turn(role="user", content=_tools(dialogue.tools) + said[1].content)
            for turn in said:
                refuse_markers(turn.content, self.markers, self.name)
            turns += said
        return turns

    def render(self, dialogues: Sequence[Dialogue]) -> list[Segment]:
        """`<|begin_of_text|>`, every turn closed, and an open assistant turn unless the model spoke last."""
        segments = [Segment(text=_BOS)]
        turns = self.turns(dialogues)
        for turn in turns:
            spoken = turn.role == "assistant"
            segments.append(Segment(text=f"{_HEAD}{turn.role}{_BODY}\n\n"))
            segments.append(Segment(text=f"{turn.content}{_END}", model=spoken))
        if turns[-1].role != "assistant":
            segments.append(Segment(text=f"{_HEAD}assistant{_BODY}\n\n"))
        return segments

    def end(self, text: str) -> int | None:
        """After the last call, where something else than a further call follows."""
        close: int | None = None
        start = _start(text, after_thought(text), first=True)
        while start is not None:
            try:
                value, stop = loads_at(text, start)
            except ValueError:  # perhaps not yet complete
                return None
            if close is None and not _is_call(value, ()):
                start = _start(text, stop, first=False)
                continue
            try:
                _call(value)
            except ValueError:
                return close
            close = stop
            start = _next(text, close)
            if start is None:
                return close if text[close:].strip(_BLANK + ";") else None
            if start == len(text):
                return None
        return close

    def parse(self, text: str, finish: Finish = "stop", tools: Sequence[str] = ()) -> Reply:
        """See Dialect.parse. JSON that is no call is text; what follows broken JSON is not read."""
        thought, body, problems = split_thought(cut_at(text, self.stops))
        calls: list[Call] = []
        outside: list[str] = []
        at = 0
        while (start := _start(body, at, first=at == 0)) is not None:
            before = body[at:start]
            tagged = before.rstrip(_BLANK).endswith(_TAG)
            if tagged:
                before = before.rstrip(_BLANK).removesuffix(_TAG)
            outside.append(before if before.strip(_BLANK + ";") else "")
            try:
                if not tagged and _INSIDE.search(body, max(0, start - 44), start):
                    raise ValueError("a call inside of other JSON")
                value, at = loads_at(body, start)
            except ValueError as error:
                problems.append(str(error))
                at = len(body)
                break
            if not tagged and not _is_call(value, tools):
                outside.append(body[start:at])
                continue
            try:
                calls.append(_call(value))
            except ValueError as error:
                problems.append(str(error))
        rest = body[at:]
        outside.append(rest if not calls or rest.strip(_BLANK + ";") else "")
        plain = "".join(outside).strip()
        if not problems and (trace := attempt(plain, tools)) is not None:
            problems.append(trace)
        return Reply(
            text=plain,
            calls=tuple(calls),
            problems=tuple(problems),
            finish=finish,
            thought=thought,
            repaired=repaired_calls(body) if problems else None,
        )


def _turn(message: Message) -> Turn:
    content = message.content.strip()
    match message.role:
        case "tool":
            return Turn(role="ipython", content=_result(message.content))
        case "user":
            return Turn(role="user", content=content)
        case _:
            calls = "; ".join(
                f'{{"name": {tojson(c.name)}, "parameters": {tojson(c.arguments)}}}'
                for c in message.calls
            )
            text = "\n".join(part for part in (content, calls) if part)
            return Turn(role="assistant", content=f"{think(message.thought)}{text}")


def _result(content: str) -> str:
    try:
        value = loads(content)
    except ValueError:
        value = None
    return tojson(value if isinstance(value, dict | list) else content)


def _tools(tools: Sequence[Tool]) -> str:
    if not tools:
        return ""
    entries = ({"type": "function", "function": t.model_dump(mode="json")} for t in tools)
    return _RULES + "".join(f"{tojson(entry, indent=4)}\n\n" for entry in entries)


def _start(text: str, at: int, *, first: bool) -> int | None:
    """Where JSON that may be a call begins: it opens the reply, follows the tag, or has a call's keys."""
    begin = _skip(text, at)
    if first and text.startswith("{", begin):
        return begin
    found = _OPEN.search(text, at)
    if found is None:
        return None
    return _skip(text, found.end()) if found.group() == _TAG else found.start()


def _next(text: str, at: int) -> int | None:
    """Where a further call begins behind a call; the text's length if it may still come."""
    begin = _skip(text, at, _BLANK + ";")
    if _TAG.startswith(text[begin : begin + len(_TAG)]):
        begin = _skip(text, min(begin + len(_TAG), len(text)))
    return begin if begin == len(text) or text[begin] == "{" else None


def _skip(text: str, at: int, blank: str = _BLANK) -> int:
    while at < len(text) and text[at] in blank:
        at += 1
    return at


def _is_call(value: Any, tools: Sequence[str]) -> bool:
    """Whether JSON is a call, or tries to be one, rather than data that the model shows."""
    if not isinstance(value, dict):
        return False
    if {"parameters", "arguments"} & set(value) or value.get("type") == "function":
        return True
    return value.get("name") in tools or set(value) == {"name"}


def _call(value: Any) -> Call:
    if isinstance(value, dict) and value.get("type") == "function":
        value = {k: v for k, v in value.items() if k != "type"}
    return call_from(value, "parameters")
