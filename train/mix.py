"""A seeded mix of training cases from a failure profile: what fails most gets most, nothing gets nothing.

    floor      every failure mode gets this share of the mix, whatever the profile says
    replay     this share keeps what passes: modes that the profile does not name, or cases handed in
    no_call    share of the requests that are rightly met without a call (measured, not assumed)

No-call data trade against calls: too few and false calls rise, too many and calls are missed. A *request*
here is a case in which nothing has been called yet since the last user message; answers from results do not
count as no-calls.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from suites.errors import SuiteError
from suites.model import Case, FailureMode
from train.augment import GENERATORS, input_key
from train.toolboxes import Library

__all__ = ["Mix", "is_no_call", "is_request", "mix"]

SURPLUS = (1.5, 4.0)
"""Cases drawn for every case wanted, so that the no-call share can be chosen among them; the second where
the first is not enough."""


@dataclass(frozen=True, kw_only=True)
class Mix:
    """The cases and what they are, as measured.

    no_call_share: of the requests; `no_call_missing` of them could not be found to reach `no_call_wanted`.
    sizes: number of offered tools -> cases; replayed: cases that are there to keep what passes; duplicates:
    drawn cases that were dropped.
    """

    cases: tuple[Case, ...]
    modes: Mapping[FailureMode, int]
    kinds: Mapping[str, int]
    languages: Mapping[str, int]
    sizes: Mapping[int, int]
    no_call_wanted: float
    no_call_share: float
    no_call_missing: int
    replayed: int
    duplicates: int


def is_request(case: Case) -> bool:
    """Whether nothing has been called since the last user message: the model decides on a request."""
    return not case.past_calls


def is_no_call(case: Case) -> bool:
    """Whether the right reply to the case calls nothing."""
    return case.expectation.no_call is not None


def mix(
    library: Library,
    profile: Mapping[FailureMode, float],
    n: int,
    *,
    seed: int = 0,
    floor: float = 0.01,
    replay: float = 0.2,
    no_call: float = 0.3,
    passing: Sequence[Case] = (),
) -> Mix:
    """`n` distinct cases; the same arguments give the same cases.

    profile: failure mode -> count or rate of failures (any scale); all equal where none fails. passing: cases
    to replay; where there are none, modes without failures are replayed. Errors: SuiteError for shares that
    are none, a negative profile, and where any mode would get no case.
    """
    _check(profile, n, floor, replay, no_call)
    least = max(1, round(floor * n)) if floor else 0
    replayed = round(replay * n)
    quotas = _quotas(profile, n - replayed, least)
    if empty := [m.value for m, count in quotas.items() if count == 0]:
        raise SuiteError(f"the mix has no case of {', '.join(empty)}: raise n or the floor")
    for surplus in SURPLUS:
        made = _mixed(library, profile, quotas, replayed, seed, surplus, no_call, passing)
        if made.no_call_missing <= n // 500:
            break
    return made


def _mixed(
    library: Library,
    profile: Mapping[FailureMode, float],
    quotas: Mapping[FailureMode, int],
    replayed: int,
    seed: int,
    surplus: float,
    no_call: float,
    passing: Sequence[Case],
) -> Mix:
    calm = [m for m in FailureMode if not profile.get(m)] or list(FailureMode)
    extra = 0 if passing else round(surplus * replayed / len(calm)) + 8
    drawn = _Drawn()
    spare: list[Case] = []
    chosen: dict[FailureMode, list[Case]] = {}
    for mode, quota in quotas.items():
        wanted = round(surplus * quota) + 8 + (extra if mode in calm else 0)
        cases = drawn.distinct(GENERATORS[mode](library, seed, wanted))
        if len(cases) < quota:
            raise SuiteError(f"{mode.value} gives {len(cases)} distinct cases, not {quota}")
        chosen[mode] = cases[:quota]
        spare += cases[quota:]
    rng = Random(f"mix:{seed}")
    pool = drawn.distinct(passing) if passing else [c for c in spare if _mode(c) in calm]
    kept = _replay(rng, chosen, pool, replayed, no_call)
    taken = {c.id for c in kept}
    missing = _balance(chosen, [c for c in spare if c.id not in taken], kept, no_call)
    cases = [*(c for group in chosen.values() for c in group), *kept]
    rng.shuffle(cases)
    return _measured(cases, len(kept), no_call, missing, drawn.duplicates)


def _check(
    profile: Mapping[FailureMode, float], n: int, floor: float, replay: float, no_call: float
) -> None:
    for name, share in (("floor", floor), ("replay", replay), ("no_call", no_call)):
        if not 0 <= share <= 1:
            raise SuiteError(f"{name} must be a share from 0 to 1, not {share}")
    if any(weight < 0 for weight in profile.values()):
        raise SuiteError("a profile counts failures: no number in it may be negative")
    if n < 1:
        raise SuiteError(f"a mix of {n} cases is none: ask for one per failure mode at least")


def _quotas(profile: Mapping[FailureMode, float], n: int, least: int) -> dict[FailureMode, int]:
    """Cases per mode: the floor for each, the rest by weight, remainders to the largest fractions."""
    modes = list(FailureMode)
    weights = {m: float(profile.get(m, 0)) for m in modes}
    if not any(weights.values()):
        weights = dict.fromkeys(modes, 1.0)
    rest, total = n - least * len(modes), sum(weights.values())
    if rest < 0:
        raise SuiteError(
            f"{n} cases beside the replay are fewer than {least} for each of {len(modes)} modes:"
            " raise n, or lower the floor or the replay share"
        )
    exact = {m: rest * weights[m] / total for m in modes}
    quotas = {m: least + int(exact[m]) for m in modes}
    by_fraction = sorted(modes, key=lambda m: (int(exact[m]) - exact[m], m.value))
    for mode in by_fraction[: n - sum(quotas.values())]:
        quotas[mode] += 1
    return quotas


class _Drawn:
    """What has been drawn so far: a case that a model would see twice is dropped and counted."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.duplicates = 0

    def distinct(self, cases: Sequence[Case]) -> list[Case]:
        """The cases that were not drawn before, in their order."""
        found = []
        for case in cases:
            key = input_key(case)
            if key in self.seen:
                self.duplicates += 1
            else:
                self.seen.add(key)
                found.append(case)
        return found


