"""`callbench suites import` and what the other actions make of an imported suite."""

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.cli import main
from suites.catalogue import builtin_suites, selections
from tests.mini_bfcl import CASES, EXCLUDED, ITEMS, SKIPPED, write_archive, write_folder

Output = Callable[..., str]
Refuse = Callable[..., str]
LEFT_OUT = {i for ids in EXCLUDED.values() for i in ids}
COUNTS = {c: sum(row["id"] != SKIPPED for row, _ in items) for c, items in ITEMS.items()}


@pytest.fixture
def output(capsys: pytest.CaptureFixture[str]) -> Output:
    """Runs a command that must exit with `code`; returns what it wrote on stdout."""

    def call(*words: object, code: int = 0) -> str:
        assert main([str(w) for w in words]) == code
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return out

    return call


@pytest.fixture
def refuse(capsys: pytest.CaptureFixture[str]) -> Refuse:
    """Runs a command that must exit 2 with one line on stderr and nothing on stdout."""

    def call(*words: object) -> str:
        assert main([str(w) for w in words]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "unexpected" not in err
        return err

    return call


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "data")


@pytest.fixture
def bfcl(data: Path, output: Output) -> None:
    """The miniature BFCL, imported into the home of this test."""
    output("suites", "import", "bfcl", "--from", data)


def test_import_says_what_it_read_left_out_and_where_it_lies(
    tmp_path: Path, home: Path, output: Output
) -> None:
    wheel = write_archive(tmp_path / "bfcl_eval-2026.3.23-py3-none-any.whl")
    found = json.loads(output("suites", "import", "bfcl", "--from", wheel, "--json"))
    assert {c["category"]: c["cases"] for c in found["categories"]} == COUNTS
    assert sum(c["excluded"] for c in found["categories"]) == len(LEFT_OUT)
    assert (found["suite"], found["importer"], found["version"]) == ("bfcl", "bfcl", "2026.3.23")
    assert (found["cases"], found["licence"]) == (len(CASES), "Apache-2.0")
    assert found["folder"] == str(home / "suites" / "bfcl")
    assert [s["why"] for s in found["skipped"]] == [f"{SKIPPED} has no gold answer"]
    assert home.joinpath("suites", "bfcl", "suite.yaml").is_file()


def test_import_as_a_table(data: Path, output: Output, capsys: pytest.CaptureFixture[str]) -> None:
    text = output("suites", "import", "bfcl", "--from", data)
    assert "1 items left out (all in skipped.json): " in text
    assert f"{SKIPPED} has no gold answer" in text
    assert "excluded from audited figures by list " in text
    assert "enum 2" in text
    assert main(["suites", "import", "bfcl", "--from", str(data), "--format", "csv"]) == 0
    out, err = capsys.readouterr()
    rows = list(csv.reader(io.StringIO(out)))
    assert rows[0] == ["category", "cases", "excluded"]
    assert rows[-1] == ["all", str(len(CASES)), str(len(LEFT_OUT))]
    assert err == "next: callbench suites check bfcl\n"


def test_import_under_another_name_and_again(data: Path, home: Path, output: Output) -> None:
    words = ["suites", "import", "my.BFCL_v4-mini", "--as", "bfcl", "--from", data, "--json"]
    first = json.loads(output(*words))
    assert json.loads(output(*words)) == first
    assert [f.name for f in (home / "suites").iterdir()] == ["my.BFCL_v4-mini"]
    shown = json.loads(output("suites", "show", "my.BFCL_v4-mini/irrelevance", "--json"))
    assert [case["id"] for case in shown] == ["irrelevance_0", "irrelevance_1"]


def test_an_import_that_fails_leaves_the_old_suite_whole(
    data: Path, home: Path, output: Output, refuse: Refuse
) -> None:
    output("suites", "import", "bfcl", "--from", data)
    before = {f: f.read_bytes() for f in home.rglob("*") if f.is_file()}
    file = data / "BFCL_v4_live_relevance.json"
    file.write_text(file.read_text() + "{oops\n")
    line = refuse("suites", "import", "bfcl", "--from", data)
    assert "BFCL_v4_live_relevance.json:3: broken JSON" in line
    assert {f: f.read_bytes() for f in home.rglob("*") if f.is_file()} == before


