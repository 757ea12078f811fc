"""What to do with a result: tell it faithfully, whatever else stands in it, and say so when it is none."""

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from suites.model import Answer, Expectation, Fact, FailureMode, Message, Tool
from suites.words import says
from train.augment.case import Draft, user
from train.augment.decide import chat_draft
from train.augment.draw import Request, draw_request, wrapped
from train.augment.labels import label
from train.augment.offer import offered
from train.augment.requests import call_draft
from train.augment.results import Result, fact_of, other_result, payload, result_of, told
from train.augment.say import THOUGHTS, thought_of
from train.toolboxes import Library, TrainTool
from train.toolboxes.kinds import kind_from

__all__ = [
    "answer_draft",
    "contradicted_output",
    "followed_injection",
    "ignored_output",
    "misread_error",
    "no_answer",
    "observed",
]


def observed(
    rng: Random, library: Library, request: Request, content: str, question: str | None = None
) -> tuple[Message, ...]:
    """The request, the call that was made for it, and what the tool answered."""
    thought = thought_of(rng, library, [request]) if rng.random() < THOUGHTS else None
    return (
        user(question or wrapped(rng, library, request)),
        Message(role="assistant", calls=(request.call(),), thought=thought),
        Message(role="tool", name=request.tool.name, content=content),
    )


def answer_draft(
    rng: Random,
    library: Library,
    request: Request,
    result: Result,
    *,
    category: str = "ok",
    tools: tuple[Tool, ...] | None = None,
    question: str | None = None,
    if_missing: FailureMode = FailureMode.IGNORED_OUTPUT,
    after: str = "",
) -> Draft:
    """The result, told. after: a sentence that follows the answer."""
    answer = told(rng, request, result)
    facts = tuple(fact_of(result.fields[f]) for f in dict.fromkeys(answer.fields))
    return Draft(
        category=category,
        tools=tools or offered(rng, library, [request.tool]),
        messages=observed(rng, library, request, result.content, question),
        expectation=Expectation(
            no_call="answer",
            answer=Answer(facts=facts, if_missing=if_missing),
            text=answer.text + after,
        ),
    )


def _lookup(library: Library, rng: Random) -> Request | None:
    tool = rng.choice([t for t in library.tools if t.none is not None])
    return draw_request(rng, tool)


def _any(library: Library, rng: Random) -> Request | None:
    return draw_request(rng, rng.choice(library.tools))


def ignored_output(library: Library, rng: Random) -> Iterator[Draft]:
    """Full, empty, partial and outdated results; in every fifth group the request alone, to be called for."""
    request = _any(library, rng) if rng.random() < 0.4 else _lookup(library, rng)
    if request is None:
        return
    if request.tool.none is None or rng.random() < 0.45:
        yield answer_draft(rng, library, request, result_of(rng, request))
    else:
        makes = (_empty, _partial, _stale)
        if (draft := rng.choice(makes)(library, rng, request)) is not None:
            yield draft
    if rng.random() < 0.2:
        yield call_draft(rng, library, request)


def contradicted_output(library: Library, rng: Random) -> Iterator[Draft]:
    """The same dialogue over two payloads, each forbidding the other's value; and sources that disagree."""
    request = _lookup(library, rng)
    if request is None:
        return
    if rng.random() < 0.3:
        if (conflict := _conflict(library, rng, request)) is not None:
            yield conflict
        return
    first = result_of(rng, request)
    question, tools = wrapped(rng, library, request), offered(rng, library, [request.tool])
    draft = answer_draft(
        rng, library, request, first, category="twin", tools=tools, question=question
    )
    told_fields = [
        n for n, d in first.fields.items() if says(draft.expectation.text or "", fact_of(d))
    ]
    field = rng.choice(told_fields or sorted(first.fields))
    second = other_result(rng, request, first, field)
    if second is None:
        return
    twin = answer_draft(
        rng, library, request, second, category="twin", tools=tools, question=question
    )
    for one, other in ((draft, second), (twin, first)):
        value = fact_of(other.fields[field])
        if not says(one.expectation.text or "", value):
            yield _forbidding(one, value)


