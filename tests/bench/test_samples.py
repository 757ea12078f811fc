"""`--samples` and `--vary` in plans and runs: nothing depends on how many there are, or on interruptions."""

import hashlib
import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters import Target
from bench.engines import Request, ScriptedEngine
from bench.errors import InfrastructureError, UsageError
from bench.plan import Job, Settings, plan, reply_seed
from bench.records import Record
from bench.runner import Chosen, resume, run
from bench.store import Run, read_run
from suites import SuiteError, select
from suites.vary import KINDS, kind_of

SAMPLED = Settings(batch_size=4, temperature=0.8, samples=3)


def by_chance(request: Request) -> str:
    """A reply that depends on everything that tells one request from another, as sampling does."""
    key = f"{request.id}:{request.seed}:{request.prompt}"
    return f"reply {hashlib.sha256(key.encode()).hexdigest()[:12]}"


def judged(found: Run) -> dict[tuple[str, str, int], Any]:
    return {r.key: r.model_copy(update={"seconds": 0.0}) for r in found.records}


def jobs(chosen: Chosen, target: Target, settings: Settings) -> list[Job]:
    return [j for batch in plan(chosen.selection(), target, settings) for j in batch]


@pytest.fixture
def varied() -> Chosen:
    """Ten cases of two suites with all their variants: 40 in all."""
    return Chosen(names=("call", "output"), limit=5, vary=KINDS)


# --- settings and seeds -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"samples": 0}, "--samples must be at least 1"),
        ({"samples": -2, "temperature": 1.0}, "--samples must be at least 1"),
        ({"samples": 2}, "--samples 2 needs --temperature above 0"),
    ],
)
def test_samples_that_make_no_sense_are_refused(fields: dict[str, float], said: str) -> None:
    with pytest.raises(UsageError, match=f"^{said}"):
        Settings(**fields)  # type: ignore[arg-type]


def test_every_reply_has_a_seed_of_its_own_that_follows_from_the_run_s(
    chosen: Chosen, target: Target
) -> None:
    seeds = {
        (run_seed, j.key): j.request.seed
        for run_seed in range(5)
        for j in jobs(chosen, target, replace(SAMPLED, seed=run_seed))
    }
    assert len(seeds) == 5 * 36
    assert len(set(seeds.values())) == len(seeds)
    assert all(0 <= seed < 2**32 for seed in seeds.values())
    assert seeds[3, ("mine", "w0.call", 1)] == reply_seed(3, "mine:w0.call #2")


# --- plans ------------------------------------------------------------------------------------------


def test_a_sample_does_not_depend_on_how_many_there_are(chosen: Chosen, target: Target) -> None:
    plans = {
        k: plan(chosen.selection(), target, Settings(batch_size=4, temperature=0.8, samples=k))
        for k in (1, 2, 5)
    }
    assert [len(p) for p in plans.values()] == [3, 6, 15]
    assert plans[5][:6] == plans[2]
    assert plans[2][:3] == plans[1]


def test_batches_never_mix_samples_and_requests_have_unique_ids(
    chosen: Chosen, target: Target
) -> None:
    batches = plan(chosen.selection(), target, SAMPLED)
    for batch in batches:
        assert len({j.sample for j in batch}) == 1
    every = [j for batch in batches for j in batch]
    assert len({j.request.id for j in every}) == len({j.key for j in every}) == 36
    assert [j.sample for j in every] == sorted(j.sample for j in every)


def test_an_id_that_looks_like_a_sample_is_no_sample(tmp_path: Path, target: Target) -> None:
    line = '{{"id": "{0}", "user": "hello", "no_call": "answer", "reply": "hi"}}\n'
    file = tmp_path / "same.jsonl"
    file.write_text("".join(line.format(name) for name in ("a", "a#2", "a#3")))
    found = jobs(Chosen(names=(str(file),)), target, SAMPLED)
    assert len({j.request.id for j in found}) == 9


