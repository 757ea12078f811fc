"""Failure profile: what a target gets wrong on dev, how often, and the replies behind it.

Runs on a test split or an imported suite are refused: those are opened once, at the end, and whoever reads
their failures tunes on them.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.errors import UsageError
from bench.records import Manifest, Record, SuiteRef
from bench.stats import Proportion, proportion
from bench.store import Run
from suites import Case, Outcome
from suites.catalogue import imported_suites
from suites.json_text import compact
from suites.model import Call, FailureMode
from suites.vary import kind_of

__all__ = ["CategoryLine", "Failure", "FailureProfile", "ModeLine", "failure_profile"]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One reply that failed. request: the user's last message; expected, actual: calls or text, as text.

    sample: as in the record; run: the run's id.
    """

    run: str
    suite: str
    case: str
    sample: int
    category: str
    mode: FailureMode
    request: str
    expected: str
    actual: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class ModeLine:
    """How often replies fail in one mode: failed.passed of failed.n scored replies, clustered by group.

    cases: distinct cases with such a failure; share: of all failures (0 to 1).
    """

    mode: FailureMode
    failed: Proportion
    cases: int
    share: float


@dataclass(frozen=True, kw_only=True)
class CategoryLine:
    """How often replies to one category fail (all of a suite where it is empty), and in which modes."""

    suite: str
    category: str
    failed: Proportion
    errors: int
    modes: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class FailureProfile:
    """The failures of one target over the dev cases of one or more runs; variants of cases do not count.

    In every Proportion `passed` counts failures and n scored replies; errors (no reply came back) and
    replies to cases of an exclusion list (excluded) are in neither. modes: the most frequent first; lines:
    each suite as a whole, then by category; notes: what a reader must know of the runs.
    """

    target: str
    runs: tuple[str, ...]
    suites: tuple[SuiteRef, ...]
    failed: Proportion
    errors: int
    excluded: int
    modes: tuple[ModeLine, ...]
    lines: tuple[CategoryLine, ...]
    failures: tuple[Failure, ...]
    notes: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """True if nothing failed."""
        return not self.failures

    def weights(self) -> dict[FailureMode, float]:
        """Mode -> its share of the failures (they add up to 1), for the mix of training data.

        Errors: UsageError if there is no failure to train from.
        """
        if self.empty:
            raise UsageError(
                f"{self.target} has no failure in {self.failed.n} replies ({', '.join(self.runs)}): there is "
                "nothing to train from; run it on more dev cases (callbench run call arguments output)"
            )
        return {line.mode: line.share for line in self.modes}


def failure_profile(runs: Sequence[Run]) -> FailureProfile:
    """The profile of one or more runs of the same target, complete or not.

    Errors: UsageError without a run, for a run named twice, a run on a test split or an imported suite, runs
    of different targets, or runs on different versions of a suite.
    """
    if not runs:
        raise UsageError("a failure profile needs at least one run")
    _refuse(runs)
    asked = [
        (run.manifest.run_id, r) for run in runs for r in run.records if kind_of(r.case) is None
    ]
    answered = [(i, r) for i, r in asked if r.verdict.outcome is not Outcome.ERROR]
    scored = [(i, r) for i, r in answered if not r.case.excluded]
    failures = tuple(_failure(i, r) for i, r in scored if r.verdict.failure is not None)
    records = [r for _, r in scored]
    lost = [r for _, r in asked if r.verdict.outcome is Outcome.ERROR]
    suites = tuple({s.name: s for run in runs for s in run.manifest.suites}.values())
    return FailureProfile(
        target=runs[0].manifest.label,
        runs=tuple(run.manifest.run_id for run in runs),
        suites=suites,
        failed=_rate(records, [not r.verdict.passed for r in records]),
        errors=len(lost),
        excluded=len(answered) - len(scored),
        modes=_modes(records, failures),
        lines=tuple(_lines(records, lost, [s.name for s in suites])),
        failures=failures,
        notes=tuple(_notes(runs)),
    )


