"""Judge the replies of old runs anew, after a judge or a gold was put right; nothing is generated.

Each reply is read and judged again, against today's case of the same suite, split and id. Where that is gone
or asks something else, and where there is no reply, the old verdict is kept, and listed. The result is a new
run file in home's runs/ that keeps the old verdicts beside the new ones; the old file stays as it is.
"""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from bench.cli.common import add_format, emit, run_path, split_names

if TYPE_CHECKING:
    from bench.records import Judgement, Record
    from bench.rescore import Rescoring
    from reports import Table

__all__ = ["add_arguments", "main"]

_SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench rescore`."""
    parser.add_argument("runs", nargs="+", metavar="RUN", help="run file, URL or run id")
    parser.add_argument(
        "--suites",
        metavar="A,B",
        help="where the cases are now (default: the names that the run was given)",
    )
    parser.add_argument("--dry-run", action="store_true", help="write nothing")
    parser.add_argument(
        "--limit",
        type=int,
        default=_SHOWN,
        metavar="N",
        help="cases listed a table (default: %(default)s; all with --json)",
    )
    add_format(parser)


def main(args: argparse.Namespace) -> int:
    """Print what changed, and write the new run files."""
    from bench.errors import UsageError
    from bench.rescore import rescore, write_rescored
    from bench.store import read_run
    from reports.tables import run_labels

    if args.limit < 0:
        raise UsageError(f"--limit {args.limit} is no number of cases")
    names = split_names(args.suites) if args.suites is not None else None
    if names == []:
        raise UsageError("--suites names no suite")
    paths = dict.fromkeys(run_path(name) for name in args.runs)
    found = [rescore(read_run(path), names) for path in paths]  # all, before anything is written
    files = [None if args.dry_run else write_rescored(x).path for x in found]
    labels = run_labels([x.origin.manifest for x in found])
    tables = [_counts(found, labels)]
    for one, label in zip(found, labels, strict=True):
        tables += _listed(one, label, args.limit)
    emit(tables, [_data(x, file) for x, file in zip(found, files, strict=True)], args.format)
    for file in files:
        print(f"run:    {file}" if file else "dry run: nothing is written", file=sys.stderr)
    return 0


def _counts(found: "list[Rescoring]", labels: list[str]) -> "Table":
    from reports import Table

    rows, notes = [], []
    for one, label in zip(found, labels, strict=True):
        cases = len({(r.suite, r.id) for r in one.records})
        numbers = (cases, len(one.records), len(one.judged), len(one.kept))
        changes = (len(one.broken), len(one.fixed), len(one.otherwise))
        rows.append([label, *map(str, (*numbers, *changes))])
        notes.append(f"{label}: {one.origin.path}")
        if not one.origin.complete:
            notes.append(f"{label}: the run is NOT COMPLETE, and so is the new one")
        leave, enter = one.exclusions
        if leave or enter:
            text = f"by today's exclusion list {leave} replies leave the score and {enter} enter it"
            notes.append(f"{label}: {text}")
    notes.append(
        "otherwise: the same verdict, with another mode, reason, sub-check or second verdict"
    )
    return Table(
        title="Rescored",
        head=[
            *("target", "cases", "replies", "rescored", "kept"),
            *("pass -> fail", "fail -> pass", "otherwise"),
        ],
        rows=rows,
        notes=notes,
    )


def _listed(one: "Rescoring", label: str, limit: int) -> "list[Table]":
    """The cases whose verdicts changed, and those that keep the old one."""
    from reports import Table

    tables = []
    changed = [*one.broken, *one.fixed, *one.otherwise]
    if changed:
        rows = [
            [_name(r), _change(r), _reason(r.was), _reason(r.judgement)] for r in changed[:limit]
        ]
        head = ["case", "change", "old reason", "new reason"]
        notes = _more(len(changed), limit)
        title = f"Changed: {label}"
        tables.append(Table(title=title, head=head, rows=rows, notes=notes))
    if one.kept:
        rows = [[_name(k.record), _word(k.record.judgement), k.reason] for k in one.kept[:limit]]
        tables.append(
            Table(
                title=f"Not comparable, kept old verdict: {label}",
                head=["case", "verdict", "why it is not judged anew"],
                rows=rows,
                notes=_more(len(one.kept), limit),
            )
        )
    return tables


def _more(count: int, limit: int) -> list[str]:
    return [f"… and {count - limit} more (--limit, or --json)"] if count > limit else []


def _name(record: "Record") -> str:
    again = f" #{record.sample + 1}" if record.sample else ""
    return f"{record.suite}:{record.id}{again}"


def _word(said: "Judgement") -> str:
    from suites import Outcome

    if said.verdict.outcome is Outcome.ERROR:
        return "not scored"
    return "pass" if said.verdict.passed else "fail"


def _reason(said: "Judgement | None") -> str:
    if said is None or said.verdict.passed:
        return said.verdict.reason or "passes" if said is not None else ""
    failure = said.verdict.failure
    return f"{failure.value}: {said.verdict.reason}" if failure else said.verdict.reason


def _change(record: "Record") -> str:
    """`pass -> fail`; of one that is said otherwise, what differs."""
    old, new = record.was, record.judgement
    assert old is not None
    if old.verdict.passed != new.verdict.passed:
        return f"{_word(old)} -> {_word(new)}"
    pairs = {
        "mode": (old.verdict.failure, new.verdict.failure),
        "official verdict": (old.official, new.official),
        "repaired": (old.repaired, new.repaired),
        "reason": (old.verdict.reason, new.verdict.reason),
    }
    return ", ".join(what for what, (x, y) in pairs.items() if x != y) or "sub-checks"


def _data(one: "Rescoring", file: str | None) -> dict[str, Any]:
    """All of it as JSON values; changes and kept records are not capped."""
    origin = one.manifest.rescored
    return {
        "run": one.manifest.run_id if file else None,
        "path": file,
        "origin": origin.model_dump(mode="json") if origin else None,
        "target": one.manifest.target,
        "complete": one.origin.complete,
        "cases": len({(r.suite, r.id) for r in one.records}),
        "replies": len(one.records),
        "rescored": len(one.judged),
        "kept": len(one.kept),
        "pass_to_fail": len(one.broken),
        "fail_to_pass": len(one.fixed),
        "otherwise": len(one.otherwise),
        "newly_excluded": one.exclusions[0],
        "newly_scored": one.exclusions[1],
        "changes": [
            {
                **_place(r),
                "change": _change(r),
                "before": r.was.model_dump(mode="json") if r.was else None,
                "after": r.judgement.model_dump(mode="json"),
            }
            for r in (*one.broken, *one.fixed, *one.otherwise)
        ],
        "not_comparable": [
            {**_place(k.record), "verdict": _word(k.record.judgement), "reason": k.reason}
            for k in one.kept
        ],
    }


def _place(record: "Record") -> dict[str, Any]:
    return {"suite": record.suite, "case": record.id, "sample": record.sample}
