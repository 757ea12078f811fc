"""Which examples a dialect can say, so that its own parser reads every reply back.

A text that holds a control token of the dialect, or a call that its parser would not read as it was written,
would teach replies that count as malformed; such an example is left out for that dialect.
"""

from bench.dialects import Dialect, Dialogue, prompt
from bench.errors import DialectError
from suites import Call, Message
from suites.model import canonical
from train.corpora.base import Converted, Skipped
from train.examples import Example

__all__ = ["spoken"]


def spoken(converted: Converted, dialect: Dialect) -> Converted:
    """The examples that the dialect can say; the others are skipped with the reason `dialect`."""
    kept: list[Example] = []
    skipped = list(converted.skipped)
    for example in converted.examples:
        problem = _problem(example.dialogue, dialect)
        if problem is None:
            kept.append(example)
        else:
            skipped.append(Skipped(where=example.id, reason="dialect", why=problem))
    counts = {**converted.counts, "examples": len(kept)}
    return Converted(examples=tuple(kept), skipped=tuple(skipped), counts=counts)


def _problem(dialogue: Dialogue, dialect: Dialect) -> str | None:
    names = [t.name for t in dialogue.tools]
    try:
        for i, message in enumerate(dialogue.messages):
            if message.role == "assistant":
                problem = _read_back(dialogue, i, message, dialect, names)
                if problem is not None:
                    return problem
    except DialectError as error:
        return str(error)
    return None


def _read_back(
    dialogue: Dialogue, at: int, said: Message, dialect: Dialect, names: list[str]
) -> str | None:
    asked, told = (
        prompt(dialect, [Dialogue(tools=dialogue.tools, messages=dialogue.messages[:end])])
        for end in (at, at + 1)
    )
    if not told.startswith(asked):
        return f"turn {at + 1} does not follow from what stands before it"
    reply = dialect.parse(told[len(asked) :], "stop", names)
    if reply.problems:
        return f"turn {at + 1} reads as broken: {reply.problems[0]}"
    if _written(reply.calls) != _written(said.calls):
        return f"the calls of turn {at + 1} read as others"
    if not said.calls and reply.text != said.content.strip():
        return f"the text of turn {at + 1} reads as another"
    return None


def _written(calls: tuple[Call, ...]) -> str:
    return canonical([c.model_dump(mode="json") for c in calls])
