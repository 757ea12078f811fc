"""Planning a run: settings, prompts, and batches that do not depend on what was done before."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from adapters import Target
from bench.dialects import Dialogue, find_dialect, prompt
from bench.engines import Request
from bench.errors import UsageError
from bench.shots import choose_shots, finished, shot_order
from suites import Case, Selection, select
from suites.health import refuse_unsound

__all__ = ["SHOT_SUITES", "Job", "Settings", "plan"]

SHOT_SUITES = ("call", "arguments", "output")
"""The suites whose dev cases serve as examples in the context."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How replies are sampled. temperature 0 is greedy; shots: examples in the context.

    Errors: UsageError (by flag name) for values that contradict each other or lie outside their range.
    """

    max_tokens: int = 128
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    batch_size: int = 12
    shots: int = 0

    def __post_init__(self) -> None:
        for name in ("max_tokens", "batch_size"):
            if getattr(self, name) < 1:
                raise UsageError(f"--{name.replace('_', '-')} must be at least 1")
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise UsageError("--temperature must be a number of at least 0")
        if not 0 < self.top_p <= 1:
            raise UsageError("--top-p must lie above 0 and at most at 1")
        if self.top_p < 1 and self.temperature == 0:
            raise UsageError("--top-p has no meaning with --temperature 0 (greedy)")
        if self.shots < 0:
            raise UsageError("--shots must not be negative")

    @property
    def sampling(self) -> dict[str, int | float]:
        """The settings as the manifest keeps them (without shots, which have a field of their own)."""
        return {k: v for k, v in asdict(self).items() if k != "shots"}


@dataclass(frozen=True, kw_only=True)
class Job:
    """One case as it will be asked."""

    suite: str
    case: Case
    request: Request
    dialogues: tuple[Dialogue, ...]
    shots: tuple[str, ...] = ()


def plan(selection: Selection, target: Target, settings: Settings) -> list[list[Job]]:
    """The batches of a run, longest prompts first: one fixed order, so that a resumed run equals a whole one.

    Errors: SuiteError for a case that is unsound; UsageError for a lack of examples; DialectError for a case
    that the dialect cannot say.
    """
    for part in selection.parts:
        refuse_unsound(part.cases, part.suite.places)
    dialect = find_dialect(target.dialect)
    pool = _shot_pool(settings)
    jobs: list[Job] = []
    for part in selection.parts:
        for case in part.cases:
            shots = choose_shots(case, pool, settings.shots)
            asked = Dialogue(tools=case.tools, messages=case.messages)
            dialogues = (*(finished(s) for s in shots), asked)
            request = Request(
                id=f"{part.suite.name}:{case.id}",
                prompt=prompt(dialect, dialogues),
                dialect=dialect,
                adapter=target.adapter.name if target.adapter else None,
                max_tokens=settings.max_tokens,
                temperature=settings.temperature,
                top_p=settings.top_p,
                seed=settings.seed,
            )
            ids = tuple(s.id for s in shots)
            job = Job(
                suite=part.suite.name, case=case, request=request, dialogues=dialogues, shots=ids
            )
            jobs.append(job)
    jobs.sort(key=lambda j: (-len(j.request.prompt), j.request.id))
    size = settings.batch_size
    return [jobs[i : i + size] for i in range(0, len(jobs), size)]


def _shot_pool(settings: Settings) -> Sequence[Case]:
    if not settings.shots:
        return ()
    cases = [c for part in select(SHOT_SUITES).parts for c in part.cases]
    return shot_order(cases, settings.seed)
