"""Run objects with chosen verdicts, and the files that they would lie in: for the decision and the gate."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from bench.records import End, Manifest, Record, SuiteRef, VerdictRecord, input_hash
from bench.store import Run, RunWriter
from suites import Case, Expectation, Message, Outcome
from suites.model import FailureMode

Row = tuple[str, str, str, str]
"""(suite, category, group, id)."""


def rows(suite: str, n: int, *, size: int = 1, categories: Sequence[str] = ("",)) -> list[Row]:
    """n cases in groups of `size`; whole groups go to the categories in turn."""
    found = []
    for i in range(n):
        group = i // size
        found.append((suite, categories[group % len(categories)], f"g{group}", f"c{i}"))
    return found


@cache
def made_record(row: Row, passed: bool, text: str = "", sample: int = 0) -> Record:
    """A text that was right or, as `no_answer`, wrong."""
    suite, category, group, name = row
    case = Case(
        id=name,
        group=group,
        category=category,
        messages=(Message(role="user", content=f"Question {name}"),),
        expectation=Expectation(no_call="answer", text=f"answer {name}"),
        tags=tuple(f"variant:{k}" for k in [name.rpartition("~")[2]] if "~" in name),
    )
    return Record.of(
        suite=suite,
        id=name,
        input=input_hash(case),
        case=case,
        text=text or f"said {name}",
        finish="stop",
        prompt_tokens=5,
        completion_tokens=2,
        seconds=0.1,
        sample=sample,
        verdict=VerdictRecord(
            passed=passed,
            outcome=Outcome.ANSWER,
            failure=None if passed else FailureMode.NO_ANSWER,
            reason="" if passed else f"it does not say {name}: {text}",
        ),
    )


def lost_record(row: Row) -> Record:
    """The same case without a reply."""
    verdict = VerdictRecord(passed=False, outcome=Outcome.ERROR, reason="connection reset")
    return made_record(row, False).model_copy(update={"verdict": verdict})


def made_run(records: Sequence[Record], *, complete: bool = True, **fields: Any) -> Run:
    """A run of these records. fields: of the manifest."""
    names = dict.fromkeys(r.suite for r in records)
    sampling = {"max_tokens": 8, "temperature": 0.0, "top_p": 1.0, "seed": 0}
    settings: dict[str, Any] = {
        "run_id": "20260101-000000-base",
        "selection": {},
        "selection_hash": "0" * 64,
        "suites": tuple(
            SuiteRef(name=n, version="1", split="dev", hash="a" * 64, cases=len(records))
            for n in names
        ),
        "target": "base",
        "model": "base",
        "model_hash": "1" * 64,
        "dialect": "gemma",
        "engine": "scripted",
        "engine_version": "1",
        "dtype": "none",
        "device": "none",
        **fields,
    }
    settings["sampling"] = {**sampling, **settings.get("sampling", {})}
    passed = sum(r.verdict.passed for r in records)
    n = len(records)
    end = End(cases=n, passed=passed, scored=n, seconds=1.0, finished="2026-01-01T00:00:00")
    manifest = Manifest(**settings)
    return Run(
        path=f"{manifest.run_id}.jsonl",
        manifest=manifest,
        records=tuple(records),
        end=end if complete else None,
    )


def verdict_run(verdicts: Mapping[Row, bool], **fields: Any) -> Run:
    """A run with one sample a case."""
    return made_run([made_record(row, passed) for row, passed in verdicts.items()], **fields)


def write_run(run: Run, folder: Path) -> str:
    """The path of a run file with everything that the run holds."""
    path = folder / f"{run.manifest.run_id}.jsonl"
    writer = RunWriter(path, run.manifest)
    writer.append(run.records)
    if run.end is not None:
        writer.finish(run.end)
    writer.close()
    return str(path)


CANDIDATE = {"run_id": "20260101-000001-tuned", "target": "tuned"}
"""Fields of the second run's manifest."""


def two_runs(
    both: Sequence[Row], broken: Sequence[Row] = (), fixed: Sequence[Row] = (), **fields: Any
) -> tuple[Run, Run]:
    """All of `both` right in both runs, `broken` only in the first, `fixed` only in the second."""
    first = {
        **dict.fromkeys(both, True),
        **dict.fromkeys(broken, True),
        **dict.fromkeys(fixed, False),
    }
    second = {**first, **dict.fromkeys(broken, False), **dict.fromkeys(fixed, True)}
    return verdict_run(first), verdict_run(second, **{**CANDIDATE, **fields})
