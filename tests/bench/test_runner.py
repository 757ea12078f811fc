"""Running with a scripted engine: what is written down, lack of memory, and engines that go wrong."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from adapters import Target
from bench.engines import Completion, Request, ScriptedEngine
from bench.errors import InfrastructureError, OutOfMemoryError, UsageError
from bench.plan import Settings
from bench.records import input_hash
from bench.runner import Chosen, run
from bench.store import read_run
from suites import Case, FailureMode, Outcome

Script = dict[str, str]
SETTINGS = Settings(batch_size=4)


def only_run(home: Path) -> Path:
    """The one run file in home."""
    (path,) = (home / "runs").glob("*.jsonl")
    return path


def test_every_case_is_judged_once_and_by_its_own_reply(
    chosen: Chosen, target: Target, script: Script, cases: dict[str, Case]
) -> None:
    found = run(chosen, target, SETTINGS, ScriptedEngine(script))
    assert sorted(f"{r.suite}:{r.id}" for r in found.records) == sorted(cases)
    failed = {r.id: r.verdict.failure for r in found.records if not r.verdict.passed}
    assert failed == {
        "w1.call": FailureMode.WRONG_VALUE,
        "w2.call": FailureMode.MALFORMED_CALL,
        "w3.none": FailureMode.INVENTED_TOOL,
        "w4.none": FailureMode.TRUNCATED,
    }
    assert found.end is not None
    assert (found.end.cases, found.end.passed, found.end.scored) == (12, 8, 12)


def test_a_record_holds_the_question_the_reply_and_its_sizes(
    chosen: Chosen, target: Target, script: Script, cases: dict[str, Case]
) -> None:
    for record in run(chosen, target, SETTINGS, ScriptedEngine(script)).records:
        name = f"mine:{record.id}"
        assert record.case == cases[name]
        assert record.input == input_hash(cases[name])
        assert script[name].startswith(record.text)
        assert record.completion_tokens == min(len(script[name].split()), 128)
        assert record.prompt_tokens > 10


def test_the_manifest_repeats_what_was_asked_for(
    chosen: Chosen, target: Target, script: Script, suite_file: Path
) -> None:
    few = Chosen(names=chosen.names, pattern="*.call", limit=2)
    settings = Settings(batch_size=4, max_tokens=9, shots=1)
    manifest = run(few, target, settings, ScriptedEngine(script), command=["run", "x"]).manifest
    assert manifest.selection == {
        "names": [str(suite_file)],
        "pattern": "*.call",
        "limit": 2,
        "vary": [],
        "adapter": None,
    }
    assert manifest.selection_hash == few.selection().hash
    assert [(s.name, s.cases) for s in manifest.suites] == [("mine", 2)]
    assert (manifest.model_hash, manifest.dialect) == (target.hash, "gemma")
    assert manifest.sampling == settings.sampling
    assert (manifest.shots, manifest.label) == (1, "some-model, 1 shots")
    assert (manifest.engine, manifest.command) == ("scripted", ("run", "x"))


def test_runs_lie_in_home_under_names_of_their_own(
    chosen: Chosen, target: Target, script: Script, home: Path
) -> None:
    paths = {run(chosen, target, SETTINGS, ScriptedEngine(script)).path for _ in range(2)}
    assert paths == {str(p) for p in (home / "runs").glob("*.jsonl")}
    assert len(paths) == 2


def test_a_batch_that_does_not_fit_is_halved_noted_and_all_cases_are_judged(
    chosen: Chosen, target: Target, script: Script, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = ScriptedEngine(script, capacity=3)
    found = run(chosen, target, Settings(batch_size=12), engine)
    assert sorted(map(len, engine.batches)) == [3, 3, 3, 3]
    whole = run(chosen, target, Settings(batch_size=12), ScriptedEngine(script))
    assert {r.key: r.verdict for r in found.records} == {r.key: r.verdict for r in whole.records}
    notes = ("batch of 12 halved: out of memory", "batch of 6 halved: out of memory")
    assert {r.notes for r in found.records} == {notes}
    assert {r.notes for r in whole.records} == {()}
    assert "out of memory with 12 prompts, trying 6" in capsys.readouterr().err


def test_a_single_case_that_does_not_fit_is_an_error_and_the_others_are_judged(
    chosen: Chosen, target: Target, script: Script, home: Path
) -> None:
    first = _order(chosen, target, script)[0]

    def reply(request: Request) -> str:
        if request.id == first:
            raise OutOfMemoryError("no room")
        return script[request.id]

    with pytest.raises(
        InfrastructureError, match=r"1 cases got no reply .*does not fit into memory"
    ):
        run(chosen, target, SETTINGS, ScriptedEngine(reply))
    kept = read_run(only_run(home))
    assert (len(kept.records), kept.complete) == (12, False)
    lost = [r for r in kept.records if r.verdict.outcome == "error"]
    assert [f"{r.suite}:{r.id}" for r in lost] == [first]


class Mixing(ScriptedEngine):
    """Loses, repeats or invents replies of its second batch."""

    def __init__(self, script: Script, how: str) -> None:
        super().__init__(script)
        self._how = how

    def generate(self, requests: Sequence[Request]) -> list[Completion]:
        found = super().generate(requests)
        stranger = Completion(id="mine:w9.call", text="", prompt_tokens=1, completion_tokens=0)
        if len(self.batches) == 2:
            return {
                "lost": found[:-1],
                "twice": [*found, found[0]],
                "instead": [*found[:-1], found[0]],
                "foreign": [*found, stranger],
                "swapped": [*found[:-1], stranger],
                "none": [],
            }[self._how]
        return found


@pytest.mark.parametrize("how", ["lost", "twice", "instead", "foreign", "swapped", "none"])
def test_replies_that_are_lost_twice_or_foreign_stop_the_run(
    how: str, chosen: Chosen, target: Target, script: Script, home: Path
) -> None:
    with pytest.raises(InfrastructureError, match="lost or mixed up replies"):
        run(chosen, target, SETTINGS, Mixing(script, how))
    assert len(read_run(only_run(home)).records) == 4


def test_the_order_of_an_engine_s_replies_does_not_matter(
    chosen: Chosen, target: Target, script: Script
) -> None:
    class Backwards(ScriptedEngine):
        def generate(self, requests: Sequence[Request]) -> list[Completion]:
            return super().generate(requests)[::-1]

    one = run(chosen, target, SETTINGS, Backwards(script))
    other = run(chosen, target, SETTINGS, ScriptedEngine(script))
    assert [(r.key, r.text) for r in one.records] == [(r.key, r.text) for r in other.records]


def test_a_reply_that_failed_is_neither_right_nor_wrong_and_leaves_the_run_open(
    chosen: Chosen, target: Target, script: Script, home: Path
) -> None:
    def reply(request: Request) -> str | Completion:
        if not request.id.endswith("w0.call"):
            return script[request.id]
        return Completion(
            id=request.id,
            text="",
            prompt_tokens=1,
            completion_tokens=0,
            finish="error",
            error="connection reset",
        )

    with pytest.raises(InfrastructureError, match=r"1 cases got no reply .w0.call: .*reset"):
        run(chosen, target, SETTINGS, ScriptedEngine(reply))
    kept = read_run(only_run(home))
    assert not kept.complete
    lost = next(r for r in kept.records if r.id == "w0.call")
    assert (lost.verdict.outcome, lost.verdict.passed) == (Outcome.ERROR, False)
    assert len(kept.records) == 12


def test_a_disk_that_is_no_folder_is_refused_before_anything_is_generated(
    chosen: Chosen, target: Target, script: Script, tmp_path: Path
) -> None:
    engine = ScriptedEngine(script)
    with pytest.raises(UsageError, match="cannot write"):
        run(chosen, target, SETTINGS, engine, folder=tmp_path / "missing")
    assert engine.batches == []


def test_a_case_without_a_line_in_the_script_is_a_failure_of_the_engine(
    chosen: Chosen, target: Target
) -> None:
    with pytest.raises(InfrastructureError, match="the script has no reply for 'mine:"):
        run(chosen, target, SETTINGS, ScriptedEngine({}))


def test_a_run_file_is_plain_json_lines(chosen: Chosen, target: Target, script: Script) -> None:
    found = run(chosen, target, SETTINGS, ScriptedEngine(script))
    lines = [json.loads(line) for line in Path(found.path).read_text("ascii").splitlines()]
    assert [line["kind"] for line in lines] == ["manifest", *["case"] * 12, "end"]


def _order(chosen: Chosen, target: Target, script: Script) -> list[str]:
    engine = ScriptedEngine(script)
    run(chosen, target, SETTINGS, engine, folder=_beside(chosen))
    return [name for batch in engine.batches for name in batch]


def _beside(chosen: Chosen) -> Path:
    folder = Path(chosen.names[0]).parent / "order"
    folder.mkdir()
    return folder
