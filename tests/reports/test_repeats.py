"""Repeats, invariance and sampled comparisons are recounts of the records."""

import hashlib
import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters import Model, Target
from bench.decide import compare
from bench.dialects import find_dialect
from bench.engines import Request, ScriptedEngine
from bench.plan import Settings
from bench.runner import Chosen, run
from bench.shots import finished
from bench.store import Run
from reports import (
    comparison_data,
    comparison_tables,
    render,
    run_tables,
    summarise,
    summary_data,
)
from suites import Case
from suites.vary import KINDS

Raw = Callable[[Run], list[dict[str, Any]]]
Script = Callable[[Case, Request], bool]


def _gold(case: Case) -> str:
    words = [s.text for s in find_dialect("gemma").render([finished(case)]) if s.model]
    return words[-1].removesuffix("<end_of_turn>")


@pytest.fixture
def sampled(tmp_path: Path) -> Callable[..., Run]:
    """A run of right replies and of noise, as `right` says for each case and request."""

    def make(
        right: Script,
        *,
        samples: int = 4,
        vary: Sequence[str] = (),
        names: Sequence[str] = ("smoke",),
    ) -> Run:
        chosen = Chosen(names=tuple(names), vary=tuple(vary))
        parts = chosen.selection().parts
        cases = {f"{p.suite.name}:{c.id}": c for p in parts for c in p.asked}

        def say(request: Request) -> str:
            case = cases[request.id.split(" ")[0]]
            return _gold(case) if right(case, request) else "abc"

        model = Model(name="m", source="folder", where=str(tmp_path), dialect="gemma")
        target = Target(model=model, folder=tmp_path, hash="0" * 64, dialect="gemma")
        settings = Settings(samples=samples, temperature=1.0, batch_size=50)
        folder = tmp_path / f"runs-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        return run(chosen, target, settings, ScriptedEngine(say), folder=folder)

    return make


def chance(salt: str) -> Script:
    """Right with a probability that the group shares, drawn anew for every request."""

    def right(case: Case, request: Request) -> bool:
        common = hashlib.sha256(f"{salt}{case.group}".encode()).digest()[0]
        own = hashlib.sha256(f"{salt}{request.id}{request.seed}".encode()).digest()[0]
        return own < common

    return right


def passes(records: list[dict[str, Any]]) -> dict[tuple[str, str], list[bool]]:
    found: dict[tuple[str, str], list[bool]] = {}
    for r in records:
        found.setdefault((r["suite"], r["id"]), []).append(r["verdict"]["passed"])
    return found


def average(values: Sequence[float]) -> float:
    return sum(values) / len(values)


# --- repeats ----------------------------------------------------------------------------------------


def test_repeats_are_a_recount_over_all_subsets(sampled: Any, raw_records: Raw) -> None:
    found = sampled(chance("a"), samples=4)
    cases = passes(raw_records(found))
    repeats = {r.suite: r for r in summarise(found).repeats}
    assert list(repeats) == ["all", "call", "arguments", "output"]
    for suite, r in repeats.items():
        own = [v for (s, _), v in cases.items() if suite in ("all", s)]
        for k in range(1, 5):
            subsets = [list(itertools.combinations(v, k)) for v in own]
            every = average([average([all(x) for x in some]) for some in subsets])
            some = average([average([any(x) for x in some]) for some in subsets])
            assert r.all_pass[k].value == pytest.approx(every)
            assert r.any_pass[k].value == pytest.approx(some)
        assert r.flips.passed == sum(0 < sum(v) < 4 for v in own)
        assert r.flips.n == len(own)
        differ = [average([a != b for a, b in itertools.combinations(v, 2)]) for v in own]
        assert r.disagreement.value == pytest.approx(average(differ))
    assert 0 < repeats["all"].flips.passed < 24
    values = [repeats["all"].all_pass[k].value or 0 for k in range(1, 5)]
    assert values == sorted(values, reverse=True)


