"""Runs: from a choice of cases and targets to run files; and the rest of an interrupted one."""

import datetime as dt
import re
import secrets
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adapters import Adapter, Target, home_folder
from bench.cache import Cache
from bench.constrain import loose, refuse_engine
from bench.dialects.fidelity import template_difference
from bench.engines import Engine, EngineOptions, find_targets, load_engine
from bench.errors import UsageError
from bench.measure import Kept, Work, lookup, measure
from bench.plan import Job, Settings, plan
from bench.provenance import device_name, git_revision, package_versions
from bench.records import CacheUse, Manifest, SuiteRef
from bench.store import Run, RunWriter, read_run
from suites import Outcome, Selection, SuiteError, select
from suites.vary import original_id

__all__ = ["Chosen", "resume", "run", "run_targets"]


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Which cases: suite names as `suites.select` takes them, a glob over case ids, a limit a suite.

    vary: the kinds of variants that are asked beside them; only: if not empty, of all these no other cases
    than those (`suite:id`).
    """

    names: tuple[str, ...]
    pattern: str | None = None
    limit: int | None = None
    vary: tuple[str, ...] = ()
    only: tuple[str, ...] = ()

    @classmethod
    def of(cls, manifest: Manifest) -> "Chosen":
        """The choice that a run was begun with."""
        raw = manifest.selection
        names, limit, pattern = raw.get("names"), raw.get("limit"), raw.get("pattern")
        vary, only = raw.get("vary"), raw.get("only")
        return cls(
            names=tuple(str(n) for n in names) if isinstance(names, list) else (),
            limit=limit if isinstance(limit, int) else None,
            pattern=pattern if isinstance(pattern, str) else None,
            vary=tuple(str(k) for k in vary) if isinstance(vary, list) else (),
            only=tuple(str(i) for i in only) if isinstance(only, list) else (),
        )

    def selection(self) -> Selection:
        """The cases. Errors: SuiteError."""
        found = select(self.names, pattern=self.pattern, limit=self.limit, vary=self.vary)
        return _narrowed(found, self.only) if self.only else found


def run(
    chosen: Chosen,
    target: Target,
    settings: Settings,
    engine: Engine,
    *,
    folder: Path | None = None,
    command: Sequence[str] = (),
    cache: Cache | None = None,
) -> Run:
    """Measure one target on a selection and return the run, which lies in `folder` (home's `runs`).

    Errors: SuiteError, UsageError, DialectError before anything is generated; InfrastructureError when
    the run stops early: the file is then resumable, and the message says how.
    """
    (found,) = run_targets(
        chosen, [target], settings, engine, folder=folder, command=command, cache=cache
    )
    return found


def run_targets(
    chosen: Chosen,
    targets: Sequence[Target],
    settings: Settings,
    engine: Engine,
    *,
    folder: Path | None = None,
    command: Sequence[str] = (),
    cache: Cache | None = None,
) -> list[Run]:
    """Measure several targets of one base with one engine: one run file each, one progress display.

    cache: replies kept from earlier runs are not generated again. Errors: as from `run`; what one target
    has lost does not touch the files of the others.
    """
    if settings.constrained:
        refuse_engine(engine.name)
    selection = chosen.selection()
    size = _size(selection, settings)
    plans = [plan(selection, target, settings) for target in targets]
    notes = (*getattr(engine, "notes", ()), *_template_notes(plans[0][0][0], engine))
    notes += _loose_notes(selection) if settings.constrained else ()
    held = cache.size if cache is not None else 0
    found = [
        lookup(batches, target, engine, cache, held) if cache is not None else Kept()
        for batches, target in zip(plans, targets, strict=True)
    ]
    works: list[Work] = []
    try:
        for target, batches, kept in zip(targets, plans, found, strict=True):
            manifest = _manifest(chosen, selection, target, settings, engine, command, notes)
            if cache is not None:
                hits, total = len(kept.replies), sum(map(len, batches))
                use = CacheUse(hits=hits, misses=total - hits, size=held)
                manifest = manifest.model_copy(update={"cache": use})
            path = (folder or home_folder("runs")) / f"{manifest.run_id}.jsonl"
            writer = RunWriter(path, manifest)
            works.append(
                Work(writer=writer, batches=batches, label=manifest.label, size=size, kept=kept)
            )
        return measure(works, engine, cache)
    finally:
        for work in works:
            work.writer.close()


def resume(
    path: Path,
    engine: Engine | None = None,
    *,
    options: EngineOptions = EngineOptions(),
    cache: Cache | None = None,
) -> Run:
    """Finish an interrupted run: cases without a record, and those that ended in an error.

    Everything is taken from the manifest, and refused if suites or weights are no longer what they were.
    Of the cache it knows what was there when the run began, and nothing if the run began without one.
    """
    old = read_run(path)
    manifest = old.manifest
    if manifest.rescored is not None and not old.complete:
        raise UsageError(
            f"{path} was rescored from run {manifest.rescored.run_id}: resume that one, and rescore it again"
        )
    selection = Chosen.of(manifest).selection()
    if selection.hash != manifest.selection_hash:
        raise UsageError(f"the suites changed since {path} was begun: start a new run")
    adapter = manifest.selection.get("adapter")
    options = _restored(options, manifest)
    (target,) = find_targets(
        manifest.model,
        [str(adapter) if adapter else None],
        dialect=manifest.dialect,
        engine=manifest.engine,
        options=options,
    )
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
    if old.complete and len(old.records) == selection.size * settings.samples:
        return old
    if settings.constrained:
        refuse_engine(manifest.engine)
    writer = RunWriter(path)
    try:
        # Read again: until now another process may have written.
        records = read_run(path).records
        work = Work(
            writer=writer,
            batches=plan(selection, target, settings),
            label=manifest.label,
            size=_size(selection, settings),
            done={r.key: r for r in records if r.verdict.outcome is not Outcome.ERROR},
        )
        if work.finish():  # only its completion mark was missing
            return read_run(path)
        if engine is None:
            loaded: Sequence[Adapter] = [target.adapter] if target.adapter else []
            engine = load_engine(manifest.engine, target, loaded, options)
        if (engine.name, engine.version) != (manifest.engine, manifest.engine_version):
            raise UsageError(
                f"{path} was begun with {manifest.engine} {manifest.engine_version}, "
                f"here is {engine.name} {engine.version}: start a new run"
            )
        if cache is not None and manifest.cache is not None:
            work.kept = lookup(work.batches, target, engine, cache, manifest.cache.size)
        (found,) = measure([work], engine, cache)
        return found
    finally:
        writer.close()


_RESTORED = ("max_model_len", "batch_invariant", "api", "no_vllm_extras")
"""Settings of an engine that decide its replies, and are options of the same name."""


def _restored(options: EngineOptions, manifest: Manifest) -> EngineOptions:
    """The options with what the run was begun with; a server may have moved since."""
    told = manifest.engine_settings
    same: dict[str, Any] = {k: v for k, v in told.items() if k in _RESTORED and v}
    urls = told.get("base_url")
    if isinstance(urls, list) and not options.base_url:
        same["base_url"] = tuple(str(u) for u in urls)
    return replace(options, dtype=manifest.dtype, **same)


def _narrowed(selection: Selection, only: Sequence[str]) -> Selection:
    """The named cases and their variants. Errors: SuiteError if there are none."""
    wanted = set(only)
    parts = []
    for part in selection.parts:
        name = part.suite.name
        cases = tuple(c for c in part.cases if f"{name}:{c.id}" in wanted)
        made = tuple(c for c in part.variants if f"{name}:{original_id(c)}" in wanted)
        if cases:
            parts.append(replace(part, cases=cases, variants=made))
    if not parts:
        raise SuiteError(f"none of the {len(wanted)} cases named is in {selection.name}")
    return replace(selection, parts=tuple(parts))


def _size(selection: Selection, settings: Settings) -> str:
    """`24 cases`; with variants or samples: `24 cases and 48 variants, 5 samples each: 360 replies`."""
    cases = sum(len(p.cases) for p in selection.parts)
    more = selection.size - cases
    text = f"{cases} cases and {more} variants" if more else f"{cases} cases"
    if settings.samples > 1:
        text += f", {settings.samples} samples each"
    total = selection.size * settings.samples
    return f"{text}: {total} replies" if total > cases else text


def _template_notes(job: Job, engine: Engine) -> tuple[str, ...]:
    """A warning, printed and kept, if the prompt is not what the model's own chat template makes of it."""
    tokenizer = getattr(engine, "tokenizer", None)
    found = template_difference(tokenizer, job.request.dialect, job.dialogues)
    if found is None:
        return ()
    note = f"dialect {job.request.dialect.name!r} is not the model's own way of prompting: {found}"
    print(f"warning: {note}", file=sys.stderr)
    return (note,)


def _loose_notes(selection: Selection) -> tuple[str, ...]:
    """Which tools' schemas the constrained mode does not enforce, and why; printed and kept."""
    tools = {t.name: t for part in selection.parts for c in part.asked for t in c.tools}
    found = {name: reason for name, tool in tools.items() if (reason := loose(tool)) is not None}
    if not found:
        return ()
    shown = ", ".join(f"{name} ({reason})" for name, reason in sorted(found.items())[:8])
    note = f"not constrained to their schemas, only to a JSON object: {len(found)} tools: {shown}"
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
            **({"only": list(chosen.only)} if chosen.only else {}),
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
        engine_settings=dict(engine.settings),
        shots=settings.shots,
        packages=package_versions(),
        git=git_revision(),
        command=tuple(command),
        started=now.isoformat(timespec="seconds"),
        notes=notes,
    )
