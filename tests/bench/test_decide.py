"""The decision between two runs: verdicts, families of tests, and what differs between the conditions."""

from collections.abc import Sequence
from typing import Any

import pytest

from bench.decide import PairedLine, compare, refuse_differing
from bench.errors import UsageError
from bench.stats import mcnemar_exact
from bench.support import group_test, holm
from tests.made_runs import (
    CANDIDATE,
    Row,
    made_record,
    made_run,
    rows,
    two_runs,
    verdict_run,
)

CALL = rows("call", 200, categories=("direct", "negated"))
OUTPUT = rows("output", 200, categories=("error",))


def _named(lines: Sequence[PairedLine]) -> dict[str, PairedLine]:
    return {x.name: x for x in lines}


def test_a_fall_is_worse_a_rise_better_and_the_rest_no_worse_or_unknown() -> None:
    broken, fixed = CALL[:24:2], OUTPUT[:12]
    lines = _named(compare(*two_runs(CALL + OUTPUT, broken, fixed), margin=5).lines)
    assert {name: x.verdict for name, x in lines.items()} == {
        "all": "no worse",
        "call": "worse",
        "call/direct": "worse",
        "call/negated": "no worse",
        "output": "better",
        "output/error": "better",
    }
    assert lines["all"].words == "no worse than 5"
    few = _named(compare(*two_runs(CALL[:20]), margin=5).lines)
    assert few["all"].verdict == "cannot tell"


def test_the_margin_and_alpha_move_the_verdicts() -> None:
    runs = two_runs(CALL, CALL[:24:2])
    assert compare(*runs, alpha=1e-6).lines[0].verdict == "cannot tell"
    assert compare(*runs, alpha=1e-6, margin=20).lines[0].verdict == "no worse"
    assert compare(*runs, margin=20).lines[0].verdict == "worse"
    for wrong in (
        {"margin": -1},
        {"margin": 101},
        {"margin": float("nan")},
        {"alpha": 0},
        {"alpha": 1},
    ):
        with pytest.raises(UsageError, match="lies between"):
            compare(*runs, **wrong)  # type: ignore[arg-type]


def test_p_is_adjusted_within_suites_within_categories_and_all_stands_alone() -> None:
    broken = [*CALL[:16:2], *OUTPUT[:7]]
    lines = compare(*two_runs(CALL + OUTPUT, broken)).lines
    assert [x.family for x in lines] == [
        "all",
        "suite",
        "category",
        "category",
        "suite",
        "category",
    ]
    for family in ("all", "suite", "category"):
        own = [x for x in lines if x.family == family]
        assert [x.adjusted for x in own] == holm([x.tested for x in own])
    named = _named(lines)
    assert named["all"].adjusted == named["all"].difference.p == mcnemar_exact(0, 15)
    assert named["output"].adjusted == mcnemar_exact(0, 7)  # the larger of two
    assert named["call"].adjusted == 2 * mcnemar_exact(0, 8)
    assert named["call/direct"].adjusted == 3 * mcnemar_exact(0, 8)


def test_one_suite_among_many_needs_more_than_alone() -> None:
    """Six broken cases are a fall by themselves (.031), not as one of two suites (.0625)."""
    alone = _named(compare(*two_runs(CALL, CALL[:12:2])).lines)["call"]
    assert (alone.verdict, alone.adjusted) == ("worse", mcnemar_exact(0, 6))
    among = _named(compare(*two_runs(CALL + OUTPUT, CALL[:12:2])).lines)["call"]
    assert among.difference.interval.high < 0
    assert (among.verdict, among.adjusted) == ("cannot tell", 2 * mcnemar_exact(0, 6))


def test_cases_of_a_group_that_break_together_are_tested_as_one() -> None:
    grouped = rows("call", 200, size=10)
    line = compare(*two_runs(grouped, grouped[:30])).lines[0]
    changes = [-1] * 30 + [0] * 170
    assert line.difference.p == mcnemar_exact(0, 30) < 1e-8
    assert line.tested == group_test(changes, [r[2] for r in grouped]) == 0.25
    assert line.verdict == "cannot tell"


