"""Replies made elsewhere: texts and calls as data, and refusals with file, line and field."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.dialects import DIALECTS, Dialogue
from bench.errors import UsageError
from bench.replies import Judged, judge_replies
from bench.shots import finished
from suites import FailureMode, Outcome, SuiteError, select

OSLO = {"name": "get_weather", "arguments": {"city": "Oslo"}}


@pytest.fixture
def judged(tmp_path: Path, suite_file: Path) -> Any:
    """Judges lines (values, or raw text) as a file of replies to the suite `mine`."""

    def build(*lines: Any, dialect: str = "gemma") -> Judged:
        file = tmp_path / "replies.jsonl"
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        file.write_text("\n".join(texts) + "\n", encoding="utf-8")
        return judge_replies(str(suite_file), file, dialect)

    return build


def only(found: Judged) -> dict[str, Any]:
    (row,) = found.rows
    return row


@pytest.mark.parametrize(
    "calls",
    [
        [OSLO],
        [{"type": "function", "id": "c1", "function": OSLO}],
        [{"function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'}}],
        [{"name": "get_weather", "arguments": '{"city":"Oslo"}'}],
    ],
)
def test_calls_as_data_are_read_in_our_form_and_in_openai_s(judged: Any, calls: Any) -> None:
    assert only(judged({"id": "w0.call", "tool_calls": calls})) == {
        "id": "w0.call",
        "passed": True,
        "outcome": Outcome.CALL,
        "failure": None,
        "reason": only(judged({"id": "w0.call", "tool_calls": [OSLO]}))["reason"],
    }


@pytest.mark.parametrize(
    "arguments",
    ["{oops", "", "[1]", '"Oslo"', '{"city": NaN}', '{"city": 1, "city": 2}', ["Oslo"], None, 5],
)
def test_arguments_that_are_no_json_object_are_a_malformed_call(
    judged: Any, arguments: Any
) -> None:
    calls = [{"function": {"name": "get_weather", "arguments": arguments}}]
    row = only(judged({"id": "w0.call", "tool_calls": calls}))
    assert (row["passed"], row["outcome"], row["failure"]) == (
        False,
        Outcome.MALFORMED,
        FailureMode.MALFORMED_CALL,
    )


def test_a_malformed_call_is_never_a_right_decline(judged: Any) -> None:
    calls = [{"name": "get_weather", "arguments": "{oops"}]
    row = only(judged({"id": "w0.none", "text": "I cannot.", "tool_calls": calls}))
    assert (row["passed"], row["failure"]) == (False, FailureMode.MALFORMED_CALL)


def test_an_empty_list_of_calls_is_no_call(judged: Any) -> None:
    assert only(judged({"id": "w0.none", "text": "I cannot.", "tool_calls": []}))["passed"]
    assert not only(judged({"id": "w0.call", "text": "I cannot.", "tool_calls": []}))["passed"]


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_gold_texts_of_every_dialect_pass(judged: Any, suite_file: Path, dialect: str) -> None:
    cases = select([str(suite_file)]).parts[0].cases
    lines = []
    for case in cases:
        asked = Dialogue(tools=case.tools, messages=case.messages)
        before = DIALECTS[dialect].render([asked])
        after = DIALECTS[dialect].render([finished(case)])
        said = "".join(s.text for s in after)[len("".join(s.text for s in before)) :]
        lines.append({"id": case.id, "text": said})
    found = judged(*lines, dialect=dialect)
    assert [row["id"] for row in found.rows if row["passed"]] == [c.id for c in cases]
    assert found.missing == []


def test_rows_keep_the_order_of_the_file_and_missing_ids_are_named(
    judged: Any, suite_file: Path
) -> None:
    ids = [c.id for c in select([str(suite_file)]).parts[0].cases]
    found = judged({"id": ids[5], "text": "x"}, "", {"id": ids[2], "text": "x"})
    assert [row["id"] for row in found.rows] == [ids[5], ids[2]]
    assert found.missing == [i for i in ids if i not in (ids[5], ids[2])]


def test_a_text_cut_by_the_budget_is_truncated_not_wrong(judged: Any) -> None:
    text = '<tool_call>{"name":"get_weather"'
    row = only(judged({"id": "w0.call", "text": text, "finish": "length"}))
    assert row["failure"] == FailureMode.TRUNCATED


@pytest.mark.parametrize(
    ("line", "place", "known"),
    [
        ({"id": "w0.cal", "text": "x"}, "id: there is no case 'w0.cal'", "w0.call"),
        ({"id": "w0.call", "txt": "x"}, "txt: unknown field", "text"),
        ({"id": "w0.call"}, "a reply needs text or tool_calls", None),
        ({"text": "x"}, "id: a reply needs an id", None),
        ({"id": 5, "text": "x"}, "id: a reply needs an id", None),
        (["w0.call"], "id: a reply needs an id", None),
        ({"id": "w0.call", "text": 5}, "text: must be text", None),
        ({"id": "w0.call", "text": "x", "finish": "error"}, "finish: must be stop or", None),
        ({"id": "w0.call", "tool_calls": {}}, "tool_calls: must be a list", None),
        ({"id": "w0.call", "tool_calls": [OSLO, {}]}, "tool_calls.1: a call needs a name", None),
        ({"id": "w0.call", "tool_calls": ["x"]}, "tool_calls.0: a call needs a name", None),
        ('{"id": "w0.call", "text"', "broken JSON", None),
    ],
)
def test_a_line_that_is_no_reply_is_refused_with_its_place(
    judged: Any, line: Any, place: str, known: str | None
) -> None:
    with pytest.raises(SuiteError) as caught:
        judged({"id": "w1.call", "text": "x"}, "", line)
    assert f"replies.jsonl:3: {place}" in str(caught.value)
    assert known is None or known in caught.value.known


def test_a_second_reply_to_a_case_is_refused_with_its_line(judged: Any) -> None:
    with pytest.raises(SuiteError, match=r"replies\.jsonl:2: id: case 'w0\.call' has two replies"):
        judged({"id": "w0.call", "text": "x"}, {"id": "w0.call", "text": "y"})


def test_an_unknown_dialect_suite_or_file_is_refused(judged: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'gema'"):
        judged({"id": "w0.call", "text": "x"}, dialect="gema")
    with pytest.raises(SuiteError, match="'cal'"):
        judge_replies("cal", tmp_path / "none.jsonl", "gemma")
    with pytest.raises(SuiteError, match=r"none\.jsonl"):
        judge_replies("call", tmp_path / "none.jsonl", "gemma")
