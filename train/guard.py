"""Contamination guard: what a suite asks is never trained on, and what was not screened is not trained on.

`screen` drops what collides (the rules: train.collisions) and returns the rest with a proof, `Checked`;
`require_checked` refuses data without a proof that still holds.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from bench.dialects import Dialogue
from bench.errors import UsageError
from bench.records import SuiteRef
from bench.shots import finished
from suites import Case, Suite, builtin_suites, select
from suites.catalogue import imported_suites
from suites.model import content_hash
from train.collisions import VERSION, Collision, Guard, Reason
from train.examples import Example

__all__ = [
    "Checked",
    "Screened",
    "data_hash",
    "every_suite",
    "require_checked",
    "screen",
]


class Checked(BaseModel):
    """Proof that data was screened, to be kept beside it. Hashes are sha256 in hex.

    data: of the examples that were kept, in any order; suites: what they were compared with; shared_tools:
    tools that they may have in common with a suite; dropped: reason -> examples (one may have several).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    guard: int
    data: str
    suites: tuple[SuiteRef, ...]
    shared_tools: tuple[str, ...] = ()
    seen: int
    kept: int
    dropped: dict[str, int] = {}

    @property
    def hash(self) -> str:
        """sha256 (hex) of all of it: another as soon as the data, a suite or the rules change."""
        return content_hash(self.model_dump(mode="json"))


T = TypeVar("T", bound=Case | Example | Dialogue)


@dataclass(frozen=True, kw_only=True)
class Screened(Generic[T]):
    """What is left to train on, in its order; why the rest was dropped; and the proof for require_checked."""

    kept: tuple[T, ...]
    collisions: tuple[Collision, ...]
    checked: Checked

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Reason -> suite -> examples that were dropped for it."""
        found: dict[str, dict[str, int]] = {}
        for c in self.collisions:
            of_reason = found.setdefault(c.reason.value, {})
            of_reason[c.suite] = of_reason.get(c.suite, 0) + 1
        return {r.value: dict(sorted(found[r].items())) for r in Reason if r in found}

    def lines(self, examples: int = 3) -> list[str]:
        """The report for people: how many were dropped, then each reason by suite with its first examples."""
        checked = self.checked
        lines = [
            f"kept {checked.kept} of {checked.seen} examples, compared with {len(checked.suites)} suites "
            f"({sum(s.cases for s in checked.suites)} cases)"
        ]
        for reason, suites in self.counts.items():
            by_suite = ", ".join(f"{suite} {n}" for suite, n in suites.items())
            lines.append(f"  {reason}: {checked.dropped[reason]} examples ({by_suite})")
            some = [c for c in self.collisions if c.reason == reason][:examples]
            lines += [f"    {c.example} meets {c.suite} {c.case}: {c.text}" for c in some]
        return lines


def screen(
    data: Sequence[T], suites: Sequence[Suite] | None = None, shared_tools: Iterable[str] = ()
) -> Screened[T]:
    """Drop every example that collides with a case of the suites (default: every_suite()).

    shared_tools: names of tools that the data may share with a suite, for an adapter that is made for those
    very tools; their requests, calls and values must differ all the same. Each example is judged by itself,
    so neither the order of the data nor its other examples matter. Errors: SuiteError for a suite that
    cannot be read.
    """
    compared = every_suite() if suites is None else suites
    guard = Guard(compared, shared_tools)
    kept: list[T] = []
    collisions: list[Collision] = []
    dropped: Counter[str] = Counter()
    for i, item in enumerate(data):
        name = f"#{i + 1}" if isinstance(item, Dialogue) else item.id
        found = guard.collisions(_dialogue(item), name)
        collisions += found
        dropped.update({c.reason.value for c in found})
        if not found:
            kept.append(item)
    checked = Checked(
        guard=VERSION,
        data=data_hash(kept),
        suites=_refs(compared),
        shared_tools=tuple(sorted(set(shared_tools))),
        seen=len(data),
        kept=len(kept),
        dropped={r.value: dropped[r.value] for r in Reason if dropped[r.value]},
    )
    return Screened(kept=tuple(kept), collisions=tuple(collisions), checked=checked)


def require_checked(
    data: Sequence[Case | Example | Dialogue],
    checked: Checked | None,
    suites: Sequence[Suite] | None = None,
) -> None:
    """Refuse to train on data that was not screened as it is, against the suites as they are.

    suites: those to be kept apart from (default: every_suite()). Errors: UsageError with the remedy if there
    is no proof, if it is of other data or other rules, or if a suite was added or changed since.
    """
    remedy = "screen the data again and train on what is kept"
    if checked is None:
        raise UsageError(f"the training data was not screened against the suites: {remedy}")
    if checked.guard != VERSION:
        raise UsageError(
            f"the training data was screened by guard {checked.guard}, not {VERSION}: {remedy}"
        )
    if checked.data != data_hash(data):
        raise UsageError(f"the training data is not what was screened: {remedy}")
    known = {(s.name, s.split): s.hash for s in checked.suites}
    for ref in _refs(every_suite() if suites is None else suites):
        if known.get((ref.name, ref.split)) != ref.hash:
            what = "was changed" if (ref.name, ref.split) in known else "was added"
            raise UsageError(
                f"suite {ref.name}/{ref.split} {what} since the data was screened: {remedy}"
            )


def every_suite() -> list[Suite]:
    """All splits of all built-in suites, and of all that are imported into home. Errors: SuiteError."""
    names = [f"{name}/{split}" for name, split in (*builtin_suites(), *imported_suites())]
    return [select([name]).parts[0].suite for name in names]


def data_hash(data: Iterable[Case | Example | Dialogue]) -> str:
    """sha256 (hex) of the dialogues, in any order: a case and the example made of it are the same."""
    tools: dict[
        int, tuple[object, str]
    ] = {}  # id -> (what keeps the id from being used again, hash)
    found = []
    for item in data:
        dialogue = _dialogue(item)
        offered = []
        for tool in dialogue.tools:
            if id(tool) not in tools:
                tools[id(tool)] = tool, content_hash(tool.model_dump(mode="json"))
            offered.append(tools[id(tool)][1])
        said = [m.model_dump(mode="json", exclude_defaults=True) for m in dialogue.messages]
        found.append(content_hash([offered, said]))
    return content_hash(sorted(found))


def _dialogue(item: Case | Example | Dialogue) -> Dialogue:
    match item:
        case Case():
            return finished(item)
        case Example():
            return item.dialogue
        case _:
            return item


def _refs(suites: Sequence[Suite]) -> tuple[SuiteRef, ...]:
    refs = (
        SuiteRef(name=s.name, version=s.version, split=s.split, hash=s.hash, cases=len(s.cases))
        for s in suites
    )
    return tuple(sorted(refs, key=lambda ref: (ref.name, ref.split)))
