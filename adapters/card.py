"""The card of an adapter: what it is, where it comes from and how it measured; `card.toml` beside it.

A card belongs to the very weights and configuration whose sha256 it records: read beside others, it is an
error. Every change makes a new card; `save_card` writes it whole or not at all.
"""

import hashlib
import json
import os
import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from adapters.errors import ModelError
from adapters.toml import check_toml, dump_toml
from adapters.weights import CONFIG, WEIGHTS, file_hash

__all__ = [
    "CARD",
    "SCHEMA",
    "BaseRef",
    "Card",
    "Measured",
    "Parent",
    "State",
    "load_card",
    "new_card",
    "now",
    "promote",
    "recipe_hash",
    "reject",
    "save_card",
    "with_run",
]

CARD = "card.toml"
SCHEMA = 1
"""Version of the card's form; a reader refuses any other."""


def now() -> str:
    """The time as a card writes it: ISO 8601, UTC, whole seconds, `2026-09-01T12:00:00Z`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def recipe_hash(recipe: dict[str, Any]) -> str:
    """sha256 (hex) of a recipe as JSON with sorted keys."""
    return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()


def _date(text: str) -> str:
    datetime.fromisoformat(text)
    return text


Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Date = Annotated[str, AfterValidator(_date)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class BaseRef(_Strict):
    """The base as it was named, and the hash of its weights where they were at hand."""

    name: str = ""
    hash: Sha256 | None = None


class Parent(_Strict):
    """The adapter that training started from: its name and the sha256 of its safetensors."""

    name: Name
    weights: Sha256


class State(_Strict):
    """Whether the adapter may be used in its base's place, why, and since when."""

    value: Literal["candidate", "promoted", "rejected"] = "candidate"
    reason: str = ""
    date: Date | None = None


class Measured(_Strict):
    """A finished run of this adapter: `passed` of `n` cases of one suite's split."""

    run: str
    suite: str
    split: str
    suite_hash: Sha256
    n: int = Field(ge=1)
    passed: int = Field(ge=0)
    date: Date

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.passed > self.n:
            raise ValueError(f"{self.passed} of {self.n} cases cannot have passed")
        return self


class Card(_Strict):
    """What an adapter is. weights, config: sha256 (hex) of its two files; recipe: any table TOML can hold.

    recipe_hash: recipe_hash(recipe), data_hash: of the training data, both None where unknown; licence:
    the licence's name, or the notice that must go with the weights; command: what was typed to make it.
    """

    schema_version: Literal[1] = 1
    name: Name
    weights: Sha256
    config: Sha256
    created: Date
    licence: str = ""
    command: str = ""
    data_hash: Sha256 | None = None
    recipe_hash: Sha256 | None = None
    base: BaseRef = BaseRef()
    parent: Parent | None = None
    state: State = State()
    recipe: dict[str, Any] = {}
    runs: tuple[Measured, ...] = Field(default=(), strict=False)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        check_toml(self.recipe, "recipe")
        wanted = recipe_hash(self.recipe) if self.recipe else None
        if self.recipe_hash != wanted:
            raise ValueError(
                "recipe_hash is not the hash of the recipe"
                if wanted
                else "there is a recipe_hash, but no recipe"
            )
        return self


def new_card(
    folder: Path,
    name: str,
    *,
    base: BaseRef,
    parent: Parent | None = None,
    recipe: dict[str, Any] | None = None,
    data_hash: str | None = None,
    licence: str = "",
) -> Card:
    """The card of the PEFT folder's weights as they lie there: a candidate without runs. Not written.

    Errors: ModelError for a name or a recipe that a card cannot hold.
    """
    try:
        return Card(
            name=name,
            weights=file_hash(folder / WEIGHTS),
            config=file_hash(folder / CONFIG),
            created=now(),
            base=base,
            parent=parent,
            recipe=recipe or {},
            recipe_hash=recipe_hash(recipe) if recipe else None,
            data_hash=data_hash,
            licence=licence,
        )
    except ValidationError as error:
        raise ModelError(_first(error)[1]) from None


