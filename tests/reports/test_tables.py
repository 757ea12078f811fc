"""Laws of the tables: unfinished runs say so, every run has its own n, heads and notes are tamed too."""

import csv
import io
from pathlib import Path

import pytest

from adapters import Model, Target
from bench.decide import compare
from bench.engines import Request, ScriptedEngine
from bench.errors import InfrastructureError
from bench.plan import Settings
from bench.runner import Chosen, run
from bench.store import Run, read_run
from reports import Table, comparison_tables, render, run_tables, summarise


@pytest.mark.parametrize("text", ["two\nlines", "\x1b[31m", "\u202e", "\x00"])
@pytest.mark.parametrize("form", ["table", "csv"])
def test_title_heads_and_notes_cannot_break_the_form(form: str, text: str) -> None:
    table = Table(title=text, head=[text, "two"], rows=[["1", "2"]], notes=[text])
    shown = render([table], form)
    assert len(shown.splitlines()) == (6 if form == "table" else 2)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\x00" not in shown


def test_csv_disarms_formulas_in_heads() -> None:
    table = Table(title="T", head=["=1+1", "two"], rows=[["1", "2"]])
    assert next(csv.reader(io.StringIO(render([table], "csv")))) == ["'=1+1", "two"]


def _measured(tmp_path: Path, limit: int | None, crash: bool = False) -> Run:

    def say(request: Request) -> str:
        if crash and "beta-mode" in request.id:
            raise InfrastructureError("gone")
        return "abc"

    folder = tmp_path / f"r{len(list(tmp_path.iterdir()))}"
    folder.mkdir()
    model = Model(name="m", source="folder", where=str(folder), dialect="gemma")
    target = Target(model=model, folder=folder, hash="0", dialect="gemma")
    chosen = Chosen(names=("smoke",), limit=limit)
    try:
        return run(chosen, target, Settings(batch_size=1), ScriptedEngine(say), folder=folder)
    except InfrastructureError:
        return read_run(next(folder.glob("*.jsonl")))


def test_a_comparison_of_unfinished_runs_says_so(tmp_path: Path) -> None:
    run = _measured(tmp_path, None, crash=True)
    assert not run.complete
    assert "NOT COMPLETE" in " ".join(comparison_tables(compare(run, run))[0].notes)


def test_every_run_of_a_report_has_its_own_n(tmp_path: Path) -> None:
    runs = [_measured(tmp_path, 2), _measured(tmp_path, None)]
    table = run_tables([summarise(r) for r in runs])[0]
    assert "24" in " ".join(table.rows[0][:6])  # only the first run's n (6) is shown


def test_noise_passes_nothing_and_decides_nothing(tmp_path: Path) -> None:
    summary = summarise(_measured(tmp_path, None))
    assert summary.total.score.passed == 0
    assert summary.total.together.passed == 0
    assert summary.total.together.n == 12
    assert (summary.decision.mcc, summary.decision.d_prime) == (0.0, 0.0)
