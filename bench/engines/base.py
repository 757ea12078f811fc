"""The seam between the harness and whatever generates text: one method."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pydantic import JsonValue

from bench.dialects import Dialect
from bench.errors import UsageError

__all__ = ["APIS", "KEY", "Completion", "Engine", "EngineOptions", "Request"]

APIS = ("completions", "chat")
KEY = "OPENAI_API_KEY"
"""The environment variable of the server engine's key, unless another is named."""


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """How an engine is loaded; what an engine has no use for, it refuses or leaves alone as it says.

    device, dtype: None for the engine's own choice. vllm: max_model_len in tokens; gpu_memory: share of the
    GPU's memory (0 to 1); kv_cache_gib: on a CPU; tensor_parallel, pipeline_parallel: number of GPUs;
    batch_invariant: the same bits whatever else is in the batch, where the platform has it.
    server: base_url: one URL a replica; api: `completions` or `chat`; concurrency: requests under way;
    timeout: seconds for one send; attempts: sends of one request; outage: seconds without any server, after
    which a run stops; api_key_env: variable of the key; no_vllm_extras: send OpenAI's fields only.
    Errors: UsageError (by flag name) for values out of range.
    """

    device: str | None = None
    dtype: str | None = None
    max_model_len: int | None = None
    gpu_memory: float | None = None
    kv_cache_gib: float | None = None
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    batch_invariant: bool = False
    base_url: tuple[str, ...] = ()
    api: str = "completions"
    concurrency: int = 32
    timeout: float = 300.0
    attempts: int = 8
    outage: float = 300.0
    api_key_env: str = KEY
    no_vllm_extras: bool = False

    def __post_init__(self) -> None:
        whole = ("tensor_parallel", "pipeline_parallel", "max_model_len", "concurrency", "attempts")
        for name in whole:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"--{name.replace('_', '-')} must be at least 1")
        if self.gpu_memory is not None and not 0 < self.gpu_memory <= 1:
            raise UsageError("--gpu-memory is a share of the memory: above 0 and at most 1")
        if self.kv_cache_gib is not None and not self.kv_cache_gib > 0:
            raise UsageError("--kv-cache-gib must be above 0")
        for name in ("timeout", "outage"):
            if not 0 < getattr(self, name) < float("inf"):
                raise UsageError(f"--{name} must be a number of seconds above 0")
        if self.api not in APIS:
            raise UsageError(f"there is no API {self.api!r}", known=APIS)


@dataclass(frozen=True, kw_only=True)
class Request:
    """One prompt for one target.

    id: comes back with the completion; prompt: text with its BOS; adapter: a loaded adapter's name, or
    None for the base; max_tokens: budget of new tokens; temperature 0 is greedy, and then top_p and seed
    play no part; seed: decides every draw of this one reply, whatever else is asked; constraint: a
    structural tag (JSON text) that calls must obey, see bench/constrain.py.
    """

    id: str
    prompt: str
    dialect: Dialect
    adapter: str | None = None
    max_tokens: int = 128
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0
    constraint: str | None = None


@dataclass(frozen=True, kw_only=True)
class Completion:
    """What came back for one request: raw text (control tokens kept), sizes in tokens, and how it ended.

    finish `length`: the budget ran out; `error`: no reply for a reason of infrastructure, in `error`.
    """

    id: str
    text: str
    prompt_tokens: int
    completion_tokens: int
    finish: Literal["stop", "length", "error"] = "stop"
    error: str = ""


class Engine(Protocol):
    """Prompts for many targets in, completions out.

    name, version: of the library that generates; dtype, device: in words, for the record.
    whole_batches: the shape of a batch decides its last bits, so batches are made the same again after an
    interruption; otherwise all requests of all targets are given at once, and come back as they finish.
    settings: what else decides the replies, for the record.
    """

    name: str
    version: str
    dtype: str
    device: str
    whole_batches: bool
    settings: dict[str, JsonValue]

    def generate(self, requests: Sequence[Request]) -> Iterable[Completion]:
        """One completion a request, in any order, as they come.

        Errors: OutOfMemoryError if the batch does not fit (a smaller one may), InfrastructureError if
        the engine cannot go on.
        """
        ...
