"""A training from its sources to an adapter in home: gather, screen, fit, and onto the shelf.

While it is trained the adapter lies in home's training/, under its name; finished, it is moved to adapters/
in one step. The same call again goes on from the checkpoint that an interrupted one left.
"""

import gc
import hashlib
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from adapters import Adapter, Model, Target, home, home_folder, resolve, serving_name
from adapters.base import base_name
from adapters.card import save_card
from adapters.shelf import adopt, free
from adapters.weights import WEIGHTS
from bench.dialects import find_dialect
from bench.engines import Completion, EngineOptions
from bench.engines.local import TransformersEngine
from bench.engines.tokens import load_tokenizer
from bench.errors import UsageError
from train.batches import Encodings, encode_all
from train.checkpoint import CHECKPOINT
from train.examples import Example
from train.files import replaced
from train.guard import require_checked
from train.loop import fit
from train.metrics import Step
from train.preferences import Pairs, kept_replies, own_replies, pairs_of
from train.recipe import Recipe
from train.sources import Gathered, Sources, gather

__all__ = [
    "PROOF",
    "Session",
    "Trained",
    "check_free",
    "encodings",
    "model_name",
    "prepare",
    "train",
]

PROOF = "guard.json"
"""What the examples were screened against, beside the adapter."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """All that is settled before training. recipe: with base and dialect; target.adapter: the parent."""

    recipe: Recipe
    target: Target
    data: Gathered


@dataclass(frozen=True, kw_only=True)
class Trained:
    """An adapter in home. steps: done in all, resumed: of them by an earlier call; loss: of the last step.

    seconds: spent on steps; encoded: what was learned from.
    """

    adapter: Adapter
    steps: int
    resumed: int
    loss: float
    seconds: float
    encoded: Encodings


def check_free(name: str) -> None:
    """Refuse a name before any work is done for it.

    Errors: ModelError if it cannot name an adapter or is taken; UsageError if an interrupted training of
    that name left a finished adapter outside the shelf.
    """
    folder = _place(free(name))
    if (folder / WEIGHTS).exists() and not (folder / CHECKPOINT).exists():
        raise UsageError(
            f"{folder} holds an adapter that was trained and not put away: take it in (callbench adapters "
            f"add {folder}), then remove the folder"
        )


def model_name(model: Model) -> str:
    """What `--model` takes for this very model."""
    return model.name if model.source == "package" else model.where


def prepare(recipe: Recipe, sources: Sources, *, parent: str | None = None) -> Session:
    """Find the base (recipe.base, where `BASE+PARENT` is understood) and gather the examples.

    Errors: ModelError for an unknown base or parent, DialectError for an unknown dialect, and those of
    `gather`.
    """
    if recipe.dialect:
        find_dialect(recipe.dialect)
    target = resolve(recipe.base, parent, dialect=recipe.dialect or None)
    settled = replace(recipe, base=base_name(model_name(target.model)), dialect=target.dialect)
    return Session(recipe=settled, target=target, data=gather(sources, recipe.seed))


def encodings(session: Session) -> Encodings:
    """The examples as tokens of the base, as training will see them. Errors: those of `encode_all`."""
    recipe = session.recipe
    tokenizer = load_tokenizer(session.target.folder)
    return encode_all(
        session.data.examples, find_dialect(recipe.dialect), tokenizer, recipe.max_length
    )


def train(
    session: Session,
    name: str,
    *,
    device: str | None = None,
    save_steps: int | None = None,
    save_minutes: float = 5.0,
    on_step: Callable[[Step], None] | None = None,
    command: str = "",
) -> Trained:
    """Train an adapter and put it into home's adapters/, with its card (a candidate) and the guard's proof.

    command: what was typed, for the card, which also takes the notice that the base's licence asks for.
    With recipe.beta the model is asked the examples first, and learns to prefer gold to its wrong replies.
    Errors: UsageError under a launcher of several processes; those of `check_free`, `require_checked` and
    `fit`; the checkpoint stays, and the same call goes on from it.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise UsageError(
            "callbench train is one process: for several, call train.loop.fit in a script"
        )
    check_free(name)
    data = session.data.screened
    require_checked(data.kept, data.checked)
    home_folder("training")
    examples: Sequence[Example] = data.kept
    if session.recipe.beta is not None:
        pairs = _preferences(session, name, device)
        print(pairs.line(), file=sys.stderr, flush=True)
        examples = pairs.examples
        if not examples:
            raise UsageError(
                "the model answers every example right: there is no wrong reply to learn from; give other "
                "examples, or train without --beta"
            )
    done = fit(
        session.recipe,
        examples,
        session.target.folder,
        _place(name),
        parent=session.target.adapter,
        on_step=on_step,
        name=name,
        device=device,
        save_steps=save_steps,
        save_minutes=save_minutes,
    )
    notes = {"command": command, "licence": session.target.model.derivative_notice}
    save_card(done.folder, done.card.model_copy(update=notes))
    with replaced(done.folder / PROOF) as draft:
        draft.write_text(data.checked.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return Trained(
        adapter=adopt(done.folder),
        steps=done.steps,
        resumed=done.resumed,
        loss=done.loss,
        seconds=done.seconds,
        encoded=done.data,
    )


def _preferences(session: Session, name: str, device: str | None) -> Pairs:
    """The pairs that the model's own replies to the examples give; asked once for each training."""
    target, kept = session.target, session.data.screened.kept
    dialect = find_dialect(session.recipe.dialect)
    loaded = [target.adapter] if target.adapter else []

    def ask() -> dict[str, Completion]:
        engine = TransformersEngine(target.folder, loaded, options=EngineOptions(device=device))
        return own_replies(
            engine,
            kept,
            dialect,
            adapter=target.adapter.name if target.adapter else None,
            seed=session.recipe.seed,
        )

    parts = [target.hash, *(serving_name(a) for a in loaded), session.data.screened.checked.hash]
    key = hashlib.sha256(" ".join(parts).encode()).hexdigest()
    replies = kept_replies(home() / "training" / f"{name}.replies.json", key, ask)
    gc.collect()
    return pairs_of(kept, replies, dialect, seed=session.recipe.seed)


def _place(name: str) -> Path:
    return home() / "training" / name
