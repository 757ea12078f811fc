"""LoRA adapters in the transformers engine: one load, and every row from the weights it names."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from adapters import Adapter, find_adapter
from bench.dialects import find_dialect
from bench.engines import EngineOptions, Request
from bench.engines.local import TransformersEngine
from bench.errors import UsageError

PROMPTS = ("Hi", "What is the weather in Oslo?", "Set a timer for ten minutes, please. " * 4)
STOPS = ("<eos>", "<end_of_turn>", "<start_of_turn>")


@pytest.fixture(scope="module", params=["gemma2", "gemma3"])
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def engine(
    family: str, tiny_models: dict[str, Path], tiny_adapters: dict[str, dict[str, Path]]
) -> TransformersEngine:
    """The base with both adapters beside it."""
    loaded = [find_adapter(str(tiny_adapters[family][name])) for name in ("a", "b")]
    return TransformersEngine(tiny_models[family], loaded, options=EngineOptions(device="cpu"))


def test_an_adapter_is_loaded_without_asking_a_hub_for_its_base(
    tiny_models: dict[str, Path], tiny_adapters: dict[str, dict[str, Path]], tmp_path: Path
) -> None:
    """PEFT would look there for the base's configuration, and warn; a warning is an error in tests."""
    folder = tmp_path / "named"
    shutil.copytree(tiny_adapters["gemma3"]["a"], folder)
    config = json.loads((folder / "adapter_config.json").read_text("utf-8"))
    config["base_model_name_or_path"] = "nobody/no-such-model"
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    engine = TransformersEngine(
        tiny_models["gemma3"], [find_adapter(str(folder))], options=EngineOptions(device="cpu")
    )
    assert len(texts(engine, requests("named"))) == len(PROMPTS)


def requests(*adapters: str | None) -> list[Request]:
    """Every prompt for every adapter, the adapters taking turns."""
    return [
        Request(
            id=f"{adapter}-{i}",
            prompt=f"<bos>{text}",
            dialect=find_dialect("gemma"),
            adapter=adapter,
            max_tokens=10,
        )
        for i, text in enumerate(PROMPTS)
        for adapter in adapters
    ]


def texts(engine: TransformersEngine, asked: Sequence[Request]) -> dict[str, str]:
    return {c.id: c.text for c in engine.generate(asked)}


def plain_peft(folder: Path, adapter: Path | None) -> list[str]:
    """What transformers and PEFT generate without any of our code, one prompt at a time."""
    config: dict[str, Any] = {"attn_implementation": "eager" if "gemma2" in folder.name else "sdpa"}
    model = AutoModelForCausalLM.from_pretrained(folder, **config).eval()
    if adapter is not None:
        model = PeftModel.from_pretrained(model, str(adapter)).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    stops = tokenizer.convert_tokens_to_ids(list(STOPS))
    found = []
    for text in PROMPTS:
        ids = torch.tensor([tokenizer(f"<bos>{text}", add_special_tokens=False).input_ids])
        with torch.inference_mode():
            out = model.generate(
                input_ids=ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=10,
                do_sample=False,
                eos_token_id=stops,
            )
        new = out[0, ids.shape[1] :].tolist()
        found.append(tokenizer.decode([t for t in new if t not in stops]))
    return found


@pytest.mark.parametrize("adapter", [None, "a", "b"])
def test_rows_of_a_mixed_batch_equal_plain_peft_with_that_adapter_alone(
    engine: TransformersEngine,
    adapter: str | None,
    family: str,
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
) -> None:
    folder = tiny_adapters[family][adapter] if adapter else None
    mixed = texts(engine, requests("a", None, "b"))
    wanted = plain_peft(tiny_models[family], folder)
    assert [mixed[f"{adapter}-{i}"] for i in range(len(PROMPTS))] == wanted


def test_base_and_adapters_reply_differently(engine: TransformersEngine) -> None:
    """Otherwise the equalities of these tests would say nothing."""
    mixed = texts(engine, requests("a", None, "b"))
    for i in range(len(PROMPTS)):
        assert len({mixed[f"{adapter}-{i}"] for adapter in ("a", "b", None)}) == 3


def test_base_rows_equal_an_engine_without_adapters(
    engine: TransformersEngine, family: str, tiny_models: dict[str, Path]
) -> None:
    bare = TransformersEngine(tiny_models[family], options=EngineOptions(device="cpu"))
    assert engine.generate(requests(None)) == bare.generate(requests(None))


def test_what_was_asked_before_does_not_matter(engine: TransformersEngine) -> None:
    first = (
        texts(engine, requests("a")),
        texts(engine, requests(None)),
        texts(engine, requests("b")),
    )
    again = (
        texts(engine, requests("b")),
        texts(engine, requests(None)),
        texts(engine, requests("a")),
    )
    assert first == again[::-1]


@pytest.mark.parametrize("loaded", [False, True])
def test_an_adapter_that_is_not_loaded_is_refused(
    engine: TransformersEngine, loaded: bool, family: str, tiny_models: dict[str, Path]
) -> None:
    used = (
        engine
        if loaded
        else TransformersEngine(tiny_models[family], options=EngineOptions(device="cpu"))
    )
    with pytest.raises(UsageError, match="'stranger' is not loaded"):
        used.generate(requests("stranger"))


@pytest.mark.parametrize(
    ("name", "reason"), [("dead", "changes nothing"), ("misfit", "does not fit the base")]
)
@pytest.mark.parametrize("before", [[], ["a"]])
def test_a_dead_adapter_and_one_of_another_shape_are_refused(
    name: str,
    reason: str,
    before: list[str],
    family: str,
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
) -> None:
    folders = [tiny_adapters[family][n] for n in (*before, name)]
    loaded: list[Adapter] = [find_adapter(str(folder)) for folder in folders]
    with pytest.raises(UsageError, match=f"'{name}' {reason}"):
        TransformersEngine(tiny_models[family], loaded, options=EngineOptions(device="cpu"))
