"""Planning a run: settings, prompts, and batches that do not depend on what was done before."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from adapters import Target
from bench.constrain import structural_tag
from bench.dialects import Dialogue, find_dialect, prompt
from bench.engines import Request
from bench.errors import UsageError
from bench.shots import choose_shots, finished, shot_order
from suites import Case, Selection, select
from suites.health import refuse_unsound
from suites.vary import KINDS, kind_of, original_id

__all__ = ["SHOT_SUITES", "Job", "Settings", "plan", "reply_seed"]

SHOT_SUITES = ("call", "arguments", "output")
"""The suites whose dev cases serve as examples in the context."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How replies are sampled. temperature 0 is greedy; shots: examples in the context; samples: how often
    each case is asked; constrained: a call, once opened, is held to its tool's schema (bench/constrain.py).

    Errors: UsageError (by flag name) for values that contradict each other or lie outside their range.
    """

    max_tokens: int = 128
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    batch_size: int = 12
    shots: int = 0
    samples: int = 1
    constrained: bool = False

    def __post_init__(self) -> None:
        for name in ("max_tokens", "batch_size", "samples"):
            if getattr(self, name) < 1:
                raise UsageError(f"--{name.replace('_', '-')} must be at least 1")
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise UsageError("--temperature must be a number of at least 0")
        if not 0 < self.top_p <= 1:
            raise UsageError("--top-p must lie above 0 and at most at 1")
        if self.top_p < 1 and self.temperature == 0:
            raise UsageError("--top-p has no meaning with --temperature 0 (greedy)")
        if self.samples > 1 and self.temperature == 0:
            raise UsageError(
                f"--samples {self.samples} needs --temperature above 0: greedy replies repeat themselves"
            )
        if self.shots < 0:
            raise UsageError("--shots must not be negative")

    @property
    def sampling(self) -> dict[str, int | float]:
        """The settings as the manifest keeps them (without shots, which have a field of their own)."""
        return {k: v for k, v in asdict(self).items() if k != "shots"}


@dataclass(frozen=True, kw_only=True)
class Job:
    """One case as it will be asked, for the first (sample 0) or a further time."""

    suite: str
    case: Case
    request: Request
    dialogues: tuple[Dialogue, ...]
    shots: tuple[str, ...] = ()
    sample: int = 0

    @property
    def key(self) -> tuple[str, str, int]:
        """The key of the record that will come of it."""
        return self.suite, self.case.id, self.sample


def reply_seed(seed: int, name: str) -> int:
    """The seed of one reply: 32 bits of a hash of the run's seed and the request's id, its sample with it.

    Were it the same for all, all cases would share their draws, and their results would not be independent.
    It depends neither on the other cases nor on how many samples there are, nor on the adapter: targets are
    compared under the same draws.
    """
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:4], "big")


def plan(selection: Selection, target: Target, settings: Settings) -> list[list[Job]]:
    """The batches of a run, longest prompts first: one fixed order, so that a resumed run equals a whole one.

    Samples come one after the other, and no batch mixes two of them, or variants of one kind with other
    cases: what an engine makes of a case does not depend on how many samples or variants are asked for. A
    variant has its original's examples. The id of a request ends with the sample's number from the second
    on, after a blank, which no case id holds.

    Errors: SuiteError for a case that is unsound; UsageError for a lack of examples or a dialect without a
    grammar for constrained calls; DialectError for a case that the dialect cannot say.
    """
    for part in selection.parts:
        refuse_unsound(part.asked, part.suite.places)
    dialect = find_dialect(target.dialect)
    pool = _shot_pool(settings)
    jobs: list[Job] = []
    for part in selection.parts:
        examples = {c.id: choose_shots(c, pool, settings.shots) for c in part.cases}
        for case in part.asked:
            shots = examples[original_id(case)]
            asked = Dialogue(tools=case.tools, messages=case.messages)
            dialogues = (*(finished(s) for s in shots), asked)
            name = f"{part.suite.name}:{case.id}"
            request = Request(
                id=name,
                prompt=prompt(dialect, dialogues),
                dialect=dialect,
                adapter=target.adapter.name if target.adapter else None,
                max_tokens=settings.max_tokens,
                temperature=settings.temperature,
                top_p=settings.top_p,
                seed=reply_seed(settings.seed, name),
                constraint=structural_tag(dialect, case.tools) if settings.constrained else None,
            )
            ids = tuple(s.id for s in shots)
            job = Job(
                suite=part.suite.name, case=case, request=request, dialogues=dialogues, shots=ids
            )
            jobs.append(job)
    jobs.sort(key=lambda j: (-len(j.request.prompt), j.request.id))
    once: list[list[Job]] = []
    for kind in (None, *KINDS):
        alike = [j for j in jobs if kind_of(j.case) == kind]
        size = settings.batch_size
        once += [alike[i : i + size] for i in range(0, len(alike), size)]
    samples = range(settings.samples)
    return [[_again(j, n, settings.seed) for j in batch] for n in samples for batch in once]


def _again(job: Job, sample: int, seed: int) -> Job:
    if sample == 0:
        return job
    name = f"{job.request.id} #{sample + 1}"
    request = replace(job.request, id=name, seed=reply_seed(seed, name))
    return replace(job, request=request, sample=sample)


def _shot_pool(settings: Settings) -> Sequence[Case]:
    if not settings.shots:
        return ()
    cases = [c for part in select(SHOT_SUITES).parts for c in part.cases]
    return shot_order(cases, settings.seed)
