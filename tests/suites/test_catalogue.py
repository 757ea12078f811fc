"""Finding suites: names, splits, selections, patterns, limits, paths, and what was probably meant."""

from collections.abc import Callable
from pathlib import Path

import pytest

from suites import SuiteError, builtin_suites, select
from suites.catalogue import imported_folder, imported_suites, selections
from suites.importers import Imported
from suites.importers.bfcl import read
from suites.importers.write import import_suite
from suites.model import Tool
from tests.mini_bfcl import CASES, ITEMS, write_folder

Write = Callable[..., Path]
LETTERS = "".join(f"- {{id: {i}, user: {i}, no_call: answer, reply: ok}}\n" for i in "cab")


def _ids(*names: str, pattern: str | None = None, limit: int | None = None) -> list[str]:
    return [c.id for p in select(names, pattern=pattern, limit=limit).parts for c in p.cases]


@pytest.mark.parametrize(("name", "split"), builtin_suites())
def test_built_in_suite_is_found_by_name_and_split(name: str, split: str) -> None:
    (part,) = select([f"{name}/{split}"]).parts
    assert (part.suite.name, part.suite.split) == (name, split)
    assert part.cases == part.suite.cases


def test_name_alone_is_the_dev_split() -> None:
    assert select(["call"]).hash == select(["call/dev"]).hash
    assert select(["call"]).parts[0].suite.split == "dev"


def test_several_names_are_parts_in_their_order() -> None:
    selection = select(["output", "call"])
    assert [p.suite.name for p in selection.parts] == ["output", "call"]
    assert selection.name == "output+call"
    assert selection.size == len(_ids("output")) + len(_ids("call"))


def test_selection_names_cases_that_exist_in_the_order_it_lists_them() -> None:
    listed = [i for ids in selections()["smoke"].values() for i in ids]
    assert _ids("smoke") == listed
    assert len(set(listed)) == len(listed)


def test_own_folder_and_own_file_are_found_by_path(write_suite: Write) -> None:
    folder = write_suite(LETTERS)
    write_suite("- {id: t, user: t, reply: ok}\n", file="test.yaml")
    assert _ids(str(folder)) == _ids(f"{folder}/dev") == ["c", "a", "b"]
    assert _ids(f"{folder}/test") == ["t"]
    selection = select([str(folder / "dev.yaml")])
    assert (selection.name, selection.parts[0].suite.name) == ("dev", "dev")


def test_relative_path_is_found_from_the_working_folder(
    write_suite: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(write_suite(LETTERS).parent)
    assert _ids("mini") == _ids("./mini") == ["c", "a", "b"]


def test_built_in_name_goes_before_a_folder_of_that_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "call").mkdir()
    monkeypatch.chdir(tmp_path)
    assert select(["call"]).parts[0].suite.name == "call"


@pytest.mark.parametrize("pattern", ["weather.*", "*.call", "timers.pasta.[cs]*"])
def test_pattern_is_a_glob_over_ids(pattern: str) -> None:
    found = _ids("call", pattern=pattern)
    assert found
    assert len(found) < len(_ids("call"))
    start, _, end = pattern.partition("*")
    literal = start.partition("[")[0]
    assert all(i.startswith(literal) and i.endswith(end) for i in found)


def test_pattern_tells_case_and_is_no_regular_expression(write_suite: Write) -> None:
    path = str(write_suite(LETTERS))
    assert _ids(path, pattern="[ab]") == ["a", "b"]
    for pattern in ("A", ".", "a|b"):
        with pytest.raises(SuiteError, match="matches"):
            select([path], pattern=pattern)


def test_part_without_a_match_is_left_out() -> None:
    selection = select(["call", "output"], pattern="weather.*")
    assert [p.suite.name for p in selection.parts] == ["call"]


@pytest.mark.parametrize("limit", [1, 7, 10_000])
def test_limit_keeps_the_first_cases_of_every_suite(limit: int) -> None:
    selection = select(["call", "output"], limit=limit)
    for part in selection.parts:
        assert part.cases == part.suite.cases[:limit]
        assert part.cases


def test_limit_counts_after_the_pattern() -> None:
    every = _ids("call", pattern="timers.*")
    assert _ids("call", pattern="timers.*", limit=2) == every[:2]


