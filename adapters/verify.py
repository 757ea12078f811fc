"""Can vLLM serve this adapter, and is it what it says? Answered before any engine starts, without torch.

vLLM skips an adapter's modules that it does not know without an error, and the base then answers in the
adapter's name; other adapters kill the engine that first meets them. Both can be told beforehand from the
configuration and the safetensors headers; only lora_B is read, to see whether it is zero.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adapters.base import BaseShape, read_base
from adapters.card import load_card
from adapters.errors import ModelError
from adapters.features import MERGE, Finding, check_features, module_rank, ranks, whole_embedding
from adapters.header import Tensor, any_nonfinite, any_nonzero, raw, read_header
from adapters.model import Adapter
from adapters.serving import ARCHITECTURES, VLLM, Architecture, max_lora_rank
from adapters.weights import CONFIG, WEIGHTS, weights_hash

__all__ = ["Finding", "Verification", "verify"]

_PREFIX = "base_model.model."
_ENDS = {
    ".lora_A.weight": "A",
    ".lora_B.weight": "B",
    ".lora_embedding_A": "A",
    ".lora_embedding_B": "B",
}
_EMBEDDINGS = ("embed_tokens", "lm_head")
_TOWERS = ("vision_tower", "audio_tower", "multi_modal_projector", "embed_vision", "embed_audio")
_AGAIN = "save it with PEFT again"
_OTHER_BASE = "give the base it was trained on, with --base MODEL"
_EXPLAINED = {
    "lora_magnitude_vector": "dora",
    ".lora_B.bias": "lora-bias",
    ".trainable_tokens_delta": "token-indices",
    ".token_adapter.": "token-indices",
    ".bias": "bias",
}


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What was found. modules: adapted modules; base: the folder it was held against, or None.

    rank: the highest; max_lora_rank: what vLLM's setting of that name must be at least, None if the
    adapter cannot be served at all.
    """

    folder: Path
    base: Path | None
    findings: tuple[Finding, ...]
    rank: int | None
    modules: int

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that forbid serving."""
        return tuple(f for f in self.findings if f.level == "error")

    @property
    def servable(self) -> bool:
        """True if vLLM can serve the adapter."""
        return not self.errors

    @property
    def mergeable(self) -> bool:
        """True if merging would cure every error."""
        return all(f.merge for f in self.errors)

    @property
    def max_lora_rank(self) -> int | None:
        """The setting that vLLM needs, one of 1, 8, 16, 32, 64, 128, 256, 320, 512."""
        return max_lora_rank(self.rank) if self.servable and self.rank else None


@dataclass(kw_only=True)
class _Contents:
    """The tensors of an adapter, sorted: LoRA pairs by module (embedded: those of an embedding layer),
    whole embeddings, everything else.
    """

    pairs: dict[str, dict[str, Tensor]] = field(default_factory=dict)
    embedded: set[str] = field(default_factory=set)
    copies: dict[str, Tensor] = field(default_factory=dict)
    others: list[str] = field(default_factory=list)


def verify(
    adapter: Adapter | Path, base: Path | None = None, *, base_hash: str | None = None
) -> Verification:
    """Whether vLLM 0.32 can serve an adapter (or a PEFT folder) on a base (a model folder).

    Without a base, names and shapes are not checked, and a warning says so. base_hash: of the base's
    weights where it is known already; else it is computed if the adapter's card names one. Errors:
    ModelError for a folder that is no adapter at all, or a base that is no model.
    """
    folder = adapter if isinstance(adapter, Path) else adapter.folder
    config = _config(folder)
    shape = read_base(base) if base is not None else None
    found: list[Finding] = []
    if config.get("peft_type") != "LORA":
        found.append(_error("method", f"it is a {config.get('peft_type')} adapter", "train a LoRA"))
        return _done(folder, shape, found)
    if not (folder / WEIGHTS).is_file():
        pickled = (folder / "adapter_model.bin").is_file()
        text = "it is pickled, and reading that can run code" if pickled else f"it has no {WEIGHTS}"
        remedy = "save it as safetensors (PEFT: save_pretrained(…, safe_serialization=True))"
        found.append(_error("pickle" if pickled else "weights", text, remedy))
        return _done(folder, shape, found)
    found += check_features(config)
    try:
        tensors = read_header(folder / WEIGHTS).tensors
    except ModelError as error:
        found.append(_error("unreadable", str(error), "get the file again"))
        return _done(folder, shape, found)
    contents = _sorted(tensors)
    found += _check_contents(contents, config, {f.code for f in found})
    found += _check_values(contents)
    found += _check_card(folder, base, base_hash)
    if shape is None:
        text = "its base is not at hand, so that names and shapes could not be checked"
        found.append(Finding(level="warning", code="no-base", text=text, remedy="--base MODEL"))
    family = ARCHITECTURES.get(shape.architecture) if shape else None
    found += _check_embeddings(contents, shape, family)
    if shape is not None:
        found += _check_architecture(shape)
        found += _check_modules(contents, shape, family or Architecture())
    found.sort(key=lambda f: f.level)
    return _done(folder, shape, found, max(ranks(config), default=0), len(contents.pairs))


def _done(
    folder: Path, shape: BaseShape | None, found: list[Finding], rank: int = 0, modules: int = 0
) -> Verification:
    return Verification(
        folder=folder,
        base=shape.folder if shape else None,
        findings=tuple(found),
        rank=rank or None,
        modules=modules,
    )


def _config(folder: Path) -> dict[str, Any]:
    file = folder / CONFIG
    if not file.is_file():
        raise ModelError(f"{folder} is no adapter: it has no {CONFIG}")
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"cannot read {file}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ModelError(f"{file} is no JSON text") from None
    if not isinstance(config, dict) or "peft_type" not in config:
        raise ModelError(f"{file} is no PEFT configuration")
    return config


def _sorted(tensors: dict[str, Tensor]) -> _Contents:
    contents = _Contents()
    for name, tensor in tensors.items():
        bare = name.removeprefix(_PREFIX)
        end = next((e for e in _ENDS if bare.endswith(e)), None)
        if end is not None:
            module = bare.removesuffix(end)
            contents.pairs.setdefault(module, {})[_ENDS[end]] = tensor
            if "_embedding_" in end:
                contents.embedded.add(module)
            continue
        if whole_embedding(bare) is not None:
            contents.copies[bare] = tensor
        else:
            contents.others.append(name)
    return contents


def _check_contents(contents: _Contents, config: dict[str, Any], codes: set[str]) -> list[Finding]:
    found: list[Finding] = []
    if not contents.pairs and not {"modules-to-save", "token-indices"} & codes:
        found.append(_error("empty", "it holds no LoRA weights", _AGAIN))
    saved = [str(m) for m in config.get("modules_to_save") or []]
    unknown = [
        name
        for name in contents.others
        if not any(part in name and code in codes for part, code in _EXPLAINED.items())
        and not any(f".{module}." in f".{name}" for module in saved)
    ]
    if unknown:
        text = f"{len(unknown)} of its tensors are no LoRA weights ({unknown[0]})"
        found.append(_error("unknown-tensor", text, _AGAIN))
    alone = [m for m, pair in contents.pairs.items() if len(pair) < 2]
    if alone:
        text = f"{len(alone)} modules have lora_A or lora_B only ({alone[0]})"
        found.append(_error("partner", text, "get the file again"))
    if "bd-lora" not in codes:  # its blocks have shapes of their own
        found += _check_pairs(contents, config, known="rank" not in codes)
    return found


def _check_pairs(contents: _Contents, config: dict[str, Any], known: bool) -> list[Finding]:
    """Shapes of lora_A and lora_B against each other, and against the rank where that is known."""
    torn, other = [], []
    for module, pair in contents.pairs.items():
        if len(pair) < 2:
            continue
        a, b = pair["A"].shape, pair["B"].shape
        if len(a) < 2 or len(b) < 2 or a[0] != b[1]:
            torn.append(f"{module}: {list(a)} and {list(b)}")
        elif known and a[0] != module_rank(config, module):
            other.append(f"{module}: {a[0]}, and {module_rank(config, module)} there")
    found: list[Finding] = []
    if torn:
        text = f"lora_A and lora_B of {len(torn)} modules do not fit each other ({torn[0]})"
        found.append(_error("shape", text, _AGAIN))
    if other:
        text = f"{len(other)} modules have another rank than the configuration says ({other[0]})"
        found.append(_error("rank-mismatch", text, _AGAIN))
    return found


def _check_values(contents: _Contents) -> list[Finding]:
    found: list[Finding] = []
    tensors = [t for pair in contents.pairs.values() for t in pair.values()]
    kinds = sorted({t.dtype for t in tensors} - {"F64", "F32", "F16", "BF16"})
    if kinds:
        text = f"its weights are of type {', '.join(kinds)}"
        found.append(_error("dtype", text, "save it as F32, F16 or BF16"))
    if any(any_nonfinite(t) for t in tensors):
        text = "some of its weights are infinite or no numbers"
        found.append(_error("not-finite", text, "train it again with a lower learning rate"))
    zero = [m for m, p in contents.pairs.items() if "B" in p and not any_nonzero(p["B"])]
    if zero and len(zero) == len(contents.pairs) and not contents.copies and not contents.others:
        text = "it changes nothing: every lora_B is zero"
        found.append(_error("dead", text, "train it"))
    elif zero:
        text = f"lora_B of {len(zero)} of {len(contents.pairs)} modules is zero ({zero[0]})"
        found.append(Finding(level="warning", code="partly-dead", text=text))
    return found


def _check_card(folder: Path, base: Path | None, base_hash: str | None) -> list[Finding]:
    try:
        card = load_card(folder)
    except ModelError as error:
        return [_error("card", str(error), "add the adapter anew")]
    if card is None or card.base.hash is None or base is None:
        return []
    given = base_hash or weights_hash(base)
    if given == card.base.hash:
        return []
    text = f"it was made on other weights ({card.base.hash[:12]}…) than this base's ({given[:12]}…)"
    return [_error("other-base", text, _OTHER_BASE)]


def _check_architecture(shape: BaseShape) -> list[Finding]:
    family = ARCHITECTURES.get(shape.architecture)
    if family is None:
        text = (
            f"how vLLM names the modules of {shape.architecture or 'this base'} is not known here"
        )
        return [Finding(level="warning", code="architecture", text=text)]
    if not family.lora:
        text = f"vLLM {VLLM} takes no adapters on {shape.architecture}"
        return [_error("architecture", text, MERGE)]
    return []


def _check_embeddings(
    contents: _Contents, shape: BaseShape | None, family: Architecture | None
) -> list[Finding]:
    found: list[Finding] = []
    targets = sorted({m.rsplit(".", 1)[-1] for m in contents.pairs} & set(_EMBEDDINGS))
    if targets and not (family and family.embeddings):
        text = f"it adapts {' and '.join(targets)}, which vLLM does not do here"
        found.append(_error("embedding", text, MERGE))
    elif "lm_head" in targets and shape and (shape.vocabulary or 0) > 258048:
        text = f"it adapts lm_head over {shape.vocabulary} tokens; vLLM stops at 258048"
        found.append(_error("embedding", text, MERGE))
    trained = {n: t for n, t in contents.copies.items() if not _same_as_base(n, t, shape)}
    if trained:
        name = next(iter(trained))
        text = f"it holds whole embeddings ({name}), which vLLM skips without an error or refuses"
        found.append(_error("embedding-copy", text, MERGE))
    elif any(not n.endswith(".base_layer.weight") for n in contents.copies):
        text = "it holds a copy of the base's embeddings, which vLLM refuses"
        found.append(_error("embedding-copy", text, MERGE))
    elif contents.copies:
        text = "it holds a copy of the base's embeddings, which vLLM skips"
        found.append(Finding(level="warning", code="embedding-copy", text=text))
    return found


def _same_as_base(name: str, copy: Tensor, shape: BaseShape | None) -> bool:
    own = shape.modules.get(whole_embedding(name) or "") if shape else None
    if own is None or (own.dtype, own.shape) != (copy.dtype, copy.shape):
        return False
    return bool((raw(own) == raw(copy)).all())


def _check_modules(contents: _Contents, shape: BaseShape, family: Architecture) -> list[Finding]:
    """Every adapted module against the base: does it exist under the name vLLM gives it, does it fit."""
    modules = {family.module(name): tensor for name, tensor in shape.modules.items()}
    replaced = {whole_embedding(name) for name in contents.copies}
    missing, towers, misfits = [], [], []
    for name, pair in contents.pairs.items():
        module = family.module(name)
        if any(tower in module for tower in _TOWERS):
            towers.append(name)
        if ".experts" in module and module not in modules:
            continue  # fused expert weights have other names and shapes
        if module not in modules:
            missing.append(name)
        elif not _fits(pair, modules[module], name in contents.embedded) and name not in replaced:
            misfits.append(name)
    found: list[Finding] = []
    if missing:
        text = (
            f"{len(missing)} of its {len(contents.pairs)} modules are none of the base's "
            f"({missing[0]}): vLLM skips them without an error and the base answers"
        )
        found.append(_error("no-module", text, _renamed(missing[0], shape) or _OTHER_BASE))
    if misfits:
        pair, own = contents.pairs[misfits[0]], modules[family.module(misfits[0])]
        sizes = " and ".join(f"lora_{k} {list(t.shape)}" for k, t in sorted(pair.items()))
        text = f"{misfits[0]} is {list(own.shape)} in the base, which {sizes} do not fit"
        found.append(_error("shape", text, _OTHER_BASE))
    if towers:
        text = (
            f"{len(towers)} of its modules lie outside the language model ({towers[0]}): not served"
        )
        found.append(Finding(level="warning", code="tower", text=text))
    return found


def _fits(pair: dict[str, Tensor], own: Tensor, embedded: bool) -> bool:
    """lora_A is [rank, in] and lora_B [out, rank] of a weight [out, in]; for an embedding the other way."""
    if own.dtype not in ("F64", "F32", "F16", "BF16"):
        return True  # quantised weights are packed: their shape tells nothing
    if len(own.shape) != 2:
        return False
    out, into = reversed(own.shape) if embedded else own.shape
    a, b = pair.get("A"), pair.get("B")
    return (a is None or a.shape[1:] == (into,)) and (b is None or b.shape[:1] == (out,))


def _renamed(module: str, shape: BaseShape) -> str:
    """The remedy where the base has the module under another prefix."""
    tail = module[module.find("layers.") :] if "layers." in module else module
    other = next((n for n in shape.modules if n.endswith(f".{tail}") or n == tail), None)
    if other is None or other == module:
        return ""
    old, new = module.removesuffix(tail), other.removesuffix(tail)
    return (
        f"the base calls it {other}: rename {old or '(no prefix)'} to {new or '(none)'} in the keys"
    )


def _error(code: str, text: str, remedy: str) -> Finding:
    return Finding(level="error", code=code, text=text, remedy=remedy)
