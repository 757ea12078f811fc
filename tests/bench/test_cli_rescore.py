"""`callbench rescore`: what it prints and writes, and its refusals."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters import Target
from bench.cli import main
from bench.engines import ScriptedEngine
from bench.plan import Settings
from bench.rescore import GONE
from bench.runner import Chosen, run
from bench.store import Run, read_run

Edit = Callable[..., None]
Words = Callable[..., tuple[str, str]]


@pytest.fixture
def old(chosen: Chosen, target: Target, script: dict[str, str]) -> Run:
    """Twelve replies, some of them wrong in different ways, in home's runs."""
    return run(chosen, target, Settings(), ScriptedEngine(script))


@pytest.fixture
def words(capsys: pytest.CaptureFixture[str]) -> Words:
    """Runs a command that must exit with `code`: (stdout, stderr)."""

    def call(*arguments: object, code: int = 0) -> tuple[str, str]:
        assert main([str(a) for a in arguments]) == code
        out, err = capsys.readouterr()
        assert "unexpected" not in err
        if code:
            assert (out, err.count("\n")) == ("", 1)
        return out, err

    return call


def city(name: str) -> dict[str, Any]:
    return {"function_call": {"name": "get_weather", "arguments": {"city": name}}}


def test_the_command_lists_what_changed_and_what_is_kept(
    old: Run, edit: Edit, words: Words, home: Path
) -> None:
    edit("w1.call", model=city("Oslo"), expect=city("Oslo"))
    edit("w5.none")
    out, err = words("rescore", old.manifest.run_id)
    (new,) = set((home / "runs").iterdir()) - {Path(old.path)}
    assert err == f"run:    {new}\n"
    row = next(line for line in out.splitlines() if line.startswith("some-model "))
    assert row.split() == ["some-model", "12", "12", "11", "1", "0", "1", "0"]
    (changed,) = [line for line in out.splitlines() if "fail -> pass" in line and "w1.call" in line]
    assert "wrong_value" in changed
    (kept,) = [line for line in out.splitlines() if "w5.none" in line]
    assert GONE in kept

    for command in (["report", new], ["compare", new, new]):
        assert words(*command)[0]
    assert f"rescored on {new.stem[:4]}" in words("report", new)[0]
    assert "11 replies judged anew, 1 keep their old verdict" in words("report", new)[0]
    (data,) = json.loads(words("report", new, "--json")[0])
    assert data["rescored"]["run_id"] == old.manifest.run_id
    told = words("compare", old.path, new, "--force")[0]
    assert f"rescored on {new.stem[:4]}" in told.split("not the same: ")[1]


def test_json_holds_every_change_and_tables_are_capped(old: Run, edit: Edit, words: Words) -> None:
    for i, name in ((0, "w0.call"), (1, "w1.call"), (4, "w4.call")):
        edit(name, model=city(f"Nowhere {i}"), expect=city(f"Nowhere {i}"))
    for name in ("w5.none", "w5.call"):
        edit(name)
    out, err = words("rescore", old.path, "--dry-run", "--limit", "1")
    assert err == "dry run: nothing is written\n"
    assert "… and 2 more" in out
    assert "… and 1 more" in out
    data = json.loads(words("rescore", old.path, "--dry-run", "--json")[0])[0]
    counts = {
        k: data[k] for k in ("cases", "replies", "rescored", "kept", "pass_to_fail", "fail_to_pass")
    }
    assert counts == {
        "cases": 12,
        "replies": 12,
        "rescored": 10,
        "kept": 2,
        "pass_to_fail": 2,
        "fail_to_pass": 0,
    }
    changes = {x["case"]: x for x in data["changes"]}
    assert {k: x["change"] for k, x in changes.items()} == {
        "w0.call": "pass -> fail",
        "w4.call": "pass -> fail",
        "w1.call": "reason",
    }
    assert (
        changes["w1.call"]["before"]["verdict"]["reason"]
        != changes["w1.call"]["after"]["verdict"]["reason"]
    )
    assert {x["case"]: x["reason"] for x in data["not_comparable"]} == {
        "w5.call": GONE,
        "w5.none": GONE,
    }
    assert data["path"] is None


