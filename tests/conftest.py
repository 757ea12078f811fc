"""Fixtures for every package: a home for each test, tiny random models, a real tokenizer, adapters."""

import os
from pathlib import Path
from typing import Any

import pytest

# Before torch and the hub's client are imported: no network, and the same arithmetic in every process.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

FAMILIES = ("gemma2", "gemma3")
SPECIAL = (
    *("<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"),
    *("<start_function_declaration>", "<end_function_declaration>"),
    *("<start_function_call>", "<end_function_call>"),
    *("<start_function_response>", "<end_function_response>", "<escape>"),
)
LINEARS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """CALLBENCH_HOME of this test alone; it is not made before it is used."""
    folder = tmp_path / "home"
    monkeypatch.setenv("CALLBENCH_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def tiny_tokenizer() -> Any:
    """A fast byte-level BPE tokenizer of 600 tokens, trained on the built-in suites' text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    from suites.catalogue import BUILTIN

    level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=600,
        special_tokens=list(SPECIAL),
        initial_alphabet=level.alphabet(),
        show_progress=False,
    )
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer, tokenizer.decoder = level, decoders.ByteLevel()
    files = sorted(BUILTIN.rglob("*.yaml"))
    tokenizer.train_from_iterator((f.read_text(encoding="utf-8") for f in files), trainer)
    names = {f"{n}_token": f"<{n}>" for n in ("pad", "eos", "bos", "unk")}
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory, tiny_tokenizer: Any) -> dict[str, Path]:
    """`gemma2` and `gemma3`: folders of random two-layer models in float32, tokenizer beside them.

    Large random weights and an output layer of its own make greedy text vary. Never write into these.
    """
    found: dict[str, Path] = {}
    for family in FAMILIES:
        folder = found[family] = tmp_path_factory.mktemp("models") / f"tiny-{family}"
        _random_model(family, len(tiny_tokenizer), 48).save_pretrained(folder)
        tiny_tokenizer.save_pretrained(folder)
    return found


@pytest.fixture(scope="session")
def tiny_adapters(
    tmp_path_factory: pytest.TempPathFactory, tiny_models: dict[str, Path], tiny_tokenizer: Any
) -> dict[str, dict[str, Path]]:
    """Family -> PEFT folders: `a`, `b`, `c` change the text, `dead` nothing, `misfit` has another shape."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    found: dict[str, dict[str, Path]] = {}
    for family, folder in tiny_models.items():
        shelf = tmp_path_factory.mktemp("adapters")
        found[family] = {name: shelf / name for name in ("a", "b", "dead", "misfit", "c")}
        for seed, (name, out) in enumerate(found[family].items(), start=10):
            torch.manual_seed(seed)
            base = (
                _random_model(family, len(tiny_tokenizer), 32)
                if name == "misfit"
                else AutoModelForCausalLM.from_pretrained(folder)
            )
            config = LoraConfig(
                r=4, lora_alpha=8, target_modules=list(LINEARS), task_type="CAUSAL_LM"
            )
            model = get_peft_model(base, config)
            for key, weight in model.named_parameters():
                if "lora_B" in key and name != "dead":
                    torch.nn.init.normal_(weight, std=0.3)
            model.save_pretrained(out)
    return found


def _random_model(family: str, vocabulary: int, width: int) -> Any:
    import torch
    from transformers import (
        Gemma2Config,
        Gemma2ForCausalLM,
        Gemma3ForCausalLM,
        Gemma3TextConfig,
    )

    kinds = {
        "gemma2": (Gemma2Config, Gemma2ForCausalLM),
        "gemma3": (Gemma3TextConfig, Gemma3ForCausalLM),
    }
    config, model = kinds[family]
    torch.manual_seed(1)
    return model(
        config(
            vocab_size=vocabulary,
            hidden_size=width,
            intermediate_size=64,
            num_hidden_layers=2,
            layer_types=["sliding_attention", "full_attention"],
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=32,
            query_pre_attn_scalar=32,
            max_position_embeddings=8192,
            sliding_window=64,
            initializer_range=0.4,
            tie_word_embeddings=False,
            pad_token_id=SPECIAL.index("<pad>"),
            eos_token_id=SPECIAL.index("<eos>"),
            bos_token_id=SPECIAL.index("<bos>"),
        )
    )
