"""Replies to an imported BFCL: the official verdict, ours beside it, and what they disagree on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.cli import main
from bench.errors import UsageError
from bench.replies import Judged, judge_replies
from suites import BASELINES, FailureMode, Outcome, select
from suites.bfcl import check_text
from suites.catalogue import imported_folder
from suites.importers.bfcl import read
from suites.importers.write import import_suite
from tests.mini_bfcl import ITEMS, write_folder

Judge = Callable[..., Judged]
AREA: dict[str, Any] = {"name": "geometry.area", "arguments": {"base": 10, "height": 5}}
PLACE: dict[str, Any] = {
    "point": [1.5, 2.0],
    "scale": 2.0,
    "label": "home",
    "options": {"colour": "blue"},
    "tags": ["b", "a"],
}
CAUGHT = (FailureMode.MALFORMED_CALL, Outcome.MALFORMED)
MISSED = (FailureMode.MISSED_CALL, Outcome.ANSWER)


@pytest.fixture(autouse=True)
def bfcl(tmp_path: Path) -> None:
    """The miniature BFCL, imported into the home of this test."""
    import_suite("bfcl", str(write_folder(tmp_path / "data")), read, "bfcl", imported_folder())


@pytest.fixture
def judged(tmp_path: Path) -> Judge:
    """Judges values as a file of replies."""

    def build(*lines: Any, suite: str = "bfcl", mode: str = "bfcl", **more: Any) -> Judged:
        file = tmp_path / "replies.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return judge_replies(suite, file, mode=mode, **more)

    return build


@pytest.mark.parametrize(
    ("name", "text", "official", "strict"),
    [
        ("simple_python_0", "[geometry.area(base=10, height=5)]", None, None),
        ("simple_python_0", "```\ngeometry.area(base=10, height=5, unit='Units')\n```", None, None),
        (
            "simple_python_0",
            "[geometry.area(10, 5)]",
            "simple_function_checker:missing_required",
            (FailureMode.MISSING_ARGUMENT, Outcome.CALL),
        ),
        (
            "simple_python_0",
            "[geometry.area(base=10, height=6)]",
            "value_error:others",
            (FailureMode.WRONG_VALUE, Outcome.CALL),
        ),
        (
            "simple_python_0",
            "[geometry_area(base=10, height=5)]",
            "simple_function_checker:wrong_func_name",
            (FailureMode.INVENTED_TOOL, Outcome.CALL),
        ),
        ("simple_python_0", "[geometry.area(base=10,", "ast_decoder:decoder_failed", CAUGHT),
        ("simple_python_0", "", "simple_function_checker:wrong_count", MISSED),
        ("simple_python_0", "[]", "simple_function_checker:wrong_count", MISSED),
        ("simple_python_0", "abc", "ast_decoder:decoder_failed", MISSED),
        (
            "simple_python_0",
            "Which unit would you like?",
            "ast_decoder:decoder_failed",
            (FailureMode.ASKED_NEEDLESSLY, Outcome.ANSWER),
        ),
        ("simple_python_0", json.dumps(AREA), "ast_decoder:decoder_failed", CAUGHT),
        ("simple_python_0", json.dumps([AREA]), "ast_decoder:decoder_failed", CAUGHT),
        (
            "simple_python_0",
            "[geometry.area(base=len('abc') + 7, height=5)]",
            "ast_decoder:decoder_failed",
            CAUGHT,
        ),
        ("simple_python_0", "[geometry.area(base=5 + 5, height=5)]", None, None),
        (
            "simple_python_0",
            "[geometry.area(base={1, 2}, height=5)]",
            "ast_decoder:decoder_failed",
            CAUGHT,
        ),
        ("irrelevance_0", "[get_weather(", None, CAUGHT),
        (
            "irrelevance_0",
            "[get_weather(city=open('x').read() + '!')]",
            "irrelevance_error:decoder_success",
            CAUGHT,
        ),
        (
            "irrelevance_0",
            "[get_weather(city='Oslo')]",
            "irrelevance_error:decoder_success",
            (FailureMode.NEEDLESS_CALL, Outcome.CALL),
        ),
        ("irrelevance_0", "I have no tool that solves equations.", None, None),
        ("live_relevance_1-1-0", "[set_timer(minutes=30)]", None, None),
        (
            "live_relevance_1-1-0",
            "[set_timer(minutes=3)]",
            None,
            (FailureMode.SCHEMA_VIOLATION, Outcome.CALL),
        ),
        ("live_relevance_1-1-0", "I cannot.", "relevance_error:decoder_failed", MISSED),
        ("parallel_0", "[get_weather(city='Graz'), get_weather(city='oslo')]", None, None),
        ("simple_java_1", "[Scale.by(ratio=0.5)]", None, None),
        ("simple_java_1", "I can't scale (yet).", "ast_decoder:decoder_failed", MISSED),
        ("simple_java_1", "abc", "ast_decoder:decoder_failed", MISSED),
        ("simple_java_1", "[Scale.by(ratio=0.5", "ast_decoder:decoder_failed", CAUGHT),
        ("simple_javascript_1", 'validate(field="other", done=false)', None, None),
        ("simple_javascript_1", "Sorry: no way.", "ast_decoder:decoder_failed", MISSED),
    ],
)
def test_a_text_in_bfcl_s_notation_has_both_verdicts(
    judged: Judge,
    name: str,
    text: str,
    official: str | None,
    strict: tuple[FailureMode, Outcome] | None,
) -> None:
    (row,) = judged({"id": name, "text": text}).rows
    assert (row["passed"], row["failure"]) == (official is None, official)
    ours = row["strict"]
    assert ours["passed"] is (strict is None)
    if strict is not None:
        assert (ours["failure"], ours["outcome"]) == strict
    assert judged({"id": name, "text": text}, mode="strict").rows == [{"id": name, **ours}]


def test_the_official_verdict_on_texts_is_that_of_the_checker(judged: Judge) -> None:
    texts = ["", "[]", "abc", "f(x=1)", "[f(", "set_timer(minutes=9)", "[get_weather(city='Oslo')]"]
    for category, items in ITEMS.items():
        for row, gold in items[:2]:
            for text in texts:
                expected = check_text(row["function"], text, gold or [], category)
                (found,) = judged({"id": row["id"], "text": text}).rows
                assert (found["passed"], found["failure"]) == (expected.valid, expected.error_type)


@pytest.mark.parametrize(
    ("calls", "official", "strict"),
    [
        ([AREA], None, None),
        ([{"type": "function", "function": {**AREA, "arguments": json.dumps(AREA["arguments"])}}],
         None, None),
        ([AREA, AREA], "simple_function_checker:wrong_count", FailureMode.REPEATED_CALL),
        ([{**AREA, "arguments": {"base": 10.0, "height": 5}}], "type_error:simple", None),
        ([{**AREA, "arguments": "{oops"}], "ast_decoder:decoder_failed", FailureMode.MALFORMED_CALL),
        ([{**AREA, "arguments": [1]}], "ast_decoder:decoder_failed", FailureMode.MALFORMED_CALL),
        ([], "ast_decoder:decoder_failed", FailureMode.MISSED_CALL),
    ],
)  # fmt: skip
def test_calls_as_data_have_both_verdicts(
    judged: Judge, calls: list[Any], official: str | None, strict: FailureMode | None
) -> None:
    (row,) = judged({"id": "simple_python_0", "tool_calls": calls}).rows
    assert (row["passed"], row["failure"]) == (official is None, official)
    assert (row["strict"]["passed"], row["strict"]["failure"]) == (strict is None, strict)


def test_a_reply_on_which_the_official_checker_raises_is_marked(judged: Judge) -> None:
    arguments = {**PLACE, "shapes": [5, 6]}
    reply = {"id": "simple_python_1", "tool_calls": [{"name": "place", "arguments": arguments}]}
    (row,) = judged(reply).rows
    assert (row["passed"], row["failure"], row["crashed"]) == (False, "AttributeError", True)
    assert row["reason"].startswith("the official checker raises AttributeError: ")
    assert row["strict"]["failure"] == FailureMode.WRONG_TYPE
    sound = {"id": "simple_python_1", "tool_calls": [{"name": "place", "arguments": PLACE}]}
    (row,) = judged(sound).rows
    assert row["passed"]
    assert row["strict"]["passed"]
    assert "crashed" not in row


def test_what_the_modes_disagree_on_is_listed(judged: Judge) -> None:
    found = judged(
        {"id": "simple_python_0", "text": "[geometry.area(base=10, height=5)]"},
        {"id": "irrelevance_0", "text": "[get_weather("},
        {"id": "simple_python_1", "text": "abc"},
        {"id": "multiple_0", "text": "[get_weather(city='o.s.l.o')]"},
        {"id": "multiple_1", "tool_calls": [{"name": "set_timer", "arguments": {"minutes": 9.0}}]},
    )
    assert [row["id"] for row in found.flips] == ["irrelevance_0", "multiple_0", "multiple_1"]
    assert [row["passed"] for row in found.flips] == [True, True, False]
    assert judged({"id": "multiple_1", "text": "abc"}, mode="strict").flips == []


def test_excluded_cases_carry_their_reasons(judged: Judge) -> None:
    for mode in ("bfcl", "strict"):
        rows = judged(
            {"id": "live_simple_70-34-0", "text": "[get_weather(city='Oslo', unit=7)]"},
            {"id": "live_simple_0-0-0", "text": "[get_weather(city='Oslo')]"},
            mode=mode,
        ).rows
        assert set(rows[0]["excluded"]) == {"enum", "type"}
        assert "excluded" not in rows[1]
        assert rows[0]["passed"] is (mode == "bfcl")


def test_gold_replies_pass_both_modes_but_where_they_are_excluded(judged: Judge) -> None:
    cases = select(["bfcl"]).parts[0].cases
    replies = []
    for case in cases:
        gold = BASELINES["gold"](case)
        calls = [c.model_dump(mode="json") for c in gold.calls]
        replies.append({"id": case.id, "text": gold.text, "tool_calls": calls})
    found = judged(*replies)
    assert found.missing == []
    for row in found.rows:
        if "excluded" not in row:
            assert row["passed"]
            assert row["strict"]["passed"]


def test_dialects_of_texts(judged: Judge) -> None:
    tagged = f"<tool_call>{json.dumps(AREA)}</tool_call>"
    reply = {"id": "simple_python_0", "text": tagged}
    assert not judged(reply).rows[0]["passed"]
    for mode in ("bfcl", "strict"):
        (row,) = judged(reply, dialect_name="gemma", mode=mode).rows
        assert row["passed"]
    with pytest.raises(UsageError, match="there is no dialect 'bfc'") as caught:
        judged(reply, dialect_name="bfc")
    assert "bfcl" in caught.value.known
    assert "gemma" in caught.value.known


def test_bfcl_s_notation_can_be_read_for_a_suite_of_ones_own(
    tmp_path: Path, suite_file: Path
) -> None:
    file = tmp_path / "r.jsonl"
    file.write_text('{"id": "w0.call", "text": "[get_weather(city=\\"Oslo\\")]"}\n')
    (row,) = judge_replies(str(suite_file), file, "bfcl").rows
    assert row["passed"]
    with pytest.raises(UsageError, match="--mode bfcl needs an imported BFCL suite"):
        judge_replies(str(suite_file), file, mode="bfcl")
    with pytest.raises(UsageError, match="--mode bfcl needs an imported BFCL suite"):
        judge_replies("smoke", file, mode="bfcl")


# --- the command --------------------------------------------------------------------------------------


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs `judge`; (exit code, rows on stdout, lines on stderr)."""

    def call(*words: str, lines: list[Any]) -> tuple[int, list[dict[str, Any]], list[str]]:
        file = tmp_path / "replies.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        code = main(["judge", *words, "--replies", str(file)])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, [json.loads(line) for line in out.splitlines()], err.splitlines()

    return call


