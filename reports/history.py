"""One adapter and what it came from, over time: scores, decisions, and what broke and stayed broken.

Runs of the base, of the adapter's ancestors and of the adapter itself, in the order in which they began. Only
runs of the same cases under the same settings stand in one track. Each run is compared with the baseline of
its time: the newest earlier run of the target's parent, or of the base.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.decide import compare
from bench.pairing import by_case, originals, typical
from bench.stats import Proportion
from bench.store import Run
from reports.charts import Chart, Mark
from reports.leaderboard import conditions, conditions_in_words
from reports.shown import actual, clean, expected
from reports.summary import summarise
from reports.table import Table

__all__ = [
    "Broken",
    "Entry",
    "Link",
    "Track",
    "history",
    "history_charts",
    "history_data",
    "history_tables",
]

_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Link:
    """One target of the lineage, from the base on. hash: the adapter's, None for the base.

    state, reason, date: of the decision on it, as its card says.
    """

    name: str
    hash: str | None
    state: str = "base"
    reason: str = ""
    date: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One run of a link. against: label of the run that it is compared with, and the verdict on all cases."""

    link: Link
    run: Run
    total: Proportion
    suites: dict[str, Proportion]
    against: str = ""
    verdict: str = ""


@dataclass(frozen=True, kw_only=True)
class Broken:
    """A case that is wrong in the newest run, was right before, and the first run in which it broke."""

    suite: str
    id: str
    right: str
    broke: str
    failure: str
    expected: str
    actual: str


@dataclass(frozen=True, kw_only=True)
class Track:
    """Runs of the same cases under the same settings, oldest first. never: cases that no run got right."""

    settings: str
    entries: tuple[Entry, ...]
    broken: tuple[Broken, ...]
    never: int


def history(links: Sequence[Link], runs: Sequence[Run]) -> list[Track]:
    """The tracks of a lineage, the longest first. links: from the base to the adapter; runs: in any order."""
    by_hash = {link.hash: link for link in links}
    own = [r for r in runs if r.complete and r.manifest.adapter_hash in by_hash]
    alike: dict[str, list[Run]] = {}
    place = {link.hash: i for i, link in enumerate(links)}  # of targets measured together, too
    for run in sorted(own, key=lambda r: (r.manifest.started, place[r.manifest.adapter_hash])):
        alike.setdefault(conditions(run.manifest), []).append(run)
    tracks = [_track(links, by_hash, same) for same in alike.values()]
    return sorted(tracks, key=lambda t: -len(t.entries))


def history_tables(links: Sequence[Link], tracks: Sequence[Track]) -> list[Table]:
    """The lineage, then each track, and what is broken at its end."""
    rows = [
        [x.name, x.state, x.date[:10], (x.hash or "")[:12], clean(x.reason, 160)] for x in links
    ]
    head = ["target", "state", "since", "hash", "reason"]
    tables = [Table(title="Lineage, from the base on", head=head, rows=rows)]
    for track in tracks:
        suites = list(dict.fromkeys(n for e in track.entries for n in e.suites))
        rows = [
            [
                e.run.manifest.started[:16].replace("T", " "),
                e.link.name,
                e.link.state,
                str(e.total.n),
                _score(e.total),
                *(_score(e.suites[n]) if n in e.suites else "-" for n in suites),
                _against(e),
                e.run.manifest.run_id,
            ]
            for e in track.entries
        ]
        head = ["began", "target", "state", "n", "score", *suites, "against its baseline", "run"]
        notes = [
            track.settings,
            "% passed with a 95 % Wilson interval at the effective size of grouped cases; baseline: the "
            "newest earlier run of the parent, else of the base; verdict over all cases as in compare",
            f"{track.never} cases were right in no run",
        ]
        tables.append(Table(title="History", head=head, rows=rows, notes=notes))
        if track.broken:
            tables.append(_broken_table(track))
    return tables


def history_data(links: Sequence[Link], tracks: Sequence[Track]) -> dict[str, object]:
    """The same as JSON values."""
    return {
        "lineage": [vars(link) for link in links],
        "tracks": [
            {
                "settings": t.settings,
                "never_right": t.never,
                "broken": [vars(b) for b in t.broken],
                "runs": [
                    {
                        "target": e.link.name,
                        "state": e.link.state,
                        "run": e.run.manifest.run_id,
                        "path": e.run.path,
                        "started": e.run.manifest.started,
                        "score": _proportion(e.total),
                        "suites": {n: _proportion(s) for n, s in e.suites.items()},
                        "against": e.against,
                        "verdict": e.verdict,
                    }
                    for e in t.entries
                ],
            }
            for t in tracks
        ],
    }


