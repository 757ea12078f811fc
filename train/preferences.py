"""Pairs of a right and a wrong reply to the same training example: the model's own mistakes, and broken gold.

The champion is asked the examples (never a case of a suite: the guard has seen to that); a reply that is not
the gold one, by its calls, is a wrong reply as it was written. Beside each such pair stands one whose wrong
reply is the gold calls with one fault: a call dropped, a required argument dropped, a value changed. Both
kinds in equal numbers, after When2Call (behaviour) and the fixed-budget report on tool-use DPO (structure):
the first alone teaches to call less, the second alone to call more.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from bench.dialects import Dialect, Dialogue, prompt
from bench.dialects.base import Finish
from bench.engines import Completion, Engine, Request
from bench.errors import DialectError
from bench.plan import reply_seed
from suites import Call, Message, Reply
from suites.json_text import compact
from train.examples import Example
from train.files import replaced
from train.objective import WRONG

__all__ = ["Pairs", "broken", "kept_replies", "own_replies", "pairs_of", "same"]

_BATCH = 12


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """examples: right and wrong in turn, the wrong one's id ends in `~wrong`.

    asked: examples that were put to the model; right: of them answered as gold; own: pairs with the model's
    own reply; broken: with a broken gold; unsaid: replies that the dialect cannot write.
    """

    examples: tuple[Example, ...]
    asked: int
    right: int
    own: int
    broken: int
    unsaid: int

    def line(self) -> str:
        """A line for people."""
        unsaid = f"; {self.unsaid} replies cannot be written again" if self.unsaid else ""
        return (
            f"preferences: {self.asked} examples asked, {self.right} answered right; {self.own} pairs "
            f"with the model's own reply, {self.broken} with a broken gold{unsaid}"
        )


def own_replies(
    engine: Engine,
    examples: Sequence[Example],
    dialect: Dialect,
    *,
    adapter: str | None = None,
    max_tokens: int = 128,
    temperature: float = 0.0,
    seed: int = 0,
) -> dict[str, Completion]:
    """id -> what the model says where the example's last turn stands; longest prompts first, in batches.

    adapter: the name of a loaded one. Errors: those of the engine; completions that ended in an error are
    left out.
    """
    requests = [
        Request(
            id=e.id,
            prompt=prompt(dialect, [_asked(e)]),
            dialect=dialect,
            adapter=adapter,
            max_tokens=max_tokens,
            temperature=temperature,
            seed=reply_seed(seed, e.id),
        )
        for e in examples
    ]
    requests.sort(key=lambda r: (-len(r.prompt), r.id))
    found: dict[str, Completion] = {}
    for at in range(0, len(requests), _BATCH):
        for completion in engine.generate(requests[at : at + _BATCH]):
            if completion.finish != "error":
                found[completion.id] = completion
    return found


def kept_replies(
    file: Path, key: str, ask: Callable[[], dict[str, Completion]]
) -> dict[str, Completion]:
    """The replies of the file if they were made under this key, else those of `ask`, which are put there.

    key: hash of all that decides them. A training that goes on must learn from the very same replies.
    """
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        if kept["key"] == key:
            return {name: Completion(**fields) for name, fields in kept["replies"].items()}
    except (OSError, ValueError, KeyError, TypeError):
        pass
    replies = ask()
    with replaced(file) as draft:
        data = {"key": key, "replies": {name: asdict(c) for name, c in replies.items()}}
        draft.write_text(json.dumps(data), encoding="utf-8")
    return replies


def pairs_of(
    examples: Iterable[Example],
    replies: dict[str, Completion],
    dialect: Dialect,
    *,
    seed: int = 0,
) -> Pairs:
    """The pairs that the replies give; the same arguments give the same pairs."""
    rng = Random(f"preferences:{seed}")
    found: list[Example] = []
    spare: list[tuple[Example, Message]] = []
    asked = right = own = unsaid = 0
    for example in examples:
        completion = replies.get(example.id)
        if completion is None:
            continue
        asked += 1
        gold = example.dialogue.messages[-1]
        names = [t.name for t in example.dialogue.tools]
        finish: Finish = "length" if completion.finish == "length" else "stop"
        reply = dialect.parse(completion.text, finish, names)
        fault = broken(gold, rng, example.dialogue)
        if fault is not None:
            spare.append((example, fault))
        if same(reply, gold):
            right += 1
            continue
        wrong = Message(role="assistant", content=completion.text.strip())
        if not wrong.content or not _sayable(example, wrong, dialect):
            unsaid += 1
            continue
        found += _pair(example, wrong, "own")
        own += 1
    rng.shuffle(spare)
    chosen = spare[:own]
    for example, fault in chosen:
        found += _pair(example, fault, "broken")
    return Pairs(
        examples=tuple(found),
        asked=asked,
        right=right,
        own=own,
        broken=len(chosen),
        unsaid=unsaid,
    )


def same(reply: Reply, gold: Message) -> bool:
    """Whether the reply does what gold does: the same calls in any order, or none and nothing tried."""
    if reply.problems:
        return False
    return sorted(map(_key, reply.calls)) == sorted(map(_key, gold.calls))


def broken(gold: Message, rng: Random, dialogue: Dialogue) -> Message | None:
    """The gold calls with one fault; None where there are none, or no fault can be made."""
    if not gold.calls:
        return None
    calls = list(gold.calls)
    i = rng.randrange(len(calls))
    call = calls[i]
    tool = next((t for t in dialogue.tools if t.name == call.name), None)
    required = [n for n in call.arguments if tool is not None and n in tool.required]
    kinds = ["drop"] * (len(calls) > 1) + ["argument"] * bool(required)
    kinds += ["value"] * bool(call.arguments)
    if not kinds:
        return None
    match rng.choice(kinds):
        case "drop":
            del calls[i]
        case "argument":
            gone = rng.choice(required)
            left = {k: v for k, v in call.arguments.items() if k != gone}
            calls[i] = Call(name=call.name, arguments=left)
        case _:
            name = rng.choice(sorted(call.arguments))
            calls[i] = Call(
                name=call.name,
                arguments={**call.arguments, name: _other(call.arguments[name], rng)},
            )
    return gold.model_copy(update={"calls": tuple(calls)})


def _other(value: Any, rng: Random) -> Any:
    match value:
        case bool():
            return not value
        case int() | float():
            return rng.choice((str(value), value + 1, value * 10))
        case str() if len(value.split()) > 1:
            return " ".join(value.split()[:-1])
        case str() if len(value) > 2:
            return value[:-1]
        case list() if len(value) > 1:
            return value[:-1]
    return None


def _asked(example: Example) -> Dialogue:
    return replace(example.dialogue, messages=example.dialogue.messages[:-1])


def _pair(example: Example, wrong: Message, kind: str) -> tuple[Example, Example]:
    name = f"{example.id}#{kind}"
    said = (*example.dialogue.messages[:-1], wrong)
    return (
        replace(example, id=name),
        Example(
            id=f"{name}{WRONG}",
            group=example.group,
            dialogue=replace(example.dialogue, messages=said),
        ),
    )


def _sayable(example: Example, wrong: Message, dialect: Dialect) -> bool:
    try:
        dialect.render([replace(example.dialogue, messages=(*_asked(example).messages, wrong))])
    except DialectError:
        return False
    return True


def _key(call: Call) -> str:
    return compact([call.name, sorted(call.arguments.items())])
