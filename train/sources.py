"""Where the examples of a training come from: a mix, files, corpora; gathered, then screened by the guard."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.errors import UsageError
from bench.store import read_run
from train.corpora import load_corpus
from train.examples import Example, example_from, load_examples
from train.guard import Screened, screen
from train.mix import Mix, mix
from train.profile import FailureProfile, failure_profile
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
    runs. files: of cases. corpora: NAME or NAME=PATH; corpus_limit: rows of each at most, drawn.
    """

    mix: int | None = None
    runs: tuple[str, ...] = ()
    shares: Shares = field(default_factory=Shares)
    files: tuple[Path, ...] = ()
    corpora: tuple[str, ...] = ()
    corpus_limit: int | None = None

    def __post_init__(self) -> None:
        if self.mix is None:
            spoken = {"no_call": "--no-call-share"}
            for name in self.shares.given():
                flag = spoken.get(name, f"--{name}")
                raise UsageError(f"{flag} is a share of a mix: give --mix N, too")
            if self.runs:
                raise UsageError("--from weights a mix: give --mix N, too")
            if not self.files and not self.corpora:
                raise UsageError("there is nothing to train on: give --mix N, --data or --corpus")
        if self.corpus_limit is not None and not self.corpora:
            raise UsageError("--corpus-limit has no meaning without --corpus")


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
        put(text, *_corpus(text, sources.corpus_limit, seed))
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


def _corpus(text: str, limit: int | None, seed: int) -> tuple[tuple[Example, ...], str]:
    name, given, source = text.partition("=")
    if given and not source:
        raise UsageError(f"--corpus {text}: name a file, a folder or a hub id behind the =")
    found = load_corpus(name, source or None, limit=limit, seed=None if limit is None else seed)
    reasons = ", ".join(f"{reason} {n}" for reason, n in found.reasons.items())
    left = f"; left out: {reasons}" if reasons else ""
    if not found.examples:
        rows = found.counts.get("rows", 0)
        raise UsageError(f"corpus {text} gives no example of {rows} rows{left}")
    return found.examples, f"{len(found.examples)} examples{left}"