def test_limit_of_nothing_is_refused() -> None:
    with pytest.raises(SuiteError, match="no case"):
        select(["call"], limit=0)


@pytest.mark.parametrize("name", ["cal", "smok", "no/such/folder", "nowhere.yaml", "x" * 5000])
def test_unknown_name_comes_with_the_known_ones(name: str) -> None:
    with pytest.raises(SuiteError, match="there is no suite") as caught:
        select([name])
    assert {"call", "arguments", "output", "smoke"} <= set(caught.value.known)
    assert len(set(caught.value.known)) == len(caught.value.known)
    assert name in str(caught.value)
    for known in caught.value.known:
        assert select([known]).size


@pytest.mark.parametrize(
    ("name", "stem", "splits"),
    [
        ("call/dve", "call", 2),
        ("call/test/dve", "call/test", 0),
        ("call/dev/no/such", "call/dev", 0),
    ],
)
def test_unknown_split_or_category_comes_with_those_of_the_suite(
    name: str, stem: str, splits: int
) -> None:
    with pytest.raises(SuiteError, match=f"there is no suite '{name}': '{stem}' has no") as caught:
        select([name])
    known = caught.value.known
    assert list(known)[:splits] == ["call/dev", "call/test"][:splits]
    found = [i for k in known[splits:] for i in _ids(k)]
    assert sorted(found) == sorted(_ids(stem))


def test_split_that_a_suite_lacks_is_named(write_suite: Write) -> None:
    with pytest.raises(SuiteError, match="no 'test' split"):
        select([f"{write_suite(LETTERS)}/test"])


def test_folder_that_is_no_suite_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="no suite"):
        select([str(tmp_path)])


@pytest.mark.parametrize(
    "names",
    [["call", "call"], ["call", "call/dev"], ["smoke", "smoke"], ["smoke", "call"]],
    ids="+".join,
)
def test_suite_named_twice_is_refused(names: list[str]) -> None:
    with pytest.raises(SuiteError, match="twice"):
        select(names)


def test_path_of_a_suite_named_twice_is_refused(write_suite: Write) -> None:
    folder = str(write_suite(LETTERS))
    with pytest.raises(SuiteError, match="twice"):
        select([folder, folder + "/"])
    with pytest.raises(SuiteError, match="twice"):
        select([folder, "call", f"{folder}/dev"])


def test_no_name_selects_nothing() -> None:
    with pytest.raises(SuiteError, match="no case selected"):
        select([])


def test_hash_covers_suites_and_chosen_cases() -> None:
    hashes = {
        select(["call"]).hash,
        select(["output"]).hash,
        select(["call"], limit=3).hash,
        select(["call"], limit=4).hash,
        select(["call"], pattern="timers.*").hash,
        select(["smoke"]).hash,
    }
    assert len(hashes) == 6
    assert select(["call"]).hash == select(["call"], limit=10_000).hash
    assert select(["call"]).hash == select(["call"], pattern="*").hash


def test_hash_of_an_edited_suite_is_another_one(tmp_path: Path, write_suite: Write) -> None:
    first = select([str(write_suite(LETTERS))]).hash
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in (tmp_path / "mini").iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    assert select([str(copy)]).hash == first
    (edited := tmp_path / "edited").mkdir()
    (edited / "suite.yaml").write_bytes((copy / "suite.yaml").read_bytes())
    (edited / "dev.yaml").write_text(LETTERS.replace("user: a", "user: A"), encoding="utf-8")
    assert select([str(edited)]).hash != first


def test_suite_edited_in_the_same_process_is_read_again(write_suite: Write) -> None:
    folder = str(write_suite(LETTERS))
    first = select([folder]).hash
    write_suite(LETTERS + "- {id: d, user: d, reply: ok}\n")
    assert _ids(folder) == ["c", "a", "b", "d"]
    assert select([folder]).hash != first
    write_suite(LETTERS)
    assert select([folder]).hash == first


# --- categories, and imported suites ------------------------------------------------------------------


@pytest.fixture
def bfcl(tmp_path: Path) -> Path:
    """The miniature BFCL, imported into the home of this test."""
    import_suite("bfcl", str(write_folder(tmp_path / "data")), read, "bfcl", imported_folder())
    return imported_folder() / "bfcl"


