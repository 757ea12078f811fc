"""The audit finds each planted fault for its reason, and nothing else."""

from pathlib import Path
from typing import Any

import pytest

from suites.baselines import BASELINES, gold_reply
from suites.bfcl import check
from suites.exclusions import read_exclusions
from suites.importers import open_source
from suites.importers.bfcl import EXCLUSIONS, read
from suites.importers.bfcl_audit import REASONS, audit, gold_fails
from suites.judge import judge
from suites.model import Case
from suites.official import gold_calls
from tests.mini_bfcl import EXCLUDED, ITEMS, Item, write_folder

UNSOUND = {i for ids in EXCLUDED.values() for i in ids}


def _cases(folder: Path, items: dict[str, list[Item]] = ITEMS) -> tuple[Case, ...]:
    return read(open_source(str(write_folder(folder, items)))).cases


@pytest.fixture
def cases(tmp_path: Path) -> tuple[Case, ...]:
    return _cases(tmp_path / "data")


def test_every_reason_is_found_where_it_was_planted_and_nowhere_else(
    cases: tuple[Case, ...],
) -> None:
    assert set(EXCLUDED) == set(REASONS)
    assert audit(cases) == EXCLUDED


def test_without_the_planted_items_nothing_is_found(tmp_path: Path) -> None:
    sound = {c: [i for i in items if i[0]["id"] not in UNSOUND] for c, items in ITEMS.items()}
    assert audit(_cases(tmp_path, sound)) == {reason: [] for reason in REASONS}


def test_an_import_marks_what_the_audit_finds(tmp_path: Path) -> None:
    imported = read(open_source(str(write_folder(tmp_path))))
    marked = {reason: set(ids) for reason, (_, ids) in imported.exclusions.items()}
    assert marked == {reason: set(ids) for reason, ids in audit(imported.cases).items()}
    assert imported.exclusions_version


def test_the_committed_list_has_the_reasons_of_the_audit_in_its_words() -> None:
    version, exclusions = read_exclusions(EXCLUSIONS)
    assert version
    assert {reason: about for reason, (about, _) in exclusions.items()} == REASONS


def test_what_is_not_excluded_can_be_passed_by_both_judges(cases: tuple[Case, ...]) -> None:
    for case in cases:
        if case.id in UNSOUND:
            continue
        assert judge(case, gold_reply(case)).passed
        assert not gold_fails(case)
        if case.expectation.no_call is None:
            assert not judge(case, BASELINES["noise"](case)).passed


def test_the_ways_of_giving_a_gold_treat_what_may_be_left_out() -> None:
    gold = [{"f": {"a": [1], "b": ["", 2], "c": [3, ""], "d": [""], "e": []}}]
    assert gold_calls(gold) == [
        [{"f": {"a": 1, "c": 3}}],
        [{"f": {"a": 1, "b": 2, "c": 3}}],
        [{"f": {"a": 1}}],
    ]


def test_a_gold_fails_only_if_no_way_of_giving_it_is_accepted(cases: tuple[Case, ...]) -> None:
    (case,) = (c for c in cases if c.id == "simple_python_1")
    official = case.official
    assert official is not None
    gold = list(official.gold)
    functions = list(official.functions)
    valid = [check(functions, way, gold, "simple_python").valid for way in gold_calls(gold)]
    assert any(valid)
    assert not gold_fails(case)
    renamed = official.model_copy(update={"gold": ({"other": {}},)})
    assert gold_fails(case.model_copy(update={"official": renamed}))
    assert not gold_fails(case.model_copy(update={"official": None}))


@pytest.mark.parametrize(
    ("detail", "golds", "reasons"),
    [
        ({"type": "integer"}, [True], ["type"]),
        ({"type": "integer"}, [2.5, "2"], ["type"]),
        ({"type": "integer"}, ["2", 2], []),
        ({"type": "integer"}, ["2", ""], ["type"]),
        ({"type": "integer"}, [""], []),
        ({"type": "float"}, [3], []),
        ({"type": "float"}, [False], ["type"]),
        ({"type": "boolean"}, ["true"], ["type"]),
        ({"type": "boolean"}, [True], []),
        ({"type": "tuple", "items": {"type": "float"}}, [[1.0]], []),
        ({"type": "any"}, ["x"], []),
        ({"type": "string", "enum": ["a", "b"]}, ["c", "b"], []),
        ({"type": "string", "enum": ["a", "b"]}, ["c", "d", ""], ["enum"]),
        ({"type": "array", "items": {"type": "string"}, "enum": ["a"]}, [["a"]], ["strict_gold"]),
    ],
)
def test_types_and_enums_are_those_of_the_function(
    tmp_path: Path, detail: dict[str, Any], golds: list[Any], reasons: list[str]
) -> None:
    parameters = {"type": "dict", "properties": {"p": detail}, "required": []}
    functions = [{"name": "f", "description": "F.", "parameters": parameters}]
    question = [[{"role": "user", "content": "F?"}]]
    row = {"id": "multiple_7", "question": question, "function": functions}
    cases = _cases(tmp_path, {"multiple": [(row, [{"f": {"p": golds}}])]})
    assert len(cases) == 1
    found = audit(cases)
    assert [reason for reason, ids in found.items() if ids and reason != "gold_fails"] == reasons
