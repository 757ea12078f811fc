"""Whether a training dialogue meets a case of a suite, and in what: the rules of the contamination guard.

Every dialogue is compared with every case. What it collides in (Reason):

request  the same words, whatever the case, punctuation, accents and blanks: all that the user says, or one
         message of 4 or more words
near     overlap of 0.4 (4 or more words), or 0.8 of a message of 6 or more words stands in the example's
masked   the same with values masked (gold arguments, and words with digits): overlap of 0.5 (5 or more words
         besides the values), or 0.8 of a message with 8 or more
call     the same call: name and arguments (at least one), under any accepted value
tool     a tool of the same name, offered there and here: `getWeather` is `get_weather`
schema   a tool with the same 3 or more parameters (names, types, rules; not descriptions) under another name.
         With fewer, unrelated tools agree: 300 of 1,112 tools of Seal-Tools with one, 17 of 1,019 with two,
         7 of 986 with three, 0 of 730 with more
value    a distinctive value (suites.leak) of a built-in suite, which share none between their splits either;
         of another suite two values of one group that few groups have, or one of 5 or more words. One value
         would drop 57 % of Seal-Tools (New York, ABC123), two of any 7.5 %

Measured with all built-in suites and BFCL (2,599 and 3,641 cases), `request`, `near` and `masked` together:

    unrelated requests taken for a copy             of n
    Seal-Tools against all suites         0.39 %   2,053
    BFCL against the built-in suites      0.08 %   3,641
    built-in dev against built-in test    0.00 %   1,184

    copies found, of 1,000 each                    built-in    BFCL
    other case, punctuation and blanks              100.0 %   100.0 %
    two neighbouring words swapped                   99.7      94.6
    two such swaps                                   94.0      90.3
    one word replaced                                98.4      91.5
    two words replaced                               88.1      79.4
    politeness before and after                      99.1      93.4
    every gold value replaced                        95.6      96.8    (without masks 74.1, 72.4)
    values replaced, and politeness                  89.5      91.4    (without masks 53.5, 51.5)

What is missed is short: of 2,000 requests with two words replaced 337 are missed, 303 of them shorter than
10 words. A paraphrase is not found. With tools (4.4 %), schemas (0.6 %) and values (4.5 %) 9.1 % of
Seal-Tools is dropped. 20,000 examples take 12 s of one core, and 100 MB.
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from bench.dialects import Dialogue
from suites import Suite, builtin_suites
from train.overlap import TextIndex, Words
from train.traces import Traces, bare_name, traces_of, traces_of_case

__all__ = ["VERSION", "Collision", "Guard", "Reason"]

VERSION = 1
"""Of the rules above: data screened under another version must be screened again."""

_WHOLE_MESSAGE = 4
_NEAR, _NEAR_WORDS, _HOLDS, _HOLDS_WORDS = 0.4, 4, 0.8, 6
_MASKED, _MASKED_WORDS, _MASKED_HOLDS, _MASKED_HOLDS_WORDS = 0.5, 5, 0.8, 8
_RARE_GROUPS, _LONG_VALUE = 2, 5
_SHOWN = 80

K = TypeVar("K", bound=Hashable)
Owners = dict[str, str]
"""Suite -> the first of its cases that has some key."""


class Reason(StrEnum):
    """What a training dialogue and a case have in common."""

    REQUEST = "request"
    NEAR = "near"
    MASKED = "masked"
    CALL = "call"
    TOOL = "tool"
    SCHEMA = "schema"
    VALUE = "value"


@dataclass(frozen=True, kw_only=True)
class Collision:
    """One example and one suite: why, the suite's case that it meets (one of perhaps many), and what of it.

    text: the example's own words; nothing of a case but its id is shown.
    """

    example: str
    reason: Reason
    suite: str
    case: str
    text: str


class Guard:
    """The traces of all cases of some suites, ready to be compared with. Read-only once made.

    shared_tools: names of tools that dialogues may share with a suite.
    """

    def __init__(self, suites: Sequence[Suite], shared_tools: Iterable[str] = ()) -> None:
        ours = set(builtin_suites())
        self._ours = {f"{s.name}/{s.split}" for s in suites if (s.name, s.split) in ours}
        self._shared = {bare_name(name) for name in shared_tools}
        self._wholes: dict[str, Owners] = {}
        self._tools: dict[str, Owners] = {}
        self._schemas: dict[str, Owners] = {}
        self._calls: dict[str, Owners] = {}
        self._requests: dict[Words, Owners] = {}
        self._masked: dict[Words, Owners] = {}
        self._values: dict[str, dict[tuple[str, str], str]] = {}
        for suite in suites:
            for case in suite.cases:
                self._add(f"{suite.name}/{suite.split}", case.group, case.id, traces_of_case(case))
        self._index = TextIndex(list(self._requests))
        self._masked_index = TextIndex(list(self._masked))

    def collisions(self, dialogue: Dialogue, name: str) -> list[Collision]:
        """Every reason and suite, once each, in a fixed order; empty for a dialogue that may be trained on.

        name: of the dialogue, for the collisions.
        """
        traces = traces_of(dialogue)
        found: dict[tuple[Reason, str], Collision] = {}
        for reason, owners, text in self._met(traces):
            for suite, case in owners.items():
                if (reason, suite) not in found:
                    found[reason, suite] = Collision(
                        example=name, reason=reason, suite=suite, case=case, text=_short(text)
                    )
        order = {reason: i for i, reason in enumerate(Reason)}
        return [found[key] for key in sorted(found, key=lambda k: (order[k[0]], k[1]))]

    def _add(self, suite: str, group: str, case: str, traces: Traces) -> None:
        _put(self._wholes, [traces.whole], suite, case)
        _put(self._tools, traces.tools, suite, case)
        _put(self._schemas, traces.schemas, suite, case)
        _put(self._calls, traces.calls, suite, case)
        _put(self._requests, traces.requests, suite, case)
        _put(self._masked, traces.masked, suite, case)
        for value in traces.values:
            self._values.setdefault(value, {}).setdefault((suite, group), case)

    def _met(self, traces: Traces) -> Iterator[tuple[Reason, Owners, str]]:
        yield from self._met_texts(traces)
        for key, shown in traces.calls.items():
            yield Reason.CALL, self._calls.get(key, {}), shown
        for key, name in traces.tools.items():
            if key not in self._shared:
                yield Reason.TOOL, self._tools.get(key, {}), name
        for key, name in traces.schemas.items():
            if bare_name(name) not in self._shared:
                yield Reason.SCHEMA, self._schemas.get(key, {}), name
        for shown, suite, case in self._met_values(traces.values):
            yield Reason.VALUE, {suite: case}, shown

    def _met_texts(self, traces: Traces) -> Iterator[tuple[Reason, Owners, str]]:
        """The strongest of the three reasons for every suite."""
        told = " ".join(" ".join(words) for words in traces.requests)
        same: Owners = dict(self._wholes.get(traces.whole, {}))
        for words in traces.requests:
            if len(words) >= _WHOLE_MESSAGE:
                same = {**self._requests.get(words, {}), **same}
        yield Reason.REQUEST, same, told
        near: Owners = {}
        for words in traces.requests:
            hits = self._index.near(
                words,
                overlap=_NEAR,
                shortest=_NEAR_WORDS,
                contained=_HOLDS,
                shortest_contained=_HOLDS_WORDS,
            )
            near |= _owners(self._index, self._requests, hits, same | near)
        yield Reason.NEAR, near, told
        alike: Owners = {}
        for words in traces.masked:
            hits = self._masked_index.near(
                words,
                overlap=_MASKED,
                shortest=_MASKED_WORDS,
                contained=_MASKED_HOLDS,
                shortest_contained=_MASKED_HOLDS_WORDS,
            )
            alike |= _owners(self._masked_index, self._masked, hits, same | near | alike)
        yield Reason.MASKED, alike, told

    def _met_values(self, values: Iterable[str]) -> Iterator[tuple[str, str, str]]:
        """(value or values, suite, case)."""
        rare: dict[tuple[str, str], list[str]] = {}
        for value in sorted(values):
            places = self._values.get(value, {})
            for (suite, group), case in places.items():
                if suite in self._ours or len(value.split()) >= _LONG_VALUE:
                    yield value, suite, case
                elif len(places) <= _RARE_GROUPS:
                    rare.setdefault((suite, group), []).append(value)
        for place, some in rare.items():
            if len(some) > 1:
                yield " and ".join(some), place[0], self._values[some[0]][place]


def _put(places: dict[K, Owners], keys: Iterable[K], suite: str, case: str) -> None:
    for key in keys:
        places.setdefault(key, {}).setdefault(suite, case)


def _owners(
    index: TextIndex,
    places: Mapping[Words, Owners],
    hits: Sequence[tuple[int, float]],
    known: Mapping[str, str],
) -> Owners:
    """Of every suite that is not known yet the case that is nearest."""
    found: Owners = {}
    for at, _ in sorted(hits, key=lambda hit: (-hit[1], hit[0])):
        for suite, case in places[index.texts[at]].items():
            if suite not in known:
                found.setdefault(suite, case)
    return found


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
