"""The page in a real browser (Debian's Chromium): no hostile script runs, and everything can be clicked."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.decide import compare
from reports import comparison_tables, summarise
from reports.charts import comparison_charts, run_charts
from reports.page import Page, case_data, write_page
from tests.made_runs import rows, two_runs
from tests.reports.hostile import TEXTS, hostile_run

CHROMIUM = Path(os.environ.get("CALLBENCH_CHROMIUM", "/usr/bin/chromium"))
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"no browser at {CHROMIUM} (apt-get install chromium)"
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`plain`: 240 cases in two runs; `hostile`."""
    folder = tmp_path_factory.mktemp("pages")
    cases = rows("call", 240, size=2, categories=("direct", "negated"))
    plain = two_runs(cases, broken=cases[100:103], fixed=cases[:8])
    hostile = (hostile_run(False), hostile_run(True, run_id="2", target="tuned"))
    found = {}
    for name, runs in (("plain", plain), ("hostile", hostile)):
        labels = [r.manifest.label for r in runs]
        decided = compare(*runs)
        page = Page(
            title=name,
            tables=comparison_tables(decided),
            charts=[*run_charts([summarise(r) for r in runs], labels), *comparison_charts(decided)],
            cases=case_data(runs, labels),
        )
        found[name] = write_page(folder / f"{name}.html", page)
    return found


class Tab:
    """An open page, what it asked the network for, and what went wrong on it."""

    def __init__(self, browser: Any, file: Path, hash: str = "", **context: Any) -> None:
        self.asked: list[str] = []
        self.errors: list[str] = []
        self.page = browser.new_context(**context).new_page()
        self.page.on("request", lambda r: self.asked.append(r.url))
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        self.page.goto(file.as_uri() + hash)

    def shown(self) -> int:
        """Rows of the table of cases."""
        return int(self.page.locator("#rows tr").count())

    def hash(self) -> str:
        return str(self.page.evaluate("location.hash"))


@pytest.fixture
def plain(browser: Any, pages: dict[str, Path]) -> Tab:
    return Tab(browser, pages["plain"])


def test_no_hostile_script_runs_and_nothing_is_asked_of_the_network(
    browser: Any, pages: dict[str, Path]
) -> None:
    tab = Tab(browser, pages["hostile"])
    assert tab.shown() == len(TEXTS)
    for i in range(len(TEXTS)):
        tab.page.locator("#rows tr").nth(i).click()
        tab.page.locator("#case details").first.click()
        assert tab.page.locator("#case pre").count() >= 2
        tab.page.keyboard.press("Escape")
    assert tab.page.evaluate("window.pwned") is None
    assert tab.page.locator("#rows script, #case script, #case img, #case svg").count() == 0
    assert tab.asked == [pages["hostile"].as_uri()]
    assert tab.errors == []


def test_an_injected_script_is_stopped_by_the_pages_policy(plain: Tab) -> None:
    """The second wall: even markup that got onto the page would not run."""
    plain.page.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'window.pwned = 9';"
        " document.body.append(s); }"
    )
    assert plain.page.evaluate("window.pwned") is None
    assert any("Content Security Policy" in e for e in plain.errors)


def test_filters_narrow_the_rows_and_stand_in_the_address(plain: Tab) -> None:
    assert plain.shown() == 100
    assert plain.page.locator("#count").inner_text() == "240 of 240"
    plain.page.select_option("#state", "broken")
    assert plain.shown() == 3
    assert "state=broken" in plain.hash()
    plain.page.select_option("#state", "fixed")
    plain.page.select_option("#category", "negated")
    assert plain.shown() == 4
    plain.page.fill("#q", "c2")
    assert plain.shown() == 1
    plain.page.click("#reset")
    assert plain.page.locator("#count").inner_text() == "240 of 240"
    assert plain.hash() == ""


def test_sorting_and_paging(plain: Tab) -> None:
    def first() -> str:
        return str(plain.page.locator("#rows tr td").nth(2).inner_text())

    plain.page.click("#heads button >> text=case")
    assert first() == "c0"
    plain.page.click("#heads button >> text=case")
    assert first() == "c99"
    assert "sort=-id" in plain.hash()
    plain.page.click("#next")
    plain.page.click("#next")
    assert plain.shown() == 40
    assert plain.page.locator("#next").is_disabled()


def test_a_case_opens_with_both_replies_and_its_link_opens_it_again(
    browser: Any, pages: dict[str, Path], plain: Tab
) -> None:
    plain.page.select_option("#state", "broken")
    plain.page.locator("#rows tr").first.click()
    dialog = plain.page.locator("#case")
    assert dialog.is_visible()
    assert dialog.locator(".replies section").count() == 2
    text = dialog.inner_text()
    assert "call · c100" in text
    assert "it does not say c100" in text
    again = Tab(browser, pages["plain"], plain.hash())
    assert again.page.locator("#case").is_visible()
    assert "call · c100" in again.page.locator("#case").inner_text()
    assert again.shown() == 3
    again.page.keyboard.press("Escape")
    assert not again.page.locator("#case").is_visible()
    assert "case=" not in again.hash()


def test_the_difference_of_a_call_is_shown_argument_by_argument(
    browser: Any, pages: dict[str, Path]
) -> None:
    tab = Tab(browser, pages["hostile"], "#case=hostile:case.0")
    found = tab.page.locator("#case .replies section").first.locator("tr[data-status]")
    assert [found.nth(i).get_attribute("data-status") for i in range(2)] == ["same", "extra"]


def test_the_keyboard_is_enough(plain: Tab) -> None:
    press = plain.page.keyboard.press
    press("/")
    assert plain.page.evaluate("document.activeElement.id") == "q"
    press("Escape")
    press("j")
    press("j")
    press("Enter")
    assert "call · c1" in plain.page.locator("#case").inner_text()
    press("j")
    assert "call · c2" in plain.page.locator("#case").inner_text()
    press("k")
    press("Escape")
    press("?")
    assert plain.page.locator("#keys").is_visible()
    press("Escape")
    plain.page.locator("#rows tr").nth(5).focus()
    press("Enter")
    assert "call · c5" in plain.page.locator("#case").inner_text()


def test_a_mark_tells_where_its_number_comes_from(plain: Tab) -> None:
    mark = plain.page.locator("[data-source]").first
    assert mark.locator("title").count() == 1
    mark.focus()
    told = plain.page.locator("#source").inner_text()
    assert "Wilson 95 %" in told
    assert "20260101-000000-base.jsonl" in told


def test_tables_can_be_sorted(plain: Tab) -> None:
    table = plain.page.locator("table.sortable").first
    head = table.locator("th", has_text="suite").first
    head.click()
    assert head.get_attribute("aria-sort") == "descending"
    head.click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert table.locator("tbody tr td").first.inner_text() == "all"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_dark_and_light_follow_the_system_and_the_button(
    browser: Any, pages: dict[str, Path], scheme: str
) -> None:
    tab = Tab(browser, pages["plain"], color_scheme=scheme)
    paper = "getComputedStyle(document.body).backgroundColor"
    before = tab.page.evaluate(paper)
    tab.page.click("#theme")
    after = tab.page.evaluate(paper)
    assert {before, after} == {"rgb(251, 250, 248)", "rgb(21, 23, 27)"}
    assert (before == "rgb(21, 23, 27)") == (scheme == "dark")


def test_it_fits_a_narrow_screen(browser: Any, pages: dict[str, Path]) -> None:
    tab = Tab(browser, pages["plain"], viewport={"width": 400, "height": 800})
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 400
