"""Examples in the context (`--shots K`): finished dev cases of other tools, never of the case's own group."""

import hashlib
from collections.abc import Sequence

from bench.dialects import Dialogue
from bench.errors import UsageError
from suites import Case, Message, gold_reply

__all__ = ["choose_shots", "finished", "shot_order"]

_TURN = ("call", "ask", "decline", "answer")


def shot_order(pool: Sequence[Case], seed: int) -> list[Case]:
    """The pool in the order in which examples are taken: kinds in turn, short ones first, ties by seed.

    The order does not depend on the case asked, so most cases of a run share the same examples.
    """

    def rank(case: Case) -> tuple[int, str]:
        size = sum(len(t.model_dump_json()) for t in case.tools)
        size += sum(len(m.content) for m in case.messages)
        return size // 200, hashlib.sha256(f"{seed}:{case.id}".encode()).hexdigest()

    by_kind = {kind: [c for c in pool if c.expectation.kind == kind] for kind in _TURN}
    for cases in by_kind.values():
        cases.sort(key=rank)
    ordered: list[Case] = []
    while any(by_kind.values()):
        for kind in _TURN:
            if by_kind[kind]:
                ordered.append(by_kind[kind].pop(0))
    return ordered


def choose_shots(case: Case, ordered: Sequence[Case], count: int) -> list[Case]:
    """The first `count` cases that share neither group nor any tool name with the case, nor each other.

    Errors: UsageError if there are not enough.
    """
    chosen: list[Case] = []
    taken = {t.name for t in case.tools}
    groups = {case.group}
    for other in ordered:
        if len(chosen) == count:
            break
        names = {t.name for t in other.tools}
        if other.group not in groups and not names & taken:
            chosen.append(other)
            groups.add(other.group)
            taken |= names
    if len(chosen) < count:
        raise UsageError(
            f"only {len(chosen)} examples with other tools for case {case.id}, not {count}"
        )
    return chosen


def finished(case: Case) -> Dialogue:
    """The case with its gold reply as the model's last turn."""
    gold = gold_reply(case)
    last = Message(role="assistant", content=gold.text, calls=gold.calls, thought=gold.thought)
    return Dialogue(tools=case.tools, messages=(*case.messages, last))
