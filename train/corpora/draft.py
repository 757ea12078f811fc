"""A dialogue while it is read: every turn is checked as it comes, and the whole becomes an example.

Rules, and the reason with which a row is left out:

- turns    the user opens (after any system text); the model speaks after the user or after results, never
           twice in a row; what stands behind its last turn is cut off, because nothing of it is learned
- results  each belongs to a call of the turn before, by its name or by order; all calls have one, or none
- calls    a name and a mapping; numbers written as text become numbers where the schema says so and the text
           is exactly one (counted as `numbers_from_text`); then the call must obey its own tool's schema
- text     no turn of the model is empty; no text of it holds a call in another notation or stray markup,
           which the judge would call malformed
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from bench.dialects import Dialogue
from bench.dialects.attempts import attempt
from suites import Call, Message, SuiteError, Tool
from suites.importers.building import call_from
from suites.importers.schemas import exact
from suites.json_text import compact
from suites.schema import argument_problems
from train.corpora.base import Options, Place, Tally, UnfitError
from train.corpora.toolbox import Toolbox
from train.examples import Example

__all__ = ["Draft", "said_facts", "split_thought"]

_STRAY = re.compile(
    r"</?(?:think|tools|scratch_pad|tool_call|functioncall|TOOLCALL)>|<\|endoftext\|>"
)
_FACT = re.compile(
    r"\b(?:today|now|current|date|time|day of week|timezone|weekday)\b", re.IGNORECASE
)
_DIGIT = re.compile(r"\d|day\b", re.IGNORECASE)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


class Draft:
    """nulls: a null argument that its tool does not take is a table's filler and left away."""

    def __init__(
        self, box: Toolbox, options: Options, tally: Tally, *, nulls: bool = False
    ) -> None:
        self._box, self._options, self._tally, self._nulls = box, options, tally, nulls
        self._names = sorted({*box.names, *(t.name for t in box.tools)})
        self._messages: list[Message] = []
        self._pending: list[str] = []
        self._answered = 0

    def system(self, text: str) -> None:
        """System text; nothing where it is blank."""
        if not text.strip():
            return
        if any(m.role != "system" for m in self._messages):
            raise UnfitError("turns", "system text behind the first turn")
        self._add(Message, role="system", content=text.strip())

    def user(self, text: Any) -> None:
        """A turn of the user."""
        self._close_results()
        if not isinstance(text, str) or not text.strip():
            raise UnfitError("turns", "an empty turn of the user")
        self._pending = []
        self._add(Message, role="user", content=text.strip())

    def model(self, text: str = "", calls: Sequence[Any] = (), thought: str | None = None) -> None:
        """A turn of the model; calls: `{"name", "arguments"}` each, in the row's own names."""
        self._close_results()
        if not self._messages or self._messages[-1].role not in ("user", "tool"):
            raise UnfitError("turns", "the model speaks without being asked, or twice in a row")
        made = tuple(self._call(c) for c in calls)
        content = self._own_words(text)
        if not made and not content:
            raise UnfitError("text", "an empty turn of the model")
        thought = (thought or "").strip() or None
        if thought and re.search(r"</?think>", thought):
            raise UnfitError("text", "a thought inside a thought")
        self._add(Message, role="assistant", content=content, calls=made, thought=thought)
        self._pending, self._answered = [c.name for c in made], 0
        self._tally["model_turns"] += 1
        self._tally["calls"] += len(made)
        self._tally["thoughts"] += thought is not None
        self._tally["answers"] += not made

    def result(self, content: Any, name: str | None = None) -> None:
        """What a tool gave back; a value that is no text is written as JSON."""
        if not self._pending:
            raise UnfitError("results", "a result without a call that still wants one")
        wanted = self._box.names.get(name, name) if name else self._pending[0]
        if wanted not in self._pending:
            raise UnfitError("results", f"a result of {name!r}, which was not called")
        self._pending.remove(wanted)
        self._answered += 1
        text = content if isinstance(content, str) else _written(content)
        self._add(Message, role="tool", name=wanted, content=text.strip())

    @property
    def wanted(self) -> int:
        """Number of calls that have no result yet."""
        return len(self._pending)

    def example(self, place: Place) -> Example:
        """The finished example; its id and group are the place."""
        kept = list(self._messages)
        while kept and kept[-1].role != "assistant":
            kept.pop()
        if not kept:
            raise UnfitError("turns", "holds no turn of the model")
        self._tally["cut_tails"] += len(kept) < len(self._messages)
        name = re.sub(r"\s+", "-", place)
        dialogue = Dialogue(tools=self._box.tools, messages=tuple(kept))
        try:
            dumped = [x.model_dump(mode="json") for x in (*dialogue.tools, *dialogue.messages)]
            compact(dumped).encode()
        except (UnicodeError, PydanticSerializationError):
            raise UnfitError("text", "holds half a character (a lone surrogate)") from None
        return Example(id=name, group=name, dialogue=dialogue)

    def _add(self, cls: type[Message], **fields: Any) -> None:
        try:
            self._messages.append(cls(**fields))
        except ValidationError as error:
            message = error.errors(include_url=False)[0]["msg"]
            raise UnfitError("text", f"a text that cannot be used: {message}") from None

    def _close_results(self) -> None:
        if self._answered and self._pending:
            total = self._answered + len(self._pending)
            raise UnfitError("results", f"{total} calls, but {self._answered} results")

    def _own_words(self, text: str) -> str:
        plain = text.strip()
        if not plain:
            return ""
        found = _STRAY.search(plain)
        trace = f"a stray {found.group()!r}" if found else attempt(plain, self._names)
        if trace is not None:
            raise UnfitError("text", f"a reply that looks like a broken call: {trace}")
        return plain

    def _call(self, raw: Any) -> Call:
        try:
            call = call_from(raw)
        except SuiteError as error:
            raise UnfitError("calls", error) from None
        tool = self._box.find(call.name)
        if tool is None:
            self._violated("invented_tool", f"{call.name!r} is not offered")
            return call
        given = dict(call.arguments)
        if self._nulls:
            fillers = [k for k, v in given.items() if v is None and not _takes_null(tool, k)]
            given = {k: v for k, v in given.items() if k not in fillers}
            self._tally["dropped_nulls"] += len(fillers)
        plain: dict[str, Any] = {}
        for key, value in given.items():
            plain[key], converted = exact(value, tool.properties.get(key, {}))
            self._tally["numbers_from_text"] += converted
        try:
            json.dumps(plain, allow_nan=False)
        except ValueError:
            raise UnfitError("calls", "an argument is no number that JSON can say") from None
        problems = argument_problems(tool, plain)
        if problems:
            self._violated(str(problems[0].mode), f"{tool.name}: {problems[0].text}")
        return Call(name=tool.name, arguments=plain)

    def _violated(self, mode: str, text: str) -> None:
        if not self._options.keep_violations:
            raise UnfitError(mode, text)
        self._tally[f"kept_{mode}"] += 1


def split_thought(text: str) -> tuple[str | None, str]:
    """(thought, the rest) of a text that may begin with `<think>…</think>`. Errors: UnfitError."""
    body = text.lstrip()
    if not body.startswith("<think>"):
        return None, text
    inner, closed, rest = body.removeprefix("<think>").partition("</think>")
    if not closed:
        raise UnfitError("text", "a thought is not closed")
    return inner, rest


def said_facts(text: str) -> str:
    """The sentences of a system text that say the date or the time, on which arguments may depend.

    The rest describes the corpus' own notation of calls, which the dialect replaces by its own.
    """
    parts = [p.strip() for p in _SENTENCE.split(text)]
    return "\n".join(p for p in parts if _FACT.search(p) and _DIGIT.search(_FACT.sub("", p)))


def _takes_null(tool: Tool, name: str) -> bool:
    """False for an unknown parameter, too: a table fills up the columns of all its tools."""
    if name not in tool.properties:
        return False
    return not any(p.path == name for p in argument_problems(tool, {name: None}))


def _written(value: Any) -> str:
    try:
        return compact(value)
    except (TypeError, ValueError):
        raise UnfitError("results", "a result that is no plain data") from None
