"""A drawn chain: one request that takes two calls, the second with what the first gives."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from suites.model import Tool
from train.augment.draw import Request, pinned_or_drawn, upper
from train.augment.offer import offered
from train.augment.results import Result, result_of
from train.toolboxes import Chain, Drawn, Library

__all__ = ["Chained", "draw_chain", "with_another_result"]


@dataclass(frozen=True, kw_only=True)
class Chained:
    """text: the user's words; first, second: the calls they take; result: what the first gave."""

    chain: Chain
    language: str
    text: str
    tools: tuple[Tool, ...]
    values: Mapping[str, Drawn]
    first: Request
    second: Request
    result: Result


def draw_chain(library: Library, rng: Random, *, foreign: float = 0.4) -> Chained:
    """One of the chains of all toolboxes. foreign: how often in another language, where it has one."""
    box = rng.choice([b for b in library.boxes if b.chains])
    chain = rng.choice(box.chains)
    first, second = box.by_name[chain.first], box.by_name[chain.second]
    abroad = bool(chain.other) and rng.random() < foreign
    language = rng.choice(sorted(chain.other)) if abroad else "en"
    template = rng.choice(chain.other[language] if abroad else chain.do)
    parameters = {**second.parameters, **first.parameters}
    values = {
        s.name: pinned_or_drawn(rng, template, parameters[s.name], language) for s in template.slots
    }
    words = template.render({n: d.say for n, d in values.items()})
    frame = rng.choice(library.phrases["sentence_frames" if abroad else "frames"][language])
    own = {n: d for n, d in values.items() if n in first.parameters}
    asked = Request(tool=first, template=template, form="do", language=language, values=own)
    after = replace(asked, tool=second, values={})
    result = result_of(rng, asked)
    return Chained(
        chain=chain,
        language=language,
        text=frame.format(do=words, Do=upper(words), s=words),
        tools=offered(rng, library, [first, second]),
        values=values,
        first=asked,
        second=_passed_on(chain, after, values, result),
        result=result,
    )


def with_another_result(rng: Random, chained: Chained) -> Chained:
    """The same dialogue over another result of the first call, so that the second call differs."""
    result = result_of(rng, chained.first)
    second = _passed_on(chained.chain, chained.second, chained.values, result)
    return replace(chained, result=result, second=second)


def _passed_on(
    chain: Chain, second: Request, values: Mapping[str, Drawn], result: Result
) -> Request:
    given = {p: result.fields[f] for f, p in chain.give.items()}
    known = {**values, **given}
    names = second.tool.parameters
    return replace(second, values={n: known[n] for n in names if n in known})
