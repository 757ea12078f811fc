"""Several targets at once, from engines whose replies stream in: every reply in its own run's file."""

import hashlib
import re
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from adapters import Target
from bench.engines import Completion, Request, ScriptedEngine
from bench.errors import InfrastructureError, OutOfMemoryError
from bench.measure import Work, measure
from bench.plan import Settings, plan
from bench.records import Manifest, Record
from bench.runner import Chosen, resume, run_targets
from bench.store import Run, RunWriter, read_run

SETTINGS = Settings(batch_size=4)
SAMPLED = Settings(batch_size=4, temperature=0.8, samples=2)
KINDS = pytest.mark.parametrize("streamed", [False, True], ids=["batches", "streamed"])


def say(request: Request) -> str:
    """A reply that tells target, case and sample from all others."""
    own = f"{request.adapter} {request.seed} {request.prompt}"
    return f"by {request.adapter}: {hashlib.sha256(own.encode()).hexdigest()[:8]}"


def stopping(replies: int, error: BaseException) -> Callable[[Request], str]:
    asked: list[str] = []

    def reply(request: Request) -> str:
        asked.append(request.id)
        if len(asked) > replies:
            raise error
        return say(request)

    return reply


def judged(found: Run) -> dict[tuple[str, str, int], Any]:
    return {r.key: r.model_copy(update={"seconds": 0.0}) for r in found.records}


@pytest.fixture
def targets(target: Target, adapted: Target) -> list[Target]:
    return [target, adapted]


@pytest.fixture
def files(home: Path) -> Callable[[], dict[str | None, Path]]:
    """The two run files in home by adapter."""

    def find() -> dict[str | None, Path]:
        found = {read_run(p).manifest.adapter: p for p in (home / "runs").glob("*.jsonl")}
        assert set(found) == {None, "lora"}
        return found

    return find


@pytest.fixture
def whole(chosen: Chosen, targets: list[Target], tmp_path: Path) -> dict[str | None, Run]:
    """The runs that were never interrupted, by adapter."""
    folder = tmp_path / "whole"
    folder.mkdir()
    found = run_targets(chosen, targets, SETTINGS, ScriptedEngine(say), folder=folder)
    return {r.manifest.adapter: r for r in found}


# --- what is asked and where it lands ---------------------------------------------------------------


def test_all_targets_are_asked_at_once_and_each_reply_lands_in_its_own_file(
    chosen: Chosen, targets: list[Target], whole: dict[str | None, Run]
) -> None:
    engine = ScriptedEngine(say, streamed=True)
    found = run_targets(chosen, targets, SETTINGS, engine)
    (asked,) = engine.batches
    assert len(set(asked)) == len(asked) == 24
    for run in found:
        adapter = run.manifest.adapter
        assert {r.text.partition(":")[0] for r in run.records} == {f"by {adapter}"}
        assert judged(run) == judged(whole[adapter])
        assert run.complete
        lines = Path(run.path).read_bytes().splitlines()
        assert len(lines) == 1 + 12 + 1


@KINDS
def test_samples_and_variants_of_two_targets(streamed: bool, targets: list[Target]) -> None:
    chosen = Chosen(names=("call", "output"), limit=3, vary=("order", "names"))
    found = run_targets(chosen, targets, SAMPLED, ScriptedEngine(say, streamed=streamed))
    texts = [{r.key: r.text for r in run.records} for run in found]
    assert [len(t) for t in texts] == [6 * 3 * 2] * 2
    every = [text for part in texts for text in part.values()]
    assert len(set(every)) == len(every)
    alone = run_targets(chosen, targets[1:], SAMPLED, ScriptedEngine(say))
    assert judged(alone[0]) == judged(found[1])


@KINDS
def test_there_is_one_progress_display_for_all_targets(
    streamed: bool, chosen: Chosen, targets: list[Target], capsys: pytest.CaptureFixture[str]
) -> None:
    found = run_targets(chosen, targets, SETTINGS, ScriptedEngine(say, streamed=streamed))
    passed = sum(r.verdict.passed for run in found for r in run.records)
    first, last = capsys.readouterr().err.splitlines()
    assert first == "2 targets: 2 x 12 cases"
    assert re.fullmatch(rf"2 targets: {passed} of 24 passed, \d+ s", last)


# --- when replies are written -----------------------------------------------------------------------


def test_replies_are_written_when_sixteen_have_gathered(
    chosen: Chosen, targets: list[Target], home: Path
) -> None:
    seen: list[int] = []

    def reply(request: Request) -> str:
        seen.append(_written(home))
        return say(request)

    run_targets(chosen, targets, SETTINGS, ScriptedEngine(reply, streamed=True))
    assert seen == [0] * 16 + [16] * 8


