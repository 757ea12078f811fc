"""Exports: what is written is what was recorded, other tools can read it, hostile texts are data."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from datasets import load_from_disk
from huggingface_hub import EvalResultEntry, ModelCard, parse_eval_result_entries

from adapters import find_adapter
from adapters.card import load_card
from bench.cli import main
from bench.errors import UsageError
from bench.store import Run, read_run
from reports import summarise
from reports.export import export, parse_targets, records_frame, summary_frame, write_card
from tests.made_runs import made_run, rows, two_runs, write_run
from tests.reports.hostile import TEXTS, hostile_run


@pytest.fixture(scope="module")
def plain() -> tuple[Run, Run]:
    cases = rows("call", 40, size=2, categories=("direct", "negated"))
    return two_runs(cases, broken=cases[10:13], fixed=cases[:8])


def test_every_record_is_a_row_of_one_type_in_its_order(plain: tuple[Run, Run]) -> None:
    frame = records_frame(plain)
    records = [r for run in plain for r in run.records]
    assert list(frame["id"]) == [r.id for r in records]
    assert list(frame["passed"]) == [r.verdict.passed for r in records]
    assert list(frame["text"]) == [r.text for r in records]
    assert [json.loads(t) for t in frame["expected"]] == [
        r.case.expectation.model_dump(mode="json") for r in records
    ]
    assert list(records_frame([]).dtypes) == list(frame.dtypes)


def test_the_scores_are_those_of_the_report(plain: tuple[Run, Run]) -> None:
    frame = summary_frame(plain)
    lines = [line for run in plain for line in summarise(run).lines]
    assert list(frame["passed"]) == [line.score.passed for line in lines]
    assert list(frame["low"]) == [line.score.interval.low for line in lines if line.score.interval]


@pytest.mark.parametrize("kind", ["parquet", "dataset"])
def test_parquet_and_datasets_give_back_the_same_rows(kind: str, tmp_path: Path) -> None:
    runs = [hostile_run(False), hostile_run(True, run_id="2", target="tuned")]
    wanted = records_frame(runs)
    path = tmp_path / "out"
    export(runs, kind, path)
    found = pd.read_parquet(path) if kind == "parquet" else load_from_disk(str(path)).to_pandas()
    assert list(found.columns) == list(wanted.columns)
    assert len(found) == 2 * len(TEXTS)
    for name in wanted.columns:
        same = [
            (pd.isna(a) and pd.isna(b)) or a == b
            for a, b in zip(found[name], wanted[name], strict=True)
        ]
        assert all(same), name
    assert "x" * 1_000_000 in set(found["text"])


def test_every_eval_ever_has_what_its_schemas_ask(tmp_path: Path, plain: tuple[Run, Run]) -> None:
    runs = [*plain, hostile_run(False, run_id="3", target="odd")]
    export(runs, "eee", tmp_path / "eee")
    results = [f for f in sorted((tmp_path / "eee").iterdir()) if f.suffix == ".json"]
    assert len(results) == 3
    by_model = {}
    for file in results:
        data = json.loads(file.read_text("utf-8"))
        by_model[data["model_info"]["id"]] = data
        needed = {"schema_version", "evaluation_id", "retrieved_timestamp", "source_metadata"}
        assert needed | {"model_info", "eval_library", "evaluation_results"} <= set(data)
        assert data["retrieved_timestamp"].isdigit()
        assert data["source_metadata"]["source_type"] == "evaluation_run"
        _details_are_strings(data)
        told = data["detailed_evaluation_results"]
        samples = tmp_path / "eee" / told["file_path"]
        assert hashlib.sha256(samples.read_bytes()).hexdigest() == told["checksum"]
        lines = [json.loads(line) for line in samples.read_text("utf-8").splitlines()]
        assert len(lines) == told["total_rows"]
        for line in lines:
            _details_are_strings(line)
            assert line["evaluation_id"] == data["evaluation_id"]
            assert line["interaction_type"] == "single_turn"
            assert line["messages"] is None
            assert [type(x) for x in line["input"]["reference"]] == [str]
            assert line["evaluation"]["is_correct"] is (line["evaluation"]["score"] == 1.0)
            assert all(isinstance(v, str) for v in line["metadata"].values())
    run = plain[0]
    found = by_model[run.manifest.target]["evaluation_results"]
    lines = [line for line in summarise(run).lines if line.suite != "all"]
    assert [r["score_details"]["score"] for r in found] == [line.score.rate for line in lines]
    bounds = found[0]["score_details"]["uncertainty"]["confidence_interval"]
    assert bounds["lower"] <= found[0]["score_details"]["score"] <= bounds["upper"]
    assert found[0]["metric_config"]["lower_is_better"] is False


def _details_are_strings(value: Any) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "additional_details":
                assert all(isinstance(v, str) for v in inner.values())
            _details_are_strings(inner)
    elif isinstance(value, list):
        for inner in value:
            _details_are_strings(inner)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["parquet"], "write KIND=PATH"),
        (["parquet="], "write KIND=PATH"),
        (["csv=x.csv"], "no export 'csv'"),
        (["parquet=a", "eee=a"], "a exists already"),
    ],
)
def test_an_export_that_cannot_be_meant_is_refused(given: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_targets(given)


def test_the_command_exports_and_writes_over_nothing(
    plain: tuple[Run, Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write_run(plain[0], tmp_path)
    out = tmp_path / "records.parquet"
    assert main(["report", str(file), "--export", f"parquet={out}", f"eee={tmp_path / 'e'}"]) == 0
    assert len(pd.read_parquet(out)) == 40
    before = out.read_bytes()
    capsys.readouterr()
    assert main(["report", str(file), "--export", f"parquet={out}"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert out.read_bytes() == before


# --- model cards ---------------------------------------------------------------------------------


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped adapter as a copy in home."""
    monkeypatch.setenv("CALLBENCH_HOME", str(tmp_path))
    shipped = find_adapter("gemma-3-270m-calls").folder
    folder = tmp_path / "adapters" / "gemma-3-270m-calls"
    folder.mkdir(parents=True)
    for name in ("adapter_config.json", "adapter_model.safetensors", "card.toml"):
        (folder / name).write_bytes((shipped / name).read_bytes())
    return folder