def history_charts(tracks: Sequence[Track]) -> list[Chart]:
    """The score of each run of a track with its interval, in time."""
    return [
        Chart(
            kind="line",
            title=f"Over time: {t.settings}",
            across="runs, oldest first",
            marks=tuple(
                Mark(
                    row="score",
                    column=e.link.name,
                    value=e.total.rate,
                    low=e.total.interval.low,
                    high=e.total.interval.high,
                    series=1,
                    source=(
                        f"{e.link.name}: {e.total.passed} of {e.total.n} cases in {e.total.groups} groups; "
                        f"Wilson 95 %, clustered by group; run {e.run.path}"
                    ),
                )
                for e in t.entries
                if e.total.rate is not None and e.total.interval is not None
            ),
        )
        for t in tracks
    ]


def _track(links: Sequence[Link], by_hash: dict[str | None, Link], runs: list[Run]) -> Track:
    order = [link.hash for link in links]
    entries: list[Entry] = []
    for i, run in enumerate(runs):
        summary = summarise(run)
        link = by_hash[run.manifest.adapter_hash]
        elders = order[: order.index(link.hash)]
        earlier = [r for r in runs[:i] if r.manifest.adapter_hash in elders]
        earlier.sort(key=lambda r: order.index(r.manifest.adapter_hash))
        against = verdict = ""
        if earlier:
            whole = next(x for x in compare(earlier[-1], run).lines if x.family == "all")
            against, verdict = earlier[-1].manifest.label, whole.words
        entries.append(
            Entry(
                link=link,
                run=run,
                total=summary.total.score,
                suites={x.suite: x.score for x in summary.lines[1:] if not x.category},
                against=against,
                verdict=verdict,
            )
        )
    # Along the lineage: a base that is measured again after its adapter has not broken anything.
    broken, never = _broken(sorted(runs, key=lambda r: order.index(r.manifest.adapter_hash)))
    return Track(
        settings=conditions_in_words(runs[0].manifest),
        entries=tuple(entries),
        broken=tuple(broken),
        never=never,
    )


def _broken(runs: Sequence[Run]) -> tuple[list[Broken], int]:
    """Cases that were right, broke, and were never right again; how many were right in no run."""
    seen = [
        {key: typical(some) for key, some in by_case(originals(run.records)).items()}
        for run in runs
    ]
    found: list[Broken] = []
    never = 0
    for key, last in seen[-1].items():
        if last.verdict.passed:
            continue
        right = [i for i, s in enumerate(seen) if key in s and s[key].verdict.passed]
        if not right:
            never += 1
            continue
        broke = next(i for i in range(right[-1] + 1, len(seen)) if key in seen[i])
        found.append(
            Broken(
                suite=key[0],
                id=clean(key[1]),
                right=runs[right[-1]].manifest.run_id,
                broke=runs[broke].manifest.run_id,
                failure=str(last.verdict.failure or ""),
                expected=expected(last.case),
                actual=actual(last),
            )
        )
    return found, never


def _broken_table(track: Track) -> Table:
    rows = [
        [b.suite, b.id, b.broke, b.failure, b.expected, b.actual] for b in track.broken[:_SHOWN]
    ]
    more = f" (first {_SHOWN})" if len(track.broken) > _SHOWN else ""
    return Table(
        title=f"Broken and never fixed since: {len(track.broken)} cases{more}",
        head=["suite", "case", "broke in", "failure now", "expected", "actual"],
        rows=rows,
        notes=[
            "right in an earlier run, wrong in the newest; broke in: the first run after it was last right"
        ],
    )


def _against(entry: Entry) -> str:
    return f"{entry.verdict} against {entry.against}" if entry.against else "-"


def _score(score: Proportion) -> str:
    if score.rate is None or score.interval is None:
        return "-"
    return (
        f"{100 * score.rate:.1f} [{100 * score.interval.low:.0f}, {100 * score.interval.high:.0f}]"
    )


def _proportion(score: Proportion) -> dict[str, float | int | None]:
    bounds = {"low": score.interval.low, "high": score.interval.high} if score.interval else {}
    return {
        "n": score.n,
        "groups": score.groups,
        "passed": score.passed,
        "rate": score.rate,
        **bounds,
    }
