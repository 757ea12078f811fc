"""An imported suite on disk: it loads as what was read, and replaces an older one whole or not at all."""

import json
from pathlib import Path

import pytest

from suites.errors import SuiteError
from suites.importers import Imported, Importer, Skipped, Source, open_source
from suites.importers.bfcl import read
from suites.importers.write import import_suite
from suites.load import load_suite
from suites.model import Case, Expectation, Message, Tool
from tests.mini_bfcl import CASES, EXCLUDED, ITEMS, SKIPPED, write_archive, write_folder

State = dict[str, bytes]


def _case(name: str = "a", category: str = "") -> Case:
    return Case(
        id=name,
        group=name,
        category=category,
        messages=(Message(role="user", content="Hello?"),),
        expectation=Expectation(no_call="answer", text="Hello."),
    )


def _gives(**fields: object) -> Importer:
    """An importer that gives the same, whatever it is shown."""
    found = Imported(**{"about": "", "version": "1", "licence": "none", **fields})  # type: ignore[arg-type]
    return lambda _: found


def _state(folder: Path) -> State:
    files = (f for f in folder.rglob("*") if f.is_file())
    return {f.relative_to(folder).as_posix(): f.read_bytes() for f in files}


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(write_folder(tmp_path / "data"))


def test_the_suite_loads_as_what_was_read_with_the_excluded_marked(
    data: str, tmp_path: Path
) -> None:
    imported, suite = import_suite("bfcl", data, read, "bfcl", tmp_path / "home")
    assert suite is not None
    assert suite == load_suite(tmp_path / "home" / "bfcl", "test")
    assert (suite.name, suite.split, suite.licence) == ("bfcl", "test", "Apache-2.0")
    by_id = {c.id: c for c in suite.cases}
    assert set(by_id) == set(CASES)
    for case in imported.cases:
        reasons = tuple(r for r, ids in EXCLUDED.items() if case.id in ids)
        assert set(by_id[case.id].excluded) == set(reasons)
        assert by_id[case.id].model_copy(update={"excluded": ()}) == case


def test_source_version_and_what_was_left_out_are_kept(tmp_path: Path) -> None:
    wheel = write_archive(tmp_path / "bfcl_eval-2026.3.23-py3-none-any.whl")
    _, suite = import_suite("mine", str(wheel), read, "bfcl", tmp_path / "home")
    assert suite is not None
    source = open_source(str(wheel))
    read(source)
    assert suite.version == "2026.3.23"
    assert suite.source == {"importer": "bfcl", "from": wheel.name, "hash": source.hash}
    skipped = json.loads((tmp_path / "home" / "mine" / "skipped.json").read_text())
    assert [(s["where"].endswith("live_simple.json:7"), s["why"]) for s in skipped] == [
        (True, f"{SKIPPED} has no gold answer")
    ]


def test_a_source_without_a_version_is_named_by_its_hash(data: str, tmp_path: Path) -> None:
    _, suite = import_suite("mine", data, read, "bfcl", tmp_path / "home")
    assert suite is not None
    assert suite.version == f"sha256:{suite.source['hash'][:12]}"


def test_the_same_source_gives_the_same_suite(data: str, tmp_path: Path) -> None:
    archive = str(write_archive(tmp_path / "x.zip"))
    first, again, packed = (
        import_suite("mine", where, read, "bfcl", tmp_path / name)[1]
        for where, name in ((data, "a"), (data, "b"), (archive, "c"))
    )
    assert first is not None
    assert again is not None
    assert packed is not None
    assert first.hash == again.hash
    assert first.cases == packed.cases


