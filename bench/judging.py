"""A reply against its case: the strict verdict, a repaired reading's, and that of the case's benchmark."""

from typing import Any

from bench.records import OfficialRecord, VerdictRecord
from suites import Case, Outcome, Reply, judge
from suites.official import official_verdict

__all__ = ["judged"]


def judged(case: Case, reply: Reply) -> dict[str, Any]:
    """What a record says of a reply: the fields calls, thought, verdict, repaired and official."""
    repaired: bool | None = None
    if reply.repaired is not None:
        repaired = judge(case, Reply(text=reply.text, calls=reply.repaired)).passed
    official = None
    if case.official is not None and reply.outcome is not Outcome.ERROR:
        official = OfficialRecord.of(official_verdict(case, reply))
    return {
        "calls": reply.calls,
        "thought": reply.thought,
        "verdict": VerdictRecord.of(judge(case, reply)),
        "repaired": repaired,
        "official": official,
    }
