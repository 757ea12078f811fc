"""The regression gate: may the candidate replace the baseline?

It fails on a fall that is supported (p adjusted by Holm below alpha, interval without 0) *and* larger than
the tolerance, on any line; and on a must-pass case that passed and no longer does. Nothing else fails it: a
gate that fails by chance is soon ignored. A candidate without any change fails by chance in at most alpha / 2
of the comparisons for each family of lines (all, suites, categories, variants). A fall can be acknowledged,
with a reason and a day until which that holds.

An acknowledged case that broke is left out of every line; an acknowledged line does not fail the gate, and
covers neither `all` nor other lines.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Literal

from bench.decide import (
    ALPHA,
    MARGIN,
    Comparison,
    PairedLine,
    compare,
    decided_lines,
    refuse_differing,
)
from bench.errors import InfrastructureError, UsageError
from bench.pairing import Pair
from bench.records import Record
from bench.store import Run
from suites import Outcome

__all__ = ["TOLERANCE", "Acknowledged", "Finding", "GateResult", "Rules", "gate"]

TOLERANCE = 2.0
"""Points that a supported fall must exceed."""

_NAMED = 6


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """A regression that somebody takes upon himself: a case (`suite:id`) or a line (suite, category).

    expires: the last day on which it holds; place: `file:line` where it was written.
    """

    reason: str
    expires: dt.date
    case: str = ""
    suite: str = ""
    category: str = ""
    place: str = ""

    @property
    def name(self) -> str:
        """The case, or the line as PairedLine names it."""
        return self.case or (f"{self.suite}/{self.category}" if self.category else self.suite)


@dataclass(frozen=True, kw_only=True)
class Rules:
    """tolerance, margin: points; alpha: two-sided level; must_pass: globs over `suite:id`.

    Errors: UsageError for a tolerance outside 0 to 100 (margin and alpha: as from bench.decide.compare).
    """

    tolerance: float = TOLERANCE
    margin: float = MARGIN
    alpha: float = ALPHA
    must_pass: tuple[str, ...] = ()
    acknowledged: tuple[Acknowledged, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance <= 100:
            raise UsageError(
                f"a tolerance of {self.tolerance:g} points is none: it lies between 0 and 100"
            )


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A fall beyond the tolerance (line) or a must-pass case that broke (pair; None if it was not measured).

    acknowledged: the entry that covers it, in force or expired.
    """

    name: str
    text: str
    line: PairedLine | None = None
    pair: Pair | None = None
    acknowledged: Acknowledged | None = None
    expired: bool = False

    @property
    def fails(self) -> bool:
        """Whether it fails the gate."""
        return self.acknowledged is None or self.expired


@dataclass(frozen=True, kw_only=True)
class GateResult:
    """The comparison (its lines without acknowledged cases) and what is held against the candidate.

    checked: the must-pass cases that were found in both runs; errors: cases that got no reply, of each run:
    neither right nor wrong, but without them there is no verdict; notes: what a reader must know.
    """

    comparison: Comparison
    rules: Rules
    today: dt.date
    findings: tuple[Finding, ...]
    checked: tuple[Pair, ...]
    errors: tuple[tuple[Record, ...], tuple[Record, ...]]
    notes: tuple[str, ...]

    @property
    def failures(self) -> tuple[Finding, ...]:
        """The findings that fail the gate."""
        return tuple(f for f in self.findings if f.fails)

    @property
    def status(self) -> Literal["passed", "failed", "incomplete"]:
        """A failure counts whatever is missing; what is missing forbids to pass."""
        if self.failures:
            return "failed"
        return "incomplete" if any(self.errors) else "passed"


