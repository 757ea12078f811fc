"""What a converter returns: a corpus' rows as training examples, and everything that was left out."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from train.examples import Example

__all__ = [
    "DEFAULTS",
    "REASONS",
    "BadRow",
    "Converted",
    "Converter",
    "Options",
    "Place",
    "Reader",
    "Rows",
    "Skipped",
    "Tally",
    "UnfitError",
    "convert_rows",
    "numbered",
]

Place = str
"""Where a row stands, for people and for ids: `train.jsonl:12`, `xlam:12`."""
Rows = Iterable[tuple[Place, Any]]
"""(place, row) of each row; a row is what JSON, or a table of `datasets`, gives."""
Tally = Counter[str]

REASONS = {
    "json": "a line of the file is no JSON",
    "row": "the row is not of this format",
    "held_out": "the publisher keeps the row for evaluation",
    "tools": "the tools cannot be read, or a schema is unsound",
    "calls": "a call cannot be read",
    "results": "the results do not belong to the calls before them",
    "turns": "the order of the turns is none that a dialogue has",
    "text": "a text is empty, or holds markup that would be learned as text",
    "reference": "a reference to an output that cannot be put in place",
    "json_mode": "the row is about JSON output, not about calling functions",
    "invented_tool": "a call of a tool that is not offered",
    "missing_argument": "a call lacks a required argument",
    "invented_argument": "a call has an argument that its tool does not know",
    "wrong_type": "an argument has another type than its schema says",
    "schema_violation": "a call breaks its tool's schema in another way",
    "dialect": "the dialect cannot say it, or would not read it back",
}
"""Why a row is left out -> what it means. The keys of calls that break a schema are failure modes."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """keep_violations: keep rows whose calls break the schema of their own tool (counted as `kept_…`).

    They are dropped by default: adding data that had failed the checks back in cost APIGen 4 to 12 points
    on BFCL (arXiv 2406.18518). rename_tools: write names that no tool may have (`Market Trends API`) with
    `_` for what is not allowed; False leaves such rows out.
    """

    keep_violations: bool = False
    rename_tools: bool = True


DEFAULTS = Options()


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A row that was not converted: where it stands, the reason (a key of REASONS) and what exactly."""

    where: Place
    reason: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Converted:
    """Examples in the order of the rows. counts: what was read and done (rows, calls, turns, repairs)."""

    examples: tuple[Example, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def reasons(self) -> dict[str, int]:
        """Reason -> number of rows that were left out for it, in the order of REASONS."""
        found = Counter(s.reason for s in self.skipped)
        return {reason: found[reason] for reason in REASONS if found[reason]}


class UnfitError(ValueError):
    """A row that does not become an example; reason: a key of REASONS."""

    def __init__(self, reason: str, message: object) -> None:
        self.reason = reason
        super().__init__(str(message))


@dataclass(frozen=True)
class BadRow:
    """In place of a row that could not even be read from its file, such as a line that is no JSON."""

    why: str


class Converter(Protocol):
    """Reads rows of one format. Never raises for what stands in a row."""

    def __call__(self, rows: Rows, options: Options = DEFAULTS) -> Converted:
        """The examples, what was left out, and counts."""
        ...


Reader = Callable[[Any, Place, Options, Tally], Example]
"""One row as an example; counts what it did in the tally. Errors: UnfitError."""


def numbered(rows: Iterable[Any], name: str) -> Rows:
    """The rows with their places: `name:1`, `name:2`, …"""
    return ((f"{name}:{number}", row) for number, row in enumerate(rows, start=1))


def convert_rows(rows: Rows, read: Reader, options: Options) -> Converted:
    """Every row through `read`; what was counted in a row that is left out does not count."""
    examples: list[Example] = []
    skipped: list[Skipped] = []
    counts: Tally = Counter()
    for place, row in rows:
        counts["rows"] += 1
        tally: Tally = Counter()
        try:
            if isinstance(row, BadRow):
                raise UnfitError("json", row.why)
            examples.append(read(row, place, options, tally))
        except UnfitError as error:
            skipped.append(Skipped(where=place, reason=error.reason, why=_plain(error)))
            continue
        except RecursionError:
            skipped.append(Skipped(where=place, reason="row", why="nested too deeply"))
            continue
        counts["examples"] += 1
        counts.update(tally)
    kept = {key: n for key, n in sorted(counts.items()) if n and key not in ("rows", "examples")}
    return Converted(
        examples=tuple(examples),
        skipped=tuple(skipped),
        counts={"rows": counts["rows"], "examples": counts["examples"], **kept},
    )


def _plain(error: Exception) -> str:
    """The message as valid text on one line."""
    text = str(error).encode("utf-8", "backslashreplace").decode()
    line = " ".join(text.split())
    return line if len(line) <= 300 else line[:299] + "…"
