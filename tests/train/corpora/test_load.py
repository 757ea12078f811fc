"""Reading corpora from files, folders and the hub (which is out of reach here)."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bench.errors import UsageError
from train.corpora import CORPORA, REASONS, Converted, find_corpus, load_corpus, numbered


def row(number: int) -> dict[str, Any]:
    tools = [{"name": "add", "parameters": {"a": {"type": "int"}}}]
    answers = [{"name": "add", "arguments": {"a": number}}]
    return {"query": f"Add {number}.", "answers": json.dumps(answers), "tools": json.dumps(tools)}


def said(converted: Converted) -> list[Any]:
    return [e.dialogue.messages[-1].calls[0].arguments["a"] for e in converted.examples]


def lines(rows: list[Any]) -> str:
    return "".join(json.dumps(r) + "\n" for r in rows)


@pytest.mark.parametrize("suffix", ["jsonl", "ndjson", "json", "parquet", "csv"])
def test_a_file_of_any_kind_gives_the_same_examples(tmp_path: Path, suffix: str) -> None:
    rows = [row(1), row(2)]
    file = tmp_path / f"x.{suffix}"
    match suffix:
        case "json":
            file.write_text(json.dumps(rows, indent=1), encoding="utf-8")
        case "parquet":
            pd.DataFrame(rows).to_parquet(file)
        case "csv":
            pd.DataFrame(rows).to_csv(file, index=False)
        case _:
            file.write_text(lines(rows), encoding="utf-8")
    converted = load_corpus("xlam", file)
    assert said(converted) == [1, 2]
    assert [e.id for e in converted.examples] == [f"xlam/x.{suffix}:1", f"xlam/x.{suffix}:2"]


def test_a_json_file_may_hold_lines_or_one_row(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(lines([row(1), row(2)]), encoding="utf-8")
    (tmp_path / "b.json").write_text(json.dumps(row(3), indent=2), encoding="utf-8")
    assert said(load_corpus("xlam", tmp_path)) == [1, 2, 3]


def test_a_folder_is_read_whole_in_the_order_of_its_names(tmp_path: Path) -> None:
    for name in ("b/x.jsonl", "a.jsonl", ".cache/c.jsonl"):
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(lines([row(len(name))]), encoding="utf-8")
    (tmp_path / "README.md").write_text("not rows", encoding="utf-8")
    assert [e.id for e in load_corpus("xlam", tmp_path).examples] == [
        "xlam/a.jsonl:1",
        "xlam/b/x.jsonl:1",
    ]


def test_a_broken_line_is_left_out_with_its_place(tmp_path: Path) -> None:
    text = f"\ufeff{lines([row(1)])}\n{{broken\n{lines([row(2)])}"
    (tmp_path / "x.jsonl").write_text(text, encoding="utf-8")
    converted = load_corpus("xlam", tmp_path / "x.jsonl")
    assert said(converted) == [1, 2]
    assert converted.reasons == {"json": 1}
    assert converted.skipped[0].where == "xlam/x.jsonl:3"
    assert converted.counts["rows"] == 3


def test_shuffling_needs_a_seed_and_the_limit_comes_after_it(tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(lines([row(n) for n in range(20)]), encoding="utf-8")
    whole = said(load_corpus("xlam", file, seed=7))
    assert sorted(whole) == list(range(20))
    assert whole != list(range(20))
    assert said(load_corpus("xlam", file, seed=7, limit=5)) == whole[:5]
    assert said(load_corpus("xlam", file, limit=5)) == [0, 1, 2, 3, 4]
    assert said(load_corpus("xlam", file, seed=8)) != whole


def test_the_limit_counts_requests_and_keeps_every_tool(data: Path) -> None:
    converted = load_corpus("seal-tools", data / "seal-tools", limit=30, seed=1)
    assert converted.counts["rows"] == 30
    assert converted.counts["tools"] == 4076


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("xlam", "no/such/file.jsonl", "no file or folder"),
        ("xlam", "missing.jsonl", "no file or folder"),
        ("xlam", "../somewhere/", "no file or folder"),
        ("openai", None, "needs a file or folder"),
        ("seal-tools", None, "needs a file or folder"),
    ],
)
def test_a_source_that_is_not_there_is_one_line(
    name: str, source: str | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load_corpus(name, source)
    assert "\n" not in str(caught.value)


def test_unknown_names_files_and_limits_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no corpus 'xlan'") as caught:
        load_corpus("xlan")
    assert "xlam" in caught.value.known
    with pytest.raises(UsageError, match="holds no"):
        load_corpus("xlam", tmp_path)
    for name, content in (("a.txt", b"x"), ("b.jsonl", b"\xff\xfe"), ("c.json", b"[1,")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UsageError, match=name):
            load_corpus("xlam", tmp_path / name)
    with pytest.raises(UsageError, match="at least 1"):
        load_corpus("xlam", tmp_path, limit=0)


@pytest.mark.parametrize("name", ["x.parquet", "x.csv"])
def test_a_broken_table_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x00\x01\xff no table \x00")
    with pytest.raises(UsageError, match=name) as caught:
        load_corpus("xlam", tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", [None, "someone/their-set"])
def test_without_a_connection_the_remedy_is_one_line(source: str | None) -> None:
    """The tests run with HF_HUB_OFFLINE=1."""
    with pytest.raises(UsageError, match=r"hf download .* --repo-type dataset") as caught:
        load_corpus("hermes-thinking", source)
    assert "\n" not in str(caught.value)
    assert (source or "Jofthomas/hermes-function-calling-thinking-V1") in str(caught.value)


def test_the_table_names_every_corpus_once_and_each_reads_its_rows() -> None:
    assert list(CORPORA) == [c.name for c in CORPORA.values()]
    assert len({c.hub for c in CORPORA.values() if c.hub}) == 8
    for corpus in CORPORA.values():
        assert find_corpus(corpus.name) is corpus
        converted = corpus.convert(numbered([{"nothing": 1}], "x"))
        assert converted.reasons == {"row": 1}
        assert set(converted.reasons) <= set(REASONS)