def test_a_reply_is_written_at_once_if_the_last_ones_were_more_than_a_second_ago(
    chosen: Chosen, targets: list[Target], home: Path
) -> None:
    seen: list[int] = []

    def reply(request: Request) -> str:
        seen.append(_written(home))
        if len(seen) == 4:
            end = time.monotonic() + 1.05
            while time.monotonic() < end:
                pass
        return say(request)

    runs = run_targets(chosen, targets, SETTINGS, ScriptedEngine(reply, streamed=True))
    assert seen == [0] * 4 + [4] * 16 + [20] * 4
    seconds = sorted(r.seconds for run in runs for r in run.records)
    assert seconds[-1] >= 1.05


def _written(home: Path) -> int:
    return sum(p.read_bytes().count(b'"kind": "case"') for p in (home / "runs").glob("*.jsonl"))


# --- interruptions ----------------------------------------------------------------------------------

ERRORS = [
    (KeyboardInterrupt(), "interrupted"),
    (InfrastructureError("the engine died"), "the engine died"),
    (OutOfMemoryError("no room"), "no room"),
]


@pytest.mark.parametrize(("error", "said"), ERRORS, ids=["ctrl-c", "engine", "memory"])
@pytest.mark.parametrize("replies", [0, 1, 11, 12, 13, 16, 17, 23])
def test_what_came_back_before_an_interruption_is_in_its_run_s_file(
    replies: int,
    error: BaseException,
    said: str,
    chosen: Chosen,
    targets: list[Target],
    whole: dict[str | None, Run],
    files: Callable[[], dict[str | None, Path]],
) -> None:
    """The adapter's replies come first: of twelve and more, its run is complete, and not to be resumed."""
    engine = ScriptedEngine(stopping(replies, error), streamed=True)
    with pytest.raises(InfrastructureError) as caught:
        run_targets(chosen, targets, SETTINGS, engine)
    found = files()
    left = {adapter: read_run(path) for adapter, path in found.items()}
    assert len(left["lora"].records) == min(replies, 12)
    assert len(left[None].records) == max(replies - 12, 0)
    assert left["lora"].complete == (replies >= 12)
    open_runs = [r for r in (left[None], left["lora"]) if not r.complete]
    kept = ", ".join(f"{len(r.records)} of 12 cases are in {r.path}" for r in open_runs)
    commands = " && ".join(f"callbench run --resume {r.path}" for r in open_runs)
    assert str(caught.value) == f"{said}; {kept}; go on with: {commands}"
    for adapter, path in found.items():
        engine = ScriptedEngine(say, streamed=True)
        assert judged(resume(path, engine)) == judged(whole[adapter])
        asked = [name for batch in engine.batches for name in batch]
        assert len(asked) == 12 - len(left[adapter].records)
        assert len(path.read_bytes().splitlines()) == 14


def test_batches_interrupted_in_the_second_target_leave_the_first_complete(
    chosen: Chosen,
    targets: list[Target],
    whole: dict[str | None, Run],
    files: Callable[[], dict[str | None, Path]],
) -> None:
    engine = ScriptedEngine(stopping(17, KeyboardInterrupt()))
    with pytest.raises(InfrastructureError) as caught:
        run_targets(chosen, targets, SETTINGS, engine)
    found = files()
    assert read_run(found[None]).complete
    assert str(caught.value) == (
        f"interrupted; 4 of 12 cases are in {found['lora']}; "
        f"go on with: callbench run --resume {found['lora']}"
    )
    assert judged(resume(found["lora"], ScriptedEngine(say))) == judged(whole["lora"])
    assert judged(read_run(found[None])) == judged(whole[None])


@KINDS
def test_an_error_that_nobody_expects_loses_nothing(
    streamed: bool, chosen: Chosen, targets: list[Target], files: Callable[..., Any]
) -> None:
    engine = ScriptedEngine(stopping(21, ZeroDivisionError("a fault")), streamed=streamed)
    with pytest.raises(ZeroDivisionError):
        run_targets(chosen, targets, SETTINGS, engine)
    assert sum(len(read_run(p).records) for p in files().values()) == (21 if streamed else 20)


class Pressed(RunWriter):
    """Ctrl-C arrives as the first records are about to be written."""

    pressed = False

    def append(self, records: Sequence[Record]) -> None:
        if not self.pressed:
            self.pressed = True
            raise KeyboardInterrupt
        super().append(records)


