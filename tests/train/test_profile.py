"""Laws of the failure profile: it counts what the run file holds, and never opens what is sealed."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters import Model, Target
from bench.dialects import find_dialect
from bench.engines import Completion, Request, ScriptedEngine
from bench.errors import InfrastructureError, UsageError
from bench.plan import Settings
from bench.runner import Chosen, run
from bench.shots import finished
from bench.stats import proportion
from bench.store import Run, read_run
from suites import Case, FailureMode
from suites.model import Official
from train import FailureProfile, failure_profile

Measure = Callable[..., Run]


def _gold(case: Case) -> str:
    words = [s.text for s in find_dialect("gemma").render([finished(case)]) if s.model]
    return words[-1].removesuffix("<end_of_turn>")


def _mixed(case: Case) -> str:
    """Right, noise, a broken call, a tool of its own, or no reply at all; by the id."""
    stranger = '<tool_call>{"name":"no_such_tool","arguments":{}}</tool_call>'
    kinds = (_gold(case), "abc", '<tool_call>{"name":', stranger, "LOST")
    return kinds[sum(map(ord, case.id)) % 5]


def _noise(_: Case) -> str:
    return "abc"


@pytest.fixture
def measure(tmp_path: Path) -> Measure:
    """Runs a scripted target on suites: measure(reply, *suites, name=…, settings=…, vary=…)."""

    def make(
        reply: Callable[[Case], str],
        *suites: str,
        name: str = "base",
        dialect: str = "gemma",
        settings: Settings | None = None,
        vary: tuple[str, ...] = (),
    ) -> Run:
        chosen = Chosen(names=suites or ("smoke",), vary=vary)
        parts = chosen.selection().parts
        cases = {f"{part.suite.name}:{case.id}": case for part in parts for case in part.asked}

        def script(request: Request) -> str | Completion:
            text = reply(cases[request.id.split(" #")[0]])
            if text != "LOST":
                return text
            return Completion(
                id=request.id,
                text="",
                prompt_tokens=0,
                completion_tokens=0,
                finish="error",
                error="connection reset",
            )

        model = Model(name=name, source="folder", where=str(tmp_path), dialect=dialect)
        target = Target(model=model, folder=tmp_path, hash="0" * 64, dialect=dialect)
        folder = tmp_path / f"runs-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        try:
            return run(
                chosen, target, settings or Settings(), ScriptedEngine(script), folder=folder
            )
        except InfrastructureError:  # replies were lost
            return read_run(next(folder.glob("*.jsonl")))

    return make


def _rows(found: Run) -> list[dict[str, Any]]:
    """The case lines of a run file as plain data."""
    lines = Path(found.path).read_text(encoding="utf-8").splitlines()
    return [item for line in lines if (item := json.loads(line))["kind"] == "case"]


def _recount(profile: FailureProfile, rows: list[dict[str, Any]]) -> None:
    scored = [r for r in rows if r["verdict"]["outcome"] != "error"]
    groups = [(r["suite"], r["case"]["group"]) for r in scored]
    assert profile.failed == proportion([not r["verdict"]["passed"] for r in scored], groups)
    assert profile.errors == len(rows) - len(scored)
    modes = Counter(r["verdict"]["failure"] for r in scored) - Counter({None: len(scored)})
    assert {x.mode.value: x.failed.passed for x in profile.modes} == dict(modes)
    for line in profile.modes:
        hits = [r["verdict"]["failure"] == line.mode.value for r in scored]
        assert line.failed == proportion(hits, groups)
        named = {(r["suite"], r["id"]) for r, hit in zip(scored, hits, strict=True) if hit}
        assert line.cases == len(named)
    for part in profile.lines:
        some = [
            r
            for r in rows
            if r["suite"] == part.suite and part.category in ("", r["case"].get("category", ""))
        ]
        lost = [r for r in some if r["verdict"]["outcome"] == "error"]
        assert part.errors == len(lost)
        assert part.failed.n == len(some) - len(lost)
        assert part.failed.passed == sum(part.modes.values())
        assert part.modes == Counter(
            r["verdict"]["failure"] for r in some if r["verdict"]["failure"]
        )


def test_every_count_is_that_of_the_run_file(measure: Measure) -> None:
    found = measure(_mixed, "call", "output")
    profile = failure_profile([found])
    _recount(profile, _rows(found))
    assert profile.errors > 0
    assert len(profile.modes) > 3
    assert 0 < profile.failed.passed < profile.failed.n
    assert {x.suite for x in profile.lines} == {"call", "output"}
    assert any(x.category for x in profile.lines)


def test_intervals_are_clustered_by_group(measure: Measure) -> None:
    profile = failure_profile([measure(_mixed, "call")])
    alone = proportion(
        [True] * profile.failed.passed + [False] * (profile.failed.n - profile.failed.passed),
        range(profile.failed.n),
    )
    assert profile.failed.groups < profile.failed.n
    assert profile.failed.interval != alone.interval


def test_the_weights_are_the_shares_of_the_failures(measure: Measure) -> None:
    profile = failure_profile([measure(_mixed)])
    weights = profile.weights()
    assert sum(weights.values()) == pytest.approx(1)
    counts = Counter(f.mode for f in profile.failures)
    assert weights == {mode: n / len(profile.failures) for mode, n in counts.items()}
    assert list(weights.values()) == sorted(weights.values(), reverse=True)


def test_without_a_failure_there_is_nothing_to_train_from(measure: Measure) -> None:
    profile = failure_profile([measure(_gold)])
    assert profile.empty
    assert (profile.modes, profile.failures) == ((), ())
    assert profile.failed.passed == 0
    with pytest.raises(UsageError, match=r"nothing to train from.*more dev cases"):
        profile.weights()


def test_a_failure_shows_what_was_asked_expected_and_said(measure: Measure) -> None:
    found = measure(_mixed, "call")
    by_id = {r.id: r for r in found.records}
    profile = failure_profile([found])
    assert {f.case for f in profile.failures} == {r.id for r in found.records if r.verdict.failure}
    for failure in profile.failures:
        record = by_id[failure.case]
        assert failure.request == [m.content for m in record.case.messages if m.role == "user"][-1]
        assert failure.reason == record.verdict.reason
        assert failure.category == record.case.category
        wanted = record.case.expectation
        first = wanted.calls[0].name if wanted.calls else f"{wanted.no_call}: {wanted.text}"
        assert failure.expected.startswith(first)
        assert failure.actual == ("no_such_tool {}" if record.calls else record.text)


def test_runs_of_one_target_are_pooled_in_clusters_of_the_same_groups(measure: Measure) -> None:
    one, other = measure(_mixed, "call"), measure(_noise, "call", "output")
    pooled = failure_profile([one, other])
    rows = [*_rows(one), *_rows(other)]
    _recount(pooled, rows)
    assert pooled.failed.groups == len({(r["suite"], r["case"]["group"]) for r in rows})
    assert {f.run for f in pooled.failures} == {one.manifest.run_id, other.manifest.run_id}
    assert [s.name for s in pooled.suites] == ["call", "output"]


def test_samples_count_and_variants_do_not(measure: Measure) -> None:
    sampled = measure(_mixed, settings=Settings(samples=3, temperature=0.7))
    _recount(failure_profile([sampled]), _rows(sampled))
    varied = measure(_mixed, vary=("order",))
    plain = failure_profile([varied])
    assert len(varied.records) == 2 * (plain.failed.n + plain.errors)
    assert not [f for f in plain.failures if "~" in f.case]


def test_an_unfinished_run_is_noted(measure: Measure) -> None:
    found = replace(measure(_noise), end=None)
    assert "NOT COMPLETE" in failure_profile([found]).notes[0]


def test_other_settings_of_pooled_runs_are_noted(measure: Measure) -> None:
    one = measure(_noise)
    (note,) = failure_profile([one, measure(_noise, settings=Settings(max_tokens=7))]).notes
    assert "differs" in note
    assert "sampling" in note
    assert failure_profile([one, measure(_noise, settings=Settings(batch_size=3))]).notes == ()


@pytest.mark.parametrize("suites", [["call/test"], ["output", "arguments/test"]])
def test_a_test_split_is_not_opened(measure: Measure, suites: list[str]) -> None:
    with pytest.raises(UsageError, match=rf"{suites[-1]}, which is opened once, at the end"):
        failure_profile([measure(_mixed), measure(_mixed, *suites)])


def test_an_imported_suite_is_not_opened(measure: Measure, home: Path) -> None:
    folder = home / "suites" / "theirs" / "dev"
    folder.mkdir(parents=True)
    (folder.parent / "suite.yaml").write_text("name: theirs\nversion: '1'\nabout: Theirs.\n")
    row = {"id": "a", "user": "Hello.", "no_call": "answer", "reply": "Good day."}
    (folder / "cases.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(UsageError, match="imported suite theirs, which is opened once"):
        failure_profile([measure(_mixed, "theirs")])


def test_the_cases_of_a_public_benchmark_are_known_by_themselves(measure: Measure) -> None:
    found = measure(_mixed)
    first = found.records[0]
    official = Official(checker="bfcl", category="simple_python", functions=())
    marked = first.model_copy(update={"case": first.case.model_copy(update={"official": official})})
    foreign = replace(found, records=(marked, *found.records[1:]))
    with pytest.raises(UsageError, match=f"imported suite {first.suite}"):
        failure_profile([foreign])


def test_what_is_not_one_target_is_not_pooled(measure: Measure) -> None:
    one = measure(_mixed)
    changed = one.manifest.suites[0].model_copy(update={"hash": "f" * 64})
    suites = (changed, *one.manifest.suites[1:])
    manifest = one.manifest.model_copy(update={"run_id": "later", "suites": suites})
    for others, why in (
        ([one], "is named twice"),
        ([measure(_mixed, name="another")], "not runs of one target: target base and another"),
        ([measure(_mixed, dialect="functiongemma")], "dialect gemma and functiongemma"),
        ([measure(_mixed, settings=Settings(shots=1))], "shots 0 and 1"),
        ([replace(one, manifest=manifest)], "another version of suite call"),
    ):
        with pytest.raises(UsageError, match=why):
            failure_profile([one, *others])
    with pytest.raises(UsageError, match="at least one run"):
        failure_profile([])


def test_cases_of_the_exclusion_list_are_counted_apart(measure: Measure) -> None:
    found = measure(_noise)
    first = found.records[0]
    case = first.case.model_copy(update={"excluded": ("gold_fails",)})
    marked = replace(found, records=(first.model_copy(update={"case": case}), *found.records[1:]))
    profile = failure_profile([marked])
    assert profile.excluded == 1
    assert profile.failed.n == len(found.records) - 1
    assert first.id not in {f.case for f in profile.failures}


def test_every_mode_of_the_profile_is_a_failure_mode(measure: Measure) -> None:
    profile = failure_profile([measure(_mixed, "output")])
    assert {x.mode for x in profile.modes} <= set(FailureMode)
