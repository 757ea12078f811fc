"""Gemma 3 with pythonic calls: tools as JSON in the first user turn, calls as `[f(a=1), g()]`.

    <bos><start_of_turn>user
    SYSTEM

    (rules)
    [{"type": "function", …}]

    REQUEST<end_of_turn>
    <start_of_turn>model
    [get_weather(city="Oslo"), now()]<end_of_turn>
    <start_of_turn>user
    <tool_response>
    …</tool_response><end_of_turn>

Source of the prompt: vLLM's example template `tool_chat_template_gemma3_pythonic.jinja`; BFCL's prompt mode
and Google's prompt guide for Gemma 3 ask for the same calls.

Stated deviations: the literals in calls are Python's (True, False, None), where that template writes JSON's,
and arguments are separated by commas, which it loses; several results share one user turn, because Gemma's
own template knows alternating turns only; texts are stripped; text and a thought stand before the calls.
"""

import re
from collections.abc import Sequence
from typing import Any

from bench.dialects.attempts import attempt
from bench.dialects.base import Dialogue, Finish, Segment, Turn, opening
from bench.dialects.calls import build_call, tojson
from bench.dialects.gemma import merged, render_turns
from bench.dialects.python_text import OPENING, read_call, read_calls, skip
from bench.dialects.repair import repaired_calls
from bench.dialects.tagged import after_thought, cut_at, split_thought, think
from bench.errors import DialectError
from suites import Call, Message, Reply
from suites.json_text import compact

__all__ = ["Pythonic"]

_RULES = (
    "Tools (functions) are available. If you decide to invoke one or more of the tools, you must respond "
    "with a python list of the function calls.\n"
    "Example Format: [func_name1(params_name1=params_value1, params_name2=params_value2...), "
    "func_name2(params)] \n"
    "Do not use variables. DO NOT USE MARKDOWN SYNTAX. You SHOULD NOT include any other text in the "
    "response if you call a function. If none of the functions can be used, point it out. If you lack the "
    "parameters required by the function, also point it out.\n"
    "Here is a list of functions in JSON format that you can invoke.\n"
)
_KEY = re.compile(r"[\w.$\-]{1,200}")
_BEGUN = re.compile(r"\[\s{0,40}(?:[A-Za-z_][\w.\-]{0,127})?\Z")
_TRIED = re.compile(r"(?<![\w.])[A-Za-z_][\w.\-]{0,127}(?=\()")
_LONGEST = 2000


class Pythonic:
    """The dialect of Gemma 3 asked for a Python list of calls."""

    name: str = "pythonic"
    stops: tuple[str, ...] = ("<end_of_turn>", "<start_of_turn>", "<eos>")
    markers = ("<start_of_turn>", "<end_of_turn>", "<bos>", "<eos>")

    def turns(self, dialogues: Sequence[Dialogue]) -> list[Turn]:
        """Alternating user and model turns; each dialogue brings its own tools."""
        turns: list[Turn] = []
        for i, dialogue in enumerate(dialogues):
            system, messages = opening(dialogue)
            head = [m.content.strip() for m in system]
            if dialogue.tools:
                entries = [
                    {"type": "function", "function": t.model_dump(mode="json")}
                    for t in dialogue.tools
                ]
                head.append(_RULES + tojson(entries, indent=4))
            elif i > 0:  # else the tools of the example before would still be on offer
                head.append("No tools (functions) are available.")
            said = [_said(message) for message in messages]
            first = "\n\n".join([*(part for part in head if part), said[0].content])
            turns += [Turn(role="user", content=first), *said[1:]]
        return merged(turns, self.markers, self.name)

    def render(self, dialogues: Sequence[Dialogue]) -> list[Segment]:
        """`<bos>`, every turn closed, and an open model turn unless the model spoke last."""
        return render_turns(self.turns(dialogues))

    def end(self, text: str) -> int | None:
        """After the last list of calls, where something else than a further list follows."""
        found = OPENING.search(text, after_thought(text))
        start = found.start() if found else None
        close: int | None = None
        while start is not None:
            try:
                close = read_calls(text, start)[1]
            except ValueError:
                return None
            start = skip(text, close)
            if start == len(text) or _BEGUN.match(text, start):
                return None
            if not OPENING.match(text, start):
                return close
        return close

    def parse(self, text: str, finish: Finish = "stop", tools: Sequence[str] = ()) -> Reply:
        """See Dialect.parse. What follows a broken list is not read."""
        thought, body, problems = split_thought(cut_at(text, self.stops))
        calls: list[Call] = []
        outside: list[str] = []
        at = 0
        while (found := OPENING.search(body, at)) is not None:
            outside.append(body[at : found.start()])
            try:
                made, at = read_calls(body, found.start())
                calls += [build_call(name, arguments) for name, arguments in made]
            except ValueError as error:
                problems.append(str(error))
                at = len(body)
        plain = "".join([*outside, body[at:]]).strip()
        if not problems and (trace := attempt(plain, tools)) is not None:
            problems.append(trace)
        return Reply(
            text=plain,
            calls=tuple(calls),
            problems=tuple(problems),
            finish=finish,
            thought=thought,
            repaired=_loosely(body, tools) if problems else None,
        )


def _said(message: Message) -> Turn:
    content = message.content.strip()
    match message.role:
        case "assistant":
            calls = f"[{', '.join(map(_written, message.calls))}]" if message.calls else ""
            text = "\n".join(part for part in (content, calls) if part)
            return Turn(role="model", content=f"{think(message.thought)}{text}")
        case "tool":
            return Turn(role="user", content=f"<tool_response>\n{content}</tool_response>")
        case _:
            return Turn(role="user", content=content)


def _written(call: Call) -> str:
    for key in call.arguments:
        if not _KEY.fullmatch(key):
            raise DialectError(f"key {key!r} cannot be written in dialect 'pythonic'")
    return f"{call.name}({', '.join(f'{k}={_literal(v)}' for k, v in call.arguments.items())})"


def _literal(value: Any) -> str:
    match value:
        case None | bool():
            return repr(value)
        case dict():
            return f"{{{', '.join(f'{compact(k)}: {_literal(v)}' for k, v in value.items())}}}"
        case list():
            return f"[{', '.join(map(_literal, value))}]"
        case _:
            return compact(value)


def _loosely(body: str, tools: Sequence[str]) -> tuple[Call, ...] | None:
    """Calls of tools on offer, in a list or not, also with JSON's words; else what json-repair finds."""
    text = body[:_LONGEST]
    calls: list[Call] = []
    at = 0
    while found := _TRIED.search(text, at):
        at = found.end()
        if found.group() in tools:
            try:
                name, arguments, at = read_call(text, found.start(), loose=True)
                calls.append(build_call(name, arguments))
            except ValueError:
                continue
    return tuple(calls) or repaired_calls(body)
