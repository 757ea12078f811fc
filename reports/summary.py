"""What one run says, as numbers: read from its run file and nothing else."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench.pairing import grouped, originals
from bench.records import Manifest, Record
from bench.stats import DecisionQuality, Proportion, decision_quality, proportion
from bench.store import Run
from reports.bfcl import OfficialLine, official_cases, official_lines
from reports.repeats import Invariance, Repeats, invariances, repeats
from suites import BASELINES, Outcome, judge
from suites.judge import CHECKS
from suites.kinds import text_kind
from suites.model import FailureMode

__all__ = ["EXPECTED", "OBSERVED", "Line", "Summary", "summarise"]

EXPECTED = ("call", "answer", "ask", "decline")
OBSERVED = (*EXPECTED, "malformed", "truncated", "unreadable")


@dataclass(frozen=True, kw_only=True)
class Line:
    """The score of one suite and category; baselines: name -> share of the same cases that it passes.

    Cases asked several times count with every sample; variants of cases do not count.
    together: groups of two or more cases (pairs, twins) of which every case passed, of all such groups.
    A reply that ignores the case may pass one twin, hardly both.
    """

    suite: str
    category: str
    score: Proportion
    together: Proportion
    baselines: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Counts and rates of one run. The score counts every reply that came back; errors stand beside it.

    Cases that the suite's exclusion list leaves out are not in it (excluded: how many).
    official: BFCL's own figures, for cases of an imported BFCL.
    lines: one for all, one a suite, one a category; checks: sub-check -> (held, applied); repaired:
    malformed replies that a repairing parser would have passed; decision: call or not, over replies that can
    be read to their end; seconds: time spent generating (that and the tokens: variants included, which count
    nowhere else but in invariance, and without cached replies, which were found in the cache); repeats: empty
    unless cases were asked several times; confusion: expected kind -> observed kind -> replies (EXPECTED by
    OBSERVED), the kind of a text told from its words (suites/kinds.py).
    """

    path: str
    manifest: Manifest
    complete: bool
    lines: tuple[Line, ...]
    outcomes: dict[str, int]
    failures: dict[str, int]
    checks: dict[str, tuple[int, int]]
    repaired: int
    decision: DecisionQuality
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    confusion: dict[str, dict[str, int]]
    cached: int = 0
    excluded: int = 0
    official: tuple[OfficialLine, ...] = ()
    repeats: tuple[Repeats, ...] = ()
    invariance: tuple[Invariance, ...] = ()

    @property
    def total(self) -> Line:
        """The line over all cases."""
        return self.lines[0]


def summarise(run: Run) -> Summary:
    """The summary of a run, complete or not."""
    asked = originals(run.records)
    answered = [r for r in asked if r.verdict.outcome is not Outcome.ERROR]
    scored = [r for r in answered if not r.case.excluded]
    outcomes = Counter(str(r.verdict.outcome) for r in asked)
    failures = Counter(str(r.verdict.failure) for r in scored if r.verdict.failure)
    checks: dict[str, tuple[int, int]] = {}
    for name in CHECKS:
        values = [r.verdict.checks.get(name) for r in scored]
        applied = [v for v in values if v is not None]
        if applied:
            checks[name] = (sum(applied), len(applied))
    return Summary(
        path=run.path,
        manifest=run.manifest,
        complete=run.complete,
        lines=tuple(
            Line(
                suite=suite,
                category=category,
                score=_score(records),
                together=_together(records),
                baselines=_baselines(records),
            )
            for suite, category, records in grouped(scored, [s.name for s in run.manifest.suites])
        ),
        outcomes={o.value: outcomes[o.value] for o in Outcome},
        failures=dict(failures.most_common()),
        checks=checks,
        repaired=sum(bool(r.repaired) for r in scored),
        decision=_decision(scored),
        prompt_tokens=sum(r.prompt_tokens for r in run.records if not r.cached),
        completion_tokens=sum(r.completion_tokens for r in run.records if not r.cached),
        cached=sum(r.cached for r in run.records),
        seconds=sum(r.seconds for r in run.records),
        excluded=len(answered) - len(scored),
        official=tuple(official_lines(official_cases(answered))),
        confusion=_confusion(scored),
        repeats=repeats(run.records, [s.name for s in run.manifest.suites]),
        invariance=invariances(run.records),
    )


def _score(records: Sequence[Record]) -> Proportion:
    return proportion(
        [r.verdict.passed for r in records], [(r.suite, r.case.group) for r in records]
    )


def _together(records: Sequence[Record]) -> Proportion:
    """Each sample of a group is one trial; the trials of a group are clustered."""
    groups: dict[tuple[str, str, int], list[bool]] = {}
    for r in records:
        groups.setdefault((r.suite, r.case.group, r.sample), []).append(r.verdict.passed)
    whole = {key: all(passed) for key, passed in groups.items() if len(passed) > 1}
    return proportion(list(whole.values()), [key[:2] for key in whole])


def _decision(records: Sequence[Record]) -> DecisionQuality:
    """A malformed or cut-off reply decides nothing that can be read: it counts under format."""
    read = [r for r in records if r.verdict.checks.get("decision") is not None]
    expected = [r.case.expectation.kind == "call" for r in read]
    return decision_quality(expected, [r.verdict.outcome is Outcome.CALL for r in read])


def _baselines(records: Sequence[Record]) -> dict[str, float]:
    if not records:
        return {}
    passed = {n: [judge(r.case, b(r.case)).passed for r in records] for n, b in BASELINES.items()}
    return {name: sum(values) / len(values) for name, values in passed.items()}


def _confusion(records: Sequence[Record]) -> dict[str, dict[str, int]]:
    counts = Counter((r.case.expectation.kind, _observed(r)) for r in records)
    return {kind: {seen: counts[kind, seen] for seen in OBSERVED} for kind in EXPECTED}


def _observed(record: Record) -> str:
    """What the reply is, whatever was expected: one of OBSERVED."""
    verdict = record.verdict
    if verdict.failure is FailureMode.TRUNCATED:
        return "truncated"
    if verdict.outcome is Outcome.MALFORMED:
        return "malformed"
    if verdict.outcome is Outcome.CALL:
        return "call"
    if verdict.checks.get("decision") is None:
        return "unreadable"
    said = record.text.replace(record.thought, " ", 1) if record.thought else record.text
    return text_kind(record.case, said)
