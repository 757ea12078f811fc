"""Adapter into base: a model folder of its own, for what no engine can serve beside the base.

Merged in float32 and proved twice: the merged model answers as base + adapter do, and what lies on disk
answers as the merged model does. Nothing is left behind when either fails.
"""

import json
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from adapters.base import BaseShape, read_base
from adapters.errors import ModelError, first_line
from adapters.features import whole_embedding
from adapters.header import Tensor, read_header
from adapters.model import Adapter
from adapters.verify import verify
from adapters.weights import CONFIG, WEIGHTS, weights_hash

__all__ = ["DTYPES", "merge"]

DTYPES = ("float32", "bfloat16", "float16")
_NAMES = {"F32": "float32", "BF16": "bfloat16", "F16": "float16", "F64": "float32"}
_WITH_TEXT = (
    *("tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.*", "merges.txt"),
    *("*.model", "*.jinja", "chat_template.json", "generation_config.json"),
    *("preprocessor_config.json", "processor_config.json", "LICENSE*", "NOTICE*"),
)
_CLOSE = 1e-3
"""Greatest difference of float32 logits, relative to the greatest logit."""


def merge(adapter: Adapter, base: Path, out: Path, *, dtype: str | None = None) -> str:
    """Write base + adapter as a model folder `out`, in the base's type or `dtype`; the hash of its weights.

    Tokenizer and generation settings are the base's; the adapter's own tokenizer, where it has one and a
    vocabulary of another size, takes their place. Errors: ModelError if `out` exists, if the adapter
    does not fit or cannot be merged, or if the merged model does not answer as base + adapter.
    """
    if out.exists():
        raise ModelError(f"{out} exists already: give another --out, or remove it first")
    if dtype is not None and dtype not in DTYPES:
        raise ModelError(f"there is no dtype {dtype!r}", known=DTYPES)
    found = verify(adapter, base)
    for finding in found.errors:
        if not finding.merge:
            raise ModelError(f"{adapter.name!r} cannot be merged: {finding.text}; {finding.remedy}")
    shape = read_base(base)
    kind = dtype or _kind(shape)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".merging-", dir=out.parent))
    except OSError as error:
        raise ModelError(f"cannot write to {out.parent}: {error.strerror}") from None
    try:
        made = work / "model"
        _merge(adapter, shape, made, kind)
        made.rename(out)
    except OSError as error:
        raise ModelError(f"cannot write {out}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return weights_hash(out)


def _merge(adapter: Adapter, shape: BaseShape, made: Path, dtype: str) -> None:
    import torch
    import transformers

    if not sys.stderr.isatty():
        transformers.utils.logging.disable_progress_bar()
    model, ids = _with_adapter(adapter, shape)
    with torch.inference_mode():
        wanted = model(input_ids=ids).logits
    tied = _part_embeddings(model)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the embeddings were parted is our doing
            merged = model.merge_and_unload()
    except (ValueError, NotImplementedError, RuntimeError, AttributeError) as error:
        raise _refused(adapter, error) from None
    _join_embeddings(merged, tied)
    with torch.inference_mode():
        got = merged(input_ids=ids).logits
    gap = float((got - wanted).abs().max() / wanted.abs().max())
    if not gap <= _CLOSE:
        raise ModelError(
            f"{adapter.name!r} cannot be merged: the merged model's logits differ from base + adapter "
            f"by {gap:.2g} of their size"
        )
    kind = getattr(torch, dtype)
    for weight in merged.parameters():
        weight.data = weight.data.to(kind).to(torch.float32)
    with torch.inference_mode():
        wanted = merged(input_ids=ids).logits
    for weight in merged.parameters():
        weight.data = weight.data.to(kind)
    merged.save_pretrained(made)
    _copy_text(adapter, shape, made)
    for file in made.glob("*.safetensors"):
        file.chmod(0o644)
    del model, merged
    again = _load(made)
    with torch.inference_mode():
        got = again(input_ids=ids).logits
    if not torch.equal(got, wanted):
        raise ModelError(f"{adapter.name!r}: the merged model does not load as it was saved")


def _load(folder: Path) -> Any:
    """The model in float32, and whole: a weight that is missing would be made up at random."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    try:
        config = AutoConfig.from_pretrained(folder)
        softcap = getattr(config, "attn_logit_softcapping", None)
        model, info = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch.float32,
            attn_implementation="eager" if softcap else "sdpa",
            use_safetensors=True,
            output_loading_info=True,
        )
    except (OSError, ValueError, KeyError, AttributeError, RuntimeError) as error:
        raise ModelError(f"{folder} cannot be loaded: {first_line(error)}") from None
    absent = [*info.get("missing_keys", ()), *info.get("mismatched_keys", ())]
    if absent:
        raise ModelError(f"{folder} is not whole: {len(absent)} weights are missing or misshapen")
    return model.eval()


def _with_adapter(adapter: Adapter, shape: BaseShape) -> tuple[Any, Any]:
    """The base with its adapter in float32, and token ids to prove it with, int64 [1, n]."""
    import torch
    from peft import PeftModel, get_peft_model_state_dict

    model = _load(shape.folder)
    given = read_header(adapter.folder / WEIGHTS).tensors
    rows = _vocabulary(given)
    own = model.get_input_embeddings().weight.shape[0]
    if rows is not None and rows != own:
        if not (adapter.folder / "tokenizer_config.json").is_file():
            raise ModelError(
                f"{adapter.name!r} has a vocabulary of {rows}, its base of {own}: put the tokenizer "
                "that it was trained with into its folder"
            )
        model.resize_token_embeddings(rows, mean_resizing=False)
    vocabulary = rows or own
    ids = [(7919 * i + 11) % own for i in range(16)]
    ids += [i for i in _trained_tokens(adapter) if i < vocabulary][:32]
    ids += list(range(own, vocabulary))[:32]
    tensor = torch.tensor([ids])
    with torch.inference_mode():
        before = model(input_ids=tensor).logits
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # missing keys are an error of ours, below
            model = PeftModel.from_pretrained(model, str(adapter.folder), use_safetensors=True)
            used = get_peft_model_state_dict(model, save_embedding_layers=False)
    except (ValueError, RuntimeError, KeyError, OSError, TypeError, AttributeError) as error:
        raise _refused(adapter, error) from None
    unused = [k for k in set(given) - set(used) if whole_embedding(k) is None]
    lacking = set(used) - set(given)
    if unused or lacking:
        example = sorted([*unused, *lacking])[0]
        raise ModelError(
            f"{adapter.name!r} does not fit the base: {len(unused)} of its weights match no module, "
            f"{len(lacking)} that it should have are missing ({example})"
        )
    model.eval()
    with torch.inference_mode():
        after = model(input_ids=tensor).logits
    if torch.equal(before, after):
        raise ModelError(f"{adapter.name!r} changes nothing on this base")
    return model, tensor


def _part_embeddings(model: Any) -> list[Any]:
    """Give the output layer weights of its own where it shares the embedding's.

    PEFT adds a delta to one of the two only; merged into shared weights, it would reach both. Returns the
    configurations that call them tied.
    """
    import torch

    into, out = map(_base_layer, (model.get_input_embeddings(), model.get_output_embeddings()))
    if into is None or out is None or out.weight is not into.weight:
        return []
    out.weight = torch.nn.Parameter(into.weight.detach().clone(), requires_grad=False)
    config = model.get_base_model().config
    every = {id(c): c for c in (config, config.get_text_config())}.values()
    return [c for c in every if c.tie_word_embeddings]


def _join_embeddings(model: Any, tied: list[Any]) -> None:
    """Share the weights again if they are still equal; else the configuration must say that they differ."""
    import torch

    if not tied:
        return
    into, out = model.get_input_embeddings(), model.get_output_embeddings()
    equal = torch.equal(into.weight, out.weight)
    for config in tied:
        config.tie_word_embeddings = equal  # PEFT has set it to False
    if equal:
        out.weight = into.weight


def _base_layer(module: Any) -> Any:
    """The plain layer inside PEFT's wrappers, or the module itself."""
    for name in ("base_layer", "original_module"):
        inner = getattr(module, name, None)
        if inner is not None:
            return _base_layer(inner)
    return module


def _copy_text(adapter: Adapter, shape: BaseShape, made: Path) -> None:
    for pattern in _WITH_TEXT:
        for file in sorted(shape.folder.glob(pattern)):
            shutil.copyfile(file, made / file.name)
    rows = _vocabulary(read_header(adapter.folder / WEIGHTS).tensors)
    if rows is not None and rows != shape.vocabulary:
        for pattern in ("tokenizer*", "special_tokens_map.json", "*.jinja"):
            for file in sorted(adapter.folder.glob(pattern)):
                shutil.copyfile(file, made / file.name)


def _vocabulary(tensors: dict[str, Tensor]) -> int | None:
    """How many tokens the adapter's own embedding has, or None if it brings none along."""
    sizes = [t.shape[0] for k, t in tensors.items() if whole_embedding(k) is not None]
    return sizes[0] if sizes else None


def _trained_tokens(adapter: Adapter) -> list[int]:
    config = json.loads((adapter.folder / CONFIG).read_text(encoding="utf-8"))
    given = config.get("trainable_token_indices") or []
    rows = given.values() if isinstance(given, dict) else [given]
    return [i for row in rows for i in row if isinstance(i, int)]


def _kind(shape: BaseShape) -> str:
    """The type of most of the base's weights. Errors: ModelError for a quantised base."""
    kinds = [t.dtype for t in shape.tensors.values()]
    most = max(set(kinds), key=kinds.count)
    if most not in _NAMES:
        raise ModelError(f"{shape.folder} is quantised ({most}): merge into the full weights")
    return _NAMES[most]


def _refused(adapter: Adapter, error: Exception) -> ModelError:
    return ModelError(f"{adapter.name!r} cannot be merged: {first_line(error)}")
