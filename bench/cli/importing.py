"""`callbench suites import`: what was read, what was left out, and where the suite lies."""

import re
import sys
from typing import Any

from bench.cli.common import emit

__all__ = ["import_named"]

_SHOWN = 5
_NAME = re.compile(r"[^\W\d_][\w.-]{0,63}")


def import_named(name: str, where: str, kind: str | None, form: str) -> int:
    """Import a suite and print its counts a category. Errors: SuiteError."""
    from reports.table import Table
    from suites.catalogue import builtin_suites, imported_folder, selections
    from suites.errors import SuiteError
    from suites.importers.table import IMPORTERS
    from suites.importers.write import import_suite

    taken = [*selections(), *(n for n, _ in builtin_suites())]
    if name in taken:
        raise SuiteError(f"{name!r} is a built-in suite or selection: choose another name")
    if not _NAME.fullmatch(name):
        rule = "a letter, then letters, digits, . _ or - (at most 64)"
        raise SuiteError(f"{name!r} cannot be the name of an imported suite: {rule}")
    importer = kind or name
    if importer not in IMPORTERS:
        remedy = " (name one with --as)" if kind is None else ""
        raise SuiteError(f"there is no importer {importer!r}{remedy}", known=IMPORTERS)
    imported, suite = import_suite(
        name, where, IMPORTERS[importer].read, importer, imported_folder()
    )
    counts: dict[str, int] = {}
    excluded: dict[str, int] = {}
    for case in suite.cases if suite else ():
        counts[case.category] = counts.get(case.category, 0) + 1
        excluded[case.category] = excluded.get(case.category, 0) + bool(case.excluded)
    data: dict[str, Any] = {
        "suite": name,
        "importer": importer,
        "version": suite.version if suite else imported.version,
        "licence": imported.licence,
        "hash": suite.hash if suite else None,
        "cases": sum(counts.values()),
        "categories": [
            {"category": c, "cases": n, "excluded": excluded[c]} for c, n in counts.items()
        ],
        "tools": len(imported.toolbox),
        "skipped": [vars(s) for s in imported.skipped],
        "notes": list(imported.notes),
        "folder": str(imported_folder() / name),
    }
    rows = [[c, str(n), str(excluded[c])] for c, n in counts.items()]
    rows.append(["all", str(sum(counts.values())), str(sum(excluded.values()))])
    notes = [f"version {data['version']}, licence {imported.licence}, in {data['folder']}"]
    if imported.exclusions_version:
        text = f"excluded from audited figures by list {imported.exclusions_version}: "
        reasons = {r: len(ids) for r, (_, ids) in imported.exclusions.items()}
        notes.append(text + ", ".join(f"{r} {n}" for r, n in reasons.items()))
    if imported.toolbox:
        place = f"{imported.split}/toolbox.yaml"
        notes.append(f"{len(imported.toolbox)} tools in {place}: write cases for them there")
    notes += imported.notes
    if imported.skipped:
        some = "; ".join(f"{s.where}: {s.why}" for s in imported.skipped[:_SHOWN])
        notes.append(f"{len(imported.skipped)} items left out (all in skipped.json): {some}")
    table = Table(
        title=f"Imported: {name}", head=["category", "cases", "excluded"], rows=rows, notes=notes
    )
    emit([table], data, form)
    if suite is not None:
        print(f"next: callbench suites check {name}", file=sys.stderr)
    return 0
