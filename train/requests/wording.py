"""The text of a request: what is to be done and with which values, in several ways of saying so."""

from collections.abc import Mapping
from random import Random

from train.augment.draw import upper
from train.requests.parameters import Parameter, Spec
from train.requests.values import Value, listed
from train.toolboxes import Library

__all__ = ["clause", "framed", "request", "twice"]

_FORMS = ("sentences", "with", "with", "lines", "for", "before", "given")


def framed(rng: Random, library: Library, does: str) -> str:
    """The clause as a user would write it: plain in half of the cases, else polite, terse or in passing."""
    frame = "{Do}." if rng.random() < 0.4 else rng.choice(library.phrases["frames"]["en"])
    return str(frame.format(do=does, Do=upper(does)))


def request(rng: Random, library: Library, spec: Spec, values: Mapping[str, Value]) -> str:
    """A request for one call: every value is said, and nothing else."""
    if not values:
        return framed(rng, library, spec.does)
    form = rng.choice(_FORMS)
    match form:
        case "sentences":
            said = " ".join(upper(_sentence(rng, spec.parameters[n], v)) for n, v in values.items())
            return f"{framed(rng, library, spec.does)} {said}"
        case "lines":
            glue = rng.choice((": ", " = ", ": "))
            lines = [
                f"{rng.choice((n, spec.parameters[n].label))}{glue}{v.said}"
                for n, v in values.items()
            ]
            between = rng.choice(("\n", ", ", "; ", "\n- "))
            return f"{framed(rng, library, spec.does)}\n{between.join(lines)}"
        case "before" if len(values) <= 2:
            said = listed([_noun(rng, spec.parameters[n], v) for n, v in values.items()])
            return f"For {said}, {spec.does}."
        case "given":
            first, *rest = values.items()
            opening = upper(_sentence(rng, spec.parameters[first[0]], first[1]))
            return f"{opening} {framed(rng, library, clause(rng, spec, dict(rest)))}"
    return framed(rng, library, clause(rng, spec, values))


def clause(rng: Random, spec: Spec, values: Mapping[str, Value]) -> str:
    """What is to be done with its values in one clause, without a full stop."""
    if not values:
        return spec.does
    pairs = list(values.items())
    texts = all(spec.parameters[n].kind in ("string", "integer", "number") for n, _ in pairs)
    few = len(pairs) == 1 or (len(pairs) == 2 and rng.random() < 0.3)
    if texts and few and rng.random() < 0.6:
        return f"{spec.does} {rng.choice(('for', 'for', 'with', 'of'))} " + listed(
            [v.said for _, v in pairs]
        )
    said = listed([_noun(rng, spec.parameters[n], v) for n, v in pairs])
    return f"{spec.does} {rng.choice(('with', 'with', 'for', 'using', 'given'))} {said}"


def twice(
    rng: Random, library: Library, spec: Spec, values: list[Mapping[str, Value]]
) -> str | None:
    """One request for several calls of one tool; None where only a list of single values would do."""
    if all(len(v) == 1 for v in values):
        items = [next(iter(v.values())).said for v in values]
        return framed(rng, library, f"{spec.does} for {listed(items)}")
    said = [listed([_noun(rng, spec.parameters[n], v) for n, v in one.items()]) for one in values]
    if any(not s for s in said):
        return None
    if len(said) == 2 and rng.random() < 0.5:
        first = framed(rng, library, f"{spec.does} with {said[0]}")
        return f"{first} {rng.choice(('Then the same with', 'And once more with', 'Also with'))} {said[1]}."
    if rng.random() < 0.5:
        return framed(rng, library, f"{spec.does}, once with {'; once with '.join(said)}")
    numbered = " ".join(f"({i}) {s}" for i, s in enumerate(said, start=1))
    return f"{framed(rng, library, spec.does)} {numbered}"


def _sentence(rng: Random, parameter: Parameter, value: Value) -> str:
    if parameter.kind == "boolean":
        return f"{_noun(rng, parameter, value)}."
    if rng.random() < 0.3:
        return f"{parameter.label}: {value.said}."
    verb = "are" if parameter.kind == "array" else "is"
    return f"{_noun_of(rng, parameter)} {verb} {value.said}."


def _noun(rng: Random, parameter: Parameter, value: Value) -> str:
    if parameter.kind == "boolean":
        yes = value.value is True
        form = rng.choice(("{}: yes", "{} on", "{} set to true") if yes else ("{}: no", "{} off"))
        return form.format(parameter.label)
    return f"{_noun_of(rng, parameter)} {value.said}"


def _noun_of(rng: Random, parameter: Parameter) -> str:
    return parameter.noun if rng.random() < 0.5 else parameter.label