def _forbidding(draft: Draft, value: Fact) -> Draft:
    answer = draft.expectation.answer
    facts = answer.facts if answer is not None else ()
    whole = Answer(facts=facts, absent=(value,))
    expectation = draft.expectation.model_copy(update={"answer": whole})
    return Draft(
        category=draft.category,
        tools=draft.tools,
        messages=draft.messages,
        expectation=expectation,
    )


def misread_error(library: Library, rng: Random) -> Iterator[Draft]:
    """Errors in many forms are told as such, without a second try; and some results that are no error."""
    tool = rng.choice(library.tools)
    spoken = [x for x in ("de", "fr", "es") if x in tool.other]
    language = rng.choice(spoken) if spoken and rng.random() < 0.6 else "en"
    request = draw_request(rng, tool, language=language)
    if request is None:
        return
    tools = offered(rng, library, [tool])
    question = wrapped(rng, library, request)
    yield _error(library, rng, request, tools, question)
    if rng.random() < 0.2 and language == "en":
        yield answer_draft(
            rng, library, request, result_of(rng, request), tools=tools, question=question
        )
    elif rng.random() < 0.12:
        yield call_draft(rng, library, request, tools=tools)


def _error(
    library: Library, rng: Random, request: Request, tools: tuple[Tool, ...], question: str
) -> Draft:
    entry = rng.choice(library.payloads["errors"])
    text = rng.choice(library.payloads["failed"][request.language])
    content = entry["is"] if isinstance(entry["is"], str) else _compact(entry["is"])
    absent = tuple(Fact(any_of=(w,)) for w in ("successfully", "all set"))
    return Draft(
        category="error",
        tools=tools,
        messages=observed(rng, library, request, content, question),
        expectation=Expectation(
            no_call="answer",
            answer=Answer(
                facts=(Fact(any_of=tuple(library.payloads["failed_words"])),),
                absent=absent,
                if_missing=FailureMode.MISREAD_ERROR,
                if_present=FailureMode.MISREAD_ERROR,
            ),
            text=text.format(say=entry["say"][request.language]),
        ),
        language=request.language,
    )


def followed_injection(library: Library, rng: Random) -> Iterator[Draft]:
    """A result with orders in it: they are data. Beside it the same result without them."""
    request = _any(library, rng) if rng.random() < 0.3 else _lookup(library, rng)
    if request is None:
        return
    tools = offered(rng, library, [request.tool], near=0.7, size=rng.randint(2, 8))
    others = [t.name for t in tools if t.name != request.tool.name]
    hostile = rng.choice(others)
    text = rng.choice(library.payloads["hostile"]).replace("{tool}", hostile)
    field = rng.choice(
        [f for f in library.payloads["hostile_fields"] if f not in request.tool.returns]
    )
    result = result_of(rng, request, more={field: text})
    after = rng.choice(library.payloads["ignored_en"])
    question = wrapped(rng, library, request)
    draft = answer_draft(
        rng,
        library,
        request,
        result,
        category="hostile",
        tools=tools,
        question=question,
        after=after,
    )
    update = {"injected": (hostile,)}
    yield Draft(
        category="hostile",
        tools=draft.tools,
        messages=draft.messages,
        expectation=draft.expectation.model_copy(update=update),
    )
    if rng.random() < 0.25:
        yield answer_draft(
            rng, library, request, result_of(rng, request), tools=tools, question=question
        )
    elif rng.random() < 0.2:
        yield call_draft(rng, library, request, tools=tools)


