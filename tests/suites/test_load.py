"""Suites from disk: what is read, and that every fault names its file, line and field."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suites import Suite, SuiteError, load_cases, load_suite
from suites.load import splits_of

Write = Callable[..., Path]
OK = "- {id: a, user: Hi., no_call: answer, reply: Hi.}\n"
TABLE: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "tables" / "load_errors.json").read_text(encoding="utf-8")
)


def _fault(load: Callable[[], Any]) -> SuiteError:
    with pytest.raises(SuiteError) as caught:
        load()
    text = str(caught.value)
    assert "\n" not in text, "one line"
    assert caught.value.file is not None
    assert text.startswith(caught.value.file), "its place comes first"
    return caught.value


def _in_place(fault: SuiteError, row: dict[str, Any]) -> None:
    """The line (or one of a range: the case's own lines), and the field or the end of its path."""
    if isinstance(row["line"], list):
        first, last = row["line"]
        assert fault.line in range(first, last + 1)
    else:
        assert fault.line == row["line"]
    if row["field"] is not None:
        assert f".{fault.field}".endswith(f".{row['field']}")


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row["law"])
def test_fault_names_file_line_and_field(write_suite: Write, row: dict[str, Any]) -> None:
    file = row.get("file", "dev.yaml")
    text = "".join(f"{line}\n" for line in row["text"])
    folder = write_suite(text, file=file, **({"about": row["about"]} if "about" in row else {}))
    fault = _fault(lambda: load_suite(folder))
    at = "" if row.get("at") == "folder" else row.get("at", file)
    assert Path(str(fault.file)) == folder / at
    _in_place(fault, row)
    assert row["word"] in fault.message
    assert set(row.get("known", [])) <= set(fault.known)


def test_file_that_is_not_utf_8_is_named(write_suite: Write) -> None:
    folder = write_suite(OK)
    (folder / "dev.yaml").write_bytes(b"- {user: caf\xe9}\n")
    fault = _fault(lambda: load_suite(folder))
    assert fault.file == str(folder / "dev.yaml")
    assert "UTF-8" in fault.message


def test_suite_yaml_that_is_not_utf_8_is_named(write_suite: Write) -> None:
    folder = write_suite(OK)
    (folder / "suite.yaml").write_bytes(b"\xff\xfe")
    assert _fault(lambda: load_suite(folder)).file == str(folder / "suite.yaml")


def test_json_that_is_nested_too_deeply_is_named_with_its_line(write_suite: Write) -> None:
    folder = write_suite("\n" + "[" * 100_000, file="dev.jsonl")
    fault = _fault(lambda: load_suite(folder))
    assert fault.line == 2
    assert "deep" in fault.message


def test_folder_without_suite_yaml_is_no_suite(tmp_path: Path) -> None:
    assert "suite.yaml" in _fault(lambda: load_suite(tmp_path)).message


def test_missing_split_is_named_with_the_splits_there_are(write_suite: Write) -> None:
    folder = write_suite(OK)
    assert "dev" in _fault(lambda: load_suite(folder, "test")).message
    (folder / "dev.yaml").unlink()
    assert "no cases at all" in _fault(lambda: load_suite(folder)).message


def test_single_file_has_no_test_split(write_suite: Write) -> None:
    file = write_suite(OK) / "dev.yaml"
    assert load_suite(file).split == "dev"
    assert "test" in _fault(lambda: load_suite(file, "test")).message


def test_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    fault = _fault(lambda: load_cases(tmp_path / "none.yaml"))
    assert "cannot be read" in fault.message


def test_case_files_of_a_split_are_read_together(write_suite: Write) -> None:
    """`dev.yaml`, `dev.jsonl` and every case file in `dev/` make up the dev split; `test` is apart."""
    for i, file in enumerate(["dev.yaml", "dev.jsonl", "dev/x.yml", "dev/y.jsonl", "test.yaml"]):
        case = {"id": f"case-{i}", "user": "Hi.", "no_call": "answer", "reply": "Hi."}
        folder = write_suite(json.dumps([case]), file=file)
        if file.endswith(".jsonl"):
            (folder / file).write_text(json.dumps(case) + "\n\n", encoding="utf-8")
    (folder / "dev" / "README.md").write_text("no case file", encoding="utf-8")
    assert sorted(c.id for c in load_suite(folder).cases) == [f"case-{i}" for i in range(4)]
    assert [c.id for c in load_suite(folder, "test").cases] == ["case-4"]
    assert splits_of(folder) == ("dev", "test")


def test_ids_and_groups_default_to_file_and_position(write_suite: Write) -> None:
    folder = write_suite("- {user: a, reply: b}\n- {user: c, reply: d, group: g}\n", "dev/few.yaml")
    assert [(c.id, c.group) for c in load_suite(folder).cases] == [
        ("few-001", "few-001"),
        ("few-002", "g"),
    ]


