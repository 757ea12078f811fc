"""Expected and actual calls side by side, argument by argument, as the strict judge reads them."""

from dataclasses import dataclass
from typing import Any

from reports.shown import clean
from suites import Case
from suites.assign import assign
from suites.json_text import compact
from suites.model import Call, ExpectedCall
from suites.values import accepts

__all__ = ["CallDiff", "Cell", "call_diffs"]

_LONG = 600
_OTHER_TOOL = 1000.0


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One argument. status: same, wrong, missing, extra or left out (optional, and rightly not given).

    expected: acceptable values as JSON, the gold one first; actual: as JSON; None where there is none.
    """

    name: str
    status: str
    expected: tuple[str, ...] = ()
    actual: str | None = None


@dataclass(frozen=True, kw_only=True)
class CallDiff:
    """An expected call and the one that was taken for it; one of the two names may be None."""

    expected: str | None
    actual: str | None
    cells: tuple[Cell, ...]


def call_diffs(case: Case, calls: tuple[Call, ...]) -> list[CallDiff]:
    """The pairs with the fewest differences: expected calls in their order, then calls not asked for."""
    wanted = case.expectation.calls
    schemas = {t.name: t.properties for t in case.tools}
    costs = [[_cost(w, c, schemas.get(w.name, {})) for c in calls] for w in wanted]
    chosen = assign(costs) if wanted and calls else [None] * len(wanted)
    pairs = [(w, None if i is None else calls[i]) for w, i in zip(wanted, chosen, strict=True)]
    found = [_diff(w, c, schemas.get(w.name, {})) for w, c in pairs]
    taken = {i for i in chosen if i is not None}
    found += [_diff(None, c, {}) for i, c in enumerate(calls) if i not in taken]
    return found


def _cost(wanted: ExpectedCall, call: Call, schemas: dict[str, Any]) -> float:
    cells = _cells(wanted, call, schemas)
    wrong = sum(c.status in ("wrong", "missing", "extra") for c in cells)
    return wrong + (_OTHER_TOOL if wanted.name != call.name else 0.0)


def _diff(wanted: ExpectedCall | None, call: Call | None, schemas: dict[str, Any]) -> CallDiff:
    return CallDiff(
        expected=wanted.name if wanted else None,
        actual=call.name if call else None,
        cells=tuple(_cells(wanted, call, schemas)),
    )


def _cells(wanted: ExpectedCall | None, call: Call | None, schemas: dict[str, Any]) -> list[Cell]:
    expected = wanted.arguments if wanted else {}
    given = call.arguments if call else {}
    cells: list[Cell] = []
    for name, accept in expected.items():
        values = tuple(_shown(v) for v in accept.any_of)
        if name in given:
            fits = accepts(accept, given[name], schemas.get(name) or {})
            status = "same" if fits else "wrong"
            cells.append(
                Cell(name=name, status=status, expected=values, actual=_shown(given[name]))
            )
        else:
            status = "left out" if accept.optional and call else "missing"
            cells.append(Cell(name=name, status=status, expected=values))
    cells += [
        Cell(name=clean(n, _LONG), status="extra", actual=_shown(v))
        for n, v in given.items()
        if n not in expected
    ]
    return cells


def _shown(value: Any) -> str:
    return clean(compact(value), _LONG)
