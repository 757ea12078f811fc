"""The notation `<tool_call>{"name": …, "arguments": {…}}</tool_call>` that Gemma 2/3 and Hermes share."""

from collections.abc import Sequence
from typing import Any

from bench.dialects.attempts import attempt
from bench.dialects.base import Finish
from bench.dialects.calls import call_from
from bench.dialects.repair import repaired_calls
from suites import Call, Reply
from suites.json_text import BrokenJSONError, compact, loads_at

__all__ = [
    "CLOSE",
    "OPEN",
    "after_thought",
    "cut_at",
    "end_of_calls",
    "read",
    "split_thought",
    "think",
    "write",
]

OPEN, CLOSE = "<tool_call>", "</tool_call>"
THINK, UNTHINK = "<think>", "</think>"
_MOST_PROBLEMS = 16


def write(calls: Sequence[Call], separator: str = "\n") -> str:
    """The calls as the model writes them, one block each."""
    blocks = (compact({"name": c.name, "arguments": c.arguments}) for c in calls)
    return separator.join(f"{OPEN}{block}{CLOSE}" for block in blocks)


def think(thought: str | None) -> str:
    """The thought block before a reply, or nothing."""
    return f"{THINK}{thought}{UNTHINK}\n" if thought else ""


def cut_at(text: str, stops: Sequence[str]) -> str:
    """The text up to the first of the stop texts."""
    found = [i for i in (text.find(stop) for stop in stops) if i >= 0]
    return text[: min(found)] if found else text


def end_of_calls(text: str) -> int | None:
    """Where a reply with calls is over: text other than a further call follows the last block."""
    at = text.find(OPEN, after_thought(text))
    while at >= 0:
        try:
            _, close = _block(text, at + len(OPEN))
        except _BrokenError as error:
            if error.resume is None:
                return None
            close = error.resume
        rest = text[close:].lstrip()
        if not rest or OPEN.startswith(rest[: len(OPEN)]):
            at = text.find(OPEN, close)
            continue
        return close
    return None


def read(text: str, finish: Finish, tools: Sequence[str]) -> Reply:
    """The reply in a text without turn markers: thought, calls, and everything that is wrong with them."""
    thought, body, problems = split_thought(text)
    calls: list[Call] = []
    outside: list[str] = []
    at = 0
    while (start := body.find(OPEN, at)) >= 0:
        outside.append(body[at:start])
        try:
            value, at = _block(body, start + len(OPEN))
            calls.append(call_from(value))
        except _BrokenError as error:
            problems.append(str(error))
            if error.resume is None or len(problems) == _MOST_PROBLEMS:
                at = len(body)
                break
            at = error.resume
        except ValueError as error:
            problems.append(str(error))
    outside.append(body[at:])
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


class _BrokenError(ValueError):
    """A block that is no JSON followed by its closing tag; resume: behind the tag, None without one."""

    def __init__(self, text: str, resume: int | None) -> None:
        super().__init__(text)
        self.resume = resume


def _block(text: str, at: int) -> tuple[Any, int]:
    """The JSON value at `at` and where its block ends. A closing tag inside a string is text.

    Errors: _BrokenError.
    """
    try:
        value, end = loads_at(text, at)
    except ValueError as error:
        # A tag before the place where the JSON breaks stands inside a string.
        broken = error.position if isinstance(error, BrokenJSONError) else at
        close = -1 if broken is None else text.find(CLOSE, broken)
        if close < 0:
            raise _BrokenError("a <tool_call> is not closed", None) from None
        raise _BrokenError(str(error), close + len(CLOSE)) from None
    while end < len(text) and text[end].isspace():
        end += 1
    if text.startswith(CLOSE, end):
        return value, end + len(CLOSE)
    close = text.find(CLOSE, end)
    if close < 0:
        raise _BrokenError("a <tool_call> is not closed", None)
    raise _BrokenError(
        f"text behind the JSON of a call: {text[end : end + 40]!r}", close + len(CLOSE)
    )


def after_thought(text: str) -> int:
    """Where what follows the thought begins; the text's length while the thought is not closed."""
    if not text.lstrip().startswith(THINK):
        return 0
    end = text.find(UNTHINK)
    return end + len(UNTHINK) if end >= 0 else len(text)


def split_thought(text: str) -> tuple[str | None, str, list[str]]:
    """(thought, the rest, problems) of a text that may begin with a `<think>` block."""
    if not text.lstrip().startswith(THINK):
        return None, text, []
    inner, closed, rest = text.lstrip()[len(THINK) :].partition(UNTHINK)
    if not closed:
        return inner.strip(), "", ["the thought is not closed"]
    return inner.strip(), rest, []
