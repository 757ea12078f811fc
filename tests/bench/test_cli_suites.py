"""`callbench suites`, `models` and `judge`: what there is, what is wrong with it, and verdicts."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.cli import main
from suites import builtin_suites, select

Refuse = Callable[..., str]
Output = Callable[..., str]
TOOL = {"name": "ring", "description": "Ring.", "parameters": {"times": "integer"}}
CALL = {"function_call": {"name": "ring", "arguments": {"times": 2}}}
CASE: dict[str, Any] = {"id": "one", "tools": [TOOL], "user": "Ring twice.", "model": CALL}


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str]) -> Output:
    """Runs a command that must exit with `code`; returns what it wrote on stdout."""

    def call(*arguments: object, code: int = 0) -> str:
        assert main([str(a) for a in arguments]) == code
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return out

    return call


@pytest.fixture
def refuse(capsys: pytest.CaptureFixture[str]) -> Refuse:
    """Runs a command that must exit 2 with one line on stderr and nothing on stdout."""

    def call(*arguments: object) -> str:
        assert main([str(a) for a in arguments]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "unexpected" not in err
        return err

    return call


def _lines(file: Path, *rows: object) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def test_list_names_every_suite_with_its_numbers(output: Output) -> None:
    rows = {row["name"]: row for row in json.loads(output("suites", "list", "--json"))}
    for name, split in builtin_suites():
        suite = select([f"{name}/{split}"]).parts[0].suite
        row = rows[name if split == "dev" else f"{name}/{split}"]
        assert row["cases"] == len(suite.cases)
        assert row["groups"] == len({c.group for c in suite.cases})
        assert suite.hash.startswith(row["hash"])
    assert rows["smoke"]["cases"] == select(["smoke"]).size


def test_show_lists_the_cases_and_prints_one_whole(output: Output) -> None:
    cases = select(["smoke"]).parts[0].cases
    shown = json.loads(output("suites", "show", "smoke", "--json"))
    assert len(shown) == select(["smoke"]).size
    assert shown[0] == cases[0].model_dump(mode="json", exclude_defaults=True)
    assert json.loads(output("suites", "show", "call", cases[0].id)) == shown[0]


@pytest.mark.parametrize("words", ["suites list", "suites show call", "models list"])
def test_every_listing_has_the_same_rows_in_every_form(words: str, output: Output) -> None:
    count = len(json.loads(output(*words.split(), "--format", "json")))
    rows = list(csv.reader(io.StringIO(output(*words.split(), "--format", "csv"))))
    assert len(rows) == count + 1
    assert len({len(row) for row in rows}) == 1
    pipes = output(*words.split(), "--format", "markdown").splitlines()
    assert sum(line.startswith("|") for line in pipes) == count + 2
    assert len(output(*words.split()).splitlines()) >= count + 3


def test_check_of_the_built_in_suites_is_sound_and_counts(output: Output) -> None:
    rows = json.loads(output("suites", "check", "--json"))
    assert {row["suite"] for row in rows} == {f"{n}/{s}" for n, s in builtin_suites()}
    for row in rows:
        assert row["errors"] == 0
        assert row["findings"] == []
        assert row["broken golds judged"] > 4 * row["cases"]


def test_check_of_a_sound_file_exits_0(output: Output, tmp_path: Path) -> None:
    (row,) = json.loads(output("suites", "check", _lines(tmp_path / "a.jsonl", CASE), "--json"))
    assert (row["suite"], row["cases"], row["errors"]) == ("a/dev", 1, 0)


@pytest.mark.parametrize(
    ("change", "check", "words"),
    [
        (
            {"tools": [{**TOOL, "parameters": {"times": {"type": "integer", "minimum": 3}}}]},
            "gold",
            "gold violates its own schema",
        ),
        (
            {"tools": [{**TOOL, "parameters": {"times": "string"}}]},
            "gold",
            "gold violates its own schema",
        ),
        ({"tools": []}, "gold", "expects 'ring', which is not offered"),
        ({"tools": [TOOL, TOOL]}, "tools", "is offered 2 times"),
    ],
)
def test_check_of_an_unsound_file_exits_1_and_says_why(
    change: dict[str, Any], check: str, words: str, output: Output, tmp_path: Path
) -> None:
    file = _lines(tmp_path / "bad.jsonl", {**CASE, **change})
    (row,) = json.loads(output("suites", "check", file, "--json", code=1))
    assert row["errors"] >= 1
    found = [f for f in row["findings"] if f["check"] == check]
    assert words in found[0]["text"]
    assert (found[0]["case"], found[0]["level"]) == ("one", "error")
    assert found[0]["place"] == f"{file}:1"
    shown = output("suites", "check", file, code=1)
    assert words in shown
    assert f"{file}:1" in shown


@pytest.mark.parametrize("other", [CASE, {**CASE, "model": "Ding dong."}])
def test_check_finds_duplicates_and_contradictions(
    other: dict[str, Any], output: Output, tmp_path: Path
) -> None:
    file = _lines(tmp_path / "two.jsonl", CASE, {**other, "id": "two"})
    (row,) = json.loads(output("suites", "check", file, "--json", code=1))
    expected = "duplicate" if other is CASE else "contradiction"
    assert expected in {f["check"] for f in row["findings"]}


def test_check_of_several_suites_fails_if_one_is_unsound(output: Output, tmp_path: Path) -> None:
    good = _lines(tmp_path / "good.jsonl", CASE)
    bad = _lines(tmp_path / "bad.jsonl", {**CASE, "tools": []})
    rows = json.loads(output("suites", "check", good, bad, "--json", code=1))
    assert [(r["suite"], r["errors"] > 0) for r in rows] == [("good/dev", False), ("bad/dev", True)]


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("a.yaml", "cases:\n- id: one\n  user: [\n", "a.yaml:"),
        ("a.yaml", "cases:\n- id: one\n  id: two\n", "a.yaml:3: key 'id' stands twice"),
        ("a.yaml", "- user: Hi\n  repyl: Hi\n", "a.yaml:2: repyl: unknown field; did you mean"),
        ("a.yaml", "- !!python/object:os.system {}\n", "a.yaml:1: tag "),
        ("a.yaml", "just text\n", "a.yaml:1: must be a list of cases"),
        ("a.jsonl", '{"user": "Hi", "reply": "Hi"}\n{"user": \n', "a.jsonl:2: broken JSON"),
        ("a.jsonl", '{"user": "Hi"}\n', "a.jsonl:1: says nothing of what is expected"),
        ("a.jsonl", "[1]\n", "a.jsonl:1: a case must be a mapping"),
        ("a.jsonl", "[" * 100_000 + "\n", "a.jsonl:1: broken JSON: JSON nested too deeply"),
        ("a.jsonl", "\udcff\n", "a.jsonl: is not UTF-8 text"),
    ],
)
@pytest.mark.parametrize("command", ["suites check", "suites show", "run"])
def test_a_broken_file_of_cases_is_refused_with_its_line(
    command: str, name: str, text: str, place: str, refuse: Refuse, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8", errors="surrogateescape")
    assert place in refuse(*command.split(), file)


def test_a_folder_that_is_no_suite_is_refused(refuse: Refuse, tmp_path: Path) -> None:
    assert "it has no suite.yaml" in refuse("suites", "check", tmp_path)


@pytest.mark.parametrize("change", [{"tools": []}, {"tools": [{**TOOL, "parameters": 1}]}])
def test_an_unsound_case_is_not_measured(
    change: dict[str, Any], refuse: Refuse, tmp_path: Path, model_folder: Path
) -> None:
    file = _lines(tmp_path / "bad.jsonl", {**CASE, **change})
    place = f"callbench: {file}:1: "
    assert refuse("run", file, "--model", model_folder, "--dialect", "gemma").startswith(place)
    replies = _lines(tmp_path / "replies.jsonl", {"id": "one", "text": "Ring."})
    assert refuse("judge", file, "--replies", replies).startswith(place)


def test_judge_prints_one_verdict_a_reply(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suite = _lines(tmp_path / "mine.jsonl", *({**CASE, "id": f"c{i}"} for i in range(5)))
    right, wrong = {"name": "ring", "arguments": {"times": 2}}, {"name": "ring", "arguments": {}}
    openai = {"type": "function", "function": {"name": "ring", "arguments": '{"times": 2}'}}
    replies = _lines(
        tmp_path / "replies.jsonl",
        {"id": "c1", "tool_calls": [right]},
        {"id": "c0", "text": f"<tool_call>{json.dumps(right)}</tool_call>"},
        {"id": "c2", "tool_calls": [openai]},
        {"id": "c3", "tool_calls": [wrong]},
    )
    assert main(["judge", str(suite), "--replies", str(replies)]) == 0
    out, err = capsys.readouterr()
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["id"] for row in rows] == ["c1", "c0", "c2", "c3"]
    assert [row["passed"] for row in rows] == [True, True, True, False]
    for row in rows:
        assert list(row) == ["id", "passed", "outcome", "failure", "reason", "mode"]
        assert row["mode"] == "strict"
        assert row["outcome"] == "call"
        assert row["reason"]
    assert [row["failure"] for row in rows] == [None, None, None, "missing_argument"]
    assert err == "3 of 4 replies passed; 1 cases have no reply (c4)\n"


def test_judge_reads_texts_in_the_dialect_named(output: Output, tmp_path: Path) -> None:
    suite = _lines(tmp_path / "mine.jsonl", CASE)
    text = "<start_function_call>call:ring{times:2}<end_function_call>"
    replies = _lines(tmp_path / "replies.jsonl", {"id": "one", "text": text})
    words = ["judge", suite, "--replies", replies]
    assert json.loads(output(*words, "--dialect", "functiongemma"))["passed"] is True
    assert json.loads(output(*words, "--dialect", "gemma"))["passed"] is False


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ({"id": "onne", "text": ""}, "there is no case 'onne'"),
        ({"text": "x"}, "a reply needs an id"),
        ([1], "a reply needs an id"),
        ({"id": "one"}, "a reply needs text or tool_calls"),
        ({"id": "one", "txt": "x"}, "txt: unknown field; did you mean 'text'?"),
        ({"id": "one", "text": 5}, "text: must be text"),
        ({"id": "one", "text": "x", "finish": "error"}, "finish: must be stop or length"),
        ({"id": "one", "tool_calls": {}}, "tool_calls: must be a list"),
        ({"id": "one", "tool_calls": [{}]}, "tool_calls.0: a call needs a name"),
        ({"id": "zero", "text": "x"}, "case 'zero' has two replies"),
    ],
)
def test_judge_refuses_a_broken_reply_with_its_line(
    reply: object, words: str, refuse: Refuse, tmp_path: Path
) -> None:
    suite = _lines(tmp_path / "mine.jsonl", CASE, {**CASE, "id": "zero"})
    replies = _lines(tmp_path / "replies.jsonl", {"id": "zero", "text": "x"}, reply)
    line = refuse("judge", suite, "--replies", replies)
    assert "replies.jsonl:2: " in line
    assert words in line
