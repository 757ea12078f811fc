"""The finished adapter: a PEFT folder with its card and recipe, checked as any other adapter is."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from adapters import Adapter
from adapters.card import BaseRef, Card, Parent, new_card, save_card
from adapters.verify import Verification, verify
from adapters.weights import CONFIG, WEIGHTS, file_hash
from train.files import replaced
from train.recipe import Recipe

__all__ = ["RECIPE", "parent_of", "write_adapter"]

RECIPE = "recipe.yaml"


def write_adapter(
    folder: Path,
    name: str,
    tensors: Mapping[str, Tensor],
    config: Any,
    recipe: Recipe,
    *,
    base_folder: Path,
    parent: Adapter | None = None,
) -> tuple[Card, Verification]:
    """Write weights (as recipe.save_dtype), configuration, recipe and card; then look at them as a stranger.

    config: PEFT's LoraConfig; recipe: with its hashes. Errors: InfrastructureError if the disk is full,
    ModelError for a name that a card cannot hold.
    """
    kind = getattr(torch, recipe.save_dtype)
    weights = {k: t.detach().to("cpu", kind).contiguous() for k, t in sorted(tensors.items())}
    with replaced(folder / RECIPE) as draft:
        draft.write_text(recipe.to_yaml(), encoding="utf-8")
    with replaced(folder / CONFIG) as draft:
        draft.write_text(_config_text(config, recipe.base or str(base_folder)), encoding="utf-8")
    with replaced(folder / WEIGHTS) as draft:
        save_file(weights, draft, metadata={"format": "pt"})
    card = new_card(
        folder,
        name,
        base=BaseRef(name=recipe.base, hash=recipe.base_hash),
        parent=parent_of(parent),
        recipe=recipe.to_dict(),
        data_hash=recipe.data_hash,
    )
    save_card(folder, card)
    return card, verify(folder, base_folder, base_hash=recipe.base_hash)


def parent_of(adapter: Adapter | None) -> Parent | None:
    """The adapter as a card names its parent."""
    if adapter is None:
        return None
    return Parent(name=adapter.name, weights=file_hash(adapter.folder / WEIGHTS))


def _config_text(config: Any, base: str) -> str:
    """PEFT's adapter_config.json. It keeps the targets as a set, whose order would change the file's hash.

    base: the model's name, where it has one: the file is not to depend on where the base lay.
    """
    values = dict(config.to_dict())
    values |= {"inference_mode": True, "base_model_name_or_path": base}
    plain = {k: sorted(v) if isinstance(v, set) else v for k, v in values.items()}
    return json.dumps(plain, indent=2, sort_keys=True) + "\n"
