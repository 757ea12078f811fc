"""The notation that FunctionGemma and Gemma 4 share: `call:NAME{k:v}`, values that are not JSON.

Strings stand between two equal quote tokens and have no escapes; keys are bare; objects are sorted by key.
Results stand in the model's own turn, which goes on behind them.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from bench.dialects.base import Segment, Turn
from bench.dialects.calls import build_call
from bench.errors import DialectError
from suites import Call, Message
from suites.json_text import compact, loads

__all__ = ["Braced", "Check", "Piece", "Read", "joined_turns"]

Check = Callable[[str], str]
Piece = tuple[str, Segment]
"""A role and what it says; pieces of the model that follow one another share a turn."""

_HEAD = re.compile(r"call:([A-Za-z_][\w.\-]{0,127})\{")
_LITERAL = re.compile(r"[^,{}\[\]<>:]{1,400}")
_KEY = re.compile(r"([^,{}\[\]<>:\"']{1,200}):")
_DEPTH = 64


def _same(key: str) -> str:
    return key


@dataclass(frozen=True, kw_only=True)
class Read:
    """What was read: the calls, what is wrong, the text beside the calls, and the thoughts as they stood."""

    calls: list[Call]
    problems: list[str]
    text: str
    thoughts: list[str]


@dataclass(frozen=True, kw_only=True)
class Braced:
    """One family's tokens. null: how None is written; order: by what keys are sorted.

    channel: the two tokens around a thought, if the family has them.
    """

    dialect: str
    start: str
    end: str
    call: str
    uncall: str
    response: str
    unresponse: str
    quote: str
    null: str
    order: Callable[[str], str] = _same
    channel: tuple[str, ...] = ()

    @property
    def tokens(self) -> tuple[str, ...]:
        """The control tokens, none of which a text may hold."""
        turn = (self.start, self.end, self.quote)
        return (*turn, self.call, self.uncall, self.response, self.unresponse)

    # --- writing ------------------------------------------------------------------------------------

    def text(self, value: str, check: Check) -> str:
        """A string between its quote tokens."""
        return f"{self.quote}{check(value)}{self.quote}"

    def value(self, value: Any, check: Check, *, quoted_keys: bool = False) -> str:
        """A JSON value. Errors: DialectError for a bare key that could not be read back."""
        match value:
            case None:
                return self.null
            case bool():
                return "true" if value else "false"
            case str():
                return self.text(value, check)
            case dict():
                write = self.text if quoted_keys else self.key
                keys = sorted(value, key=self.order)
                pairs = (
                    f"{write(k, check)}:{self.value(value[k], check, quoted_keys=quoted_keys)}"
                    for k in keys
                )
                return f"{{{','.join(pairs)}}}"
            case list():
                items = (self.value(v, check, quoted_keys=quoted_keys) for v in value)
                return f"[{','.join(items)}]"
            case _:
                return compact(value)

    def key(self, key: str, check: Check) -> str:
        """A bare key. Errors: DialectError."""
        if not key.strip() or not _KEY.fullmatch(f"{key}:"):
            raise DialectError(f"key {key!r} cannot be written in dialect {self.dialect!r}")
        return check(key)

    def calls(self, calls: Iterable[Call], check: Check) -> str:
        """Call blocks without a separator."""
        return "".join(
            f"{self.call}call:{check(c.name)}{self.value(c.arguments, check)}{self.uncall}"
            for c in calls
        )

    def result(self, message: Message, check: Check) -> str:
        """A result block: a JSON object as it is, anything else under the key `value`."""
        try:
            value = loads(message.content)
        except ValueError:
            value = message.content
        written = self.value(value if isinstance(value, dict) else {"value": value}, check)
        return f"{self.response}response:{check(message.name or 'tool')}{written}{self.unresponse}"

    def render(self, bos: str, pieces: Iterable[Piece], last: Message) -> list[Segment]:
        """`bos` and every turn; the model's turn is open at the end unless it gave its answer."""
        segments = [Segment(text=bos)]
        open_role = ""
        for role, piece in pieces:
            if role != open_role or role != "model":
                if open_role:
                    segments.append(Segment(text=self.end, model=open_role == "model"))
                    segments.append(Segment(text="\n"))
                segments.append(Segment(text=f"{self.start}{role}\n"))
            if segments[-1].model and not piece.model:  # the model ends its calls itself
                segments.append(Segment(text=self.response, model=True))
                piece = Segment(text=piece.text.removeprefix(self.response))
            segments.append(piece)
            open_role = role
        if last.role == "assistant":
            segments.append(Segment(text=self.response if last.calls else self.end, model=True))
            if not last.calls:
                segments.append(Segment(text="\n"))
        elif last.role != "tool":
            segments += [Segment(text=f"{self.end}\n"), Segment(text=f"{self.start}model\n")]
        return segments

    # --- reading ------------------------------------------------------------------------------------

    def read(self, body: str) -> Read:
        """What a reply without stop tokens holds; what follows the first fault is not read."""
        calls: list[Call] = []
        outside: list[str] = []
        thoughts: list[str] = []
        problems: list[str] = []
        opening = re.compile("|".join(map(re.escape, (self.call, *self.channel[:1]))))
        at = 0
        while (found := opening.search(body, at)) is not None:
            outside.append(body[at : found.start()])
            try:
                if found.group() == self.call:
                    call, at = self._call(body, found.end())
                    calls.append(call)
                else:
                    at = body.find(self.channel[1], found.end())
                    thoughts.append(body[found.end() : at if at >= 0 else None])
                    if at < 0:
                        raise ValueError("the thought is not closed")
                    at += len(self.channel[1])
            except ValueError as error:
                problems.append(str(error))
                at = len(body)
        plain = "".join([*outside, body[at:]]).strip()
        return Read(calls=calls, problems=problems, text=plain, thoughts=thoughts)

    def _call(self, text: str, at: int) -> tuple[Call, int]:
        """The call at `at` (after its opening token) and where it ends. Errors: ValueError, short."""
        head = _HEAD.match(text, at)
        if head is None:
            raise ValueError(f"no call:NAME{{ after {self.call} ({text[at : at + 40]!r})")
        arguments, at = self._object(text, head.end(), _DEPTH)
        if not text.startswith(self.uncall, at):
            raise ValueError(f"a {self.call} is not closed")
        return build_call(head.group(1), arguments), at + len(self.uncall)

    def _object(self, text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
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
            result[name], at = self._value(text, key.end(), depth)
            if text.startswith("}", at):
                return result, at + 1
            if not text.startswith(",", at):
                raise ValueError(f"no , or }} at {text[at : at + 40]!r}")
            at += 1

    def _list(self, text: str, at: int, depth: int) -> tuple[list[Any], int]:
        if depth == 0:
            raise ValueError("nested too deeply")
        result: list[Any] = []
        if text.startswith("]", at):
            return result, at + 1
        while True:
            value, at = self._value(text, at, depth)
            result.append(value)
            if text.startswith("]", at):
                return result, at + 1
            if not text.startswith(",", at):
                raise ValueError(f"no , or ] at {text[at : at + 40]!r}")
            at += 1

    def _value(self, text: str, at: int, depth: int) -> tuple[Any, int]:
        if text.startswith(self.quote, at):
            start = at + len(self.quote)
            end = text.find(self.quote, start)
            if end < 0:
                raise ValueError(f"a string is not closed by {self.quote}")
            return text[start:end], end + len(self.quote)
        if text.startswith("{", at):
            return self._object(text, at + 1, depth - 1)
        if text.startswith("[", at):
            return self._list(text, at + 1, depth - 1)
        literal = _LITERAL.match(text, at)
        if literal is None:
            raise ValueError(f"no value at {text[at : at + 40]!r}")
        word = literal.group().strip()
        if word == "None":
            return None, literal.end()
        value = loads(word)
        if isinstance(value, str):
            raise ValueError(f"a string without {self.quote}: {word[:40]!r}")
        return value, literal.end()


def joined_turns(pieces: Iterable[Piece]) -> list[Turn]:
    """The pieces as plain turns; what the model says and is told in one turn stands together."""
    turns: list[Turn] = []
    for role, segment in pieces:
        if turns and turns[-1].role == role and role == "model":
            turns[-1] = Turn(role=role, content=turns[-1].content + segment.text)
        else:
            turns.append(Turn(role=role, content=segment.text))
    return turns
