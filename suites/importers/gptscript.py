"""GPTScript's function-calling-test-suite: written dialogues with their calls, results and a rubric.

Read: every YAML file of specs, each a stream of documents with prompt, system_prompt, available_functions,
expected_function_calls (in order; `any_order` groups; `optional` calls) and final_answer_should.

Each turn of a dialogue becomes a case: the calls expected next, given all calls and results before them, and
the answer at the end. Within an `any_order` group a turn holds every call that needs no result of another
call left in the group, as far as their data show it (a result that is an argument, or part of one).

Where a right model may do otherwise than the case says, the case is kept and excluded:

- `order_free`: the calls of the turn may also be made one by one, or with calls of the turn after it, since
  their arguments do not come from results

A call that is `optional` is right to make and right to leave out; no one expectation says that, so its turn
is skipped, and the answer is judged in the dialogue in which it was made.

The answer's facts are the results that the rubric says it should state (quoted, or of at most four words, of
which `Sunny, 75 degrees` makes two facts), in clauses without may, can or not; without any, the answer need
only be text. The gold text is made of the rubric's words, for gold replay: nobody's published answer.
"""

import re
from dataclasses import dataclass
from typing import Any

from suites.errors import SuiteError
from suites.importers.base import Imported
from suites.importers.building import Ids, Rows, build, call_from, text_of
from suites.importers.schemas import plain_tool
from suites.importers.source import Source
from suites.json_text import compact, loads
from suites.model import Answer, Call, Case, Expectation, Fact, Message, NoCall
from suites.values import plain_text
from suites.words import numbers_in, says
from suites.yaml_io import load_yaml

__all__ = ["read"]

_CATEGORIES = {
    "basic": "one call, and its result in the answer",
    "basic_negative": "a call that cannot be made: a wrong argument, a tool that is not there",
    "sequenced": "calls one after another",
    "sequenced_negative": "calls one after another, one of which cannot be made",
    "chained": "calls that need the results of earlier ones",
    "chained_negative": "a result that cannot be the argument of the next call",
    "semantic": "calls that a request in words asks for, without naming functions",
    "semantic_negative": "a request in words that the functions cannot do, or not whole",
}
_EXCLUSIONS = {
    "order_free": "a right model may also make these calls one by one, or with those of the next turn",
}
_MARK = re.compile(r"^---(?=\s|$)", re.MULTILINE)
_SHOULD = re.compile(
    r"^(?:the )?(?:final )?answer (?:should|can|may|must) (?:indicate (?:that )?)?(?:the (?=it'))?",
    re.I,
)
_TAIL = re.compile(r"(?<=\.)\s+(?=The|It)|,? (?:and|or|but) (?:may|can|should|suggest|that)")
_CLAUSE = re.compile(r"(?<=[.;])\s+|\bbut\b|\n\s*-")
_OPEN = re.compile(r"\b(?:may|can|could|not|no|never|cannot)\b", re.I)
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
_NO_RUBRIC = "All of it is done."


@dataclass(frozen=True, kw_only=True)
class _Made:
    """An expected call with its result. group: the place in the outer list."""

    call: Call
    result: str
    optional: bool
    group: int


def read(source: Source) -> Imported:
    """Every spec file of the source as one suite. Errors: SuiteError if there is none, or broken YAML."""
    rows, ids = Rows(), Ids()
    names = [n for n in source.names if n.endswith((".yaml", ".yml"))]
    folders = [n for n in names if "/specs/" in f"/{n}"]
    if not names:
        raise SuiteError("holds no .yaml file of specs: give the folder `specs`", file=source.name)
    for name in sorted(folders or names):
        stem = name.rpartition("/")[2].rpartition(".")[0]
        stem = re.sub(r"\s+", "-", stem)
        for i, spec in enumerate(_documents(source, name), start=1):
            _read_spec(spec, f"{stem}-{i}", re.sub(r"^\d+_", "", stem), rows, ids)
    found = {c.category for c in rows.cases}
    return Imported(
        about="GPTScript's function-calling-test-suite: every turn of its dialogues, and the answers",
        version=source.version or "unknown",
        licence="Apache-2.0",
        cases=tuple(rows.cases),
        categories={k: _CATEGORIES.get(k, f"the specs {k}") for k in sorted(found)},
        exclusions=rows.exclusions(_EXCLUSIONS),
        exclusions_version="1",
        skipped=tuple(rows.skipped),
        notes=(
            "Its own judge of answers is a language model with the rubric; here an answer must state the "
            "results that the rubric names.",
            *rows.number_notes(),
        ),
    )


