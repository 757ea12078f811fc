"""Runs with the reply cache: nothing is generated twice, and nothing else changes."""

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters import Target, resolve
from bench.cache import Cache
from bench.engines import Completion, Request, ScriptedEngine
from bench.errors import InfrastructureError
from bench.plan import Settings
from bench.runner import Chosen, resume, run, run_targets
from bench.store import Run, read_run
from reports import summarise

Script = dict[str, str]
SETTINGS = Settings(batch_size=4)
SAMPLED = Settings(batch_size=4, temperature=0.8, samples=2)
KINDS = pytest.mark.parametrize("streamed", [False, True], ids=["batches", "streamed"])


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    with closing(Cache(tmp_path / "cache.sqlite")) as found:
        yield found


def judged(found: Run) -> dict[tuple[str, str, int], Any]:
    return {r.key: r.model_copy(update={"seconds": 0.0}) for r in found.records}


def replies(found: Run) -> dict[tuple[str, str, int], Any]:
    return {k: r.model_copy(update={"cached": False}) for k, r in judged(found).items()}


class Shaped(ScriptedEngine):
    """Its replies depend on what else is in the batch, as the last bits of a real engine's may."""

    def __init__(self, *, stop_after: int = 10**9) -> None:
        super().__init__(self._say)
        self._left = stop_after

    def _say(self, request: Request) -> str:
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        key = f"{request.prompt}{request.seed}{self.batches[-1]}"
        return f"reply {hashlib.sha256(key.encode()).hexdigest()[:8]}"


def asked(engine: ScriptedEngine) -> list[str]:
    return [name for batch in engine.batches for name in batch]


# --- hits and misses --------------------------------------------------------------------------------


@KINDS
@pytest.mark.parametrize("settings", [SETTINGS, SAMPLED], ids=["greedy", "sampled"])
def test_the_same_run_again_generates_nothing_and_says_the_same(
    settings: Settings, streamed: bool, chosen: Chosen, target: Target, cache: Cache
) -> None:
    def say(request: Request) -> str:
        return f"{request.id} {request.seed} " + "and so on " * (request.seed % 99)

    first = run(chosen, target, settings, ScriptedEngine(say, streamed=streamed), cache=cache)
    engine = ScriptedEngine({}, streamed=streamed)
    again = run(chosen, target, settings, engine, cache=cache)
    total = 12 * settings.samples
    assert engine.batches == []
    assert replies(again) == replies(first)
    assert {r.cached for r in first.records} == {False}
    assert {(r.cached, r.seconds) for r in again.records} == {(True, 0.0)}
    assert first.manifest.cache is not None
    assert again.manifest.cache is not None
    assert first.manifest.cache.model_dump() == {"hits": 0, "misses": total, "size": 0}
    assert again.manifest.cache.hits == total
    assert again.manifest.cache.misses == 0
    assert first.end is not None
    assert again.end is not None
    assert (again.end.passed, again.end.cases) == (first.end.passed, total)
    assert again.end.seconds == 0
    before, after = summarise(first), summarise(again)
    assert (after.lines, after.failures) == (before.lines, before.failures)
    assert min(before.prompt_tokens, before.completion_tokens) > 0
    assert (after.prompt_tokens, after.completion_tokens, after.seconds) == (0, 0, 0)
    assert (before.cached, after.cached) == (0, total)


@KINDS
def test_ten_more_cases_are_ten_more_replies(streamed: bool, target: Target, cache: Cache) -> None:
    some, more = (Chosen(names=("call",), limit=n) for n in (15, 25))

    def say(request: Request) -> str:
        return f"{request.id}: no"

    run(some, target, SETTINGS, ScriptedEngine(say, streamed=streamed), cache=cache)
    engine = ScriptedEngine(say, streamed=streamed)
    found = run(more, target, SETTINGS, engine, cache=cache)
    known = {c.id for p in some.selection().parts for c in p.cases}
    new = {c.id for p in more.selection().parts for c in p.cases} - known
    assert sorted(asked(engine)) == sorted(f"call:{name}" for name in new)
    assert len(new) == 10
    assert {r.id for r in found.records if not r.cached} == new
    assert found.manifest.cache is not None
    assert (found.manifest.cache.hits, found.manifest.cache.misses) == (15, 10)
    alone = run(more, target, SETTINGS, ScriptedEngine(say))
    assert replies(found) == replies(alone)
    summary = summarise(found)
    assert summary.cached == 15
    assert summary.completion_tokens == sum(
        r.completion_tokens for r in alone.records if r.id in new
    )


