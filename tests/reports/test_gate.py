"""What the gate writes: tables, JSON, JUnit and a CI summary agree with the result, whatever a model says."""

import datetime as dt
import json
import re
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from bench.gate import Acknowledged, GateResult, Rules, gate
from reports import render
from reports.gate import SUMMARY_BYTES, gate_data, gate_tables, headline, step_summary
from reports.junit import junit
from tests.made_runs import CANDIDATE, lost_record, made_record, made_run, rows, two_runs

CALL = rows("call", 100, categories=("direct", "negated"))
FALL = CALL[:24:2]
TODAY = dt.date(2026, 11, 26)
HOSTILE = (
    "\x00\x07\x1b[31mred\x1b[0m \u202e \ud800 ]]> <![CDATA[ </failure></testcase> & \ufffe\uffff "
    "| a | b |\n# head\n<script>alert(1)</script> [x](http://evil.example) ![i](https://evil.example/i) "
    "@everyone www.evil.example $x$ ~~gone~~ `code` **bold** \U0001f600"
)


def _gate(*runs: Any, force: bool = False, **rules: Any) -> GateResult:
    return gate(*runs, Rules(**rules), today=TODAY, force=force)


def _results() -> dict[str, GateResult]:
    taken = Acknowledged(
        reason=HOSTILE, expires=dt.date(2026, 12, 1), suite="call", category="direct"
    )
    late = Acknowledged(reason="later", expires=dt.date(2026, 1, 1), suite="call")
    first, second = two_runs(CALL, FALL)
    lost = made_run(
        [lost_record(CALL[9]), *[r for r in first.records if r.id != "c9"]], **CANDIDATE
    )
    return {
        "passed": _gate(*two_runs(CALL)),
        "failed": _gate(first, second, must_pass=("call:c0", "call:c1")),
        "acknowledged": _gate(first, second, acknowledged=(taken, late)),
        "forced": _gate(*two_runs(CALL, shots=3), force=True),
        "incomplete": _gate(first, lost),
    }


RESULTS = _results()


@pytest.mark.parametrize("name", RESULTS)
def test_junit_fails_exactly_where_the_gate_does(name: str) -> None:
    result = RESULTS[name]
    root = ET.fromstring(junit(result))
    tests = root.findall(".//testcase")
    failing = {t.get("name") for t in tests if t.find("failure") is not None}
    assert failing == {f.name for f in result.failures}
    skipped = {t.get("name") for t in tests if t.find("skipped") is not None}
    assert skipped == {f.name for f in result.findings if not f.fails}
    erring = [t.get("name") for t in tests if t.find("error") is not None]
    assert len(erring) == sum(map(len, result.errors))
    for suite in [root, *root.findall("testsuite")]:
        for what, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.get(what) == str(len(suite.findall(f".//{tag}")))
        assert suite.get("tests") == str(len(suite.findall(".//testcase")))
    names = {t.get("name") for t in tests}
    assert names >= {x.name for x in result.comparison.lines} | {p.name for p in result.checked}
    assert (root.get("failures") != "0") == (result.status == "failed")


@pytest.mark.parametrize("name", RESULTS)
def test_the_headline_says_the_status_and_the_data_agree(name: str) -> None:
    result = RESULTS[name]
    word = {"passed": "PASS", "failed": "FAIL", "incomplete": "INCOMPLETE"}[result.status]
    assert headline(result).startswith(f"{word}: tuned")
    assert ("FORCED" in headline(result)) == (name == "forced")
    tables = gate_tables(result)
    assert tables[0].title == headline(result)
    data = gate_data(result)
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    assert json.dumps(data).encode("ascii")
    assert data["status"] == result.status
    assert [f["name"] for f in data["findings"] if f["fails"]] == [f.name for f in result.failures]
    marked = [row[-1] for row in tables[0].rows]
    assert marked.count("FAIL") + marked.count("FAIL (acknowledgement expired)") == sum(
        f.line is not None for f in result.failures
    )


