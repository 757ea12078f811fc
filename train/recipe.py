"""A recipe: everything that determines an adapter, frozen, checked, written into its card.

The same recipe on the same base and data gives the same adapter on the same machine, bit for bit on a CPU.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args

import yaml

from adapters.card import recipe_hash
from bench.errors import UsageError

__all__ = ["CHUNK", "FORWARD_TOKENS", "LINEARS", "Recipe", "flag"]

LINEARS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""All linear layers of a block and nothing else: attention alone is worse at equal size (LoRA Without
Regret), and vLLM serves no adapter of the embeddings or the output layer."""

FORWARD_TOKENS, CHUNK = 2048, 128
"""Tokens of a forward pass and positions of the loss at a time, on a CPU."""

Schedule = Literal["cosine", "constant"]
Dtype = Literal["float32", "bfloat16"]
SaveDtype = Literal["float32", "bfloat16"]
_LENGTHS = ("steps", "epochs", "budget_minutes")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One training run. Exactly one of steps, epochs and budget_minutes says how long it is.

    base, base_hash, dialect: what is trained and how it is spoken to; data_hash: of the examples; the two
    hashes may be left out and are then filled in by `fit`, else they must agree.
    rank, alpha, dropout, targets: the LoRA. lr: 1e-3 learns well on Gemma 3 270M, 1e-4 to 2e-4 are usual
    from 2B up. warmup: steps of linear warm-up. schedule: cosine falls to a tenth of lr. clip: largest norm
    of the gradient. batch_size: examples an optimiser step; forward_tokens: tokens (with padding) of one
    forward pass: how often gradients are accumulated follows from it and changes no result; None: 2048 on a
    CPU, 8192 elsewhere, where small passes wait for their launches.
    max_length: longer examples are left out and counted. packing: shared beginnings are computed once;
    row_tokens: the longest packed row (longer ones share more, attention costs their square); fill: put
    examples into one row that share too little to be worth it, for fewer and fuller passes, and changes no
    result either; None: not on a CPU, where a pass costs its operations alone. together: up to so many
    examples that begin alike stay in one step. chunk: positions of the loss at a time; None: 128
    on a CPU, 1024 elsewhere.
    beta: of DPO: the examples come in pairs, the wrong reply behind the right one, and the adapter learns to
    prefer; None: it learns the examples as they are. sft: weight of the right replies' own loss beside DPO's
    (mean over tokens; default 1).
    dtype: of the base and the arithmetic; None: float32 on a CPU, bfloat16 elsewhere; the adapter's own
    weights are float32 while they are trained and are saved as save_dtype.
    """

    base: str = ""
    base_hash: str | None = None
    dialect: str = ""
    data_hash: str | None = None
    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: tuple[str, ...] = LINEARS
    lr: float = 1e-3
    warmup: int = 10
    schedule: Schedule = "cosine"
    weight_decay: float = 0.0
    clip: float = 1.0
    batch_size: int = 16
    forward_tokens: int | None = None
    steps: int | None = None
    epochs: float | None = None
    budget_minutes: float | None = None
    seed: int = 0
    max_length: int = 4096
    packing: bool = True
    row_tokens: int = 1024
    fill: bool | None = None
    together: int = 4
    chunk: int | None = None
    beta: float | None = None
    sft: float | None = None
    dtype: Dtype | None = None
    save_dtype: SaveDtype = "float32"

    def __post_init__(self) -> None:
        for name, kind in (("base", str), ("dialect", str), ("packing", bool)):
            _check(isinstance(getattr(self, name), kind), name, f"must be of type {kind.__name__}")
        for name in ("rank", "alpha", "batch_size", "max_length", "row_tokens", "together"):
            self._whole(name, 1)
        for name in ("forward_tokens", "chunk"):
            if getattr(self, name) is not None:
                self._whole(name, 1)
        for name in ("warmup", "seed"):
            self._whole(name, 0)
        self._number("lr", above=0.0)
        self._number("clip", above=0.0)
        self._check_preference()
        self._number("weight_decay", least=0.0)
        self._number("dropout", least=0.0)
        _check(self.dropout < 1, "dropout", f"must be below 1, not {self.dropout}")
        _check(self.fill is None or isinstance(self.fill, bool), "fill", "must be of type bool")
        for name, kinds in (("schedule", Schedule), ("dtype", Dtype), ("save_dtype", SaveDtype)):
            value, known = getattr(self, name), get_args(kinds)
            allowed = value in known or (name == "dtype" and value is None)
            _check(allowed, name, f"must be one of {', '.join(known)}, not {value!r}")
        self._check_targets()
        self._check_hashes()
        self._check_length()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The recipe with these settings. Errors: UsageError for an unknown or unsound setting."""
        known = [f.name for f in dataclasses.fields(cls)]
        unknown = [str(name) for name in values if name not in known]
        if unknown:
            raise UsageError(f"a recipe has no setting {unknown[0]!r}", known=known)
        given = dict(values)
        if isinstance(given.get("targets"), list):
            given["targets"] = tuple(given["targets"])
        return cls(**given)

    @classmethod
    def from_yaml(cls, path: Path, given: Mapping[str, Any] | None = None) -> Self:
        """The recipe in a YAML file; what is `given` beside it wins, and one length replaces any other.

        Errors: UsageError, with the file.
        """
        try:
            values = yaml.safe_load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"cannot read {path}: {error.strerror}") from None
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
            raise UsageError(f"{path} is no YAML text") from None
        if not isinstance(values, dict):
            raise UsageError(f"{path} holds no recipe: write one setting a line, as in `lr: 0.001`")
        more = dict(given or {})
        if any(name in more for name in _LENGTHS):
            values = {name: v for name, v in values.items() if name not in _LENGTHS}
        try:
            return cls.from_dict({**values, **more})
        except UsageError as error:
            where = f"{path} with the command line" if more else str(path)
            raise UsageError(f"{where}: {error}", known=error.known) from None

    def to_dict(self) -> dict[str, Any]:
        """Every setting that has a value, in plain types: what a card, JSON and YAML can hold."""
        values = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        values["targets"] = list(self.targets)
        return {name: value for name, value in values.items() if value is not None}

    def to_yaml(self) -> str:
        """The recipe as YAML text that `from_yaml` reads back."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False, default_flow_style=False)

    @property
    def hash(self) -> str:
        """sha256 (hex) of the settings, as a card records it."""
        return recipe_hash(self.to_dict())

    def bound(self, *, base_hash: str, data_hash: str, on_cpu: bool) -> Self:
        """The recipe with what it will run on. Errors: UsageError if it was written for something else."""
        for name, found, what in (
            ("base_hash", base_hash, "another base"),
            ("data_hash", data_hash, "other data"),
        ):
            wanted = getattr(self, name)
            if wanted is not None and wanted != found:
                raise UsageError(
                    f"the recipe was written for {what}: its {flag(name)} is {wanted[:12]}…, here it "
                    f"is {found[:12]}…"
                )
        return dataclasses.replace(
            self,
            base_hash=base_hash,
            data_hash=data_hash,
            dtype=self.dtype or ("float32" if on_cpu else "bfloat16"),
            forward_tokens=self.forward_tokens or (FORWARD_TOKENS if on_cpu else 8192),
            chunk=self.chunk or (CHUNK if on_cpu else 1024),
            fill=(not on_cpu) if self.fill is None else self.fill,
        )

    def rate(self, step: int, steps: int) -> float:
        """The learning rate of a step (from 0) of so many."""
        if step < self.warmup:
            return self.lr * (step + 1) / self.warmup
        if self.schedule == "constant":
            return self.lr
        done = (step - self.warmup) / max(1, steps - self.warmup)
        return self.lr * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * min(1.0, done))))

    def _whole(self, name: str, least: int) -> None:
        value = getattr(self, name)
        sound = isinstance(value, int) and not isinstance(value, bool) and value >= least
        _check(sound, name, f"must be a whole number of at least {least}, not {value!r}")

    def _number(self, name: str, *, above: float | None = None, least: float | None = None) -> None:
        value = getattr(self, name)
        sound = isinstance(value, int | float) and not isinstance(value, bool)
        sound = sound and math.isfinite(value)
        if above is not None:
            _check(sound and value > above, name, f"must be above {above:g}, not {value!r}")
        if least is not None:
            _check(sound and value >= least, name, f"must be at least {least:g}, not {value!r}")

    def _check_preference(self) -> None:
        if self.beta is None:
            _check(self.sft is None, "sft", "belongs to preferences: give --beta, too")
            return
        self._number("beta", above=0.0)
        if self.sft is not None:
            self._number("sft", least=0.0)
        _check(self.dropout == 0, "dropout", "must be 0 where preferences are learned (--beta)")
        _check(self.batch_size % 2 == 0, "batch_size", "must be even: preferences come in pairs")

    def _check_targets(self) -> None:
        other = [t for t in self.targets if t not in LINEARS]
        _check(bool(self.targets), "targets", "must name at least one layer")
        _check(
            not other, "targets", f"may name {', '.join(LINEARS)}, not {', '.join(map(str, other))}"
        )
        _check(len(set(self.targets)) == len(self.targets), "targets", "names a layer twice")

    def _check_hashes(self) -> None:
        for name in ("base_hash", "data_hash"):
            value = getattr(self, name)
            sound = value is None or (isinstance(value, str) and len(value) == 64)
            _check(sound, name, "must be a sha256 in hex")

    def _check_length(self) -> None:
        given = [name for name in _LENGTHS if getattr(self, name) is not None]
        if len(given) != 1:
            flags = ", ".join(map(flag, given or _LENGTHS))
            text = f"{flags} contradict each other" if given else f"none of {flags} is given"
            raise UsageError(f"{text}: say with one of them how long to train")
        if self.steps is not None:
            self._whole("steps", 1)
        else:
            self._number(given[0], above=0.0)


def flag(name: str) -> str:
    """A setting as the command line writes it: `batch_size` is `--batch-size`."""
    return f"--{name.replace('_', '-')}"


def _check(sound: bool, name: str, text: str) -> None:
    if not sound:
        raise UsageError(f"{flag(name)} {text}")
