"""Judging anew: nothing changes without a cause, what changed keeps its old verdict, the old file stays."""

import json
import resource
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters import Target
from bench.decide import compare
from bench.dialects.tagged import write
from bench.engines import Completion, Request, ScriptedEngine
from bench.errors import InfrastructureError, UsageError
from bench.plan import Settings, plan
from bench.records import Record
from bench.rescore import GONE, OTHER_INPUT, rescore, write_rescored
from bench.runner import Chosen, resume, run
from bench.store import Run, RunWriter, read_run
from reports.leaderboard import conditions
from suites import Outcome, SuiteError, gold_reply, select
from suites.catalogue import BUILTIN, imported_folder
from suites.importers.bfcl import read
from suites.importers.write import import_suite
from suites.vary import KINDS
from tests.made_runs import write_run
from tests.mini_bfcl import write_folder

Edit = Callable[..., None]


@pytest.fixture
def old(chosen: Chosen, target: Target, script: dict[str, str]) -> Run:
    """Twelve replies, some of them wrong in different ways, in home's runs."""
    return run(chosen, target, Settings(), ScriptedEngine(script))


def by_id(found: Run) -> dict[str, Record]:
    return {r.id: r for r in found.records}


def city(name: str) -> dict[str, Any]:
    return {"function_call": {"name": "get_weather", "arguments": {"city": name}}}


def without(records: Any, *fields: str) -> list[dict[str, Any]]:
    return [r.model_dump(mode="json", exclude=set(fields)) for r in records]


# --- nothing has changed ----------------------------------------------------------------------------


def test_without_a_change_every_record_is_as_it_was(old: Run) -> None:
    before = Path(old.path).read_bytes()
    found = rescore(old)
    new = write_rescored(found)
    assert (found.kept, found.broken, found.fixed, found.otherwise) == ((), [], [], [])
    assert without(new.records, "was") == without(old.records, "was")
    assert [r.was for r in new.records] == [r.judgement for r in old.records]
    assert new.end == old.end
    assert {Outcome.MALFORMED, Outcome.CALL} <= {r.verdict.outcome for r in new.records}
    assert any(r.repaired is not None or r.verdict.failure == "truncated" for r in new.records)
    assert Path(old.path).read_bytes() == before
    assert new.path != old.path


def test_the_manifest_is_that_of_the_measurement_and_names_the_origin(old: Run) -> None:
    new = write_rescored(rescore(old)).manifest
    kept = {"run_id", "notes", "rescored"}
    assert new.model_dump(exclude=kept) == old.manifest.model_dump(exclude=kept)
    assert new.rescored is not None
    assert (new.rescored.run_id, new.rescored.path) == (old.manifest.run_id, old.path)
    assert (new.rescored.judged, new.rescored.kept) == (12, 0)
    assert new.rescored.before.date == old.manifest.started
    assert new.rescored.before.git == old.manifest.git
    assert new.judged_by == new.rescored.now
    assert new.notes == (*old.manifest.notes, new.rescored.words)
    assert old.manifest.run_id in new.rescored.words


def test_what_was_rescored_is_rescored_again(old: Run) -> None:
    once = write_rescored(rescore(old))
    twice = write_rescored(rescore(once))
    assert without(twice.records) == without(once.records)
    origin = twice.manifest.rescored
    assert origin is not None
    assert (origin.run_id, origin.before) == (once.manifest.run_id, once.manifest.judged_by)
    assert twice.manifest.notes == (*old.manifest.notes, origin.words)
    assert len({Path(r.path).name for r in (old, once, twice)}) == 3
    assert twice.manifest.run_id.count("rescored") == 1


def test_samples_and_variants_are_judged_one_by_one(target: Target) -> None:
    chosen = Chosen(names=("call", "output"), limit=4, vary=KINDS)
    settings = Settings(temperature=0.8, samples=2)
    golds = {
        j.request.id: write(gold_reply(j.case).calls) or gold_reply(j.case).text
        for batch in plan(chosen.selection(), target, settings)
        for j in batch
    }
    for name in list(golds)[::3]:
        golds[name] = "Hello there."
    old = run(chosen, target, settings, ScriptedEngine(golds))
    new = write_rescored(rescore(old))
    assert len(new.records) == 8 * 4 * 2
    assert without(new.records, "was") == without(old.records, "was")
    assert all(r.was == r.judgement for r in new.records)
    assert 0 < sum(r.verdict.passed for r in new.records) < len(new.records)
    assert new.manifest.selection_hash == old.manifest.selection_hash