def test_acknowledged_lines_show_their_state() -> None:
    rows_ = {tuple(r[:2]): r[-1] for r in gate_tables(RESULTS["acknowledged"])[0].rows}
    assert rows_["call", "direct"] == "acknowledged"
    assert rows_["call", ""] == "FAIL (acknowledgement expired)"
    assert rows_["call", "negated"] == ""
    root = ET.fromstring(junit(RESULTS["acknowledged"]))
    (message,) = [f.get("message") for f in root.findall(".//testcase[@name='call']/failure")]
    assert message is not None
    assert message.endswith("(acknowledged until 2026-01-01: expired)")


@pytest.fixture
def hostile() -> GateResult:
    """A candidate whose wrong replies, and their reasons, are as bad as text can be."""
    first, _ = two_runs(CALL, FALL)
    said = [made_record(r, False, HOSTILE) if r in FALL else made_record(r, True) for r in CALL]
    entry = Acknowledged(reason=HOSTILE, expires=dt.date(2026, 1, 1), suite="all")
    return _gate(
        first,
        made_run(said, **{**CANDIDATE, "target": "<b>tuned|x</b>"}),
        must_pass=("call:*",),
        acknowledged=(entry,),
    )


def test_hostile_text_leaves_xml_that_can_be_read(hostile: GateResult) -> None:
    text = junit(hostile)
    root = ET.fromstring(text.encode("utf-8"))
    failure = root.find(".//testcase[@name='call:c0']/failure")
    assert failure is not None
    assert failure.text is not None
    assert "</failure></testcase>" in failure.text
    assert "]]>" in failure.text
    assert "\\ud800" in failure.text
    assert not re.search(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]", text)
    assert "]]>" not in text
    assert len(root.findall(".//failure")) == len(hostile.failures)


def test_hostile_text_cannot_leave_its_cell_in_a_summary(hostile: GateResult) -> None:
    text = step_summary(hostile)
    for word in (
        "<script",
        "<b>",
        "://",
        "@everyone",
        "www.",
        "~~",
        "$x",
        "\x1b",
        "\x00",
        "\u202e",
    ):
        assert word not in text
    assert not re.search(r"(?<!\\)\]\(", text)
    for line in text.splitlines():
        assert not line.startswith("#") or line.startswith("### ")
    head, *rest = [x for x in text.splitlines() if x.startswith("|")]
    columns = len(re.split(r"(?<!\\)\|", head))
    body = [len(re.split(r"(?<!\\)\|", x)) for x in rest[: len(hostile.comparison.lines) + 1]]
    assert set(body) == {columns}


@pytest.mark.parametrize("form", ["table", "markdown", "csv"])
def test_hostile_text_is_tamed_in_every_form_and_in_json(hostile: GateResult, form: str) -> None:
    text = render(gate_tables(hostile), form)
    text.encode("utf-8")
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert json.dumps(gate_data(hostile)).isascii()
    assert "\ud800" not in json.loads(json.dumps(gate_data(hostile)))["findings"][0]["text"]


def test_a_summary_keeps_its_limit_and_says_so() -> None:
    many = [(f"suite{i}-{'x' * 900}", "", "g", "c") for i in range(600)]
    result = _gate(*two_runs(many))
    text = step_summary(result)
    assert SUMMARY_BYTES - 20_000 < len(text.encode()) <= SUMMARY_BYTES < 1024 * 1024
    assert text.startswith("### PASS")
    assert text.endswith("The rest is left out: callbench gate shows it.\n")


def test_long_replies_are_cut_in_tables_and_junit() -> None:
    first, _ = two_runs(CALL, FALL)
    said = [made_record(r, r not in FALL, "word " * 40_000 if r in FALL else "") for r in CALL]
    result = _gate(first, made_run(said, **CANDIDATE), must_pass=("call:*",))
    assert len(result.failures) > 10
    assert len(junit(result)) < 100_000
    assert len(step_summary(result)) < 30_000
    assert len(json.dumps(gate_data(result))) < 4_000_000
