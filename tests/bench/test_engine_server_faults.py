"""The server engine when things go wrong: retries, waits, replicas that die and come back, outages."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from adapters import Model, Target
from bench.dialects import find_dialect
from bench.dialects.tagged import write
from bench.engines import Completion, EngineOptions, Request, find_targets
from bench.engines.address import Patience
from bench.engines.server import ServerEngine
from bench.errors import InfrastructureError, UsageError
from bench.plan import Settings, plan
from bench.runner import Chosen, resume, run
from bench.store import read_run
from suites import gold_reply
from tests.bench.openai_server import (
    DROP,
    FAULTS,
    HANG,
    Asked,
    Reply,
    Server,
    Told,
    card,
    completion,
)

GEMMA = find_dialect("gemma")
SERVED = Target(
    model=Model(name="base", source="served", where="base", dialect="gemma"),
    folder=Path("base"),
    hash="served:0",
    dialect="gemma",
)


def patience(**changes: Any) -> Patience:
    quick = {"attempts": 6, "timeout": 20, "first": 0.001, "longest": 0.02, "outage": 20}
    return Patience(**quick | changes)


def engine_on(*urls: str, concurrency: int = 4, **changes: Any) -> ServerEngine:
    options = EngineOptions(base_url=urls, concurrency=concurrency)
    return ServerEngine(SERVED, options=options, patience=patience(**changes))


def asks(n: int) -> list[Request]:
    return [Request(id=f"r{i}", prompt=f"<bos>question {i:03}", dialect=GEMMA) for i in range(n)]


def echo(asked: Asked) -> Told:
    return completion(asked.body["prompt"][-3:])


def at_first(told: Told) -> Reply:
    """Answers so the first time that a prompt is asked, then as it should."""
    seen: Counter[str] = Counter()

    def reply(asked: Asked) -> Told:
        seen[asked.body["prompt"]] += 1
        return told if seen[asked.body["prompt"]] == 1 else echo(asked)

    return reply


def assert_whole(found: list[Completion], n: int) -> None:
    assert sorted(c.id for c in found) == sorted(r.id for r in asks(n))
    assert all(c.finish == "stop" and c.text == f"{int(c.id[1:]):03}" for c in found)


# --- what passes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "told",
    [*FAULTS.values(), Told(408, {}), Told(409, {}), Told(503, {})],
    ids=lambda t: f"{t.status} {t.mode}",
)
def test_what_may_pass_is_asked_again(told: Told) -> None:
    with Server(at_first(told)) as server:
        engine = engine_on(server.url)
        assert_whole(list(engine.generate(asks(20))), 20)
        assert len(server.asked) == 40
    assert engine.resends == 20


def test_a_reply_that_is_too_slow_is_given_up_and_asked_for_again() -> None:
    with Server(at_first(HANG)) as server:
        assert_whole(list(engine_on(server.url, timeout=0.3).generate(asks(4))), 4)
        assert len(server.asked) == 8


def test_a_reply_that_never_comes_is_an_error() -> None:
    with Server(lambda a: HANG if a.body["prompt"].endswith("001") else echo(a)) as server:
        engine = engine_on(server.url, timeout=0.2, attempts=2)
        found = {c.id: c for c in engine.generate(asks(3))}
    assert found["r1"].error == "no reply within 0.2 s (2 attempts)"
    assert {c.finish for i, c in found.items() if i != "r1"} == {"stop"}


@pytest.mark.parametrize(
    ("header", "least"), [("0.3", 0.3), ("Mon, 01 Jan 2024 00:00:00 GMT", 0), ("soon", 0)]
)
def test_a_server_that_is_too_busy_is_left_alone_as_long_as_it_asks(
    header: str, least: float
) -> None:
    busy = Told(429, {"error": {"message": "slower"}}, {"Retry-After": header})
    with Server(at_first(busy)) as server:
        engine = engine_on(server.url)
        start = time.monotonic()
        assert_whole(list(engine.generate(asks(1))), 1)
        assert time.monotonic() - start >= least


# --- what does not ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 404, 413, 422])
def test_a_refused_request_fails_at_once_with_what_the_server_says(status: int) -> None:
    said = Told(status, {"object": "error", "message": "the prompt is too long"})
    with Server(lambda a: said if a.body["prompt"].endswith("001") else echo(a)) as server:
        found = {c.id: c for c in engine_on(server.url).generate(asks(3))}
        assert len(server.asked) == 3
    assert found["r1"].finish == "error"
    assert found["r1"].error == f"the server refuses with {status}: the prompt is too long"


def test_a_server_that_refuses_everything_is_not_asked_to_the_end() -> None:
    with Server(lambda _: Told(400, {"detail": "no such field"})) as server:
        found: list[Completion] = []
        with pytest.raises(
            InfrastructureError, match=r"refused the first \d+ requests .*no such field"
        ):
            found.extend(engine_on(server.url).generate(asks(200)))
        assert len(server.asked) < 30


def test_a_key_that_is_no_longer_good_ends_the_run() -> None:
    with (
        Server(lambda _: Told(401, {"error": "expired"})) as server,
        pytest.raises(InfrastructureError, match="refuses with 401: expired"),
    ):
        list(engine_on(server.url).generate(asks(9)))


def test_a_server_that_answers_nothing_whole_ends_the_run() -> None:
    with (
        Server(lambda _: Told(500, {"error": "broken"})) as server,
        pytest.raises(InfrastructureError, match=r"no reply for 0\.3 s .*500: broken"),
    ):
        list(engine_on(server.url, outage=0.3).generate(asks(10_000)))


# --- replicas ---------------------------------------------------------------------------------------


def test_replicas_share_the_work() -> None:
    with Server(echo) as one, Server(echo) as two:
        assert_whole(list(engine_on(one.url, two.url).generate(asks(100))), 100)
        assert min(len(one.asked), len(two.asked)) > 10


def test_when_a_replica_dies_the_others_take_over() -> None:
    with Server(echo) as one, Server() as two:
        two.reply = lambda a: two.die() if len(two.asked) > 20 else echo(a)
        assert_whole(list(engine_on(one.url, two.url, concurrency=8).generate(asks(300))), 300)
        assert len(one.asked) > 200


def test_a_replica_that_fails_rests_and_is_asked_again_when_it_is_well() -> None:
    with Server(echo) as one, Server() as two:
        two.reply = lambda a: DROP if len(two.asked) < 12 else echo(a)
        assert_whole(list(engine_on(one.url, two.url).generate(asks(600))), 600)
        assert len(two.asked) > 20


def test_a_replica_that_comes_back_without_the_model_gets_no_more_requests() -> None:
    with Server(echo) as one, Server() as two:

        def forget(asked: Asked) -> Told:
            two.models = [card("other")]
            return Told(404, {"message": f"The model {asked.body['model']} does not exist."})

        two.reply = forget
        found = list(engine_on(one.url, two.url).generate(asks(200)))
        assert len(two.asked) <= 4
    lost = [c for c in found if c.finish == "error"]
    assert len(found) == 200
    assert len(lost) == len(two.asked)
    assert all("does not exist" in c.error for c in lost)


def test_a_replica_that_is_not_there_yet_is_used_once_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Server() as late:
        pass
    with Server(echo) as one:
        engine = engine_on(one.url, late.url)
        assert f"{late.url}/v1 does not answer yet" in capsys.readouterr().err
        stream = engine.generate(asks(900))
        found = [next(stream) for _ in range(5)]
        with Server(echo, port=late.port) as late:
            found += stream
            assert late.asked
    assert_whole(found, 900)


def test_replicas_of_different_versions_or_names_are_refused() -> None:
    with Server() as one, Server(version="8.0") as two:
        with pytest.raises(UsageError, match=r"different versions \(8.0, 9.9\)"):
            engine_on(one.url, two.url)
        two.version, two.models = "9.9", [card("prod", root="base")]
        with pytest.raises(UsageError, match="under other names"):
            engine_on(one.url, two.url)


# --- outages and resuming ---------------------------------------------------------------------------


def test_a_server_that_is_down_is_one_line() -> None:
    with Server() as gone:
        pass
    with pytest.raises(
        InfrastructureError, match=r"does not answer: cannot connect.*callbench serve"
    ):
        engine_on(gone.url)


def test_a_server_that_restarts_is_waited_for() -> None:
    with Server(echo) as first:
        stream = engine_on(first.url).generate(asks(400))
        found = [next(stream) for _ in range(5)]
        first.stop()
        with Server(echo, port=first.port):
            found += stream
    assert_whole(found, 400)


def test_what_came_before_an_outage_is_kept_and_the_rest_is_asked_on_resume(
    chosen: Chosen, home: Path
) -> None:
    with Server() as server:
        options = EngineOptions(base_url=(server.url,), concurrency=2)
        where = {"dialect": "gemma", "engine": "server", "options": options}
        (target,) = find_targets("base", [None], **where)  # type: ignore[arg-type]
        jobs = [j for batch in plan(chosen.selection(), target, Settings()) for j in batch]
        gold = {j.request.prompt: gold_reply(j.case) for j in jobs}
        right = {p: write(reply.calls) or reply.text for p, reply in gold.items()}

        def answer(asked: Asked) -> Told:
            return completion(right[asked.body["prompt"]])

        server.reply = lambda a: server.die() if len(server.asked) > 6 else answer(a)
        engine = engine_on(server.url, concurrency=2, outage=0.3)
        with pytest.raises(
            InfrastructureError, match=r"no reply for 0\.3 s .*go on with: .* --resume"
        ):
            run(chosen, target, Settings(), engine)
    (path,) = (home / "runs").glob("*.jsonl")
    left = read_run(path)
    assert not left.complete
    assert 4 <= len(left.records) <= 6
    assert all(r.verdict.passed for r in left.records)
    assert left.manifest.model_hash.startswith("served:")
    assert "only the server has the weights of base" in left.manifest.notes[0]

    with Server(answer, port=server.port) as again:
        whole = resume(path, engine_on(again.url))
        assert len(again.asked) == len(jobs) - len(left.records)
    assert whole.complete
    assert len(whole.records) == len(jobs) == 12
    assert all(r.verdict.passed for r in whole.records)
    with (
        Server(answer, port=server.port, version="10.0"),
        pytest.raises(UsageError, match="changed"),
    ):
        resume(path)