def test_a_model_card_can_be_read_by_the_hubs_own_classes(
    shelf: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    adapter = find_adapter("gemma-3-270m-calls")
    cases = rows("call", 40, size=2, categories=("direct",))
    run = two_runs(cases, broken=cases[:9], fixed=[])[1]
    own = {"adapter": adapter.name, "adapter_hash": adapter.hash, "target": "base+calls"}
    file = write_run(made_run(run.records, run_id="20260101-000000-own", **own), tmp_path)
    assert main(["adapters", "card", adapter.name, "--from", str(file)]) == 0
    assert "README.md" in capsys.readouterr().out
    card = ModelCard.load(shelf / "README.md")
    results = {r.dataset_config: r for r in card.data.eval_results or []}
    whole = summarise(read_run(file)).lines[1]
    assert results[None].metric_value == round(whole.score.rate or 0, 4)
    assert results["direct"].dataset_type == "callbench/call"
    assert card.data.library_name == "peft"
    assert card.data.license == "gemma"
    assert "Gemma Terms of Use found at ai.google.dev/gemma/terms" in card.content
    assert "callbench train " in card.content
    assert str(tmp_path) not in card.content
    (yaml_file,) = sorted((shelf / ".eval_results").iterdir())
    entries = parse_eval_result_entries(yaml.safe_load(yaml_file.read_text("utf-8")))
    assert [type(e) for e in entries] == [EvalResultEntry]
    assert entries[0].value == round(whole.score.rate or 0, 4)
    assert f"n={whole.score.n}" in (entries[0].notes or "")
    assert find_adapter(adapter.name).hash == adapter.hash
    assert load_card(shelf) == adapter.card


def test_a_run_of_something_else_or_half_a_run_makes_no_card(shelf: Path) -> None:
    adapter = find_adapter("gemma-3-270m-calls")
    cases = rows("call", 4)
    other = two_runs(cases, broken=[], fixed=[])[0]
    with pytest.raises(UsageError, match=r"not of gemma-3-270m-calls"):
        write_card(adapter, [other])
    half = made_run(other.records, complete=False, adapter_hash=adapter.hash)
    with pytest.raises(UsageError, match="is not complete"):
        write_card(adapter, [half])
    with pytest.raises(UsageError, match="give --from RUN"):
        write_card(adapter, [])
    assert not (shelf / "README.md").exists()
