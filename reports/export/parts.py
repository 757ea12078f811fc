"""What an export says of a run beside its records: suites, command line, its model's name elsewhere."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters.hub import is_hub_id
from adapters.model import GEMMA_TERMS
from adapters.registry import MODELS
from bench.records import Manifest, Record
from bench.stats import Proportion, proportion
from bench.store import Run
from reports.shown import clean
from suites import Outcome
from suites.vary import kind_of

__all__ = [
    "Part",
    "category_parts",
    "command_line",
    "hub_id",
    "is_gemma",
    "measured_parts",
    "portable",
    "scored",
    "split_of",
]

_HUB = {"gemma-3-270m": "google/gemma-3-270m"}
"""Hub ids of the models whose weights come from a package."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """The score of one suite (or, with its name, of one category of it) in one run, over what `scored` gives.

    Records do not say of which split they are: where a run holds two splits of a suite, `split` is
    `dev+test` and `hash` names both. cases: chosen for the run; errors: replies that never came; malformed:
    replies that were tried and broken calls; excluded: replies that an exclusion list leaves out.
    """

    suite: str
    category: str
    version: str
    split: str
    hash: str
    cases: int
    score: Proportion
    errors: int
    malformed: int
    excluded: int


def measured_parts(run: Run) -> list[Part]:
    """One part a suite of the run, in the manifest's order, also for a suite without a scored reply."""
    return [_part(run, name) for name in dict.fromkeys(s.name for s in run.manifest.suites)]


def category_parts(run: Run, suite: str) -> list[Part]:
    """One part a category of a suite, sorted by name; none where the suite has no categories."""
    names = {r.case.category for r in run.records if r.suite == suite} - {""}
    return [_part(run, suite, name) for name in sorted(names)]


def _part(run: Run, suite: str, category: str = "") -> Part:
    refs = [s for s in run.manifest.suites if s.name == suite]
    asked = [
        r
        for r in run.records
        if r.suite == suite and category in ("", r.case.category) and kind_of(r.case) is None
    ]
    told = scored(asked)
    outcomes = [r.verdict.outcome for r in asked]
    errors = outcomes.count(Outcome.ERROR)
    return Part(
        suite=suite,
        category=category,
        version=_joined([s.version for s in refs]),
        split=split_of(run.manifest, suite),
        hash=_joined([s.hash for s in refs]),
        cases=len({r.id for r in asked}) if category else sum(s.cases for s in refs),
        score=proportion([r.verdict.passed for r in told], [(r.suite, r.case.group) for r in told]),
        errors=errors,
        malformed=outcomes.count(Outcome.MALFORMED),
        excluded=len(asked) - errors - len(told),
    )


def scored(records: Sequence[Record]) -> list[Record]:
    """The records behind a score: no variants, no errors, no cases that an exclusion list leaves out."""
    return [
        r
        for r in records
        if kind_of(r.case) is None
        and r.verdict.outcome is not Outcome.ERROR
        and not r.case.excluded
    ]


def split_of(manifest: Manifest, suite: str) -> str:
    """`dev`, `test`, or `dev+test` where the run holds both splits of the suite."""
    return _joined([s.split for s in manifest.suites if s.name == suite])


def hub_id(name: str) -> str | None:
    """The hub id of a base as a manifest or a card names it, or None for a folder, a file or a server."""
    if name in MODELS:
        model = MODELS[name]
        return model.where if model.source == "hub" else _HUB.get(name)
    return name if is_hub_id(name) and not Path(name).exists() else None


def is_gemma(name: str, architecture: str = "", licence: str = "") -> bool:
    """Whether the Gemma Terms of Use go with a base: by its name, its architecture or its licence.

    In doubt yes: a model of Gemma's architecture under another name counts. Gemma 4 is under Apache-2.0.
    """
    if GEMMA_TERMS in licence:
        return True
    known = MODELS.get(name) or next((m for m in MODELS.values() if m.where == name), None)
    if known is not None:
        return GEMMA_TERMS in known.licence
    words = f"{Path(name).name} {architecture}".lower()
    return "gemma" in words and not re.search(r"gemma[-_ ]?4", words)


def command_line(manifest: Manifest) -> str:
    """The command that made the run, without the folders of absolute paths and without a URL's password.

    Empty where the run was made by another command or from Python.
    """
    if not manifest.command:
        return ""
    return shlex.join(["callbench", *(portable(word) for word in manifest.command)])


def portable(word: str) -> str:
    """A word without what belongs to one machine: folders of absolute paths, a URL's user and password."""
    pieces = re.split(r"([,=]|\+(?=[/~]))", clean(word))
    return "".join(_piece(piece) for piece in pieces)


def _piece(text: str) -> str:
    if text.startswith(("/", "~/", "file://")):
        return text.rstrip("/").rpartition("/")[2]
    return re.sub(r"^(\w+://)[^/@\s]*@", r"\1", text)


def _joined(values: Sequence[str]) -> str:
    return "+".join(dict.fromkeys(values))