@pytest.mark.parametrize(
    ("change", "generated"),
    [
        ({"batch_size": 3}, 0),
        ({"max_tokens": 64}, 12),
        ({"temperature": 0.8}, 12),
        ({"shots": 1}, 12),
    ],
)
def test_a_run_with_other_settings(
    change: dict[str, Any],
    generated: int,
    chosen: Chosen,
    target: Target,
    script: Script,
    cache: Cache,
) -> None:
    run(chosen, target, SETTINGS, ScriptedEngine(script), cache=cache)
    engine = ScriptedEngine(script)
    run(chosen, target, replace(SETTINGS, **change), engine, cache=cache)
    assert len(asked(engine)) == generated


@pytest.mark.parametrize(
    ("change", "generated"),
    [({"samples": 3}, 12), ({"samples": 1}, 0), ({"seed": 1}, 24), ({"top_p": 0.9}, 24)],
)
def test_a_sample_is_found_under_its_own_seed_and_number(
    change: dict[str, Any], generated: int, chosen: Chosen, target: Target, cache: Cache
) -> None:
    def say(request: Request) -> str:
        return f"reply {request.seed}"

    run(chosen, target, SAMPLED, ScriptedEngine(say), cache=cache)
    engine = ScriptedEngine(say)
    found = run(chosen, target, replace(SAMPLED, **change), engine, cache=cache)
    assert len(asked(engine)) == generated
    alone = run(chosen, target, replace(SAMPLED, **change), ScriptedEngine(say))
    assert replies(found) == replies(alone)


def test_another_dialect_or_adapter_generates_everything(
    chosen: Chosen, target: Target, adapted: Target, model_folder: Path, cache: Cache
) -> None:
    chatml = resolve(str(model_folder), dialect="chatml")
    for each in (target, adapted, chatml):
        engine = ScriptedEngine(lambda r: f"by {r.adapter}")
        run(chosen, each, SETTINGS, engine, cache=cache)
        assert len(asked(engine)) == 12


def test_two_targets_have_their_own_hits(
    chosen: Chosen, target: Target, adapted: Target, cache: Cache
) -> None:
    def say(request: Request) -> str:
        return f"by {request.adapter}"

    run(chosen, adapted, SETTINGS, ScriptedEngine(say), cache=cache)
    engine = ScriptedEngine(say, streamed=True)
    base, other = run_targets(chosen, [target, adapted], SETTINGS, engine, cache=cache)
    assert len(asked(engine)) == 12
    assert {(r.text, r.cached) for r in base.records} == {("by None", False)}
    assert {(r.text, r.cached) for r in other.records} == {("by lora", True)}


def test_a_reply_that_failed_is_asked_for_again_by_the_next_run(
    chosen: Chosen, target: Target, script: Script, cache: Cache
) -> None:
    def failing(request: Request) -> str | Completion:
        if request.id != "mine:w0.call":
            return script[request.id]
        sizes = {"prompt_tokens": 1, "completion_tokens": 0}
        return Completion(id=request.id, text="", finish="error", error="reset", **sizes)

    with pytest.raises(InfrastructureError, match="1 cases got no reply"):
        run(chosen, target, SETTINGS, ScriptedEngine(failing), cache=cache)
    engine = ScriptedEngine(script)
    assert run(chosen, target, SETTINGS, engine, cache=cache).complete
    assert asked(engine) == ["mine:w0.call"]


