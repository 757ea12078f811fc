"""Suites and cases as pytest's nodes: `callbench::call/dev::weather.rain-bergen.call`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.pairing import share, typical
from bench.records import Record
from reports.shown import actual, clean, expected, request
from reports.table import one_line
from suites import Case, Outcome
from suites.places import Place

__all__ = ["ROOT", "CaseItem", "CaseTree", "Planned", "failure_text"]

ROOT = "callbench"
"""What every node id of a case begins with."""

_WIDTH = 400


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A case that will be a test. suite: the suite's name; shown: with its split, `call/dev`."""

    suite: str
    shown: str
    case: Case
    place: Place

    @property
    def nodeid(self) -> str:
        """`callbench::call/dev::id`."""
        return f"{ROOT}::{self.shown}::{self.case.id}"


Replies = Callable[[str, str], Sequence[Record]]
"""The records of a case (suite, id), one a sample."""


class CaseTree(pytest.Collector):
    """All cases, by suite."""

    def __init__(self, *, planned: Sequence[Planned], replies: Replies, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._planned, self._replies = planned, replies

    def collect(self) -> Iterator[pytest.Collector]:
        """One node a suite."""
        for shown in dict.fromkeys(p.shown for p in self._planned):
            mine = [p for p in self._planned if p.shown == shown]
            yield SuiteNode.from_parent(self, name=shown, planned=mine, replies=self._replies)


class SuiteNode(pytest.Collector):
    """The cases of one suite and split."""

    def __init__(self, *, planned: Sequence[Planned], replies: Replies, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._planned, self._replies = planned, replies

    def collect(self) -> Iterator[pytest.Item]:
        """One item a case."""
        for one in self._planned:
            yield CaseItem.from_parent(self, name=one.case.id, planned=one, replies=self._replies)


class CaseFailedError(Exception):
    """The reply to a case is not right; its text says why."""


class CaseItem(pytest.Item):
    """One case. It can also be selected (-k) by its category, tags and group."""

    def __init__(self, *, planned: Planned, replies: Replies, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.planned, self._replies = planned, replies
        case = planned.case
        self.extra_keyword_matches.update({case.category, case.group, *case.tags} - {""})

    def setup(self) -> None:
        """Skip a case that an exclusion list leaves out; without a reply there is an error, not a failure."""
        if self.planned.case.excluded:
            pytest.skip(f"left out of every score: {', '.join(self.planned.case.excluded)}")
        records = self._records()
        if not records:
            pytest.fail("the run holds no reply to this case", pytrace=False)
        if all(r.verdict.outcome is Outcome.ERROR for r in records):
            pytest.fail(one_line(clean(records[0].verdict.reason, _WIDTH)), pytrace=False)

    def runtest(self) -> None:
        """Passes if the case did; of several samples, by majority."""
        scored = [r for r in self._records() if r.verdict.outcome is not Outcome.ERROR]
        if not typical(scored).verdict.passed:
            raise CaseFailedError(failure_text(scored, self.planned.place))

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """What was asked, expected and said; a traceback only for a fault of callbench itself."""
        if isinstance(excinfo.value, CaseFailedError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The case's file, its line (from 0), and `suite:id`."""
        place, name = self.planned.place, f"{self.planned.suite}:{self.planned.case.id}"
        if not place.line:
            return self.path, None, name
        return Path(place.file).absolute(), place.line - 1, name

    def _records(self) -> Sequence[Record]:
        return self._replies(self.planned.suite, self.planned.case.id)


def failure_text(samples: Sequence[Record], place: Place) -> str:
    """Failure mode and reason, then request, expected, actual and where the case stands, a line each.

    samples: the scored replies to one case. Control characters of a reply are made visible.
    """
    record = typical(samples)
    verdict = record.verdict
    lines = [("user", request(record.case, _WIDTH)), ("expected", expected(record.case, _WIDTH))]
    lines.append(("actual", actual(record, _WIDTH)))
    if len(samples) > 1:
        lines.append(("samples", f"{100 * share(samples):.0f} % of {len(samples)} passed"))
    if place.line:
        lines.append(("case", str(place)))
    head = f"{verdict.failure or 'failed'}: {clean(verdict.reason, _WIDTH)}"
    body = [f"  {f'{name}:':<10}{one_line(text)}" for name, text in lines]
    return "\n".join([one_line(head), *body])
