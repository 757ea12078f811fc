"""What the model says: thoughts before a call, and texts that decline or ask."""

import json
from collections.abc import Sequence
from random import Random

from suites.model import Expectation
from train.augment.draw import Request
from train.augment.labels import label
from train.toolboxes import Library, TrainTool

__all__ = ["asking", "calling", "declining", "listed", "thought_of"]

THOUGHTS = 0.5
"""Share of the calls and texts that a thought goes before."""

_ASKS = {
    "date": "ask_date",
    "past": "ask_date",
    "datetime": "ask_date",
    "person": "ask_person",
    "code": "ask_code",
    "int": "ask_int",
}


def thought_of(rng: Random, library: Library, requests: Sequence[Request]) -> str:
    """Which tool, and what the words mean where they are not the value itself."""
    said = []
    for request in requests:
        tool = request.tool
        text = rng.choice(library.phrases["typed_note"]["en"])
        said.append(text.format(does=tool.does, tool=tool.name))
        said += [
            f'"{d.say}" means {json.dumps(d.value, ensure_ascii=False)}.'
            for d in request.values.values()
            if d.converted and not isinstance(d.value, bool)
        ]
    return " ".join(said)


def calling(rng: Random, library: Library, requests: Sequence[Request]) -> Expectation:
    """The calls that the requests ask for, in half of the cases with a thought."""
    thought = thought_of(rng, library, requests) if rng.random() < THOUGHTS else None
    return Expectation(calls=tuple(r.expected() for r in requests), thought=thought)


def declining(rng: Random, library: Library, tool: TrainTool, language: str) -> Expectation:
    """A text that says that no tool can do what is asked."""
    text = rng.choice(library.phrases["decline"][language]).format(does=tool.does)
    thought = f"None of the tools can {tool.does}." if rng.random() < THOUGHTS else None
    words = library.phrases["decline_words"][language]
    return Expectation(no_call="decline", text=text, words=words, thought=thought)


def asking(
    rng: Random, library: Library, tool: TrainTool, name: str, language: str
) -> Expectation | None:
    """A text that asks for a missing value; None where no question for it is known in the language."""
    parameter = tool.parameters[name]
    if language == "en":
        if parameter.ask is None:
            return None
        text = rng.choice(library.phrases["ask"]["en"]).format(ask=parameter.ask)
    else:
        known = library.phrases.get(_ASKS.get(parameter.kind.name, ""), {})
        if language not in known:
            return None
        text = rng.choice(known[language])
    words = (*library.phrases["ask_words"][language], *parameter.label.split())
    thought = None
    if rng.random() < THOUGHTS:
        thought = f"For {tool.name} the {label(name)} is missing, so I have to ask."
    return Expectation(no_call="ask", text=text, words=words, thought=thought)


def listed(names: Sequence[str]) -> str:
    """`the a, the b and the c`."""
    items = [f"the {label(n)}" for n in names]
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