def _refuse(runs: Sequence[Run]) -> None:
    imported = {name for name, _ in imported_suites()}
    first = runs[0].manifest
    suites: dict[str, SuiteRef] = {}
    for at, run in enumerate(runs):
        manifest = run.manifest
        if manifest.run_id in [r.manifest.run_id for r in runs[:at]]:
            raise UsageError(f"run {manifest.run_id} is named twice")
        _refuse_sealed(run, imported)
        for field in ("target", "model_hash", "adapter_hash", "dialect", "shots"):
            a, b = getattr(first, field), getattr(manifest, field)
            if a != b:
                raise UsageError(
                    f"{first.run_id} and {manifest.run_id} are not runs of one target: {field} {a} and {b}; "
                    "profile them one at a time"
                )
        for ref in manifest.suites:
            if suites.setdefault(ref.name, ref).hash != ref.hash:
                raise UsageError(
                    f"{manifest.run_id} has another version of suite {ref.name} than the runs before it: "
                    "run the target again, or profile the runs one at a time"
                )


def _refuse_sealed(run: Run, imported: set[str]) -> None:
    """Test splits and public benchmarks: by the manifest, by home, and by what the cases themselves say."""
    once = "is opened once, at the end: profile a run on dev"
    foreign = {r.suite for r in run.records if r.case.official is not None}
    for ref in run.manifest.suites:
        if ref.split != "dev":
            raise UsageError(
                f"{run.manifest.run_id} is a run on {ref.name}/{ref.split}, which {once}"
            )
        if ref.name in imported | foreign:
            raise UsageError(
                f"{run.manifest.run_id} is a run on the imported suite {ref.name}, which {once}"
            )


def _modes(records: Sequence[Record], failures: Sequence[Failure]) -> tuple[ModeLine, ...]:
    counts = Counter(f.mode for f in failures)
    return tuple(
        ModeLine(
            mode=mode,
            failed=_rate(records, [r.verdict.failure is mode for r in records]),
            cases=len({(f.suite, f.case) for f in failures if f.mode is mode}),
            share=counts[mode] / len(failures),
        )
        for mode in sorted(counts, key=lambda m: (-counts[m], m.value))
    )


def _lines(
    records: Sequence[Record], lost: Sequence[Record], suites: Iterable[str]
) -> list[CategoryLine]:
    found = []
    for suite in suites:
        inside = [r for r in (*records, *lost) if r.suite == suite]
        named = sorted({r.case.category for r in inside} - {""})
        for category in ["", *named]:
            some = [r for r in records if r.suite == suite and category in ("", r.case.category)]
            errors = [r for r in lost if r.suite == suite and category in ("", r.case.category)]
            modes = Counter(r.verdict.failure.value for r in some if r.verdict.failure)
            found.append(
                CategoryLine(
                    suite=suite,
                    category=category,
                    failed=_rate(some, [not r.verdict.passed for r in some]),
                    errors=len(errors),
                    modes=dict(sorted(modes.items(), key=lambda item: (-item[1], item[0]))),
                )
            )
    return found


def _rate(records: Sequence[Record], failed: Sequence[bool]) -> Proportion:
    return proportion(failed, [(r.suite, r.case.group) for r in records])


def _failure(run: str, record: Record) -> Failure:
    case, mode = record.case, record.verdict.failure
    assert mode is not None
    return Failure(
        run=run,
        suite=record.suite,
        case=record.id,
        sample=record.sample,
        category=case.category,
        mode=mode,
        request=next((m.content for m in reversed(case.messages) if m.role == "user"), ""),
        expected=_expected(case),
        actual=_calls(record.calls) or record.text.strip() or "(an empty reply)",
        reason=record.verdict.reason,
    )


def _expected(case: Case) -> str:
    wanted = case.expectation
    if wanted.calls:
        return _calls([call.gold() for call in wanted.calls])
    return f"{wanted.no_call}: {wanted.text}" if wanted.no_call else "a call"


def _calls(calls: Iterable[Call]) -> str:
    return "; ".join(f"{call.name} {compact(call.arguments)}" for call in calls)


def _notes(runs: Sequence[Run]) -> Iterable[str]:
    for run in runs:
        if not run.complete:
            yield f"{run.manifest.run_id} is NOT COMPLETE: finish it with callbench run --resume {run.path}"
    first = runs[0].manifest
    for run in runs[1:]:
        other = [
            f for f in ("engine", "sampling", "dtype") if _of(first, f) != _of(run.manifest, f)
        ]
        if other:
            yield f"{run.manifest.run_id} differs from {first.run_id} in {', '.join(other)}"


def _of(manifest: Manifest, field: str) -> object:
    """What decides replies: the size of a batch does not belong to it."""
    value = getattr(manifest, field)
    return {k: v for k, v in value.items() if k != "batch_size"} if field == "sampling" else value
