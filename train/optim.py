"""The optimiser's numbers as plain tensors by name, for checkpoints, however the weights are spread."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from train.recipe import Recipe

__all__ = ["adamw", "gathered", "restore", "snapshot"]

_MOMENTS = ("exp_avg", "exp_avg_sq")


def adamw(parameters: Mapping[str, nn.Parameter], recipe: Recipe) -> torch.optim.AdamW:
    """AdamW over the adapter's weights."""
    return torch.optim.AdamW(
        list(parameters.values()), lr=recipe.lr, weight_decay=recipe.weight_decay
    )


def gathered(tensor: Tensor) -> Tensor:
    """The whole tensor. Where weights are sharded (FSDP) every process must ask for it."""
    whole = getattr(tensor, "full_tensor", None)
    return whole() if whole is not None else tensor


def snapshot(parameters: Mapping[str, nn.Parameter], optimizer: Any) -> dict[str, Tensor]:
    """Weights, both moments and the step count of AdamW: everything that a resume needs."""
    found: dict[str, Tensor] = {}
    for name, parameter in parameters.items():
        found[f"weight.{name}"] = gathered(parameter.detach())
        state = optimizer.state[parameter]
        for moment in _MOMENTS:
            found[f"{moment}.{name}"] = gathered(state[moment])
        found[f"step.{name}"] = state["step"].detach().reshape(1)
    return found


def restore(
    parameters: Mapping[str, nn.Parameter], optimizer: Any, tensors: Mapping[str, Tensor]
) -> None:
    """Put a snapshot back."""
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(_like(parameter, tensors[f"weight.{name}"]))
            state = {m: _like(parameter, tensors[f"{m}.{name}"]) for m in _MOMENTS}
            state["step"] = tensors[f"step.{name}"].reshape(()).clone()
            optimizer.state[parameter] = state


def _like(parameter: Tensor, value: Tensor) -> Tensor:
    """The value on the parameter's device, sharded as the parameter is."""
    value = value.to(parameter.device, parameter.dtype)
    mesh: Any = getattr(parameter, "device_mesh", None)
    if mesh is None:
        return value.clone()
    from torch.distributed.tensor import distribute_tensor

    placements: Any = parameter.placements  # type: ignore[attr-defined]
    return distribute_tensor(value, mesh, placements)
