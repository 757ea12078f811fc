"""Home's adapters: put there whole or not at all, found, traced back, taken out."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from adapters import MODELS, ModelError, find_adapter, resolve
from adapters.base import at_hand, base_name
from adapters.card import load_card, promote, save_card
from adapters.hub import is_hub_id
from adapters.shelf import add, export, find, lineage, names, remove
from adapters.weights import file_hash, weights_hash

Write = Callable[..., Path]


def shift(amount: float) -> Callable[[dict[str, Any]], None]:
    """Weights that differ from adapter to adapter."""

    def edit(tensors: dict[str, Any]) -> None:
        for key in tensors:
            tensors[key] = tensors[key] + amount

    return edit


def shelf_is_clean(home: Path, *wanted: str) -> bool:
    return sorted(f.name for f in (home / "adapters").iterdir()) == sorted(wanted)


def test_an_adapter_is_copied_with_a_card(
    write: Write, home: Path, tiny_models: dict[str, Path]
) -> None:
    source = write()
    (source / "README.md").write_text("---\nlicense: apache-2.0\nbase_model: x\n---\n# Mine\n")
    (source / "optimizer.pt").write_bytes(b"junk")
    added = add(str(source))
    assert added.folder == home / "adapters" / "mine"
    wanted = ["README.md", "adapter_config.json", "adapter_model.safetensors", "card.toml"]
    assert sorted(f.name for f in added.folder.iterdir()) == wanted
    card = added.card
    assert card is not None
    assert card.base.name == str(tiny_models["gemma3"])
    assert card.base.hash == weights_hash(tiny_models["gemma3"])
    assert (card.name, card.licence, card.state.value) == ("mine", "apache-2.0", "candidate")
    assert not (source / "card.toml").exists()
    assert shelf_is_clean(home, "mine")


def test_it_is_then_a_target_by_its_name(write: Write, tiny_models: dict[str, Path]) -> None:
    source = write()
    add(str(source), name="weather.v2")
    target = resolve(f"{tiny_models['gemma3']}+weather.v2", dialect="gemma")
    assert target.name == "tiny-gemma3+weather.v2"
    assert target.adapter == find("weather.v2")
    assert target.adapter is not None
    assert target.adapter.hash == find_adapter(str(source)).hash
    assert names() == ["weather.v2"]


def test_a_base_that_is_not_at_hand_is_recorded_by_name_only(write: Write) -> None:
    card = add(str(write(base_model_name_or_path="google/gemma-2-2b-it"))).card
    assert card is not None
    assert (card.base.name, card.base.hash) == ("gemma-2-2b-it", None)


def test_a_base_is_known_by_hub_id_name_and_folder(
    home: Path, tiny_models: dict[str, Path]
) -> None:
    made = home / "models" / "gemma-3-270m"
    shutil.copytree(tiny_models["gemma3"], made)
    assert at_hand("gemma-3-270m") is None, "a folder without its mark is not finished"
    (made / "callbench.json").write_text("{}")
    assert at_hand("gemma-3-270m") == made
    assert base_name(str(made)) == base_name("gemma-3-270m") == "gemma-3-270m"
    assert base_name(MODELS["gemma-3-1b-it"].where) == "gemma-3-1b-it"
    assert base_name("some-org/other") == "some-org/other"
    assert base_name("x" * 5000) == "x" * 5000
    assert base_name("") == ""
    assert at_hand("some-org/never-fetched") is None
    assert at_hand("no model") is None


def test_a_base_given_by_a_relative_path_is_found_from_everywhere(
    write: Write, tiny_models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tiny_models["gemma3"].parent)
    card = add(str(write()), base="tiny-gemma3").card
    assert card is not None
    assert card.base.name == str(tiny_models["gemma3"].resolve())


def test_an_adapter_of_another_base_is_refused(
    home: Path, tiny_adapters: dict[str, dict[str, Path]], tiny_models: dict[str, Path]
) -> None:
    with pytest.raises(ModelError, match=r"cannot be added: .* in the base"):
        add(str(tiny_adapters["gemma3"]["misfit"]), base=str(tiny_models["gemma3"]))
    assert shelf_is_clean(home)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"prefix": "model.language_model.layers."}, "none of the base's"),
        ({"edit": dict.clear}, "no LoRA weights"),
        ({"r": 8}, "another rank"),
    ],
)
def test_a_broken_adapter_is_refused(
    fields: dict[str, Any], words: str, write: Write, home: Path
) -> None:
    with pytest.raises(ModelError, match=words):
        add(str(write(**fields)))
    assert shelf_is_clean(home)


def test_what_must_be_merged_may_be_added(write: Write) -> None:
    assert add(str(write(use_dora=True))).name == "mine"


def test_pickled_weights_are_refused_with_the_remedy(write: Write, home: Path) -> None:
    source = write()
    (source / "adapter_model.safetensors").rename(source / "adapter_model.bin")
    with pytest.raises(ModelError, match=r"can run code .*: save the adapter as safetensors"):
        add(str(source))
    assert shelf_is_clean(home)


def test_a_name_is_taken_once(write: Write, home: Path) -> None:
    source = str(write())
    before = add(source)
    with pytest.raises(ModelError, match=r"'mine' already: give another --name, or remove it"):
        add(source)
    assert find("mine") == before
    assert add(source, name="other").hash == before.hash
    assert shelf_is_clean(home, "mine", "other")


@pytest.mark.parametrize("name", ["a+b", "a,b", "../up", ".x", "a@b"])
def test_a_name_that_cannot_be_typed_is_refused(name: str, write: Write) -> None:
    with pytest.raises(ModelError, match=r"cannot name an adapter: .*--name"):
        add(str(write()), name=name)


@pytest.mark.parametrize("source", ["./nowhere", "/no/where", "nowhere", "a/b/c", "~/x", ""])
def test_a_source_that_is_not_there_is_never_taken_for_a_hub_id(source: str) -> None:
    assert not is_hub_id(source)
    with pytest.raises(ModelError, match="no folder"):
        add(source)


def test_without_a_network_a_hub_id_is_refused_in_one_line(home: Path) -> None:
    """The tests run with HF_HUB_OFFLINE=1."""
    with pytest.raises(ModelError, match=r"cannot get some-org/some-lora from the hub") as caught:
        add("some-org/some-lora")
    assert "\n" not in str(caught.value)
    assert "check the name, your network" in str(caught.value)
    assert shelf_is_clean(home)


def test_a_home_that_cannot_be_made_is_refused(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CALLBENCH_HOME", str(tmp_path / "file"))
    with pytest.raises(ModelError, match=r"cannot make .*; set CALLBENCH_HOME"):
        add(str(write()))


def family(write: Write, *links: str) -> None:
    """`links`: the oldest first, each the parent of the next."""
    parent = None
    for i, name in enumerate(links):
        add(str(write(name, edit=shift(i / 10))), parent=parent)
        parent = name


def test_a_lineage_goes_back_to_the_first_adapter(write: Write) -> None:
    family(write, "one", "two", "three")
    chain = lineage("three")
    assert [(a.name, a.found, a.state) for a in chain] == [
        (name, "here", "candidate") for name in ("three", "two", "one")
    ]
    for ancestor in chain:
        assert ancestor.weights == file_hash(
            find(ancestor.name).folder / "adapter_model.safetensors"
        )


def test_a_lineage_tells_what_is_gone_and_what_bears_an_old_name(write: Write) -> None:
    family(write, "one", "two", "three")
    remove("one", force=True)
    assert [(a.name, a.found) for a in lineage("three")][2:] == [("one", "gone")]
    add(str(write("fresh", edit=shift(7))), name="one")
    assert [(a.name, a.found) for a in lineage("three")][2:] == [("one", "changed")]


def test_a_circle_of_parents_ends(write: Write) -> None:
    family(write, "one", "two")
    one, two = find("one"), find("two")
    assert one.card is not None
    assert two.card is not None
    assert two.card.parent is not None
    weights = file_hash(two.folder / "adapter_model.safetensors")
    parent = two.card.parent.model_copy(update={"name": "two", "weights": weights})
    save_card(one.folder, one.card.model_copy(update={"parent": parent}))
    assert [a.name for a in lineage("two")] == ["two", "one"]


def test_an_unknown_parent_is_refused_with_the_names_there_are(write: Write, home: Path) -> None:
    add(str(write("weather")))
    with pytest.raises(ModelError, match="'wether'") as caught:
        add(str(write("two")), parent="wether")
    assert caught.value.known == ("weather",)
    assert shelf_is_clean(home, "weather")


def test_a_parent_of_another_base_is_refused(
    write: Write, tiny_models: dict[str, Path], tiny_adapters: dict[str, dict[str, Path]]
) -> None:
    add(str(tiny_adapters["gemma2"]["a"]), name="old", base=str(tiny_models["gemma2"]))
    with pytest.raises(ModelError, match="another base"):
        add(str(write()), parent="old")


def test_a_parent_is_removed_only_by_force_and_a_child_freely(write: Write, home: Path) -> None:
    family(write, "one", "two")
    with pytest.raises(ModelError, match="'one' is the parent of 'two': remove that one first"):
        remove("one")
    remove("two")
    remove("one")
    assert shelf_is_clean(home)
    family(write, "three", "four")
    remove("three", force=True)
    assert shelf_is_clean(home, "four")


def test_a_broken_child_still_protects_its_parent_and_can_be_removed(write: Write) -> None:
    family(write, "one", "two")
    weights = find("two").folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ModelError, match="was written for another"):
        find("two")
    with pytest.raises(ModelError, match="is the parent of 'two'"):
        remove("one")
    remove("two")
    assert names() == ["one"]


@pytest.mark.parametrize("call", [find, remove, lineage])
@pytest.mark.parametrize("name", ["wether", "", "..", "weather/"])
def test_an_unknown_name_is_refused_with_the_names_there_are(
    call: Callable[[str], object], name: str, write: Write
) -> None:
    add(str(write("weather")))
    with pytest.raises(ModelError) as caught:
        call(name)
    assert caught.value.known == ("weather",)
    assert names() == ["weather"]


def test_a_folder_renamed_behind_our_back_is_refused(write: Write, home: Path) -> None:
    add(str(write()))
    (home / "adapters" / "mine").rename(home / "adapters" / "yours")
    with pytest.raises(ModelError, match="holds the adapter 'mine'"):
        find("yours")


@pytest.mark.parametrize("out", ["folder", "deep/er/folder", "mine.zip"])
def test_an_exported_adapter_loads_in_plain_peft_and_comes_back_with_its_card(
    out: str, write: Write, tmp_path: Path, tiny_models: dict[str, Path]
) -> None:
    added = add(str(write()))
    assert added.card is not None
    save_card(added.folder, promote(added.card, "better"))
    folder = export("mine", tmp_path / out)
    if out.endswith(".zip"):
        with zipfile.ZipFile(folder) as archive:
            archive.extractall(tmp_path / "unpacked")
        folder = tmp_path / "unpacked" / "mine"
    base = AutoModelForCausalLM.from_pretrained(tiny_models["gemma3"])
    ids = torch.arange(20)[None]
    with torch.inference_mode():
        plain = base(input_ids=ids).logits
        adapted = PeftModel.from_pretrained(base, str(folder))(input_ids=ids).logits
    assert not torch.allclose(plain, adapted)
    assert load_card(folder) == load_card(added.folder)
    back = add(str(folder), name="back")
    assert back.hash == added.hash
    assert back.card is not None
    assert back.card.state.reason == "better"


def test_a_zip_file_is_the_same_each_time(write: Write, tmp_path: Path) -> None:
    add(str(write()))
    files = [export("mine", tmp_path / f"{i}.zip").read_bytes() for i in range(2)]
    assert files[0] == files[1]


def test_an_export_overwrites_nothing(write: Write, tmp_path: Path) -> None:
    add(str(write()))
    (tmp_path / "x.zip").write_text("mine")
    with pytest.raises(ModelError, match="exists already"):
        export("mine", tmp_path / "x.zip")
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="cannot write"):
        export("mine", tmp_path / "file" / "x")
    assert (tmp_path / "x.zip").read_text() == "mine"


def test_a_card_beside_the_source_is_kept_unless_more_is_said(
    write: Write, tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    added = add(str(write(base_model_name_or_path="")))
    assert added.card is not None
    assert (added.card.base.name, added.card.base.hash) == ("", None)
    out = export("mine", tmp_path / "out")
    remove("mine")
    base = str(tiny_models["gemma3"])
    again = add(str(out), base=base)
    assert again.name == "mine", "the card's name, not the folder's"
    assert again.card is not None
    assert again.card.base.hash == weights_hash(tiny_models["gemma3"])
    assert again.card.created == added.card.created


def test_tampered_weights_are_not_taken_in(write: Write, tmp_path: Path, home: Path) -> None:
    add(str(write()))
    out = export("mine", tmp_path / "out")
    config = out / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "lora_alpha": 99}))
    with pytest.raises(ModelError, match="was written for another"):
        add(str(out), name="tampered")
    assert shelf_is_clean(home, "mine")