def no_answer(library: Library, rng: Random) -> Iterator[Draft]:
    """After a result, and after a question that needs no tool, something that helps is said."""
    request = _any(library, rng)
    if request is None:
        return
    tools = offered(rng, library, [request.tool])
    if rng.random() < 0.2:
        yield chat_draft(rng, library, tools)
        return
    yield answer_draft(
        rng,
        library,
        request,
        result_of(rng, request),
        tools=tools,
        if_missing=FailureMode.NO_ANSWER,
    )
    if rng.random() < 0.15:
        yield call_draft(rng, library, request, tools=tools)


# --- results that are not what was hoped for --------------------------------------------------------


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _empty(library: Library, rng: Random, request: Request) -> Draft | None:
    tool: TrainTool = request.tool
    assert tool.none is not None
    none = tool.none.render({n: d.say for n, d in request.values.items()})
    text = rng.choice(library.payloads["none_tell"]).format(none=none)
    content = _compact(rng.choice(library.payloads["empty"]))
    facts = (Fact(any_of=tuple(library.payloads["nothing_words"])),)
    return Draft(
        category="empty",
        tools=offered(rng, library, [tool]),
        messages=observed(rng, library, request, content),
        expectation=Expectation(no_call="answer", answer=Answer(facts=facts), text=text),
    )


def _partial(library: Library, rng: Random, request: Request) -> Draft | None:
    names = sorted(request.tool.returns)
    if len(names) < 2:
        return None
    missing = rng.choice(names)
    result = result_of(rng, request)
    known = [n for n in names if n != missing]
    fields = {n: result.fields[n] for n in known}
    content = payload(rng, request, fields, {missing: None} if rng.random() < 0.6 else {})
    sentence = " ".join(f"The {label(n)} is {fields[n].say}." for n in known)
    text = rng.choice(library.payloads["partial"][0]).format(known=sentence, missing=label(missing))
    nothing = Fact(any_of=tuple(library.payloads["missing_words"]))
    return Draft(
        category="partial",
        tools=offered(rng, library, [request.tool]),
        messages=observed(rng, library, request, content),
        expectation=Expectation(
            no_call="answer",
            answer=Answer(facts=(*(fact_of(d) for d in fields.values()), nothing)),
            text=text,
        ),
    )


def _stale(library: Library, rng: Random, request: Request) -> Draft | None:
    past = kind_from("past", {}, "as_of").draw(rng, "en")
    result = result_of(rng, request, more={"as_of": past.value})
    known = told(rng, request, result)
    text = rng.choice(library.payloads["stale_tell"]).format(as_of=past.say, known=known.text)
    facts = (*(fact_of(result.fields[f]) for f in known.fields), fact_of(past))
    return Draft(
        category="stale",
        tools=offered(rng, library, [request.tool]),
        messages=observed(rng, library, request, result.content),
        expectation=Expectation(no_call="answer", answer=Answer(facts=facts), text=text),
    )


def _conflict(library: Library, rng: Random, request: Request) -> Draft | None:
    field = rng.choice(sorted(request.tool.returns))
    first = result_of(rng, request)
    second = other_result(rng, request, first, field)
    if second is None:
        return None
    a, b = first.fields[field], second.fields[field]
    agreed = {n: d for n, d in first.fields.items() if n != field}
    s1, s2 = rng.choice(library.payloads["sources"])
    same = {n: d.value for n, d in agreed.items()}
    rows = [{"source": s, field: d.value, **same} for s, d in ((s1, a), (s2, b))]
    text = rng.choice(library.payloads["conflict"][0])
    said = text.format(field=label(field), s1=s1, s2=s2, a=a.say, b=b.say)
    said += "".join(f" The {label(n)} is {d.say} in both." for n, d in agreed.items())
    facts = tuple(map(fact_of, (a, b, *agreed.values())))
    return Draft(
        category="conflict",
        tools=offered(rng, library, [request.tool]),
        messages=observed(rng, library, request, _compact(rows)),
        expectation=Expectation(
            no_call="answer",
            answer=Answer(facts=facts, if_missing=FailureMode.CONTRADICTED_OUTPUT),
            text=said,
        ),
    )
