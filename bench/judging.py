"""What is said of one reply: our verdict, that on a tolerant reading, that of the case's own benchmark."""

from typing import Literal

from bench.dialects import Dialect
from bench.records import Judgement, OfficialRecord, VerdictRecord
from suites import Case, Outcome, Reply, judge
from suites.official import official_verdict

__all__ = ["judgement", "read_reply"]


def read_reply(case: Case, text: str, finish: Literal["stop", "length"], dialect: Dialect) -> Reply:
    """The reply in a completion, as the dialect reads it among the case's tools. Never raises."""
    return dialect.parse(text, finish, [t.name for t in case.tools])


def judgement(case: Case, reply: Reply) -> Judgement:
    """All that a record says of a reply; the benchmark's own verdict only where there is a reply."""
    repaired: bool | None = None
    if reply.repaired is not None:
        repaired = judge(case, Reply(text=reply.text, calls=reply.repaired)).passed
    official: OfficialRecord | None = None
    if case.official is not None and reply.outcome is not Outcome.ERROR:
        official = OfficialRecord.of(official_verdict(case, reply))
    return Judgement(
        verdict=VerdictRecord.of(judge(case, reply)), repaired=repaired, official=official
    )
