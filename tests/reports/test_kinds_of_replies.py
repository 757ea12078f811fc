"""Expected against observed: gold stands on the diagonal, noise nowhere on it, and every reply is counted."""

import json
from collections.abc import Callable

import pytest

from bench.stats import wilson
from bench.store import Run
from reports import run_tables, summarise, summary_data
from reports.summary import EXPECTED, OBSERVED
from suites import Case, builtin_suites
from suites.kinds import MEASURED

Reply = Callable[[Case], str]
Measure = Callable[..., Run]

SUITES = [f"{name}/{split}" for name, split in builtin_suites()]


@pytest.mark.parametrize("suite", SUITES)
def test_noise_gets_nothing_on_any_metric(suite: str, measure: Measure, noise: Reply) -> None:
    summary = summarise(measure(noise, suite))
    assert {line.score.passed for line in summary.lines} == {0}
    assert {line.together.passed for line in summary.lines} == {0}
    assert {line.baselines["noise"] for line in summary.lines} == {0.0}
    assert {line.baselines["gold"] for line in summary.lines} == {1.0}
    assert (summary.decision.mcc, summary.decision.d_prime) == (0.0, 0.0)
    assert [name for name, (held, _) in summary.checks.items() if held] == []
    assert {summary.confusion[kind][kind] for kind in EXPECTED} == {0}
    unreadable = sum(seen["unreadable"] for seen in summary.confusion.values())
    assert unreadable == summary.total.score.n


@pytest.mark.parametrize("suite", SUITES)
def test_gold_stands_on_the_diagonal(suite: str, measure: Measure, gold: Reply) -> None:
    """The kind of a text is told from its words, and the gold texts were written before the rule."""
    summary = summarise(measure(gold, suite))
    assert summary.total.score.rate == 1.0
    right = sum(summary.confusion[kind][kind] for kind in EXPECTED)
    assert right >= 0.99 * summary.total.score.n


def _kind(case: Case) -> str:
    return {
        "call": "Sure.",
        "answer": '<tool_call>{"name": ',
        "ask": "Which one do you mean?",
        "decline": "xqzvw",
    }[case.expectation.kind]


def test_every_reply_is_counted_once_by_what_it_is(measure: Measure) -> None:
    summary = summarise(measure(_kind, "call"))
    assert sum(sum(seen.values()) for seen in summary.confusion.values()) == summary.total.score.n
    assert [tuple(seen) for seen in summary.confusion.values()] == [OBSERVED] * 4
    for kind, seen in (
        ("call", "answer"),
        ("answer", "malformed"),
        ("ask", "ask"),
        ("decline", "unreadable"),
    ):
        others = {o: n for o, n in summary.confusion[kind].items() if o != seen}
        assert summary.confusion[kind][seen] > 0
        assert set(others.values()) == {0}, kind


def test_the_format_rate_is_of_the_replies_that_tried_a_call(measure: Measure, gold: Reply) -> None:
    """Half of the wanted calls are broken; the texts are neither in the count nor in the rate."""

    def half(case: Case) -> str:
        return '<tool_call>{"name": ' if case.id.endswith(".call") else gold(case)

    run = measure(half, "call")
    calls = [r.case for r in run.records if r.case.expectation.calls]
    broken = [r.case for r in run.records if r.case.id.endswith(".call")]
    assert 0 < len(broken) < len(calls)
    assert summarise(run).checks["format"] == (len(calls) - len(broken), len(calls))


def test_the_matrix_and_its_measured_error_are_shown(measure: Measure, gold: Reply) -> None:
    tables = run_tables([summarise(measure(gold))])
    matrix = next(t for t in tables if t.title == "Expected and observed: base")
    assert tuple(matrix.head) == ("expected", "n", *OBSERVED)
    assert [row[0] for row in matrix.rows] == list(EXPECTED)
    assert matrix.rows[0][1:3] == ["12", "12"]
    checks = next(t for t in tables if t.title.startswith("Sub-checks"))
    shown = [(matrix, MEASURED.kinds), (checks, MEASURED.said), (checks, MEASURED.false_alarms)]
    for table, (count, n) in shown:
        notes = " ".join(table.notes)
        interval = wilson(count, n)
        assert f"{100 * count / n:.1f} %" in notes
        assert f"[{100 * interval.low:.1f}, {100 * interval.high:.1f}] ({count} of {n})" in notes


def test_the_data_hold_the_matrix_and_the_measured_errors(measure: Measure, gold: Reply) -> None:
    summary = summarise(measure(gold))
    data = json.loads(json.dumps(summary_data(summary)))
    assert data["confusion"] == summary.confusion
    for name, (count, n) in vars(MEASURED).items():
        found = data["lexical"][name]
        assert (found["count"], found["n"]) == (count, n)
        assert found["low"] < found["rate"] == count / n < found["high"]
