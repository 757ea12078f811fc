"""Real vLLM engines, one a family with the base and three adapters; skipped where vLLM is not installed."""

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters import Adapter, Target, find_adapter, resolve
from bench.dialects import find_dialect
from bench.engines import Completion, Engine, EngineOptions, Request
from bench.engines.vllm import VllmEngine, version
from bench.plan import Settings, plan
from suites import select

HERE = Path(__file__).parent
# What vLLM learns of an architecture is kept with the environment: it saves seconds at every start.
os.environ.setdefault("VLLM_CACHE_ROOT", str(Path(sys.prefix) / "vllm-cache"))

OPTIONS = EngineOptions(kv_cache_gib=0.1, max_model_len=4096)
NAMES = ("a", "b", "c")
Make = Callable[..., list[Request]]
KEPT: list[object] = []
"""What holds a vLLM engine of this process: the end of one takes the process groups of all with it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if version() is None:
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="vLLM is not installed: make test-vllm"))


@pytest.fixture(scope="session")
def tiny_models(
    tiny_models: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, tiny_tokenizer: Any
) -> dict[str, Path]:
    """The tiny models with one matrix for embedding and output, as vLLM knows Gemma.

    Small embeddings, weak attention and a large last norm keep the greedy text from repeating itself.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    found: dict[str, Path] = {}
    for family, old in tiny_models.items():
        folder = found[family] = tmp_path_factory.mktemp("tied") / f"tiny-{family}"
        config = AutoConfig.from_pretrained(old)
        config.tie_word_embeddings = True
        torch.manual_seed(1)
        model = AutoModelForCausalLM.from_config(config)
        with torch.no_grad():
            model.model.embed_tokens.weight.mul_(0.125)
            model.model.norm.weight.fill_(19.0)  # Gemma's norms scale by 1 + weight
            for layer in model.model.layers:
                layer.post_attention_layernorm.weight.fill_(-0.5)
        model.save_pretrained(folder)
        tiny_tokenizer.save_pretrained(folder)
    return found


@pytest.fixture(scope="session")
def loaded(tiny_adapters: dict[str, dict[str, Path]]) -> dict[str, list[Adapter]]:
    """Family -> the adapters a, b and c."""
    return {f: [find_adapter(str(found[n])) for n in NAMES] for f, found in tiny_adapters.items()}


@pytest.fixture(scope="session")
def engines(
    tiny_models: dict[str, Path], loaded: dict[str, list[Adapter]]
) -> Callable[[str], VllmEngine]:
    """The engine of a family with the base and three adapters, made when it is first asked for."""
    made: dict[str, VllmEngine] = {}

    def get(family: str) -> VllmEngine:
        if family not in made:
            made[family] = started(tiny_models[family], loaded[family])
        return made[family]

    return get


@pytest.fixture(scope="session")
def engine(engines: Callable[[str], VllmEngine]) -> VllmEngine:
    """The engine of the tiny Gemma 3."""
    return engines("gemma3")


@pytest.fixture(scope="session")
def targets(
    tiny_models: dict[str, Path], tiny_adapters: dict[str, dict[str, Path]]
) -> dict[str, list[Target]]:
    """Family -> base and base with each adapter."""
    return {
        family: [
            resolve(
                str(folder), None if n is None else str(tiny_adapters[family][n]), dialect="gemma"
            )
            for n in (None, *NAMES)
        ]
        for family, folder in tiny_models.items()
    }


@pytest.fixture(scope="session")
def smoke(targets: dict[str, list[Target]]) -> Make:
    """Requests of the smoke selection, for base and adapters, with the settings given."""

    def make(
        family: str = "gemma3", adapters: Sequence[str | None] = (None, *NAMES), **fields: Any
    ) -> list[Request]:
        settings = Settings(**{"max_tokens": 24, **fields})
        found = []
        for target in targets[family]:
            name = target.adapter.name if target.adapter else None
            if name in adapters:
                for batch in plan(select(["smoke"]), target, settings):
                    found += [replace(j.request, id=f"{name}|{j.request.id}") for j in batch]
        return found

    return make


def started(folder: Path, adapters: Sequence[Adapter] = ()) -> VllmEngine:
    """An engine of ours that lives as long as the process."""
    engine = VllmEngine(folder, adapters, options=OPTIONS)
    KEPT.append(engine)
    return engine


def raw_llm(folder: Path, **arguments: Any) -> Any:
    """vLLM as it is, without our engine, on the CPU in this process."""
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("TORCH_COMPILE_DISABLE", "1")
    import vllm

    small = {
        "enforce_eager": True,
        "kv_cache_memory_bytes": 32 << 20,
        "max_model_len": 1024,
        "max_num_seqs": 8,
        "use_tqdm_on_load": False,
        "dtype": "float32",
    }
    llm = vllm.LLM(model=str(folder), **{**small, **arguments})
    KEPT.append(llm)
    return llm


def ask(text: str, number: int = 0, **fields: Any) -> Request:
    """One request of the dialect gemma."""
    given = {"id": f"r{number}", "prompt": f"<bos>{text}", "dialect": find_dialect("gemma")}
    return Request(**{**given, **fields})


def by_id(engine: Engine, requests: Sequence[Request]) -> dict[str, Completion]:
    """Every completion by its id, each exactly once."""
    found = list(engine.generate(requests))
    assert sorted(c.id for c in found) == sorted(r.id for r in requests)
    return {c.id: c for c in found}


def texts(engine: Engine, requests: Sequence[Request]) -> dict[str, tuple[str, str, int]]:
    """Id -> text, how it ended, its tokens."""
    return {k: (c.text, c.finish, c.completion_tokens) for k, c in by_id(engine, requests).items()}
