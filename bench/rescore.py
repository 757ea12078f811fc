"""Judging the replies of a run anew, by today's judge and today's cases; nothing is generated.

A reply is judged anew if its case is still there with the same tools and messages (the record's input hash),
so that what the model was asked is what today's case asks. All other records keep their old case and verdict,
each with a reason. The result is a new run file: it carries the hashes of today's suites, and every record
that was judged anew keeps in `was` what was said before. The old file is only read.
"""

import datetime as dt
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from adapters import home_folder
from bench.dialects import Dialect, find_dialect
from bench.errors import UsageError
from bench.judging import judgement, read_reply
from bench.provenance import git_revision, package_versions
from bench.records import JudgedBy, Manifest, Record, Rescored, SuiteRef, input_hash
from bench.runner import Chosen
from bench.store import Run, RunWriter, read_run
from suites import Case, Outcome, Part, Selection, Suite, SuiteError, select
from suites.health import refuse_unsound
from suites.model import content_hash
from suites.vary import KINDS, kind_of, original_id, variants

__all__ = ["GONE", "OTHER_INPUT", "Kept", "Rescoring", "rescore", "write_rescored"]

GONE = "the case is gone"
OTHER_INPUT = "its tools or messages changed"

Where = tuple[str, str]
"""(suite, case id)."""


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A record that keeps its old verdict, and why."""

    record: Record
    reason: str


@dataclass(frozen=True, kw_only=True)
class Rescoring:
    """A run judged anew, not yet written. records: in the old order; kept: those not judged anew."""

    origin: Run
    manifest: Manifest
    records: tuple[Record, ...]
    kept: tuple[Kept, ...]

    @property
    def judged(self) -> list[Record]:
        """The records that were judged anew."""
        return [r for r in self.records if r.was is not None]

    @property
    def broken(self) -> list[Record]:
        """Those that passed before and fail now."""
        return [r for r in self.judged if _passed_before(r) and not r.verdict.passed]

    @property
    def fixed(self) -> list[Record]:
        """Those that failed before and pass now."""
        return [r for r in self.judged if not _passed_before(r) and r.verdict.passed]

    @property
    def otherwise(self) -> list[Record]:
        """Those of which something else is said: mode, reason, sub-checks, repaired or official verdict."""
        return [
            r for r in self.judged if _passed_before(r) == r.verdict.passed and r.was != r.judgement
        ]

    @property
    def exclusions(self) -> tuple[int, int]:
        """How many replies leave the score by today's exclusion list, and how many enter it."""
        pairs = [
            (bool(old.case.excluded), bool(new.case.excluded))
            for old, new in zip(self.origin.records, self.records, strict=True)
        ]
        return pairs.count((False, True)), pairs.count((True, False))


def rescore(run: Run, names: Sequence[str] | None = None) -> Rescoring:
    """Judge the replies of a run anew; writes nothing.

    names: where today's cases lie, as `suites.select` takes them; by default as the run was given them.
    Errors: UsageError if a suite is not found, the dialect is unknown, or no reply can be judged anew;
    SuiteError for a suite that cannot be read, or a case that is unsound today.
    """
    manifest = run.manifest
    dialect = find_dialect(manifest.dialect)
    given = list(names) if names is not None else _names(run)
    parts = _parts(run, given)
    today = _Today(parts, run.records)
    found = [(record, *today.case_of(record)) for record in run.records]
    kept = tuple(
        Kept(record=record.model_copy(update={"was": None}), reason=reason)
        for record, case, reason in found
        if case is None
    )
    if len(kept) == len(found):
        raise UsageError(_nothing(run, kept, parts, given))
    today.refuse_unsound({(r.suite, c.id): c for r, c, _ in found if c is not None})
    old = iter(kept)
    records = tuple(
        next(old).record if case is None else _judged(record, case, dialect)
        for record, case, _ in found
    )
    refs = tuple(today.ref(ref) for ref in manifest.suites)
    unlike = [k.record for k in kept if k.record.verdict.outcome is not Outcome.ERROR]
    now = dt.datetime.now(dt.UTC)
    origin = Rescored(
        run_id=manifest.run_id,
        path=run.path if "://" in run.path else str(Path(run.path).resolve()),
        suites=manifest.suites,
        before=manifest.judged_by,
        now=JudgedBy(
            version=package_versions().get("callbench"),
            git=git_revision(),
            date=now.isoformat(timespec="seconds"),
        ),
        judged=len(records) - len(kept),
        kept=len(kept),
    )
    told = manifest.rescored.words if manifest.rescored else None
    changed = {
        "run_id": _run_id(manifest.run_id, now),
        "selection": {**manifest.selection, "names": given},
        "selection_hash": _selection_hash(run, given, refs, unlike),
        "suites": refs,
        "notes": (*(n for n in manifest.notes if n != told), origin.words),
        "rescored": origin,
    }
    return Rescoring(
        origin=run,
        manifest=manifest.model_copy(update=changed),
        records=records,
        kept=kept,
    )


