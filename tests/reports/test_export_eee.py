"""Every Eval Ever files are valid by its schema, and their scores are a recount of the run file."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from bench.errors import UsageError
from bench.store import Run, read_run
from reports.export import export, write_eee
from reports.export.eee import aggregate
from suites import Call
from tests.made_runs import lost_record, made_record, made_run, rows, two_runs, write_run
from tests.reports.conftest import Measure, Reply
from tests.reports.eee_schema import AGGREGATE, INSTANCE
from tests.reports.hostile import TEXTS, hostile_run

Row = dict[str, Any]
Read = Callable[..., list[tuple[Row, list[Row]]]]


@pytest.fixture
def written(tmp_path: Path) -> Read:
    """Exports runs; (aggregate, instances) of each, in the order of the files, as they were found valid."""

    def logs(*runs: Run) -> list[tuple[Row, list[Row]]]:
        folder = tmp_path / "eee"
        export(runs, "eee", folder)
        return [_log(folder, file) for file in sorted(folder.rglob("*.json"))]

    return logs


def _log(folder: Path, file: Path) -> tuple[Row, list[Row]]:
    log = json.loads(file.read_text(encoding="utf-8"))
    Draft7Validator(AGGREGATE).validate(log)
    detail = log["detailed_evaluation_results"]
    samples = folder / detail["file_path"]
    assert samples == file.with_name(f"{file.stem}_samples.jsonl")
    assert hashlib.sha256(samples.read_bytes()).hexdigest() == detail["checksum"]
    instances = [json.loads(line) for line in samples.read_bytes().splitlines()]
    assert len(instances) == detail["total_rows"]
    for row in instances:
        Draft7Validator(INSTANCE).validate(row)
        assert row["evaluation_id"] == log["evaluation_id"]
        assert row["model_id"] == log["model_info"]["id"]
        asked = json.dumps(row["input"], sort_keys=True, separators=(",", ":"))
        assert row["sample_hash"] == hashlib.sha256(asked.encode()).hexdigest()
    return log, instances


def test_the_scores_are_a_recount_of_the_run_file(
    measure: Measure,
    broken: Reply,
    raw_records: Callable[[Run], Sequence[Row]],
    written: Read,
) -> None:
    names = ("call", "arguments", "output")
    run = measure(lambda case: broken(case).replace("LOST", ""), *names, limit=25)
    lost = lost_record(("call", "", "lost", "lost"))
    ((log, instances),) = written(replace(run, records=(*run.records, lost)))
    raw = raw_records(run)
    assert len(log["evaluation_results"]) == 3
    assert sorted(i["sample_id"] for i in instances) == sorted(r["id"] for r in raw)
    for result in log["evaluation_results"]:
        _, suite, split = result["evaluation_name"].split(".")
        assert split == "dev"
        mine = [r["verdict"]["passed"] for r in raw if r["suite"] == suite]
        told, details = result["score_details"], result["score_details"]["details"]
        assert (int(details["passed"]), int(details["n"])) == (sum(mine), len(mine))
        assert int(details["errors"]) == (suite == "call")
        assert told["score"] == pytest.approx(sum(mine) / len(mine))
        assert told["uncertainty"]["num_samples"] == len(mine)
        bounds = told["uncertainty"]["confidence_interval"]
        assert bounds["lower"] < told["score"] < bounds["upper"]
        key = result["evaluation_result_id"]
        linked = [i for i in instances if i["evaluation_result_id"] == key]
        assert [i["evaluation"]["is_correct"] for i in linked] == mine
    assert {i["interaction_type"] for i in instances} >= {"single_turn", "agentic"}


def test_dialogues_end_with_the_reply_and_keep_it_out_of_the_question(
    measure: Measure, gold: Reply, written: Read
) -> None:
    run = measure(gold, "output", limit=30)
    ((_, instances),) = written(run)
    assert {i["interaction_type"] for i in instances} == {"agentic"}
    for row, record in zip(instances, run.records, strict=True):
        *before, last = row["messages"]
        assert (last["role"], last["content"]) == ("assistant", record.text)
        assert len(json.loads(row["input"]["raw"])["messages"]) == len(before)
        assert [t["content"] for t in before] == [m.content for m in record.case.messages]
        ids = {c["id"] for turn in before for c in turn["tool_calls"] or ()}
        answered = [turn["tool_call_id"] for turn in before if turn["role"] == "tool"]
        assert answered
        assert {a for one in answered for a in one} <= ids


def test_only_what_the_run_knows_is_said() -> None:
    first, second = two_runs(rows("call", 4))
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
    assert source["evaluator_relationship"] == "other"


def test_no_folder_of_this_machine_is_told(written: Read, tmp_path: Path) -> None:
    records = [made_record(row, True) for row in rows("call", 2)]
    command = ("run", "call", "--model", str(tmp_path / "base"))
    ((log, instances),) = written(made_run(records, model=str(tmp_path / "base"), command=command))
    assert str(tmp_path) not in json.dumps([log, instances])
    arguments = log["evaluation_results"][0]["generation_config"]["generation_args"]
    assert arguments["execution_command"] == "callbench run call --model base"


def test_several_runs_and_samples_lie_side_by_side(written: Read) -> None:
    first, second = two_runs(rows("call", 4))
    twice = [made_record(row, True, sample=k) for row in rows("call", 3) for k in (0, 1)]
    sampled = made_run(twice, run_id="sampled", sampling={"samples": 2, "temperature": 0.5})
    found = written(first, second, sampled)
    assert len({log["evaluation_id"] for log, _ in found}) == 3
    assert sorted(len({i["sample_id"] for i in instances}) for _, instances in found) == [4, 4, 6]


def test_hostile_runs_are_valid(tmp_path: Path, written: Read) -> None:
    ((_, instances),) = written(read_run(write_run(hostile_run(False), tmp_path)))
    for row, text in zip(instances, TEXTS, strict=True):
        assert row["output"]["raw"] == [text.encode("utf-8", "backslashreplace").decode()]


def test_a_lone_surrogate_is_no_crash(written: Read) -> None:
    record = made_record(("call", "", "g", "c"), False)
    call = Call.model_construct(name="f", arguments={"x": "a\ud800b"})
    ((_, (row,)),) = written(made_run([record.model_copy(update={"calls": (call,)})]))
    assert r"a\ud800b" in row["answer_attribution"][0]["extracted_value"]


def test_runs_without_a_final_score_are_refused(tmp_path: Path) -> None:
    records = [made_record(row, True) for row in rows("call", 4)]
    with pytest.raises(UsageError, match="callbench run --resume 20260101-000000-base"):
        write_eee([made_run(records, complete=False)], tmp_path)
    with pytest.raises(UsageError, match="no scored reply"):
        write_eee([made_run([lost_record(row) for row in rows("call", 2)])], tmp_path)
    assert list(tmp_path.iterdir()) == []
