"""Rows of a corpus among other tools: those to leave alone, and requests that none of them can meet.

Published rows offer little more than the tools that they call, and nearly always call. Beside each row's own
tools others are put on offer; and over the same tools the request of another row is asked, which has to be
declined. Both share the definitions, so the second costs little.
"""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from bench.dialects import Dialogue
from suites import Message, Tool
from train.examples import Example
from train.requests.near import FAR, Near, overlap
from train.requests.parameters import Spec, spec_of
from train.toolboxes import Library

__all__ = ["beside"]


def beside(
    examples: Sequence[Example],
    library: Library,
    *,
    most: int,
    absent: float = 0.0,
    seed: int = 0,
) -> list[Example]:
    """The examples with up to `most` tools of other examples beside their own, in any order.

    absent: behind this share of them comes a request of another example over the same tools, declined (its
    id ends in `.absent`). library: of phrases. The same arguments give the same examples.
    """
    rng = Random(f"beside:{seed}")
    known: dict[str, Spec] = {}
    for tool in (t for e in examples for t in e.dialogue.tools):
        spec = spec_of(tool)
        if spec is not None:
            known.setdefault(tool.name, spec)
    near = Near(list(known.values()))
    pool = list(known.values())
    foreign = [e for e in examples if _asks(e, known)]
    rows: list[Example] = []
    for example in examples:
        tools = _offer(example, pool, known, near, rng, most)
        rows.append(replace(example, dialogue=replace(example.dialogue, tools=tools)))
        if foreign and rng.random() < absent:
            found = _declined(example, tools, foreign, known, library, rng)
            if found is not None:
                rows.append(found)
    return rows


def _asks(example: Example, known: dict[str, Spec]) -> bool:
    """One user message, a call behind it, and words for what its first tool does."""
    messages = example.dialogue.messages
    return (
        len(messages) >= 2
        and messages[0].role == "user"
        and bool(messages[1].calls)
        and all(c.name in known for c in messages[1].calls)
        and "user" not in {m.role for m in messages[1:]}
    )


def _offer(
    example: Example,
    pool: Sequence[Spec],
    known: dict[str, Spec],
    near: Near,
    rng: Random,
    most: int,
) -> tuple[Tool, ...]:
    tools = {t.name: t for t in example.dialogue.tools}
    own = [known[n] for n in tools if n in known]
    wanted = len(tools) + (rng.randint(0, most) if pool else 0)
    for _ in range(4 * most):
        if len(tools) >= wanted:
            break
        other = (near.draw(rng.choice(own), rng) if own and rng.random() < 0.5 else None) or (
            rng.choice(pool)
        )
        if all(overlap(other, s) <= 2 * FAR for s in own):
            tools.setdefault(other.tool.name, other.tool)
    order = list(tools.values())
    rng.shuffle(order)
    return tuple(order)


def _declined(
    example: Example,
    tools: tuple[Tool, ...],
    foreign: Sequence[Example],
    known: dict[str, Spec],
    library: Library,
    rng: Random,
) -> Example | None:
    offered = [spec_of(t) for t in tools]
    if not all(offered):
        return None
    for _ in range(8):
        other = rng.choice(foreign)
        asked, reply = other.dialogue.messages[:2]
        wanted = [known[c.name] for c in reply.calls]
        if all(overlap(w, s) <= FAR for w in wanted for s in offered if s is not None):
            text = rng.choice(library.phrases["decline"]["en"]).format(does=wanted[0].does)
            dialogue = Dialogue(
                tools=tools, messages=(asked, Message(role="assistant", content=text))
            )
            name = f"{example.id}.absent"
            return Example(id=name, group=example.group, dialogue=dialogue)
    return None
