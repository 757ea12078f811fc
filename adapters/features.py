"""What an adapter's configuration asks for, and whether vLLM 0.32 can do it (`lora/peft_helper.py`)."""

from dataclasses import dataclass
from typing import Any, Literal

from adapters.serving import RANKS, max_lora_rank

__all__ = ["MERGE", "Finding", "check_features", "module_rank", "ranks", "whole_embedding"]

MERGE = "merge it into its base (callbench adapters merge) and serve the merged model"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing about an adapter. error: it cannot be served; warning: it can, but read this.

    code: a stable word for programs; text, remedy: for people; merge: True where merging the adapter
    into its base is the way out.
    """

    level: Literal["error", "warning"]
    code: str
    text: str
    remedy: str = ""

    @property
    def merge(self) -> bool:
        """True where merging is the way out."""
        return self.remedy == MERGE


_INITS = ("gaussian", "eva", "orthogonal", "mica", "lora_ga")
_PLAIN = "train a plain LoRA"


def check_features(config: dict[str, Any]) -> list[Finding]:
    """Findings from adapter_config.json alone."""
    found = [
        _error("config", f"adapter_config.json has no {name}", "save it with PEFT again")
        for name in ("r", "lora_alpha", "target_modules")
        if name not in config
    ]
    saved = [m for m in _list(config.get("modules_to_save")) if m not in ("classifier", "score")]
    if saved:
        found.append(
            _error("modules-to-save", f"it holds whole trained modules: {', '.join(saved)}", MERGE)
        )
    if config.get("trainable_token_indices"):
        found.append(_error("token-indices", "it holds trained tokens of the embedding", MERGE))
    if config.get("use_dora"):
        found.append(_error("dora", "it is a DoRA adapter", MERGE))
    if config.get("lora_bias"):
        # PEFT merges a bias only where the base's layers have one, and Gemma's have none.
        found.append(_error("lora-bias", "its LoRA layers have a bias (lora_bias)", _PLAIN))
    if config.get("bias", "none") != "none":
        found.append(_error("bias", f"it trains biases (bias={config['bias']!r})", MERGE))
    init = config.get("init_lora_weights")
    if isinstance(init, str) and init.lower() not in _INITS:
        found.append(
            _error(
                "init", f"init_lora_weights={init!r} changes the base's weights on loading", MERGE
            )
        )
    if config.get("alora_invocation_tokens"):
        text = "it is an activated LoRA (aLoRA), on after certain tokens only"
        found.append(_error("alora", text, _PLAIN))
    if config.get("layer_replication"):
        found.append(_error("layer-replication", "it repeats layers of the base", _PLAIN))
    if config.get("use_qalora"):
        found.append(_error("qalora", "it is a QALoRA adapter", _PLAIN))
    if config.get("use_bdlora"):
        found.append(_error("bd-lora", "it is a block-diagonal LoRA (BD-LoRA)", MERGE))
    for name in ("kasa_config", "arrow_config", "monteclora_config"):
        if config.get(name):
            text = f"its {name} changes what PEFT computes, and vLLM does not read it"
            found.append(_error("unread", text, _PLAIN))
    return found + _check_ranks(config)


def _check_ranks(config: dict[str, Any]) -> list[Finding]:
    values = [config.get("r"), *_pattern(config, "rank_pattern").values()]
    wrong = [v for v in values if not isinstance(v, int) or isinstance(v, bool) or v < 1]
    if wrong:
        return [_error("rank", f"{wrong[0]!r} is no rank", "save it with PEFT again")]
    highest = max(ranks(config))
    if max_lora_rank(highest) is None:
        return [
            _error("rank", f"its rank {highest} is above {RANKS[-1]}, the most there is", MERGE)
        ]
    return []


def ranks(config: dict[str, Any]) -> list[int]:
    """Every rank that the configuration names."""
    values = [config.get("r"), *_pattern(config, "rank_pattern").values()]
    return [v for v in values if isinstance(v, int) and not isinstance(v, bool)]


def module_rank(config: dict[str, Any], module: str) -> object:
    """The rank of one module: the first pattern that ends its name at a dot, else `r` (PEFT's rule)."""
    import re

    for pattern, rank in _pattern(config, "rank_pattern").items():
        try:
            if re.match(rf"(.*\.)?({pattern})$", module):
                return rank
        except re.error:
            continue
    return config.get("r")


def whole_embedding(name: str) -> str | None:
    """The module of a tensor that is a whole embedding or output layer, however PEFT wrapped it."""
    module = name.removesuffix(".weight")
    for wrapper in (".base_layer", ".original_module", ".modules_to_save"):
        module = module.removesuffix(wrapper)
    last = module.rsplit(".", 1)[-1]
    return module if name.endswith(".weight") and last in ("embed_tokens", "lm_head") else None


def _pattern(config: dict[str, Any], name: str) -> dict[str, Any]:
    value = config.get(name)
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [str(v) for v in value] if isinstance(value, list) else []


def _error(code: str, text: str, remedy: str) -> Finding:
    return Finding(level="error", code=code, text=text, remedy=remedy)
