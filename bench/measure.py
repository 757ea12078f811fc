"""Generating, parsing, judging, appending: one stream of records into the files of one or more runs."""

import datetime as dt
import shlex
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from adapters import Target
from bench.cache import Cache, reply_keys
from bench.engines import Completion, Engine
from bench.errors import InfrastructureError, OutOfMemoryError
from bench.judging import judgement, read_reply
from bench.plan import Job
from bench.progress import Progress
from bench.records import End, Record, input_hash
from bench.store import Run, RunWriter, read_run
from suites import Outcome, Reply

__all__ = ["Kept", "Work", "go_on", "lookup", "measure"]

Key = tuple[str, str, int]
_FLUSH_REPLIES, _FLUSH_SECONDS = 16, 1.0
_REPLAYED = 256


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

    @property
    def jobs(self) -> Iterator[Job]:
        """All jobs, in the order of the plan."""
        return (j for batch in self.batches for j in batch)

    @property
    def lost(self) -> list[Record]:
        """The records of cases that got no reply."""
        return [r for r in self.done.values() if r.verdict.outcome is Outcome.ERROR]

    def append(self, records: Sequence[Record]) -> None:
        """Write records, and see them to the disk; behind the last one comes the completion mark."""
        self.writer.append(records)
        self.done.update({r.key: r for r in records})
        self.finish()

    def finish(self) -> bool:
        """Write the completion mark if every job has a reply; False if some have none."""
        if len(self.done) < self.total or self.lost:
            return False
        if not self.writer.finished:
            records = self.done.values()
            self.writer.finish(
                End(
                    cases=len(records),
                    passed=sum(r.verdict.passed for r in records),
                    scored=len(records),
                    seconds=round(sum(r.seconds for r in records), 3),
                    finished=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
                )
            )
        return True


class _Reply(NamedTuple):
    """A reply that came back. seconds: see Record."""

    work: Work
    job: Job
    completion: Completion
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    cached: bool = False


class _Inbox:
    """Replies that came back, on their way into their runs' files and the cache."""

    def __init__(self, progress: Progress, cache: Cache | None) -> None:
        self.replies: list[_Reply] = []
        self._progress, self._cache = progress, cache

    def flush(self) -> None:
        """Judge and write everything; may be called again after it was interrupted."""
        while self.replies:
            work = self.replies[0].work
            mine = [r for r in self.replies if r.work is work]
            records = [_record(r) for r in mine]
            work.append(records)
            self.replies = [r for r in self.replies if r.work is not work]
            self._progress.add(len(records), sum(r.verdict.passed for r in records))
            if self._cache is not None and work.kept.keys:
                made = [r for r in mine if not r.cached]
                self._cache.put([(work.kept.keys[r.job.key], r.completion) for r in made])


def lookup(
    batches: Sequence[Sequence[Job]], target: Target, engine: Engine, cache: Cache, size: int
) -> Kept:
    """What the cache knew of a run's jobs when it held `size` replies. Errors: as from reply_keys."""
    jobs = [j for batch in batches for j in batch]
    keys = reply_keys([j.request for j in jobs], target, engine)
    known = cache.get(keys, size)
    found = {
        j.key: replace(known[key], id=j.request.id)
        for j, key in zip(jobs, keys, strict=True)
        if key in known
    }
    return Kept(keys={j.key: key for j, key in zip(jobs, keys, strict=True)}, replies=found)


def measure(works: Sequence[Work], engine: Engine, cache: Cache | None = None) -> list[Run]:
    """Bring every run to its end and return them as they lie on disk.

    Replies are written batch by batch, or, where they come one by one, with the first that comes when sixteen
    have gathered or a second has passed; whatever has come back is written when the engine fails or Ctrl-C is
    pressed. Errors: InfrastructureError when a run stops early or replies are lost; the message says which,
    and how to go on.
    """
    done = sum(len(w.done) for w in works)
    passed = sum(r.verdict.passed for w in works for r in w.done.values())
    label = works[0].label if len(works) == 1 else f"{len(works)} targets"
    size = works[0].size if len(works) == 1 else f"{len(works)} x {works[0].size}"
    total = sum(w.total for w in works)
    try:
        with Progress(label, total, done, passed, what=size) as progress:
            inbox = _Inbox(progress, cache)
            try:
                _replay(works, inbox)
                (_batchwise if engine.whole_batches else _streamed)(works, engine, inbox)
                inbox.flush()
            finally:
                inbox.flush()  # what an error, or Ctrl-C while it was being written, has left
    except (InfrastructureError, OutOfMemoryError, KeyboardInterrupt) as error:
        what = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
        raise InfrastructureError(f"{what}; {go_on(works)}") from None
    lost = [_lost(w, w.label if len(works) > 1 else "") for w in works if not w.finish()]
    if lost:
        raise InfrastructureError(f"{'; '.join(lost)}; {go_on(works)}")
    return [read_run(work.writer.path) for work in works]


