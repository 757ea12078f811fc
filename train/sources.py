"""Where examples come from: a mix, requests over tools, files, corpora; gathered, then screened."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.errors import UsageError
from bench.store import read_run
from suites import Tool
from train.corpora import load_corpus
from train.examples import Example, example_from, load_examples
from train.guard import Screened, screen
from train.mix import Mix, mix
from train.profile import FailureProfile, failure_profile
from train.requests import beside, crafted, read_tools
from train.toolboxes import load_library

__all__ = ["Gathered", "Origin", "Shares", "Sources", "gather", "no_call_share"]


@dataclass(frozen=True, kw_only=True)
class Shares:
    """The shares of a mix, from 0 to 1; None: the mix's own default (see train.mix)."""

    no_call: float | None = None
    floor: float | None = None
    replay: float | None = None

    def given(self) -> dict[str, Any]:
        """Those that have a value, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What to gather, in this order.

    mix: so many cases over the toolboxes, weighted by the failures in `runs` (files or URLs), even without
    runs. files: of cases. corpora: NAME or NAME=PATH; corpus_limit: rows of each at most, drawn; beside:
    tools of other rows at most, put on offer beside a row's own; absent: share of the rows behind which the
    request of another row is asked over the same tools, to be declined. tools: files of definitions;
    requests: so many requests over them.
    """

    mix: int | None = None
    runs: tuple[str, ...] = ()
    shares: Shares = field(default_factory=Shares)
    files: tuple[Path, ...] = ()
    corpora: tuple[str, ...] = ()
    corpus_limit: int | None = None
    beside: int = 0
    absent: float = 0.0
    tools: tuple[Path, ...] = ()
    requests: int | None = None

    def __post_init__(self) -> None:
        if self.mix is None:
            spoken = {"no_call": "--no-call-share"}
            for name in self.shares.given():
                flag = spoken.get(name, f"--{name}")
                raise UsageError(f"{flag} is a share of a mix: give --mix N, too")
            if self.runs:
                raise UsageError("--from weights a mix: give --mix N, too")
            if not self.files and not self.corpora and self.requests is None:
                raise UsageError(
                    "there is nothing to train on: give --mix N, --data, --corpus or --tools"
                )
        for flag, given in (
            ("--corpus-limit", self.corpus_limit is not None),
            ("--beside", bool(self.beside)),
            ("--absent", bool(self.absent)),
        ):
            if given and not self.corpora:
                raise UsageError(f"{flag} has no meaning without --corpus")
        if self.beside < 0:
            raise UsageError("--beside is a number of tools: it cannot be negative")
        if not 0 <= self.absent <= 1:
            raise UsageError(f"--absent must be a share from 0 to 1, not {self.absent}")
        if (self.requests is None) != (not self.tools):
            raise UsageError("--tools FILE and --requests N belong together")
        if self.requests is not None and self.requests < 1:
            raise UsageError("--requests must be at least 1")


@dataclass(frozen=True, kw_only=True)
class Origin:
    """One source: its name, the examples it gave, and a line about them for people."""

    name: str
    examples: int
    about: str


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """Screened examples and where they are from. mix, profile: None where there is none."""

    screened: Screened[Example]
    origins: tuple[Origin, ...]
    mix: Mix | None = None
    profile: FailureProfile | None = None

    @property
    def examples(self) -> tuple[Example, ...]:
        """What may be trained on."""
        return self.screened.kept

    def lines(self) -> list[str]:
        """The report for people: each source, then what the guard dropped."""
        return [*(o.about for o in self.origins), *self.screened.lines()]


def gather(sources: Sources, seed: int) -> Gathered:
    """The examples of all sources without those that collide with a suite; the same for the same seed.

    Errors: UsageError for a source that gives nothing, a profile without failures, an unknown corpus, and
    where the guard leaves nothing; SuiteError for broken files of cases and unsound shares.
    """
    profile = failure_profile([read_run(name) for name in sources.runs]) if sources.runs else None
    weights = profile.weights() if profile else {}
    examples: list[Example] = []
    origins: list[Origin] = []
    made: Mix | None = None

    def put(name: str, found: Sequence[Example], about: str) -> None:
        examples.extend(found)
        origins.append(Origin(name=name, examples=len(found), about=f"{name}: {about}"))

    # The quick sources first: a wrong name or file is told before a mix is drawn.
    for file in sources.files:
        read = load_examples(file)
        if not read:
            raise UsageError(f"{file} holds no case to train on")
        put(str(file), read, f"{len(read)} examples")
    for text in sources.corpora:
        put(text, *_corpus(text, sources, seed))
    if sources.requests is not None:
        put("requests", *_requests(sources.tools, sources.requests, seed))
    if sources.mix is not None:
        shares = sources.shares.given()
        made = mix(load_library(), weights, sources.mix, seed=seed, **shares)
        about = (
            f"{len(made.cases)} cases, {100 * made.no_call_share:.1f} % of requests without a call"
        )
        if made.no_call_missing:
            about += f" (wanted: {100 * made.no_call_wanted:g} %)"
        about += f"; by {profile.target}'s failures" if profile else "; even over the modes"
        put("mix", [example_from(case) for case in made.cases], about)
    screened = screen(examples)
    if not screened.kept:
        why = ", ".join(f"{reason} {n}" for reason, n in screened.checked.dropped.items())
        raise UsageError(
            f"all {len(examples)} examples collide with a suite ({why}): what is measured must not be "
            "trained on; give other data"
        )
    return Gathered(screened=screened, origins=tuple(origins), mix=made, profile=profile)


def no_call_share(examples: Sequence[Example]) -> float | None:
    """Of the model's turns that follow a user message, the share that calls nothing; None without any."""
    turns: Counter[bool] = Counter()
    for example in examples:
        said = example.dialogue.messages
        for before, turn in pairwise(said):
            if (before.role, turn.role) == ("user", "assistant"):
                turns[not turn.calls] += 1
    return turns[True] / turns.total() if turns else None


def _corpus(text: str, sources: Sources, seed: int) -> tuple[Sequence[Example], str]:
    name, given, source = text.partition("=")
    if given and not source:
        raise UsageError(f"--corpus {text}: name a file, a folder or a hub id behind the =")
    limit = sources.corpus_limit
    found = load_corpus(name, source or None, limit=limit, seed=None if limit is None else seed)
    reasons = ", ".join(f"{reason} {n}" for reason, n in found.reasons.items())
    left = f"; left out: {reasons}" if reasons else ""
    if not found.examples:
        rows = found.counts.get("rows", 0)
        raise UsageError(f"corpus {text} gives no example of {rows} rows{left}")
    about = f"{len(found.examples)} examples{left}"
    if not sources.beside and not sources.absent:
        return found.examples, about
    rows_beside = beside(
        found.examples, load_library(), most=sources.beside, absent=sources.absent, seed=seed
    )
    declined = len(rows_beside) - len(found.examples)
    return rows_beside, f"{about}; {declined} requests over the tools of other rows, to be declined"


def _requests(files: Sequence[Path], n: int, seed: int) -> tuple[list[Example], str]:
    tools: dict[str, Tool] = {}
    unread = 0
    for file in files:
        found, left = read_tools(file)
        unread += left
        for tool in found:
            tools.setdefault(tool.name, tool)
    made = crafted(list(tools.values()), load_library(), n, seed=seed)
    kinds = ", ".join(f"{k} {c}" for k, c in Counter(m.kind for m in made).most_common())
    left_out = f" ({unread} definitions left out)" if unread else ""
    return [m.example for m in made], f"{n} over {len(tools)} tools{left_out}: {kinds}"
