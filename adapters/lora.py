"""Reading a PEFT adapter folder: its configuration, its safetensors and its card, if it has one."""

import hashlib
import json
from pathlib import Path

from adapters.errors import ModelError
from adapters.model import Adapter
from adapters.weights import CONFIG, WEIGHTS, file_hash

__all__ = ["read_adapter"]


def read_adapter(folder: Path) -> Adapter:
    """The adapter in a PEFT folder, with its card if there is one.

    Errors: ModelError for pickles, other methods, missing files, or a card of other weights.
    """
    config_file, weights = folder / CONFIG, folder / WEIGHTS
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
    from adapters.card import load_card  # pydantic is not needed where nobody has an adapter

    card = load_card(folder)
    both = f"{file_hash(weights)} {file_hash(config_file)}"
    return Adapter(
        name=card.name if card else folder.resolve().name,
        folder=folder,
        hash=hashlib.sha256(both.encode()).hexdigest(),
        base=card.base.name if card else str(config.get("base_model_name_or_path") or ""),
        rank=rank,
        card=card,
    )
