"""Blocks: some tools on offer, and several requests over them, so that their definitions are computed once.

Of each block the first request is for one of its tools; the others are drawn: another call, several calls of
one tool, of two tools, a required value left out (ask), a tool that is not on offer (decline). The gold call
obeys its schema by construction and is checked all the same.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from bench.dialects import Dialogue
from suites import Call, Message, SuiteError, Tool
from suites.schema import argument_problems, schema_problems
from train.augment.draw import upper
from train.augment.mask import masked_names, rename
from train.examples import Example
from train.requests.near import FAR, Near, overlap
from train.requests.parameters import Parameter, Spec, spec_of
from train.requests.restyle import restyled
from train.requests.values import Value, draw_value
from train.requests.wording import clause, request, twice
from train.toolboxes import Library

__all__ = ["CraftedRow", "Shares", "crafted"]

_SIZES = ((1, 2, 3, 4, 6), (40, 22, 20, 13, 5))


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How often a request behind the first of its block is of which kind; weights, not probabilities.

    call: one call; again: several calls of one tool; two: of two tools; absent: of a tool that is not on
    offer; missing: without a required value. each: requests a block.
    """

    call: float = 0.34
    again: float = 0.12
    two: float = 0.10
    absent: float = 0.32
    missing: float = 0.12
    each: int = 4


@dataclass(frozen=True, kw_only=True)
class CraftedRow:
    """One request and the right reply. kind: as in Shares."""

    kind: str
    example: Example


def crafted(
    tools: Sequence[Tool],
    library: Library,
    n: int,
    *,
    seed: int = 0,
    shares: Shares | None = None,
    mask: float = 0.08,
) -> list[CraftedRow]:
    """`n` requests over the tools, the same for the same arguments. mask: blocks whose names say nothing.

    library: of phrases and pools. Errors: SuiteError where fewer than two tools can be asked for, or where
    they do not give that many distinct requests.
    """
    rng = Random(f"requests:{seed}")
    specs = [s for t in tools if (s := spec_of(t)) and not schema_problems(t)]
    if len(specs) < 2:
        raise SuiteError(
            f"requests can be made for {len(specs)} of {len(tools)} tools: a description must begin with a "
            "verb, and at least two must"
        )
    near = Near(specs)
    rows: list[CraftedRow] = []
    seen: set[str] = set()
    for number in range(8 * n + 40):
        if len(rows) >= n:
            return rows[:n]
        for row in _block(specs, near, library, rng, shares or Shares(), mask, f"{seed}.{number}"):
            key = repr(row.example.dialogue)
            if key not in seen:
                seen.add(key)
                rows.append(row)
    if len(rows) < n:
        raise SuiteError(f"the tools give {len(rows)} distinct requests, not {n}: ask for fewer")
    return rows[:n]


def _block(
    specs: Sequence[Spec],
    near: Near,
    library: Library,
    rng: Random,
    shares: Shares,
    mask: float,
    name: str,
) -> Iterator[CraftedRow]:
    size = rng.choices(*_SIZES)[0]
    first = rng.choice(specs)
    chosen = {first.tool.name: first}
    for _ in range(3 * size):
        if len(chosen) >= size:
            break
        other = (near.draw(first, rng) if rng.random() < 0.4 else None) or rng.choice(specs)
        if overlap(first, other) < 0.7:
            chosen.setdefault(other.tool.name, other)
    offer = [restyled(s, rng) for s in chosen.values()]
    if len({s.tool.name for s in offer}) < len(offer) or any(
        schema_problems(s.tool) for s in offer
    ):
        return
    order = list(offer)
    rng.shuffle(order)
    hidden = masked_names([s.tool for s in order], rng) if rng.random() < mask else None
    tools = tuple(hidden[s.tool.name].tool if hidden else s.tool for s in order)
    names = ("call", "again", "two", "absent", "missing")
    weights = [float(getattr(shares, k)) for k in names]
    kinds = ["call", *rng.choices(names, weights, k=shares.each - 1)]
    made = _Maker(specs, offer, near, library, rng)
    for i, kind in enumerate(kinds):
        said = made.make(kind, offer[0] if i == 0 else rng.choice(offer))
        if said is None:
            continue
        text, calls, answer = said
        if hidden:
            calls = tuple(rename(c, hidden[c.name]) for c in calls)
        reply = Message(role="assistant", content=answer, calls=calls)
        dialogue = Dialogue(tools=tools, messages=(Message(role="user", content=text), reply))
        example = Example(id=f"request.{name}.{i}", group=f"request.{name}", dialogue=dialogue)
        yield CraftedRow(kind=kind, example=example)


