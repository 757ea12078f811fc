"""One request, drawn: a tool, a phrasing, values for its slots, and the call that they ask for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from suites.model import Call, ExpectedCall, Normal
from train.toolboxes import Drawn, Library, Parameter, Template, TrainTool

__all__ = ["Request", "draw_request", "pinned_or_drawn", "upper", "wrapped"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a user wants of one tool. values: every value that the words give, in the order of the schema.

    form: `do` (an imperative clause), `question` or `sentence` (another language).
    """

    tool: TrainTool
    template: Template
    form: str
    language: str
    values: Mapping[str, Drawn]

    @property
    def clause(self) -> str:
        """The words, not yet wrapped into a sentence."""
        return self.template.render({n: d.say for n, d in self.values.items()})

    @property
    def complete(self) -> bool:
        """Whether every required value is given."""
        return all(n in self.values for n in self.tool.tool.required)

    def expected(self) -> ExpectedCall:
        """The call that the words ask for."""
        arguments = {n: d.accepted() for n, d in self.values.items()}
        return ExpectedCall(name=self.tool.name, arguments=arguments)

    def call(self) -> Call:
        """The same call as one that has been made."""
        return self.expected().gold()

    def without(self, name: str) -> "Request":
        """The same words, but for what gives the value of a parameter."""
        return replace(self, values={n: d for n, d in self.values.items() if n != name})

    def with_value(self, name: str, drawn: Drawn) -> "Request":
        """The same words with another value of a parameter."""
        return replace(self, values={**self.values, name: drawn})


def draw_request(
    rng: Random,
    tool: TrainTool,
    *,
    language: str = "en",
    optional: float = 0.4,
    removable: str | None = None,
    form: str | None = None,
    fixed: Mapping[str, Drawn] = {},
    say: Collection[str] = (),
) -> Request | None:
    """A request to a tool, or None if it has no such phrasing.

    optional: how often an optional value is said; removable: a parameter that the phrasing can do without;
    form: `do` or `question`; fixed: values that must be used; say: optional parameters that must be said.
    """
    forms: list[tuple[str, Sequence[Template]]]
    if language == "en":
        forms = [("do", tool.do), ("question", tool.questions)]
    else:
        forms = [("sentence", tool.other.get(language, ()))]
    choices = [
        (name, template)
        for name, templates in forms
        for template in templates
        if (form is None or form == name)
        and (removable is None or removable in template.removable)
        and set(say) <= {s.name for s in template.slots}
        and not any(s.name in fixed and s.words is not None for s in template.slots)
    ]
    if not choices:
        return None
    name, template = rng.choice(choices)
    values: dict[str, Drawn] = {}
    chosen = {
        s.name
        for s in template.slots
        if tool.parameters[s.name].required or s.name in say or rng.random() < optional
    }
    slots = {s.name: s for s in template.slots}
    outside = {s for s in slots if s not in template.optional_names}
    for parameter in tool.parameters.values():
        slot = slots.get(parameter.name)
        if slot is None or (parameter.name not in chosen and parameter.name not in outside):
            continue
        if parameter.name in fixed:
            values[parameter.name] = fixed[parameter.name]
        else:
            values[parameter.name] = pinned_or_drawn(rng, template, parameter, language)
    return Request(tool=tool, template=template, form=name, language=language, values=values)


def pinned_or_drawn(rng: Random, template: Template, parameter: Parameter, language: str) -> Drawn:
    """The value that the phrasing pins, else one of the parameter's kind."""
    for slot in template.slots:
        if slot.name == parameter.name and slot.words is not None:
            accept: Normal = "set" if isinstance(slot.value, list) else "exact"
            return Drawn(value=slot.value, say=slot.words, accept=accept)
    return parameter.kind.draw(rng, language)


def upper(text: str) -> str:
    """The text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


_FRAMES = {"do": "frames", "question": "question_frames", "sentence": "sentence_frames"}


def wrapped(rng: Random, library: Library, request: Request) -> str:
    """The request as a user would write it: polite, terse, indirect or in passing."""
    frame = rng.choice(library.phrases[_FRAMES[request.form]][request.language])
    clause = request.clause
    return frame.format(do=clause, Do=upper(clause), q=clause, s=clause)
