"""What a toolbox says about its tools: schema, values, phrasings, results and how an answer is said."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from suites.model import Tool
from train.toolboxes.kinds import Kind
from train.toolboxes.template import Template

__all__ = ["Chain", "Library", "Parameter", "Toolbox", "TrainTool"]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """Where the values of a parameter come from, and how to ask for one that is missing."""

    name: str
    kind: Kind
    required: bool
    ask: str | None = None

    @property
    def label(self) -> str:
        """The name as words."""
        return self.name.replace("_", " ")


@dataclass(frozen=True, kw_only=True)
class TrainTool:
    """One train-only tool.

    does: what it is for, as in "I can {does}"; do: imperatives without capital or stop; questions: whole
    sentences; other: language -> whole sentences. returns: field of a result -> its values; tell: how an
    answer is said from arguments and fields; none: what an empty result means (only of tools that look
    something up).
    """

    domain: str
    tool: Tool
    does: str
    parameters: Mapping[str, Parameter]
    do: tuple[Template, ...]
    questions: tuple[Template, ...] = ()
    other: Mapping[str, tuple[Template, ...]]
    returns: Mapping[str, Kind]
    tell: tuple[Template, ...]
    none: Template | None = None

    @property
    def name(self) -> str:
        """The name of the tool."""
        return self.tool.name

    @property
    def removable(self) -> tuple[str, ...]:
        """Required parameters without which some phrasing still stands."""
        names = {n for t in (*self.do, *self.questions) for n in t.removable}
        return tuple(n for n in self.parameters if n in names and self.parameters[n].required)

    @property
    def optional(self) -> tuple[str, ...]:
        """Parameters that a call may leave out."""
        return tuple(n for n, p in self.parameters.items() if not p.required)


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Two tools of a domain, the second of which needs what the first gives.

    give: field of the first result -> parameter of the second; both tools' other values are said in `do`
    or `other`.
    """

    first: str
    second: str
    give: Mapping[str, str]
    do: tuple[Template, ...]
    other: Mapping[str, tuple[Template, ...]]


@dataclass(frozen=True, kw_only=True)
class Toolbox:
    """The tools of one domain, and its chains."""

    domain: str
    about: str
    tools: tuple[TrainTool, ...]
    chains: tuple[Chain, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, TrainTool]:
        """Name -> tool."""
        return {t.name: t for t in self.tools}


@dataclass(frozen=True, kw_only=True)
class Library:
    """Every toolbox and what they share.

    phrases: group -> language -> phrasings; payloads: group -> entries (errors, hostile texts, chat).
    """

    boxes: tuple[Toolbox, ...]
    phrases: Mapping[str, Mapping[str, tuple[str, ...]]]
    pools: Mapping[str, Any]
    payloads: Mapping[str, Any]

    @cached_property
    def tools(self) -> tuple[TrainTool, ...]:
        """Every tool, domain after domain."""
        return tuple(t for b in self.boxes for t in b.tools)

    @cached_property
    def by_domain(self) -> dict[str, Toolbox]:
        """Domain -> toolbox."""
        return {b.domain: b for b in self.boxes}