Said = tuple[str, tuple[Call, ...], str]
"""The request, the calls it asks for, and the text where none is right."""


class _Maker:
    """One request over a block; None where the draw led nowhere."""

    def __init__(
        self,
        specs: Sequence[Spec],
        offer: Sequence[Spec],
        near: Near,
        library: Library,
        rng: Random,
    ) -> None:
        self._specs, self._offer, self._near = specs, offer, near
        self._library, self._rng = library, rng

    def make(self, kind: str, spec: Spec) -> Said | None:
        """A request of that kind."""
        match kind:
            case "again":
                return self._again(spec)
            case "two":
                return self._two(spec)
            case "absent":
                return self._absent()
            case "missing":
                return self._missing(spec)
        values = self._values(spec)
        if values is None:
            return None
        text = request(self._rng, self._library, spec, values)
        return self._checked(text, [(spec, values)])

    def _again(self, spec: Spec) -> Said | None:
        required = [n for n, p in spec.parameters.items() if p.required]
        names = required or list(spec.parameters)[:1]
        count = self._rng.choice((2, 2, 2, 3, 3, 4))
        found: dict[str, dict[str, Value]] = {}
        for _ in range(3 * count):
            values = self._values(spec, names)
            if not values:
                return None
            found.setdefault(str({n: v.value for n, v in values.items()}), values)
            if len(found) == count:
                break
        if len(found) < 2:
            return None
        chosen = list(found.values())
        text = twice(self._rng, self._library, spec, list(chosen))
        return self._checked(text, [(spec, v) for v in chosen]) if text else None

    def _two(self, spec: Spec) -> Said | None:
        others = [s for s in self._offer if s is not spec]
        if not others:
            return self._again(spec)
        other = self._rng.choice(others)
        pairs = []
        for one in (spec, other):
            values = self._values(one)
            if values is None:
                return None
            pairs.append((one, values))
        do1, do2 = (clause(self._rng, s, v) for s, v in pairs)
        frame = self._rng.choice(self._library.phrases["both"]["en"])
        text = frame.format(do1=do1, do2=do2, Do1=upper(do1), Do2=upper(do2))
        return self._checked(text, pairs)

    def _absent(self) -> Said | None:
        """A tool that is not there, near to one that is in half of the cases."""
        rng = self._rng
        other = self._near.draw(self._offer[0], rng) if rng.random() < 0.5 else None
        other = other or rng.choice(self._specs)
        if any(overlap(other, s) > FAR for s in self._offer):
            return None
        values = self._values(other)
        if values is None:
            return None
        decline = rng.choice(self._library.phrases["decline"]["en"]).format(does=other.does)
        return request(rng, self._library, other, values), (), decline

    def _missing(self, spec: Spec) -> Said | None:
        required = [p for p in spec.parameters.values() if p.required and p.kind != "boolean"]
        values = self._values(spec)
        if not required or values is None:
            return None
        gone = self._rng.choice(required)
        rest = {n: v for n, v in values.items() if n != gone.name}
        if any(v.said == values[gone.name].said for v in rest.values()):
            return None
        text = request(self._rng, self._library, spec, rest)
        question = self._rng.choice((f"What is {gone.noun}?", f"Which {gone.label} should it be?"))
        ask = self._rng.choice(self._library.phrases["ask"]["en"]).format(ask=question)
        return text, (), ask

    def _values(self, spec: Spec, names: Sequence[str] | None = None) -> dict[str, Value] | None:
        values: dict[str, Value] = {}
        often = self._rng.choice((0.0, 0.2, 0.5, 0.9))
        for name, parameter in spec.parameters.items():
            wanted = name in names if names is not None else self._wanted(parameter, often)
            if not wanted:
                continue
            value = draw_value(parameter, self._rng, self._library)
            if value is None:
                if parameter.required:
                    return None
                continue
            values[name] = value
        return values

    def _wanted(self, parameter: Parameter, often: float) -> bool:
        return parameter.required or self._rng.random() < often

    def _checked(self, text: str, wanted: Sequence[tuple[Spec, dict[str, Value]]]) -> Said | None:
        """The request with its calls; None where a call breaks its schema or two are one."""
        calls = tuple(
            Call(name=s.tool.name, arguments={n: v.value for n, v in values.items()})
            for s, values in wanted
        )
        for (spec, _), call in zip(wanted, calls, strict=True):
            if argument_problems(spec.tool, call.arguments):
                return None
        if len({c.model_dump_json() for c in calls}) < len(calls):
            return None
        return text, calls, ""
