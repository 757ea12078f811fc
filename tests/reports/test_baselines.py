"""Baselines on suites: a recount by both judges, and what the tables say of them."""

from pathlib import Path

import pytest

from reports.baselines import baseline_data, baseline_tables
from suites import BASELINES, Part, judge, select
from suites.catalogue import imported_folder
from suites.importers.bfcl import CATEGORIES, read
from suites.importers.write import import_suite
from suites.official import official_verdict
from tests.mini_bfcl import EXCLUDED, write_folder


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Part, ...]:
    """The miniature BFCL."""
    import_suite("bfcl", str(write_folder(tmp_path / "data")), read, "bfcl", imported_folder())
    return select(["bfcl"]).parts


def test_every_share_is_a_recount_without_the_excluded_cases(parts: tuple[Part, ...]) -> None:
    rows = baseline_data(parts)
    assert [r["category"] for r in rows] == ["", *sorted(CATEGORIES)]
    for row in rows:
        cases = [c for c in parts[0].cases if row["category"] in ("", c.category)]
        scored = [c for c in cases if not c.excluded]
        assert (row["suite"], row["n"], row["audited"]) == ("bfcl/test", len(cases), len(scored))
        for name, reply in BASELINES.items():
            assert row[name] == sum(judge(c, reply(c)).passed for c in scored) / len(scored)
            if name != "gold":
                valid = sum(official_verdict(c, reply(c)).valid for c in cases)
                assert row["official"][name] == valid / len(cases)


def test_gold_is_all_by_strict_and_by_official_but_for_golds_that_fail(
    parts: tuple[Part, ...],
) -> None:
    rows = {r["category"]: r for r in baseline_data(parts)}
    assert {r["gold"] for r in rows.values()} == {1.0}
    failing = dict.fromkeys(rows, 1.0)
    failing["simple_java"] = 2 / 3
    n = rows[""]["n"]
    failing[""] = (n - len(EXCLUDED["gold_fails"])) / n
    assert {c: r["official"]["gold"] for c, r in rows.items()} == failing


def test_noise_passes_no_category_that_wants_a_call(parts: tuple[Part, ...]) -> None:
    for row in baseline_data(parts)[1:]:
        if "irrelevance" not in row["category"]:
            assert row["noise"] == row["official"]["noise"] == 0.0


def test_tables_say_where_noise_scores_and_only_there(parts: tuple[Part, ...]) -> None:
    strict, official = baseline_tables(parts, baseline_data(parts))
    assert [row[1] for row in strict.rows] == ["", *sorted(CATEGORIES)]
    assert official.notes[0].startswith("noise scores above 0 on irrelevance, live_irrelevance by")
    rows = {row[0]: dict(zip(official.head, row, strict=True)) for row in official.rows}
    assert rows["simple_java"]["gold"] == "66.7"
    assert rows["simple_java"]["gold (audited)"] == "100.0"
    assert rows["live_irrelevance"]["noise"] == "100.0"
    assert set(rows) == {*CATEGORIES, "simple_ast", "non_live", "live", "irrelevance_all"}
    some = select(["bfcl/parallel"]).parts
    (_, official) = baseline_tables(some, baseline_data(some))
    assert not [note for note in official.notes if "noise" in note]


def test_a_category_that_is_excluded_whole_has_no_share(parts: tuple[Part, ...]) -> None:
    (part,) = parts
    cases = tuple(c for c in part.cases if c.id in EXCLUDED["enum"])
    some = (Part(suite=part.suite, cases=cases),)
    for row in baseline_data(some):
        assert (row["n"], row["audited"], row["gold"], row["noise"]) == (2, 0, None, None)
    strict, official = baseline_tables(some, baseline_data(some))
    assert strict.rows[0][4:] == ["-"] * 4
    assert official.rows[0][6:] == ["-"] * 4


def test_a_suite_of_ours_has_no_official_figures() -> None:
    parts = select(["smoke"]).parts
    rows = baseline_data(parts)
    assert all("official" not in row for row in rows)
    assert len(baseline_tables(parts, rows)) == 1