def test_the_pass_rate_is_over_cases_times_samples_in_groups(
    sampled: Any, raw_records: Raw
) -> None:
    found = sampled(chance("b"), samples=3)
    summary, records = summarise(found), raw_records(found)
    score = summary.total.score
    assert (score.n, score.groups) == (72, 12)
    assert score.passed == sum(r["verdict"]["passed"] for r in records)
    assert score.rate == pytest.approx(summary.repeats[0].all_pass[1].value)
    first = summary.repeats[0].all_pass[1].interval
    assert score.interval is not None
    assert first is not None
    ends = (score.interval.low, score.interval.high)
    assert ends == pytest.approx((first.low, first.high))


def test_samples_that_always_agree_are_no_more_precise_than_one(sampled: Any) -> None:
    def right(case: Case, _: Request) -> bool:
        return sum(map(ord, case.group)) % 2 == 0

    once, often = (summarise(sampled(right, samples=k)).total.score for k in (1, 8))
    assert once.rate == often.rate
    assert once.interval is not None
    assert often.interval is not None
    width, wider = (x.interval.high - x.interval.low for x in (often, once))
    assert width > 0.95 * wider


def test_a_pair_passes_whole_in_the_same_sample(sampled: Any, raw_records: Raw) -> None:
    """One twin right in the first sample and the other in the second is no pair passed whole."""
    twins: dict[str, list[str]] = {}

    def right(case: Case, request: Request) -> bool:
        own = twins.setdefault(case.group, [])
        if case.id not in own:
            own.append(case.id)
        return own.index(case.id) % 2 == (" #2" in request.id)

    found = sampled(right, samples=2)
    together = summarise(found).total.together
    groups = {(r["suite"], r["case"]["group"]) for r in raw_records(found)}
    assert (together.n, together.groups) == (2 * len(groups), len(groups))
    records: dict[tuple[str, str, int], list[bool]] = {}
    for r in raw_records(found):
        key = (r["suite"], r["case"]["group"], r["sample"])
        records.setdefault(key, []).append(r["verdict"]["passed"])
    assert together.passed == sum(all(v) for v in records.values()) < together.n / 2


def test_a_run_asked_once_has_no_table_of_repeats(sampled: Any) -> None:
    summary = summarise(sampled(chance("a"), samples=1))
    assert (summary.repeats, summary.invariance) == ((), ())
    titles = [t.title for t in run_tables([summary])]
    assert not [t for t in titles if t.startswith(("Repeats", "Invariance"))]


def test_the_table_of_repeats_shows_every_run_and_few_ks(sampled: Any) -> None:
    runs = [sampled(chance("a"), samples=k) for k in (1, 3, 9)]
    tables = run_tables([summarise(r) for r in runs])
    (table,) = [t for t in tables if t.title.startswith("Repeats")]
    own = [row for row in table.rows if row[0] == "all"]
    every = ["pass^1", "pass^2", "pass^4", "pass^8", "pass^9"]
    every += ["pass@2", "pass@4", "pass@8", "pass@9", "flips", "disagreement"]
    assert [row[1] for row in own] == every
    cells = {row[1]: row[2:] for row in own}
    assert {c[0] for c in cells.values()} == {"-"}
    assert cells["pass^4"][1] == "-"
    assert cells["pass^4"][2] != "-" != cells["pass^2"][1]
    assert any("24 cases, 9 samples each" in n for n in table.notes)
    assert "n counts replies where cases were asked several times" in tables[0].notes


# --- variants ---------------------------------------------------------------------------------------


def test_the_scores_are_those_without_variants(sampled: Any) -> None:
    plain = summarise(sampled(chance("v"), samples=2))
    beside = summarise(sampled(chance("v"), samples=2, vary=KINDS))
    assert beside.prompt_tokens > 2 * plain.prompt_tokens
    kept = {"invariance": (), "path": "", "manifest": plain.manifest, "seconds": 0.0}
    kept |= {"prompt_tokens": 0, "completion_tokens": 0}
    assert replace(beside, **kept) == replace(plain, **kept)
    assert [x.kind for x in beside.invariance] == list(KINDS)


