"""Targets in the order of what can be told: a rank is better only if the intervals lie apart.

Rule (Chatbot Arena's): a target's rank is 1 + the number of targets whose lower bound lies above its upper
bound; equal ranks are ties, written `2=`. Only runs of the same cases under the same settings are ranked
against each other; of several runs of one target the newest complete one counts.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.records import Manifest
from bench.store import read_run
from reports.bfcl import AGGREGATES
from reports.scan import Scanned
from reports.summary import summarise
from reports.table import Table

__all__ = [
    "Board",
    "Place",
    "boards",
    "conditions",
    "conditions_in_words",
    "leaderboard_data",
    "leaderboard_tables",
    "run_files",
]


@dataclass(frozen=True, kw_only=True)
class Place:
    """One target on a board. rank: from 1; tied: whether another target has the same rank."""

    rank: int
    tied: bool
    run: Scanned


@dataclass(frozen=True, kw_only=True)
class Board:
    """Runs that may be ranked together. settings: what they have in common, in words; older: runs of the same
    targets that newer ones replace; incomplete: runs that were left out; baselines: name -> share of the
    cases passed; weights: suite -> share of the scored cases, which is its weight in the score."""

    settings: str
    places: tuple[Place, ...]
    older: int = 0
    incomplete: tuple[str, ...] = ()
    baselines: dict[str, float] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)


def boards(runs: Sequence[Scanned], *, baselines: bool = True) -> list[Board]:
    """A board for each set of cases and settings, the one with the most targets first.

    baselines: judge gold, decline, first tool and noise on the cases of one run of each board.
    """
    alike: dict[str, list[Scanned]] = {}
    for run in runs:
        alike.setdefault(conditions(run.manifest), []).append(run)
    found = [_board(same, baselines) for same in alike.values()]
    return sorted(found, key=lambda b: (-len(b.places), b.settings))


def leaderboard_tables(found: Sequence[Board], states: dict[str, str] | None = None) -> list[Table]:
    """A table a board; for boards with BFCL's cases its own figures, too. states: adapter -> promoted, …"""
    tables: list[Table] = []
    for board in found:
        tables.append(_table(board, states or {}))
        if any(p.run.official for p in board.places):
            tables.append(_official(board))
    return tables


def leaderboard_data(found: Sequence[Board], states: dict[str, str] | None = None) -> list[Any]:
    """The boards as JSON values, every number with its n, groups, interval and run file."""
    return [
        {
            "settings": board.settings,
            "weights": board.weights,
            "baselines": board.baselines,
            "older": board.older,
            "incomplete": list(board.incomplete),
            "places": [_place_data(p, states or {}) for p in board.places],
        }
        for board in found
    ]


def conditions(m: Manifest) -> str:
    """What runs must have in common to be put side by side: cases, sampling and examples, as one text."""
    suites = sorted((s.name, s.split, s.hash, s.cases) for s in m.suites)
    sampling = {k: v for k, v in m.sampling.items() if k not in ("batch_size", "seed")}
    return json.dumps([suites, m.selection_hash, sampling, m.shots], sort_keys=True)


def conditions_in_words(m: Manifest) -> str:
    """The same for people."""
    suites = ", ".join(f"{s.name}/{s.split} {s.version} ({s.cases} cases)" for s in m.suites)
    words = [suites, f"at most {m.sampling.get('max_tokens')} tokens"]
    temperature = m.sampling.get("temperature")
    words.append(f"temperature {temperature}" if temperature else "greedy")
    if m.samples > 1:
        words.append(f"{m.samples} samples")
    if m.shots:
        words.append(f"{m.shots} examples in the context")
    if m.sampling.get("constrained"):
        words.append("constrained calls")
    return ", ".join(words)


def _board(runs: Sequence[Scanned], baselines: bool) -> Board:
    whole = [r for r in runs if r.complete and r.total.n]
    newest: dict[tuple[str, str | None, str], Scanned] = {}
    for run in sorted(whole, key=lambda r: (r.manifest.started, r.manifest.run_id)):
        m = run.manifest
        newest[(m.model_hash, m.adapter_hash, m.dialect)] = run
    chosen = list(newest.values())
    chosen.sort(key=lambda r: (-(r.total.rate or 0.0), r.manifest.label))
    ranks = [1 + sum(_above(other, run) for other in chosen) for run in chosen]
    places = sorted(
        (
            Place(rank=rank, tied=ranks.count(rank) > 1, run=run)
            for rank, run in zip(ranks, chosen, strict=True)
        ),
        key=lambda p: p.rank,
    )
    first = chosen[0] if chosen else None
    total = first.total.n if first else 0
    return Board(
        settings=conditions_in_words(runs[0].manifest),
        places=tuple(places),
        older=len(whole) - len(chosen),
        incomplete=tuple(r.manifest.run_id for r in runs if not r.complete or not r.total.n),
        baselines=_baselines(first) if baselines and first else {},
        weights={n: s.n / total for n, s in first.suites.items()} if first and total else {},
    )


def _above(one: Scanned, other: Scanned) -> bool:
    a, b = one.total.interval, other.total.interval
    return a is not None and b is not None and a.low > b.high


