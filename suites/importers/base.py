"""What an importer returns: a benchmark's items as cases of ours, and everything that was left out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from suites.importers.source import Source
from suites.model import Case, Split, Tool

__all__ = ["Imported", "Importer", "Skipped"]


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """An item that was not imported: where it stands (file:line or id) and why. Never a guess instead."""

    where: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Imported:
    """A suite read from elsewhere.

    version, licence: of the data, as its publisher states them ("unknown" where it does not);
    categories: name -> what it means; exclusions: reason -> (what it means, case ids);
    toolbox: tools without cases (a list of MCP tools), for cases still to be written;
    notes: lines for people, such as what the source holds and this importer does not read.
    """

    about: str
    version: str
    licence: str
    cases: tuple[Case, ...] = ()
    split: Split = "test"
    categories: Mapping[str, str] = field(default_factory=dict)
    exclusions: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    exclusions_version: str = ""
    toolbox: tuple[Tool, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()


Importer = Callable[[Source], Imported]
"""Reads a source whole. Errors: SuiteError if it is not what the importer reads."""
