"""The act of measuring: plan, generate, parse, judge, append. Resumable after any interruption."""

import datetime as dt
import re
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from adapters import Adapter, Target, home_folder, resolve
from bench.dialects.fidelity import template_difference
from bench.engines import Completion, Engine, load_engine
from bench.errors import InfrastructureError, OutOfMemoryError, UsageError
from bench.plan import Job, Settings, plan
from bench.progress import Progress
from bench.provenance import device_name, git_revision, package_versions
from bench.records import (
    End,
    Manifest,
    OfficialRecord,
    Record,
    SuiteRef,
    VerdictRecord,
    input_hash,
)
from bench.store import Run, RunWriter, read_run
from suites import Outcome, Reply, Selection, judge, select
from suites.official import official_verdict

__all__ = ["Chosen", "resume", "run"]


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Which cases: suite names as `suites.select` takes them, a glob over case ids, a limit a suite.

    vary: the kinds of variants that are asked beside them.
    """

    names: tuple[str, ...]
    pattern: str | None = None
    limit: int | None = None
    vary: tuple[str, ...] = ()

    def selection(self) -> Selection:
        """The cases. Errors: SuiteError."""
        return select(self.names, pattern=self.pattern, limit=self.limit, vary=self.vary)


def run(
    chosen: Chosen,
    target: Target,
    settings: Settings,
    engine: Engine,
    *,
    folder: Path | None = None,
    command: Sequence[str] = (),
) -> Run:
    """Measure one target on a selection and return the run, which lies in `folder` (home's `runs`).

    Errors: SuiteError, UsageError, DialectError before anything is generated; InfrastructureError when
    the run stops early: the file is then resumable, and the message says how.
    """
    selection = chosen.selection()
    batches = plan(selection, target, settings)
    notes = _template_notes(batches[0][0], engine)
    manifest = _manifest(chosen, selection, target, settings, engine, command, notes)
    path = (folder or home_folder("runs")) / f"{manifest.run_id}.jsonl"
    size = _size(selection, settings)
    writer = RunWriter(path, manifest)
    return _measure(writer, batches, engine, done=None, label=manifest.label, size=size)


def resume(path: Path, engine: Engine | None = None, *, device: str | None = None) -> Run:
    """Finish an interrupted run: cases without a record, and those that ended in an error.

    Everything is taken from the manifest, and refused if suites or weights are no longer what they were.
    """
    old = read_run(path)
    manifest = old.manifest
    raw = manifest.selection
    names, limit, pattern = raw.get("names"), raw.get("limit"), raw.get("pattern")
    vary = raw.get("vary")
    chosen = Chosen(
        names=tuple(str(n) for n in names) if isinstance(names, list) else (),
        limit=limit if isinstance(limit, int) else None,
        pattern=pattern if isinstance(pattern, str) else None,
        vary=tuple(str(k) for k in vary) if isinstance(vary, list) else (),
    )
    selection = chosen.selection()
    if selection.hash != manifest.selection_hash:
        raise UsageError(f"the suites changed since {path} was begun: start a new run")
    adapter = raw.get("adapter")
    target = resolve(manifest.model, str(adapter) if adapter else None, dialect=manifest.dialect)
    if target.hash != manifest.model_hash:
        raise UsageError(
            f"the weights of {manifest.model} changed since {path} was begun: start a new run"
        )
    if (target.adapter.hash if target.adapter else None) != manifest.adapter_hash:
        raise UsageError(f"the adapter changed since {path} was begun: start a new run")
    try:
        settings = Settings(shots=manifest.shots, **manifest.sampling)  # type: ignore[arg-type]
    except TypeError:
        raise UsageError(
            f"{path} has sampling settings that this callbench does not know"
        ) from None
    batches = plan(selection, target, settings)
    done = {r.key: r for r in old.records if r.verdict.outcome is not Outcome.ERROR}
    if old.complete and len(done) == selection.size * settings.samples:
        return old
    loaded: Sequence[Adapter] = [target.adapter] if target.adapter else []
    engine = engine or load_engine(
        manifest.engine, target, loaded, device=device, dtype=manifest.dtype
    )
    if (engine.name, engine.version) != (manifest.engine, manifest.engine_version):
        raise UsageError(
            f"{path} was begun with {manifest.engine} {manifest.engine_version}, "
            f"here is {engine.name} {engine.version}: start a new run"
        )
    size = _size(selection, settings)
    return _measure(RunWriter(path), batches, engine, done=done, label=manifest.label, size=size)


def _measure(
    writer: RunWriter,
    batches: list[list[Job]],
    engine: Engine,
    *,
    done: dict[tuple[str, str, int], Record] | None,
    label: str,
    size: str,
) -> Run:
    kept = dict(done or {})
    total = sum(map(len, batches))
    try:
        passed = sum(r.verdict.passed for r in kept.values())
        with Progress(label, total, len(kept), passed, what=size) as progress:
            for batch in batches:
                # A batch is generated whole even if some of it is done: its shape decides the last bits.
                missing = [j for j in batch if j.key not in kept]
                if not missing:
                    continue
                records = _judged(batch, missing, engine)
                writer.append(records)
                kept.update({r.key: r for r in records})
                progress.add(len(records), sum(r.verdict.passed for r in records))
        _finish(writer, list(kept.values()))
    except (InfrastructureError, KeyboardInterrupt) as error:
        what = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
        raise InfrastructureError(
            f"{what}; {len(kept)} of {total} {_unit(size)} are in {writer.path}; "
            f"go on with: callbench run --resume {writer.path}"
        ) from None
    finally:
        writer.close()
    return read_run(writer.path)


def _size(selection: Selection, settings: Settings) -> str:
    """`24 cases`; with variants or samples: `24 cases and 48 variants, 5 samples each: 360 replies`."""
    cases = sum(len(p.cases) for p in selection.parts)
    more = selection.size - cases
    text = f"{cases} cases and {more} variants" if more else f"{cases} cases"
    if settings.samples > 1:
        text += f", {settings.samples} samples each"
    total = selection.size * settings.samples
    return f"{text}: {total} replies" if total > cases else text


def _unit(size: str) -> str:
    return "replies" if size.endswith("replies") else "cases"


def _finish(writer: RunWriter, records: list[Record]) -> None:
    scored = [r for r in records if r.verdict.outcome is not Outcome.ERROR]
    lost = len({r.key[:2] for r in records if r.verdict.outcome is Outcome.ERROR})
    if lost:
        first = next(r for r in records if r.verdict.outcome is Outcome.ERROR)
        raise InfrastructureError(f"{lost} cases got no reply ({first.id}: {first.verdict.reason})")
    writer.finish(
        End(
            cases=len(records),
            passed=sum(r.verdict.passed for r in scored),
            scored=len(scored),
            seconds=round(sum(r.seconds for r in records), 3),
            finished=_now(),
        )
    )


def _judged(batch: list[Job], missing: list[Job], engine: Engine) -> list[Record]:
    start = time.monotonic()
    completions, notes = _generate(batch, engine)
    seconds = (time.monotonic() - start) / len(batch)
    by_id = {c.id: c for c in completions}
    wanted = {j.request.id for j in batch}
    if len(completions) != len(by_id) or set(by_id) != wanted:
        lost = sorted(wanted - set(by_id)) or sorted(set(by_id) - wanted) or ["a reply came twice"]
        raise InfrastructureError(f"the engine lost or mixed up replies ({', '.join(lost[:3])})")
    return [_record(job, by_id[job.request.id], seconds, notes) for job in missing]


def _generate(batch: list[Job], engine: Engine) -> tuple[list[Completion], tuple[str, ...]]:
    """The batch's completions; halved until it fits when memory runs out, and the notes that say so."""
    try:
        return engine.generate([j.request for j in batch]), ()
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


def _record(job: Job, completion: Completion, seconds: float, notes: tuple[str, ...]) -> Record:
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
    )


