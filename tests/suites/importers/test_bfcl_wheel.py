"""The published data: counts, the exclusion list derived anew, and golds, where the wheel is named.

CALLBENCH_BFCL_WHEEL names the wheel of bfcl-eval 2026.3.23.
"""

import os
from collections import Counter
from pathlib import Path

import pytest

from bench.cli import main
from suites.baselines import BASELINES, gold_reply
from suites.exclusions import read_exclusions
from suites.importers import Imported, open_source
from suites.importers.bfcl import EXCLUSIONS, read
from suites.importers.bfcl_audit import audit, gold_fails
from suites.judge import judge
from suites.model import Call, Reply
from suites.official import official_gold, official_verdict

WHEEL = os.environ.get("CALLBENCH_BFCL_WHEEL", "")
pytestmark = pytest.mark.skipif(
    not WHEEL, reason="CALLBENCH_BFCL_WHEEL does not name the wheel of bfcl-eval"
)
COUNTS = {
    "simple_python": 400,
    "simple_java": 100,
    "simple_javascript": 50,
    "multiple": 200,
    "parallel": 200,
    "parallel_multiple": 200,
    "irrelevance": 240,
    "live_simple": 258,
    "live_multiple": 1053,
    "live_parallel": 16,
    "live_parallel_multiple": 24,
    "live_irrelevance": 884,
    "live_relevance": 16,
}
REASONS = {
    "gold_fails": 8,
    "opposite_labels": 6,
    "duplicate": 3,
    "enum": 81,
    "type": 136,
    "undeclared": 4,
    "strict_gold": 1,
}


@pytest.fixture(scope="module")
def imported() -> Imported:
    return read(open_source(WHEEL))


def test_every_item_of_the_13_categories_is_a_case(imported: Imported) -> None:
    assert Counter(c.category for c in imported.cases) == COUNTS
    assert len(imported.cases) == 3641
    assert imported.skipped == ()
    assert imported.version == "2026.3.23"


def test_the_exclusion_list_is_what_the_data_give(imported: Imported) -> None:
    _, exclusions = read_exclusions(EXCLUSIONS)
    found = audit(imported.cases)
    assert {reason: len(ids) for reason, ids in found.items()} == REASONS
    assert found == {reason: list(ids) for reason, (_, ids) in exclusions.items()}
    assert len({i for ids in found.values() for i in ids}) == 196
    assert sum(i.startswith("simple_java_") for i in found["gold_fails"]) == 3


def test_golds_pass_where_they_are_not_excluded_and_noise_never(imported: Imported) -> None:
    left_out = {i for _, ids in imported.exclusions.values() for i in ids}
    for case in imported.cases:
        if case.id not in left_out:
            assert judge(case, gold_reply(case)).passed, case.id
        if case.expectation.no_call is None:
            assert not judge(case, BASELINES["noise"](case)).passed, case.id


def test_golds_pass_the_official_rules_but_for_the_eight(imported: Imported) -> None:
    failed = []
    for case in imported.cases:
        calls = [Call(name=n, arguments=a) for c in official_gold(case) or [] for n, a in c.items()]
        reply = Reply(calls=tuple(calls), text="" if calls else "none")
        if not official_verdict(case, reply).valid:
            failed.append(case.id)
            assert gold_fails(case)
    assert failed == list(imported.exclusions["gold_fails"][1])


def test_the_imported_suite_has_no_errors(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["suites", "import", "bfcl", "--from", WHEEL]) == 0
    assert main(["suites", "check", "bfcl"]) == 0
    assert (home / "suites" / "bfcl" / "exclude.yaml").is_file()
    capsys.readouterr()
