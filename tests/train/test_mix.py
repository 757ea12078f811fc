"""Laws of the mix: as many as asked for, weighted by what fails, no mode left out, shares as measured."""

import pytest

from suites.errors import SuiteError
from suites.health import check_case
from suites.model import FailureMode
from train.augment import GENERATORS, input_key
from train.mix import Mix, is_no_call, is_request, mix
from train.toolboxes import load_library

LIBRARY = load_library()
PROFILE = {
    FailureMode.WRONG_VALUE: 30,
    FailureMode.MISSED_CALL: 20,
    FailureMode.MISSING_CALL: 10,
    FailureMode.INVENTED_ARGUMENT: 5,
}


def _mix(n: int = 600, **more: float) -> Mix:
    return mix(LIBRARY, PROFILE, n, **more)  # type: ignore[arg-type]


def test_a_mix_has_the_size_asked_for_and_no_case_twice() -> None:
    made = _mix()
    assert len(made.cases) == sum(made.modes.values()) == sum(made.kinds.values()) == 600
    assert sum(made.languages.values()) == sum(made.sizes.values()) == 600
    assert len({input_key(c) for c in made.cases}) == 600
    assert len({c.id for c in made.cases}) == 600


def test_what_fails_most_gets_most_and_every_mode_its_floor() -> None:
    made = _mix(floor=0.02)
    ranked = sorted(PROFILE, key=lambda m: made.modes[m], reverse=True)
    assert ranked == list(PROFILE)
    assert all(made.modes[m] >= 12 for m in FailureMode)


def test_counts_and_rates_are_the_same_profile() -> None:
    rates = {m: count / 200 for m, count in PROFILE.items()}
    assert mix(LIBRARY, rates, 300).modes == mix(LIBRARY, PROFILE, 300).modes


def test_an_empty_profile_weighs_all_modes_alike() -> None:
    made = mix(LIBRARY, {}, 440, replay=0.0)
    assert set(made.modes.values()) == {20}


@pytest.mark.parametrize("wanted", [0.2, 0.3, 0.45])
def test_the_no_call_share_is_reached_and_measured(wanted: float) -> None:
    made = _mix(no_call=wanted)
    requests = [c for c in made.cases if is_request(c)]
    counted = sum(map(is_no_call, requests)) / len(requests)
    assert made.no_call_share == counted
    assert abs(counted - wanted) < 0.02


def test_a_share_that_cannot_be_reached_is_not_claimed() -> None:
    made = _mix(no_call=1.0)
    assert made.no_call_share < 0.9
    assert made.no_call_missing > 0


def test_the_same_arguments_give_the_same_mix() -> None:
    assert _mix(seed=3).cases == _mix(seed=3).cases
    assert _mix(seed=3).cases != _mix(seed=4).cases


def test_given_cases_are_replayed() -> None:
    passing = GENERATORS[FailureMode.WRONG_TYPE](LIBRARY, 99, 200)
    made = mix(LIBRARY, PROFILE, 500, replay=0.3, passing=passing)
    ids = {c.id for c in passing}
    assert made.replayed == 150 == sum(c.id in ids for c in made.cases)


def test_cases_of_a_mix_are_sound() -> None:
    for case in _mix().cases:
        assert not check_case(case)[1]


@pytest.mark.parametrize(
    ("profile", "n", "more", "fault"),
    [
        (PROFILE, 600, {"floor": 0.0}, "has no case of .*wrong_tool.*: raise n or the floor"),
        (PROFILE, 20, {}, "fewer than 1 for each of 22 modes"),
        (PROFILE, 0, {}, "a mix of 0 cases is none"),
        ({FailureMode.WRONG_VALUE: -1}, 600, {}, "may be negative"),
        (PROFILE, 600, {"no_call": 1.5}, "no_call must be a share"),
    ],
)
def test_a_mix_that_cannot_be_is_refused(
    profile: dict[FailureMode, float], n: int, more: dict[str, float], fault: str
) -> None:
    with pytest.raises(SuiteError, match=fault):
        mix(LIBRARY, profile, n, **more)  # type: ignore[arg-type]


def test_twenty_thousand_distinct_cases_can_be_made() -> None:
    made = _mix(20_000)
    assert len({input_key(c) for c in made.cases}) == 20_000
    assert abs(made.no_call_share - 0.3) < 0.01
