"""The small language of phrasings: text with slots, and parts that may be left out.

    {berth}                      the words of a drawn value
    {urgent=true|right away}     this value (JSON, else text), said with these words
    [ for {name}]                left out when the value of `name` is not said
    [berth {berth}|the berth]    the second half stands in its place then

Nothing else is special; a phrasing holds no literal brackets or braces.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from suites.errors import SuiteError

__all__ = ["Option", "Slot", "Template", "parse"]

_SLOT = re.compile(r"\{([A-Za-z_]\w*)(?:=([^|{}]*)\|([^{}]*))?\}")


@dataclass(frozen=True, kw_only=True)
class Slot:
    """A place for a value. words: how a pinned `value` is said; None where the value is drawn."""

    name: str
    words: str | None = None
    value: Any = None


Part = str | Slot


@dataclass(frozen=True, kw_only=True)
class Option:
    """Parts that are said only if all their values are, and what stands in their place else."""

    parts: tuple[Part, ...]
    instead: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The slots of the option."""
        return tuple(p.name for p in self.parts if isinstance(p, Slot))


@dataclass(frozen=True, kw_only=True)
class Template:
    """One phrasing; `source` is its text as written."""

    source: str
    parts: tuple[Part | Option, ...]

    @property
    def slots(self) -> tuple[Slot, ...]:
        """Every slot, those of the options too."""
        return tuple(self._slots())

    def _slots(self) -> Iterator[Slot]:
        for part in self.parts:
            for inner in part.parts if isinstance(part, Option) else (part,):
                if isinstance(inner, Slot):
                    yield inner

    @property
    def optional_names(self) -> frozenset[str]:
        """Names that stand in options only."""
        inside = {n for p in self.parts if isinstance(p, Option) for n in p.names}
        return frozenset(inside - {p.name for p in self.parts if isinstance(p, Slot)})

    @property
    def removable(self) -> tuple[str, ...]:
        """Names that alone fill an option, so that the rest of the phrasing stands without them."""
        found = [p.names for p in self.parts if isinstance(p, Option)]
        outside = {p.name for p in self.parts if isinstance(p, Slot)}
        return tuple(n[0] for n in found if len(n) == 1 and n[0] not in outside)

    def render(self, words: Mapping[str, str]) -> str:
        """The text with the words of each slot; an option whose slots have no words is left out.

        A value that holds a double quote is set in curly quotes where the phrasing sets it in straight ones.
        """
        text = ""
        for part in self.parts:
            if not isinstance(part, Option):
                text += _said(part, words)
            elif all(n in words for n in part.names):
                text += "".join(_said(inner, words) for inner in part.parts)
            else:
                text += part.instead
        for said in words.values():
            if '"' in said:
                text = text.replace(f'"{said}"', f"“{said}”")
        return text


def parse(source: str, where: str) -> Template:
    """The phrasing of a text. Errors: SuiteError (with `where`) for brackets that do not match."""
    parts: list[Part | Option] = []
    for piece in _pieces(source):
        if piece.startswith("["):
            inner, instead = _halves(piece[1:-1])
            option = Option(parts=tuple(_parts(inner, where)), instead=instead)
            if not option.names:
                raise SuiteError(f"an option without a slot: {piece}", field=where)
            parts.append(option)
        else:
            parts += _parts(piece, where)
    return Template(source=source, parts=tuple(parts))


def _pieces(source: str) -> Iterator[str]:
    """The text cut before and after every bracket that is not inside braces."""
    braces, start = 0, 0
    for i, char in enumerate(source):
        braces += (char == "{") - (char == "}")
        if braces == 0 and char == "[":
            yield source[start:i]
            start = i
        elif braces == 0 and char == "]":
            yield source[start : i + 1]
            start = i + 1
    yield source[start:]


def _halves(text: str) -> tuple[str, str]:
    """At the last `|` outside braces."""
    depth = 0
    for i in range(len(text) - 1, -1, -1):
        depth += (text[i] == "}") - (text[i] == "{")
        if text[i] == "|" and depth == 0:
            return text[:i], text[i + 1 :]
    return text, ""


def _parts(text: str, where: str) -> Iterator[Part]:
    at = 0
    for match in _SLOT.finditer(text):
        if match.start() > at:
            yield _plain(text[at : match.start()], where)
        name, value, words = match.groups()
        yield Slot(name=name, words=words, value=_value(value) if words is not None else None)
        at = match.end()
    if at < len(text):
        yield _plain(text[at:], where)


def _plain(text: str, where: str) -> str:
    if re.search(r"[\[\]{}]", text):
        raise SuiteError(f"a bracket or brace without its other half: {text!r}", field=where)
    return text


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _said(part: Part, words: Mapping[str, str]) -> str:
    if isinstance(part, str):
        return part
    return part.words if part.words is not None else words[part.name]