def test_a_dry_run_writes_nothing(old: Run, words: Words, home: Path) -> None:
    before = {f: f.read_bytes() for f in home.rglob("*") if f.is_file()}
    words("rescore", old.path, "--dry-run")
    assert {f: f.read_bytes() for f in home.rglob("*") if f.is_file()} == before


def test_several_runs_get_a_file_each(
    old: Run, chosen: Chosen, target: Target, script: dict[str, str], words: Words
) -> None:
    other = run(chosen, target, Settings(), ScriptedEngine(dict.fromkeys(script, "Sorry, no.")))
    words("report", old.path)  # what was said on stderr until here is read
    out, err = words("rescore", old.path, other.path, old.path, "--json")
    data = json.loads(out)
    assert [x["origin"]["run_id"] for x in data] == [old.manifest.run_id, other.manifest.run_id]
    assert [x["path"] for x in data] == [line.split()[1] for line in err.splitlines()]
    assert [len(read_run(x["path"]).records) for x in data] == [12, 12]


@pytest.mark.parametrize("form", ["table", "markdown", "csv"])
def test_every_form_is_written(form: str, old: Run, words: Words) -> None:
    out, _ = words("rescore", old.path, "--dry-run", "--format", form)
    assert "pass -&gt; fail" in out if form == "markdown" else "pass -> fail" in out


# --- refusals ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "is no run file: it has no manifest"),
        ("hello\n", "is no run file: its first line is no manifest"),
        ("MANIFEST\n{broken\n{}\n", ":2: broken line in the middle of a run file"),
        ("MANIFEST\n", "holds no reply to judge"),
    ],
    ids=["empty", "text", "broken", "bare"],
)
def test_a_broken_run_file_is_one_line_with_exit_2(
    text: str, line: str, old: Run, tmp_path: Path, words: Words, home: Path
) -> None:
    first = Path(old.path).read_text(encoding="utf-8").splitlines()[0]
    file = tmp_path / "broken.jsonl"
    file.write_text(text.replace("MANIFEST", first), encoding="utf-8")
    files = list((home / "runs").iterdir())
    assert line in words("rescore", old.path, file, code=2)[1]
    assert list((home / "runs").iterdir()) == files


def test_suites_that_are_gone_are_named_with_the_remedy(
    old: Run, suite_file: Path, words: Words
) -> None:
    moved = suite_file.rename(suite_file.with_name("elsewhere.jsonl"))
    err = words("rescore", old.path, code=2)[1]
    assert f"there is no suite '{suite_file}'" in err
    assert "--suites names where they are now" in err
    err = words("rescore", old.path, "--suites", moved, code=2)[1]
    assert "is a run of mine/dev, not of" in err
    (moved.parent / "there").mkdir()
    moved.rename(moved.parent / "there" / "mine.jsonl")
    words("rescore", old.path, "--suites", moved.parent / "there" / "mine.jsonl")


def test_a_run_of_which_nothing_can_be_judged_is_refused(
    old: Run, suite_file: Path, words: Words
) -> None:
    row = {"id": "other", "user": "Hm?", "no_call": "answer", "reply": "It is so."}
    suite_file.write_text(json.dumps(row) + "\n", encoding="utf-8")
    err = words("rescore", old.path, code=2)[1]
    assert "none of the 12 replies" in err
    assert GONE in err
    assert "start a new run" in err


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (["--limit", "-1"], "--limit -1 is no number"),
        (["--suites", ","], "--suites names no suite"),
        (["nothing"], "there is no run 'nothing'"),
    ],
    ids=" ".join,
)
def test_bad_options_are_one_line(more: list[str], line: str, old: Run, words: Words) -> None:
    assert line in words("rescore", old.path, *more, code=2)[1]