def test_a_benchmark_s_own_verdicts_are_given_again(tmp_path: Path, target: Target) -> None:
    import_suite("bfcl", str(write_folder(tmp_path / "data")), read, "bfcl", imported_folder())
    chosen = Chosen(names=("bfcl",))
    golds = {f"bfcl:{c.id}": write(gold_reply(c).calls) for c in select(["bfcl"]).parts[0].cases}
    old = run(chosen, target, Settings(), ScriptedEngine(golds))
    new = write_rescored(rescore(old))
    assert {r.official.valid for r in old.records if r.official} == {True, False}
    assert without(new.records, "was") == without(old.records, "was")


def test_a_run_file_from_before_reads_as_ever(old: Run) -> None:
    file = Path(old.path)
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        line.pop("was", None)
        line.pop("rescored", None)
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert read_run(file) == old
    assert all(r.was is None for r in old.records)


# --- the judge or the gold has changed --------------------------------------------------------------


def test_verdicts_of_an_older_judge_are_put_right_and_stay_readable(
    old: Run, tmp_path: Path
) -> None:
    """It failed one right reply, passed one wrong one, gave one another reason, and read no calls in them."""
    right, wrong, other = (
        next(r for r in old.records if r.id == name) for name in ("w0.call", "w1.call", "w3.none")
    )
    failed = wrong.verdict
    past = {
        right.id: failed,
        wrong.id: right.verdict,
        other.id: other.verdict.model_copy(update={"reason": "once upon a time"}),
    }
    changed = [
        r.model_copy(update={"verdict": past[r.id], "calls": ()}) if r.id in past else r
        for r in old.records
    ]
    (tmp_path / "past").mkdir()
    path = write_run(replace(old, records=tuple(changed)), tmp_path / "past")
    found = rescore(read_run(path))
    new = write_rescored(found)
    assert without(new.records, "was") == without(old.records, "was")
    assert [[r.id for r in some] for some in (found.broken, found.fixed, found.otherwise)] == [
        [wrong.id],
        [right.id],
        [other.id],
    ]
    for name, verdict in past.items():
        kept = by_id(new)[name].was
        assert kept is not None
        assert kept.verdict == verdict
    assert new.end is not None
    assert new.end.passed == sum(r.verdict.passed for r in old.records)


def test_a_corrected_gold_turns_exactly_its_case(old: Run, edit: Edit, chosen: Chosen) -> None:
    """`w1.call` was answered with Oslo: so it fails for as long as Graz is wanted."""
    before = Path(old.path).read_bytes()
    edit("w1.call", model=city("Oslo"), expect=city("Oslo"))
    found = rescore(old)
    new = write_rescored(found)
    assert [r.id for r in found.fixed] == ["w1.call"]
    assert (found.broken, found.otherwise, found.kept) == ([], [], ())
    record = by_id(new)["w1.call"]
    assert record.verdict.passed
    assert record.was == by_id(old)["w1.call"].judgement
    assert record.was is not None
    assert "Graz" in record.was.verdict.reason
    assert record.case == next(c for c in chosen.selection().parts[0].cases if c.id == "w1.call")
    assert Path(old.path).read_bytes() == before


