"""Run files for benchmarks of the reports: built-in cases, answered right or wrong at random, and judged."""

import json
import random
from pathlib import Path

from bench.dialects import Dialect, Dialogue, find_dialect
from bench.records import End, Manifest, Record, SuiteRef, VerdictRecord, input_hash
from bench.shots import finished
from suites import Case, builtin_suites, judge, select

__all__ = ["cases", "lines", "write_run"]

_WRONG = (
    "I am not sure.",
    '<tool_call>\n{"name": "no_such_tool", "arguments": {}}\n</tool_call>',
    '<tool_call>\n{"name": ',
)


def cases(n: int) -> list[tuple[SuiteRef, Case]]:
    """The first n built-in cases, dev and test, with the suite that each is of. Errors: ValueError."""
    found: list[tuple[SuiteRef, Case]] = []
    for name, split in builtin_suites():
        suite = select([f"{name}/{split}"]).parts[0].suite
        ref = SuiteRef(
            name=f"{name}-{split}" if split != "dev" else name,
            version=suite.version,
            split=split,
            hash=suite.hash,
            cases=len(suite.cases),
        )
        found += [(ref, case) for case in suite.cases]
    if len(found) < n:
        raise ValueError(f"there are {len(found)} built-in cases, not {n}")
    return found[:n]


def lines(asked: list[tuple[SuiteRef, Case]]) -> list[tuple[bytes, bytes]]:
    """For each case its record as a line of a run file, answered wrong and right."""
    dialect = find_dialect("gemma")
    found = []
    for number, (ref, case) in enumerate(asked):
        right = _record(dialect, ref, case, _gold(dialect, finished(case)))
        wrong = next(
            record
            for text in (*_WRONG[number % 3 :], *_WRONG[: number % 3])
            if not (record := _record(dialect, ref, case, text)).verdict.passed
        )
        found.append((_line(wrong), _line(right)))
    return found


def write_run(
    path: Path,
    target: str,
    asked: list[tuple[SuiteRef, Case]],
    pairs: list[tuple[bytes, bytes]],
    *,
    rate: float,
    seed: int,
) -> Path:
    """One complete run of `target` in which a share of `rate` of the cases was answered right."""
    drawn = random.Random(seed)
    refs = {ref.name: ref for ref, _ in asked}
    manifest = Manifest(
        run_id=path.stem,
        selection={"names": sorted(refs)},
        selection_hash="0" * 64,
        suites=tuple(refs.values()),
        target=target,
        model="gemma-3-270m",
        model_hash="1" * 64,
        adapter=None if "+" not in target else target.partition("+")[2],
        adapter_hash=None if "+" not in target else f"{seed:064x}",
        dialect="gemma",
        engine="scripted",
        engine_version="1",
        dtype="float32",
        device="cpu",
        sampling={"max_tokens": 128, "temperature": 0.0, "top_p": 1.0, "seed": 0, "batch_size": 12},
        started="2026-01-01T00:00:00Z",
    )
    right = [drawn.random() < rate for _ in pairs]
    end = End(
        cases=len(pairs),
        passed=sum(right),
        scored=len(pairs),
        seconds=float(len(pairs)),
        finished="2026-01-01T01:00:00Z",
    )
    with path.open("wb") as out:
        out.write(json.dumps(manifest.model_dump(mode="json")).encode() + b"\n")
        out.writelines(pair[ok] for pair, ok in zip(pairs, right, strict=True))
        out.write(json.dumps(end.model_dump(mode="json")).encode() + b"\n")
    return path


def _gold(dialect: Dialect, said: Dialogue) -> str:
    """What the model would have written: the last turn of the finished dialogue, without its marks."""
    last = [s.text for s in dialect.render([said]) if s.model][-1]
    return last.partition("<end_of_turn>")[0]


def _record(dialect: Dialect, ref: SuiteRef, case: Case, text: str) -> Record:
    reply = dialect.parse(text, "stop", [t.name for t in case.tools])
    return Record.of(
        suite=ref.name,
        id=case.id,
        input=input_hash(case),
        case=case,
        text=text,
        calls=reply.calls,
        thought=reply.thought,
        finish="stop",
        prompt_tokens=200,
        completion_tokens=20,
        seconds=0.5,
        verdict=VerdictRecord.of(judge(case, reply)),
    )


def _line(record: Record) -> bytes:
    return json.dumps(record.model_dump(mode="json")).encode() + b"\n"
