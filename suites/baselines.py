"""Replies that need no model: the floor and the ceiling beside every score.

A metric on which *noise* scores above 0 cannot tell a model from a broken one, and is shown as such.
"""

from collections.abc import Callable
from typing import Any

from suites.model import Call, Case, Reply
from suites.schema import sample

__all__ = ["BASELINES", "gold_reply"]


def gold_reply(case: Case) -> Reply:
    """The right reply: the first acceptable value of every argument, or the case's own text.

    Where any call is right it is a call of the first tool.
    """
    wanted = case.expectation
    if wanted.calls:
        return Reply(calls=tuple(c.gold() for c in wanted.calls), thought=wanted.thought)
    if wanted.any_call:
        return _first_tool(case)
    return Reply(text=wanted.text or "", thought=wanted.thought)


def _always_decline(_: Case) -> Reply:
    return Reply(text="I'm sorry, but I can't help with that.")


def _first_tool(case: Case) -> Reply:
    """The first tool, with a simple schema-valid value for each required parameter."""
    if not case.tools:
        return Reply(text="There is no tool.")
    tool = case.tools[0]
    arguments: dict[str, Any] = {n: sample(tool.properties.get(n, {})) for n in tool.required}
    return Reply(calls=(Call(name=tool.name, arguments=arguments),))


def _noise(_: Case) -> Reply:
    return Reply(text="abc")


BASELINES: dict[str, Callable[[Case], Reply]] = {
    "gold": gold_reply,
    "always decline": _always_decline,
    "always first tool": _first_tool,
    "noise": _noise,
}