def gate(
    baseline: Run,
    candidate: Run,
    rules: Rules | None = None,
    *,
    today: dt.date | None = None,
    force: bool = False,
) -> GateResult:
    """Hold a candidate against a baseline. today: the day by which acknowledgements expire (default: UTC's).

    force: compare runs that were not made under the same conditions, or cover other cases, all the same; the
    notes say so. Errors: UsageError if they were not (without force), for runs without a common case, and for
    a must-pass glob or an acknowledgement that fits nothing; InfrastructureError for a run that is not
    complete.
    """
    rules = rules or Rules()
    today = today or dt.datetime.now(dt.UTC).date()
    for role, run in (("baseline", baseline), ("candidate", candidate)):
        if not run.complete:
            raise InfrastructureError(
                f"the {role} {run.path} is not complete: callbench run --resume {run.path}"
            )
    found = compare(baseline, candidate, margin=rules.margin, alpha=rules.alpha)
    errors = (_errors(baseline), _errors(candidate))
    lost = {f"{r.suite}:{r.id}" for side in errors for r in side}
    absent = [name for name in found.only_first if name not in lost]
    found = _with_other_cases(found, absent)
    refuse_differing(found, force=force)
    pairs = found.pairs + found.variants
    excused = _excused(found, rules, today, lost)
    suites = [s.name for s in baseline.manifest.suites]
    if excused:
        kept = [p for p in pairs if p.name not in excused]
        lines = decided_lines(kept, suites, margin=rules.margin, alpha=rules.alpha)
        found = replace(found, lines=lines)
    findings, checked = _must_pass(found, rules, today, lost)
    findings += _falls(found.lines, rules, today)
    return GateResult(
        comparison=found,
        rules=rules,
        today=today,
        findings=tuple(findings),
        checked=tuple(checked),
        errors=errors,
        notes=tuple(_notes(found, rules, findings, checked, excused, errors)),
    )


def _errors(run: Run) -> tuple[Record, ...]:
    return tuple(r for r in run.records if r.verdict.outcome is Outcome.ERROR)


def _with_other_cases(found: Comparison, absent: Sequence[str]) -> Comparison:
    """Cases of the baseline that the candidate was spared are a condition, too."""
    if not absent:
        return found
    shown = ", ".join(absent[:_NAMED]) + (", …" if len(absent) > _NAMED else "")
    text = f"cases ({len(absent)} of the baseline are not in the candidate: {shown})"
    return replace(found, refused=(*found.refused, text))


def _holds(entry: Acknowledged, today: dt.date) -> bool:
    return today <= entry.expires


def _excused(
    found: Comparison, rules: Rules, today: dt.date, lost: Iterable[str]
) -> dict[str, Acknowledged]:
    """Broken cases with an acknowledgement in force. Errors: UsageError for an entry that fits nothing."""
    pairs = {p.name: p for p in found.pairs + found.variants}
    known = {*pairs, *found.only_first, *found.only_second, *lost}
    lines = {x.name for x in found.lines}
    excused: dict[str, Acknowledged] = {}
    for entry in rules.acknowledged:
        place = f"{entry.place}: " if entry.place else ""
        if entry.case and entry.case not in known:
            raise UsageError(f"{place}there is no case {entry.case!r} in these runs", known=known)
        if entry.suite and entry.name not in lines:
            raise UsageError(
                f"{place}there is no suite or category {entry.name!r} in these runs", known=lines
            )
        pair = pairs.get(entry.case)
        if pair is not None and pair.fate == "broken" and _holds(entry, today):
            excused[entry.case] = entry
    return excused


def _covering(name: str, kind: str, rules: Rules, today: dt.date) -> Acknowledged | None:
    """The entry for a case or line: one in force before one that expired."""
    own = [e for e in rules.acknowledged if e.name == name and bool(e.case) == (kind == "case")]
    own.sort(key=lambda e: not _holds(e, today))
    return own[0] if own else None


