"""`bench.run`, `bench.load_run` and `reports.compare`: the command line's results, as objects and frames."""

import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import bench
import reports
from adapters import ModelError, Target
from bench import RunResult, RunResults, load_run, run
from bench.cli import main, parser
from bench.engines import EngineOptions, ScriptedEngine
from bench.errors import DialectError, UsageError
from bench.notebook import RunSettings
from bench.plan import Settings
from bench.runner import Chosen
from bench.runner import run as measure
from bench.store import Run, read_run
from reports import compare, comparison_data, summarise
from suites import SuiteError
from tests.made_runs import CANDIDATE, lost_record, made_record, made_run, rows, two_runs, write_run
from tests.reports.hostile import hostile_run

ROOT = Path(__file__).parents[2]


@pytest.fixture
def two(chosen: Chosen, target: Target, script: dict[str, str]) -> list[Run]:
    """Two runs in home: one of scripted replies, one in which every reply declines."""
    declined = dict.fromkeys(script, "I am sorry, I cannot do that.")
    return [
        measure(chosen, target, Settings(), ScriptedEngine(said)) for said in (script, declined)
    ]


# --- what is imported, and what there is -----------------------------------------------------------


def test_importing_the_packages_imports_nothing_heavy() -> None:
    code = (
        "import json, sys, bench, reports; bench.run, bench.load_run, reports.compare; "
        "print(json.dumps([m for m in ('torch', 'transformers', 'pandas') if m in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == []
    bare = subprocess.run(
        [
            sys.executable,
            "-c",
            "import bench, sys; print(len([m for m in sys.modules if '.' in m]))",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(bare.stdout) < 40


def test_the_names_are_there_and_no_others() -> None:
    assert {"run", "load_run", "RunResult", "RunResults"} <= set(dir(bench))
    assert all(hasattr(bench, name) for name in bench.__all__)
    assert not hasattr(bench, "runn")
    assert callable(reports.compare)


def test_every_setting_of_the_command_line_has_its_keyword() -> None:
    """And each with the same default."""
    typed = vars(parser().parse_args(["run", "call"]))
    keywords = {
        name: p.default
        for name, p in inspect.signature(run).parameters.items()
        if p.kind is inspect.Parameter.KEYWORD_ONLY
    }
    settings = {**vars(Settings()), **vars(EngineOptions())}
    assert set(RunSettings.__annotations__) == set(settings)
    other = {
        "command",
        "main",
        "suites",
        "no_base",
        "no_cache",
        "plan",
        "resume",
        "config",
        "format",
    }
    assert set(typed) - other == {*keywords, *settings} - {"base", "cache"}
    assert (keywords["base"], keywords["cache"]) == (not typed["no_base"], not typed["no_cache"])
    for name, default in {**keywords, **settings}.items():
        if name in typed:
            assert (typed[name] or None) == (default or None), name


# --- run -------------------------------------------------------------------------------------------


@pytest.fixture
def measured(
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
    suite_file: Path,
    tmp_path: Path,
) -> RunResults:
    """Base and an adapter of a tiny model on three cases."""
    return run(
        suite_file,
        model=tiny_models["gemma3"],
        adapters=tiny_adapters["gemma3"]["a"],
        dialect="gemma",
        limit=3,
        max_tokens=6,
        device="cpu",
        cache=False,
        store=str(tmp_path / "copies"),
    )


def test_a_run_from_python_is_the_run_of_the_command_line(
    measured: RunResults,
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
    suite_file: Path,
    home: Path,
    tmp_path: Path,
) -> None:
    mine = {Path(x.path) for x in measured}
    words = ["run", str(suite_file), "--model", str(tiny_models["gemma3"]), "--no-cache"]
    words += ["--adapters", str(tiny_adapters["gemma3"]["a"]), "--dialect", "gemma", "--json"]
    assert main([*words, "--limit", "3", "--max-tokens", "6", "--device", "cpu"]) == 0
    theirs = sorted(set((home / "runs").glob("*.jsonl")) - mine, key=lambda f: "+" in f.name)
    assert len(theirs) == len(measured) == 2
    for ours, path in zip(measured, theirs, strict=True):
        other = read_run(path)
        assert [(r.key, r.text, r.verdict) for r in ours.run.records] == [
            (r.key, r.text, r.verdict) for r in other.records
        ]
        apart = {"run_id", "command", "started"}
        assert ours.manifest.model_dump(exclude=apart) == other.manifest.model_dump(exclude=apart)
        assert ours.complete
        assert (tmp_path / "copies" / Path(ours.path).name).read_bytes() == (
            Path(ours.path).read_bytes()
        )
    assert measured[0].manifest.adapter is None
    assert measured[1].manifest.adapter is not None


def test_the_results_are_a_list_with_frames_of_all_targets(measured: RunResults) -> None:
    base, tuned = measured
    assert (measured[0], measured[-1], measured[:1][0]) == (base, tuned, base)
    assert isinstance(measured[1:], RunResults)
    assert list(measured.frame.columns) == ["target", *base.frame.columns]
    assert list(measured.summary.columns) == ["target", *base.summary.columns]
    assert measured.frame.groupby("target", sort=False).size().to_dict() == {
        base.manifest.target: 3,
        tuned.manifest.target: 3,
    }
    assert repr(measured).count(".jsonl>") == 2
    assert base.manifest.target in measured._repr_html_()


@pytest.mark.parametrize(
    ("suites", "settings", "kind", "words"),
    [
        ([], {}, UsageError, "name a suite"),
        (["cal"], {}, SuiteError, "there is no suite 'cal'"),
        (["call"], {"model": "modell"}, ModelError, "there is no model 'modell'"),
        (["call"], {"base": False}, ModelError, "--no-base leaves nothing"),
        (["call"], {"engine": "vlm"}, UsageError, "there is no engine 'vlm'"),
        (["call"], {"dialect": "gema"}, UsageError, "there is no dialect 'gema'"),
        (["call"], {"limit": 0}, UsageError, "--limit must be at least 1"),
        (["call"], {"samples": 2}, UsageError, "--samples 2 needs --temperature"),
        (["call"], {"top_p": 0.5}, UsageError, "--top-p has no meaning"),
        (["call"], {"vary": "orders"}, SuiteError, "no kind of variant 'orders'"),
        (["call"], {"base_url": "http://x"}, UsageError, "--base-url belongs to --engine server"),
        (
            ["call"],
            {"max_token": 3},
            TypeError,
            "no setting 'max_token'; did you mean 'max_tokens'",
        ),
        (["call"], {"colour": 3}, TypeError, "no setting 'colour'"),
    ],
)
def test_what_cannot_be_run_is_refused_before_a_model_is_loaded(
    suites: list[str],
    settings: dict[str, Any],
    kind: type[Exception],
    words: str,
    home: Path,
    model_folder: Path,
) -> None:
    given = {"model": model_folder, "dialect": "gemma", **settings}
    with pytest.raises(kind, match=words.replace("(", r"\(")):
        run(*suites, **given)
    assert not (home / "runs").exists()


def test_a_dialogue_that_the_dialect_cannot_say_is_refused_like_the_rest() -> None:
    assert all(
        issubclass(e, ValueError) for e in (UsageError, SuiteError, ModelError, DialectError)
    )


# --- a run as frames -------------------------------------------------------------------------------


def test_the_frame_is_the_records(two: list[Run]) -> None:
    result = load_run(two[0].path)
    assert result.run == two[0]
    frame = result.frame
    assert frame is result.records
    assert frame.passed.dtype == bool
    for row, record in zip(frame.itertuples(), two[0].records, strict=True):
        assert (row.suite, row.id, row.group) == (record.suite, record.id, record.case.group)
        assert (row.passed, row.text) == (record.verdict.passed, record.text)
        assert pd.isna(row.failure) == record.verdict.passed
        assert record.verdict.passed or row.failure == record.verdict.failure
        assert row.reason == record.verdict.reason
        assert row.request == record.case.messages[-1].content
    wrong = frame[frame.failure == "wrong_value"].iloc[0]
    assert wrong.expected == 'get_weather(city="Graz")'
    assert wrong.actual == 'get_weather(city="Oslo")'


def test_the_summary_is_that_of_the_command_line(
    two: list[Run], capsys: pytest.CaptureFixture[str]
) -> None:
    summary = load_run(two[0].path).summary
    assert list(summary.columns) == ["suite", "category", "n", "passed", "rate", "low", "high"]
    assert main(["report", two[0].path, "--json"]) == 0
    (data,) = json.loads(capsys.readouterr().out)
    wanted = [{k: s[k] for k in summary.columns} for s in data["scores"]]
    assert summary.to_dict("records") == wanted
    passed = sum(r.verdict.passed for r in two[0].records)
    assert (summary.n[0], summary.passed[0], summary.rate[0]) == (12, passed, passed / 12)


def test_a_run_is_found_by_path_url_id_and_the_start_of_one(two: list[Run]) -> None:
    wanted = two[0].manifest.run_id
    for name in (two[0].path, Path(two[0].path), f"file://{two[0].path}", wanted, wanted[:-1]):
        assert load_run(name).manifest.run_id == wanted
    with pytest.raises(UsageError, match="there is no run 'nothing'"):
        load_run("nothing")
    with pytest.raises(UsageError, match="fits 2 runs"):
        load_run(wanted[:6])


def test_a_run_says_what_it_is(two: list[Run]) -> None:
    text = repr(load_run(two[0].path))
    passed = sum(r.verdict.passed for r in two[0].records)
    assert text.startswith("<some-model on mine/dev: ")
    assert f"{passed} of 12 passed" in text
    assert text.endswith(f"{two[0].path}>")


def test_an_unfinished_run_and_one_without_replies_say_so() -> None:
    lost = [lost_record(row) for row in rows("mine", 3)]
    result = RunResult(run=made_run(lost, complete=False))
    assert "no case scored, NOT COMPLETE" in repr(result)
    assert result.frame.outcome.tolist() == ["error"] * 3
    assert result.summary.n.tolist() == [0, 0]
    assert result.summary.rate.isna().all()
    empty = RunResult(run=made_run([], complete=False))
    assert list(empty.frame.columns) == list(result.frame.columns)
    assert len(empty.frame) == 0
    assert "NOT COMPLETE" in empty._repr_html_()


# --- compare ---------------------------------------------------------------------------------------

LINES = ["suite", "category", "n", "first", "second", "difference", "low", "high"]
LINES += ["p", "p_adjusted", "verdict"]


@pytest.fixture
def pair(tmp_path: Path) -> list[Run]:
    """Forty cases right in both, twelve fixed, two broken; as files."""
    some = rows("mine", 54, categories=("plain", "odd"))
    return [read_run(write_run(r, tmp_path)) for r in two_runs(some[14:], some[:2], some[2:14])]


def test_the_comparison_is_that_of_the_command_line(
    pair: list[Run], capsys: pytest.CaptureFixture[str]
) -> None:
    compared = compare(*pair, margin=3)
    assert main(["compare", *(r.path for r in pair), "--margin", "3", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data == comparison_data(compared.comparisons[0])
    frame = compared.frame
    assert list(frame.columns) == LINES
    for row, line in zip(frame.to_dict("records"), data["scores"], strict=True):
        same = ("suite", "category", "n", "difference", "low", "high", "p", "p_adjusted", "verdict")
        assert {k: row[k] for k in same} == {k: line[k] for k in same}
        assert [row["first"], row["second"]] == line["rates"]
    assert frame.verdict[0] == "better"
    assert repr(compared).startswith("base -> tuned: better (54 cases, 77.8 -> 96.3, +18.5 [")


def test_every_case_has_its_fate(pair: list[Run]) -> None:
    cases = compare(*pair).cases
    assert cases.fate.value_counts().to_dict() == {"both right": 40, "fixed": 12, "broken": 2}
    assert cases.fate.iloc[:2].tolist() == ["broken"] * 2
    broken = cases.iloc[0]
    assert pd.isna(broken.failure_first)
    assert (broken.failure_second, broken.reason_first) == ("no_answer", "")
    assert broken.reason_second.startswith("it does not say c0")
    assert broken.expected == "no call, answer: answer c0"
    assert broken.actual_second == "said c0"


def test_the_migration_counts_every_case(pair: list[Run]) -> None:
    found = compare(*pair).migration
    assert list(found.columns) == ["first", "second", "cases"]
    assert found.cases.sum() == 54
    assert ["no_answer", "passed", 12] in found.values.tolist()


def test_runs_are_taken_as_objects_paths_and_ids(two: list[Run], measured: RunResults) -> None:
    first, second = two
    wanted = compare(first, second).frame
    loaded = load_run(first.path)
    for a in (loaded, first.path, Path(first.path), first.manifest.run_id):
        pd.testing.assert_frame_equal(compare(a, second).frame, wanted)
    assert len(compare(*measured).cases) == 3


def test_several_candidates_have_a_column_of_their_own(pair: list[Run]) -> None:
    first, second = pair
    third = made_run(second.records, run_id="20260101-000002-other", target="other")
    both = compare(first, second, third)
    assert list(both.frame.columns) == ["candidate", *LINES]
    one = both.frame[both.frame.candidate == "other"].drop(columns="candidate")
    pd.testing.assert_frame_equal(one.reset_index(drop=True), compare(first, third).frame)
    assert set(both.cases.candidate) == set(both.migration.candidate) == {"tuned", "other"}
    assert len(repr(both).splitlines()) == 2
    assert "Against base" in both._repr_html_()


def test_other_conditions_are_refused_unless_forced() -> None:
    some = rows("mine", 6)
    runs = two_runs(some, sampling={"max_tokens": 9})
    with pytest.raises(UsageError, match=r"not measured under the same conditions: max tokens"):
        compare(*runs)
    forced = compare(*runs, force=True)
    assert any("NOT THE SAME CONDITIONS: max tokens" in note for note in forced.notes)
    assert repr(forced).startswith("FORCED: base -> tuned")


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "at least one other run"), (1, "at least one other run"), (9, "9 runs are too many")],
)
def test_too_few_and_too_many_runs_are_refused(count: int, words: str) -> None:
    some, _ = two_runs(rows("mine", 3))
    with pytest.raises(UsageError, match=words):
        compare(*[some] * count)


def test_what_is_no_run_is_refused(pair: list[Run]) -> None:
    with pytest.raises(UsageError, match="not DataFrame"):
        compare(pair[0], pd.DataFrame())  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="there is no run 'nothing'"):
        compare(pair[0], "nothing")
    with pytest.raises(UsageError, match="a margin of 101 points is none"):
        compare(*pair, margin=101)
    other = made_run([made_record(r, True) for r in rows("other", 2)], **CANDIDATE)
    with pytest.raises(UsageError, match="no case in common"):
        compare(pair[0], other)


# --- what a notebook shows -------------------------------------------------------------------------


class _Tags(HTMLParser):
    """The tags and attributes of a fragment."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[tuple[str, str | None]] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes.update(attrs)


@pytest.mark.parametrize(
    "shown",
    [
        lambda a, _: RunResult(run=a)._repr_html_(),
        lambda a, b: RunResults([RunResult(run=a), RunResult(run=b)])._repr_html_(),
        lambda a, b: compare(a, b)._repr_html_(),
        lambda a, b: compare(b, a, a)._repr_html_(),
    ],
    ids=["run", "runs", "two", "three"],
)
def test_hostile_text_stays_text_in_a_notebook(shown: Callable[[Run, Run], str]) -> None:
    name = "<script>window.pwned = 9</script>$x^2$"
    right, wrong = hostile_run(True, target=name), hostile_run(False, run_id="x-2", target="b")
    page = shown(right, wrong)
    tags = _Tags()
    tags.feed(page)
    assert tags.found <= {"div", "p", "b", "small", "table", "thead", "tbody", "tr", "th", "td"}
    assert tags.attributes == {("class", "tex2jax_ignore mathjax_ignore")}
    assert "&lt;script&gt;" in page
    assert not any(c in page for c in "\x00\x07\x1b\u2028\u202e")


def test_frames_and_reprs_of_hostile_runs_can_be_made_and_written(tmp_path: Path) -> None:
    name = "a\x1b[31m\nb"
    right, wrong = hostile_run(True, target=name), hostile_run(False, run_id="x-2", target="b")
    result, compared = RunResult(run=wrong), compare(right, wrong)
    for frame in (result.frame, result.summary, compared.frame, compared.cases):
        frame.to_json(tmp_path / "frame.json")
        frame.to_csv(tmp_path / "frame.csv")
    for text in (repr(RunResult(run=right)), repr(compared)):
        assert "\x1b" not in text
        assert "\n" not in text
    assert summarise(wrong).total.score.passed == 0
