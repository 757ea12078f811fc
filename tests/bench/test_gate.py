"""The regression gate: what fails it, what is acknowledged, what it refuses to compare."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from bench.errors import InfrastructureError, UsageError
from bench.gate import Acknowledged, GateResult, Rules, gate
from bench.gate_rules import read_acknowledged, read_rules
from suites import SuiteError
from tests.made_runs import CANDIDATE, lost_record, made_record, made_run, rows, two_runs

CALL = rows("call", 200, categories=("direct", "negated"))
OUTPUT = rows("output", 200)
TODAY = dt.date(2026, 11, 26)
FALL = CALL[:40:2]
"""20 cases of call/direct: 10 points of the suite, 20 of the category."""


def _gate(*runs: Any, force: bool = False, **rules: Any) -> GateResult:
    return gate(*runs, Rules(**rules), today=TODAY, force=force)


def _taken(expires: str = "2026-12-31", **fields: str) -> Acknowledged:
    return Acknowledged(reason="known", expires=dt.date.fromisoformat(expires), **fields)


def test_a_supported_fall_beyond_the_tolerance_fails() -> None:
    found = _gate(*two_runs(CALL + OUTPUT, FALL))
    assert found.status == "failed"
    assert {f.name for f in found.failures} == {"all", "call", "call/direct"}
    (call,) = [f for f in found.failures if f.name == "call"]
    assert call.text.startswith("fell by 10.0 points [")
    assert "more than the tolerance of 2" in call.text


def test_a_supported_fall_within_the_tolerance_passes() -> None:
    runs = two_runs(CALL + OUTPUT, FALL)
    assert {f.name for f in _gate(*runs, tolerance=9).failures} == {"call", "call/direct"}
    assert {f.name for f in _gate(*runs, tolerance=10).failures} == {"call/direct"}
    assert _gate(*runs, tolerance=20).status == "passed"


def test_a_fall_that_may_be_chance_passes_whatever_its_size() -> None:
    found = _gate(*two_runs(CALL[:10], CALL[:5]), tolerance=0)
    line = found.comparison.lines[0]
    assert line.difference.estimate == -0.5
    assert (line.verdict, found.status) == ("cannot tell", "passed")
    assert any("10 cases" in note for note in found.notes)


def test_a_rise_passes() -> None:
    assert _gate(*two_runs(CALL, fixed=FALL)).findings == ()


def test_a_fall_of_variants_fails() -> None:
    turned = [(s, c, g, f"{i}~order") for s, c, g, i in CALL]
    found = _gate(*two_runs(CALL + turned, turned[:30]))
    assert [f.name for f in found.failures] == ["call ~order"]


# --- must-pass --------------------------------------------------------------------------------------


@pytest.mark.parametrize("glob", ["call:c4", "call:*", "*:c4", "c*:c[4]"])
def test_one_broken_must_pass_case_fails(glob: str) -> None:
    found = _gate(*two_runs(CALL, [CALL[4]]), must_pass=(glob,))
    (finding,) = found.failures
    assert (finding.name, finding.line) == ("call:c4", None)
    assert finding.text == "must pass: no_answer: it does not say c4: "
    assert _gate(*two_runs(CALL, [CALL[4]]), must_pass=("call:c5",)).status == "passed"


def test_a_must_pass_case_that_never_passed_is_named_and_does_not_fail() -> None:
    wrong = made_record(("call", "", "x", "w"), False)
    first, second = two_runs(CALL)
    runs = (made_run([*first.records, wrong]), made_run([*second.records, wrong], **CANDIDATE))
    found = _gate(*runs, must_pass=("call:w", "call:c1"))
    assert found.status == "passed"
    assert [p.name for p in found.checked] == ["call:w", "call:c1"]
    assert "1 must-pass cases failed before and fail still: call:w" in found.notes


def test_a_must_pass_glob_that_fits_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="no case of these runs fits the must-pass 'cal:\\*'"):
        _gate(*two_runs(CALL), must_pass=("cal:*",))


def test_an_id_with_glob_signs_is_met_by_its_own_name() -> None:
    row = ("call", "", "x", "a[1]")
    found = _gate(*two_runs(CALL, [row]), must_pass=("call:a[1]",))
    assert [f.name for f in found.failures] == ["call:a[1]"]


def test_a_must_pass_case_that_the_candidate_was_spared_fails_even_when_forced() -> None:
    first, second = two_runs(CALL)
    short = made_run(second.records[:-1], **CANDIDATE)
    with pytest.raises(UsageError, match=r"1 of the baseline are not in the candidate: call:c199"):
        _gate(first, short)
    forced = _gate(first, short, force=True, must_pass=("call:*",))
    (finding,) = forced.failures
    assert finding.text == "must pass and was not measured in the candidate"
    assert forced.notes[0].startswith("FORCED, NOT THE SAME CONDITIONS: cases (1 of")
    assert _gate(short, first, must_pass=("call:*",)).status == "passed"


# --- acknowledged -----------------------------------------------------------------------------------


def test_an_acknowledged_must_pass_case_does_not_fail_until_the_day_after() -> None:
    runs = two_runs(CALL, [CALL[4]])
    for expires, status in (("2026-11-26", "passed"), ("2026-11-25", "failed")):
        entry = _taken(expires, case="call:c4")
        found = _gate(*runs, must_pass=("call:*",), acknowledged=(entry,))
        assert found.status == status
        assert found.findings[0].acknowledged == entry
        assert found.findings[0].expired == (status == "failed")
        assert sum("call:c4" in note and "known" in note for note in found.notes) == 1


def test_an_acknowledged_broken_case_is_not_counted_in_any_line() -> None:
    runs = two_runs(CALL + OUTPUT, FALL)
    entries = tuple(_taken(case=f"call:{r[3]}") for r in FALL)
    found = _gate(*runs, acknowledged=entries)
    assert found.status == "passed"
    assert found.comparison.lines[0].difference.n == 380
    assert found.comparison.lines[0].difference.broken == 0
    late = tuple(_taken("2020-01-01", case=f"call:{r[3]}") for r in FALL)
    again = _gate(*runs, acknowledged=late)
    assert again.status == "failed"
    assert sum("EXPIRED, counts again: call:c" in note for note in again.notes) == len(FALL)


def test_an_acknowledged_line_covers_itself_alone() -> None:
    runs = two_runs(CALL + OUTPUT, FALL)
    suite, category = _taken(suite="call"), _taken(suite="call", category="direct")
    total = _taken(suite="all")
    assert {f.name for f in _gate(*runs, acknowledged=(suite,)).failures} == {"all", "call/direct"}
    assert {f.name for f in _gate(*runs, acknowledged=(suite, category)).failures} == {"all"}
    assert _gate(*runs, acknowledged=(suite, category, total)).status == "passed"
    late = _taken("2026-01-01", suite="call")
    found = _gate(*runs, acknowledged=(late, category, total))
    assert [f.name for f in found.failures] == ["call"]
    assert "acknowledged until 2026-01-01, EXPIRED, counts again: call: known" in found.notes


def test_an_entry_in_force_goes_before_one_that_expired() -> None:
    entries = (_taken("2020-01-01", case="call:c4"), _taken(case="call:c4"))
    found = _gate(*two_runs(CALL, [CALL[4]]), must_pass=("call:c4",), acknowledged=entries)
    assert found.status == "passed"


def test_an_entry_that_is_not_needed_is_named() -> None:
    entries = (_taken(case="call:c9"), _taken(suite="call"))
    found = _gate(*two_runs(CALL), acknowledged=entries)
    assert found.comparison.lines[0].difference.n == 200
    assert [n for n in found.notes if n.startswith("acknowledged without need")] != []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"case": "call:c999"}, "ack.yaml:7: there is no case 'call:c999'"),
        ({"case": "c4"}, "ack.yaml:7: there is no case 'c4'"),
        ({"suite": "cal"}, "ack.yaml:7: there is no suite or category 'cal'"),
        ({"suite": "call", "category": "direkt"}, "no suite or category 'call/direkt'"),
    ],
)
@pytest.mark.parametrize("expires", ["2020-01-01", "2030-01-01"])
def test_an_acknowledgement_of_what_is_not_there_is_refused_with_its_place(
    fields: dict[str, str], said: str, expires: str
) -> None:
    entry = _taken(expires, place="ack.yaml:7", **fields)
    with pytest.raises(UsageError) as error:
        _gate(*two_runs(CALL), acknowledged=(entry,))
    assert said in str(error.value)
    assert {"call:c4", "call/direct"} & set(error.value.known)


# --- what is refused, and what is apart -------------------------------------------------------------


def test_other_conditions_are_refused_and_forced_with_a_loud_note() -> None:
    runs = two_runs(CALL, shots=3)
    with pytest.raises(UsageError, match=r"shots \(0 against 3\)"):
        _gate(*runs)
    found = _gate(*runs, force=True)
    assert found.notes[0] == "FORCED, NOT THE SAME CONDITIONS: shots (0 against 3)"


@pytest.mark.parametrize("which", [0, 1])
def test_a_run_that_is_not_complete_is_refused_even_when_forced(which: int) -> None:
    runs = list(two_runs(CALL))
    runs[which] = made_run(runs[which].records, complete=False, run_id="20260101-open")
    with pytest.raises(InfrastructureError, match="not complete: callbench run --resume"):
        _gate(*runs, force=True)


@pytest.mark.parametrize("which", [0, 1])
def test_lost_replies_are_neither_right_nor_wrong_and_nothing_passes_without_them(
    which: int,
) -> None:
    runs = list(two_runs(CALL))
    records = [lost_record(CALL[7]), *[r for r in runs[which].records if r.id != "c7"]]
    runs[which] = made_run(records, **(CANDIDATE if which else {}))
    found = _gate(*runs, must_pass=("call:*",))
    assert found.status == "incomplete"
    assert [r.id for r in found.errors[which]] == ["c7"]
    assert found.errors[1 - which] == ()
    assert found.comparison.lines[0].difference.n == 199
    assert found.findings == ()


def test_a_fall_fails_whatever_is_missing() -> None:
    first, second = two_runs(CALL, FALL)
    second = made_run([lost_record(CALL[7]), *second.records], **CANDIDATE)
    assert _gate(first, second).status == "failed"


def test_a_run_against_itself_passes_and_says_what_it_is() -> None:
    first, _ = two_runs(CALL)
    found = _gate(first, first)
    assert found.status == "passed"
    assert "THE SAME RUN TWICE: this gate cannot fail" in found.notes


def test_runs_without_a_common_case_are_refused() -> None:
    first, _ = two_runs(CALL)
    other, _ = two_runs(OUTPUT)
    with pytest.raises(UsageError, match="no case in common"):
        _gate(first, other)


@pytest.mark.parametrize("tolerance", [-1, 101, float("nan")])
def test_a_tolerance_that_is_none_is_refused(tolerance: float) -> None:
    with pytest.raises(UsageError, match=r"a tolerance of .* lies between 0 and 100"):
        Rules(tolerance=tolerance)


# --- files ------------------------------------------------------------------------------------------


def _file(folder: Path, text: str) -> Path:
    file = folder / "rules.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_rules_are_read_from_yaml(tmp_path: Path) -> None:
    file = _file(
        tmp_path,
        "tolerance: 3\nmargin: 1.5\nmust_pass: ['call:*', 'output:c1']\nacknowledged:\n"
        "- case: call:c4\n  reason: the tool was renamed\n  expires: 2026-12-31\n"
        "- {suite: call, category: direct, reason: known, expires: 2027-01-01}\n",
    )
    given = read_rules(file)
    entries = given.pop("acknowledged")
    assert given == {"tolerance": 3.0, "margin": 1.5, "must_pass": ("call:*", "output:c1")}
    assert [(e.name, e.place) for e in entries] == [
        ("call:c4", f"{file}:5"),
        ("call/direct", f"{file}:8"),
    ]
    assert entries[0].expires == dt.date(2026, 12, 31)
    assert Rules(**given, acknowledged=entries).tolerance == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("tolerence: 3\n", "rules.yaml:1: there is no rule 'tolerence'"),
        ("margin: 2\ntolerance: many\n", "rules.yaml:2: tolerance must be a number"),
        ("tolerance: true\n", "rules.yaml:1: tolerance must be a number"),
        ("must-pass: [1]\n", "rules.yaml:1: must-pass must be a glob"),
        ("- tolerance\n", "must map rules to values"),
        ("acknowledged: call:c4\n", "rules.yaml:1: acknowledged regressions are a list"),
        ("tolerance: 1\ntolerance: 2\n", "rules.yaml:2: key 'tolerance' stands twice"),
        ("tolerance: [\n", "rules.yaml:2: broken YAML"),
    ],
)
def test_a_fault_in_the_rules_is_refused_with_its_line(
    text: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises((UsageError, SuiteError)) as error:
        read_rules(_file(tmp_path, text))
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("reason: x\n  expires: 2026-01-01", ":3: an entry names either a case"),
        ("case: a:b\n  suite: a\n  reason: x\n  expires: 2026-01-01", ":3: an entry names either"),
        ("case: a:b\n  category: c\n  reason: x\n  expires: 2026-01-01", ":3: a category needs"),
        ("case: a:b\n  expires: 2026-01-01", ":3: the entry has no reason: say why"),
        ("case: a:b\n  reason: x", ":3: the entry has no expires: say until which day"),
        ("case: a:b\n  reason: ' '\n  expires: 2026-01-01", ":4: reason must be a text"),
        ("case: a:b\n  reason: x\n  expires: soon", ":5: 'soon' is no day (YYYY-MM-DD)"),
        ("case: a:b\n  reason: x\n  expires: 2026-02-30", ":5: '2026-02-30' is no day"),
        ("case: a:b\n  reason: x\n  expires: 20260230", ":5: expires must be a text"),
        ("case: a:b\n  reson: x", ":4: an entry has no field 'reson'"),
        ("just text", ":3: an entry maps"),
    ],
)
def test_a_fault_in_an_entry_is_refused_with_its_line(
    entry: str, said: str, tmp_path: Path
) -> None:
    good = "- {case: 'a:a', reason: good, expires: 2026-01-01}\n"
    with pytest.raises(UsageError) as error:
        read_acknowledged(_file(tmp_path, f"# known\n{good}- {entry}\n"))
    assert f"rules.yaml{said}" in str(error.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for read in (read_rules, read_acknowledged):
        with pytest.raises(UsageError, match="cannot read"):
            read(tmp_path / "missing.yaml")