@KINDS
def test_ctrl_c_while_replies_are_being_written_loses_none_of_them(
    streamed: bool, chosen: Chosen, target: Target, manifest: Manifest, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    work = Work(
        writer=Pressed(path, manifest),
        batches=plan(chosen.selection(), target, SETTINGS),
        label="model",
        size="12 cases",
    )
    engine = ScriptedEngine(say, streamed=streamed)
    with pytest.raises(InfrastructureError, match=r"^interrupted"):
        measure([work], engine)
    work.writer.close()
    came = 12 if streamed else 4
    assert len(read_run(path).records) == came
    assert path.read_bytes().count(b'"kind": "case"') == came


@KINDS
def test_a_disk_that_fills_up_leaves_runs_that_can_be_resumed(
    streamed: bool,
    chosen: Chosen,
    targets: list[Target],
    whole: dict[str | None, Run],
    files: Callable[[], dict[str | None, Path]],
) -> None:
    most = Path(whole[None].path).stat().st_size // 2
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        with pytest.raises(InfrastructureError, match=r"cannot write .*go on with: callbench run"):
            run_targets(chosen, targets, SETTINGS, ScriptedEngine(say, streamed=streamed))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    for adapter, path in files().items():
        assert not read_run(path).complete
        assert read_run(path).torn == 0
        found = resume(path, ScriptedEngine(say, streamed=streamed))
        assert judged(found) == judged(whole[adapter])


# --- engines that go wrong --------------------------------------------------------------------------


class Mixing(ScriptedEngine):
    """Loses, repeats or invents the seventh reply of a stream."""

    def __init__(self, how: str) -> None:
        super().__init__(say, streamed=True)
        self._how = how
        self.closed = False

    def generate(self, requests: Sequence[Request]) -> Iterator[Completion]:
        before: list[Completion] = []
        try:
            for completion in super().generate(requests):
                before.append(completion)
                if len(before) != 7:
                    yield completion
                elif self._how == "twice":
                    yield from (completion, before[2])
                elif self._how == "instead":
                    yield before[2]
                elif self._how == "foreign":
                    yield Completion(id="who", text="", prompt_tokens=1, completion_tokens=0)
                elif self._how == "all lost":
                    return
        finally:
            self.closed = True


@pytest.mark.parametrize(
    ("how", "said", "kept"),
    [
        ("lost", r"1 did not come: 1\|mine:\w+\.\w+", 23),
        ("all lost", r"18 did not come: 0\|mine:\S+, 0\|mine:\S+, 0\|mine:\S+, …", 6),
        ("twice", r"1 nobody waits for: 1\|mine:\w+\.\w+", 7),
        ("instead", r"1 nobody waits for: 1\|mine:\w+\.\w+", 6),
        ("foreign", "1 nobody waits for: who", 6),
    ],
)
def test_replies_that_are_lost_twice_or_foreign_stop_the_run_and_the_others_are_kept(
    how: str,
    said: str,
    kept: int,
    chosen: Chosen,
    targets: list[Target],
    whole: dict[str | None, Run],
    files: Callable[[], dict[str | None, Path]],
) -> None:
    engine = Mixing(how)
    with pytest.raises(InfrastructureError, match=rf"lost or mixed up replies \({said}\); "):
        run_targets(chosen, targets, SETTINGS, engine)
    assert engine.closed
    found = files()
    assert sum(len(read_run(p).records) for p in found.values()) == kept
    for adapter, path in found.items():
        assert judged(resume(path, ScriptedEngine(say, streamed=True))) == judged(whole[adapter])


@KINDS
def test_replies_that_failed_leave_their_run_open_and_only_they_are_asked_again(
    streamed: bool,
    chosen: Chosen,
    targets: list[Target],
    whole: dict[str | None, Run],
    files: Callable[[], dict[str | None, Path]],
) -> None:
    def failing(request: Request) -> str | Completion:
        if request.adapter is None or "w0" not in request.id:
            return say(request)
        sizes = {"prompt_tokens": 1, "completion_tokens": 0}
        return Completion(id=request.id, text="", finish="error", error="reset", **sizes)

    with pytest.raises(InfrastructureError) as caught:
        run_targets(chosen, targets, SETTINGS, ScriptedEngine(failing, streamed=streamed))
    found = files()
    base, other = read_run(found[None]), read_run(found["lora"])
    assert (base.complete, other.complete, len(other.records)) == (True, False, 12)
    assert re.search(
        r"some-model\+lora: 2 cases got no reply \(w0\.\w+: .*reset\)", str(caught.value)
    )
    assert str(found[None]) not in str(caught.value)
    engine = ScriptedEngine(say, streamed=streamed)
    assert judged(resume(found["lora"], engine)) == judged(whole["lora"])
    asked = {name for batch in engine.batches for name in batch}
    if streamed:
        assert asked == {"mine:w0.call", "mine:w0.none"}
    lines = found["lora"].read_bytes().splitlines()
    assert len(lines) == 1 + 12 + 2 + 1


def test_a_run_that_lacks_only_its_completion_mark_gets_it_without_an_engine(
    whole: dict[str | None, Run],
) -> None:
    path = Path(whole[None].path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    found = resume(path)
    assert found.complete
    assert found.records == whole[None].records
    assert found.end is not None
    assert whole[None].end is not None
    assert found.end.passed == whole[None].end.passed