@KINDS
def test_a_cache_that_breaks_on_the_way_costs_a_warning_and_nothing_else(
    streamed: bool,
    chosen: Chosen,
    target: Target,
    script: Script,
    cache: Cache,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(chosen, target, SETTINGS, ScriptedEngine(script), cache=cache)
    spoiled = False

    def say(request: Request) -> str:
        nonlocal spoiled
        if not spoiled:
            cache.path.write_bytes(b"\xff" * 9000)
        spoiled = True
        return script[request.id]

    other = replace(SETTINGS, max_tokens=64)
    engine = ScriptedEngine(say, streamed=streamed)
    found = run(chosen, target, other, engine, cache=cache)
    assert found.complete
    assert replies(found) == replies(run(chosen, target, other, ScriptedEngine(script)))
    assert capsys.readouterr().err.count("warning: the reply cache") == 1


# --- interruptions ----------------------------------------------------------------------------------


@pytest.fixture
def half_filled(chosen: Chosen, target: Target, tmp_path: Path) -> Callable[..., tuple[Run, Cache]]:
    """A whole run that found some of its replies in a cache, and a cache that is as that one was."""

    def build(settings: Settings, pattern: str) -> tuple[Run, Cache]:
        caches = []
        for name in ("one", "other"):
            folder = tmp_path / name
            folder.mkdir()
            caches.append(Cache(folder / "cache.sqlite"))
            some = replace(chosen, pattern=pattern)
            run(some, target, settings, Shaped(), folder=folder, cache=caches[-1])
        whole = run(chosen, target, settings, Shaped(), folder=tmp_path, cache=caches[0])
        assert {r.cached for r in whole.records} == {True, False}
        return whole, caches[1]

    return build


@pytest.mark.parametrize("settings", [SETTINGS, SAMPLED], ids=["greedy", "sampled"])
@pytest.mark.parametrize("pattern", ["*.call", "w[024].*"])
@pytest.mark.parametrize("seed", range(3))
def test_resuming_with_a_half_filled_cache_equals_never_stopping(
    seed: int,
    pattern: str,
    settings: Settings,
    half_filled: Callable[..., tuple[Run, Cache]],
    chosen: Chosen,
    target: Target,
    home: Path,
    tmp_path: Path,
) -> None:
    """Replies depend on the shape of their batch; others fill the cache up in between; and the file is cut
    anywhere, again and again."""
    whole, cache = half_filled(settings, pattern)
    chance = random.Random(seed)
    stopping = Shaped(stop_after=chance.randrange(6))
    with closing(cache), pytest.raises(InfrastructureError, match="interrupted"):
        run(chosen, target, settings, stopping, cache=cache)
    (path,) = (home / "runs").glob("*.jsonl")
    with closing(Cache(cache.path)) as cache:
        others = replace(settings, batch_size=5)
        run(chosen, target, others, Shaped(), folder=tmp_path / "one", cache=cache)
        for _ in range(3):
            assert judged(resume(path, Shaped(), cache=cache)) == judged(whole)
            lines = path.read_bytes().splitlines(keepends=True)
            kept = b"".join(lines[1 : chance.randrange(2, len(lines))])
            path.write_bytes(lines[0] + kept[: -chance.randrange(1, 90)])


def test_a_half_filled_batch_keeps_its_shape_without_the_cache(
    half_filled: Callable[..., tuple[Run, Cache]], chosen: Chosen, target: Target, home: Path
) -> None:
    whole, cache = half_filled(SETTINGS, "*.call")
    with closing(cache), pytest.raises(InfrastructureError):
        run(chosen, target, SETTINGS, Shaped(stop_after=3), cache=cache)
    (path,) = (home / "runs").glob("*.jsonl")
    assert judged(resume(path, Shaped())) == judged(whole)


def test_a_run_begun_without_the_cache_ends_without_it(
    chosen: Chosen, target: Target, script: Script, cache: Cache, home: Path
) -> None:
    run(chosen, target, SETTINGS, ScriptedEngine(script), cache=cache)
    size = cache.size
    before = set((home / "runs").glob("*.jsonl"))
    with pytest.raises(InfrastructureError):
        run(chosen, target, SETTINGS, Shaped(stop_after=0))
    (path,) = set((home / "runs").glob("*.jsonl")) - before
    engine = ScriptedEngine(script)
    found = resume(path, engine, cache=cache)
    assert found.manifest.cache is None
    assert len(asked(engine)) == 12
    assert not any(r.cached for r in found.records)
    assert cache.size == size


def test_a_run_file_from_before_the_cache_loads_is_reported_and_resumed(
    chosen: Chosen, target: Target, script: Script, cache: Cache
) -> None:
    found = run(chosen, target, SETTINGS, ScriptedEngine(script), cache=cache)
    path = Path(found.path)
    old = []
    for line in map(json.loads, path.read_text().splitlines()):
        for name in ("cached", "cache", "engine_settings", "sample"):
            line.pop(name, None)
        old.append(json.dumps(line) + "\n")
    path.write_text("".join(old))
    again = read_run(path)
    assert again.records == found.records
    assert (again.manifest.cache, again.manifest.engine_settings) == (None, {})
    assert summarise(again).cached == 0
    assert summarise(again).lines == summarise(found).lines
    path.write_text("".join(old[:6]))
    assert judged(resume(path, ScriptedEngine(script), cache=cache)) == judged(found)
