"""Old replies judged anew: nothing changes without a reason, and what changes keeps its old verdict."""

import json
from pathlib import Path
from typing import Any

import pytest

from adapters import Target
from bench.cli import main
from bench.decide import compare
from bench.engines import ScriptedEngine
from bench.errors import UsageError
from bench.plan import Settings
from bench.rescore import rescore, write_rescored
from bench.runner import Chosen, run
from bench.store import Run, read_run
from suites import SuiteError


@pytest.fixture
def measured(chosen: Chosen, target: Target, script: dict[str, str], home: Path) -> Run:
    """Twelve scripted replies, one of which never came."""
    assert not home.exists()
    said = {**script}
    return run(chosen, target, Settings(), ScriptedEngine(said))


def edit(file: Path, id: str, **fields: Any) -> None:
    """Give a case of the suite other fields; without any, take it out."""
    cases = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    kept = [c for c in cases if c["id"] != id or fields]
    for case in kept:
        if case["id"] == id:
            case.update(fields)
    file.write_text("".join(json.dumps(c) + "\n" for c in kept), encoding="utf-8")


def call(city: str) -> dict[str, Any]:
    return {"function_call": {"name": "get_weather", "arguments": {"city": city}}}


def test_the_same_judge_and_the_same_cases_give_the_same_verdicts(
    measured: Run, tmp_path: Path
) -> None:
    before = Path(measured.path).read_bytes()
    found = rescore(measured)
    assert (found.changes, found.kept) == ((), ())
    assert found.records == measured.records
    written = write_rescored(found, tmp_path)
    assert Path(measured.path).read_bytes() == before
    assert written.records == measured.records
    assert written.complete
    assert written.manifest.suites == measured.manifest.suites
    assert written.manifest.selection_hash == measured.manifest.selection_hash
    assert written.manifest.run_id != measured.manifest.run_id
    assert written.manifest.rescored is not None
    assert written.manifest.rescored.run == measured.manifest.run_id
    assert [line.difference.fixed for line in compare(measured, written).lines] == [0, 0]


def test_a_mended_gold_changes_that_verdict_only_and_the_old_one_stays_visible(
    measured: Run, suite_file: Path, tmp_path: Path
) -> None:
    edit(suite_file, "w1.call", model=call("Oslo"))  # what the reply said all along
    found = rescore(measured)
    (change,) = found.changes
    assert (change.before.id, change.flipped, found.kept) == ("w1.call", True, ())
    assert (change.before.verdict.passed, change.after.verdict.passed) == (False, True)
    written = write_rescored(found, tmp_path)
    old = {r.id: r for r in measured.records}
    for record in written.records:
        if record.id == "w1.call":
            assert record.was == old["w1.call"].verdict
            assert record.case.expectation != old["w1.call"].case.expectation
        else:
            assert (record.was, record.verdict) == (None, old[record.id].verdict)
    assert measured.end is not None
    assert written.end is not None
    assert written.end.passed == measured.end.passed + 1
    assert "1 verdicts changed" in written.manifest.notes[-1]


def test_judged_anew_twice_the_first_change_is_not_forgotten(
    measured: Run, suite_file: Path, tmp_path: Path
) -> None:
    edit(suite_file, "w1.call", model=call("Oslo"))
    once = write_rescored(rescore(measured), tmp_path)
    again = rescore(once)
    assert again.changes == ()
    (kept,) = [r for r in again.records if r.was is not None]
    assert kept.id == "w1.call"


def test_a_case_that_is_gone_or_asks_something_else_keeps_its_verdict_and_is_told(
    measured: Run, suite_file: Path, tmp_path: Path
) -> None:
    edit(suite_file, "w0.none")
    edit(suite_file, "w2.call", user="Please: what is the weather like on the moon?")
    found = rescore(measured)
    told = {r.id: why for r, why in found.kept}
    assert told == {
        "w0.none": "the case is gone",
        "w2.call": "the case asks something else now",
    }
    written = write_rescored(found, tmp_path)
    assert written.records == measured.records
    assert "2 kept" in written.manifest.notes[-1]


def test_replies_that_never_came_stay_lost(measured: Run, tmp_path: Path) -> None:
    lines = Path(measured.path).read_text("utf-8").splitlines()
    changed = json.loads(lines[1])
    changed["verdict"] |= {"outcome": "error", "passed": False, "reason": "connection reset"}
    lines[1] = json.dumps(changed)
    file = tmp_path / "lost.jsonl"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    run = read_run(file)
    found = rescore(run)
    assert found.records[0] == run.records[0]
    assert found.changes == ()


def test_a_run_without_its_end_or_without_its_suite_is_refused(
    measured: Run, suite_file: Path, tmp_path: Path
) -> None:
    lines = Path(measured.path).read_text("utf-8").splitlines()
    file = tmp_path / "half.jsonl"
    file.write_text("\n".join(lines[:5]) + "\n", encoding="utf-8")
    with pytest.raises(UsageError, match="not complete: callbench run --resume"):
        rescore(read_run(file))
    suite_file.unlink()
    with pytest.raises(SuiteError, match="there is no suite"):
        rescore(measured)


def test_the_command_writes_a_new_run_and_says_what_changed(
    measured: Run, suite_file: Path, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(suite_file, "w1.call", model=call("Oslo"))
    assert main(["rescore", measured.path, "--dry-run"]) == 0
    out, err = capsys.readouterr()
    assert "w1.call" in out
    assert "nothing was written" in err
    assert len(list((home / "runs").iterdir())) == 1
    assert main(["rescore", measured.path, "--json"]) == 0
    (data,) = json.loads(capsys.readouterr().out)
    assert [c["id"] for c in data["changes"]] == ["w1.call"]
    assert data["changes"][0]["before"]["passed"] is False
    assert Path(data["run"]).is_file()
    assert len(list((home / "runs").iterdir())) == 2
    assert main(["report", data["run"]]) == 0
    assert "judged anew from" in capsys.readouterr().out
    assert main(["rescore", "nothing-like-this"]) == 2
    assert capsys.readouterr().err.startswith("callbench: there is no run")
