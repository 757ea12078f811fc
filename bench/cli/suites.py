"""List, show, check and import suites; judge the baselines on them.

check replays every gold answer, breaks it in every known way, and looks for unsound schemas, duplicates,
contradictions, and what dev and test share; without a name it checks all built-in and imported suites.
import reads a public benchmark or a file of other tools as a suite of its own, in home's suites/.
baselines judges replies that need no model (gold, always decline, always first tool, noise).
"""

import argparse
import json
from typing import Any

from bench.cli.common import add_format, emit

__all__ = ["add_arguments", "main"]

_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench suites`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="built-in and imported suites, and selections")
    add_format(listing)
    show = actions.add_parser("show", help="the cases of a suite, or one case")
    show.add_argument("suite", metavar="SUITE")
    show.add_argument("case", nargs="?", metavar="CASE", help="a case id: prints the whole case")
    add_format(show)
    check = actions.add_parser("check", help="gold replay, mutations, schema lint, duplicates")
    check.add_argument("suites", nargs="*", metavar="SUITE", help="default: all of them")
    add_format(check)
    floor = actions.add_parser("baselines", help="what gold, declining and noise score on a suite")
    floor.add_argument("suites", nargs="+", metavar="SUITE")
    add_format(floor)
    bring = actions.add_parser(
        "import", help="read a benchmark or a file of other tools as a suite"
    )
    bring.add_argument(
        "name", metavar="NAME", help="name of the suite; bfcl, … also name the importer"
    )
    bring.add_argument(
        "--from",
        dest="where",
        metavar="PATH_OR_PACKAGE",
        required=True,
        help="file, folder, wheel or installed package; read as data, never run",
    )
    bring.add_argument("--as", dest="kind", metavar="KIND", help="importer, if NAME is not one")
    add_format(bring)


def main(args: argparse.Namespace) -> int:
    """Dispatch to the action; check exits 1 if a suite is not sound."""
    match args.action:
        case "list":
            return _list(args.format)
        case "show":
            return _show(args.suite, args.case, args.format)
        case "import":
            from bench.cli.importing import import_named

            return import_named(args.name, args.where, args.kind, args.format)
        case "baselines":
            return _baselines(args.suites, args.format)
        case _:
            return _check(args.suites, args.format)


def _list(form: str) -> int:
    from reports.table import Table
    from suites.catalogue import builtin_suites, imported_suites, select, selections

    rows: list[dict[str, Any]] = []
    for name, split in [*builtin_suites(), *imported_suites()]:
        suite = select([f"{name}/{split}"]).parts[0].suite
        about = " ".join(suite.about.split())
        rows.append(
            {
                "name": name if split == "dev" else f"{name}/{split}",
                "version": suite.version,
                "cases": len(suite.cases),
                "groups": len({c.group for c in suite.cases}),
                "tools": len({t.name for c in suite.cases for t in c.tools}),
                "hash": suite.hash[:12],
                "about": about,
            }
        )
    for name, chosen in selections().items():
        count = sum(map(len, chosen.values()))
        about = f"selection from {', '.join(chosen)}"
        rows.append(
            {
                "name": name,
                "version": "",
                "cases": count,
                "groups": "",
                "tools": "",
                "hash": "",
                "about": about,
            }
        )
    head = list(rows[0])
    cells = [[_short(str(row[k])) for k in head] for row in rows]
    emit([Table(title="Suites", head=head, rows=cells)], rows, form)
    return 0


def _show(suite: str, case_id: str | None, form: str) -> int:
    from reports.table import Table
    from suites.catalogue import select
    from suites.errors import SuiteError

    cases = [c for part in select([suite]).parts for c in part.cases]
    if case_id is not None:
        case = next((c for c in cases if c.id == case_id), None)
        if case is None:
            raise SuiteError(
                f"there is no case {case_id!r} in suite {suite!r}", known=[c.id for c in cases]
            )
        print(
            json.dumps(
                case.model_dump(mode="json", exclude_defaults=True), indent=1, ensure_ascii=False
            )
        )
        return 0
    rows = [
        [
            c.id,
            c.category,
            c.expectation.kind,
            ", ".join(t.name for t in c.tools),
            _short(_request(c)),
        ]
        for c in cases
    ]
    data = [c.model_dump(mode="json", exclude_defaults=True) for c in cases]
    head = ["case", "category", "expects", "tools", "request"]
    emit([Table(title=suite, head=head, rows=rows)], data, form)
    return 0


def _check(names: list[str], form: str) -> int:
    from reports.table import Table
    from suites.catalogue import builtin_suites, imported_suites, select, selections
    from suites.health import check_suite
    from suites.leak import leaks

    everything = [f"{n}/{s}" for n, s in [*builtin_suites(), *imported_suites()]]
    parts = [part for name in names or everything for part in select([name]).parts]
    if not names:
        for name in selections():
            select([name])  # its ids must exist
    suites = {f"{p.suite.name}/{p.suite.split}": p.suite for p in parts}
    reports = [check_suite(suite) for suite in suites.values()]
    head = [
        "suite",
        "cases",
        "groups",
        "tools",
        "broken golds judged",
        "errors",
        "warnings",
        "excluded",
    ]
    rows, data = [], []
    for health in reports:
        levels = [f.level for f in health.findings]
        counts = [health.cases, health.groups, health.tools, health.mutations]
        left_out = sum(bool(c.excluded) for c in suites[health.suite].cases)
        counts += [levels.count("error"), levels.count("warning"), left_out]
        rows.append([health.suite, *map(str, counts)])
        findings = [vars(f) for f in health.findings]
        data.append({**dict(zip(head, [health.suite, *counts], strict=True)), "findings": findings})
    shared = leaks([part.suite for part in parts])
    if shared:
        data.append({"suite": "dev and test", "findings": [vars(f) for f in shared]})
    tables = [Table(title="Health of the suites", head=head, rows=rows)]
    named = [(h.suite, f) for h in reports for f in h.findings]
    named += [("dev and test", f) for f in shared]
    found = [[suite, f.level, f.check, f.case, f.place, f.text] for suite, f in named]
    if found:
        shown = [f for f in found if f[1] == "error"]
        notes = []
        for level in ("warning", "excluded"):
            some = [f for f in found if f[1] == level]
            shown += some[:_SHOWN]
            if len(some) > _SHOWN:
                notes.append(f"{len(some) - _SHOWN} more of level {level}: --json shows all")
        titles = ["suite", "level", "check", "case", "place", "finding"]
        tables.append(Table(title="Findings", head=titles, rows=shown, notes=notes))
    emit(tables, data, form)
    return 0 if all(h.sound for h in reports) and not shared else 1


def _baselines(names: list[str], form: str) -> int:
    from reports.baselines import baseline_data, baseline_tables
    from suites.catalogue import select

    parts = select(names).parts
    rows = baseline_data(parts)
    emit(baseline_tables(parts, rows), rows, form)
    return 0


def _request(case: Any) -> str:
    return next((m.content for m in reversed(case.messages) if m.role == "user"), "")


def _short(text: str, limit: int = 70) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"
