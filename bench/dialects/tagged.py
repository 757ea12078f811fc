"""The notation `<tool_call>{"name": …, "arguments": {…}}</tool_call>` that Gemma 2/3 and Hermes share."""

from collections.abc import Sequence

from bench.dialects.attempts import attempt
from bench.dialects.base import Finish
from bench.dialects.repair import repaired_calls
from bench.dialects.strict_json import call_from, compact, loads
from suites import Call, Reply

__all__ = ["CLOSE", "OPEN", "cut_at", "end_of_calls", "read", "think", "write"]

OPEN, CLOSE = "<tool_call>", "</tool_call>"
THINK, UNTHINK = "<think>", "</think>"


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
    at = text.find(OPEN, _after_thought(text))
    while at >= 0:
        close = text.find(CLOSE, at)
        if close < 0:
            return None
        close += len(CLOSE)
        rest = text[close : close + 64].lstrip()
        if not rest or OPEN.startswith(rest[: len(OPEN)]):
            at = text.find(OPEN, close)
            continue
        return close
    return None


def read(text: str, finish: Finish, tools: Sequence[str]) -> Reply:
    """The reply in a text without turn markers: thought, calls, and everything that is wrong with them."""
    thought, body, problems = _split_thought(text)
    calls: list[Call] = []
    outside: list[str] = []
    at = 0
    while (start := body.find(OPEN, at)) >= 0:
        outside.append(body[at:start])
        close = body.find(CLOSE, start)
        if close < 0:
            problems.append("a <tool_call> is not closed")
            at = len(body)
            break
        try:
            calls.append(call_from(loads(body[start + len(OPEN) : close])))
        except ValueError as error:
            problems.append(str(error))
        at = close + len(CLOSE)
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


def _after_thought(text: str) -> int:
    if not text.lstrip().startswith(THINK):
        return 0
    end = text.find(UNTHINK)
    return end + len(UNTHINK) if end >= 0 else len(text)


def _split_thought(text: str) -> tuple[str | None, str, list[str]]:
    if not text.lstrip().startswith(THINK):
        return None, text, []
    inner, closed, rest = text.lstrip()[len(THINK) :].partition(UNTHINK)
    if not closed:
        return inner.strip(), "", ["the thought is not closed"]
    return inner.strip(), rest, []