def test_the_detectable_difference_shrinks_with_cases_and_grows_with_clusters() -> None:
    def least(n: int, size: int) -> float:
        own = rows("call", n, size=size)
        found = compare(*two_runs(own, own[: n // 10], own[n // 2 : n // 2 + n // 10])).lines[0]
        assert found.detectable is not None
        return found.detectable

    assert least(400, 1) == pytest.approx(0.0625, abs=5e-5)  # as in the table: 6.2 points
    assert least(100, 1) > least(200, 1) > least(400, 1)
    assert least(400, 4) > 1.5 * least(400, 1)
    assert compare(*two_runs(CALL)).lines[0].detectable is None


def test_migrations_count_every_case_by_its_modes() -> None:
    wrong = rows("call", 230)[200:]
    first, second = two_runs(CALL, CALL[:5], wrong[:3])
    more = [made_record(r, False) for r in wrong[3:]]
    first = made_run([*first.records, *more])
    second = made_run([*second.records, *more], **CANDIDATE)
    found = compare(first, second)
    assert found.migrations == {
        ("passed", "passed"): 195,
        ("no_answer", "no_answer"): 27,
        ("passed", "no_answer"): 5,
        ("no_answer", "passed"): 3,
    }
    assert list(found.migrations.values()) == [195, 27, 5, 3]


def test_variants_have_lines_and_a_family_of_their_own() -> None:
    turned: list[Row] = [(s, c, g, f"{i}~order") for s, c, g, i in CALL]
    found = compare(*two_runs(CALL + turned, turned[:40]))
    named = _named(found.lines)
    assert named["call ~order"].family == "variant"
    assert named["call ~order"].verdict == "worse"
    assert named["all"].difference.n == len(found.pairs) == len(found.variants) == 200
    assert named["all"].difference.broken == 0


def test_samples_are_tested_by_the_means_of_their_groups() -> None:
    def run(passes: int, **fields: Any) -> Any:
        records = [made_record(r, k < passes, sample=k) for r in CALL[:30] for k in range(4)]
        return made_run(records, **fields)

    line = compare(
        run(4, sampling={"samples": 4}), run(2, **CANDIDATE, sampling={"samples": 4})
    ).lines[0]
    assert line.difference.estimate == -0.5
    assert line.tested == line.difference.p < 0.001
    assert line.verdict == "worse"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"dialect": "chatml"}, "dialect (gemma against chatml)"),
        ({"shots": 3}, "shots (0 against 3)"),
        ({"engine": "vllm"}, "engine (scripted against vllm)"),
        ({"dtype": "bfloat16"}, "dtype (none against bfloat16)"),
        ({"sampling": {"temperature": 0.7}}, "temperature (0.0 against 0.7)"),
        ({"sampling": {"samples": 4}}, "samples (1 against 4)"),
        ({"sampling": {"constrained": True}}, "calls (free against constrained)"),
    ],
)
def test_other_conditions_are_refused_without_force(fields: dict[str, Any], said: str) -> None:
    found = compare(*two_runs(CALL[:9], **fields))
    assert found.refused == found.differing == (said,)
    with pytest.raises(UsageError, match="not measured under the same conditions") as error:
        refuse_differing(found, force=False)
    assert said in str(error.value)
    assert "--force" in str(error.value)
    refuse_differing(found, force=True)


def test_another_suite_hash_is_refused_another_machine_or_model_is_not() -> None:
    settings = {"max_lora_rank": 16}
    first, second = two_runs(
        CALL[:9], device="cuda (H100)", model_hash="2" * 64, engine_settings=settings
    )
    found = compare(first, second)
    assert found.refused == ()
    assert found.told == (
        "device (none against cuda (H100))",
        "engine's max lora rank (None against 16)",
    )
    refuse_differing(found, force=False)
    (suite,) = second.manifest.suites
    changed = suite.model_copy(update={"hash": "b" * 64})
    found = compare(first, verdict_run(dict.fromkeys(CALL[:9], True), suites=(changed,)))
    assert found.refused == ("suite call/dev (aaaaaaaaaaaa against bbbbbbbbbbbb)",)
