"""What a run leaves behind: one manifest, one record a case, one completion mark. Versioned."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from suites import Case, Outcome, Verdict
from suites.bfcl import BfclVerdict
from suites.model import Call, FailureMode, content_hash

__all__ = [
    "SCHEMA",
    "CacheUse",
    "End",
    "JudgedBy",
    "Judgement",
    "Manifest",
    "OfficialRecord",
    "Record",
    "Rescored",
    "SuiteRef",
    "VerdictRecord",
    "input_hash",
]

SCHEMA = 1
"""Version of the run file's form; a reader refuses any other."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SuiteRef(_Frozen):
    """A suite as it was run: name, version, split, content hash and the number of cases chosen from it."""

    name: str
    version: str
    split: str
    hash: str
    cases: int


class CacheUse(_Frozen):
    """What the reply cache had for a run when it began.

    hits: replies found; misses: replies left to generate; size: replies that it held in all.
    """

    hits: int
    misses: int
    size: int


class JudgedBy(_Frozen):
    """Which judge gave a run's verdicts: callbench's version and commit, as far as known, and when."""

    version: str | None = None
    git: str | None = None
    date: str = ""


class Rescored(_Frozen):
    """Where a run comes from whose replies were not generated but judged anew.

    run_id, path, suites: of the run file that was judged anew; before, now: whose verdicts stand there, and
    whose here; judged, kept: records with a new verdict, and those that keep the old one.
    """

    run_id: str
    path: str
    suites: tuple[SuiteRef, ...]
    before: JudgedBy
    now: JudgedBy
    judged: int
    kept: int

    @property
    def words(self) -> str:
        """`rescored on 2026-08-01 from run ID: 12 replies judged anew, 0 keep their old verdict`."""
        return (
            f"rescored on {self.now.date[:10]} from run {self.run_id}: "
            f"{self.judged} replies judged anew, {self.kept} keep their old verdict"
        )


class Manifest(_Frozen):
    """Everything needed to repeat a run. Hashes are sha256 in hex.

    selection: the suite names as given, with pattern, limit and the kinds of variants; sampling: max_tokens,
    temperature, top_p, seed, batch_size, samples (times that each case is asked; 1 where it is left out),
    constrained (calls held to their tool's schema; false where it is left out); engine_settings: what else of
    the engine decides the replies; cache: None for a run without one; shots: examples in the context;
    packages: name -> version; rescored: where the verdicts come from if they are not the run's own.
    """

    kind: Literal["manifest"] = "manifest"
    schema_version: int = SCHEMA
    run_id: str
    selection: dict[str, JsonValue]
    selection_hash: str
    suites: tuple[SuiteRef, ...]
    target: str
    model: str
    model_hash: str
    adapter: str | None = None
    adapter_hash: str | None = None
    dialect: str
    engine: str
    engine_version: str
    dtype: str
    device: str
    sampling: dict[str, JsonValue]
    engine_settings: dict[str, JsonValue] = {}
    cache: CacheUse | None = None
    shots: int = 0
    packages: dict[str, str] = {}
    git: str | None = None
    command: tuple[str, ...] = ()
    started: str = ""
    notes: tuple[str, ...] = ()
    rescored: Rescored | None = None

    @property
    def judged_by(self) -> JudgedBy:
        """Whose verdicts the records hold."""
        if self.rescored is not None:
            return self.rescored.now
        return JudgedBy(version=self.packages.get("callbench"), git=self.git, date=self.started)

    @property
    def label(self) -> str:
        """The target, with the number of examples and of samples where there are any, and `constrained`.

        `gemma-3-270m, 3 shots, 5 samples`
        """
        shots = f", {self.shots} shots" if self.shots else ""
        samples = f", {self.samples} samples" if self.samples > 1 else ""
        constrained = ", constrained" if self.sampling.get("constrained") else ""
        return f"{self.target}{shots}{samples}{constrained}"

    @property
    def samples(self) -> int:
        """How often each case is asked."""
        found = self.sampling.get("samples", 1)
        return found if isinstance(found, int) else 1


class VerdictRecord(_Frozen):
    """A verdict as it is stored."""

    passed: bool
    outcome: Outcome
    failure: FailureMode | None = None
    reason: str = ""
    checks: dict[str, bool | None] = {}

    @classmethod
    def of(cls, verdict: Verdict) -> "VerdictRecord":
        """The stored form of a verdict."""
        return cls(
            passed=verdict.passed,
            outcome=verdict.outcome,
            failure=verdict.failure,
            reason=_clean(verdict.reason),
            checks=verdict.checks,
        )


class OfficialRecord(_Frozen):
    """The verdict of the case's own benchmark, beside ours: valid, or its error type and why.

    crashed: the official checker raises on this reply; error_type is then the exception's name.
    """

    valid: bool
    error_type: str | None = None
    message: str = ""
    crashed: bool = False

    @classmethod
    def of(cls, verdict: BfclVerdict) -> "OfficialRecord":
        """The stored form of a verdict."""
        return cls(
            valid=verdict.valid,
            error_type=verdict.error_type,
            message=_clean(verdict.message),
            crashed=verdict.crashed,
        )


class Judgement(_Frozen):
    """All that is said of one reply; the fields are those of Record."""

    verdict: VerdictRecord
    repaired: bool | None = None
    official: OfficialRecord | None = None


class Record(_Frozen):
    """One case as it was asked, answered and judged; one of several where a case is asked repeatedly.

    cached: the reply was found in the cache, not generated for this run;
    sample: 0 for the first (or only) time that the case is asked, 1 for the second;
    input: hash of tools and messages, so that runs are paired on the same question; text: the raw
    completion; repaired: the verdict of a tolerant reading of a malformed reply (None: there was none);
    official: of an imported case, the verdict of its own benchmark; seconds: the batch's time divided by its
    size, or the time since the reply before it where they come one by one; case: the whole case, so that
    reports need nothing else; was: what was said before the reply was judged anew (None: it was not).
    """

    kind: Literal["case"] = "case"
    suite: str
    id: str
    input: str
    case: Case
    text: str
    calls: tuple[Call, ...] = ()
    thought: str | None = None
    finish: str
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    verdict: VerdictRecord
    repaired: bool | None = None
    official: OfficialRecord | None = None
    shots: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sample: int = 0
    cached: bool = False
    was: Judgement | None = None

    @property
    def judgement(self) -> Judgement:
        """What is said of the reply, in one piece."""
        return Judgement(verdict=self.verdict, repaired=self.repaired, official=self.official)

    @property
    def key(self) -> tuple[str, str, int]:
        """(suite, case id, sample)."""
        return self.suite, self.id, self.sample

    @classmethod
    def of(cls, **fields: Any) -> "Record":
        """A record whose texts can be written as UTF-8 whatever the model produced."""
        fields["text"] = _clean(fields["text"])
        fields["thought"] = None if fields.get("thought") is None else _clean(fields["thought"])
        return cls(**fields)


class End(_Frozen):
    """The completion mark: how many records the file holds (cases, variants among them, times samples),
    and the summed seconds of its batches."""

    kind: Literal["end"] = "end"
    cases: int
    passed: int
    scored: int
    seconds: float
    finished: str


def input_hash(case: Case) -> str:
    """sha256 (hex) of what the model is asked: tools and messages, not the expectation."""
    tools = [t.model_dump(mode="json") for t in case.tools]
    return content_hash([tools, [m.model_dump(mode="json") for m in case.messages]])


def _clean(text: str) -> str:
    """Lone surrogates become visible escapes: they cannot be encoded as UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
