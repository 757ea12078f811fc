"""Old replies judged anew: after a judge, a dialect or a gold answer was mended, without generating anything.

Every recorded text is read again in the run's dialect and judged against today's case of the same id, if that
still asks the same. What cannot be judged anew keeps its verdict, and is told. The old file is never touched:
the result is a run of its own, in which a verdict that changed keeps the old one beside it (`Record.was`).
"""

import datetime as dt
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.dialects import Dialect, find_dialect
from bench.errors import UsageError
from bench.judging import judged
from bench.provenance import git_revision, package_versions
from bench.records import End, Manifest, Origin, Record, SuiteRef, input_hash
from bench.runner import Chosen
from bench.store import Run, RunWriter, read_run
from suites import Case, Outcome, Part, select

__all__ = ["Change", "Rescored", "rescore", "write_rescored"]


@dataclass(frozen=True, kw_only=True)
class Change:
    """A verdict that became another: the record before and after."""

    before: Record
    after: Record

    @property
    def flipped(self) -> bool:
        """Whether pass became fail or fail became pass; else only failure or reason changed."""
        return self.before.verdict.passed != self.after.verdict.passed


@dataclass(frozen=True, kw_only=True)
class Rescored:
    """A run judged anew, not yet written. kept: (record, why) of those that keep their old verdict.

    records: all of the run's, in its order; manifest: of the new run.
    """

    origin: Run
    manifest: Manifest
    records: tuple[Record, ...]
    changes: tuple[Change, ...]
    kept: tuple[tuple[Record, str], ...]


def rescore(run: Run) -> Rescored:
    """Judge a run's replies anew. Replies that never came (errors) stay what they are.

    Errors: UsageError for a run that is not complete; SuiteError if its suites are not at hand any more;
    UsageError for an unknown dialect.
    """
    if not run.complete:
        raise UsageError(f"{run.path} is not complete: callbench run --resume finishes it")
    dialect = find_dialect(run.manifest.dialect)
    chosen = Chosen.of(run.manifest)
    parts = select(chosen.names, vary=chosen.vary).parts
    today: dict[tuple[str, str, str], Case] = {
        (p.suite.name, p.suite.split, c.id): c for p in parts for c in p.asked
    }
    splits = {s.name: s.split for s in run.manifest.suites}
    records: list[Record] = []
    changes: list[Change] = []
    kept: list[tuple[Record, str]] = []
    for record in run.records:
        if record.verdict.outcome is Outcome.ERROR:
            records.append(record)
            continue
        case = today.get((record.suite, splits.get(record.suite, ""), record.id))
        why = _not_the_same(record, case)
        if case is None or why:
            kept.append((record, why))
            records.append(record)
            continue
        after = _anew(record, case, dialect)
        if after.verdict != record.verdict:
            changes.append(Change(before=record, after=after))
        records.append(after)
    return Rescored(
        origin=run,
        manifest=_manifest(run.manifest, {p.suite.name: p for p in parts}, len(changes), len(kept)),
        records=tuple(records),
        changes=tuple(changes),
        kept=tuple(kept),
    )


def write_rescored(found: Rescored, folder: Path) -> Run:
    """Write it as a run file into a folder, and read it back. Errors: as from RunWriter."""
    path = folder / f"{found.manifest.run_id}.jsonl"
    scored = [r for r in found.records if r.verdict.outcome is not Outcome.ERROR]
    writer = RunWriter(path, found.manifest)
    try:
        writer.append(found.records)
        writer.finish(
            End(
                cases=len(found.records),
                passed=sum(r.verdict.passed for r in scored),
                scored=len(scored),
                seconds=found.origin.end.seconds if found.origin.end else 0.0,
                finished=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            )
        )
    finally:
        writer.close()
    return read_run(path)


def _not_the_same(record: Record, case: Case | None) -> str:
    """Why the reply cannot be judged against today's case; empty if it can."""
    if case is None:
        return "the case is gone"
    return "" if input_hash(case) == record.input else "the case asks something else now"


def _anew(record: Record, case: Case, dialect: Dialect) -> Record:
    names = [t.name for t in case.tools]
    finish: Literal["stop", "length"] = "length" if record.finish == "length" else "stop"
    reply = dialect.parse(record.text, finish, names)
    found = judged(case, reply)
    was = record.verdict if found["verdict"] != record.verdict else record.was
    return Record.of(**{**dict(record), "case": case, "was": was, **found})


def _manifest(old: Manifest, parts: Mapping[str, Part], changed: int, kept: int) -> Manifest:
    now = dt.datetime.now(dt.UTC)
    _, _, stem = old.run_id.partition("-")[2].partition("-")
    note = f"judged anew from {old.run_id}: {changed} verdicts changed"
    if kept:
        note += f", {kept} kept (their cases are gone or ask something else)"
    updated = {
        "run_id": f"{now:%Y%m%d-%H%M%S}-{stem.rpartition('-')[0] or stem}-{secrets.token_hex(2)}",
        "suites": tuple(_ref(ref, parts.get(ref.name)) for ref in old.suites),
        "selection_hash": Chosen.of(old).selection().hash,
        "packages": {**old.packages, "callbench": package_versions().get("callbench", "")},
        "git": git_revision(),
        "started": now.isoformat(timespec="seconds"),
        "notes": (*old.notes, note),
        "rescored": Origin(run=old.run_id, date=f"{now:%Y-%m-%d}"),
    }
    return old.model_copy(update=updated)


def _ref(old: SuiteRef, part: Part | None) -> SuiteRef:
    if part is None:
        return old
    update = {"version": part.suite.version, "hash": part.suite.hash}
    return old.model_copy(update=update)
