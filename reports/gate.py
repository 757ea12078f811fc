"""The gate's result as tables, as JSON values, and as a summary for a CI page."""

from typing import Any

from bench.gate import Finding, GateResult
from bench.records import Record
from reports.comparison import change_rows, comparison_data, line_data
from reports.shown import actual, clean, expected
from reports.table import Table, render

__all__ = ["SUMMARY_BYTES", "gate_data", "gate_tables", "headline", "step_summary"]

SUMMARY_BYTES = 256 * 1024
"""Most bytes of a summary; GitHub refuses a step's summary above 1024 KiB."""

_SHOWN = 20
_LONG = 2000


def headline(result: GateResult) -> str:
    """`PASS`, `FAIL` or `INCOMPLETE`, and why."""
    a, b = result.comparison.first.manifest, result.comparison.second.manifest
    forced = " (FORCED, not the same conditions)" if result.comparison.refused else ""
    what = f"{b.label} against {a.label}{forced}"
    match result.status:
        case "failed":
            names = ", ".join(f.name for f in result.failures[:6])
            return f"FAIL: {what}: {len(result.failures)} regressions ({names})"
        case "incomplete":
            lost = sum(map(len, result.errors))
            return f"INCOMPLETE: {what}: {lost} cases got no reply"
        case _:
            return (
                f"PASS: {what}: no regression beyond {result.rules.tolerance:g} points is supported"
            )


def gate_tables(result: GateResult) -> list[Table]:
    """The lines under the headline, then what is held against the candidate, cases that broke, lost ones."""
    found = result.comparison
    head = ["suite", "category", "n", "baseline", "candidate", "difference", "fixed", "broken"]
    head += ["both right", "both wrong", "p", "p (Holm)", "verdict", "gate"]
    held = {f.name: f for f in result.findings if f.line is not None}
    rows = [
        [*row, _state(held.get(line.name))]
        for row, line in zip(change_rows(found.lines), found.lines, strict=True)
    ]
    rules = result.rules
    notes = [
        f"baseline: {found.first.path}; candidate: {found.second.path}",
        f"fails on a fall that is supported (p by Holm below {rules.alpha:g}, interval without 0) and larger "
        f"than {rules.tolerance:g} points, and on a must-pass case that broke",
        *result.notes,
    ]
    for name, only in (("baseline", found.only_first), ("candidate", found.only_second)):
        if only:
            notes.append(f"only in the {name} ({len(only)}): {', '.join(only[:6])}")
    tables = [Table(title=headline(result), head=head, rows=rows, notes=notes)]
    if result.findings:
        tables.append(
            Table(
                title=f"Held against the candidate: {len(result.findings)}",
                head=["what", "why", "gate"],
                rows=[[f.name, clean(f.text, 200), _state(f)] for f in result.findings],
            )
        )
    if broken := [p for p in found.pairs + found.variants if p.fate == "broken"]:
        more = f" (first {_SHOWN})" if len(broken) > _SHOWN else ""
        tables.append(
            Table(
                title=f"broken: {len(broken)} cases{more}",
                head=["case", "expected", "actual", "failure"],
                rows=[
                    [p.name, expected(p.first.case), actual(p.second), _fault(p.second)]
                    for p in broken[:_SHOWN]
                ],
            )
        )
    if any(result.errors):
        tables.append(
            Table(
                title="No reply: neither right nor wrong",
                head=["run", "case", "reason"],
                rows=[
                    [role, f"{r.suite}:{r.id}", clean(r.verdict.reason, 120)]
                    for role, side in zip(("baseline", "candidate"), result.errors, strict=True)
                    for r in side[:_SHOWN]
                ],
            )
        )
    return tables


def gate_data(result: GateResult) -> dict[str, Any]:
    """The result as JSON values: status, rules, findings, and the comparison."""
    rules = result.rules
    return {
        "status": result.status,
        "baseline": result.comparison.first.manifest.run_id,
        "candidate": result.comparison.second.manifest.run_id,
        "forced": list(result.comparison.refused),
        "rules": {
            "tolerance": rules.tolerance,
            "margin": rules.margin,
            "alpha": rules.alpha,
            "must_pass": list(rules.must_pass),
            "acknowledged": [
                {"name": e.name, "reason": e.reason, "expires": e.expires.isoformat()}
                for e in rules.acknowledged
            ],
        },
        "today": result.today.isoformat(),
        "findings": [_finding(f) for f in result.findings],
        "must_pass": [{"case": clean(p.name), "fate": p.fate} for p in result.checked],
        "errors": {
            role: [{"case": f"{r.suite}:{r.id}", "reason": clean(r.verdict.reason)} for r in side]
            for role, side in zip(("baseline", "candidate"), result.errors, strict=True)
        },
        "notes": [clean(n) for n in result.notes],
        "comparison": comparison_data(result.comparison),
    }


def step_summary(result: GateResult) -> str:
    """Markdown for a CI page, at most SUMMARY_BYTES long; model text cannot form links, mentions or HTML."""
    text = render(gate_tables(result), "markdown")
    for sign, entity in (
        ("@", "&#64;"),
        ("$", "&#36;"),
        ("://", "&#58;//"),
        ("www.", "www&#46;"),
        ("~", "&#126;"),
    ):
        text = text.replace(sign, entity)
    raw = text.encode("utf-8", "backslashreplace")
    if len(raw) <= SUMMARY_BYTES:
        return raw.decode("utf-8")
    end = "\n\nThe rest is left out: callbench gate shows it.\n"
    kept = raw[: SUMMARY_BYTES - len(end)].rpartition(b"\n")[0]
    return kept.decode("utf-8", "ignore") + end


def _state(finding: Finding | None) -> str:
    if finding is None:
        return ""
    if finding.fails:
        return "FAIL (acknowledgement expired)" if finding.expired else "FAIL"
    return "acknowledged"


def _finding(finding: Finding) -> dict[str, Any]:
    entry = finding.acknowledged
    return {
        "name": clean(finding.name),
        "text": clean(finding.text, _LONG),
        "fails": finding.fails,
        "kind": "line" if finding.line is not None else "must-pass",
        "line": line_data(finding.line) if finding.line is not None else None,
        "acknowledged": None
        if entry is None
        else {
            "reason": entry.reason,
            "expires": entry.expires.isoformat(),
            "expired": finding.expired,
        },
    }


def _fault(record: Record) -> str:
    return clean(f"{record.verdict.failure or 'failed'}: {record.verdict.reason}", 120)
