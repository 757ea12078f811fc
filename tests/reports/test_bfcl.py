"""BFCL's figures in the report of a run: three verdicts side by side, and its aggregation."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.decide import compare
from bench.store import Run, read_run
from reports import run_tables, summarise, summary_data
from reports.bfcl import AGGREGATES, OfficialCase, OfficialLine, official_lines, official_table
from suites import Case
from suites.catalogue import imported_folder
from suites.importers.bfcl import CATEGORIES, read
from suites.importers.write import import_suite
from tests.mini_bfcl import CASES, EXCLUDED, write_folder

Measure = Callable[..., Run]
Reply = Callable[[Case], str]
LEFT_OUT = {i for ids in EXCLUDED.values() for i in ids}
WRONG = {
    *("simple_python_1", "simple_java_0", "simple_javascript_1", "parallel_1"),
    *("live_simple_1-0-1", "live_simple_30-8-0", "live_multiple_0-0-0", "live_relevance_0-0-0"),
}
SLOPPY = {
    "multiple_0": '<tool_call>{"name":"get_weather","arguments":{"city":"O.s.l.o"}}</tool_call>'
}
BROKEN = "irrelevance_0"


@pytest.fixture(autouse=True)
def bfcl(tmp_path: Path) -> None:
    """The miniature BFCL, imported into the home of this test."""
    import_suite("bfcl", str(write_folder(tmp_path / "data")), read, "bfcl", imported_folder())


@pytest.fixture
def mixed(gold: Reply) -> Reply:
    """Gold, but for eight noisy replies, one that only BFCL's rules accept, and a broken call."""

    def reply(case: Case) -> str:
        if case.id == BROKEN:
            return '<tool_call>{"name": '
        if case.id in SLOPPY:
            return SLOPPY[case.id]
        return "abc" if case.id in WRONG else gold(case)

    return reply


@pytest.fixture
def found(measure: Measure, mixed: Reply) -> Run:
    return measure(mixed, "bfcl")


def _records(run: Run) -> list[dict[str, Any]]:
    lines = Path(run.path).read_text(encoding="utf-8").splitlines()
    return [item for line in lines if (item := json.loads(line))["kind"] == "case"]


def _lines(run: Run) -> dict[str, OfficialLine]:
    return {line.name: line for line in summarise(run).official}


def test_every_record_has_the_official_verdict_beside_ours(found: Run) -> None:
    official = {r["id"]: r["official"]["valid"] for r in _records(found)}
    strict = {r["id"]: r["verdict"]["passed"] for r in _records(found)}
    assert set(official) == set(CASES)
    # Gold gives an argument that the function lacks, or one that no Java text can say.
    unsound = {"parallel_multiple_12", "simple_java_36"}
    assert {i for i, valid in official.items() if not valid} == WRONG | unsound
    assert {i for i in official if official[i] != strict[i]} - LEFT_OUT == {"multiple_0", BROKEN}
    errors = {r["id"]: r["official"]["error_type"] for r in _records(found)}
    assert errors[BROKEN] is errors["multiple_0"] is None
    assert errors["simple_java_0"] == "ast_decoder:decoder_failed"
    assert errors["live_relevance_0-0-0"] == "relevance_error:decoder_failed"
    assert errors["parallel_multiple_12"] == "parallel_function_checker_no_order:cannot_find_match"


def test_shares_by_category_and_their_means_counted_by_hand(found: Run) -> None:
    lines = _lines(found)
    assert {n: (x.n, x.audited_n) for n, x in lines.items() if x.n} == {
        "simple_python": (2, 2),
        "simple_java": (3, 2),
        "simple_javascript": (2, 2),
        "multiple": (2, 2),
        "parallel": (2, 2),
        "parallel_multiple": (3, 1),
        "live_simple": (6, 2),
        "live_multiple": (2, 2),
        "live_parallel": (2, 2),
        "live_parallel_multiple": (2, 2),
        "irrelevance": (2, 2),
        "live_irrelevance": (4, 2),
        "live_relevance": (2, 2),
    }
    shares = {n: (x.official, x.audited, x.strict) for n, x in lines.items()}
    third = pytest.approx(1 / 3)
    assert shares["simple_java"] == (third, 0.5, 0.5)
    assert shares["multiple"] == (1.0, 1.0, 0.5)
    assert shares["live_simple"] == (pytest.approx(4 / 6), 0.5, 0.5)
    assert shares["irrelevance"] == (1.0, 1.0, 0.5)
    assert shares["live_relevance"] == (0.5, 0.5, 0.5)
    simple = (1 / 2 + 1 / 3 + 1 / 2) / 3
    assert shares["simple_ast"] == pytest.approx((simple, 0.5, 0.5))
    assert shares["non_live"] == pytest.approx(
        ((simple + 1 + 0.5 + 2 / 3) / 4, (0.5 + 1 + 0.5 + 1) / 4, (0.5 + 0.5 + 0.5 + 1) / 4)
    )
    assert shares["live"] == pytest.approx(((4 + 1 + 2 + 2) / 12, (1 + 1 + 2 + 2) / 8, 6 / 8))
    assert shares["irrelevance_all"] == pytest.approx((1.0, 1.0, 0.75))
    assert (lines["multiple"].gained, lines["multiple"].lost) == (0, 1)
    assert (lines["irrelevance"].gained, lines["irrelevance"].lost) == (0, 1)
    assert all(line.missing == () for line in lines.values())
    assert set(lines) == {*CATEGORIES, *AGGREGATES}


