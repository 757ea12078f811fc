"""Exports hold what the run file holds: Parquet and datasets row by row, Every Eval Ever score by score."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import pytest
from jsonschema import Draft7Validator

from bench.cli import main
from bench.errors import InfrastructureError, UsageError
from bench.records import Record
from bench.store import Run, read_run
from reports.export import parse_exports, write_exports
from reports.export.columnar import SCHEMA
from reports.export.eee import aggregate
from reports.export.parts import portable
from reports.export.rows import COLUMNS, rows
from suites import Call
from tests.made_runs import lost_record, made_record, made_run, two_runs, write_run
from tests.made_runs import rows as made_rows
from tests.reports.conftest import Measure, Reply
from tests.reports.eee_schema import AGGREGATE, INSTANCE
from tests.reports.hostile import TEXTS, hostile_run

Row = dict[str, Any]
Refuse = Callable[..., str]
SUITES = ("call", "arguments", "output")


def rebuilt(row: Row) -> Record:
    """The record that a row was made from, out of its columns alone."""
    case = {
        **{name: row[name] for name in ("group", "category", "note")},
        **{name: json.loads(row[name]) for name in ("tools", "messages", "expectation")},
        **{name: json.loads(row[name]) for name in ("tags", "excluded")},
        "id": row["case_id"],
        "official": json.loads(row["official"]) if row["official"] else None,
    }
    checks = {n.removeprefix("check_"): row[n] for n in COLUMNS if n.startswith("check_")}
    official = {n: row[f"official_{n}"] for n in ("valid", "error_type", "message", "crashed")}
    record = {
        **{name: row[name] for name in ("suite", "text", "thought", "finish", "seconds")},
        **{name: row[name] for name in ("prompt_tokens", "repaired", "sample", "cached")},
        "id": row["case_id"],
        "input": row["input_hash"],
        "case": case,
        "calls": json.loads(row["actual_calls"]),
        "completion_tokens": row["new_tokens"],
        "verdict": {
            **{name: row[name] for name in ("passed", "outcome", "failure", "reason")},
            "checks": checks,
        },
        "official": None if row["official_valid"] is None else official,
        "shots": json.loads(row["shot_ids"]),
        "notes": json.loads(row["notes"]),
    }
    return Record.model_validate_json(json.dumps(record))


def with_all_checks(record: Record) -> Record:
    """A check that a record does not name is one that did not apply."""
    checks = {n.removeprefix("check_"): None for n in COLUMNS if n.startswith("check_")}
    verdict = record.verdict.model_copy(update={"checks": {**checks, **record.verdict.checks}})
    return record.model_copy(update={"verdict": verdict})


def parquet_rows(path: Path) -> list[Row]:
    found: list[Row] = pq.read_table(path).to_pylist()
    return found


def dataset_rows(path: Path) -> list[Row]:
    return list(datasets.load_from_disk(str(path)))


def exported(tmp_path: Path, *runs: Run) -> tuple[Path, Path]:
    texts = [f"parquet={tmp_path / 'out.parquet'}", f"dataset={tmp_path / 'out'}"]
    write_exports(runs, parse_exports(texts))
    return tmp_path / "out.parquet", tmp_path / "out"


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
    parquet, dataset = exported(tmp_path, run)
    found = parquet_rows(parquet)
    assert [rebuilt(r) for r in found] == [with_all_checks(r) for r in run.records]
    assert {r["outcome"] for r in found} == {"call", "answer", "malformed", "error"}
    assert dataset_rows(dataset) == found


def test_columns_are_flat_and_typed(measure: Measure, gold: Reply, tmp_path: Path) -> None:
    parquet, dataset = exported(tmp_path, measure(gold, limit=3))
    assert pq.read_schema(parquet).equals(SCHEMA)
    assert list(datasets.load_from_disk(str(dataset)).features) == list(COLUMNS)
    assert not [f for f in SCHEMA if str(f.type) not in ("string", "bool", "int64", "double")]


def test_rows_say_what_run_and_suite_they_are_of(
    measure: Measure, gold: Reply, tmp_path: Path
) -> None:
    twice = [made_record(row, True, sample=k) for row in made_rows("call", 3) for k in (0, 1)]
    runs = [measure(gold, limit=4), made_run(twice, sampling={"samples": 2})]
    found = parquet_rows(exported(tmp_path, *runs)[0])
    assert len(found) == sum(len(r.records) for r in runs)
    for run in runs:
        mine = [r for r in found if r["run_id"] == run.manifest.run_id]
        assert len(mine) == len(run.records)
        for row, record in zip(mine, run.records, strict=True):
            (ref,) = [s for s in run.manifest.suites if s.name == record.suite]
            assert (row["suite_version"], row["split"]) == (ref.version, ref.split)
            assert row["suite_hash"] == ref.hash
            assert row["target"] == run.manifest.target
            assert row["max_tokens"] == run.manifest.sampling["max_tokens"]
            wanted = [c.gold() for c in record.case.expectation.calls]
            assert [Call(**c) for c in json.loads(row["expected_calls"])] == wanted
        assert mine[0]["samples"] == run.manifest.samples
    assert {r["sample"] for r in found} == {0, 1}


def test_variants_errors_and_unfinished_runs_are_rows_too(tmp_path: Path) -> None:
    names = [("call", "", "g0", "c0"), ("call", "", "g0", "c0~order"), ("call", "", "g1", "c1")]
    records = [made_record(names[0], True), made_record(names[1], False), lost_record(names[2])]
    found = parquet_rows(exported(tmp_path, made_run(records, complete=False))[0])
    assert [r["variant"] for r in found] == [None, "order", None]
    assert [r["outcome"] for r in found] == ["answer", "answer", "error"]
    assert {r["run_complete"] for r in found} == {False}


def test_a_run_without_records_has_the_same_columns(tmp_path: Path) -> None:
    parquet, dataset = exported(tmp_path, made_run([], complete=False))
    assert parquet_rows(parquet) == dataset_rows(dataset) == []
    assert list(datasets.load_from_disk(str(dataset)).features) == list(COLUMNS)


def test_two_splits_of_one_suite_are_not_told_apart_by_guessing(
    measure: Measure, gold: Reply
) -> None:
    run = measure(gold, "call", "call/test", limit=2)
    assert {r["split"] for r in rows(run)} == {"dev+test"}
    assert all(len(r["suite_hash"].split("+")) == 2 for r in rows(run))


def test_hostile_texts_come_back_byte_for_byte(tmp_path: Path) -> None:
    run = read_run(write_run(hostile_run(False), tmp_path))
    parquet, dataset = exported(tmp_path, run)
    found = parquet_rows(parquet)
    for row, text in zip(found, TEXTS, strict=True):
        assert row["text"] == text.encode("utf-8", "backslashreplace").decode()
    assert [rebuilt(r) for r in found] == [with_all_checks(r) for r in run.records]
    assert dataset_rows(dataset) == found


def test_a_lone_surrogate_anywhere_is_an_escape_and_no_crash(tmp_path: Path) -> None:
    record = made_record(("call", "", "g", "c"), False)
    call = Call.model_construct(name="f", arguments={"x": "a\ud800b"})
    verdict = record.verdict.model_copy(update={"reason": "a\ud800b"})
    broken = record.model_copy(update={"text": "a\ud800b", "calls": (call,), "verdict": verdict})
    run = made_run([broken])
    (row,) = parquet_rows(exported(tmp_path, run)[0])
    assert row["text"] == row["reason"] == r"a\ud800b"
    assert json.loads(row["actual_calls"]) == [{"name": "f", "arguments": {"x": "a\ud800b"}}]
    write_exports([run], parse_exports([f"eee={tmp_path / 'eee'}"]))
    assert logs(tmp_path / "eee")[0][1][0]["output"]["raw"] == ["a\ud800b"]


def logs(folder: Path) -> list[tuple[Row, list[Row]]]:
    """(aggregate, instances) of every run in the folder, as they were found to be valid."""
    found = []
    for file in sorted(folder.rglob("*.json")):
        log = json.loads(file.read_text(encoding="utf-8"))
        Draft7Validator(AGGREGATE).validate(log)
        detail = log["detailed_evaluation_results"]
        samples = folder / detail["file_path"]
        assert samples == file.with_name(f"{file.stem}_samples.jsonl")
        lines = samples.read_bytes().splitlines()
        assert hashlib.sha256(samples.read_bytes()).hexdigest() == detail["checksum"]
        assert len(lines) == detail["total_rows"]
        instances = [json.loads(line) for line in lines]
        for row in instances:
            Draft7Validator(INSTANCE).validate(row)
            assert row["evaluation_id"] == log["evaluation_id"]
            assert row["model_id"] == log["model_info"]["id"]
            text = json.dumps(row["input"], sort_keys=True, separators=(",", ":"))
            assert row["sample_hash"] == hashlib.sha256(text.encode()).hexdigest()
        found.append((log, instances))
    return found


def test_eee_scores_are_a_recount_of_the_run_file(
    measure: Measure,
    broken: Reply,
    raw_records: Callable[[Run], Sequence[Row]],
    tmp_path: Path,
) -> None:
    run = measure(lambda case: broken(case).replace("LOST", ""), *SUITES, limit=25)
    run = replace(run, records=(*run.records, lost_record(("call", "", "lost", "lost"))))
    write_exports([run], parse_exports([f"eee={tmp_path / 'eee'}"]))
    ((log, instances),) = logs(tmp_path / "eee")
    raw = raw_records(run)
    assert len(log["evaluation_results"]) == 3
    assert sorted(i["sample_id"] for i in instances) == sorted(r["id"] for r in raw)
    for result in log["evaluation_results"]:
        suite = result["evaluation_name"].split(".")[1]
        mine = [r["verdict"]["passed"] for r in raw if r["suite"] == suite]
        told, details = result["score_details"], result["score_details"]["details"]
        assert (int(details["passed"]), int(details["n"])) == (sum(mine), len(mine))
        assert told["score"] == pytest.approx(sum(mine) / len(mine))
        bounds = told["uncertainty"]["confidence_interval"]
        assert bounds["lower"] < told["score"] < bounds["upper"]
        linked = [
            i for i in instances if i["evaluation_result_id"] == result["evaluation_result_id"]
        ]
        assert [i["evaluation"]["is_correct"] for i in linked] == mine
    kinds = {i["interaction_type"] for i in instances}
    assert kinds >= {"single_turn", "agentic"}


def test_eee_dialogues_end_with_the_reply_and_keep_it_out_of_the_question(
    measure: Measure, gold: Reply, tmp_path: Path
) -> None:
    run = measure(gold, "output", limit=30)
    write_exports([run], parse_exports([f"eee={tmp_path / 'eee'}"]))
    ((_, instances),) = logs(tmp_path / "eee")
    assert {i["interaction_type"] for i in instances} == {"agentic"}
    for row, record in zip(instances, run.records, strict=True):
        *before, last = row["messages"]
        assert (last["role"], last["content"]) == ("assistant", record.text)
        assert len(before) == len(record.case.messages)
        asked = json.loads(row["input"]["raw"])
        assert len(asked["messages"]) == len(before)
        ids = {c["id"] for turn in before for c in turn["tool_calls"] or ()}
        answered = [turn["tool_call_id"] for turn in before if turn["role"] == "tool"]
        assert answered
        assert {a for one in answered for a in one} <= ids


def test_eee_names_only_what_the_run_knows() -> None:
    first, second = two_runs(made_rows("call", 4))
    assert aggregate(first)["model_info"]["id"] == "local/base"
    known = made_run(first.records, model="gemma-3-270m", target="gemma-3-270m")
    info = aggregate(known)["model_info"]
    assert info["id"] == "google/gemma-3-270m"
    assert info["additional_details"]["model_availability"] == "open_weights"
    adapted = made_run(
        second.records,
        model="google/gemma-2-2b-it",
        target="gemma-2-2b-it+mine",
        adapter="mine",
        adapter_hash="c" * 64,
    )
    info = aggregate(adapted)["model_info"]
    assert info["id"] == "local/gemma-2-2b-it+mine"
    assert info["additional_details"]["base"] == "google/gemma-2-2b-it"
    assert info["additional_details"]["adapter_hash"] == "c" * 64
    source = aggregate(adapted)["source_metadata"]
    assert source["source_organization_name"] == "unknown"


def test_hostile_runs_are_valid_eee(tmp_path: Path) -> None:
    run = read_run(write_run(hostile_run(False), tmp_path))
    write_exports([run], parse_exports([f"eee={tmp_path / 'eee'}"]))
    ((_, instances),) = logs(tmp_path / "eee")
    for row, text in zip(instances, TEXTS, strict=True):
        assert row["output"]["raw"] == [text.encode("utf-8", "backslashreplace").decode()]


@pytest.mark.parametrize(
    ("word", "left"),
    [
        ("/home/me/runs/a.jsonl", "a.jsonl"),
        ("--adapters=/a/one,~/b/two,three", "--adapters=one,two,three"),
        ("/models/base+/shelf/lora", "base+lora"),
        ("http://me:secret@10.0.0.1:8000/v1", "http://10.0.0.1:8000/v1"),
        ("call/test", "call/test"),
        ("+", "+"),
    ],
)
def test_commands_leave_this_machine_behind(word: str, left: str) -> None:
    assert portable(word) == left


def test_report_writes_every_kind_and_says_where(
    measure: Measure, gold: Reply, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = measure(gold, limit=3)
    kinds = ("parquet", "dataset", "eee")
    words = [w for k in kinds for w in ("--export", f"{k}={tmp_path / 'new' / k}")]
    capsys.readouterr()
    assert main(["report", str(run.path), *words, "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)[0]["run"] == run.manifest.run_id
    assert err.splitlines() == [f"{k}: {tmp_path / 'new' / k}" for k in kinds]
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == sorted(kinds)


def test_refusals_write_nothing(
    measure: Measure, gold: Reply, tmp_path: Path, refuse: Refuse
) -> None:
    run = measure(gold, limit=3)
    (tmp_path / "there").mkdir()
    new = tmp_path / "new"
    assert "did you mean 'parquet'?" in refuse("report", run.path, "--export", f"parqet={new}")
    assert "there are: parquet" in refuse("report", run.path, "--export", str(new))
    assert "give parquet=PATH" in refuse("report", run.path, "--export", "parquet=")
    twice = ("--export", f"parquet={new}", "--export", f"dataset={new}")
    assert "two exports" in refuse("report", run.path, *twice)
    for kind in ("parquet", "dataset", "eee"):
        text = f"{kind}={tmp_path / 'there'}"
        assert "exists already: give another path" in refuse("report", run.path, "--export", text)
        assert "given twice" in refuse("report", run.path, run.path, "--export", f"{kind}={new}")
    assert not new.exists()


def test_eee_refuses_runs_without_a_final_score(tmp_path: Path, refuse: Refuse) -> None:
    records = [made_record(row, True) for row in made_rows("call", 4)]
    unfinished = write_run(made_run(records, complete=False), tmp_path)
    new = tmp_path / "new"
    line = refuse("report", unfinished, "--export", f"eee={new}")
    assert "callbench run --resume 20260101-000000-base" in line
    lost = made_run([lost_record(row) for row in made_rows("call", 2)], run_id="lost")
    assert "no scored reply" in refuse(
        "report", write_run(lost, tmp_path), "--export", f"eee={new}"
    )
    assert not new.exists()


def test_what_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    run = made_run([made_record(row, True) for row in made_rows("call", 2)])
    (tmp_path / "file").touch()
    for kind in ("parquet", "dataset", "eee"):
        with pytest.raises(InfrastructureError, match="cannot write"):
            write_exports([run], parse_exports([f"{kind}={tmp_path / 'file' / 'out'}"]))
    exports = parse_exports([f"parquet={tmp_path / 'late'}"])
    (tmp_path / "late").touch()
    with pytest.raises(UsageError, match="exists already"):
        write_exports([run], exports)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "late"]