def _documents(source: Source, name: str) -> list[Any]:
    """The documents of a YAML stream. `---` at the start of a line is always a mark between documents."""
    text = source.text(name)
    marks = [0, *(m.end() for m in _MARK.finditer(text))]
    ends = [*(m.start() for m in _MARK.finditer(text)), len(text)]
    found = []
    for start, end in zip(marks, ends, strict=True):
        lines_before = "\n" * text.count("\n", 0, start)
        found.append(load_yaml(lines_before + text[start:end], source.place(name))[0])
    return [d for d in found if d is not None]


def _plain(spec: Any) -> Any:
    """The document as JSON would hold it: neither endless nor nested deeper than JSON may be here."""
    try:
        return loads(compact(spec))
    except (ValueError, RecursionError) as error:
        raise SuiteError(f"is no plain data: {error}") from None


def _read_spec(spec: Any, place: str, category: str, rows: Rows, ids: Ids) -> None:
    try:
        spec = _plain(spec)
        if not isinstance(spec, dict):
            raise SuiteError("a spec must be a mapping")
        prompt = text_of(spec.get("prompt"), "prompt")
        tools = tuple(plain_tool(t) for t in _list(spec, "available_functions"))
        made = _expected(_list(spec, "expected_function_calls"))
        tags = tuple(t for t in _list(spec, "categories") if isinstance(t, str))
        rubric = spec.get("final_answer_should")
        rubric = rubric if isinstance(rubric, str) else ""
        messages: list[Message] = []
        if spec.get("system_prompt") is not None:
            text = text_of(spec["system_prompt"], "system_prompt")
            messages.append(Message(role="system", content=text))
        messages.append(Message(role="user", content=prompt))
    except SuiteError as error:
        rows.skip(place, error)
        return
    shared = {"group": place, "category": category, "tools": tools, "tags": tags}
    turns = _turns(made)
    for i, turn in enumerate(turns):
        where = f"{place}-call-{i + 1}"
        try:
            if any(m.optional for m in turn):
                raise SuiteError("the call is optional: with it and without it are both right")
            wanted = Expectation(calls=rows.calls((m.call for m in turn), tools))
            case = build(
                id=ids.take(where, where), messages=tuple(messages), expectation=wanted, **shared
            )
            rows.cases.append(case)
            if _is_free(turn, turns[i + 1] if i + 1 < len(turns) else []):
                rows.exclude("order_free", case)
        except SuiteError as error:
            rows.skip(where, error)
        messages.append(Message(role="assistant", calls=tuple(m.call for m in turn)))
        messages += [Message(role="tool", name=m.call.name, content=m.result) for m in turn]
    try:
        rows.cases.append(_answer_case(f"{place}-answer", ids, messages, made, rubric, shared))
    except SuiteError as error:
        rows.skip(f"{place}-answer", error)


def _list(spec: dict[str, Any], key: str) -> list[Any]:
    value = spec.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise SuiteError("must be a list", field=key)
    return value


# --- turns ------------------------------------------------------------------------------------------


def _expected(entries: list[Any]) -> list[_Made]:
    found: list[_Made] = []
    for group, entry in enumerate(entries):
        inner = (
            entry.get("any_order") if isinstance(entry, dict) and "any_order" in entry else [entry]
        )
        if not isinstance(inner, list):
            raise SuiteError("any_order must be a list", field="expected_function_calls")
        for item in inner:
            call = call_from(item)
            result = item.get("result")
            result = (
                result if isinstance(result, str) else "" if result is None else compact(result)
            )
            optional = item.get("optional") is True
            found.append(_Made(call=call, result=result, optional=optional, group=group))
    return found