def test_a_new_import_replaces_the_old_one_as_a_whole(data: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    import_suite("mine", data, read, "bfcl", home)
    few = write_folder(tmp_path / "few", {"irrelevance": ITEMS["irrelevance"]})
    _, suite = import_suite("mine", str(few), read, "bfcl", home)
    assert suite is not None
    assert [c.id for c in suite.cases] == ["irrelevance_0", "irrelevance_1"]
    assert set(_state(home)) == {
        "mine/suite.yaml",
        "mine/exclude.yaml",
        "mine/skipped.json",
        "mine/test/irrelevance.jsonl",
    }


def _unreadable(source: Source) -> Imported:
    raise SuiteError("is nothing that can be read", file=source.name)


@pytest.mark.parametrize(
    ("importer", "text"),
    [
        (_unreadable, "is nothing that can be read"),
        (_gives(), "holds no item that can be imported"),
        (_gives(skipped=(Skipped(where="x:3", why="odd"),)), r"can be imported \(x:3: odd\)"),
        (_gives(cases=(_case("a"), _case("b"), _case("a"))), "gives two cases the id 'a'"),
        (_gives(cases=(_case(),), categories={"x": "X"}), "does not load: .*category ''"),
        (_gives(cases=(_case(),), exclusions={"odd": ("", ("a",))}), "says nothing of why"),
        (_gives(cases=(_case(),), exclusions={"odd": ("Odd.", ("b",))}), "'b', which is no case"),
        (_gives(cases=(_case(category="no/such"),)), "cannot write .* No such file"),
    ],
)
def test_an_import_that_fails_leaves_the_old_suite_whole(
    data: str, tmp_path: Path, importer: Importer, text: str
) -> None:
    home = tmp_path / "home"
    import_suite("mine", data, read, "bfcl", home)
    before = _state(home)
    with pytest.raises(SuiteError, match=text):
        import_suite("mine", data, importer, "odd", home)
    assert _state(home) == before
    assert [f.name for f in home.iterdir()] == ["mine"]


def test_a_folder_that_cannot_be_written_is_named_with_the_remedy(
    data: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        SuiteError, match=r"cannot write .*file/home/mine: Not a directory; set CALL"
    ):
        import_suite("mine", data, read, "bfcl", tmp_path / "file" / "home")


def test_tools_without_cases_become_a_toolbox(data: str, tmp_path: Path) -> None:
    tool = Tool(name="ring", description="Ring.")
    imported, suite = import_suite("mine", data, _gives(toolbox=(tool,)), "odd", tmp_path / "home")
    assert suite is None
    assert imported.toolbox == (tool,)
    file = tmp_path / "home" / "mine" / "test" / "toolbox.yaml"
    case = "- {id: one, user: Ring., tools: [ring], expect: {function_call: {name: ring}}}\n"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("cases: []", f"cases:\n{case}"), encoding="utf-8")
    (found,) = load_suite(tmp_path / "home" / "mine", "test").cases
    assert found.tools == (tool,)


@pytest.mark.parametrize("where", [".", "./", "../data"])
def test_the_source_has_a_name_wherever_one_stands(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.chdir(data)
    _, suite = import_suite("mine", where, read, "bfcl", tmp_path / "home")
    assert suite is not None
    assert suite.source["from"] == "data"


def test_texts_of_every_kind_come_back_as_they_were(data: str, tmp_path: Path) -> None:
    texts = ["no", "1.0", "a: b", "#", "\u2028 \U0001f600", "x" * 300, "- 'a'\n\n  b "]
    cases = tuple(_case(f"c{i}", "odd") for i, _ in enumerate(texts))
    importer = _gives(
        about=texts[-1],
        licence=texts[0],
        version="1e5x",
        cases=cases,
        categories={"odd": " ".join(texts)},
        exclusions={"why": (texts[4], ("c1",))},
    )
    import_suite("mine", data, importer, "odd", tmp_path / "home")
    suite = load_suite(tmp_path / "home" / "mine", "test")
    assert (suite.about, suite.licence) == (texts[-1], texts[0])
    assert suite.categories == {"odd": " ".join(texts)}
    assert [c.excluded for c in suite.cases][:3] == [(), ("why",), ()]
