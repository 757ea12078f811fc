"""Summaries as tables for people."""

from collections.abc import Sequence

from bench.records import Manifest
from bench.stats import Proportion, wilson
from reports.bfcl import official_table
from reports.repeat_tables import invariance_table, repeats_table
from reports.summary import EXPECTED, OBSERVED, Summary
from reports.table import Table
from suites import BASELINES
from suites.kinds import MEASURED

__all__ = ["run_labels", "run_tables"]


def run_tables(summaries: Sequence[Summary]) -> list[Table]:
    """Scores with baselines, outcomes, sub-checks, confusion matrix, failure modes and speed of runs."""
    names = run_labels([s.manifest for s in summaries])
    labels = [
        name if s.complete else f"{name} (NOT COMPLETE)"
        for name, s in zip(names, summaries, strict=True)
    ]
    tables = [
        _scores(summaries, labels),
        _together(summaries, labels),
        _outcomes(summaries, labels),
        _checks(summaries, labels),
        _decisions(summaries, labels),
        *(_confusion(s, label) for s, label in zip(summaries, labels, strict=True)),
    ]
    if any(s.failures for s in summaries):
        tables.append(_failures(summaries, labels))
    more = (repeats_table(summaries, labels), invariance_table(summaries, labels))
    tables += [table for table in more if table is not None]
    tables += [
        official_table(s.official, label)
        for s, label in zip(summaries, labels, strict=True)
        if s.official
    ]
    tables.append(_speed(summaries, labels))
    return tables


def run_labels(manifests: Sequence[Manifest]) -> list[str]:
    """Target names; runs of one target are told apart by the beginning of their ids."""
    labels = [m.label for m in manifests]
    if len(set(labels)) == len(labels):
        return labels
    return [f"{m.label} ({m.run_id[:15]})" for m in manifests]


def _scores(summaries: Sequence[Summary], labels: Sequence[str]) -> Table:
    keys = list(dict.fromkeys((x.suite, x.category) for s in summaries for x in s.lines))
    found = [{(x.suite, x.category): x for x in s.lines} for s in summaries]
    rows = []
    notes = ["pass rate in % with a 95 % Wilson interval at the effective size of grouped cases"]
    if any(s.repeats for s in summaries):
        notes.append("n counts replies where cases were asked several times")
    for key in keys:
        lines = [f.get(key) for f in found]
        known = [x for x in lines if x is not None]
        cells = [_rate(x.score) if x is not None else "-" for x in lines]
        floor = [
            _agreed([f"{100 * x.baselines[n]:.0f}" if x.baselines else "-" for x in known])
            for n in BASELINES
        ]
        n = _agreed([str(x.score.n) for x in known])
        rows.append([*key, n, _agreed([str(x.score.groups) for x in known]), *cells, *floor])
    if len({s.manifest.selection_hash for s in summaries}) > 1:
        notes.append(
            "the runs do not cover the same cases: callbench compare pairs those in common"
        )
    wholes = [x for s in summaries for x in s.lines if x.category == ""]
    noise = dict.fromkeys(x.suite for x in wholes if x.baselines.get("noise", 0) > 0)
    if noise:
        names = ", ".join(noise)
        notes.append(
            f"noise scores above 0 on {names}: a text that says nothing passes cases there"
        )
    for summary, label in zip(summaries, labels, strict=True):
        if not summary.complete:
            notes.append(f"{label}: finish it with callbench run --resume {summary.path}")
        notes += [f"{label}: {note}" for note in summary.manifest.notes]
        if summary.excluded:
            text = "cases of the exclusion list are not in the score"
            notes.append(f"{label}: {summary.excluded} {text}")
        errors = summary.outcomes["error"]
        if errors:
            notes.append(f"{label}: {errors} cases without a reply are not in the score")
    head = ["suite", "category", "n", "groups", *labels, *BASELINES]
    return Table(title="Pass rate", head=head, rows=rows, notes=notes)


def _together(summaries: Sequence[Summary], labels: Sequence[str]) -> Table:
    suites = list(dict.fromkeys(x.suite for s in summaries for x in s.lines if not x.category))
    found = [{x.suite: x for x in s.lines if not x.category} for s in summaries]
    rows = []
    for suite in suites:
        lines = [f.get(suite) for f in found]
        n = _agreed([str(x.together.n) for x in lines if x is not None])
        rows.append([suite, n, *(_rate(x.together) if x is not None else "-" for x in lines)])
    return Table(
        title="Pairs and twins: every case of the group passed",
        head=["suite", "groups of two or more", *labels],
        rows=rows,
    )