def _baselines(run: Scanned) -> dict[str, float]:
    return summarise(read_run(run.path)).total.baselines


def _table(board: Board, states: dict[str, str]) -> Table:
    suites = list(dict.fromkeys(n for p in board.places for n in p.run.suites))
    head = ["rank", "target", "state", "n", "score", *suites, "pairs", "malformed", "errors"]
    head += ["tokens/s", "tokens/case", "engine", "base", "date", "callbench"]
    rows = [_row(p, suites, states) for p in board.places]
    for name, share in board.baselines.items():
        rows.append(["-", f"({name})", "baseline", "", f"{100 * share:.1f}"])
        rows[-1] += [""] * (len(head) - len(rows[-1]))
    weights = ", ".join(f"{n} {w:.3f}" for n, w in board.weights.items())
    notes = [
        board.settings,
        "score, suites and pairs: % passed with a 95 % Wilson interval at the effective size of grouped "
        "cases; pairs: groups of which every case passed",
        "rank: 1 + the targets whose interval lies wholly above; = is a tie",
        f"score = passed cases / all scored cases, so that the suites weigh: {weights}",
        "malformed and errors: % of the replies asked for; an error (no reply) is in no score",
    ]
    if board.older:
        notes.append(f"{board.older} older runs of the same targets are not shown")
    if board.incomplete:
        notes.append(f"not complete, left out: {', '.join(board.incomplete[:6])}")
    return Table(title="Leaderboard", head=head, rows=rows, notes=notes)


def _row(place: Place, suites: Sequence[str], states: dict[str, str]) -> list[str]:
    run, m = place.run, place.run.manifest
    speed = run.tokens / run.seconds if run.seconds and run.generated else None
    each = (run.prompt + run.tokens) / run.generated if run.generated else None
    return [
        f"{place.rank}{'=' if place.tied else ''}",
        m.label,
        states.get(m.adapter or "", "") if m.adapter else "base",
        str(run.total.n),
        _score(run.total),
        *(_score(run.suites.get(name)) for name in suites),
        _score(run.together),
        f"{100 * run.malformed / run.asked:.1f}",
        f"{100 * run.errors / run.asked:.1f}",
        f"{speed:.0f}" if speed is not None else "cached",
        f"{each:.0f}" if each is not None else "cached",
        f"{m.engine} {m.dtype}",
        m.model_hash[:12],
        m.started[:10],
        m.packages.get("callbench", "?"),
    ]


def _score(score: Any) -> str:
    if score is None or score.rate is None or score.interval is None:
        return "-"
    low, high = 100 * score.interval.low, 100 * score.interval.high
    return f"{100 * score.rate:.1f} [{low:.0f}, {high:.0f}]"


def _official(board: Board) -> Table:
    names = list(dict.fromkeys(x.name for p in board.places for x in p.run.official))
    rows = []
    for place in board.places:
        lines = {x.name: x for x in place.run.official}
        cells = [
            f"{_percent(lines[n].official)} / {_percent(lines[n].audited)}" if n in lines else "-"
            for n in names
        ]
        rows.append([place.run.manifest.label, *cells])
    formulas = "; ".join(f"{n} = {AGGREGATES[n]}" for n in names if n in AGGREGATES)
    notes = [
        "official / audited, in %: BFCL's own rules on all items, and without those it gets wrong"
    ]
    notes += [formulas] if formulas else []
    return Table(title="BFCL", head=["target", *names], rows=rows, notes=notes)


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f}"


def _place_data(place: Place, states: dict[str, str]) -> dict[str, Any]:
    run, m = place.run, place.run.manifest
    return {
        "rank": place.rank,
        "tied": place.tied,
        "target": m.label,
        "state": states.get(m.adapter or "") if m.adapter else "base",
        "run": m.run_id,
        "path": run.path,
        "base_hash": m.model_hash,
        "adapter_hash": m.adapter_hash,
        "score": _proportion(run.total),
        "suites": {name: _proportion(score) for name, score in run.suites.items()},
        "pairs": _proportion(run.together),
        "asked": run.asked,
        "errors": run.errors,
        "malformed": run.malformed,
        "prompt_tokens": run.prompt,
        "completion_tokens": run.tokens,
        "seconds": round(run.seconds, 3),
        "generated": run.generated,
        "engine": m.engine,
        "engine_version": m.engine_version,
        "dtype": m.dtype,
        "device": m.device,
        "started": m.started,
        "callbench": m.packages.get("callbench"),
        "official": [vars(line) for line in run.official],
    }


def _proportion(score: Any) -> dict[str, Any]:
    interval = score.interval
    bounds = {"low": interval.low, "high": interval.high} if interval else {}
    return {
        "n": score.n,
        "groups": score.groups,
        "passed": score.passed,
        "rate": score.rate,
        **bounds,
    }


def run_files(names: Sequence[str]) -> list[Path]:
    """The run files of paths and folders. Errors: none; what is no run is refused when it is read."""
    found: list[Path] = []
    for name in names:
        path = Path(name)
        found += sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
    return list(dict.fromkeys(found))
