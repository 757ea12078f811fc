"""Summaries as JSON values: every number with what it was made from."""

from typing import Any

from bench.stats import Interval, Proportion, wilson
from reports.repeat_tables import invariance_data, repeats_data
from reports.summary import Summary
from suites.kinds import MEASURED

__all__ = ["summary_data"]


def summary_data(summary: Summary) -> dict[str, Any]:
    """One run: scores with n, groups and interval, outcomes, checks, failure modes, speed.

    confusion: expected kind -> observed kind -> replies; lexical: the measured errors of the lexical rules.
    """
    m = summary.manifest
    return {
        "run": m.run_id,
        "path": summary.path,
        "complete": summary.complete,
        "target": m.target,
        "shots": m.shots,
        "samples": m.samples,
        "suites": [s.model_dump(mode="json") for s in m.suites],
        "rescored": m.rescored.model_dump(mode="json") if m.rescored else None,
        "scores": [
            {
                "suite": x.suite,
                "category": x.category,
                **_score(x.score),
                "together": _score(x.together),
                "baselines": x.baselines,
            }
            for x in summary.lines
        ],
        "outcomes": summary.outcomes,
        "failures": summary.failures,
        "checks": {n: {"held": h, "applied": a} for n, (h, a) in summary.checks.items()},
        "repaired": summary.repaired,
        "decision": {**vars(summary.decision), "n": summary.decision.n},
        "confusion": summary.confusion,
        "lexical": {
            name: {"n": n, "count": count, "rate": count / n, **_interval(wilson(count, n))}
            for name, (count, n) in vars(MEASURED).items()
        },
        "prompt_tokens": summary.prompt_tokens,
        "completion_tokens": summary.completion_tokens,
        "seconds": round(summary.seconds, 3),
        "cached": summary.cached,
        "excluded": summary.excluded,
        "official": [vars(line) for line in summary.official],
        "repeats": repeats_data(summary),
        "invariance": invariance_data(summary),
    }


def _score(score: Proportion) -> dict[str, Any]:
    known = {"n": score.n, "groups": score.groups, "passed": score.passed, "rate": score.rate}
    return {**known, **(_interval(score.interval) if score.interval else {})}


def _interval(interval: Interval) -> dict[str, float]:
    return {"low": interval.low, "high": interval.high}
