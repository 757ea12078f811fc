"""What a completion is read as: the case tables `tables/<dialect>.json` (Qwen: also ChatML's).

A row's `text` is a string, or a list of pieces of which `[piece, times]` is repeated. `problems` holds a
part of each problem, in order. `repaired` is looked at where a row has it; what is not malformed has none.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.dialects import DIALECTS
from suites import Call

TABLES = Path(__file__).parent / "tables"
FILES = {"qwen": ("chatml", "qwen")}


def load(name: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for file in FILES.get(name, (name,)):
        rows += json.loads((TABLES / f"{file}.json").read_text(encoding="utf-8"))
    return rows


ROWS = [
    pytest.param(name, row, id=f"{name}: {row['id']}")
    for name in DIALECTS
    if name not in ("qwen2.5", "qwen3-2507")  # they read as qwen does
    for row in load(name)
]


def full_text(text: str | list[Any]) -> str:
    pieces = [text] if isinstance(text, str) else text
    return "".join(p if isinstance(p, str) else p[0] * p[1] for p in pieces)


def exact(calls: Any) -> str:
    """JSON text of calls: unlike `==`, it tells 1, 1.0 and true apart."""
    raw = [c.model_dump() if isinstance(c, Call) else c for c in calls]
    return json.dumps(raw, sort_keys=True)


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_a_completion_is_read_as_the_table_says(name: str, row: dict[str, Any]) -> None:
    reply = DIALECTS[name].parse(full_text(row["text"]), row["finish"], row["tools"])
    assert exact(reply.calls) == exact(row["calls"])
    assert reply.text == row["says"]
    assert reply.thought == row["thought"]
    assert len(reply.problems) == len(row["problems"]), reply.problems
    for part, problem in zip(row["problems"], reply.problems, strict=True):
        assert part in problem
    assert reply.outcome == row["outcome"]
    assert reply.finish == row["finish"]


@pytest.mark.parametrize(("name", "row"), ROWS)
def test_the_repaired_reading_is_kept_apart_from_the_calls(name: str, row: dict[str, Any]) -> None:
    reply = DIALECTS[name].parse(full_text(row["text"]), row["finish"], row["tools"])
    if row["outcome"] != "malformed":
        assert reply.repaired is None
    elif "repaired" in row:
        wanted, found = row["repaired"], reply.repaired
        assert (None if found is None else exact(found)) == (
            None if wanted is None else exact(wanted)
        )


@pytest.mark.parametrize("name", sorted({p.values[0] for p in ROWS}))
def test_every_dialect_has_a_table_with_every_outcome(name: str) -> None:
    rows = load(name)
    assert len(rows) >= 30
    assert {row["outcome"] for row in rows} == {"call", "answer", "malformed"}
    assert any(row.get("repaired") for row in rows)
