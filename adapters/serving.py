"""What vLLM 0.32 can serve: ranks, architectures, and the names under which it knows their modules.

The tables are read from vllm 0.32.0: `config/lora.py` (ranks), `hf_to_vllm_mapper` and `embedding_modules`
of the classes in `model_executor/models` (gemma*.py, llama.py, qwen2.py, qwen3.py, paligemma.py).
"""

from dataclasses import dataclass

__all__ = ["ARCHITECTURES", "RANKS", "VLLM", "Architecture", "max_lora_rank"]

VLLM = "0.32"
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What `max_lora_rank` may be."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """How vLLM holds one architecture of config.json.

    lora: it takes adapters at all; embeddings: also on embed_tokens and lm_head; prefixes: how a name of
    the checkpoint becomes a module's name, each tried in turn.
    """

    lora: bool = True
    embeddings: bool = False
    prefixes: tuple[tuple[str, str], ...] = ()

    def module(self, name: str) -> str:
        """The name of a module in vLLM, from its name in a checkpoint or an adapter."""
        for old, new in self.prefixes:
            if name.startswith(old):
                name = new + name.removeprefix(old)
        return name


_TEXT = Architecture()
_WITH_EMBEDDINGS = Architecture(embeddings=True)
_SEEING = Architecture(
    prefixes=(
        ("model.language_model.", "language_model.model."),
        ("model.vision_tower.", "vision_tower."),
        ("model.multi_modal_projector.", "multi_modal_projector."),
        ("lm_head.", "language_model.lm_head."),
    )
)
_GEMMA4 = Architecture(
    prefixes=(
        ("model.vision_tower", "vision_tower"),
        ("model.embed_vision", "embed_vision"),
        ("model.audio_tower.", "audio_tower."),
        ("model.embed_audio.", "embed_audio."),
        ("model.language_model.", "language_model.model."),
        ("lm_head.", "language_model.lm_head."),
        ("model", "language_model.model"),
    )
)
_NONE = Architecture(lora=False)

ARCHITECTURES: dict[str, Architecture] = {
    "GemmaForCausalLM": _TEXT,
    "Gemma2ForCausalLM": _TEXT,
    "Gemma3ForCausalLM": _TEXT,
    "Gemma3ForConditionalGeneration": _SEEING,
    "Gemma3nForCausalLM": _NONE,
    "Gemma3nForConditionalGeneration": _NONE,
    "Gemma4ForCausalLM": Architecture(prefixes=(("model.language_model.", "model."),)),
    "Gemma4ForConditionalGeneration": _GEMMA4,
    "Gemma4UnifiedForConditionalGeneration": _GEMMA4,
    "LlamaForCausalLM": _WITH_EMBEDDINGS,
    "MistralForCausalLM": _WITH_EMBEDDINGS,
    "PaliGemmaForConditionalGeneration": _SEEING,
    "Qwen2ForCausalLM": _TEXT,
    "Qwen3ForCausalLM": _WITH_EMBEDDINGS,
}


def max_lora_rank(rank: int) -> int | None:
    """The smallest `max_lora_rank` that takes adapters of this rank, or None if none does."""
    return next((r for r in RANKS if r >= rank), None)