@pytest.mark.parametrize(
    "name",
    [
        *dict.fromkeys(n for n, _ in builtin_suites()),
        *selections(),
        *("..", ".", ".hidden", "_x", "1e5", "a/b", "a b", "", "a\n", "é\u0301'", "x" * 65),
    ],
)
def test_names_that_may_not_be_used(name: str, data: Path, home: Path, refuse: Refuse) -> None:
    line = refuse("suites", "import", name, "--as", "bfcl", "--from", data)
    assert "built-in suite" in line or "cannot be the name of an imported suite" in line
    assert not home.exists()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["import", "mine", "--from", "DATA"], "no importer 'mine' (name one with --as)"),
        (["import", "mine", "--as", "bfc", "--from", "DATA"], "did you mean 'bfcl'?"),
        (["import", "bfcl", "--from", "/no/such"], "no file or folder '/no/such'"),
        (["import", "bfcl", "--from", "no-such-package-x"], "pip download --no-deps"),
        (["import", "bfcl", "--from", "EMPTY"], "holds no file BFCL_v4_<category>.json"),
        (["import", "bfcl"], "--from"),
        (["check", "bfcl"], "callbench suites import bfcl --from WHEEL (pip download"),
        (["show", "bfcl/simple_python"], "not imported yet"),
        (["baselines", "bfcl"], "not imported yet"),
    ],
)
def test_what_cannot_be_imported_or_is_not_is_one_line(
    words: list[str], text: str, data: Path, tmp_path: Path, home: Path, refuse: Refuse
) -> None:
    (tmp_path / "empty").mkdir()
    places = {"DATA": str(data), "EMPTY": str(tmp_path / "empty")}
    assert text in refuse("suites", *(places.get(w, w) for w in words))
    assert not home.exists()


def test_a_home_that_cannot_be_written_is_one_line(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuse: Refuse
) -> None:
    (tmp_path / "file").write_text("")
    places = [str(tmp_path / "file"), str(tmp_path / ("n" * 300))]
    if os.geteuid() != 0:
        (tmp_path / "locked").mkdir(mode=0o500)
        places.append(str(tmp_path / "locked"))
    for place in places:
        monkeypatch.setenv("CALLBENCH_HOME", place)
        line = refuse("suites", "import", "bfcl", "--from", data)
        assert f"cannot write {place}/suites/bfcl: " in line
        assert "set CALLBENCH_HOME to a folder" in line


def test_only_broken_items_are_refused_with_the_first(
    tmp_path: Path, home: Path, refuse: Refuse
) -> None:
    (tmp_path / "BFCL_v4_irrelevance.json").write_text('{"id": "x"}\n[]\n')
    line = refuse("suites", "import", "bfcl", "--from", tmp_path)
    assert "holds no item that can be imported" in line
    assert "BFCL_v4_irrelevance.json:1: has no 'function'" in line
    assert not home.exists()


# --- the other actions --------------------------------------------------------------------------------


@pytest.mark.usefixtures("bfcl")
def test_list_names_the_imported_suite(output: Output) -> None:
    (row,) = (r for r in json.loads(output("suites", "list", "--json")) if "bfcl" in r["name"])
    assert (row["name"], row["cases"]) == ("bfcl/test", len(CASES))
    assert row["version"].startswith("sha256:")


@pytest.mark.usefixtures("bfcl")
def test_show_prints_an_imported_case_with_what_the_official_checker_is_given(
    output: Output,
) -> None:
    case = json.loads(output("suites", "show", "bfcl", "live_simple_70-34-0"))
    assert case["official"]["category"] == "live_simple"
    assert set(case["excluded"]) == {"enum", "type"}


@pytest.mark.usefixtures("bfcl")
def test_check_passes_and_shows_what_is_excluded(output: Output) -> None:
    (data,) = json.loads(output("suites", "check", "bfcl", "--json"))
    assert (data["cases"], data["errors"], data["excluded"]) == (len(CASES), 0, len(LEFT_OUT))
    assert {f["level"] for f in data["findings"]} == {"excluded"}
    assert "Health of the suites" in output("suites", "check", "bfcl")


def test_check_fails_on_an_unsound_item_that_no_list_excludes(
    data: Path, home: Path, output: Output
) -> None:
    output("suites", "import", "bfcl", "--from", data)
    (home / "suites" / "bfcl" / "exclude.yaml").unlink()
    (found,) = json.loads(output("suites", "check", "bfcl", "--json", code=1))
    assert found["errors"] == len(found["findings"]) > 5
    assert {f["case"] for f in found["findings"]} <= LEFT_OUT


@pytest.mark.usefixtures("bfcl")
def test_baselines_by_both_judges(output: Output) -> None:
    rows = json.loads(output("suites", "baselines", "bfcl", "--json"))
    assert [r["category"] for r in rows] == ["", *sorted(ITEMS)]
    for row in rows[1:]:
        assert row["n"] == COUNTS[row["category"]]
        assert row["gold"] == 1.0
        assert row["official"]["noise"] == (1.0 if "irrelevance" in row["category"] else 0.0)
    text = output("suites", "baselines", "bfcl")
    assert "Baselines, BFCL's own rules" in text
    assert "noise scores above 0 on irrelevance, live_irrelevance by BFCL's rules" in text
    assert "noise scores" not in output("suites", "baselines", "bfcl/multiple")
    own: list[dict[str, Any]] = json.loads(output("suites", "baselines", "smoke", "--json"))
    assert all("official" not in row for row in own)
