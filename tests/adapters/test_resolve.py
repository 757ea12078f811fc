"""From what people type to a target: names, folders, GGUF files, adapters, and their refusals."""

import json
import shutil
from pathlib import Path

import pytest

from adapters import MODELS, ModelError, find_adapter, find_model, home_folder, resolve
from adapters.card import BaseRef, new_card, save_card
from adapters.registry import shipped
from adapters.weights import weights_hash


@pytest.fixture
def adapter(tmp_path: Path, tiny_adapters: dict[str, dict[str, Path]]) -> Path:
    """A copy of a real adapter, to be spoiled."""
    return Path(shutil.copytree(tiny_adapters["gemma3"]["a"], tmp_path / "mine"))


def reconfigure(folder: Path, **fields: object) -> None:
    file = folder / "adapter_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def test_a_folder_is_a_target_with_the_dialect_given(tiny_models: dict[str, Path]) -> None:
    folder = tiny_models["gemma3"]
    target = resolve(str(folder), dialect="gemma")
    assert (target.name, target.folder, target.dialect) == ("tiny-gemma3", folder, "gemma")
    assert target.hash == weights_hash(folder)
    assert target.adapter is None


def test_a_folder_without_a_dialect_is_refused_with_the_flag(tiny_models: dict[str, Path]) -> None:
    with pytest.raises(ModelError, match="give one with --dialect"):
        resolve(str(tiny_models["gemma3"]))


def test_an_adapter_is_found_by_folder_and_by_name_in_home(
    adapter: Path, tiny_models: dict[str, Path], home: Path
) -> None:
    base = str(tiny_models["gemma3"])
    by_path = resolve(f"{base}+{adapter}", dialect="gemma")
    shutil.copytree(adapter, home / "adapters" / "mine")
    by_name = resolve(f"{base}+mine", dialect="gemma")
    assert by_path.name == by_name.name == "tiny-gemma3+mine"
    assert by_path.adapter is not None
    assert by_name.adapter is not None
    assert by_path.adapter.hash == by_name.adapter.hash
    assert by_path.adapter.rank == 4
    assert by_path.hash == by_name.hash == weights_hash(tiny_models["gemma3"])


def test_an_unknown_model_is_refused_with_the_models_there_are() -> None:
    with pytest.raises(ModelError, match="'gemma-3-270'") as caught:
        find_model("gemma-3-270")
    assert caught.value.known == tuple(MODELS)


def test_an_unknown_adapter_is_refused_with_the_adapters_in_home(home: Path) -> None:
    (home / "adapters" / "weather").mkdir(parents=True)
    with pytest.raises(ModelError, match="'wether'") as caught:
        find_adapter("wether")
    assert caught.value.known == tuple(sorted(["weather", *shipped()]))


@pytest.mark.parametrize(
    ("name", "source"),
    [("gemma-3-270m", "package"), ("gemma-2-2b-it", "hub"), ("some-org/some-model", "hub")],
)
def test_names_and_hub_ids_are_told_apart_without_fetching(name: str, source: str) -> None:
    assert find_model(name).source == source


@pytest.mark.parametrize("name", ["./missing/model", "/missing/model", "~/missing", "a/b/c"])
def test_a_path_that_is_not_there_is_never_taken_for_a_hub_id(name: str) -> None:
    with pytest.raises(ModelError, match="there is no model"):
        find_model(name)


def test_a_gguf_file_is_a_model_and_another_file_is_not(tmp_path: Path) -> None:
    (tmp_path / "my.gguf").touch()
    (tmp_path / "my.bin").touch()
    found = find_model(str(tmp_path / "my.gguf"))
    assert (found.name, found.source, found.dialect) == ("my", "gguf", None)
    with pytest.raises(ModelError, match=r"neither a model folder nor a \.gguf file"):
        find_model(str(tmp_path / "my.bin"))


