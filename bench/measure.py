"""Generating, parsing, judging, appending: one stream of records into the files of one or more runs."""

import datetime as dt
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from adapters import Target
from bench.cache import Cache, reply_key
from bench.engines import Completion, Engine
from bench.errors import InfrastructureError, OutOfMemoryError
from bench.plan import Job
from bench.progress import Progress
from bench.records import End, OfficialRecord, Record, VerdictRecord, input_hash
from bench.store import Run, RunWriter, read_run
from suites import Outcome, Reply, judge
from suites.official import official_verdict

__all__ = ["Kept", "Work", "lookup", "measure"]

Key = tuple[str, str, int]
_FLUSH_REPLIES, _FLUSH_SECONDS = 16, 1.0


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What the reply cache knows of a run's jobs. keys: cache key of each job; replies: those it holds."""

    keys: Mapping[Key, str] = field(default_factory=dict)
    replies: Mapping[Key, Completion] = field(default_factory=dict)


@dataclass(kw_only=True)
class Work:
    """One run being measured. size: its number of cases in words; done: the records that are in its file."""

    writer: RunWriter
    batches: list[list[Job]]
    label: str
    size: str
    kept: Kept = field(default_factory=Kept)
    done: dict[Key, Record] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Number of jobs."""
        return sum(map(len, self.batches))

    @property
    def unit(self) -> str:
        """What `total` counts."""
        return "replies" if self.size.endswith("replies") else "cases"

    def append(self, records: Sequence[Record]) -> None:
        """Write records, and see them to the disk."""
        self.writer.append(records)
        self.done.update({r.key: r for r in records})


def lookup(
    batches: Sequence[Sequence[Job]],
    target: Target,
    engine: Engine,
    cache: Cache | None,
    done: Mapping[Key, Record] = {},
) -> Kept:
    """What the cache holds of the jobs that are not done. Errors: UsageError as from the engine."""
    if cache is None:
        return Kept()
    jobs = [j for batch in batches for j in batch if j.key not in done]
    keys = {j.key: reply_key(j.request, target, engine) for j in jobs}
    known = cache.get(list(keys.values()))
    replies = {
        j.key: replace(known[keys[j.key]], id=j.request.id) for j in jobs if keys[j.key] in known
    }
    return Kept(keys=keys, replies=replies)


def measure(works: Sequence[Work], engine: Engine, cache: Cache | None = None) -> list[Run]:
    """Bring every run to its end and return them as they lie on disk.

    Errors: InfrastructureError when one stops early or lost replies; what came back is in the files, and the
    message says how to go on.
    """
    done = sum(len(w.done) for w in works)
    passed = sum(r.verdict.passed for w in works for r in w.done.values())
    label = works[0].label if len(works) == 1 else f"{len(works)} targets"
    size = works[0].size if len(works) == 1 else f"{len(works)} x {works[0].size}"
    total = sum(w.total for w in works)
    try:
        with Progress(label, total, done, passed, what=size) as progress:
            for work in works:
                _replay(work, progress)
            steps = _batchwise if engine.whole_batches else _streamed
            for work, records in steps(works, engine, cache):
                work.append(records)
                progress.add(len(records), sum(r.verdict.passed for r in records))
    except (InfrastructureError, KeyboardInterrupt) as error:
        what = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
        raise InfrastructureError(f"{what}; {_go_on(works)}") from None
    lost = [text for text in map(_finish, works) if text]
    if lost:
        raise InfrastructureError(f"{'; '.join(lost)}; {_go_on(works)}")
    return [read_run(work.writer.path) for work in works]


def _go_on(works: Sequence[Work]) -> str:
    open_runs = [w for w in works if not w.writer.finished]
    if len(open_runs) == 1:
        (work,) = open_runs
        return (
            f"{len(work.done)} of {work.total} {work.unit} are in {work.writer.path}; "
            f"go on with: callbench run --resume {work.writer.path}"
        )
    shown = ", ".join(f"{w.writer.path} ({len(w.done)} of {w.total})" for w in open_runs)
    return f"go on with: callbench run --resume FILE for each of {shown}"


def _replay(work: Work, progress: Progress) -> None:
    """Judge and write what the cache holds, unless its batch has to be made whole again."""
    records = []
    for batch in work.batches:
        if any(j.key in work.done for j in batch):
            continue
        for job in batch:
            reply = work.kept.replies.get(job.key)
            if reply is not None:
                records.append(_record(job, reply, 0.0, cached=True))
    if records:
        work.append(records)
        progress.add(len(records), sum(r.verdict.passed for r in records))


def _batchwise(
    works: Sequence[Work], engine: Engine, cache: Cache | None
) -> Iterator[tuple[Work, list[Record]]]:
    for work in works:
        for batch in work.batches:
            missing = [j for j in batch if j.key not in work.done]
            if not missing:
                continue
            # A batch begun before an interruption is generated whole: its shape decides the last bits.
            cached = all(work.done[j.key].cached for j in batch if j.key in work.done)
            asked = missing if cached else batch
            start = time.monotonic()
            completions, notes = _generate(asked, engine)
            seconds = (time.monotonic() - start) / len(asked)
            by_id = {c.id: c for c in completions}
            wanted = {j.request.id for j in asked}
            if len(completions) != len(by_id) or set(by_id) != wanted:
                raise _mixed_up(wanted - set(by_id), set(by_id) - wanted)
            if cache is not None:
                cache.put([(work.kept.keys[j.key], by_id[j.request.id]) for j in missing])
            yield work, [_record(j, by_id[j.request.id], seconds, notes) for j in missing]


def _streamed(
    works: Sequence[Work], engine: Engine, cache: Cache | None
) -> Iterator[tuple[Work, list[Record]]]:
    """All that is missing in all runs at once; written whenever some replies or a second have gathered."""
    waiting: dict[str, tuple[Work, Job]] = {}
    requests = []
    for number, work in enumerate(works):
        for job in (j for batch in work.batches for j in batch if j.key not in work.done):
            request = replace(job.request, id=f"{number}|{job.request.id}")
            waiting[request.id] = (work, job)
            requests.append(request)
    if not requests:
        return
    gathered: list[tuple[Work, Job, Completion]] = []
    last = time.monotonic()
    stream = iter(engine.generate(requests))
    try:
        for completion in stream:
            if completion.id not in waiting:
                raise _mixed_up(set(), {completion.id})
            work, job = waiting.pop(completion.id)
            gathered.append((work, job, replace(completion, id=job.request.id)))
            if len(gathered) >= _FLUSH_REPLIES or time.monotonic() - last > _FLUSH_SECONDS:
                yield from _flushed(gathered, time.monotonic() - last, cache)
                gathered, last = [], time.monotonic()
    except (InfrastructureError, KeyboardInterrupt):
        yield from _flushed(gathered, time.monotonic() - last, cache)
        raise
    yield from _flushed(gathered, time.monotonic() - last, cache)
    if waiting:
        raise _mixed_up(set(waiting), set())


def _flushed(
    gathered: Sequence[tuple[Work, Job, Completion]], seconds: float, cache: Cache | None
) -> Iterator[tuple[Work, list[Record]]]:
    if cache is not None:
        cache.put([(work.kept.keys[job.key], reply) for work, job, reply in gathered])
    for work in {id(w): w for w, _, _ in gathered}.values():
        mine = [(job, reply) for w, job, reply in gathered if w is work]
        yield work, [_record(job, reply, seconds / len(gathered)) for job, reply in mine]


def _mixed_up(lost: set[str], strange: set[str]) -> InfrastructureError:
    ids = sorted(lost) or sorted(strange) or ["a reply came twice"]
    return InfrastructureError(f"the engine lost or mixed up replies ({', '.join(ids[:3])})")


def _finish(work: Work) -> str:
    """Write the completion mark, or say what was lost."""
    records = list(work.done.values())
    scored = [r for r in records if r.verdict.outcome is not Outcome.ERROR]
    lost = len({r.key[:2] for r in records if r.verdict.outcome is Outcome.ERROR})
    if lost:
        first = next(r for r in records if r.verdict.outcome is Outcome.ERROR)
        return f"{lost} cases got no reply ({first.id}: {first.verdict.reason})"
    work.writer.finish(
        End(
            cases=len(records),
            passed=sum(r.verdict.passed for r in scored),
            scored=len(scored),
            seconds=round(sum(r.seconds for r in records), 3),
            finished=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        )
    )
    return ""


def _generate(batch: list[Job], engine: Engine) -> tuple[list[Completion], tuple[str, ...]]:
    """The batch's completions; halved until it fits when memory runs out, and the notes that say so."""
    try:
        return list(engine.generate([j.request for j in batch])), ()
    except OutOfMemoryError as error:
        if len(batch) == 1:
            lost = Completion(
                id=batch[0].request.id,
                text="",
                prompt_tokens=0,
                completion_tokens=0,
                finish="error",
                error=f"does not fit into memory, even alone ({error})",
            )
            return [lost], ()
    half = (len(batch) + 1) // 2
    print(f"out of memory with {len(batch)} prompts, trying {half}", file=sys.stderr)
    completions: list[Completion] = []
    notes = [f"batch of {len(batch)} halved: out of memory"]
    for part in (batch[:half], batch[half:]):
        found, more = _generate(part, engine)
        completions += found
        notes += [n for n in more if n not in notes]
    return completions, tuple(notes)


def _record(
    job: Job,
    completion: Completion,
    seconds: float,
    notes: tuple[str, ...] = (),
    *,
    cached: bool = False,
) -> Record:
    case = job.case
    if completion.finish == "error":
        reply = Reply(finish="error", problems=(completion.error or "no reply",))
    else:
        names = [t.name for t in case.tools]
        reply = job.request.dialect.parse(completion.text, completion.finish, names)
    verdict = judge(case, reply)
    repaired: bool | None = None
    if reply.repaired is not None:
        repaired = judge(case, Reply(text=reply.text, calls=reply.repaired)).passed
    official = None
    if case.official is not None and reply.outcome is not Outcome.ERROR:
        official = OfficialRecord.of(official_verdict(case, reply))
    return Record.of(
        suite=job.suite,
        id=case.id,
        input=input_hash(case),
        case=case,
        text=completion.text,
        calls=reply.calls,
        thought=reply.thought,
        finish=completion.finish,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
        seconds=round(seconds, 4),
        verdict=VerdictRecord.of(verdict),
        repaired=repaired,
        official=official,
        shots=job.shots,
        notes=notes,
        sample=job.sample,
        cached=cached,
    )