def _replay(
    rng: Random,
    chosen: Mapping[FailureMode, Sequence[Case]],
    pool: Sequence[Case],
    count: int,
    no_call: float,
) -> list[Case]:
    """Cases of what passes, so chosen that the whole comes near the wanted no-call share."""
    own = list(pool)
    rng.shuffle(own)
    if len(own) < count:
        raise SuiteError(
            f"there are {len(own)} cases to replay, not {count}: lower the replay share"
        )
    fixed = [c for group in chosen.values() for c in group if is_request(c)]
    asked = round(count * sum(map(is_request, own)) / max(1, len(own)))
    wanted = round(no_call * (len(fixed) + asked)) - sum(map(is_no_call, fixed))
    groups = _parted(own)
    silent = groups[True][: min(max(0, wanted), asked)]
    calls = groups[False][: asked - len(silent)]
    silent = groups[True][: asked - len(calls)]
    kept = [*silent, *calls]
    kept += [c for c in own if not is_request(c)][: count - len(kept)]
    taken = {c.id for c in kept}
    return kept + [c for c in own if c.id not in taken][: count - len(kept)]


def _parted(cases: Sequence[Case]) -> dict[bool, list[Case]]:
    """Requests by whether they are met without a call."""
    return {
        kind: [c for c in cases if is_request(c) and is_no_call(c) is kind]
        for kind in (True, False)
    }


def _balance(
    chosen: dict[FailureMode, list[Case]],
    spare: Sequence[Case],
    kept: Sequence[Case],
    no_call: float,
) -> int:
    """Exchange requests for spare ones of the same mode, in turn over the modes, until the share is right.

    Returns how many requests of the kind that is wanted could not be found.
    """
    requests = [c for group in (*chosen.values(), kept) for c in group if is_request(c)]
    missing = round(no_call * len(requests)) - sum(map(is_no_call, requests))
    wanted, left = missing > 0, abs(missing)
    by_mode: dict[str, list[Case]] = {m.value: [] for m in chosen}
    for case in spare:
        if is_request(case) and is_no_call(case) is wanted:
            by_mode[_mode(case)].append(case)
    places = {
        m: [i for i, c in enumerate(g) if is_request(c) and is_no_call(c) is not wanted]
        for m, g in chosen.items()
    }
    while left:
        usable = [m for m in chosen if by_mode[m.value] and places[m]]
        if not usable:
            break
        for mode in usable[:left]:
            chosen[mode][places[mode].pop()] = by_mode[mode.value].pop()
            left -= 1
    return left


def _mode(case: Case) -> str:
    return next((t.partition(":")[2] for t in case.tags if t.startswith("mode:")), "")


def _measured(
    cases: Sequence[Case], replayed: int, no_call: float, missing: int, duplicates: int
) -> Mix:
    requests = [c for c in cases if is_request(c)]
    modes = _tagged(cases, "mode")
    return Mix(
        cases=tuple(cases),
        modes={m: modes.get(m.value, 0) for m in FailureMode},
        kinds=dict(Counter(c.expectation.kind for c in cases)),
        languages=dict(_tagged(cases, "language").most_common()),
        sizes=dict(sorted(Counter(len(c.tools) for c in cases).items())),
        no_call_wanted=no_call,
        no_call_share=sum(map(is_no_call, requests)) / len(requests) if requests else 0.0,
        no_call_missing=missing,
        replayed=replayed,
        duplicates=duplicates,
    )


def _tagged(cases: Sequence[Case], word: str) -> Counter[str]:
    tags = (tag.partition(":") for c in cases for tag in c.tags)
    return Counter(value for name, _, value in tags if name == word)
