"""Small adapters for the checks: written by hand in PEFT's form, or made by PEFT itself."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy
import pytest
from safetensors.numpy import load_file, save_file

Arrays = dict[str, Any]
Write = Callable[..., Path]
LINEARS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@pytest.fixture
def write(tmp_path: Path, tiny_models: dict[str, Path]) -> Write:
    """Writes a PEFT folder of rank 4 for the tiny Gemma 3.

    edit: changes the tensors before they are written; prefix: the modules' prefix; other keywords are
    fields of adapter_config.json.
    """
    shapes = {k: v.shape for k, v in load_file(tiny_models["gemma3"] / "model.safetensors").items()}

    def make(
        name: str = "mine",
        *,
        prefix: str = "model.layers.",
        edit: Callable[[Arrays], object] | None = None,
        **fields: object,
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        random = numpy.random.default_rng(7)
        tensors: Arrays = {}
        for key, shape in shapes.items():
            module = key.removesuffix(".weight")
            if module.rsplit(".", 1)[-1] not in LINEARS:
                continue
            place = f"base_model.model.{prefix}{module.removeprefix('model.layers.')}"
            a, b = random.normal(size=(4, shape[1])), random.normal(size=(shape[0], 4))
            tensors[f"{place}.lora_A.weight"] = a.astype("float32")
            tensors[f"{place}.lora_B.weight"] = (0.3 * b).astype("float32")
        if edit is not None:
            edit(tensors)
        save_file(tensors, folder / "adapter_model.safetensors")
        config = {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": str(tiny_models["gemma3"]),
            "r": 4,
            "lora_alpha": 8,
            "target_modules": list(LINEARS),
            **fields,
        }
        (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
        return folder

    return make


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., Path]:
    """Lets PEFT make an adapter on a model folder with the LoraConfig fields given, and save it.

    Everything it would train is filled with random values; tokens: resize the vocabulary before.
    """

    def make(base: Path, name: str = "mine", *, tokens: int | None = None, **fields: Any) -> Path:
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM

        settings: Mapping[str, Any] = {
            "r": 4,
            "lora_alpha": 8,
            "target_modules": list(LINEARS),
            "task_type": "CAUSAL_LM",
            **fields,
        }
        torch.manual_seed(3)
        model = AutoModelForCausalLM.from_pretrained(base)
        if tokens is not None:
            model.resize_token_embeddings(tokens, mean_resizing=False)
        made = get_peft_model(model, LoraConfig(**settings))
        with torch.no_grad():
            for weight in made.parameters():
                if weight.requires_grad:
                    weight += 0.2 * torch.randn_like(weight)
        made.save_pretrained(tmp_path / name)
        return tmp_path / name

    return make