def test_originals_are_planned_the_same_with_and_without_variants(target: Target) -> None:
    plain = Chosen(names=("call",), limit=9)
    alone = plan(plain.selection(), target, Settings(batch_size=4))
    for kinds in (("order",), ("names", "distractors"), KINDS):
        chosen = Chosen(names=("call",), limit=9, vary=kinds)
        beside = plan(chosen.selection(), target, Settings(batch_size=4))
        assert beside[: len(alone)] == alone
        assert all(len({kind_of(j.case) for j in batch}) == 1 for batch in beside)
        assert sum(map(len, beside)) == 9 * (1 + len(kinds))


def test_one_kind_is_planned_the_same_beside_another(target: Target) -> None:
    def of(kinds: tuple[str, ...]) -> list[list[Job]]:
        chosen = Chosen(names=("call",), limit=9, vary=kinds)
        batches = plan(chosen.selection(), target, Settings(batch_size=4))
        return [b for b in batches if kind_of(b[0].case) == "names"]

    assert of(("names",)) == of(KINDS)


def test_variants_have_their_original_s_examples(varied: Chosen, target: Target) -> None:
    found = jobs(varied, target, Settings(shots=2))
    shots = {(j.suite, j.case.id): j.shots for j in found if kind_of(j.case) is None}
    assert len(shots) == 10
    for job in found:
        assert job.shots == shots[job.suite, job.case.id.split("~")[0]]


# --- selections -------------------------------------------------------------------------------------


def test_pattern_and_limit_choose_originals() -> None:
    found = select(["call"], pattern="weather.*", limit=3, vary=["order"]).parts[0]
    assert [c.id for c in found.variants] == [f"{c.id}~order" for c in found.cases]
    assert len(found.cases) == 3
    assert found.asked == found.cases + found.variants
    with pytest.raises(SuiteError, match="no case of call matches"):
        select(["call"], pattern="*~order", vary=["order"])


def test_the_hash_covers_the_variants_and_is_unchanged_without_them() -> None:
    hashes = [
        select(["call"], limit=4, vary=v).hash
        for v in ((), ("order",), ("names",), ("order", "names"))
    ]
    assert len(set(hashes)) == 4
    assert hashes[0] == select(["call"], limit=4).hash
    assert select(["call"], limit=4, vary=("names", "order")).hash == hashes[3]
    assert select(["call"], limit=4, vary=("names", "order")).size == 12


def test_an_unknown_kind_is_refused(target: Target) -> None:
    with pytest.raises(SuiteError, match="no kind of variant 'nmes'"):
        run(Chosen(names=("call",), vary=("nmes",)), target, Settings(), ScriptedEngine({}))


# --- runs -------------------------------------------------------------------------------------------


