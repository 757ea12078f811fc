"""The cases of some runs as the page's script reads them: what is alike is stored once."""

from collections.abc import Sequence
from typing import Any

from bench.pairing import by_case, originals, typical
from bench.records import Record
from bench.store import Run
from reports.argdiff import call_diffs
from reports.shown import actual, clean, expected
from suites import Case, Outcome
from suites.json_text import compact

__all__ = ["case_data"]

_TEXT = 20_000
"""Characters of a text that are shown; of a longer one the page says how much is left out."""


def case_data(runs: Sequence[Run], labels: Sequence[str]) -> dict[str, Any]:
    """Every case of any run, with each run's reply. JSON values only; texts are cut and without surrogates.

    toolboxes: lists of tools, named by index; cases: id, suite, category, group, box, messages, expected,
    and per run a reply or None; of a case asked several times the reply that stands for it.
    """
    boxes: dict[str, int] = {}
    toolboxes: list[Any] = []
    cases: dict[tuple[str, str, str], dict[str, Any]] = {}
    for i, run in enumerate(runs):
        found = [typical(some) for some in by_case(originals(run.records)).values()]
        found += [r for r in originals(run.records) if r.verdict.outcome is Outcome.ERROR]
        for record in found:
            key = (record.suite, record.id, record.input)
            entry = cases.get(key)
            if entry is None:
                entry = _case(record, boxes, toolboxes, len(runs))
                cases[key] = entry
            entry["replies"][i] = _reply(record)
    return {
        "targets": [clean(label, 200) for label in labels],
        "runs": [clean(run.path, 400) for run in runs],
        "toolboxes": toolboxes,
        "cases": list(cases.values()),
    }


def _case(record: Record, boxes: dict[str, int], toolboxes: list[Any], runs: int) -> dict[str, Any]:
    case: Case = record.case
    tools = [
        {
            "name": t.name,
            "about": _text(t.description),
            "parameters": _text(compact(t.parameters)),
        }
        for t in case.tools
    ]
    key = compact(tools)
    if key not in boxes:
        boxes[key] = len(toolboxes)
        toolboxes.append(tools)
    return {
        "suite": record.suite,
        "id": clean(record.id, 200),
        "category": case.category,
        "group": clean(case.group, 200),
        "excluded": list(case.excluded),
        "box": boxes[key],
        "messages": [
            {
                "role": m.role,
                "text": _text(m.content),
                "calls": [_text(f"{c.name} {compact(c.arguments)}") for c in m.calls],
            }
            for m in case.messages
        ],
        "kind": case.expectation.kind,
        "expected": _text(expected(case, _TEXT)),
        "replies": [None] * runs,
    }


def _reply(record: Record) -> dict[str, Any]:
    verdict = record.verdict
    diffs = [
        {
            "expected": d.expected,
            "actual": None if d.actual is None else clean(d.actual, 200),
            "cells": [[c.name, c.status, list(c.expected), c.actual] for c in d.cells],
        }
        for d in call_diffs(record.case, record.calls)
    ]
    reply: dict[str, Any] = {
        "passed": verdict.passed,
        "outcome": str(verdict.outcome),
        "failure": str(verdict.failure) if verdict.failure else "",
        "reason": _text(verdict.reason),
        "actual": _text(actual(record, 400)),
        "text": _text(record.text),
        "tokens": record.completion_tokens,
    }
    if diffs:
        reply["diffs"] = diffs
    if record.official is not None:
        reply["official"] = record.official.valid
    return reply


def _text(text: str) -> str:
    shown = clean(text)
    if len(shown) <= _TEXT:
        return shown
    return f"{shown[:_TEXT]}\n[… {len(shown) - _TEXT:,} more characters are in the run file]"