def load_card(folder: Path) -> Card | None:
    """The card in an adapter's folder, or None if it has none.

    Errors: ModelError, with file and line where it can be told, for a broken or unknown form, and for a
    card that was written for other weights or another configuration than those beside it.
    """
    file = folder / CARD
    if not file.is_file():
        return None
    try:
        text = file.read_text(encoding="utf-8")
        card = Card.model_validate(tomllib.loads(text))
    except ValidationError as error:
        place, message = _first(error)
        line = _line(text, place)
        raise ModelError(f"{file}{f':{line}' if line else ''}: {message}") from None
    except tomllib.TOMLDecodeError as error:
        message, _, at = str(error).rpartition(" (at ")
        line_found = re.match(r"line (\d+)", at)
        where = f"{file}:{line_found[1]}" if line_found else str(file)
        raise ModelError(f"{where}: {message or error}") from None
    except (UnicodeDecodeError, RecursionError):
        raise ModelError(f"{file} is no TOML text") from None
    except OSError as error:
        raise ModelError(f"cannot read {file}: {error.strerror}") from None
    for name, recorded in ((WEIGHTS, card.weights), (CONFIG, card.config)):
        try:
            found = file_hash(folder / name)
        except OSError as error:
            raise ModelError(f"cannot read {folder / name}: {error.strerror}") from None
        if found != recorded:
            raise ModelError(
                f"{file} was written for another {name} (sha256 {recorded[:12]}…) than the one beside "
                f"it ({found[:12]}…): put the right file back, or remove {CARD} and add the adapter anew"
            )
    return card


def save_card(folder: Path, card: Card) -> None:
    """Write `card.toml` into a folder; after any interruption it holds the old card or the new one.

    Errors: ModelError if it cannot be written.
    """
    values = card.model_dump(mode="json", exclude_none=True)
    text = dump_toml({k: v for k, v in values.items() if v not in ({}, [])})
    target = folder / CARD
    draft = folder / f".{CARD}.{os.getpid()}"
    try:
        with draft.open("w", encoding="utf-8", newline="\n") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(target)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ModelError(f"cannot write {target}: {error.strerror}") from None


def with_run(card: Card, run: Measured) -> Card:
    """The card with a run added; a run of the same id, suite and split is replaced."""
    key = (run.run, run.suite, run.split)
    kept = [r for r in card.runs if (r.run, r.suite, r.split) != key]
    return card.model_copy(update={"runs": (*kept, run)})


def promote(card: Card, reason: str, *, date: str | None = None) -> Card:
    """The card as promoted, because of `reason`. date: ISO 8601, default now."""
    return _in_state(card, "promoted", reason, date)


def reject(card: Card, reason: str, *, date: str | None = None) -> Card:
    """The card as rejected, because of `reason`. date: ISO 8601, default now."""
    return _in_state(card, "rejected", reason, date)


def _in_state(
    card: Card, value: Literal["promoted", "rejected"], reason: str, date: str | None
) -> Card:
    if not reason.strip():
        raise ModelError(f"{card.name} cannot be {value} without a reason")
    try:
        state = State(value=value, reason=reason, date=date or now())
    except ValidationError as error:
        raise ModelError(_first(error)[1]) from None
    return card.model_copy(update={"state": state})


def _first(error: ValidationError) -> tuple[tuple[str | int, ...], str]:
    """Place and text of the first fault."""
    fault = error.errors()[0]
    place = fault["loc"]
    dotted = ".".join(str(p) for p in place)
    match fault["type"]:
        case "extra_forbidden":
            text = f"unknown field {dotted!r}"
        case "missing":
            text = f"the field {dotted!r} is missing"
        case _:
            text = fault["msg"].removeprefix("Value error, ")
            text = f"{dotted}: {text}" if dotted else text
    return place, text


def _line(text: str, place: tuple[str | int, ...]) -> int | None:
    """The line (from 1) where a field of the card stands, or None if it cannot be told."""
    *section, key = place or ("",)
    if isinstance(key, int):
        section, key = [*section, key], ""
    table = [p for p in section if isinstance(p, str)]
    index = next((p for p in section if isinstance(p, int)), 0)
    here: list[str] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        head = re.match(r"\s*\[\[?\s*([^\]]+?)\s*\]", line)
        if head:
            here = head[1].split(".")
            seen[head[1]] = seen.get(head[1], -1) + 1
            if here == [*table, key] or (key == "" and here == table and seen[head[1]] == index):
                return number
        elif here == table and seen.get(".".join(here), 0) == index:
            found = re.match(r"\s*\"?([^\"=]+?)\"?\s*=", line)
            if found and found[1] == key:
                return number
    return None
