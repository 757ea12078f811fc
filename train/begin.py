"""What is settled before the first step: the device, the parent, where in its folder a training stands."""

import hashlib
import json
from pathlib import Path

from accelerate import Accelerator  # type: ignore[import-untyped]

from adapters import Adapter
from adapters.weights import WEIGHTS
from bench.errors import UsageError
from train.checkpoint import CHECKPOINT, Position, read_position
from train.output import parent_of
from train.recipe import Recipe

__all__ = ["accelerator_on", "begin", "check_parent", "run_hash"]


def accelerator_on(device: str | None) -> Accelerator:
    """Errors: UsageError for a device that is not there. Which GPU: CUDA_VISIBLE_DEVICES, or the launcher."""
    accelerator = Accelerator(cpu=device == "cpu")
    found = accelerator.device.type
    if device not in (None, found):
        raise UsageError(f"training cannot use the device {device!r} here", known=("cpu", found))
    return accelerator


def check_parent(parent: Adapter | None, base_hash: str) -> None:
    if parent is None:
        return
    made_on = parent.card.base.hash if parent.card else None
    if made_on is None:
        raise UsageError(
            f"the parent {parent.name!r} does not say on which weights it was made: give it a card "
            "(callbench adapters add)"
        )
    if made_on != base_hash:
        raise UsageError(
            f"the parent {parent.name!r} was made on another base ({made_on[:12]}…) than this one "
            f"({base_hash[:12]}…): give --model the parent's base"
        )


def begin(out: Path, run: str) -> Position:
    """Where to begin. Errors: UsageError if the folder holds something else."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file: give a folder for the adapter")
    position = read_position(out)
    if position is None:
        if (out / WEIGHTS).exists():
            raise UsageError(f"{out} holds an adapter already: give another folder")
        return Position(step=0, steps=None, seconds=0.0, run=run)
    if position.run != run:
        raise UsageError(
            f"{out} holds the checkpoint of another training (recipe, data, base or parent differ): "
            f"give another folder, or remove {CHECKPOINT} there"
        )
    return position


def run_hash(recipe: Recipe, parent: Adapter | None) -> str:
    """Hash of all that a resumed training must have in common with its beginning."""
    origin = parent_of(parent)
    parts = [recipe.hash, origin.weights if origin else None]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
