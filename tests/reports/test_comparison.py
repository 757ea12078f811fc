"""Two runs are paired case by case; what differs between them is named."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.decide import compare
from bench.engines import ScriptedEngine
from bench.errors import UsageError
from bench.plan import Settings
from bench.stats import mcnemar_exact
from bench.store import Run
from reports import comparison_data, comparison_tables
from suites import Case

Reply = Callable[[Case], str]
Measure = Callable[..., Run]
Raw = Callable[[Run], list[dict[str, Any]]]


@pytest.fixture
def pair(measure: Measure, gold: Reply, broken: Reply, noise: Reply) -> tuple[Run, Run]:
    """A partly broken run, and one that is right on every second case: all fates occur."""

    def second(case: Case) -> str:
        return gold(case) if sum(map(ord, case.id)) % 2 else noise(case)

    return measure(broken, name="first"), measure(second, name="second")


def _passed(raw: list[dict[str, Any]]) -> dict[tuple[str, str], bool]:
    kept = (r for r in raw if r["verdict"]["outcome"] != "error")
    return {(r["suite"], r["id"]): r["verdict"]["passed"] for r in kept}


def test_fates_are_a_recount_of_the_records(pair: tuple[Run, Run], raw_records: Raw) -> None:
    a, b = (_passed(raw_records(run)) for run in pair)
    names = {(False, True): "fixed", (True, False): "broken"}
    names |= {(True, True): "both right", (False, False): "both wrong"}
    expected: dict[str, set[tuple[str, str]]] = {name: set() for name in names.values()}
    for key in a.keys() & b.keys():
        expected[names[a[key], b[key]]].add(key)
    assert all(expected.values()), "every fate must occur for this test to mean anything"
    found = compare(*pair)
    for fate, keys in expected.items():
        assert {p.first.key[:2] for p in found.of(fate)} == keys
    assert set(found.only_second) == {":".join(k) for k in b.keys() - a.keys()} != set()
    assert found.only_first == ()


def test_every_line_is_a_recount_of_its_pairs(pair: tuple[Run, Run]) -> None:
    found = compare(*pair)
    assert [found.lines[0].suite, found.lines[0].category] == ["all", ""]
    for line in found.lines:
        own = [
            p
            for p in found.pairs
            if line.suite in ("all", p.first.suite) and line.category in ("", p.first.case.category)
        ]
        fates = Counter(p.fate for p in own)
        d = line.difference
        assert d.n == len(own)
        assert (d.fixed, d.broken) == (fates["fixed"], fates["broken"])
        assert (line.both_right, line.both_wrong) == (fates["both right"], fates["both wrong"])
        assert line.passed[0] == d.broken + line.both_right
        assert line.passed[1] == d.fixed + line.both_right
        assert d.estimate == pytest.approx((line.passed[1] - line.passed[0]) / d.n)
        assert d.p == mcnemar_exact(d.fixed, d.broken)
        assert d.groups == len({(p.first.suite, p.first.case.group) for p in own})


def test_swapping_the_runs_swaps_fixed_and_broken_and_negates_the_estimate(
    pair: tuple[Run, Run],
) -> None:
    there, back = compare(*pair), compare(*reversed(pair))
    forward = {(x.suite, x.category): x for x in there.lines}
    assert len(back.lines) == len(there.lines)
    for line in back.lines:
        other = forward[line.suite, line.category]
        assert line.passed == other.passed[::-1]
        assert line.difference.fixed == other.difference.broken
        assert line.difference.broken == other.difference.fixed
        assert line.difference.estimate == -other.difference.estimate
        assert line.difference.p == other.difference.p
    assert {p.first.key for p in there.of("fixed")} == {p.first.key for p in back.of("broken")}
    assert (there.only_first, there.only_second) == (back.only_second, back.only_first)


def test_a_run_against_itself_has_no_change(pair: tuple[Run, Run]) -> None:
    for run in pair:
        found = compare(run, run)
        assert found.of("fixed") == found.of("broken") == []
        assert found.only_first == found.only_second == found.differing == ()
        for line in found.lines:
            assert (line.difference.estimate, line.difference.p) == (0.0, 1.0)
            assert line.difference.interval.low < 0 < line.difference.interval.high
        assert len(comparison_tables(found)) == 1


def test_gold_against_noise_breaks_every_case(measure: Measure, gold: Reply, noise: Reply) -> None:
    found = compare(measure(gold), measure(noise))
    assert found.of("fixed") == found.of("both wrong") == []
    assert len(found.of("broken")) == 24
    assert found.lines[0].difference.interval.high < 0


def test_a_case_lost_to_an_error_is_not_paired(measure: Measure, gold: Reply) -> None:
    lost = measure(lambda case: "LOST" if case.id == "parcels.city.graz" else gold(case))
    found = compare(measure(gold), lost)
    assert found.lines[0].difference.n == 23
    assert found.only_first == ("output:parcels.city.graz",)
    assert found.of("broken") == []


def _suite(folder: Path, question: str, reply: str = "Hello to you too.") -> str:
    folder.mkdir()
    cases = [
        {"id": "one", "tools": [], "user": question, "reply": reply},
        {"id": "two", "tools": [], "user": "Good morning!", "reply": "Good morning."},
    ]
    file = folder / "own.jsonl"
    file.write_text("".join(json.dumps(c) + "\n" for c in cases), encoding="utf-8")
    return str(file)


def test_a_case_whose_question_changed_is_not_paired(
    measure: Measure, noise: Reply, tmp_path: Path
) -> None:
    old, new = _suite(tmp_path / "old", "Hello"), _suite(tmp_path / "new", "Hello there")
    found = compare(measure(noise, old), measure(noise, new))
    assert [p.first.id for p in found.pairs] == ["two"]
    assert found.only_first == found.only_second == ("own:one",)
    assert any(d.startswith("suite own/dev (") for d in found.differing)


def test_a_case_whose_expectation_changed_is_paired_and_named(
    measure: Measure, noise: Reply, tmp_path: Path
) -> None:
    old, new = _suite(tmp_path / "old", "Hello"), _suite(tmp_path / "new", "Hello", "Hi.")
    found = compare(measure(noise, old), measure(noise, new))
    assert len(found.pairs) == 2
    assert any(d.startswith("suite own/dev (") for d in found.differing)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (Settings(shots=2), "shots (0 against 2)"),
        (Settings(max_tokens=64), "max tokens (128 against 64)"),
        (Settings(temperature=0.5), "temperature (0.0 against 0.5)"),
        (Settings(temperature=0.5, top_p=0.9), "top p (1.0 against 0.9)"),
        (Settings(seed=7), "seed (0 against 7)"),
    ],
)
def test_another_setting_is_named(
    measure: Measure, noise: Reply, settings: Settings, named: str
) -> None:
    first, second = measure(noise, "call", limit=3), measure(noise, "call", limit=3)
    assert compare(first, second).differing == ()
    other = measure(noise, "call", limit=3, settings=settings)
    found = compare(first, other)
    assert named in found.differing
    notes = " ".join(comparison_tables(found)[0].notes)
    assert "NOT THE SAME CONDITIONS: " in notes
    assert named in notes


def test_another_dialect_or_engine_version_is_named(measure: Measure, noise: Reply) -> None:
    class Newer(ScriptedEngine):
        version = "2"
        dtype = "bfloat16"

    first = measure(noise, "call", limit=3)
    second = measure(noise, "call", limit=3, engine=Newer, dialect="chatml")
    expected = {
        "dialect (gemma against chatml)",
        "engine version (1 against 2)",
        "dtype (none against bfloat16)",
    }
    assert set(compare(first, second).differing) == expected


def test_a_constrained_run_is_told_from_a_free_one(measure: Measure, noise: Reply) -> None:
    free, other = measure(noise, "call", limit=3), measure(noise, "call", limit=3)
    sampling = {**other.manifest.sampling, "constrained": True}
    held = replace(other, manifest=other.manifest.model_copy(update={"sampling": sampling}))
    assert compare(free, held).differing == ("calls (free against constrained)",)
    assert compare(held, held).differing == ()
    older = {k: v for k, v in free.manifest.sampling.items() if k != "constrained"}
    before = replace(free, manifest=free.manifest.model_copy(update={"sampling": older}))
    assert compare(before, free).differing == ()


def test_another_model_is_no_difference_in_conditions(measure: Measure, noise: Reply) -> None:
    first, second = measure(noise, name="base"), measure(noise, name="tuned")
    found = compare(first, second)
    assert found.differing == ()
    assert comparison_tables(found)[0].title == "base -> tuned: change by case"


def test_runs_without_a_common_case_are_refused(measure: Measure, gold: Reply) -> None:
    with pytest.raises(UsageError, match="no case in common"):
        compare(measure(gold, "call", limit=2), measure(gold, "output", limit=2))


def test_the_tables_show_the_numbers_of_the_lines(pair: tuple[Run, Run]) -> None:
    found = compare(*pair)
    change, *cases = comparison_tables(found)
    for line, row in zip(found.lines, change.rows, strict=True):
        shown = dict(zip(change.head, row, strict=True))
        d = line.difference
        assert (shown["n"], shown["fixed"], shown["broken"]) == tuple(
            map(str, (d.n, d.fixed, d.broken))
        )
        assert shown["difference"].startswith(f"{100 * d.estimate:+.1f} [")
    titles = [table.title for table in cases]
    assert titles[0].startswith(f"broken: {len(found.of('broken'))} cases")
    assert titles[1].startswith(f"fixed: {len(found.of('fixed'))} cases")
    notes = " ".join(change.notes)
    assert f"only in the second run ({len(found.only_second)})" in notes
    assert pair[0].path in notes
    assert pair[1].path in notes


def test_the_data_say_the_same_and_survive_json(pair: tuple[Run, Run]) -> None:
    found = compare(*pair)
    data = comparison_data(found)
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    for fate in ("fixed", "broken"):
        assert [(x["suite"], x["id"]) for x in data[fate]] == [
            p.first.key[:2] for p in found.of(fate)
        ]
    assert [(x["n"], x["method"], x["p"]) for x in data["scores"]] == [
        (x.difference.n, x.difference.method, x.difference.p) for x in found.lines
    ]
    assert data["only_second"] == list(found.only_second)
