"""What a definition says about its parameters beside the schema: examples, a noun, a date form."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from suites import Tool

__all__ = ["Parameter", "Spec", "label_of", "spec_of"]

_EXAMPLES = re.compile(
    r"\s*[(\[]\s*(?:e\.?\s?g\.?|for example|for instance|such as|like|options?:)[,:]?\s*([^)\]]*)[)\]]",
    re.IGNORECASE,
)
_VAGUE = re.compile(r"\betc\b|\.\.\.|…|Y{2,4}|\bdd\b|\bmm\b|HH", re.IGNORECASE)
_CUT = re.compile(
    r"\s+(?:for which|that|which|to be|you want|where|whose|from which|in which|of which|must|should|used)\b",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|\d+")


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """schema: plain JSON Schema; about: its description without examples; examples: as they are written.

    noun: how a request may call it (`the city`), a label where the description gives none.
    """

    name: str
    schema: Mapping[str, Any]
    required: bool
    about: str = ""
    examples: tuple[str, ...] = ()
    noun: str = ""

    @property
    def label(self) -> str:
        """The name as words: `application id`."""
        return label_of(self.name)

    @property
    def kind(self) -> str:
        """The JSON type, `string` where none or several are given."""
        found = self.schema.get("type", "string")
        return found if isinstance(found, str) else "string"


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A tool and what can be said about it. does: its description as the clause behind `please`."""

    tool: Tool
    does: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)

    @property
    def words(self) -> frozenset[str]:
        """The words of name and description, for what is near to what."""
        return frozenset(w.lower() for w in _WORDS.findall(f"{self.tool.name} {self.does}"))


def label_of(name: str) -> str:
    """A name in camel or snake case as words in lower case."""
    return " ".join(w.lower() if not w.isupper() else w for w in _WORDS.findall(name)) or name


def spec_of(tool: Tool) -> Spec | None:
    """What is known about a tool; None where its description is no sentence to make a request of."""
    does = _clause(tool.description or "")
    if does is None:
        return None
    parameters = {
        name: _parameter(name, schema, name in tool.required)
        for name, schema in tool.properties.items()
        if isinstance(schema, dict)
    }
    return Spec(tool=tool, does=does, parameters=parameters)


def _parameter(name: str, schema: Mapping[str, Any], required: bool) -> Parameter:
    said = str(schema.get("description") or "").strip()
    found = _EXAMPLES.search(said)
    about = (_EXAMPLES.sub("", said) if found else said).strip().rstrip(".")
    examples: list[str] = []
    if found:
        for part in re.split(r",\s*|\s+or\s+|;\s*|/(?=[A-Za-z ]+$)", found[1]):
            text = part.strip().strip("\"'`.")
            text = re.sub(r"^(?:and|or)\s+", "", text)
            if 0 < len(text) <= 40 and not _VAGUE.search(text):
                examples.append(text)
    return Parameter(
        name=name,
        schema=schema,
        required=required,
        about=about,
        examples=tuple(dict.fromkeys(examples)),
        noun=_noun(about) or f"the {label_of(name)}",
    )


def _noun(about: str) -> str | None:
    """`The city for which you want …` -> `the city`; None where it is no short noun phrase."""
    found = re.match(r"(?:The|A|An|Your)\s+", about)
    if found is None:
        return None
    text = _CUT.split(about, maxsplit=1)[0].split(",")[0].split(";")[0].strip()
    text = re.sub(r"^(?:A|An|Your)\b", "the", text)
    return text[0].lower() + text[1:] if 2 <= len(text.split()) <= 8 else None


def _clause(description: str) -> str | None:
    """`Returns the weather. Free.` -> `return the weather`."""
    first = re.split(r"(?<=[a-z)])\.\s|\n", description.strip(), maxsplit=1)[0].rstrip(" .")
    first = _EXAMPLES.sub("", first)
    words = first.split()
    if len(words) < 2 or len(words) > 24 or not words[0].isalpha():
        return None
    verb = words[0]
    if not verb[1:].islower():
        return None
    verb = verb.lower()
    if verb in ("this", "the", "a", "an", "it", "tool", "function", "api", "used", "for"):
        return None
    if verb.endswith("ies"):
        verb = f"{verb[:-3]}y"
    elif verb.endswith(("shes", "ches", "sses")):
        verb = verb[:-2]
    elif verb.endswith("s") and not verb.endswith(("ss", "us", "is")):
        verb = verb[:-1]
    return " ".join([verb, *words[1:]])