def test_a_copy_of_a_suite_with_another_gold_is_named_with_suites(
    tmp_path: Path, target: Target
) -> None:
    for name in ("first", "fixed"):
        shutil.copytree(BUILTIN / "call", tmp_path / name)
    cases = select([str(tmp_path / "first")], limit=6).parts[0].cases
    wanted = next(c for c in cases if c.expectation.no_call)
    chosen = Chosen(names=(str(tmp_path / "first"),), limit=6)
    golds = {f"call:{c.id}": write(gold_reply(c).calls) or gold_reply(c).text for c in cases}
    old = run(chosen, target, Settings(), ScriptedEngine(golds))
    assert all(r.verdict.passed for r in old.records)
    _replace_expectation(tmp_path / "fixed" / "dev", wanted.id)
    found = rescore(old, [str(tmp_path / "fixed")])
    assert [r.id for r in found.broken] == [wanted.id]
    assert (found.fixed, found.otherwise, found.kept) == ([], [], ())
    assert found.manifest.selection["names"] == [str(tmp_path / "fixed")]
    assert found.manifest.suites[0].hash == select([str(tmp_path / "fixed")]).parts[0].suite.hash


def _replace_expectation(folder: Path, name: str) -> None:
    """The case must now say a word that nobody says."""
    (file,) = (f for f in folder.glob("*.yaml") if f"id: {name}\n" in f.read_text("utf-8"))
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    (row,) = [r for r in content["cases"] if r["id"] == name]
    row["no_call"], row["reply"], row["answer"] = "answer", "It is xyzzy.", {"facts": [["xyzzy"]]}
    file.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


def test_hashes_are_those_of_a_new_run_on_today_s_suite(
    old: Run, edit: Edit, chosen: Chosen, target: Target, script: dict[str, str]
) -> None:
    """So that both can be compared, and stand on one leaderboard."""
    edit("w1.call", model=city("Oslo"), expect=city("Oslo"))
    new = write_rescored(rescore(old))
    fresh = run(chosen, target, Settings(), ScriptedEngine(script))
    assert new.manifest.suites == fresh.manifest.suites != old.manifest.suites
    assert new.manifest.selection_hash == fresh.manifest.selection_hash
    assert new.manifest.rescored is not None
    assert new.manifest.rescored.suites == old.manifest.suites
    assert {r.id: r.judgement for r in new.records} == {r.id: r.judgement for r in fresh.records}
    assert conditions(new.manifest) == conditions(fresh.manifest)
    comparison = compare(new, fresh)
    assert comparison.refused == ()
    assert len(comparison.pairs) == 12
    assert new.manifest.rescored.words in "".join(comparison.told)
    assert compare(old, new).refused != ()


# --- what cannot be compared ------------------------------------------------------------------------


def test_a_case_that_is_gone_or_asks_something_else_keeps_its_verdict(
    old: Run, edit: Edit, chosen: Chosen
) -> None:
    edit("w0.call")
    edit("w1.call", user="Please: and what about Oslo?", model=city("Oslo"), expect=city("Oslo"))
    found = rescore(old)
    assert {k.record.id: k.reason for k in found.kept} == {"w0.call": GONE, "w1.call": OTHER_INPUT}
    new = write_rescored(found)
    assert without(new.records, "was") == without(old.records, "was")
    assert {r.id for r in new.records if r.was is None} == {"w0.call", "w1.call"}
    assert new.manifest.selection_hash not in (
        old.manifest.selection_hash,
        chosen.selection().hash,
    )
    again = rescore(old).manifest
    assert again.selection_hash == new.manifest.selection_hash


def test_what_is_kept_the_second_time_says_nothing_of_the_first(old: Run, edit: Edit) -> None:
    once = write_rescored(rescore(old))
    edit("w0.call")
    twice = write_rescored(rescore(once))
    assert by_id(twice)["w0.call"].was is None
    assert by_id(twice)["w0.call"].judgement == by_id(old)["w0.call"].judgement


def test_variants_follow_their_case(
    suite_file: Path, edit: Edit, target: Target, script: dict[str, str]
) -> None:
    chosen = Chosen(names=(str(suite_file),), vary=("names",))
    texts = {**script, **{f"{name}~names": text for name, text in script.items()}}
    old = run(chosen, target, Settings(), ScriptedEngine(texts))
    edit("w0.call")
    edit("w5.none", user="Please: what is it like in Turku?")
    found = rescore(old)
    assert {k.record.id: k.reason for k in found.kept} == {
        "w0.call": GONE,
        "w0.call~names": GONE,
        "w5.none": OTHER_INPUT,
        "w5.none~names": OTHER_INPUT,
    }


