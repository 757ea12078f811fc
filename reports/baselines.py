"""What replies that need no model score on suites: the floor and the ceiling beside every figure."""

from collections.abc import Sequence
from typing import Any

from reports.bfcl import OfficialCase, official_lines
from reports.table import Table
from suites import BASELINES, Part, Reply, judge
from suites.model import Call, Case
from suites.official import official_gold, official_verdict

__all__ = ["baseline_data", "baseline_tables"]

_GOLD = "gold: BFCL's gold answer in the first way of giving it that its own checker accepts"


def baseline_data(parts: Sequence[Part]) -> list[dict[str, Any]]:
    """A row a suite and category: n, and each baseline's share of passes.

    `official`: the same by the benchmark's own rules, over all cases.
    """
    rows: list[dict[str, Any]] = []
    for part in parts:
        name = f"{part.suite.name}/{part.suite.split}"
        categories = sorted({c.category for c in part.cases} - {""})
        strict = {
            b: {c.id: judge(c, r(c)).passed for c in part.cases} for b, r in BASELINES.items()
        }
        official = {
            b: {c.id: _official(c, b) for c in part.cases if c.official is not None}
            for b in BASELINES
        }
        for category in ["", *categories]:
            cases = [c for c in part.cases if category in ("", c.category)]
            scored = [c for c in cases if not c.excluded]
            row: dict[str, Any] = {"suite": name, "category": category, "n": len(cases)}
            row["audited"] = len(scored)
            for label, passed in strict.items():
                row[label] = sum(passed[c.id] for c in scored) / len(scored) if scored else None
            if all(c.official is not None for c in cases):
                row["official"] = {
                    label: sum(valid[c.id] for c in cases) / len(cases)
                    for label, valid in official.items()
                }
            rows.append(row)
    return rows


def baseline_tables(parts: Sequence[Part], rows: Sequence[dict[str, Any]]) -> list[Table]:
    """The shares for people, rows being their `baseline_data`; for an imported BFCL its aggregates, too."""
    cells = [
        [
            r["suite"],
            r["category"],
            str(r["n"]),
            str(r["audited"]),
            *(_cell(r[b]) for b in BASELINES),
        ]
        for r in rows
    ]
    head = ["suite", "category", "n", "not excluded", *BASELINES]
    tables = [
        Table(
            title="Baselines, strict",
            head=head,
            rows=cells,
            notes=["share of cases that are not excluded which the reply passes, in %"],
        )
    ]
    cases = [c for part in parts for c in part.cases if c.official is not None]
    if cases:
        tables.append(_official_table(cases))
    return tables


def _official_table(cases: Sequence[Case]) -> Table:
    found = {
        label: {
            line.name: line
            for line in official_lines(
                [
                    OfficialCase(
                        category=c.category,
                        official=_official(c, label),
                        strict=judge(c, reply(c)).passed,
                        excluded=bool(c.excluded),
                    )
                    for c in cases
                ]
            )
        }
        for label, reply in BASELINES.items()
    }
    rows = []
    for name, line in found["gold"].items():
        shares = [_cell(found[label][name].official) for label in BASELINES]
        audited = [_cell(found[label][name].audited) for label in BASELINES]
        rows.append([name, str(line.n) if line.n else "", *shares, *audited])
    noise = [name for name, line in found["noise"].items() if line.n and line.official]
    notes = [_GOLD]
    if noise:
        text = "by BFCL's rules: a reply that is no call passes there"
        notes.insert(0, f"noise scores above 0 on {', '.join(noise)} {text}")
    head = ["BFCL category", "n", *BASELINES, *(f"{b} (audited)" for b in BASELINES)]
    return Table(
        title="Baselines, BFCL's own rules",
        head=head,
        rows=rows,
        notes=notes,
    )


def _official(case: Case, label: str) -> bool:
    if label == "gold":
        calls = official_gold(case) or []
        made = tuple(Call(name=n, arguments=a) for call in calls for n, a in call.items())
        return official_verdict(case, Reply(text="" if made else "none", calls=made)).valid
    return official_verdict(case, BASELINES[label](case)).valid


def _cell(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"