def test_a_model_that_is_not_prepared_is_refused_when_preparing_is_not_wanted() -> None:
    with pytest.raises(ModelError, match="callbench models prepare"):
        resolve("gemma-3-270m", prepare=False)


def test_a_prepared_model_is_taken_from_home(home: Path) -> None:
    folder = home / "models" / "gemma-3-270m"
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"abc")
    mark = {"weights": "e" * 64, "files": [["model.safetensors", 3]]}
    (folder / "callbench.json").write_text(json.dumps(mark))
    target = resolve("gemma-3-270m")
    assert (target.folder, target.hash, target.dialect) == (folder, "e" * 64, "gemma")
    assert resolve("gemma-3-270m", dialect="chatml").dialect == "chatml"


def test_a_folder_of_pickles_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ModelError, match="can run code"):
        resolve(str(tmp_path), dialect="gemma")


def test_a_folder_without_a_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no config\.json"):
        resolve(str(tmp_path), dialect="gemma")


def test_a_pickled_adapter_is_refused_and_says_why(adapter: Path) -> None:
    (adapter / "adapter_model.safetensors").rename(adapter / "adapter_model.bin")
    with pytest.raises(ModelError, match=r"adapter_model\.bin.*can run code"):
        find_adapter(str(adapter))


def test_an_adapter_without_weights_or_configuration_is_refused(adapter: Path) -> None:
    (adapter / "adapter_model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"no adapter_model\.safetensors"):
        find_adapter(str(adapter))
    (adapter / "adapter_config.json").unlink()
    with pytest.raises(ModelError, match=r"no adapter_config\.json"):
        find_adapter(str(adapter))


def test_an_adapter_of_another_method_is_refused_by_name(adapter: Path) -> None:
    reconfigure(adapter, peft_type="IA3")
    with pytest.raises(ModelError, match="is a IA3 adapter; callbench runs LORA"):
        find_adapter(str(adapter))


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"peft_type": "LORA"}', '"LORA"', "\x00"])
def test_a_broken_adapter_configuration_is_refused(adapter: Path, text: str) -> None:
    (adapter / "adapter_config.json").write_text(text)
    with pytest.raises(ModelError, match="is no LoRA configuration"):
        find_adapter(str(adapter))


def test_an_adapter_made_on_other_weights_is_refused_whatever_the_engine(
    adapter: Path, tiny_models: dict[str, Path]
) -> None:
    """The same shape, other weights: nothing but the card can tell."""
    folder = tiny_models["gemma3"]
    save_card(adapter, new_card(adapter, "mine", base=BaseRef(name="x", hash="c" * 64)))
    with pytest.raises(ModelError, match=r"made on other weights \(cccccccccccc…\).*give --model"):
        resolve(str(folder), str(adapter), dialect="gemma")
    own = BaseRef(name="x", hash=weights_hash(folder))
    save_card(adapter, new_card(adapter, "mine", base=own))
    assert resolve(str(folder), str(adapter), dialect="gemma").adapter is not None


def test_an_adapter_s_hash_covers_weights_and_configuration(adapter: Path) -> None:
    found = {find_adapter(str(adapter)).hash}
    reconfigure(adapter, lora_alpha=99)
    found.add(find_adapter(str(adapter)).hash)
    weights = adapter / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x55")
    found.add(find_adapter(str(adapter)).hash)
    assert len(found) == 3
    assert {len(h) for h in found} == {64}


def test_home_is_where_the_environment_says_and_is_made_when_used(home: Path) -> None:
    assert not home.exists()
    assert home_folder("runs") == home / "runs"
    assert (home / "runs").is_dir()


@pytest.mark.parametrize("below", ["", "deeper"])
def test_a_file_in_the_way_of_home_is_refused_with_the_remedy(
    below: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CALLBENCH_HOME", str(tmp_path / "file" / below))
    with pytest.raises(ModelError, match=r"cannot make .*; set CALLBENCH_HOME to a folder"):
        home_folder("runs")