@pytest.mark.parametrize("samples", [1, 3])
def test_invariance_is_a_recount(samples: int, sampled: Any, raw_records: Raw) -> None:
    found = sampled(chance("w"), samples=samples, vary=KINDS)
    cases = passes(raw_records(found))
    for x in summarise(found).invariance:
        pairs = {
            key: (own, cases[key[0], f"{key[1]}~{x.kind}"])
            for key, own in cases.items()
            if "~" not in key[1]
        }
        same = {
            (r["suite"], r["id"])
            for r in raw_records(found)
            if x.kind == "order" and "~" not in r["id"] and _lonely(r["case"])
        }
        assert x.unchanged == len(same)
        changed = [v for key, v in pairs.items() if key not in same]
        assert x.difference.n == len(changed) == 24 - len(same)
        for i in (0, 1):
            assert x.rates[i] == pytest.approx(average([average(p[i]) for p in changed]))
        assert x.difference.estimate == pytest.approx(x.rates[1] - x.rates[0])
        right = [(average(a) > 0.5, average(b) > 0.5) for a, b in changed]
        assert x.difference.broken == right.count((True, False))
        assert x.difference.fixed == right.count((False, True))
        assert x.same == average([a == b for a, b in right])
        assert x.difference.test == (
            "exact McNemar" if samples == 1 else "exact sign-flip permutation"
        )


def _lonely(case: dict[str, Any]) -> bool:
    """At most one tool, with at most one parameter: there is nothing to reorder."""
    tools = case["tools"]
    many = [t for t in tools if len(t["parameters"].get("properties", {})) > 1]
    return len(tools) < 2 and not many


def test_a_model_that_minds_names_and_nothing_else_is_found_out(sampled: Any) -> None:
    def right(case: Case, _: Request) -> bool:
        return not case.id.endswith("~names")

    found = summarise(sampled(right, samples=1, vary=KINDS)).invariance
    by_kind = {x.kind: x for x in found}
    assert by_kind["order"].same == by_kind["distractors"].same == 1.0
    names = by_kind["names"]
    assert (names.rates[0], names.difference.fixed) == (1.0, 0)
    assert names.difference.broken == 24
    assert names.difference.interval.high < 0
    assert names.difference.p < 0.001


def test_the_table_of_invariance_shows_its_numbers(sampled: Any) -> None:
    summary = summarise(sampled(chance("w"), samples=1, vary=("order", "names")))
    (table,) = [t for t in run_tables([summary]) if t.title.startswith("Invariance")]
    for x, row in zip(summary.invariance, table.rows, strict=True):
        shown = dict(zip(table.head, row, strict=True))
        assert (shown["variant"], shown["n"]) == (x.kind, str(x.difference.n))
        assert shown["right -> wrong"] == str(x.difference.broken)
        assert shown["wrong -> right"] == str(x.difference.fixed)
        assert shown["same verdict %"] == f"{100 * x.same:.1f}"
        assert shown["difference"].startswith(f"{100 * x.difference.estimate:+.1f} [")
    assert any("4 cases have nothing to change by order" in n for n in table.notes)


def test_the_data_survive_json_and_say_the_same(sampled: Any) -> None:
    summary = summarise(sampled(chance("w"), samples=3, vary=("order",)))
    data = summary_data(summary)
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["samples"] == 3
    everything = data["repeats"][0]
    assert everything["pass^k"]["3"]["value"] == summary.repeats[0].all_pass[3].value
    assert list(everything["pass@k"]) == ["1", "2", "3"]
    (x,) = data["invariance"]
    assert (x["variant"], x["right_to_wrong"]) == ("order", summary.invariance[0].difference.broken)
    assert render(run_tables([summary]), "markdown").count("### ") == len(run_tables([summary]))


# --- comparing --------------------------------------------------------------------------------------


@pytest.fixture
def pair(sampled: Any) -> tuple[Run, Run]:
    return tuple(sampled(chance(s), samples=4, vary=("order",)) for s in "xy")  # type: ignore[return-value]


