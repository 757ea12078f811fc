"""Forms of a table: hostile text stays text, and one row stays one line."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.decide import compare
from bench.store import Run
from reports import (
    FORMATS,
    Table,
    comparison_data,
    comparison_tables,
    render,
    run_tables,
    summarise,
    summary_data,
)
from suites import Case

HOSTILE = {
    "bar": "a | b || c |",
    "escaped bar": "a \\| b \\\\| c",
    "newline": "first\nsecond\r\nthird\rfourth",
    "unicode newlines": "a\u2028b\u2029c\x85d\x0be\x0cf",
    "html": "<script>alert('x')</script><img src=x onerror=alert(1)>",
    "entity": "&lt;b&gt;",
    "ansi": "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b31m",
    "right to left": "abc\u202edcba\u202c \u2066x\u2069 \u200f",
    "equals": '=HYPERLINK("http://x.example","y")',
    "plus": "+1+cmd|' /C calc'!A0",
    "minus": "-2+3+cmd",
    "at": "@SUM(A1:A9)",
    "tab formula": "\t=1+1",
    "nul": "a\x00b",
    "surrogate": "a\ud800b",
    "escaped surrogate": "a\\ud800b",
    "markdown": "**bold** [link](http://x.example) `code` _it_ \\",
    "separator": "\x01",
    "rule": "-----",
    "quotes": "say \"hi\", then 'bye'",
}
CONTROL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)

Reply = Callable[[Case], str]
Measure = Callable[..., Run]


def _table(text: str) -> Table:
    return Table(title="T", head=["one", "two"], rows=[[text, "x"], ["last", "y"]], notes=["end"])


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_leaves_one_row_a_line_in_the_terminal(name: str) -> None:
    text = render([_table(HOSTILE[name])], "table")
    title, blank, head, rule, row, last, note = text.split("\n")[:-1]
    assert (title, blank, note.strip()) == ("T", "", "end")
    assert head.split() == ["one", "two"]
    assert set(rule) == {"-", " "}
    assert row.endswith("x")
    assert last.split() == ["last", "y"]
    assert not CONTROL.search(text)
    assert text.encode("utf-8")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_leaves_one_row_a_line_in_markdown(name: str) -> None:
    text = render([_table(HOSTILE[name])], "markdown")
    title, blank, head, rule, row, last, _, note = text.split("\n")[:-1]
    assert (title, blank, note) == ("### T", "", "end")
    for line in (head, rule, row, last):
        assert len(re.split(r"(?<!\\)(?:\\\\)*\|", line)) == 4, line
    assert not CONTROL.search(text)
    assert "<" not in row
    assert ">" not in row
    assert not re.search(r"(?<!\\)(?:\\\\)*[*_`\[\]]", row)
    assert text.encode("utf-8")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_leaves_one_row_a_line_in_csv(name: str) -> None:
    text = render([_table(HOSTILE[name])], "csv")
    assert len(text.split("\n")) == 4
    head, row, last = csv.reader(io.StringIO(text))
    assert (head, row[1], last) == (["one", "two"], "x", ["last", "y"])
    assert row[0][:1] not in ("=", "+", "@")
    assert not CONTROL.search(text)
    assert text.encode("utf-8")


@pytest.mark.parametrize("cell", ["=1", "+a", "-a", "@a", "-1+1", "=", "-"])
def test_csv_disarms_formulas(cell: str) -> None:
    assert list(csv.reader(io.StringIO(render([_table(cell)], "csv"))))[1][0] == f"'{cell}"


@pytest.mark.parametrize("cell", ["-1", "+3.5", "-12.5 %", "1e-3", "plain", "'=1", ""])
def test_csv_leaves_numbers_and_plain_text_as_they_are(cell: str) -> None:
    assert list(csv.reader(io.StringIO(render([_table(cell)], "csv"))))[1][0] == cell


@pytest.mark.parametrize("text", ["a|b", "<b>", "two\nlines", "\x1b[31m", "\u202e"])
def test_title_heads_and_notes_are_escaped_in_markdown(text: str) -> None:
    table = Table(title=text, head=[text, "two"], rows=[["1", "2"]], notes=[text])
    lines = render([table], "markdown").split("\n")[:-1]
    assert len(lines) == 7
    assert len(re.split(r"(?<!\\)\|", lines[2])) == 4
    assert not CONTROL.search("".join(lines))
    assert "<" not in "".join(lines)


@pytest.mark.parametrize("text", ["007", "1e5", "1,5", "12345678901234567890", "nan", "0x1F"])
def test_cells_that_look_like_numbers_keep_their_letters(text: str) -> None:
    for form in ("table", "markdown", "csv"):
        assert text in render([_table(text)], form)


def test_an_empty_table_still_has_its_heads() -> None:
    table = Table(title="T", head=["one", "two"], rows=[])
    for form in ("table", "markdown", "csv"):
        assert "one" in render([table], form)
        assert "two" in render([table], form)


def test_every_form_of_several_tables_ends_with_a_newline() -> None:
    tables = [_table("a"), _table("b")]
    for form in ("table", "markdown", "csv"):
        text = render(tables, form)
        assert text.endswith("\n")
        assert text.count("last") == 2
    assert set(FORMATS) == {"table", "markdown", "json", "csv"}


def test_hostile_replies_stay_one_row_a_case_in_the_tables_of_a_comparison(
    measure: Measure, gold: Reply
) -> None:
    texts = list(HOSTILE.values())
    hostile = measure(lambda case: texts[sum(map(ord, case.id)) % len(texts)], "call")
    found = compare(measure(gold, "call"), hostile)
    broken = next(t for t in comparison_tables(found) if t.title.startswith("broken"))
    assert len(broken.rows) == 12
    plain = render([broken], "table")
    assert plain.count("\n") == 2 + 2 + len(broken.rows)
    assert render([broken], "markdown").count("\n") == 2 + 2 + len(broken.rows)
    assert render([broken], "csv").count("\n") == 1 + len(broken.rows)
    for form in ("table", "markdown", "csv"):
        text = render([*comparison_tables(found), *run_tables([summarise(hostile)])], form)
        assert not CONTROL.search(text)
        assert "\x1b" not in text


def test_hostile_replies_and_case_ids_survive_json(
    measure: Measure, gold: Reply, tmp_path: Path
) -> None:
    texts = {f"<i>|=1\u202e{i}": text for i, text in enumerate(HOSTILE.values())}
    wanted = {"user": "Hi", "tools": [], "answer": {"facts": ["yes"]}, "reply": "yes"}
    rows = [{"id": name, **wanted, "user": f"Hi {name}"} for name in texts]
    file = tmp_path / "own.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    wrong = measure(lambda case: texts[case.id], str(file))
    found = compare(measure(gold, str(file)), wrong)
    for data in (summary_data(summarise(wrong)), comparison_data(found)):
        text = json.dumps(data)
        assert json.loads(text) == data
        assert text.isascii()
    assert {x["id"] for x in comparison_data(found)["broken"]} == set(texts)
    table = render(comparison_tables(found)[1:], "markdown")
    assert "<i>" not in table
    assert not CONTROL.search(table)
