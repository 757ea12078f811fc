"""What the transformers engine refuses, because the answers would be another model's."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from adapters import find_adapter
from bench.dialects import DIALECTS
from bench.engines import EngineOptions, Request
from bench.engines.local import TransformersEngine
from bench.errors import UsageError

Models = dict[str, Path]
Shelves = dict[str, dict[str, Path]]


def _copy(source: Path, target: Path) -> Path:
    shutil.copytree(source, target)
    return target


def _ask(engine: TransformersEngine, adapter: str | None = None) -> str:
    request = Request(
        id="x",
        prompt="<bos><start_of_turn>user\nHello there<end_of_turn>\n<start_of_turn>model\n",
        dialect=DIALECTS["gemma"],
        adapter=adapter,
        max_tokens=12,
    )
    (completion,) = engine.generate([request])
    return completion.text


def test_a_base_with_a_missing_tensor_is_refused_not_filled_at_random(
    tiny_models: Models, tmp_path: Path
) -> None:
    folder = _copy(tiny_models["gemma3"], tmp_path / "m")
    weights = load_file(folder / "model.safetensors")
    del weights["lm_head.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UsageError, match=r"is not whole: 1 weights .*lm_head"):
        TransformersEngine(folder, options=EngineOptions(device="cpu"))


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_a_broken_file_of_a_base_is_a_refusal(
    tiny_models: Models, tmp_path: Path, file: str
) -> None:
    folder = _copy(tiny_models["gemma3"], tmp_path / "m")
    (folder / file).write_bytes(b"abc")
    with pytest.raises(UsageError, match="cannot be loaded"):
        TransformersEngine(folder, options=EngineOptions(device="cpu"))


def test_an_adapter_of_which_only_a_part_matches_is_refused(
    tiny_models: Models, tiny_adapters: Shelves, tmp_path: Path
) -> None:
    folder = _copy(tiny_adapters["gemma3"]["a"], tmp_path / "partly")
    weights = load_file(folder / "adapter_model.safetensors")
    moved = {k.replace("layers.1.", "layers.7."): v for k, v in weights.items()}
    save_file(moved, folder / "adapter_model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UsageError, match=r"does not fit the base: \d+ of its weights match no"):
        TransformersEngine(
            tiny_models["gemma3"], [find_adapter(str(folder))], options=EngineOptions(device="cpu")
        )


def test_two_adapters_of_one_name_are_refused_and_odd_names_are_not(
    tiny_models: Models, tiny_adapters: Shelves, tmp_path: Path
) -> None:
    first = _copy(tiny_adapters["gemma3"]["a"], tmp_path / "x" / "v1.5")
    second = _copy(tiny_adapters["gemma3"]["b"], tmp_path / "y" / "v1.5")
    odd = _copy(tiny_adapters["gemma3"]["b"], tmp_path / "half")
    with pytest.raises(UsageError, match=r"two adapters are called 'v1\.5'"):
        TransformersEngine(
            tiny_models["gemma3"],
            [find_adapter(str(p)) for p in (first, second)],
            options=EngineOptions(device="cpu"),
        )
    engine = TransformersEngine(
        tiny_models["gemma3"],
        [find_adapter(str(p)) for p in (first, odd)],
        options=EngineOptions(device="cpu"),
    )
    assert len({_ask(engine), _ask(engine, "v1.5"), _ask(engine, "half")}) == 3


def test_greedy_is_greedy_whatever_the_folders_own_generation_settings_say(
    tiny_models: Models, tmp_path: Path
) -> None:
    folder = _copy(tiny_models["gemma3"], tmp_path / "m")
    settings = {"repetition_penalty": 1.9, "do_sample": True, "temperature": 3.0, "num_beams": 3}
    (folder / "generation_config.json").write_text(json.dumps(settings), encoding="utf-8")
    plain = TransformersEngine(tiny_models["gemma3"], options=EngineOptions(device="cpu"))
    assert _ask(TransformersEngine(folder, options=EngineOptions(device="cpu"))) == _ask(plain)


def test_requests_of_different_sampling_do_not_share_a_batch(tiny_models: Models) -> None:
    engine = TransformersEngine(tiny_models["gemma3"], options=EngineOptions(device="cpu"))
    ask = {"prompt": "<bos>Hello", "dialect": DIALECTS["gemma"], "max_tokens": 12}
    greedy = Request(id="greedy", **ask)  # type: ignore[arg-type]
    hot = Request(id="hot", temperature=5.0, **ask)  # type: ignore[arg-type]
    alone = {c.id: c.text for c in engine.generate([greedy])}
    mixed = {c.id: c.text for c in engine.generate([hot, greedy])}
    assert mixed["greedy"] == alone["greedy"] != mixed["hot"]


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "cpu:x"])
def test_a_device_that_is_not_there_is_refused(tiny_models: Models, device: str) -> None:
    with pytest.raises(UsageError, match="device"):
        TransformersEngine(tiny_models["gemma3"], options=EngineOptions(device=device))