def test_judge_prints_rows_on_stdout_and_flips_with_reasons_on_stderr(command: Any) -> None:
    code, rows, notes = command(
        "bfcl/live_simple",
        "--mode",
        "bfcl",
        lines=[
            {"id": "live_simple_0-0-0", "text": "[get_weather(city='O-s-l-o')]"},
            {"id": "live_simple_1-0-1", "text": "[get_weather(city='Graz')]"},
            {"id": "live_simple_70-34-0", "text": "[get_weather(city='Oslo', unit=7)]"},
            {"id": "live_simple_30-8-0", "text": "abc"},
        ],
    )
    assert code == 0
    assert [row["mode"] for row in rows] == ["bfcl"] * 4
    assert [row["passed"] for row in rows] == [True, True, True, False]
    assert notes[0].startswith("3 of 4 replies passed; 2 cases have no reply (")
    assert notes[1] == ("audited (without excluded cases): 2 of 2 by BFCL's rules, 1 by strict")
    assert notes[2] == "the verdicts differ on 2 replies:"
    assert notes[3].startswith("  live_simple_0-0-0: bfcl passes, strict wrong_value: ")
    assert notes[4].startswith("  live_simple_70-34-0: bfcl passes, strict ")
    assert notes[4].endswith("[excluded: enum, type]")
    assert len(notes) == 5


