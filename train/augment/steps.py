"""missed_followup and repeated_call: the next call with what the last one gave, and none when all is done."""

from collections.abc import Iterator
from random import Random

from suites.model import Answer, Expectation, Fact, Message
from train.augment.case import Draft, user
from train.augment.chains import Chained, draw_chain, with_another_result
from train.augment.draw import Request
from train.augment.output import answer_draft
from train.augment.requests import call_draft, drawn
from train.augment.results import fact_of, result_of, told
from train.augment.say import THOUGHTS
from train.toolboxes import Library

__all__ = ["missed_followup", "repeated_call"]


def missed_followup(library: Library, rng: Random) -> Iterator[Draft]:
    """The first call of a chain is answered: the second has to follow, with the value that came back."""
    chained = draw_chain(library, rng)
    if rng.random() < 0.2:
        yield _first_step(rng, chained)
    if chained.language == "en" and chained.first.tool.none is not None and rng.random() < 0.2:
        yield _nothing_found(library, rng, chained)
        return
    yield _second_step(rng, chained)
    if rng.random() < 0.3:
        yield _second_step(rng, with_another_result(rng, chained))


def repeated_call(library: Library, rng: Random) -> Iterator[Draft]:
    """All is done: it is told. In some groups a new request follows, which has to be called for."""
    if rng.random() < 0.4:
        yield _finished(rng, draw_chain(library, rng, foreign=0.0))
        return
    request = drawn(rng, library, share=0.0, form="do")
    draft = answer_draft(rng, library, request, result_of(rng, request), category="done")
    yield draft
    if rng.random() < 0.3:
        yield _once_more(library, rng, request, draft)


def _once_more(library: Library, rng: Random, request: Request, draft: Draft) -> Draft:
    """The user asks for the like of it again, with other values."""
    other = drawn(rng, library, [request.tool], share=0.0, form="do")
    told_it = Message(role="assistant", content=draft.expectation.text or "")
    thanks = rng.choice(library.phrases["thanks"]["en"])
    welcome = rng.choice(library.phrases["welcome"]["en"])
    between = (user(thanks), Message(role="assistant", content=welcome))
    before = (*draft.messages, told_it, *(between if rng.random() < 0.4 else ()))
    return call_draft(rng, library, other, category="asked_again", tools=draft.tools, before=before)


def _draft(
    chained: Chained, category: str, messages: tuple[Message, ...], wanted: Expectation
) -> Draft:
    return Draft(
        category=category,
        tools=chained.tools,
        messages=messages,
        expectation=wanted,
        language=chained.language,
    )


def _observed(rng: Random, chained: Chained, content: str) -> tuple[Message, ...]:
    first, second = chained.first.tool.name, chained.second.tool.name
    thought = _kept(rng, f"First {first}: its result is needed for {second}.")
    return (
        user(chained.text),
        Message(role="assistant", calls=(chained.first.call(),), thought=thought),
        Message(role="tool", name=first, content=content),
    )


def _first_step(rng: Random, chained: Chained) -> Draft:
    """Nothing has been called yet: the lookup comes first."""
    thought = f"{chained.second.tool.name} needs what {chained.first.tool.name} can tell."
    wanted = Expectation(calls=(chained.first.expected(),), thought=_kept(rng, thought))
    return _draft(chained, "first_step", (user(chained.text),), wanted)


def _second_step(rng: Random, chained: Chained) -> Draft:
    """The lookup is answered: its value goes into the second call."""
    say = chained.result.fields[next(iter(chained.chain.give))].say
    thought = f"The result gives {say}; now {chained.second.tool.name}."
    wanted = Expectation(calls=(chained.second.expected(),), thought=_kept(rng, thought))
    messages = _observed(rng, chained, chained.result.content)
    return _draft(chained, "second_step", messages, wanted)


def _nothing_found(library: Library, rng: Random, chained: Chained) -> Draft:
    """The lookup found nothing: there is nothing to go on with."""
    none = chained.first.tool.none
    words = {n: d.say for n, d in chained.first.values.items()}
    said = none.render(words) if none is not None else "nothing was found"
    facts = (Fact(any_of=tuple(library.payloads["nothing_words"])),)
    wanted = Expectation(
        no_call="answer",
        answer=Answer(facts=facts),
        text=rng.choice(library.payloads["stopped"]).format(none=said),
    )
    content = rng.choice(('{"results":[]}', "null", '{"found":false}', '{"count":0}'))
    return _draft(chained, "nothing_found", _observed(rng, chained, content), wanted)


def _finished(rng: Random, chained: Chained) -> Draft:
    """Both calls are answered: what came of it is told."""
    result = result_of(rng, chained.second)
    answer = told(rng, chained.second, result)
    messages = (
        *_observed(rng, chained, chained.result.content),
        Message(role="assistant", calls=(chained.second.call(),)),
        Message(role="tool", name=chained.second.tool.name, content=result.content),
    )
    facts = tuple(fact_of(result.fields[f]) for f in dict.fromkeys(answer.fields))
    wanted = Expectation(no_call="answer", answer=Answer(facts=facts), text=answer.text)
    return _draft(chained, "finished", messages, wanted)


def _kept(rng: Random, thought: str) -> str | None:
    return thought if rng.random() < THOUGHTS else None
