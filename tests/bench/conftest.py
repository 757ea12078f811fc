"""A small suite of one's own, a model folder without a model, and what a scripted model replies to it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
from safetensors.numpy import save_file

from adapters import Target, resolve
from bench.dialects.tagged import write
from bench.records import Manifest, Record, VerdictRecord, input_hash
from bench.runner import Chosen
from suites import Case, Outcome, gold_reply, select

PLACES = ("Oslo", "Graz", "Bergen on the coast", "Linz", "the north of the island", "Turku")


@pytest.fixture
def suite_file(tmp_path: Path) -> Path:
    """Twelve cases of a suite `mine`, in six pairs; every prompt has its own length."""
    tool = {"name": "get_weather", "parameters": {"city": "string"}}
    lines = []
    for i, place in enumerate(PLACES):
        user = f"Please: what is the weather like in {place}?" + " Thanks!" * (i % 4)
        call = {"function_call": {"name": "get_weather", "arguments": {"city": place}}}
        pair = {"group": f"w{i}", "user": user}
        lines += [
            {"id": f"w{i}.call", "tools": [tool], "model": call, **pair},
            {"id": f"w{i}.none", "no_call": "decline", "reply": "I cannot look that up.", **pair},
        ]
    file = tmp_path / "mine.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


@pytest.fixture
def chosen(suite_file: Path) -> Chosen:
    return Chosen(names=(str(suite_file),))


@pytest.fixture
def cases(suite_file: Path) -> dict[str, Case]:
    """Request id -> case."""
    return {f"mine:{c.id}": c for c in select([str(suite_file)]).parts[0].cases}


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    """A folder that can be named as a model as long as nobody loads it."""
    folder = tmp_path / "some-model"
    folder.mkdir()
    (folder / "config.json").write_text("{}", encoding="utf-8")
    save_file({"w": numpy.arange(6.0)}, folder / "model.safetensors")
    return folder


@pytest.fixture
def target(model_folder: Path) -> Target:
    return resolve(str(model_folder), dialect="gemma")


@pytest.fixture
def adapted(model_folder: Path, tmp_path: Path) -> Target:
    """The same base with an adapter `lora`, as long as nobody loads it."""
    folder = tmp_path / "lora"
    folder.mkdir()
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 4}')
    save_file({"w": numpy.ones(3)}, folder / "adapter_model.safetensors")
    return resolve(f"{model_folder}+{folder}", dialect="gemma")


@pytest.fixture
def script(cases: dict[str, Case]) -> dict[str, str]:
    """Right replies, but for a wrong city, a broken call, a call too many and one that is too long."""
    texts: dict[str, str] = {}
    for name, case in cases.items():
        gold = gold_reply(case)
        texts[name] = write(gold.calls) or gold.text
    texts["mine:w1.call"] = texts["mine:w0.call"]
    texts["mine:w2.call"] = "<tool_call>{oops</tool_call>"
    texts["mine:w3.none"] = texts["mine:w3.call"]
    texts["mine:w4.none"] = "and so on " * 200
    return texts


@pytest.fixture
def edit(suite_file: Path) -> Callable[..., None]:
    """Changes one case of the suite: edit(id, field=value); without fields it removes the case."""

    def change(name: str, **fields: Any) -> None:
        rows = [json.loads(line) for line in suite_file.read_text(encoding="utf-8").splitlines()]
        assert name in {r["id"] for r in rows}
        rows = [
            {**r, **fields} if r["id"] == name else r for r in rows if fields or r["id"] != name
        ]
        suite_file.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")

    return change


@pytest.fixture
def manifest() -> Manifest:
    return Manifest(
        run_id="20260101-000000-model",
        selection={"names": ["mine"], "pattern": None, "limit": None, "adapter": None},
        selection_hash="0" * 64,
        suites=(),
        target="model",
        model="model",
        model_hash="1" * 64,
        dialect="gemma",
        engine="scripted",
        engine_version="1",
        dtype="none",
        device="none",
        sampling={"max_tokens": 8},
    )


@pytest.fixture
def record(cases: dict[str, Case]) -> Callable[..., Record]:
    """A record of case number `i`, with the fields given."""

    def build(i: int = 0, text: str = "hello", **fields: object) -> Record:
        case = list(cases.values())[i]
        return Record.of(
            **{
                "suite": "mine",
                "id": case.id,
                "input": input_hash(case),
                "case": case,
                "text": text,
                "finish": "stop",
                "prompt_tokens": 5,
                "completion_tokens": 2,
                "seconds": 0.5,
                "verdict": VerdictRecord(passed=True, outcome=Outcome.ANSWER),
                **fields,
            }
        )

    return build