def _must_pass(
    found: Comparison, rules: Rules, today: dt.date, lost: set[str]
) -> tuple[list[Finding], list[Pair]]:
    pairs = {p.name: p for p in found.pairs + found.variants}
    names = [*pairs, *found.only_first, *found.only_second, *lost]
    wanted: dict[str, None] = {}
    for glob in rules.must_pass:
        fitting = [n for n in names if n == glob or fnmatchcase(n, glob)]
        if not fitting:
            raise UsageError(f"no case of these runs fits the must-pass {glob!r}", known=names)
        wanted |= dict.fromkeys(fitting)
    findings: list[Finding] = []
    checked = [pairs[n] for n in wanted if n in pairs]
    for name in wanted:
        pair = pairs.get(name)
        if pair is None:
            if name in found.only_second or name in lost:
                continue  # nothing that passed before; a lost reply is held against the run instead
            text = "must pass and was not measured in the candidate"
        elif pair.fate == "broken":
            verdict = pair.second.verdict
            text = f"must pass: {verdict.failure or 'failed'}: {verdict.reason}"
        else:
            continue
        entry = _covering(name, "case", rules, today)
        findings.append(
            Finding(
                name=name,
                text=text,
                pair=pair,
                acknowledged=entry,
                expired=entry is not None and not _holds(entry, today),
            )
        )
    return findings, checked


def _falls(lines: Sequence[PairedLine], rules: Rules, today: dt.date) -> list[Finding]:
    findings = []
    for line in lines:
        d = line.difference
        if line.verdict != "worse" or -100 * d.estimate <= rules.tolerance + 1e-9:
            continue
        entry = _covering(line.name, "line", rules, today)
        findings.append(
            Finding(
                name=line.name,
                text=(
                    f"fell by {-100 * d.estimate:.1f} points "
                    f"[{-100 * d.interval.high:.1f}, {-100 * d.interval.low:.1f}] on {d.n} cases, "
                    f"adjusted p {line.adjusted:.2g}: more than the tolerance of {rules.tolerance:g}"
                ),
                line=line,
                acknowledged=entry,
                expired=entry is not None and not _holds(entry, today),
            )
        )
    return findings


def _notes(
    found: Comparison,
    rules: Rules,
    findings: Sequence[Finding],
    checked: Sequence[Pair],
    excused: dict[str, Acknowledged],
    errors: tuple[tuple[Record, ...], tuple[Record, ...]],
) -> list[str]:
    notes = []
    if found.refused:
        notes.append(f"FORCED, NOT THE SAME CONDITIONS: {'; '.join(found.refused)}")
    if found.told:
        notes.append(f"not the same: {'; '.join(found.told)}")
    if found.first.manifest.run_id == found.second.manifest.run_id:
        notes.append("THE SAME RUN TWICE: this gate cannot fail")
    for role, side in zip(("baseline", "candidate"), errors, strict=True):
        if side:
            names = ", ".join(f"{r.suite}:{r.id}" for r in side[:_NAMED])
            text = "got no reply and are neither right nor wrong; without them nothing passes"
            notes.append(f"{len(side)} cases of the {role} {text}: {names}")
    still = [p.name for p in checked if p.fate == "both wrong"]
    if still:
        shown = ", ".join(still[:_NAMED])
        notes.append(f"{len(still)} must-pass cases failed before and fail still: {shown}")
    for entry in excused.values():
        notes.append(
            f"acknowledged until {entry.expires}, not counted: {entry.case}: {entry.reason}"
        )
    for finding in findings:
        entry_ = finding.acknowledged
        if entry_ is not None and entry_.name not in excused:
            state = "EXPIRED, counts again" if finding.expired else "not counted"
            notes.append(
                f"acknowledged until {entry_.expires}, {state}: {finding.name}: {entry_.reason}"
            )
    used = {*excused, *(f.name for f in findings)}
    broken = {p.name for p in found.pairs + found.variants if p.fate == "broken"}
    for entry in rules.acknowledged:
        if entry.name in used:
            continue
        if entry.case in broken:
            notes.append(f"acknowledged until {entry.expires}, EXPIRED, counts again: {entry.case}")
        else:
            notes.append(f"acknowledged without need, can be removed: {entry.name} {entry.place}")
    total = next((x for x in found.lines if x.family == "all"), None)
    if total is not None and total.verdict == "cannot tell":
        n = total.difference.n
        notes.append(
            f"these {n} cases hold too few changed verdicts to show any fall"
            if total.detectable is None
            else f"these {n} cases show a fall of {100 * total.detectable:.1f} points or more, power .80"
        )
    return notes