def test_every_case_is_asked_k_times_and_each_reply_is_kept(
    chosen: Chosen, target: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    found = run(chosen, target, SAMPLED, ScriptedEngine(by_chance))
    assert len(found.records) == 36
    assert len({r.text for r in found.records}) == 36
    assert sorted({r.sample for r in found.records}) == [0, 1, 2]
    assert found.end is not None
    assert (found.end.cases, found.end.scored) == (36, 36)
    assert (found.manifest.samples, found.manifest.label) == (3, "some-model, 3 samples")
    assert found.manifest.sampling["samples"] == 3
    assert "12 cases, 3 samples each: 36 replies" in capsys.readouterr().err


def test_sample_i_says_the_same_in_a_run_of_1_2_or_5(chosen: Chosen, target: Target) -> None:
    runs = [
        judged(
            run(
                chosen,
                target,
                Settings(batch_size=4, temperature=0.8, samples=k),
                ScriptedEngine(by_chance),
            )
        )
        for k in (1, 2, 5)
    ]
    for few, many in itertools.pairwise(runs):
        assert few.items() <= many.items()


@pytest.fixture
def interrupted(target: Target, home: Path) -> Callable[[Chosen, int], Path]:
    """The file of a sampled run that stopped after so many replies."""

    def build(chosen: Chosen, replies: int) -> Path:
        asked: list[str] = []

        def reply(request: Request) -> str:
            asked.append(request.id)
            if len(asked) > replies:
                raise KeyboardInterrupt
            return by_chance(request)

        with pytest.raises(InfrastructureError, match=r"of \d+ replies are in"):
            run(chosen, target, SAMPLED, ScriptedEngine(reply))
        (path,) = (home / "runs").glob("*.jsonl")
        return path

    return build


@pytest.mark.parametrize("replies", [0, 13, 50, 119])
def test_resuming_samples_and_variants_equals_never_stopping(
    replies: int,
    varied: Chosen,
    target: Target,
    interrupted: Callable[[Chosen, int], Path],
    tmp_path: Path,
) -> None:
    whole = run(varied, target, SAMPLED, ScriptedEngine(by_chance), folder=tmp_path)
    path = interrupted(varied, replies)
    # The last line is torn, as by a kill, and a batch is done in part.
    lines = path.read_bytes().splitlines(keepends=True)
    if len(lines) > 2:
        path.write_bytes(b"".join(lines[:-1]) + lines[-1][: len(lines[-1]) // 2])
    found = resume(path, ScriptedEngine(by_chance))
    assert judged(found) == judged(whole)
    assert len(found.records) == 40 * 3
    assert found.complete
    assert found.end is not None
    assert found.end.cases == 120
    again = ScriptedEngine({})
    assert resume(path, again) == found
    assert again.batches == []


def test_the_manifest_keeps_the_kinds(varied: Chosen, target: Target) -> None:
    found = run(varied, target, Settings(), ScriptedEngine(by_chance))
    assert found.manifest.selection["vary"] == list(KINDS)
    assert found.manifest.selection_hash == varied.selection().hash
    assert [s.cases for s in found.manifest.suites] == [5, 5]
    assert len(found.records) == 40
    groups = {r.id.split("~")[0]: set[str]() for r in found.records}
    for record in found.records:
        groups[record.id.split("~")[0]].add(record.case.group)
    assert all(len(g) == 1 for g in groups.values())


def test_a_variant_that_would_be_made_otherwise_now_is_not_mixed_in(
    varied: Chosen, interrupted: Callable[[Chosen, int], Path]
) -> None:
    path = interrupted(varied, 20)
    lines = path.read_text().splitlines()
    manifest = json.loads(lines[0])
    manifest["selection"]["vary"] = ["order", "names"]
    path.write_text("\n".join([json.dumps(manifest), *lines[1:]]) + "\n")
    with pytest.raises(UsageError, match="the suites changed"):
        resume(path, ScriptedEngine(by_chance))


def test_a_lost_sample_is_asked_again_and_the_others_are_not(
    chosen: Chosen, target: Target, home: Path
) -> None:
    lost = "mine:w0.call #2"

    def reply(request: Request) -> str:
        if request.id == lost:
            raise InfrastructureError("gone")
        return by_chance(request)

    with pytest.raises(InfrastructureError):
        run(chosen, target, SAMPLED, ScriptedEngine(reply))
    (path,) = (home / "runs").glob("*.jsonl")
    engine = ScriptedEngine(by_chance)
    assert resume(path, engine).complete
    assert all(name.endswith((" #2", " #3")) for batch in engine.batches for name in batch)


def test_a_run_file_from_before_samples_still_loads(
    chosen: Chosen, target: Target, script: dict[str, str]
) -> None:
    found = run(chosen, target, Settings(), ScriptedEngine(script))
    path = Path(found.path)
    old = []
    for line in map(json.loads, path.read_text().splitlines()):
        line.pop("sample", None)
        line.get("sampling", {}).pop("samples", None)
        line.get("selection", {}).pop("vary", None)
        old.append(json.dumps(line) + "\n")
    path.write_text("".join(old))
    again = read_run(path)
    assert again.records == found.records
    assert again.manifest.samples == 1
    assert resume(path, ScriptedEngine({})).records == found.records


def test_records_of_two_samples_are_two_records(record: Callable[..., Record]) -> None:
    assert record(sample=1).key == (*record().key[:2], 1)
    assert record().key != record(sample=1).key