def _enumerated(sums: Sequence[float]) -> float:
    """p of the sign-flip test, one choice of signs after the other."""
    every = [
        abs(sum(s * x for s, x in zip(signs, sums, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(sums))
    ]
    return sum(x >= abs(sum(sums)) - 1e-9 for x in every) / len(every)


def test_sampled_runs_are_compared_over_the_means_of_their_samples(
    pair: tuple[Run, Run], raw_records: Raw
) -> None:
    a, b = (passes(raw_records(r)) for r in pair)
    groups = {(r["suite"], r["id"]): r["case"]["group"] for r in raw_records(pair[0])}
    lines = {x.suite: x for x in compare(*pair).lines if x.category == ""}
    assert list(lines) == [
        *("all", "call", "arguments", "output"),
        *("call ~order", "arguments ~order", "output ~order"),
    ]
    for suite, line in lines.items():
        name, _, kind = suite.partition(" ~")
        own = [k for k in a if name in ("all", k[0]) and k[1].endswith("~order") == bool(kind)]
        assert line.difference.n == len(own)
        means = [(average(a[k]), average(b[k])) for k in own]
        assert line.rates == pytest.approx(
            (average([m[0] for m in means]), average([m[1] for m in means]))
        )
        assert line.difference.estimate == pytest.approx(line.rates[1] - line.rates[0])
        right = [(x > 0.5, y > 0.5) for x, y in means]
        assert line.difference.fixed == right.count((False, True))
        assert line.difference.broken == right.count((True, False))
        assert (line.both_right, line.both_wrong) == (
            right.count((True, True)),
            right.count((False, False)),
        )
        sums: dict[str, float] = {}
        for key, (x, y) in zip(own, means, strict=True):
            sums[groups[key]] = sums.get(groups[key], 0.0) + y - x
        assert line.difference.p == pytest.approx(_enumerated([*sums.values()]))
        assert line.difference.test == "exact sign-flip permutation"


def test_the_cases_listed_are_originals_and_show_a_sample_of_their_majority(
    pair: tuple[Run, Run],
) -> None:
    found = compare(*pair)
    assert len(found.pairs) == 24
    for p in found.pairs:
        assert "~" not in p.first.id
        for record, samples in zip((p.first, p.second), p.samples, strict=True):
            passed = sum(r.verdict.passed for r in samples)
            assert record in samples
            assert record.verdict.passed == (passed > 2)


def test_the_notes_name_the_test_and_the_majority(pair: tuple[Run, Run]) -> None:
    notes = " ".join(comparison_tables(compare(*pair))[0].notes)
    assert "p: exact sign-flip permutation, two-sided" in notes
    assert "go by majority, a tie is wrong" in notes
    assert "McNemar" not in notes
    data = comparison_data(compare(*pair))
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert {x["test"] for x in data["scores"]} == {"exact sign-flip permutation"}


def test_another_number_of_samples_is_another_condition(sampled: Any) -> None:
    once, often = (sampled(chance("x"), samples=k) for k in (1, 3))
    found = compare(once, often)
    assert found.differing == ("samples (1 against 3)",)
    notes = " ".join(comparison_tables(found)[0].notes)
    assert "NOT THE SAME CONDITIONS: samples (1 against 3)" in notes
    assert found.lines[0].difference.test == "exact sign-flip permutation"
    assert compare(once, once).lines[0].difference.test == "exact McNemar"


def test_swapping_sampled_runs_negates_the_difference(pair: tuple[Run, Run]) -> None:
    for there, back in zip(compare(*pair).lines, compare(*reversed(pair)).lines, strict=True):
        assert there.difference.estimate == pytest.approx(-back.difference.estimate)
        assert there.difference.p == pytest.approx(back.difference.p)
        assert there.difference.fixed == back.difference.broken


def test_a_sampled_run_against_itself_has_no_change(pair: tuple[Run, Run]) -> None:
    for line in compare(pair[0], pair[0]).lines:
        assert (line.difference.estimate, line.difference.p) == (0.0, 1.0)
        assert line.difference.interval.low < 0 < line.difference.interval.high


def test_a_run_with_variants_is_compared_with_one_without_by_its_originals(sampled: Any) -> None:
    plain, beside = (
        sampled(chance("x"), samples=1),
        sampled(chance("y"), samples=1, vary=("names",)),
    )
    found = compare(plain, beside)
    assert not [x for x in found.lines if "~" in x.suite]
    assert found.lines[0].difference.n == 24
    assert len(found.only_second) == 24
    assert all(name.endswith("~names") for name in found.only_second)