def test_the_report_has_the_table_and_never_an_overall(found: Run) -> None:
    summary = summarise(found)
    (table,) = (t for t in run_tables([summary]) if t.title.startswith("BFCL v4, base"))
    rows = {row[0]: dict(zip(table.head, row, strict=True)) for row in table.rows}
    assert rows["live_simple"] == {
        "BFCL category": "live_simple",
        "n": "6",
        "official": "66.67",
        "audited n": "2",
        "audited": "50.00",
        "strict": "50.00",
        "only strict": "0",
        "only official": "0",
    }
    assert (rows["live"]["official"], rows["live"]["n"]) == ("75.00", "")
    assert not [name for name in rows if "overall" in name.lower()]
    assert any("is not computed" in note for note in table.notes)
    assert not any("NOT RUN" in note for note in table.notes)
    data = summary_data(summary)
    assert [line["name"] for line in data["official"]] == list(rows)
    json.dumps(data)


def test_excluded_cases_are_run_and_not_scored(found: Run) -> None:
    summary = summarise(found)
    assert summary.excluded == len(LEFT_OUT)
    assert summary.total.score.n == len(CASES) - len(LEFT_OUT)
    assert summary.total.baselines["gold"] == 1.0
    (table, *_) = run_tables([summary])
    assert any(f"{len(LEFT_OUT)} cases of the exclusion list" in note for note in table.notes)


def test_compare_leaves_excluded_cases_out(found: Run, measure: Measure, gold: Reply) -> None:
    comparison = compare(found, measure(gold, "bfcl", name="other"))
    ids = {pair.first.id for pair in comparison.pairs}
    assert ids == set(CASES) - LEFT_OUT
    assert comparison.only_first == comparison.only_second == ()
    fixed = {pair.first.id for pair in comparison.of("fixed")}
    assert fixed == (WRONG | {"multiple_0", BROKEN}) - LEFT_OUT


def test_categories_that_were_not_run_are_named(measure: Measure, gold: Reply) -> None:
    lines = _lines(measure(gold, "bfcl/simple_python", "bfcl/live_parallel", "bfcl/parallel"))
    assert set(lines) == {
        *("simple_python", "parallel", "live_parallel", "simple_ast", "non_live", "live")
    }
    assert lines["simple_ast"].missing == ("simple_java", "simple_javascript")
    assert set(lines["non_live"].missing) == {
        *("multiple", "parallel_multiple", "simple_java", "simple_javascript")
    }
    assert lines["live"].missing == ("live_simple", "live_multiple", "live_parallel_multiple")
    notes = official_table(list(lines.values()), "x").notes
    assert any(n.startswith("live:") and "NOT RUN: live_simple, live_m" in n for n in notes)


def test_replies_that_were_lost_have_no_verdict(measure: Measure, gold: Reply) -> None:
    run = measure(lambda c: "LOST" if c.id == "multiple_0" else gold(c), "bfcl/multiple")
    official = {r["id"]: r["official"] for r in _records(run)}
    assert official["multiple_0"] is None
    assert official["multiple_1"]["valid"]
    assert _lines(run)["multiple"].n == 1


def test_run_files_from_before_official_verdicts_are_read(found: Run, tmp_path: Path) -> None:
    old = []
    for text in Path(found.path).read_text(encoding="utf-8").splitlines():
        item = json.loads(text)
        item.pop("official", None)
        for field in ("official", "excluded"):
            item.get("case", {}).pop(field, None)
        old.append(json.dumps(item) + "\n")
    file = tmp_path / "old.jsonl"
    file.write_text("".join(old), encoding="utf-8")
    summary = summarise(read_run(file))
    assert (summary.official, summary.excluded) == ((), 0)
    assert summary.total.score.n == len(CASES)
    assert not [t for t in run_tables([summary]) if t.title.startswith("BFCL")]


# --- the aggregation against a few lines of its definition --------------------------------------------

_CASE = st.builds(
    OfficialCase,
    category=st.sampled_from(list(CATEGORIES)),
    official=st.booleans(),
    strict=st.booleans(),
    excluded=st.booleans(),
)


def _mean(values: list[float | None]) -> float | None:
    return None if not values or None in values else sum(values) / len(values)  # type: ignore[arg-type]


def _oracle(cases: list[OfficialCase], field: str, audited: bool) -> dict[str, float | None]:
    def share(*categories: str) -> float | None:
        kept = [c for c in cases if c.category in categories and not (audited and c.excluded)]
        return _mean([float(getattr(c, field)) for c in kept])

    run = {c.category for c in cases}
    found = {c: share(c) for c in run}
    simple = [found[c] for c in ("simple_python", "simple_java", "simple_javascript") if c in run]
    if simple:
        found["simple_ast"] = _mean(simple)
    for name, parts in {
        "non_live": ("simple_ast", "multiple", "parallel", "parallel_multiple"),
        "irrelevance_all": ("irrelevance", "live_irrelevance"),
    }.items():
        if there := [found[c] for c in parts if c in found]:
            found[name] = _mean(there)
    live = ("live_simple", "live_multiple", "live_parallel", "live_parallel_multiple")
    if run & set(live):
        found["live"] = share(*live)
    return found


@given(cases=st.lists(_CASE, max_size=40))
def test_aggregates_are_the_means_that_their_definition_says(cases: list[OfficialCase]) -> None:
    lines = official_lines(cases)
    assert len({line.name for line in lines}) == len(lines)
    for shown, field, audited in (
        ("official", "official", False),
        ("audited", "official", True),
        ("strict", "strict", True),
    ):
        expected = _oracle(cases, field, audited)
        found = {line.name: getattr(line, shown) for line in lines}
        assert set(found) == set(expected)
        for name, value in expected.items():
            assert found[name] == (None if value is None else pytest.approx(value))
    for line in lines:
        own = [c for c in cases if c.category == line.name and not c.excluded]
        assert line.gained == sum(c.strict > c.official for c in own)
        assert line.lost == sum(c.official > c.strict for c in own)
    official_table(lines, "x")