def test_a_limit_or_a_pattern_hides_no_case(
    suite_file: Path, target: Target, script: dict[str, str]
) -> None:
    """The first four are others when one of them is gone; a case further on still has its gold."""
    old = run(
        Chosen(names=(str(suite_file),), limit=4, pattern="w[01234]*"),
        target,
        Settings(),
        ScriptedEngine(script),
    )
    rows = suite_file.read_text(encoding="utf-8").splitlines()
    suite_file.write_text("\n".join([*rows[1:], rows[2].replace("w1.", "w9.")]) + "\n")
    assert [k.record.id for k in rescore(old).kept] == ["w0.call"]


def test_a_case_without_a_reply_stays_without(
    chosen: Chosen, target: Target, script: dict[str, str], home: Path
) -> None:
    def say(request: Request) -> str | Completion:
        if request.id == "mine:w2.none":
            return Completion(
                id=request.id,
                text="",
                prompt_tokens=1,
                completion_tokens=0,
                finish="error",
                error="connection reset",
            )
        return script[request.id]

    with pytest.raises(InfrastructureError, match="1 cases got no reply"):
        run(chosen, target, Settings(), ScriptedEngine(say))
    (path,) = (home / "runs").glob("*.jsonl")
    found = rescore(read_run(path))
    (kept,) = found.kept
    assert (kept.record.id, "connection reset" in kept.reason) == ("w2.none", True)
    new = write_rescored(found)
    assert not new.complete
    assert by_id(new)["w2.none"] == by_id(read_run(path))["w2.none"]
    with pytest.raises(UsageError, match=f"was rescored from run {path.stem}: resume that one"):
        resume(Path(new.path), ScriptedEngine(script))


def test_a_case_on_the_exclusion_list_leaves_the_score(tmp_path: Path, target: Target) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "suite.yaml").write_text("name: mine\nversion: '1'\nabout: a\nlicence: CC0\n")
    rows = [
        {"id": f"c{i}", "user": f"Say {i}.", "no_call": "answer", "reply": f"It is {i}."}
        for i in (1, 2)
    ]
    (folder / "dev.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    old = run(Chosen(names=(str(folder),)), target, Settings(), ScriptedEngine(lambda _: "Yes."))
    (folder / "exclude.yaml").write_text(
        "version: '1'\nreasons:\n  unclear:\n    about: nobody knows\n    ids: [c1]\n"
    )
    found = rescore(old)
    assert found.exclusions == (1, 0)
    assert [r.id for r in found.records if r.case.excluded] == ["c1"]


# --- refusals ---------------------------------------------------------------------------------------


def test_a_gold_that_is_unsound_today_is_refused(old: Run, edit: Edit) -> None:
    edit("w1.call", model={"function_call": {"name": "get_weather", "arguments": {"city": 7}}})
    with pytest.raises(SuiteError, match=r"mine\.jsonl:3: .*w1\.call"):
        rescore(old)


def test_a_full_disk_leaves_no_part_of_a_file(old: Run, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    found = rescore(old)
    most = Path(old.path).stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        with pytest.raises(InfrastructureError, match="cannot write"):
            write_rescored(found, folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(folder.iterdir()) == []


def test_a_run_that_names_no_suites_or_an_unknown_dialect_is_refused(old: Run) -> None:
    def altered(**fields: Any) -> Run:
        return replace(old, manifest=old.manifest.model_copy(update=fields))

    with pytest.raises(UsageError, match="name them with --suites"):
        rescore(altered(selection={}))
    with pytest.raises(UsageError, match="there is no dialect 'klingon'"):
        rescore(altered(dialect="klingon"))


def test_a_foreign_run_id_makes_no_path(old: Run, tmp_path: Path) -> None:
    """A run file from elsewhere says what it likes."""
    path = tmp_path / "foreign.jsonl"
    writer = RunWriter(path, old.manifest.model_copy(update={"run_id": "../../outside/x"}))
    writer.append(old.records)
    writer.close()
    new = write_rescored(rescore(read_run(path)), tmp_path)
    assert Path(new.path).parent == tmp_path
    assert not (tmp_path.parent / "outside").exists()
    assert "/" not in new.manifest.run_id