def test_judge_in_strict_mode_says_nothing_of_bfcl(command: Any) -> None:
    lines = [
        {"id": "multiple_1", "tool_calls": [{"name": "set_timer", "arguments": {"minutes": 9.0}}]}
    ]
    code, rows, notes = command("bfcl/multiple", lines=lines)
    assert (code, len(notes)) == (0, 1)
    assert [(row["mode"], row["passed"]) for row in rows] == [("strict", True)]
    assert "strict" not in rows[0]
    _, _, notes = command("bfcl/multiple", "--mode", "bfcl", lines=lines)
    assert notes[-1].startswith("  multiple_1: strict passes, bfcl type_error:simple: ")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["bfcl/multipel", "--mode", "bfcl"], "did you mean 'bfcl/multiple'?"),
        (["call", "--mode", "bfcl"], "--mode bfcl needs an imported BFCL suite"),
        (["bfcl", "--mode", "bfcl"], "replies.jsonl:1: id: there is no case 'x'"),
        (["bfcl", "--mode", "official"], "invalid choice: 'official'"),
    ],
)
def test_judge_refuses_with_one_line(command: Any, words: list[str], text: str) -> None:
    code, rows, notes = command(*words, lines=[{"id": "x", "text": "y"}])
    assert (code, rows, len(notes)) == (2, [], 1)
    assert text in notes[0]