def go_on(works: Sequence[Work]) -> str:
    """What is in the files of the runs that are not finished, and the commands that finish them."""
    left = [w for w in works if not w.writer.finished]
    kept = ", ".join(f"{len(w.done)} of {w.total} {w.unit} are in {w.writer.path}" for w in left)
    commands = " && ".join(
        f"callbench run --resume {shlex.quote(str(w.writer.path))}" for w in left
    )
    return f"{kept}; go on with: {commands}" if left else "every run is complete"


def _lost(work: Work, label: str) -> str:
    first = work.lost[0]
    cases = len({r.key[:2] for r in work.lost})
    where = f"{label}: " if label else ""
    return f"{where}{cases} cases got no reply ({first.id}: {first.verdict.reason})"


def _replay(works: Sequence[Work], inbox: _Inbox) -> None:
    """Judge and write what the cache holds."""
    for work in works:
        for job in work.jobs:
            reply = work.kept.replies.get(job.key)
            if reply is not None and job.key not in work.done:
                inbox.replies.append(_Reply(work, job, reply, cached=True))
                if len(inbox.replies) == _REPLAYED:
                    inbox.flush()
        inbox.flush()


def _batchwise(works: Sequence[Work], engine: Engine, inbox: _Inbox) -> None:
    for work in works:
        for batch in work.batches:
            missing = [j for j in batch if j.key not in work.done]
            if not missing:
                continue
            # A batch begun before an interruption is generated as it was: its shape decides the last bits.
            asked = [j for j in batch if j.key not in work.done or not work.done[j.key].cached]
            start = time.monotonic()
            completions, notes = _generate(asked, engine)
            seconds = (time.monotonic() - start) / len(asked)
            by_id = {c.id: c for c in completions}
            wanted = {j.request.id for j in asked}
            if len(completions) != len(by_id) or set(by_id) != wanted:
                raise _mixed_up(wanted - set(by_id), set(by_id) - wanted)
            inbox.replies += [_Reply(work, j, by_id[j.request.id], seconds, notes) for j in missing]
            inbox.flush()


def _streamed(works: Sequence[Work], engine: Engine, inbox: _Inbox) -> None:
    """All that is missing in all runs at once, under ids that tell the runs apart where there are several."""
    waiting: dict[str, tuple[Work, Job]] = {}
    requests = []
    for number, work in enumerate(works):
        for job in (j for j in work.jobs if j.key not in work.done):
            own = job.request.id if len(works) == 1 else f"{number}|{job.request.id}"
            requests.append(replace(job.request, id=own))
            waiting[own] = (work, job)
    if not requests:
        return
    stream = iter(engine.generate(requests))
    last = flushed = time.monotonic()
    try:
        for completion in stream:
            now = time.monotonic()
            if completion.id not in waiting:
                raise _mixed_up(set(), {completion.id})
            work, job = waiting.pop(completion.id)
            reply = replace(completion, id=job.request.id)
            inbox.replies.append(_Reply(work, job, reply, now - last))
            last = now
            if len(inbox.replies) >= _FLUSH_REPLIES or now - flushed > _FLUSH_SECONDS:
                inbox.flush()
                last = flushed = time.monotonic()
    finally:
        close = getattr(stream, "close", None)  # ends what the engine has begun
        if close is not None:
            close()
    if waiting:
        raise _mixed_up(set(waiting), set())


def _mixed_up(lost: set[str], strange: set[str]) -> InfrastructureError:
    parts = [
        f"{len(ids)} {what}: {', '.join(sorted(ids)[:3])}{', …' if len(ids) > 3 else ''}"
        for ids, what in ((lost, "did not come"), (strange, "nobody waits for"))
        if ids
    ]
    shown = "; ".join(parts) or "one came twice"
    return InfrastructureError(f"the engine lost or mixed up replies ({shown})")


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


def _record(found: _Reply) -> Record:
    job, completion, case = found.job, found.completion, found.job.case
    if completion.finish == "error":
        reply = Reply(finish="error", problems=(completion.error or "no reply",))
    else:
        reply = read_reply(case, completion.text, completion.finish, job.request.dialect)
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
        seconds=round(found.seconds, 4),
        **dict(judgement(case, reply)),
        shots=job.shots,
        notes=found.notes,
        sample=job.sample,
        cached=found.cached,
    )
