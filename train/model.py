"""A base with a LoRA in training, and the one function of it that the loop needs: the loss of some rows."""

import json
import warnings
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM

from adapters import Adapter
from adapters.errors import first_line
from adapters.weights import CONFIG, WEIGHTS
from bench.errors import UsageError
from train.loss import chunked_loss, token_losses
from train.packing import Batch, masks
from train.recipe import CHUNK, Recipe, flag

__all__ = ["PACKED", "Learner", "load_learner"]

PACKED = ("Gemma2Model", "Gemma3TextModel")
"""The decoders for which packed rows are proven to be the examples one by one; others get padded rows."""

_PLAIN = ("use_dora", "use_rslora", "rank_pattern", "alpha_pattern", "lora_bias", "modules_to_save")


class Learner(nn.Module):
    """Base and adapter as one module whose forward is the loss; only the adapter's weights are trained.

    packs: whether rows of several examples may be given.
    """

    def __init__(self, model: Any, recipe: Recipe) -> None:
        super().__init__()
        self.model = model
        self._decoder = [model.get_base_model().get_decoder()]  # in a list: no second registration
        self._head = [model.get_base_model().get_output_embeddings()]
        self._chunk = recipe.chunk or CHUNK
        config = self._decoder[0].config
        self._softcap = getattr(config, "final_logit_softcapping", None)
        self._window = getattr(config, "sliding_window", None)
        # Where FSDP cuts: at the blocks of the model inside.
        self._no_split_modules = model.get_base_model()._no_split_modules
        self.packs = type(self._decoder[0]).__name__ in PACKED

    def forward(self, batch: Batch) -> Tensor:
        """The weighted sum of the losses of everything that the rows teach: a scalar."""
        return chunked_loss(
            self._hidden(batch),
            self._head[0].weight,
            batch.labels,
            batch.weights,
            softcap=self._softcap,
            chunk=self._chunk,
        )

    @torch.no_grad()
    def losses(self, batch: Batch) -> Tensor:
        """-log p of each label of the rows, [S], without weights and without a gradient."""
        return token_losses(
            self._hidden(batch),
            self._head[0].weight,
            batch.labels,
            softcap=self._softcap,
            chunk=self._chunk,
        )

    def _hidden(self, batch: Batch) -> Tensor:
        """What the output layer is given at the supervised positions, [S, H]."""
        decoder = self._decoder[0]
        mask: Any
        if self.packs:
            mask = masks(batch, self._window, decoder.embed_tokens.weight.dtype)
        else:
            places = torch.arange(batch.ids.shape[1], device=batch.ids.device)
            mask = (places < batch.lengths[:, None]).to(torch.int64)
        output = decoder(
            input_ids=batch.ids,
            position_ids=batch.positions,
            attention_mask=mask,
            use_cache=False,
        )
        hidden: Tensor = output.last_hidden_state.flatten(0, 1).index_select(0, batch.sources)
        return hidden

    def trained(self) -> dict[str, nn.Parameter]:
        """The adapter's own weights by name, in a fixed order."""
        return {n: p for n, p in self.model.named_parameters() if p.requires_grad}

    def adapter(self) -> dict[str, Tensor]:
        """The adapter's weights under the names of a PEFT file."""
        return dict(get_peft_model_state_dict(self.model, save_embedding_layers=False))


def load_learner(
    folder: Path, recipe: Recipe, device: torch.device | str, parent: Adapter | None = None
) -> Learner:
    """The base of a folder with a new LoRA (drawn from the recipe's seed) or the parent's weights.

    Gemma 2 runs with eager attention: its softcap needs it. Errors: UsageError for a folder that cannot be
    loaded or lacks weights, and for a parent whose LoRA is of another form than the recipe's.
    """
    base = _load_base(folder, recipe).to(device)
    torch.manual_seed(recipe.seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = get_peft_model(base, _lora(recipe, base), autocast_adapter_dtype=True)
    if recipe.dtype == "float32":
        model = model.float()
    if parent is not None:
        _take_over(model, parent, recipe)
    learner = Learner(model, recipe)
    learner.train()
    return learner


def _load_base(folder: Path, recipe: Recipe) -> Any:
    try:
        config = AutoConfig.from_pretrained(folder)
        softcap = getattr(config, "attn_logit_softcapping", None)
        base, loaded = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=getattr(torch, recipe.dtype or "float32"),
            attn_implementation="eager" if softcap else "sdpa",
            use_safetensors=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, AttributeError, RuntimeError, SafetensorError) as error:
        first = first_line(error)
        raise UsageError(f"{folder} cannot be loaded: {first}") from None
    absent = [*loaded.get("missing_keys", ()), *map(str, loaded.get("mismatched_keys", ()))]
    if absent:
        raise UsageError(f"{folder} is not whole: {len(absent)} weights are missing ({absent[0]})")
    return base


def _lora(recipe: Recipe, base: Any) -> LoraConfig:
    """The seven linears by name; in a multimodal model those of its language model only."""
    targets: Any = list(recipe.targets)
    names = [n for n, _ in base.named_modules()]
    if any(".language_model." in n for n in names):
        targets = rf".*\.language_model\..*\.({'|'.join(recipe.targets)})"
    return LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
        bias="none",
    )


def _take_over(model: Any, parent: Adapter, recipe: Recipe) -> None:
    """Put the parent's weights in place of the new ones."""
    try:
        config = json.loads((parent.folder / CONFIG).read_text(encoding="utf-8"))
        weights = load_file(parent.folder / WEIGHTS)
    except (OSError, ValueError, SafetensorError) as error:
        raise UsageError(f"the parent {parent.name!r} cannot be read: {error}") from None
    for name, key in (("rank", "r"), ("alpha", "lora_alpha")):
        if config.get(key) != getattr(recipe, name):
            raise UsageError(
                f"the parent {parent.name!r} has {name} {config.get(key)}: give {flag(name)} "
                f"{config.get(key)}, not {getattr(recipe, name)}"
            )
    other = [key for key in _PLAIN if config.get(key)]
    own = get_peft_model_state_dict(model, save_embedding_layers=False)
    if other or {k: v.shape for k, v in weights.items()} != {k: v.shape for k, v in own.items()}:
        what = f"it uses {other[0]}" if other else "its layers are not those of --targets"
        raise UsageError(f"training cannot go on from the parent {parent.name!r}: {what}")
    set_peft_model_state_dict(model, weights)
