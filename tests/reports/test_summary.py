"""A summary says what its run file says, and nothing else."""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.stats import proportion
from bench.store import Run
from reports import run_tables, summarise, summary_data
from suites import BASELINES, Case, judge

Reply = Callable[[Case], str]
Measure = Callable[..., Run]
Raw = Callable[[Run], list[dict[str, Any]]]


def _scored(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [r for r in records if r["verdict"]["outcome"] != "error"]


@pytest.fixture(params=["gold", "noise", "broken"])
def found(request: pytest.FixtureRequest, measure: Measure) -> Run:
    """A run of gold replies, one of noise, and one that is partly broken."""
    return measure(request.getfixturevalue(request.param))


def test_every_line_is_a_recount_of_its_records(found: Run, raw_records: Raw) -> None:
    records = _scored(raw_records(found))
    keys = {("all", "")}
    for r in records:
        keys |= {(r["suite"], ""), (r["suite"], r["case"]["category"])}
    lines = summarise(found).lines
    assert {(x.suite, x.category) for x in lines} == keys
    assert len(lines) == len(keys)
    for line in lines:
        own = [
            r
            for r in records
            if line.suite in ("all", r["suite"]) and line.category in ("", r["case"]["category"])
        ]
        groups = [(r["suite"], r["case"]["group"]) for r in own]
        assert line.score == proportion([r["verdict"]["passed"] for r in own], groups)


def test_totals_are_a_recount(found: Run, raw_records: Raw) -> None:
    records, summary = raw_records(found), summarise(found)
    scored = _scored(records)
    assert len(records) == 24
    assert summary.total is summary.lines[0]
    assert summary.total.score.n == len(scored)
    assert summary.total.score.passed == sum(r["verdict"]["passed"] for r in scored)
    assert {k: v for k, v in summary.outcomes.items() if v} == Counter(
        r["verdict"]["outcome"] for r in records
    )
    failed = [r["verdict"]["failure"] for r in scored if not r["verdict"]["passed"]]
    assert summary.failures == Counter(failed)
    assert summary.repaired == sum(r["repaired"] is True for r in scored)
    assert summary.prompt_tokens == sum(r["prompt_tokens"] for r in records)
    assert summary.completion_tokens == sum(r["completion_tokens"] for r in records)
    assert summary.seconds == pytest.approx(sum(r["seconds"] for r in records))


def test_checks_count_only_the_replies_to_which_they_apply(found: Run, raw_records: Raw) -> None:
    held: Counter[str] = Counter()
    applied: Counter[str] = Counter()
    for record in _scored(raw_records(found)):
        for name, value in record["verdict"]["checks"].items():
            applied[name] += value is not None
            held[name] += value is True
    expected = {n: (held[n], applied[n]) for n in applied if applied[n]}
    assert summarise(found).checks == expected


def test_failures_and_passes_add_up_to_the_scored_cases(found: Run) -> None:
    summary = summarise(found)
    score = summary.total.score
    assert score.passed + sum(summary.failures.values()) == score.n
    assert sum(summary.outcomes.values()) == score.n + summary.outcomes["error"]


def test_baselines_are_judged_on_the_same_cases(found: Run) -> None:
    scored = [r for r in found.records if r.verdict.outcome != "error"]
    for line in summarise(found).lines:
        cases = [
            r.case
            for r in scored
            if line.suite in ("all", r.suite) and line.category in ("", r.case.category)
        ]
        for name, baseline in BASELINES.items():
            passed = sum(judge(case, baseline(case)).passed for case in cases)
            assert line.baselines[name] == pytest.approx(passed / len(cases)), (line, name)
        assert line.baselines["gold"] == 1.0


def test_a_run_of_gold_passes_everything(measure: Measure, gold: Reply) -> None:
    summary = summarise(measure(gold))
    assert summary.complete
    assert summary.failures == {}
    assert all(line.score.rate == 1.0 for line in summary.lines)


def test_a_run_of_noise_scores_what_the_noise_baseline_scores(
    measure: Measure, noise: Reply
) -> None:
    summary = summarise(measure(noise))
    assert all(line.score.rate == line.baselines["noise"] for line in summary.lines)


def test_noise_above_zero_is_flagged_with_the_suites_where_it_scores(
    measure: Measure, gold: Reply, tmp_path: Path
) -> None:
    """Only a case that itself talks of `abc` can be met by it."""
    case = {"id": "abc", "tools": [], "user": "Say abc.", "no_call": "answer", "reply": "abc"}
    file = tmp_path / "spelling.jsonl"
    file.write_text(json.dumps(case) + "\n", encoding="utf-8")
    notes = " ".join(run_tables([summarise(measure(gold, str(file), "smoke"))])[0].notes)
    assert "noise scores above 0 on all, spelling:" in notes


def test_noise_at_zero_is_not_flagged(measure: Measure, gold: Reply) -> None:
    table = run_tables([summarise(measure(gold))])[0]
    assert table.rows[0][-1] == "0"
    assert not any("noise" in note for note in table.notes)


def test_errors_leave_the_denominator_and_are_shown(
    measure: Measure, gold: Reply, raw_records: Raw
) -> None:
    lost = measure(lambda case: "LOST" if case.id.startswith("weather") else gold(case))
    summary = summarise(lost)
    assert len(raw_records(lost)) == 24
    assert (summary.total.score.n, summary.total.score.passed) == (22, 22)
    assert summary.outcomes["error"] == 2
    tables = run_tables([summary])
    assert tables[0].rows[0][2] == "22"
    note = "base (NOT COMPLETE): 2 cases without a reply are not in the score"
    assert note in tables[0].notes
    replies = next(t for t in tables if t.title == "What the replies are")
    assert replies.rows[0][replies.head.index("error")] == "2"


def test_where_every_reply_was_lost_there_is_no_rate(measure: Measure) -> None:
    summary = summarise(measure(lambda _: "LOST"))
    assert summary.total.score.n == 0
    assert summary.total.score.rate is None
    assert summary.total.baselines == {}
    row = run_tables([summary])[0].rows[0]
    assert row[4:] == ["-"] * 5
    assert json.loads(json.dumps(summary_data(summary)))["scores"][0]["rate"] is None


def test_an_interrupted_run_is_flagged(measure: Measure, gold: Reply, raw_records: Raw) -> None:
    run = measure(lambda case: "CRASH" if case.id.endswith(".given") else gold(case))
    summary = summarise(run)
    assert not summary.complete
    assert 0 < summary.total.score.n == len(raw_records(run)) < 24
    table = run_tables([summary])[0]
    note = f"base (NOT COMPLETE): finish it with callbench run --resume {run.path}"
    assert note in table.notes
    assert "base (NOT COMPLETE)" in table.head


def test_a_complete_run_is_not_flagged(measure: Measure, noise: Reply) -> None:
    table = run_tables([summarise(measure(noise))])[0]
    assert not any("COMPLETE" in n or "without a reply" in n for n in table.notes)


def test_a_repaired_reading_is_counted_apart_and_is_no_pass(measure: Measure, gold: Reply) -> None:
    sloppy = measure(lambda case: gold(case).replace("}}<", "},}<"), "call", pattern="*pasta.call")
    summary = summarise(sloppy)
    assert (summary.total.score.n, summary.total.score.passed) == (1, 0)
    assert summary.repaired == 1
    assert summary.failures == {"malformed_call": 1}
    table = next(t for t in run_tables([summary]) if t.title == "What the replies are")
    assert table.rows[0][table.head.index("passes if repaired")] == "1"


def test_two_runs_of_one_target_are_told_apart(measure: Measure, gold: Reply, noise: Reply) -> None:
    one, other = measure(gold, name="a"), measure(noise, name="b")
    assert run_tables([summarise(one), summarise(other)])[0].head[4:6] == ["a", "b"]
    alike = run_tables([summarise(one), summarise(measure(noise, name="a"))])[0].head[4:6]
    assert all(head.startswith("a (") for head in alike)


def test_a_table_of_two_runs_shows_a_dash_where_one_has_no_such_suite(
    measure: Measure, gold: Reply
) -> None:
    one, other = measure(gold, "call", limit=2, name="a"), measure(gold, "output", name="b")
    table = run_tables([summarise(one), summarise(other)])[0]
    rows = {tuple(row[:2]): row for row in table.rows}
    assert rows["call", ""][5] == "-"
    assert rows["output", ""][4] == "-"
    assert rows["all", ""][4].startswith("100.0")


def test_the_data_say_the_same_and_survive_json(found: Run) -> None:
    summary = summarise(found)
    data = summary_data(summary)
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert data["run"] == found.manifest.run_id
    assert data["complete"] == found.complete
    for line, score in zip(summary.lines, data["scores"], strict=True):
        assert (score["suite"], score["category"]) == (line.suite, line.category)
        assert (score["n"], score["passed"]) == (line.score.n, line.score.passed)
        assert score["low"] <= score["rate"] <= score["high"]
