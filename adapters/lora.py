"""Reading a PEFT adapter folder: its configuration and its safetensors, nothing else."""

import json
from pathlib import Path

from adapters.errors import ModelError
from adapters.model import Adapter
from adapters.weights import file_hash

__all__ = ["read_adapter"]


def read_adapter(folder: Path) -> Adapter:
    """The adapter in a PEFT folder. Errors: ModelError for pickles, other methods or missing files."""
    config_file, weights = folder / "adapter_config.json", folder / "adapter_model.safetensors"
    if not config_file.is_file():
        raise ModelError(f"{folder} is no adapter: it has no adapter_config.json")
    if not weights.is_file():
        if (folder / "adapter_model.bin").is_file():
            raise ModelError(
                f"{folder} holds pickled weights only (adapter_model.bin), which can run code when "
                "read: save the adapter as safetensors"
            )
        raise ModelError(f"{folder} has no adapter_model.safetensors")
    try:
        config = json.loads(config_file.read_text(encoding="utf-8"))
        method, rank = config["peft_type"], int(config["r"])
    except (ValueError, KeyError, TypeError):
        raise ModelError(f"{config_file} is no LoRA configuration") from None
    if method != "LORA":
        raise ModelError(f"{folder} is a {method} adapter; callbench runs LORA")
    return Adapter(
        name=folder.resolve().name,
        folder=folder,
        hash=f"{file_hash(weights)[:32]}{file_hash(config_file)[:32]}",
        base=str(config.get("base_model_name_or_path") or ""),
        rank=rank,
    )
