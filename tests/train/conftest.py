"""Tiny exact models for the laws of training: float64 throughout, a sliding window shorter than the texts."""

from typing import Any

import pytest
import torch

from train.model import Learner
from train.recipe import Recipe


@pytest.fixture(scope="session")
def exact_learners() -> dict[str, Learner]:
    """`gemma2` and `gemma3` in float64 with a live LoRA: vocabulary 64, sliding window 8."""
    return {family: exact_learner(family) for family in ("gemma2", "gemma3")}


def exact_learner(family: str) -> Learner:
    """A two-layer model in float64 whose LoRA is not zero; Gemma 2 with both softcaps."""
    from peft import LoraConfig, get_peft_model
    from transformers import (
        Gemma2Config,
        Gemma2ForCausalLM,
        Gemma3ForCausalLM,
        Gemma3TextConfig,
    )

    kinds: dict[str, Any] = {
        "gemma2": (Gemma2Config, Gemma2ForCausalLM, "eager"),
        "gemma3": (Gemma3TextConfig, Gemma3ForCausalLM, "sdpa"),
    }
    config, kind, attention = kinds[family]
    torch.manual_seed(3)
    base = kind(
        config(
            vocab_size=64,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            layer_types=["sliding_attention", "full_attention"],
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=8,
            query_pre_attn_scalar=8,
            sliding_window=8,
            initializer_range=0.3,
            attn_implementation=attention,
        )
    ).double()
    recipe = Recipe(steps=1, rank=4, alpha=8, chunk=3)
    lora = LoraConfig(r=4, lora_alpha=8, target_modules=list(recipe.targets))
    model = get_peft_model(base, lora).double()
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.2)
    return Learner(model, recipe)