def write_rescored(found: Rescoring, folder: Path | None = None) -> Run:
    """Write the new run file into `folder` (home's `runs`) and return the run as it lies there.

    It has a completion mark if the old one has. Errors: UsageError if the folder cannot be written to,
    InfrastructureError when the disk is full or gone; no part of a file is then left.
    """
    path = (folder or home_folder("runs")) / f"{found.manifest.run_id}.jsonl"
    writer = RunWriter(path, found.manifest)
    try:
        writer.append(found.records)
        if found.origin.end is not None:
            passed = sum(r.verdict.passed for r in found.records)
            writer.finish(found.origin.end.model_copy(update={"passed": passed}))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        writer.close()
    return read_run(path)


class _Today:
    """The cases of today's suites, and the variants of those that the records are about."""

    def __init__(self, parts: Sequence[Part], records: Sequence[Record]) -> None:
        self._suites: dict[tuple[str, str], Suite] = {}
        self._cases: dict[Where, Case] = {}
        self._impossible: dict[Where, str] = {}
        for part in parts:
            self._suites[part.suite.name, part.suite.split] = part.suite
            for case in part.suite.cases:
                self._cases.setdefault((part.suite.name, case.id), case)
        for part in parts:  # a case that was chosen comes before its namesake in the other split
            self._cases |= {(part.suite.name, c.id): c for c in part.cases}
        varied = [r for r in records if kind_of(r.case) is not None]
        for suite in self._suites.values():
            for kind in KINDS:
                ids = {
                    original_id(r.case)
                    for r in varied
                    if r.suite == suite.name and kind_of(r.case) == kind
                }
                self._vary(suite, kind, [c for c in suite.cases if c.id in ids])

    def case_of(self, record: Record) -> tuple[Case | None, str]:
        """Today's case on the same input, or None and why there is none."""
        if record.verdict.outcome is Outcome.ERROR:
            return None, f"there is no reply to judge ({record.verdict.reason})"
        place = record.suite, record.id
        case = self._cases.get(place)
        if case is None:
            return None, self._impossible.get(place, GONE)
        if input_hash(case) != record.input:
            return None, OTHER_INPUT
        return case, ""

    def ref(self, old: SuiteRef) -> SuiteRef:
        """The suite as it is today; of one that is no longer there, what it was."""
        suite = self._suites.get((old.name, old.split))
        if suite is None:
            return old
        return old.model_copy(update={"version": suite.version, "hash": suite.hash})

    def refuse_unsound(self, cases: Mapping[Where, Case]) -> None:
        """Errors: SuiteError for the first case whose tools or gold are unsound."""
        for name in dict.fromkeys(suite for suite, _ in cases):
            places = {
                k: v for s in self._suites.values() if s.name == name for k, v in s.places.items()
            }
            refuse_unsound([c for (suite, _), c in cases.items() if suite == name], places)

    def _vary(self, suite: Suite, kind: str, cases: Sequence[Case]) -> None:
        if not cases:
            return
        try:
            made = variants(cases, [kind], suite.cases)
        except SuiteError as error:
            if len(cases) == 1:
                self._impossible[suite.name, f"{cases[0].id}~{kind}"] = (
                    f"the variant cannot be made any more: {error}"
                )
                return
            for case in cases:  # one that cannot be made hides no other
                self._vary(suite, kind, [case])
            return
        self._cases |= {(suite.name, c.id): c for c in made}