def _decisions(summaries: Sequence[Summary], labels: Sequence[str]) -> Table:
    rows = []
    for summary, label in zip(summaries, labels, strict=True):
        d = summary.decision
        counts = [str(x) for x in (d.n, d.hits, d.misses, d.false_alarms, d.rejections)]
        rows.append([label, *counts, f"{d.mcc:+.2f}", f"{d.d_prime:+.2f}"])
    return Table(
        title="To call or not to call",
        head=["target", "readable", "hits", "misses", "false alarms", "rejections", "MCC", "d'"],
        rows=rows,
        notes=[
            "over replies that can be read to their end; MCC and d' are 0 for one that never decides"
        ],
    )


def _agreed(values: Sequence[str]) -> str:
    """One value if all runs agree on it, else all of them."""
    return values[0] if len(set(values)) == 1 else " / ".join(values)


def _rate(score: Proportion) -> str:
    if score.rate is None or score.interval is None:
        return "-"
    low, high = 100 * score.interval.low, 100 * score.interval.high
    return f"{100 * score.rate:.1f} [{low:.0f}, {high:.0f}]"


def _share(passed: int, n: int) -> str:
    return f"{100 * passed / n:.1f}" if n else "-"


def _outcomes(summaries: Sequence[Summary], labels: Sequence[str]) -> Table:
    names = list(summaries[0].outcomes)
    rows = [
        [label, *(str(s.outcomes[n]) for n in names), str(s.repaired)]
        for s, label in zip(summaries, labels, strict=True)
    ]
    return Table(
        title="What the replies are",
        head=["target", *names, "passes if repaired"],
        rows=rows,
        notes=[
            "malformed and error never count as 'no call'; a repaired reading never counts as a pass"
        ],
    )


def _checks(summaries: Sequence[Summary], labels: Sequence[str]) -> Table:
    names = list(dict.fromkeys(n for s in summaries for n in s.checks))
    rows = []
    for name in names:
        cells = []
        for summary in summaries:
            held, applied = summary.checks.get(name, (0, 0))
            cells.append(f"{held} of {applied} ({_share(held, applied)} %)" if applied else "-")
        rows.append([name, *cells])
    return Table(
        title="Sub-checks (held, of those where they apply)",
        head=["check", *labels],
        rows=rows,
        notes=[
            "format: of the replies that tried a call, those whose calls can be read",
            "kind: the text asks or declines by the words that the case declares; lexical, not in the score; "
            f"on hand-labelled replies it holds in {_measured(MEASURED.said)} of the texts that do so "
            f"and in {_measured(MEASURED.false_alarms)} of those that do not",
        ],
    )


def _failures(summaries: Sequence[Summary], labels: Sequence[str]) -> Table:
    totals: dict[str, int] = {}
    for summary in summaries:
        for mode, count in summary.failures.items():
            totals[mode] = totals.get(mode, 0) + count
    modes = sorted(totals, key=lambda m: (-totals[m], m))
    rows = [[m, *(str(s.failures.get(m, 0)) for s in summaries)] for m in modes]
    return Table(title="Failure modes", head=["mode", *labels], rows=rows)


def _speed(summaries: Sequence[Summary], labels: Sequence[str]) -> Table:
    rows = []
    for summary, label in zip(summaries, labels, strict=True):
        rows.append(
            [
                label,
                str(summary.prompt_tokens),
                str(summary.completion_tokens),
                f"{summary.completion_tokens / summary.seconds:.1f}"
                if summary.seconds > 0.01
                else "-",
                f"{summary.seconds:.1f}",
                f"{summary.manifest.engine} {summary.manifest.engine_version}",
                f"{summary.manifest.dtype}, {summary.manifest.device}",
            ]
        )
    notes = [
        f"{label}: {s.cached} replies came from the cache and count neither tokens nor time"
        for s, label in zip(summaries, labels, strict=True)
        if s.cached
    ]
    head = ["target", "prompt tokens", "new tokens", "new tokens/s", "seconds", "engine", "device"]
    return Table(title="Speed", head=head, rows=rows, notes=notes)


def _confusion(summary: Summary, label: str) -> Table:
    rows = []
    for kind in EXPECTED:
        seen = summary.confusion[kind]
        total = sum(seen.values())
        rows.append([kind, str(total), *(str(seen[o]) for o in OBSERVED)])
    return Table(
        title=f"Expected and observed: {label}",
        head=["expected", "n", *OBSERVED],
        rows=rows,
        notes=[
            "observed answer, ask and decline are told from the words of the text, whatever was expected: "
            f"right for {_measured(MEASURED.kinds)} of hand-labelled replies",
            "unreadable: no word or number of the text belongs to its case or to everyday language",
        ],
    )


def _measured(found: tuple[int, int]) -> str:
    """`95.5 % [91.8, 97.5] (210 of 220)`: a share with Wilson's 95 % interval."""
    count, n = found
    interval = wilson(count, n)
    low, high = 100 * interval.low, 100 * interval.high
    return f"{100 * count / n:.1f} % [{low:.1f}, {high:.1f}] ({count} of {n})"
