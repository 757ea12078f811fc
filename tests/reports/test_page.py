"""The page as text: self-contained, hostile texts are data, every number has its source, it is wired up."""

import html
import json
import re
from pathlib import Path

import pytest

from bench.cli import main
from bench.decide import compare
from bench.errors import InfrastructureError
from reports import comparison_tables, run_tables, summarise
from reports.charts import comparison_charts, run_charts
from reports.page import Page, case_data, page_html, write_page
from tests.made_runs import rows, two_runs, write_run
from tests.reports.hostile import TEXTS, hostile_run

RUNS = two_runs(rows("call", 40, size=2, categories=("direct", "negated")), fixed=rows("call", 6))


def _page(runs: tuple = RUNS) -> str:  # type: ignore[type-arg]
    labels = [r.manifest.label for r in runs]
    summaries = [summarise(r) for r in runs]
    found = compare(*runs)
    return page_html(
        Page(
            title="Two runs",
            tables=[*run_tables(summaries), *comparison_tables(found)],
            charts=[*run_charts(summaries, labels), *comparison_charts(found)],
            cases=case_data(runs, labels),
        )
    )


def _data(page: str) -> dict:  # type: ignore[type-arg]
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])  # type: ignore[no-any-return]


def test_nothing_is_fetched_and_only_the_pages_own_script_may_run() -> None:
    page = _page()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    assert "default-src 'none'" in html.unescape(policy[1])
    assert "script-src 'sha256-" in html.unescape(policy[1])
    assert "unsafe-eval" not in policy[1]
    assert not re.search(r'(?:src|href)\s*=\s*["\']', page)
    assert not re.search(r"@import|url\(", page)
    assert page.count("<script") == 2


def test_every_case_of_both_runs_is_on_the_page() -> None:
    data = _data(_page())
    assert data["targets"] == ["base", "tuned"]
    assert len(data["cases"]) == 40
    assert all(len(c["replies"]) == 2 and all(c["replies"]) for c in data["cases"])
    assert (
        sum(c["replies"][1]["passed"] and not c["replies"][0]["passed"] for c in data["cases"]) == 6
    )


def test_every_mark_says_n_formula_and_run() -> None:
    sources = re.findall(r'data-source="([^"]*)"', _page())
    assert len(sources) > 10
    for source in sources:
        assert re.search(r"\d", source), source
        assert "run" in source, source
        assert re.search(r"Wilson|count|McNemar|bootstrap|Bonett|sign-flip", source), source


def test_hostile_texts_are_data() -> None:
    page = _page((hostile_run(False), hostile_run(True, run_id="2", target="tuned")))
    assert page.count("<script") == 2
    for tag in ("<img", "<svg/onload", "<b>bold", "<!--"):
        assert tag not in page
    data = _data(page)
    assert len(data["cases"]) == len(TEXTS)
    longest = max(len(c["replies"][0]["text"]) for c in data["cases"])
    assert longest < 21_000
    assert "980,000 more characters are in the run file" in page
    page.encode("utf-8")


def test_tools_that_many_cases_share_are_stored_once() -> None:
    run = hostile_run(False)
    same = run.records[0].case.tools
    records = tuple(
        r.model_copy(update={"case": r.case.model_copy(update={"tools": same})})
        for r in run.records
    )
    from dataclasses import replace

    assert len(case_data([replace(run, records=records)], ["a"])["toolboxes"]) == 1


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("command", ["report", "compare", "leaderboard"])
def test_the_commands_write_it(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = [write_run(run, tmp_path) for run in RUNS]
    out = tmp_path / "deep" / "page.html"
    assert main([command, *files, "--html", str(out), "--json"]) == 0
    said = capsys.readouterr()
    json.loads(said.out)
    assert f"page: {out}" in said.err
    text = out.read_text(encoding="utf-8")
    assert "tuned" in text
    assert bool(_data(text)["cases"]) is (command != "leaderboard")


def test_a_page_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InfrastructureError, match="cannot write"):
        write_page(tmp_path / "file" / "page.html", Page(title="x"))
