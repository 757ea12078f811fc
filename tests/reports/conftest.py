"""Real run files for the reports: made by the runner with the scripted engine."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

from adapters import Model, Target
from bench.dialects import Dialogue, find_dialect
from bench.engines import Completion, Request, ScriptedEngine
from bench.errors import InfrastructureError
from bench.plan import Settings
from bench.runner import Chosen, run
from bench.shots import finished
from bench.store import Run, read_run
from suites import Case

Reply = Callable[[Case], str]
"""What is said to a case; the words LOST and CRASH stand for no reply and for an engine that dies."""


class Measure(Protocol):
    """Makes a run file and reads it; the run may be incomplete."""

    def __call__(
        self,
        reply: Reply,
        *suites: str,
        name: str = "base",
        settings: Settings = ...,
        limit: int | None = None,
        pattern: str | None = None,
        engine: type[ScriptedEngine] = ScriptedEngine,
        dialect: str = "gemma",
    ) -> Run: ...


def _say(case: Case) -> str:
    dialogue: Dialogue = finished(case)
    words = [s.text for s in find_dialect("gemma").render([dialogue]) if s.model]
    return words[-1].removesuffix("<end_of_turn>")


@pytest.fixture
def gold() -> Reply:
    """The right reply to every case, as Gemma would write it."""
    return _say


@pytest.fixture
def noise() -> Reply:
    """The same meaningless text for every case."""
    return lambda _: "abc"


@pytest.fixture
def broken() -> Reply:
    """One kind of reply after the other: right, noise, a broken call, a repairable call, none at all."""

    def reply(case: Case) -> str:
        kind = sum(map(ord, case.id)) % 5
        right = _say(case)
        return (right, "abc", '<tool_call>{"name":', right.replace("}}<", "},}<"), "LOST")[kind]

    return reply


@pytest.fixture
def measure(tmp_path: Path) -> Measure:
    """Measures scripted replies on suites (smoke, unless others are named)."""

    def make(
        reply: Reply,
        *suites: str,
        name: str = "base",
        settings: Settings | None = None,
        limit: int | None = None,
        pattern: str | None = None,
        engine: type[ScriptedEngine] = ScriptedEngine,
        dialect: str = "gemma",
    ) -> Run:
        chosen = Chosen(names=suites or ("smoke",), limit=limit, pattern=pattern)
        cases = {
            f"{part.suite.name}:{case.id}": case
            for part in chosen.selection().parts
            for case in part.cases
        }

        def script(request: Request) -> str | Completion:
            text = reply(cases[request.id])
            if text == "CRASH":
                raise InfrastructureError("the machine went away")
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
            return run(chosen, target, settings or Settings(), engine(script), folder=folder)
        except InfrastructureError:
            return read_run(next(folder.glob("*.jsonl")))

    return make


@pytest.fixture
def raw_records() -> Callable[[Run], list[dict[str, Any]]]:
    """The case lines of a run file as plain data, for a recount that uses none of our code."""

    def read(found: Run) -> list[dict[str, Any]]:
        lines = Path(found.path).read_text(encoding="utf-8").splitlines()
        return [item for line in lines if (item := json.loads(line))["kind"] == "case"]

    return read
