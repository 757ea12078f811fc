"""The base beside an adapter: where it lies if it is at hand, and what its headers say."""

import json
from dataclasses import dataclass
from pathlib import Path

from adapters.errors import ModelError
from adapters.header import Tensor, read_header
from adapters.home import home
from adapters.prepare import prepared_folder
from adapters.registry import MODELS, find_model
from adapters.weights import check_folder

__all__ = ["BaseShape", "at_hand", "base_name", "read_base"]


@dataclass(frozen=True, kw_only=True)
class BaseShape:
    """A base as its config.json and safetensors headers tell; no weights are read.

    tied: the output layer shares the embedding's weights (the checkpoint has no lm_head).
    """

    folder: Path
    architecture: str
    tensors: dict[str, Tensor]
    tied: bool
    vocabulary: int | None

    @property
    def modules(self) -> dict[str, Tensor]:
        """Module name, as in the checkpoint -> its weight; a tied lm_head stands for its embedding."""
        found = {
            name.removesuffix(".weight"): tensor
            for name, tensor in self.tensors.items()
            if name.endswith(".weight")
        }
        embedding = next((n for n in found if n.endswith("embed_tokens")), None)
        if self.tied and embedding is not None:
            found["lm_head"] = found[embedding]
        return found


def read_base(folder: Path) -> BaseShape:
    """The shape of a model folder. Errors: ModelError for a folder that is no model, or lacks a shard."""
    check_folder(folder)
    _check_shards(folder)
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
        architectures = config.get("architectures") or [""]
        text = config.get("text_config") or config
        vocabulary = text.get("vocab_size")
        architecture = str(architectures[0])
    except (ValueError, AttributeError, TypeError, LookupError, RecursionError):
        raise ModelError(f"{file} is no model configuration") from None
    tensors: dict[str, Tensor] = {}
    for weights in sorted(folder.glob("*.safetensors")):
        tensors |= read_header(weights).tensors
    return BaseShape(
        folder=folder,
        architecture=architecture,
        tensors=tensors,
        tied=not any(name.endswith("lm_head.weight") for name in tensors),
        vocabulary=vocabulary if isinstance(vocabulary, int) else None,
    )


def _check_shards(folder: Path) -> None:
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return
    try:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        lacking = sorted(s for s in shards if not (folder / s).is_file())
    except (OSError, ValueError, LookupError, AttributeError, TypeError, RecursionError):
        raise ModelError(f"{index} is no index of weights") from None
    if lacking:
        raise ModelError(f"{folder} is not whole: {lacking[0]} is missing")


def base_name(name: str) -> str:
    """The name of a base as a card writes it.

    A registered name for its hub id or its folder in home; the whole path of another folder; else as given.
    """
    if name in MODELS:
        return name
    for model in MODELS.values():
        if model.source == "hub" and name == model.where:
            return model.name
    path = Path(name).expanduser()
    try:
        if not name or not path.is_dir():
            return name
    except OSError:  # a name too long for a path
        return name
    inside = path.resolve().parent == (home() / "models").resolve()
    return path.name if inside and path.name in MODELS else str(path.resolve())


def at_hand(name: str) -> Path | None:
    """The folder of a base, if it is here already: nothing is fetched, prepared or converted."""
    try:
        model = find_model(name)
    except (ModelError, OSError, ValueError):
        return None
    match model.source:
        case "package":
            return prepared_folder(model)
        case "folder":
            folder = Path(model.where)
        case "hub":
            found = _cached(model.where)
            if found is None:
                return None
            folder = found
        case _:
            return None
    try:
        check_folder(folder)
        _check_shards(folder)
    except ModelError:
        return None
    return folder


def _cached(repository: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(repository, "config.json")
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None