def test_yaml_traps_stay_text_in_a_case(write_suite: Write) -> None:
    text = (
        "- user: on\n  system: 2026-03-05\n  tools: []\n  expect:\n"
        "    function_call: {name: f, arguments: {country: no, day: 2026-03-05, code: 0123, at: 12:30}}\n"
    )
    (case,) = load_suite(write_suite(text)).cases
    assert [m.content for m in case.messages] == ["2026-03-05", "on"]
    gold = case.expectation.calls[0].gold().arguments
    assert gold == {"country": "no", "day": "2026-03-05", "code": "0123", "at": "12:30"}


def test_no_code_in_yaml_is_ever_run(write_suite: Write, tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    path = f"!!python/object/apply:pathlib.Path ['{touched}']"
    text = f"- user: !!python/object/apply:pathlib.Path.touch [{path}]\n"
    fault = _fault(lambda: load_suite(write_suite(text)))
    assert "is not data" in fault.message
    assert not touched.exists()


AWKWARD: list[Any] = [None, True, 0, 1.5, "", "text", [], {}, [1], [{}], [[]], {"x": 1}, -1]
FULL = {
    "id": "a",
    "group": "g",
    "category": "c",
    "tags": ["t"],
    "note": "n",
    "tools": [{"name": "f", "description": "d", "parameters": {"x": "integer"}}],
    "system": "s",
    "history": [{"user": "u"}, {"model": {"function_call": {"name": "f"}}, "tool": 1}],
    "user": "u",
    "thought": "t",
    "model": {"function_call": {"name": "f", "arguments": {"x": 1}}},
    "tool": {"y": 2},
    "answer": {"facts": [2], "absent": [[3, "three"]]},
    "no_call": "answer",
    "words": ["two"],
    "injected": ["f"],
    "reply": "2",
}


@pytest.mark.parametrize("key", FULL)
def test_field_of_any_type_gives_a_case_or_a_fault_with_its_place(
    write_lines: Callable[..., Path], key: str
) -> None:
    assert load_cases(write_lines(FULL) / "dev.jsonl")
    for value in AWKWARD:
        file = write_lines({**FULL, key: value}) / "dev.jsonl"
        fault = _fault_or_none(lambda file=file: load_cases(file))
        if fault is not None:
            assert (fault.file, fault.line) == (str(file), 1)


def _fault_or_none(load: Callable[[], Any]) -> SuiteError | None:
    try:
        load()
    except SuiteError as error:
        return error
    return None


# --- the content hash --------------------------------------------------------------------------------

CASES = [
    {"id": "a", "user": "Hi.", "no_call": "answer", "reply": "Hi."},
    {"id": "b", "user": "x", "expect": {"function_call": {"name": "f", "arguments": {"n": 1}}}},
]


def test_order_of_cases_does_not_change_the_hash(suite_of: Callable[..., Suite]) -> None:
    assert suite_of(*CASES).hash == suite_of(*CASES[::-1]).hash


@pytest.mark.parametrize(
    "edit",
    [
        {"user": "Hi!"},
        {"id": "c"},
        {"group": "g"},
        {"category": "c"},
        {"tags": ["t"]},
        {"note": "n"},
        {"system": "s"},
        {"reply": "Ho."},
        {"no_call": "ask"},
        {"words": ["w"]},
        {"injected": ["f"]},
        {"answer": {"facts": ["Hi"]}},
        {"tools": [{"name": "f"}]},
    ],
    ids=str,
)
def test_any_edit_changes_the_hash(suite_of: Callable[..., Suite], edit: dict[str, Any]) -> None:
    assert suite_of({**CASES[0], **edit}, CASES[1]).hash != suite_of(*CASES).hash


@pytest.mark.parametrize("value", [1.0, True, "1", 2, None, [1]], ids=repr)
def test_type_of_a_value_is_part_of_the_hash(suite_of: Callable[..., Suite], value: Any) -> None:
    other = {**CASES[1], "expect": {"function_call": {"name": "f", "arguments": {"n": value}}}}
    assert suite_of(CASES[0], other).hash != suite_of(*CASES).hash


def test_fewer_cases_another_name_version_or_split_change_the_hash(
    suite_of: Callable[..., Suite],
) -> None:
    suite = suite_of(*CASES)
    same = {"name": suite.name, "version": suite.version, "split": suite.split}
    others: list[dict[str, Any]] = [{"name": "x"}, {"version": "2"}, {"split": "test"}]
    hashes = {Suite(cases=suite.cases, **{**same, **edit}).hash for edit in others}
    hashes.add(suite_of(CASES[0]).hash)
    assert len(hashes | {suite.hash}) == 5


def test_comments_blanks_and_quoting_do_not_change_the_hash(write_suite: Write) -> None:
    first = load_suite(write_suite(OK)).hash
    text = '# greeting\n- id: a\n  user: "Hi."\n  no_call: answer\n\n  reply: Hi.\n'
    assert load_suite(write_suite(text)).hash == first
