"""Ranks by interval, what may share a table, and figures that are those of the summary."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.cli import main
from bench.errors import UsageError
from bench.store import Run
from reports import summarise
from reports.leaderboard import boards, leaderboard_data, leaderboard_tables
from reports.scan import scan, scan_all
from tests.made_runs import lost_record, made_run, rows, verdict_run, write_run

CASES = rows("call", 120, size=2) + rows("output", 60)


def _run(passed: int, name: str, number: int = 0, **fields: Any) -> Run:
    return verdict_run(
        {row: i < passed for i, row in enumerate(CASES)},
        run_id=f"20260101-{number:06}-{name}",
        target=name,
        model_hash=f"{sum(map(ord, name)):064x}",
        started=f"2026-01-01T00:{number:02}:00+00:00",
        **fields,
    )


def _boards(runs: list[Run], folder: Path, **more: Any) -> Any:
    files = [Path(write_run(run, folder)) for run in runs]
    return boards(scan_all(files), **{"baselines": False, **more})


def test_the_figures_are_those_of_the_summary(tmp_path: Path) -> None:
    run = _run(70, "a")
    lost = lost_record(("call", "", "gx", "cx"))
    run = made_run([*run.records, lost], run_id="x", target="a")
    found, wanted = scan(Path(write_run(run, tmp_path))), summarise(run)
    assert found.total == wanted.total.score
    assert found.together == wanted.total.together
    by_suite = {x.suite: x.score for x in wanted.lines if x.suite != "all" and not x.category}
    assert found.suites == by_suite
    assert (found.errors, found.malformed) == (1, wanted.outcomes["malformed"])
    assert (found.tokens, found.prompt) == (wanted.completion_tokens, wanted.prompt_tokens)
    assert found.seconds == pytest.approx(wanted.seconds)
    assert found.complete


def test_ranks_differ_only_where_intervals_lie_apart(tmp_path: Path) -> None:
    runs = [_run(170, "best"), _run(168, "nearly", 1), _run(90, "middle", 2), _run(10, "last", 3)]
    (board,) = _boards(runs, tmp_path)
    assert [(p.rank, p.tied, p.run.manifest.target) for p in board.places] == [
        (1, True, "best"),
        (1, True, "nearly"),
        (3, False, "middle"),
        (4, False, "last"),
    ]
    (table,) = leaderboard_tables([board], {})
    assert [row[0] for row in table.rows] == ["1=", "1=", "3", "4"]


def test_the_newest_complete_run_of_a_target_counts(tmp_path: Path) -> None:
    old, new = _run(10, "a", 1), _run(150, "a", 2)
    torn = replace(_run(170, "a", 3), end=None)
    (board,) = _boards([new, old, torn], tmp_path)
    (place,) = board.places
    assert place.run.total.passed == 150
    assert board.older == 1
    assert board.incomplete == (torn.manifest.run_id,)
    notes = leaderboard_tables([board])[0].notes
    assert any("1 older runs" in n for n in notes)
    assert any(torn.manifest.run_id in n for n in notes)


def test_other_cases_or_settings_make_a_table_of_their_own(tmp_path: Path) -> None:
    runs = [
        _run(10, "a"),
        _run(20, "b", 1),
        _run(30, "c", 2, shots=3),
        _run(40, "d", 3, sampling={"max_tokens": 9}),
        _run(50, "e", 4, selection_hash="9" * 64),
    ]
    found = _boards(runs, tmp_path)
    assert [[p.run.manifest.target for p in b.places] for b in found] == [["b", "a"]] + [
        [p.run.manifest.target for p in b.places] for b in found[1:]
    ]
    assert len(found) == 4


def test_weights_and_baselines_are_printed_from_what_was_used(tmp_path: Path) -> None:
    (board,) = _boards([_run(50, "a")], tmp_path, baselines=True)
    assert board.weights == {"call": 120 / 180, "output": 60 / 180}
    assert board.baselines["gold"] == 1.0
    assert board.baselines["noise"] == 0.0
    (table,) = leaderboard_tables([board])
    assert any("call 0.667, output 0.333" in note for note in table.notes)
    assert next(row[1] for row in table.rows if row[2] == "baseline") == "(gold)"
    assert all(len(row) == len(table.head) for row in table.rows)


def test_the_data_hold_n_interval_and_run_of_every_score(tmp_path: Path) -> None:
    (board,) = leaderboard_data(_boards([_run(50, "a")], tmp_path))
    (place,) = board["places"]
    assert json.loads(json.dumps(board)) == board
    for score in (place["score"], *place["suites"].values(), place["pairs"]):
        assert score["n"] >= score["passed"] >= 0
        assert score["low"] <= score["rate"] <= score["high"]
    assert Path(place["path"]).exists()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "no manifest"),
        ('{"a": 1}\n', "first line is no manifest"),
        ("not json\n", "first line is no manifest"),
    ],
)
def test_what_is_no_run_is_refused(text: str, match: str, tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text(text)
    with pytest.raises(UsageError, match=match):
        scan(file)


def test_a_torn_last_line_is_left_aside_and_a_broken_one_is_told(tmp_path: Path) -> None:
    file = Path(write_run(_run(50, "a"), tmp_path))
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:-2]) + lines[-2][:50])
    found = scan(file)
    assert not found.complete
    assert found.asked == len(CASES) - 1
    file.write_bytes(b"".join([*lines[:3], b"{torn\n", *lines[4:]]))
    with pytest.raises(UsageError, match=r"jsonl:4 is broken"):
        scan(file)


def test_the_command_ranks_all_runs_of_home(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard"]) == 2
    assert "there are no runs in" in capsys.readouterr().err
    folder = home / "runs"
    folder.mkdir(parents=True)
    for run in (_run(170, "best"), _run(10, "last", 1)):
        write_run(run, folder)
    assert main(["leaderboard", "--no-baselines", "--format", "csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("rank,target,state,n,score,call,output,pairs")
    assert [line.split(",")[:2] for line in lines[1:3]] == [["1", "best"], ["2", "last"]]
