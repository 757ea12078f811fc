"""The official verdict on replies to imported cases, beside ours."""

from typing import Any

import pytest

from suites.baselines import BASELINES
from suites.errors import SuiteError
from suites.importers import open_source
from suites.importers.bfcl import read
from suites.judge import judge
from suites.model import Call, Case, Reply
from suites.official import official_gold, official_verdict, official_verdict_of_text
from tests.mini_bfcl import EXCLUDED, write_folder


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    folder = write_folder(tmp_path_factory.mktemp("data"))
    return {c.id: c for c in read(open_source(str(folder))).cases}


def _reply(*calls: tuple[str, dict[str, Any]]) -> Reply:
    return Reply(calls=tuple(Call(name=n, arguments=a) for n, a in calls))


def _gold(case: Case) -> Reply:
    calls = [(n, a) for call in official_gold(case) or [] for n, a in call.items()]
    return _reply(*calls) if calls else Reply(text="none")


def test_the_official_gold_is_valid_but_where_every_way_fails(cases: dict[str, Case]) -> None:
    failed = [name for name, case in cases.items() if not official_verdict(case, _gold(case)).valid]
    assert failed == EXCLUDED["gold_fails"]


def test_a_gold_is_given_in_the_first_way_that_is_accepted(cases: dict[str, Case]) -> None:
    assert official_gold(cases["simple_python_0"]) == [
        {"geometry.area": {"base": 10, "height": 5, "unit": "units"}}
    ]
    assert official_gold(cases["simple_java_1"]) == [{"Scale.by": {"ratio": "0.5"}}]
    assert official_gold(cases["irrelevance_0"]) is None
    assert official_gold(cases["live_relevance_1-1-0"]) == [{"set_timer": {"minutes": 5}}]
    (case, other) = cases["multiple_0"], cases["multiple_1"]
    assert case.official is not None
    # Only with the first answer left out: "kg" stands for a parameter that the function lacks.
    odd = case.official.model_copy(
        update={"gold": ({"get_weather": {"city": ["Oslo"], "mass": ["kg", ""]}},)}
    )
    assert official_gold(case.model_copy(update={"official": odd})) == [
        {"get_weather": {"city": "Oslo"}}
    ]
    assert official_gold(other) == [{"set_timer": {"minutes": 9}}]


@pytest.mark.parametrize(
    ("name", "reply", "error"),
    [
        ("simple_python_0", Reply(text="abc"), "ast_decoder:decoder_failed"),
        ("simple_python_0", Reply(text="f(", problems=("cut",)), "ast_decoder:decoder_failed"),
        (
            "simple_python_0",
            _reply(("geometry.area", {"base": 10})),
            "simple_function_checker:missing_required",
        ),
        (
            "simple_python_0",
            _reply(("geometry.area", {"base": 10.0, "height": 5})),
            "type_error:simple",
        ),
        (
            "parallel_0",
            _reply(("get_weather", {"city": "Oslo"})),
            "parallel_function_checker_no_order:wrong_count",
        ),
        ("irrelevance_0", _reply(("x", {})), "irrelevance_error:decoder_success"),
        ("irrelevance_0", Reply(text="abc"), None),
        ("irrelevance_0", Reply(text="f(", problems=("cut",)), None),
        ("live_relevance_0-0-0", _reply(("x", {})), None),
        ("live_relevance_0-0-0", Reply(text="abc"), "relevance_error:decoder_failed"),
        (
            "live_relevance_0-0-0",
            Reply(text="f(", problems=("cut",)),
            "relevance_error:decoder_failed",
        ),
        ("parallel_0", _reply(*(("get_weather", {"city": c}) for c in ("graz", "O-S-L-O"))), None),
    ],
)
def test_verdicts_are_those_of_bfcl(
    cases: dict[str, Case], name: str, reply: Reply, error: str | None
) -> None:
    verdict = official_verdict(cases[name], reply)
    assert (verdict.valid, verdict.error_type) == (error is None, error)


def test_a_call_beside_a_broken_one_is_no_call(cases: dict[str, Case]) -> None:
    right = _gold(cases["multiple_1"])
    broken = Reply(calls=right.calls, problems=("another call is broken",))
    assert official_verdict(cases["multiple_1"], right).valid
    assert not official_verdict(cases["multiple_1"], broken).valid


def test_a_text_is_read_as_bfcl_s_prompt_mode_reads_it(cases: dict[str, Case]) -> None:
    case = cases["multiple_1"]
    for text in ("[set_timer(minutes=9)]", "`set_timer(minutes=9)`", " [set_timer(minutes=4 + 5)"):
        assert official_verdict_of_text(case, text).valid
    assert not official_verdict_of_text(case, "[set_timer(9)]").valid
    java = official_verdict_of_text(cases["simple_java_1"], "Scale.by(ratio=0.5)")
    assert java.valid


def test_an_error_has_no_verdict_and_a_case_of_ours_no_official_one(
    cases: dict[str, Case],
) -> None:
    with pytest.raises(ValueError, match="no reply"):
        official_verdict(cases["irrelevance_0"], Reply(finish="error"))
    ours = cases["irrelevance_0"].model_copy(update={"official": None})
    for call in (
        lambda: official_verdict(ours, Reply(text="abc")),
        lambda: official_verdict_of_text(ours, "abc"),
        lambda: official_gold(ours),
    ):
        with pytest.raises(SuiteError, match="case 'irrelevance_0' has no data for the bfcl mode"):
            call()


def test_verdicts_change_neither_case_nor_gold(cases: dict[str, Case]) -> None:
    before = {name: case.model_dump_json() for name, case in cases.items()}
    for case in cases.values():
        for reply in BASELINES.values():
            official_verdict(case, reply(case))
            judge(case, reply(case))
    assert {name: case.model_dump_json() for name, case in cases.items()} == before
