"""A lineage over time: baselines, verdicts, since when a case is broken; the command on real cards."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters import find_adapter
from adapters.card import BaseRef, Parent, new_card, promote, save_card
from adapters.weights import WEIGHTS, file_hash
from bench.cli import main
from bench.store import Run
from reports.history import Link, history, history_charts, history_data, history_tables
from tests.made_runs import rows, verdict_run, write_run

CASES = rows("call", 100, size=2)
LINKS = [
    Link(name="base", hash=None),
    Link(name="one", hash="a" * 64, state="promoted", reason="better", date="2026-01-02"),
    Link(name="two", hash="b" * 64, state="rejected", reason="worse", date="2026-01-03"),
]


def _run(link: Link, right: set[int], hour: int, **fields: Any) -> Run:
    return verdict_run(
        {row: i in right for i, row in enumerate(CASES)},
        run_id=f"2026010{hour}-{link.name}",
        target=link.name,
        adapter=None if link.hash is None else link.name,
        adapter_hash=link.hash,
        started=f"2026-01-01T0{hour}:00:00+00:00",
        **fields,
    )


BASE = _run(LINKS[0], set(range(10)), 1)
ONE = _run(LINKS[1], set(range(5, 60)), 2)
TWO = _run(LINKS[2], {0, *range(10, 40)}, 3)


def test_runs_stand_in_the_order_of_time_with_the_verdict_against_their_parent() -> None:
    (track,) = history(LINKS, [TWO, BASE, ONE])
    assert [e.link.name for e in track.entries] == ["base", "one", "two"]
    assert [(e.against, e.verdict) for e in track.entries] == [
        ("", ""),
        ("base", "better"),
        ("one", "worse"),
    ]
    assert [e.total.passed for e in track.entries] == [10, 55, 31]


def test_a_broken_case_names_the_run_in_which_it_broke_for_good() -> None:
    (track,) = history(LINKS, [BASE, ONE, TWO])
    found = {b.id: (b.right, b.broke) for b in track.broken}
    # Right in the base only, then lost with `one`.
    assert found["c1"] == ("20260101-base", "20260102-one")
    # Right in `one`, lost with `two`.
    assert found["c50"] == ("20260102-one", "20260103-two")
    # Lost with `one`, found again with `two`.
    assert "c0" not in found
    assert set(found) == {f"c{i}" for i in (*range(1, 10), *range(40, 60))}
    assert track.never == 40


def test_measured_together_or_a_base_again_later_breaks_nothing() -> None:
    together = replace(
        ONE, manifest=ONE.manifest.model_copy(update={"started": "2026-01-01T01:00:00+00:00"})
    )
    assert BASE.manifest.started == together.manifest.started
    (track,) = history(LINKS, [together, BASE])
    assert [e.link.name for e in track.entries] == ["base", "one"]
    assert [e.verdict for e in track.entries] == ["", "better"]
    again = _run(LINKS[0], set(range(10)), 9)
    (track,) = history(LINKS, [ONE, again])
    assert [e.link.name for e in track.entries] == ["one", "base"]
    assert {b.id for b in track.broken} == {f"c{i}" for i in range(5)}


def test_other_settings_make_another_track_and_strangers_are_left_out() -> None:
    stranger = _run(Link(name="x", hash="f" * 64), set(), 4)
    other = _run(LINKS[1], {1}, 5, shots=3)
    torn = replace(_run(LINKS[2], {1}, 6), end=None)
    tracks = history(LINKS, [BASE, ONE, stranger, other, torn])
    assert [len(t.entries) for t in tracks] == [2, 1]


def test_tables_data_and_chart_hold_the_same_runs() -> None:
    tracks = history(LINKS, [BASE, ONE, TWO])
    lineage, told, broken = history_tables(LINKS, tracks)
    assert [row[:2] for row in lineage.rows] == [
        ["base", "base"],
        ["one", "promoted"],
        ["two", "rejected"],
    ]
    assert [row[-2] for row in told.rows] == ["-", "better against base", "worse against one"]
    assert broken.title == "Broken and never fixed since: 29 cases (first 20)"
    data = json.loads(json.dumps(history_data(LINKS, tracks)))
    assert [r["run"] for r in data["tracks"][0]["runs"]] == [
        BASE.manifest.run_id,
        ONE.manifest.run_id,
        TWO.manifest.run_id,
    ]
    (chart,) = history_charts(tracks)
    assert [m.column for m in chart.marks] == ["base", "one", "two"]
    assert all(m.low is not None and m.low <= m.value for m in chart.marks)


def _adapter(source: Path, shelf: Path, name: str, parent: str | None) -> str:
    folder = shelf / name
    shutil.copytree(source, folder)
    card = new_card(folder, name, base=BaseRef(name="base", hash="1" * 64))
    if parent is not None:
        elder = Parent(name=parent, weights=file_hash(shelf / parent / WEIGHTS))
        card = card.model_copy(update={"parent": elder})
    save_card(folder, promote(card, "better than base"))
    return find_adapter(str(folder)).hash


def test_the_command_follows_the_cards(
    home: Path,
    tiny_adapters: dict[str, dict[str, Path]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shelf = home / "adapters"
    first = _adapter(tiny_adapters["gemma3"]["a"], shelf, "one", None)
    second = _adapter(tiny_adapters["gemma3"]["b"], shelf, "two", "one")
    assert main(["history", "two"]) == 2
    assert "there is no run of two or its base" in capsys.readouterr().err
    links = [LINKS[0], replace(LINKS[1], hash=first), replace(LINKS[2], hash=second)]
    (home / "runs").mkdir()
    for i, link in enumerate(links):
        write_run(_run(link, set(range(20 * i)), i + 1), home / "runs")
    page = tmp_path / "page.html"
    assert main(["history", "base+two", "--json", "--html", str(page)]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [x["name"] for x in data["lineage"]] == ["base", "one", "two"]
    assert [r["score"]["passed"] for r in data["tracks"][0]["runs"]] == [0, 20, 40]
    assert "polyline" in page.read_text(encoding="utf-8")
