"""BFCL's own figures for what was run: official, audited and strict side by side, and its aggregation.

Source of the aggregation: bfcl-eval 2026.3.23, `generate_leaderboard_csv`. The overall score needs multi-turn
and agentic categories, which are not imported: it is never computed here, and no part stands in for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.records import Record
from reports.table import Table

__all__ = [
    "AGGREGATES",
    "OfficialCase",
    "OfficialLine",
    "official_cases",
    "official_lines",
    "official_table",
]

NON_LIVE = ("simple_ast", "multiple", "parallel", "parallel_multiple")
SIMPLE = ("simple_python", "simple_java", "simple_javascript")
LIVE = ("live_simple", "live_multiple", "live_parallel", "live_parallel_multiple")
IRRELEVANCE = ("irrelevance", "live_irrelevance")
AGGREGATES: dict[str, str] = {
    "simple_ast": "unweighted mean of simple_python, simple_java, simple_javascript",
    "non_live": "unweighted mean of simple_ast, multiple, parallel, parallel_multiple",
    "live": "mean of live_simple, live_multiple, live_parallel, live_parallel_multiple by number of items",
    "irrelevance_all": "unweighted mean of irrelevance and live_irrelevance",
}
_ORDER = (*SIMPLE, *NON_LIVE[1:], *LIVE, *IRRELEVANCE, "live_relevance")
_OVERALL = (
    "BFCL's overall (0.10 non_live + 0.10 live + 0.10 irrelevance + 0.30 multi_turn + 0.40 agentic) is not "
    "computed: multi-turn and agentic categories were not run"
)


@dataclass(frozen=True, kw_only=True)
class OfficialCase:
    """One judged reply: its category, both verdicts, and whether the exclusion list leaves it out."""

    category: str
    official: bool
    strict: bool
    excluded: bool


@dataclass(frozen=True, kw_only=True)
class OfficialLine:
    """Shares from 0 to 1; None where nothing was run. n and audited_n are 0 for an aggregate of categories.

    official: BFCL's rules over all items; audited: the same without excluded items; strict: our judge on
    those; gained, lost: items (not excluded) that only strict passes, and that only BFCL's rules pass.
    """

    name: str
    n: int
    official: float | None
    audited_n: int
    audited: float | None
    strict: float | None
    gained: int
    lost: int
    missing: tuple[str, ...] = ()


def official_cases(records: Sequence[Record]) -> list[OfficialCase]:
    """The records that have an official verdict."""
    return [
        OfficialCase(
            category=r.case.category,
            official=r.official.valid,
            strict=r.verdict.passed,
            excluded=bool(r.case.excluded),
        )
        for r in records
        if r.official is not None
    ]


def official_lines(cases: Sequence[OfficialCase]) -> list[OfficialLine]:
    """A line a category in BFCL's order, then its aggregates of those categories that were run."""
    by_category: dict[str, list[OfficialCase]] = {}
    for case in cases:
        by_category.setdefault(case.category, []).append(case)
    known = [c for c in _ORDER if c in by_category]
    lines = {c: _line(c, by_category[c]) for c in [*known, *sorted(set(by_category) - set(_ORDER))]}
    found = list(lines.values())
    simple = _mean("simple_ast", SIMPLE, lines)
    parts = {**lines, **({"simple_ast": simple} if simple else {})}
    means = [
        simple,
        _mean("non_live", NON_LIVE, parts),
        _pooled("live", LIVE, by_category),
        _mean("irrelevance_all", IRRELEVANCE, lines),
    ]
    return found + [m for m in means if m is not None]


def official_table(lines: Sequence[OfficialLine], label: str) -> Table:
    """The lines of one run for people, with the formulas that were used."""
    rows = [
        [
            x.name,
            str(x.n) if x.n else "",
            _percent(x.official),
            str(x.audited_n) if x.n else "",
            _percent(x.audited),
            _percent(x.strict),
            str(x.gained) if x.n else "",
            str(x.lost) if x.n else "",
        ]
        for x in lines
    ]
    notes = [
        "official: BFCL's rules on all items, in %; audited: the same without the excluded items; "
        "strict: this project's judge on the audited items",
        "only strict / only official: audited items on which the two verdicts differ",
        "official credits a broken call as 'no call'; strict never does",
    ]
    for x in lines:
        if x.name in AGGREGATES:
            gap = f" (NOT RUN: {', '.join(x.missing)})" if x.missing else ""
            notes.append(f"{x.name}: {AGGREGATES[x.name]}{gap}")
    notes.append(_OVERALL)
    head = ["BFCL category", "n", "official", "audited n", "audited", "strict"]
    return Table(
        title=f"BFCL v4, {label}",
        head=[*head, "only strict", "only official"],
        rows=rows,
        notes=notes,
    )


def _line(name: str, cases: Sequence[OfficialCase]) -> OfficialLine:
    kept = [c for c in cases if not c.excluded]
    return OfficialLine(
        name=name,
        n=len(cases),
        official=_share([c.official for c in cases]),
        audited_n=len(kept),
        audited=_share([c.official for c in kept]),
        strict=_share([c.strict for c in kept]),
        gained=sum(c.strict and not c.official for c in kept),
        lost=sum(c.official and not c.strict for c in kept),
    )


def _mean(
    name: str, parts: Sequence[str], lines: Mapping[str, OfficialLine]
) -> OfficialLine | None:
    """The unweighted mean of the parts that were run; None where none was."""
    there = [lines[p] for p in parts if p in lines]
    if not there:
        return None
    missing = [p for p in parts if p not in lines]
    missing += [m for line in there for m in line.missing]
    return OfficialLine(
        name=name,
        n=0,
        official=_average([x.official for x in there]),
        audited_n=0,
        audited=_average([x.audited for x in there]),
        strict=_average([x.strict for x in there]),
        gained=0,
        lost=0,
        missing=tuple(missing),
    )


def _pooled(
    name: str, parts: Sequence[str], by_category: Mapping[str, Sequence[OfficialCase]]
) -> OfficialLine | None:
    cases = [case for part in parts for case in by_category.get(part, ())]
    if not cases:
        return None
    line = _line(name, cases)
    return OfficialLine(
        name=name,
        n=0,
        official=line.official,
        audited_n=0,
        audited=line.audited,
        strict=line.strict,
        gained=0,
        lost=0,
        missing=tuple(p for p in parts if p not in by_category),
    )


def _share(values: Sequence[bool]) -> float | None:
    return sum(values) / len(values) if values else None


def _average(values: Sequence[float | None]) -> float | None:
    """None where a part has no share: a mean over the other parts would be another figure."""
    known = [v for v in values if v is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"
