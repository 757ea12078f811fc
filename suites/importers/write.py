"""An imported suite on disk: a suite folder like any other, with its source, version, licence and hash."""

import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from suites.errors import SuiteError
from suites.importers.base import Imported, Importer
from suites.importers.source import Source, open_source
from suites.load import load_suite
from suites.model import Case, Suite

__all__ = ["import_suite", "write_suite"]


def import_suite(
    name: str, where: str, importer: Importer, kind: str, folder: Path
) -> tuple[Imported, Suite | None]:
    """Read a source and write it as the suite `name` into `folder`; the suite as it loads (None: no cases).

    kind: the importer's name, kept in suite.yaml. A suite of that name is replaced as a whole, or not at all.
    Errors: SuiteError for a source that cannot be read, or a folder that cannot be written.
    """
    source = open_source(where)
    imported = importer(source)
    ids = [case.id for case in imported.cases]
    if len(set(ids)) != len(ids):
        twice = next(i for i in ids if ids.count(i) > 1)
        raise SuiteError(f"gives two cases the id {twice!r}", file=where)
    if not imported.cases and not imported.toolbox:
        first = "".join(f" ({s.where}: {s.why})" for s in imported.skipped[:1])
        raise SuiteError(f"holds no item that can be imported{first}", file=where)
    if not imported.version or imported.version == "unknown":
        imported = replace(imported, version=source.version or f"sha256:{source.hash[:12]}")
    target = folder / name
    try:
        return imported, write_suite(target, name, imported, source, kind)
    except OSError as error:
        raise SuiteError(
            f"cannot write {target}: {error.strerror or error}; "
            "set CALLBENCH_HOME to a folder that you can write to"
        ) from None


def write_suite(
    target: Path, name: str, imported: Imported, source: Source, kind: str
) -> Suite | None:
    """The suite as it loads (None: no cases), its folder made beside its place and moved there when whole.

    Errors: OSError; SuiteError if what was written cannot be loaded again. Nothing is replaced then.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
    try:
        (fresh / imported.split).mkdir(parents=True)
        about = {
            "name": name,
            "version": imported.version,
            "about": imported.about,
            "licence": imported.licence,
            "source": {"importer": kind, "from": _last(source.name), "hash": source.hash},
        }
        if imported.categories:
            about["categories"] = dict(imported.categories)
        _dump(fresh / "suite.yaml", about)
        for category, cases in _by_category(imported).items():
            lines = [json.dumps(c.model_dump(mode="json", exclude_defaults=True)) for c in cases]
            file = fresh / imported.split / f"{category}.jsonl"
            file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        if imported.exclusions:
            reasons = {
                reason: {"about": text, "ids": list(ids)}
                for reason, (text, ids) in imported.exclusions.items()
                if ids
            }
            version = imported.exclusions_version or imported.version
            _dump(fresh / "exclude.yaml", {"version": version, "reasons": reasons})
        if imported.toolbox:
            tools = {t.name: t.model_dump(mode="json", exclude={"name"}) for t in imported.toolbox}
            _dump(fresh / imported.split / "toolbox.yaml", {"tools": tools, "cases": []})
        skipped = [vars(s) for s in imported.skipped]
        (fresh / "skipped.json").write_text(json.dumps(skipped, indent=1) + "\n", encoding="utf-8")
        suite = _loaded(fresh, imported, source)
        _replace(target, fresh)
        return suite
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _last(where: str) -> str:
    """The last part of a path; the folders above it are nobody's business."""
    return Path(where).name or Path(where).resolve().name or where


def _loaded(fresh: Path, imported: Imported, source: Source) -> Suite | None:
    if not imported.cases:
        return None
    try:
        return load_suite(fresh, imported.split)
    except SuiteError as error:
        text = f"gives a suite that does not load: {error.field or ''} {error.message}"
        raise SuiteError(text, file=source.name) from None


def _by_category(imported: Imported) -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for case in imported.cases:
        found.setdefault(case.category or "cases", []).append(case)
    return found


def _replace(target: Path, fresh: Path) -> None:
    if target.exists():
        old = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
        target.rename(old)
        try:
            fresh.rename(target)
        except BaseException:
            old.rename(target)
            raise
        shutil.rmtree(old, ignore_errors=True)
    else:
        fresh.rename(target)


def _dump(file: Path, value: Mapping[str, Any]) -> None:
    file.write_text(yaml.safe_dump(value, sort_keys=False, width=100), encoding="utf-8")
