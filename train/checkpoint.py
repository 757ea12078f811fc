"""Where training stands, in one safetensors file: adapter, optimiser and position. Never a pickle.

The random numbers of a forward pass follow from seed, step and pass (see train.loop), and the learning rate
from the step, so that neither has a state to be kept.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from bench.errors import UsageError
from train.files import replaced

__all__ = ["CHECKPOINT", "Position", "load_checkpoint", "read_position", "save_checkpoint"]

CHECKPOINT = "checkpoint.safetensors"
_SCHEMA = 1


@dataclass(frozen=True, kw_only=True)
class Position:
    """step: optimiser steps done; steps: of the whole run, None while a budget is still being measured.

    seconds: spent on steps so far; run: hash of everything that must not change (see train.loop).
    """

    step: int
    steps: int | None
    seconds: float
    run: str


def save_checkpoint(folder: Path, position: Position, tensors: Mapping[str, Tensor]) -> None:
    """Write the checkpoint; after any interruption the folder holds the one before or this one.

    Errors: InfrastructureError if the disk is full.
    """
    about = {"schema": str(_SCHEMA), "position": json.dumps(asdict(position))}
    whole = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    with replaced(folder / CHECKPOINT) as draft:
        save_file(whole, draft, metadata=about)


def read_position(folder: Path) -> Position | None:
    """Where the folder's checkpoint stands, or None if it has none. Errors: UsageError if it is broken."""
    file = folder / CHECKPOINT
    if not file.is_file():
        return None
    try:
        with safe_open(file, framework="pt") as opened:
            about = opened.metadata()
        if about["schema"] != str(_SCHEMA):
            raise UsageError(f"{file} was written by another version: remove it to train anew")
        return Position(**json.loads(about["position"]))
    except (SafetensorError, KeyError, TypeError, json.JSONDecodeError):
        raise UsageError(f"{file} is no checkpoint: remove it to train anew") from None


def load_checkpoint(folder: Path) -> dict[str, Tensor]:
    """The tensors of the folder's checkpoint, on the CPU."""
    with safe_open(folder / CHECKPOINT, framework="pt") as opened:
        return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
