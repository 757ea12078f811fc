"""Before a run: how much it asks, what that costs, and which differences it will be able to show."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.plan import Job
from bench.power import DISCORDANT, detectable
from suites.vary import kind_of

__all__ = ["CHARACTERS_A_TOKEN", "Forecast", "forecast"]

CHARACTERS_A_TOKEN = 4.0
"""Measured with Gemma 3's tokenizer on the prompts of `smoke`: 4.08 without, 4.06 with three examples."""


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """One suite, or `all`: only originals in cases and groups, all that is asked in prompts and tokens.

    prompt_tokens: estimated from the length of the prompts; reply_tokens: the budget, which is a bound.
    alone, together: share of discordant pairs -> smallest difference (0 to 1) that a comparison with a second
    such run finds with a power of .80, or None; if cases change independently, and if those of a group change
    as one.
    """

    suite: str
    cases: int
    groups: int
    prompts: int
    prompt_tokens: int
    reply_tokens: int
    alone: dict[float, float | None]
    together: dict[float, float | None]


def forecast(batches: Sequence[Sequence[Job]], suites: Sequence[str]) -> list[Forecast]:
    """One for all jobs of a plan and one for each suite (only that one where there is no other)."""
    jobs = [j for batch in batches for j in batch]
    names = list(dict.fromkeys(suites))
    parts = [(name, [j for j in jobs if j.suite == name]) for name in names]
    return [_one(name, own) for name, own in ([("all", jobs), *parts] if len(parts) > 1 else parts)]


def _one(suite: str, jobs: Sequence[Job]) -> Forecast:
    first = [j for j in jobs if j.sample == 0 and kind_of(j.case) is None]
    groups = len({(j.suite, j.case.group) for j in first})
    deff = max(1.0, len(first) / groups) if groups else 1.0
    return Forecast(
        suite=suite,
        cases=len(first),
        groups=groups,
        prompts=len(jobs),
        prompt_tokens=round(sum(len(j.request.prompt) for j in jobs) / CHARACTERS_A_TOKEN),
        reply_tokens=sum(j.request.max_tokens for j in jobs),
        alone={share: detectable(len(first), share) for share in DISCORDANT},
        together={share: detectable(len(first), share, deff=deff) for share in DISCORDANT},
    )