def test_category_of_a_built_in_suite_is_a_part_of_it() -> None:
    whole = select(["call/test"]).parts[0].suite
    categories = dict.fromkeys(c.category for c in whole.cases)
    assert len(categories) > 1
    found = [i for category in categories for i in _ids(f"call/test/{category}")]
    assert sorted(found) == sorted(c.id for c in whole.cases)
    (part,) = select([f"call/test/{next(iter(categories))}"]).parts
    assert part.suite == whole
    assert len(part.cases) < len(whole.cases)


@pytest.mark.usefixtures("bfcl")
def test_imported_suite_is_found_by_name_split_and_category() -> None:
    assert imported_suites() == [("bfcl", "test")]
    assert sorted(_ids("bfcl")) == sorted(CASES)
    assert select(["bfcl"]).hash == select(["bfcl/test"]).hash
    for name in ("bfcl/multiple", "bfcl/test/multiple"):
        assert _ids(name) == [row["id"] for row, _ in ITEMS["multiple"]]
    selection = select(["bfcl/multiple", "bfcl/parallel"])
    assert selection.name == "bfcl/multiple+bfcl/parallel"
    assert [p.suite.name for p in selection.parts] == ["bfcl", "bfcl"]
    with pytest.raises(SuiteError, match="twice"):
        select(["bfcl/multiple", "bfcl"])


@pytest.mark.usefixtures("bfcl")
def test_misspelt_parts_of_an_imported_suite_come_with_the_right_ones() -> None:
    with pytest.raises(
        SuiteError, match="'bfcl' has no split or category 'simple_pyton'"
    ) as caught:
        select(["bfcl/simple_pyton"])
    assert {"bfcl/test", "bfcl/simple_python"} <= set(caught.value.known)
    for known in caught.value.known:
        assert select([known]).size
    with pytest.raises(SuiteError, match="no 'dev' split"):
        select(["bfcl/dev"])
    with pytest.raises(SuiteError) as other:
        select(["bfc"])
    assert "bfcl" in other.value.known


@pytest.mark.parametrize("name", ["bfcl", "bfcl/simple_python"])
def test_known_benchmark_that_is_not_imported_says_how_to(name: str) -> None:
    assert imported_suites() == []
    with pytest.raises(SuiteError, match="not imported yet: callbench suites import bfcl --from"):
        select([name])


def test_imported_suite_is_read_anew_after_another_import(bfcl: Path, tmp_path: Path) -> None:
    assert _ids("bfcl/multiple")
    few = write_folder(tmp_path / "few", {"irrelevance": ITEMS["irrelevance"]})
    import_suite("bfcl", str(few), read, "bfcl", imported_folder())
    assert _ids("bfcl") == ["irrelevance_0", "irrelevance_1"]
    assert bfcl.is_dir()


def test_folders_of_an_import_that_was_cut_short_are_no_suites(bfcl: Path) -> None:
    bfcl.rename(bfcl.with_name(".bfcl-0badcafe"))
    assert imported_suites() == []


def test_built_in_name_goes_before_an_imported_one(bfcl: Path) -> None:
    bfcl.rename(bfcl.with_name("call"))
    assert "irrelevance_0" not in _ids("call")


def test_imported_tools_are_a_suite_when_somebody_has_written_a_case(tmp_path: Path) -> None:
    tool = Tool(name="ring", description="Ring.")
    found = Imported(about="", version="1", licence="", toolbox=(tool,))
    (tmp_path / "x.json").write_text("[]")
    import_suite("mine", str(tmp_path / "x.json"), lambda _: found, "odd", imported_folder())
    assert imported_suites() == []
    with pytest.raises(SuiteError, match="no case selected"):
        select(["mine"])
    file = imported_folder() / "mine" / "test" / "toolbox.yaml"
    case = "- {id: one, user: Ring., tools: [ring], expect: {function_call: {name: ring}}}"
    file.write_text(file.read_text().replace("cases: []", f"cases:\n{case}"))
    assert imported_suites() == [("mine", "test")]
    assert _ids("mine") == ["one"]