def _judged(record: Record, case: Case, dialect: Dialect) -> Record:
    finish: Literal["stop", "length"] = "length" if record.finish == "length" else "stop"
    reply = read_reply(case, record.text, finish, dialect)
    fields = {
        **dict(record),
        "case": case,
        "calls": reply.calls,
        "thought": reply.thought,
        **dict(judgement(case, reply)),
        "was": record.judgement,
    }
    return Record.of(**fields)


def _names(run: Run) -> list[str]:
    names = run.manifest.selection.get("names")
    if not isinstance(names, list) or not names:
        raise UsageError(f"{run.path} does not say which suites it is of: name them with --suites")
    return [str(n) for n in names]


def _parts(run: Run, names: Sequence[str]) -> list[Part]:
    """What the names stand for today, as far as the run is of the same suite and split."""
    known = {(ref.name, ref.split) for ref in run.manifest.suites}
    try:
        # One by one: without the run's pattern, names may overlap.
        parts = [part for name in names for part in select([name]).parts]
    except SuiteError as error:
        if error.file is not None:
            raise
        raise UsageError(
            f"the cases of {run.path} are not found: {error} (--suites names where they are now)",
            known=error.known,
        ) from None
    return [p for p in parts if (p.suite.name, p.suite.split) in known]


def _nothing(run: Run, kept: Sequence[Kept], parts: Sequence[Part], names: Sequence[str]) -> str:
    """Why no reply can be judged anew, and what to do."""
    if not kept:
        return f"{run.path} holds no reply to judge: finish it with callbench run --resume"
    if not parts:
        own = ", ".join(f"{ref.name}/{ref.split}" for ref in run.manifest.suites) or "no suite"
        return f"{run.path} is a run of {own}, not of {', '.join(names)}: --suites names its suites"
    first = kept[0]
    return (
        f"none of the {len(kept)} replies of {run.path} can be judged anew "
        f"({first.record.suite}:{first.record.id}: {first.reason}): start a new run"
    )


def _selection_hash(
    run: Run, names: Sequence[str], refs: Sequence[SuiteRef], unlike: Sequence[Record]
) -> str:
    """That of a new run of the same choice, if it would ask exactly what these records were asked.

    Otherwise a hash that no other choice has, but another run of the same choice, rescored likewise, has too.
    """
    manifest = run.manifest
    if not unlike:
        if tuple(refs) == manifest.suites:
            return manifest.selection_hash
        fresh = _fresh(manifest, names)
        if fresh is not None:
            asked = {(p.suite.name, c.id) for p in fresh.parts for c in p.asked}
            held = {(r.suite, r.id) for r in run.records}
            if held == asked or (not run.complete and held < asked):
                return fresh.hash
    hashes = sorted(ref.hash for ref in refs)
    places = sorted([r.suite, r.id, r.input] for r in unlike)
    return content_hash(["rescored", manifest.selection_hash, hashes, places])


def _fresh(manifest: Manifest, names: Sequence[str]) -> Selection | None:
    try:
        return replace(Chosen.of(manifest), names=tuple(names)).selection()
    except SuiteError:
        return None


def _run_id(old: str, now: dt.datetime) -> str:
    """The old id with another time and `rescored`, and letters of its own."""
    stem = re.sub(r"^\d{8}-\d{6}-|(-rescored)?-[0-9a-f]{4}$", "", old)
    stem = re.sub(r"[^\w.+-]+", "-", stem)[:90]
    return f"{now:%Y%m%d-%H%M%S}-{stem}-rescored-{secrets.token_hex(2)}"


def _passed_before(record: Record) -> bool:
    return record.was is not None and record.was.verdict.passed