def _template_notes(job: Job, engine: Engine) -> tuple[str, ...]:
    """A warning, printed and kept, if the prompt is not what the model's own chat template makes of it."""
    tokenizer = getattr(engine, "tokenizer", None)
    found = template_difference(tokenizer, job.request.dialect, job.dialogues)
    if found is None:
        return ()
    note = f"dialect {job.request.dialect.name!r} is not the model's own way of prompting: {found}"
    print(f"warning: {note}", file=sys.stderr)
    return (note,)


def _manifest(
    chosen: Chosen,
    selection: Selection,
    target: Target,
    settings: Settings,
    engine: Engine,
    command: Sequence[str],
    notes: tuple[str, ...],
) -> Manifest:
    now = dt.datetime.now(dt.UTC)
    stem = re.sub(r"[^\w.+-]+", "-", f"{target.name}-{selection.name}")[:80]
    shots = f"-{settings.shots}shots" if settings.shots else ""
    return Manifest(
        run_id=f"{now:%Y%m%d-%H%M%S}-{stem}{shots}-{secrets.token_hex(2)}",
        selection={
            "names": list(chosen.names),
            "pattern": chosen.pattern,
            "limit": chosen.limit,
            "vary": list(chosen.vary),
            "adapter": str(target.adapter.folder) if target.adapter else None,
        },
        selection_hash=selection.hash,
        suites=tuple(
            SuiteRef(
                name=p.suite.name,
                version=p.suite.version,
                split=p.suite.split,
                hash=p.suite.hash,
                cases=len(p.cases),
            )
            for p in selection.parts
        ),
        target=target.name,
        model=target.model.where if target.model.source != "package" else target.model.name,
        model_hash=target.hash,
        adapter=target.adapter.name if target.adapter else None,
        adapter_hash=target.adapter.hash if target.adapter else None,
        dialect=target.dialect,
        engine=engine.name,
        engine_version=engine.version,
        dtype=engine.dtype,
        device=device_name(engine.device),
        sampling=dict(settings.sampling),
        shots=settings.shots,
        packages=package_versions(),
        git=git_revision(),
        command=tuple(command),
        started=now.isoformat(timespec="seconds"),
        notes=notes,
    )


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
