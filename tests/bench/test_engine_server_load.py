"""Twenty thousand requests to a server that fails one in twenty and restarts in the middle."""

import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters import Model, Target
from bench.dialects import find_dialect
from bench.engines import EngineOptions, Request
from bench.engines.address import Patience
from bench.engines.server import ServerEngine
from bench.plan import Settings
from bench.runner import Chosen, run
from suites import Outcome
from tests.bench import openai_server

REQUESTS, CONCURRENCY, SHARE = 20_000, 64, 0.05
GROWTH = 48 << 20
"""Bytes. A task for each request at once would take several times as much."""
QUICK = Patience(attempts=12, timeout=20, first=0.005, longest=0.1, failures=5, outage=30)
SERVED = Target(
    model=Model(name="base", source="served", where="base", dialect="gemma"),
    folder=Path("base"),
    hash="served:0",
    dialect="gemma",
)


@pytest.fixture
def faulty(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of the server as a program; `request.param` whole answers are given before it restarts."""
    command = [sys.executable, openai_server.__file__, "0", str(request.param), str(SHARE)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        port = int(process.stdout.readline())
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        rest, _ = process.communicate(timeout=20)
    assert rest.split() == [str(port)]  # told again by the process after the restart


def resident() -> int:
    """Bytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize()


def engine_for(url: str) -> ServerEngine:
    options = EngineOptions(base_url=(url,), concurrency=CONCURRENCY)
    return ServerEngine(SERVED, options=options, patience=QUICK)


@pytest.mark.parametrize("faulty", [REQUESTS // 2], indirect=True)
def test_twenty_thousand_requests_survive_faults_and_a_restart(
    faulty: str, capsys: pytest.CaptureFixture[str]
) -> None:
    gemma = find_dialect("gemma")
    requests = [
        Request(
            id=f"case-{i}", prompt=f"<bos>{'a tool and a question, ' * 40}{i:06}", dialect=gemma
        )
        for i in range(REQUESTS)
    ]
    prompts = {r.id: r.prompt for r in requests}
    engine = engine_for(faulty)
    counts: Counter[str] = Counter()
    before = most = resident()
    start = time.monotonic()
    for completion in engine.generate(requests):
        counts[completion.id] += 1
        if len(counts) % 500 == 0:
            most = max(most, resident())
        assert completion.finish == "stop", completion.error
        assert completion.text == prompts[completion.id][-60:].upper()
    seconds = time.monotonic() - start
    assert set(counts) == set(prompts)
    assert set(counts.values()) == {1}
    assert engine.resends >= REQUESTS * SHARE / 2
    assert most - before < GROWTH
    grown = (most - before) >> 20
    with capsys.disabled():
        print(f"\n{REQUESTS} requests, {engine.resends} sent again, {seconds:.0f} s, {grown} MiB")


@pytest.mark.parametrize("faulty", [300], indirect=True)
def test_a_run_through_the_same_faults_judges_each_case_once_and_by_its_own_reply(
    faulty: str,
) -> None:
    found = run(
        Chosen(names=("call", "arguments", "output")), SERVED, Settings(), engine_for(faulty)
    )
    assert found.complete
    assert len({r.key for r in found.records}) == len(found.records) > 300
    assert all(r.verdict.outcome is not Outcome.ERROR for r in found.records)
    assert all(r.text for r in found.records)
