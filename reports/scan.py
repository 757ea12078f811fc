"""Many run files, read for their figures only: a record's tools, dialogue and text are skipped, not parsed.

The figures are those of `summarise` (same functions, same rules); a test holds them against each other. Files
are read line by line, so that memory does not grow with them, and by several processes where they are many.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import msgspec

from bench.errors import UsageError
from bench.records import SCHEMA, Manifest
from bench.stats import Proportion, proportion
from reports.bfcl import OfficialCase, OfficialLine, official_lines
from suites.vary import KINDS

__all__ = ["Scanned", "scan", "scan_all"]

_MANY = 64 * 2**20
"""Bytes of run files from which on several processes read them."""


class _Case(msgspec.Struct):
    group: str
    category: str = ""
    tags: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()


class _Verdict(msgspec.Struct):
    passed: bool
    outcome: str


class _Official(msgspec.Struct):
    valid: bool


class _Line(msgspec.Struct):
    kind: str
    suite: str = ""
    id: str = ""
    case: _Case | None = None
    verdict: _Verdict | None = None
    official: _Official | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: float = 0.0
    sample: int = 0
    cached: bool = False


@dataclass(frozen=True, kw_only=True)
class Scanned:
    """One run's figures. suites: name -> score; asked: replies in all, errors and malformed among them.

    total, suites, together: as in Summary; tokens: generated for this run, prompt: of its prompts;
    seconds: spent generating; generated: replies that were not found in the cache.
    """

    path: str
    manifest: Manifest
    complete: bool
    total: Proportion
    suites: dict[str, Proportion]
    together: Proportion
    asked: int
    errors: int
    malformed: int
    prompt: int
    tokens: int
    seconds: float
    generated: int
    official: tuple[OfficialLine, ...] = ()


def scan_all(paths: Sequence[Path]) -> list[Scanned]:
    """The figures of run files, in the order given. Errors: UsageError as from `scan`."""
    size = sum(p.stat().st_size for p in paths)
    workers = min(os.cpu_count() or 1, len(paths))
    if size < _MANY or workers < 2:
        return [scan(p) for p in paths]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(scan, paths, chunksize=4))


def scan(path: Path) -> Scanned:
    """The figures of one run file, complete or not.

    Errors: UsageError for a file that is no run, of another schema version, or with a broken line that is
    not its last.
    """
    decoder = msgspec.json.Decoder(_Line)
    records: dict[tuple[str, str, int], _Line] = {}
    complete = False
    manifest: Manifest | None = None
    for number, line, last in _lines(path):
        if manifest is None:
            manifest = _manifest(path, line)
            continue
        try:
            item = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            if last:
                break
            raise UsageError(f"{path}:{number} is broken: {error}") from None
        if item.kind == "end":
            complete = True
        elif item.case is not None and item.verdict is not None:
            key = (item.suite, item.id, item.sample)
            records.pop(key, None)
            records[key] = item
    if manifest is None:
        raise UsageError(f"{path} is no run file: it has no manifest")
    return _scanned(path, manifest, complete, list(records.values()))


def _lines(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """(number, line, whether it is torn: the last one, without a newline)."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, line, not line.endswith(b"\n")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None


def _manifest(path: Path, line: bytes) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(line)
    except ValueError:
        raise UsageError(f"{path} is no run file: its first line is no manifest") from None
    if manifest.schema_version != SCHEMA:
        raise UsageError(
            f"{path} has schema version {manifest.schema_version}, this callbench reads {SCHEMA}"
        )
    return manifest


def _scanned(path: Path, manifest: Manifest, complete: bool, records: list[_Line]) -> Scanned:
    rows = [(r, r.case, r.verdict) for r in records if r.case is not None and r.verdict is not None]
    asked = [(r, c, v) for r, c, v in rows if not _is_variant(r.id, c)]
    scored = [(r, c, v) for r, c, v in asked if v.outcome != "error" and not c.excluded]
    groups: dict[tuple[str, str, int], list[bool]] = {}
    for r, c, v in scored:
        groups.setdefault((r.suite, c.group, r.sample), []).append(v.passed)
    whole = {key: all(passed) for key, passed in groups.items() if len(passed) > 1}
    names = dict.fromkeys(s.name for s in manifest.suites)
    made = [r for r in records if not r.cached]
    return Scanned(
        path=str(path),
        manifest=manifest,
        complete=complete,
        total=proportion(
            [v.passed for _, _, v in scored], [(r.suite, c.group) for r, c, _ in scored]
        ),
        suites={
            name: proportion(
                [v.passed for r, _, v in scored if r.suite == name],
                [(r.suite, c.group) for r, c, _ in scored if r.suite == name],
            )
            for name in names
        },
        together=proportion(list(whole.values()), [key[:2] for key in whole]),
        asked=len(asked),
        errors=sum(v.outcome == "error" for _, _, v in asked),
        malformed=sum(v.outcome == "malformed" for _, _, v in asked),
        prompt=sum(r.prompt_tokens for r in made),
        tokens=sum(r.completion_tokens for r in made),
        seconds=sum(r.seconds for r in records),
        generated=len(made),
        official=tuple(
            official_lines(
                [
                    OfficialCase(
                        category=c.category,
                        official=r.official.valid,
                        strict=v.passed,
                        excluded=bool(c.excluded),
                    )
                    for r, c, v in asked
                    if r.official is not None and v.outcome != "error"
                ]
            )
        ),
    )


def _is_variant(name: str, case: _Case) -> bool:
    """As suites.vary.kind_of tells it."""
    kind = name.rpartition("~")[2]
    return kind in KINDS and f"variant:{kind}" in case.tags
