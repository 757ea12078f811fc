"""Exports: what is written is what was recorded, other tools can read it, hostile texts are data."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pyarrow.parquet as pq
import pytest

from bench.cli import main
from bench.errors import InfrastructureError, UsageError
from bench.records import Record
from bench.store import Run, read_run
from reports import summarise
from reports.export import KINDS, export, parse_targets, records_frame, summary_frame
from reports.export.columnar import SCHEMA
from reports.export.parts import portable
from reports.export.rows import COLUMNS, REQUIRED, rows
from suites import Call
from tests.made_runs import lost_record, made_record, made_run, two_runs, write_run
from tests.made_runs import rows as made_rows
from tests.reports.conftest import Measure, Reply
from tests.reports.hostile import TEXTS, hostile_run

Row = dict[str, Any]
Refuse = Callable[..., str]
SUITES = ("call", "arguments", "output")


def rebuilt(row: Row) -> Record:
    """The record that a row was made from, out of its columns alone."""
    as_it_is = ("suite", "id", "input", "text", "thought", "finish", "seconds", "prompt_tokens")
    more = ("completion_tokens", "repaired", "sample", "cached")
    parsed = {"calls": "calls", "shots": "shot_ids", "notes": "notes"}
    objects = {"official": "official_verdict", "was": "was"}
    case = {
        **{name: row[name] for name in ("id", "group", "category", "note")},
        **{name: json.loads(row[name]) for name in ("tools", "messages", "tags")},
        "expectation": json.loads(row["expected"]),
        "excluded": json.loads(row["exclusions"]),
        "official": json.loads(row["official_case"] or "null"),
    }
    verdict = {
        **{name: row[name] for name in ("passed", "outcome", "failure", "reason")},
        "checks": json.loads(row["checks"]),
    }
    record = {
        **{name: row[name] for name in (*as_it_is, *more)},
        **{name: json.loads(row[column]) for name, column in parsed.items()},
        **{name: json.loads(row[column] or "null") for name, column in objects.items()},
        "case": case,
        "verdict": verdict,
    }
    return Record.model_validate_json(json.dumps(record))


def parquet_rows(path: Path) -> list[Row]:
    found: list[Row] = pq.read_table(path).to_pylist()
    return found


def exported(tmp_path: Path, *runs: Run) -> list[Row]:
    """The rows of the Parquet file, which the data set and the frame give, too."""
    export(runs, "parquet", tmp_path / "out.parquet")
    export(runs, "dataset", tmp_path / "out")
    found = parquet_rows(tmp_path / "out.parquet")
    assert list(datasets.load_from_disk(str(tmp_path / "out"))) == found
    frame = records_frame(runs)
    assert list(frame.columns) == list(COLUMNS)
    assert frame.astype(object).where(frame.notna(), None).to_dict("records") == found
    return found


@pytest.fixture
def refuse(capsys: pytest.CaptureFixture[str]) -> Refuse:
    """Runs a command that must exit 2 with one line on stderr and nothing on stdout."""

    def call(*arguments: object) -> str:
        capsys.readouterr()
        assert main([str(a) for a in arguments]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "unexpected" not in err
        return err

    return call


def test_every_record_comes_back_from_its_row(
    measure: Measure, broken: Reply, tmp_path: Path
) -> None:
    run = measure(broken, *SUITES, limit=20)
    found = exported(tmp_path, run)
    assert [rebuilt(r) for r in found] == list(run.records)
    assert {r["outcome"] for r in found} == {"call", "answer", "malformed", "error"}


def test_a_verdict_that_was_judged_anew_keeps_the_old_one(tmp_path: Path) -> None:
    record = made_record(("call", "", "g", "c"), True)
    old = made_record(("call", "", "g", "c"), False)
    again = Record.model_validate({**dict(record), "was": {"verdict": old.verdict}})
    (row,) = exported(tmp_path, made_run([again]))
    assert (row["passed"], row["was_passed"]) == (True, False)
    assert rebuilt(row) == again


def test_columns_are_flat_and_typed(measure: Measure, gold: Reply, tmp_path: Path) -> None:
    run = measure(gold, limit=3)
    exported(tmp_path, run)
    assert pq.read_schema(tmp_path / "out.parquet").equals(SCHEMA)
    assert not [f for f in SCHEMA if str(f.type) not in ("string", "bool", "int64", "double")]
    assert list(records_frame([]).dtypes) == list(records_frame([run]).dtypes)
    assert all(row[name] is not None for row in rows(run) for name in REQUIRED)


def test_rows_say_what_run_and_suite_they_are_of(
    measure: Measure, gold: Reply, tmp_path: Path
) -> None:
    twice = [made_record(row, True, sample=k) for row in made_rows("call", 3) for k in (0, 1)]
    runs = [measure(gold, limit=4), made_run(twice, sampling={"samples": 2})]
    found = exported(tmp_path, *runs)
    assert len(found) == sum(len(r.records) for r in runs)
    for run in runs:
        mine = [r for r in found if r["run"] == run.manifest.run_id]
        assert len(mine) == len(run.records)
        for row, record in zip(mine, run.records, strict=True):
            (ref,) = [s for s in run.manifest.suites if s.name == record.suite]
            assert (row["suite_version"], row["split"]) == (ref.version, ref.split)
            assert row["suite_hash"] == ref.hash
            assert row["target"] == run.manifest.label
            assert json.loads(row["sampling"]) == run.manifest.sampling
            wanted = [c.gold() for c in record.case.expectation.calls]
            assert [Call(**c) for c in json.loads(row["expected_calls"])] == wanted
    assert {r["sample"] for r in found} == {0, 1}


def test_variants_errors_and_unfinished_runs_are_rows_too(tmp_path: Path) -> None:
    names = [("call", "", "g0", "c0"), ("call", "", "g0", "c0~order"), ("call", "", "g1", "c1")]
    records = [made_record(names[0], True), made_record(names[1], False), lost_record(names[2])]
    found = exported(tmp_path, made_run(records, complete=False))
    assert [r["variant"] for r in found] == [None, "order", None]
    assert [r["outcome"] for r in found] == ["answer", "answer", "error"]
    assert {r["run_complete"] for r in found} == {False}


def test_a_run_without_records_has_the_same_columns(tmp_path: Path) -> None:
    assert exported(tmp_path, made_run([], complete=False)) == []
    assert pq.read_schema(tmp_path / "out.parquet").equals(SCHEMA)
    assert list(datasets.load_from_disk(str(tmp_path / "out")).features) == list(COLUMNS)


def test_two_splits_of_one_suite_are_not_told_apart_by_guessing(
    measure: Measure, gold: Reply
) -> None:
    run = measure(gold, "call", "call/test", limit=2)
    assert {r["split"] for r in rows(run)} == {"dev+test"}
    assert all(len(r["suite_hash"].split("+")) == 2 for r in rows(run))


def test_hostile_texts_come_back_byte_for_byte(tmp_path: Path) -> None:
    run = read_run(write_run(hostile_run(False), tmp_path))
    found = exported(tmp_path, run)
    for row, text in zip(found, TEXTS, strict=True):
        assert row["text"] == text.encode("utf-8", "backslashreplace").decode()
    assert [rebuilt(r) for r in found] == list(run.records)


def test_a_lone_surrogate_anywhere_is_an_escape_and_no_crash(tmp_path: Path) -> None:
    record = made_record(("call", "", "g", "c"), False)
    call = Call.model_construct(name="f", arguments={"x": "a\ud800b"})
    verdict = record.verdict.model_copy(update={"reason": "a\ud800b"})
    broken = record.model_copy(update={"text": "a\ud800b", "calls": (call,), "verdict": verdict})
    (row,) = exported(tmp_path, made_run([broken]))
    assert row["text"] == row["reason"] == r"a\ud800b"
    assert json.loads(row["calls"]) == [{"name": "f", "arguments": {"x": "a\ud800b"}}]


def test_the_scores_are_those_of_the_report() -> None:
    cases = made_rows("call", 40, size=2, categories=("direct", "negated"))
    plain = two_runs(cases, broken=cases[10:13], fixed=cases[:8])
    frame = summary_frame(plain)
    lines = [line for run in plain for line in summarise(run).lines]
    assert list(frame["passed"]) == [line.score.passed for line in lines]
    assert list(frame["low"]) == [line.score.interval.low for line in lines if line.score.interval]


@pytest.mark.parametrize(
    ("word", "left"),
    [
        ("/home/me/runs/a.jsonl", "a.jsonl"),
        ("--adapters=/a/one,~/b/two,three", "--adapters=one,two,three"),
        ("/models/base+/shelf/lora", "base+lora"),
        ("http://me:secret@10.0.0.1:8000/v1", "http://10.0.0.1:8000/v1"),
        ("--base-url=https://me:secret@host/v1", "--base-url=https://host/v1"),
        ("call/test", "call/test"),
        ("+", "+"),
    ],
)
def test_commands_leave_this_machine_behind(word: str, left: str) -> None:
    assert portable(word) == left


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["parquet"], "write KIND=PATH"),
        (["parquet="], "write KIND=PATH"),
        (["csv=x.csv"], "no export 'csv'"),
        (["parquet=a", "eee=a"], "two exports go to a"),
    ],
)
def test_an_export_that_cannot_be_meant_is_refused(given: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_targets(given)


def test_the_command_writes_every_kind_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = made_run([made_record(row, True) for row in made_rows("call", 4)])
    new = tmp_path / "new"
    words = [f"{kind}={new / kind}" for kind in KINDS]
    assert main(["report", write_run(run, tmp_path), "--json", "--export", *words]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)[0]["run"] == run.manifest.run_id
    assert err.splitlines() == [f"{kind}: {new / kind}" for kind in KINDS]
    assert sorted(p.name for p in new.iterdir()) == sorted(KINDS)
    assert len(pd.read_parquet(new / "parquet")) == 4


def test_refusals_are_one_line_and_write_nothing(tmp_path: Path, refuse: Refuse) -> None:
    run = write_run(made_run([made_record(row, True) for row in made_rows("call", 2)]), tmp_path)
    (tmp_path / "there").mkdir()
    new = tmp_path / "new"
    assert "did you mean 'parquet'?" in refuse("report", run, "--export", f"parqet={new}")
    for kind in KINDS:
        taken = f"{kind}={tmp_path / 'there'}"
        assert "exists already: give another path" in refuse("report", run, "--export", taken)
        assert "given twice" in refuse("report", run, run, "--export", f"{kind}={new}")
    assert not new.exists()
    assert list((tmp_path / "there").iterdir()) == []


def test_what_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    run = made_run([made_record(row, True) for row in made_rows("call", 2)])
    (tmp_path / "file").touch()
    for kind in KINDS:
        with pytest.raises(InfrastructureError, match="cannot write"):
            export([run], kind, tmp_path / "file" / "out")
        with pytest.raises(UsageError, match="exists already"):
            export([run], kind, tmp_path / "file")
    with pytest.raises(UsageError, match="not complete"):
        export([run, made_run([], run_id="b", complete=False)], "eee", tmp_path / "new")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
