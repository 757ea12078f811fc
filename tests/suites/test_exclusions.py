"""Exclusion lists: read strictly, applied by id, and part of what the suite's hash covers."""

from collections.abc import Callable
from pathlib import Path

import pytest

from suites.errors import SuiteError
from suites.exclusions import apply_exclusions, read_exclusions
from suites.load import load_suite

Write = Callable[..., Path]
LETTERS = "".join(f"- {{id: {i}, user: {i}, no_call: answer, reply: ok}}\n" for i in "abc")
LIST = """version: "1"
about: Why.
reasons:
  odd:
    about: It is odd.
    ids: [c, a]
  long:
    about: It is long.
    ids: [a]
"""


@pytest.fixture
def excluding(write_suite: Write) -> Callable[[str], Path]:
    """A suite of the cases a, b, c with this exclusion list."""

    def write(text: str) -> Path:
        folder = write_suite(LETTERS)
        (folder / "exclude.yaml").write_text(text, encoding="utf-8")
        return folder

    return write


def test_listed_cases_are_marked_with_all_their_reasons(
    excluding: Callable[[str], Path],
) -> None:
    cases = load_suite(excluding(LIST)).cases
    assert {c.id: c.excluded for c in cases} == {"a": ("odd", "long"), "b": (), "c": ("odd",)}
    assert [c.id for c in cases] == ["a", "b", "c"]


def test_the_list_is_read_with_version_and_reasons(excluding: Callable[[str], Path]) -> None:
    assert read_exclusions(excluding(LIST) / "exclude.yaml") == (
        "1",
        {"odd": ("It is odd.", ("c", "a")), "long": ("It is long.", ("a",))},
    )


def test_the_hash_of_a_suite_covers_what_is_excluded(excluding: Callable[[str], Path]) -> None:
    hashes = [
        load_suite(excluding(text)).hash
        for text in (LIST, LIST.replace("[c, a]", "[c]"), LIST.replace("odd:", "new:"))
    ]
    assert len(set(hashes)) == 3


def test_a_list_may_name_cases_of_the_other_split(excluding: Callable[[str], Path]) -> None:
    folder = excluding(LIST.replace("[c, a]", "[c, t]"))
    (folder / "test.yaml").write_text("- {id: t, user: t, reply: ok}\n", encoding="utf-8")
    assert [c.excluded for c in load_suite(folder, "test").cases] == [("odd",)]
    assert [c.excluded for c in load_suite(folder).cases] == [("long",), (), ("odd",)]


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("[c, a]", "[c, d]", "excludes 'd', which is no case"),
        ("[c, a]", "[c, c]", r"exclude\.yaml:6: reasons\.odd\.ids\.1: 'c' stands twice"),
        ("[c, a]", "[c, 5]", r"exclude\.yaml:6: reasons\.odd\.ids: must be a list of case ids"),
        ("[c, a]", "c", r"reasons\.odd\.ids: must be a list of case ids"),
        ("about: It is odd.", "about: ''", r"exclude\.yaml:5: reasons\.odd\.about: says nothing"),
        ("about: It is odd.", "why: no", r"exclude\.yaml:4: reasons\.odd: must hold about and ids"),
        ("  odd:\n", "  odd: 5\n  other:\n", r"exclude\.yaml:4: reasons\.odd: must hold"),
        ("  long:", "  odd:", "'odd' stands twice"),
        ('"1"', "1", r"exclude\.yaml:1: version: must be text"),
        ('version: "1"\n', "", r"exclude\.yaml:1: version: must be text"),
        ("about: Why.", "why: x", r"exclude\.yaml:2: why: unknown field"),
        (LIST[LIST.index("reasons") :], "reasons: []", r"exclude\.yaml:3: reasons: must map"),
        (LIST, "[]", "must be a mapping with version and reasons"),
        (LIST, "", "must be a mapping with version and reasons"),
        (LIST, "a: [", "broken YAML"),
    ],
)
def test_a_list_of_another_form_is_refused_with_its_place(
    excluding: Callable[[str], Path], old: str, new: str, text: str
) -> None:
    assert old in LIST
    with pytest.raises(SuiteError, match=text) as caught:
        load_suite(excluding(LIST.replace(old, new)))
    assert "\n" not in str(caught.value)


def test_an_unknown_id_comes_with_the_known_ones(excluding: Callable[[str], Path]) -> None:
    folder = excluding(LIST)
    cases, file = load_suite(folder).cases, str(folder / "exclude.yaml")
    with pytest.raises(SuiteError) as caught:
        apply_exclusions(cases, {"odd": ("x", ("d",))}, file, all_ids={"a": 1, "b": 1})
    assert caught.value.known == ("a", "b")
    assert caught.value.file == file


def test_bytes_that_are_no_text_and_files_that_are_not_there_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes(b"\xff")
    with pytest.raises(SuiteError, match="is not UTF-8"):
        read_exclusions(tmp_path / "x.yaml")
    with pytest.raises(SuiteError, match=r"y\.yaml: cannot be read: No such file or directory$"):
        read_exclusions(tmp_path / "y.yaml")