def _turns(made: list[_Made]) -> list[list[_Made]]:
    """The calls of each turn, in order."""
    turns: list[list[_Made]] = []
    for group in dict.fromkeys(m.group for m in made):
        left = [m for m in made if m.group == group]
        while left:
            ready = [m for m in left if not any(_needs(m, o) for o in left if o is not m)]
            ready = ready or left[:1]
            turns.append(ready)
            left = [m for m in left if m not in ready]
    return turns


def _is_free(turn: list[_Made], after: list[_Made]) -> bool:
    """Whether another split of the calls would be right, too: judged by their data alone."""
    return len(turn) > 1 or any(not any(_needs(m, o) for o in turn) for m in after)


def _needs(later: _Made, earlier: _Made) -> bool:
    """Whether an argument is, holds or is part of the result of an earlier call."""
    result = plain_text(earlier.result)
    texts = [plain_text(t) for t in _texts(later.call.arguments)]
    return any(t and result and (t == result or _within(t, result)) for t in texts)


def _within(text: str, result: str) -> bool:
    return (len(text) > 2 and text in result) or (len(result) > 2 and result in text)


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [t for v in value.values() for t in _texts(v)]
    if isinstance(value, list | tuple):
        return [t for v in value for t in _texts(v)]
    return [value if isinstance(value, str) else compact(value)]


# --- the answer -------------------------------------------------------------------------------------


def _answer_case(
    where: str, ids: Ids, messages: list[Message], made: list[_Made], rubric: str, shared: Any
) -> Case:
    negative = "negative" in shared["tags"]
    kind: NoCall = "decline" if negative else "answer"
    facts = _facts(rubric, [m.result for m in made])
    text = _gold_text(rubric, facts)
    return build(
        id=ids.take(where, where),
        messages=tuple(messages),
        expectation=Expectation(
            no_call=kind, text=text, answer=Answer(facts=facts) if facts else None
        ),
        note=rubric.strip(),
        **shared,
    )


def _gold_text(rubric: str, facts: tuple[Fact, ...]) -> str:
    listed = [line.strip()[2:] for line in rubric.splitlines() if line.strip().startswith("- ")]
    whole = _SHOULD.sub("", " ".join(rubric.split())).strip()
    short = _TAIL.split(whole)[0].strip()
    for text in (". ".join(listed), short, whole):
        if text and all(says(text, f) for f in facts):
            return (
                text if any(c.isupper() for c in text.split()[0]) else text[:1].upper() + text[1:]
            )
    return _NO_RUBRIC


def _facts(rubric: str, results: list[str]) -> tuple[Fact, ...]:
    clauses = [" ".join(c.split()) for c in _CLAUSE.split(rubric) if c and not _OPEN.search(c)]
    stated = " \n ".join(clauses)
    quoted = {plain_text(q) for q in re.findall(r'"([^"]+)"', stated)}
    found: dict[str, Fact] = {}
    for result in results:
        value = " ".join(result.split())
        pieces = value.split(", ") if len(value.split()) <= 4 else []
        for piece in [value] if plain_text(value) in quoted else pieces:
            if piece.strip() and says(stated, Fact(any_of=(piece,))):
                found.setdefault(plain_text(piece), Fact(any_of=_ways(piece)))
    return tuple(found.values())


def _ways(piece: str) -> tuple[str | float, ...]:
    """The text itself; the same time by the twelve-hour clock; the bare number of `75 degrees`."""
    clock = _CLOCK.fullmatch(piece)
    if clock is not None and int(clock[1]) < 24:
        hour, half = int(clock[1]) % 12 or 12, "pm" if int(clock[1]) > 11 else "am"
        short = f"{hour}:{clock[2]}"
        return piece, f"{short} {half}", f"{short}{half}", f"{short} {half[0]}.m."
    numbers = numbers_in(piece)
    measure = re.fullmatch(r"-?[\d.,]+(?: [^\W\d_]+)?", piece)
    return (piece, *numbers) if measure and len(numbers) == 1 else (piece,)
