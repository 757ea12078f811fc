"""Merging: the merged folder is a model that answers as base + adapter do, whatever PEFT trained."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from adapters import ModelError, find_adapter, resolve
from adapters.merge import merge
from adapters.verify import verify
from adapters.weights import weights_hash

Train = Callable[..., Path]
Write = Callable[..., Path]
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def tied(tmp_path: Path, tiny_models: dict[str, Path]) -> Path:
    """The tiny Gemma 3 with one matrix for embedding and output, as the real ones have it."""
    folder = tmp_path / "tied"
    config = AutoConfig.from_pretrained(tiny_models["gemma3"])
    config.tie_word_embeddings = True
    torch.manual_seed(5)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    for file in tiny_models["gemma3"].glob("tokenizer*"):
        shutil.copyfile(file, folder / file.name)
    return folder


def logits(base: Path, adapter: Path | None = None, *, tokens: int | None = None) -> torch.Tensor:
    """Of plain transformers and PEFT in float32, over every token of the vocabulary but the added ones."""
    softcap = getattr(AutoConfig.from_pretrained(base), "attn_logit_softcapping", None)
    model = AutoModelForCausalLM.from_pretrained(
        base, dtype=torch.float32, attn_implementation="eager" if softcap else "sdpa"
    )
    if tokens is not None:
        model.resize_token_embeddings(tokens, mean_resizing=False)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, str(adapter))
    ids = torch.arange(model.config.vocab_size)[None]
    with torch.inference_mode():
        return model.eval()(input_ids=ids).logits


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return bool((one - other).abs().max() < 1e-3 * one.abs().max())


@pytest.mark.parametrize("family", ["gemma2", "gemma3"])
def test_a_merged_model_answers_as_base_and_adapter_do(
    family: str,
    tmp_path: Path,
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
) -> None:
    base, adapter, out = tiny_models[family], tiny_adapters[family]["a"], tmp_path / "merged"
    told = merge(find_adapter(str(adapter)), base, out)
    plain, wanted, got = logits(base), logits(base, adapter), logits(out)
    assert same(wanted, got)
    assert not same(plain, got)
    target = resolve(str(out), dialect="gemma")
    assert target.hash == told == weights_hash(out) != weights_hash(base)


def test_merging_twice_gives_the_same_weights(
    tmp_path: Path, tiny_models: dict[str, Path], tiny_adapters: dict[str, dict[str, Path]]
) -> None:
    adapter = find_adapter(str(tiny_adapters["gemma3"]["b"]))
    base = tiny_models["gemma3"]
    before = weights_hash(base)
    one, two = (merge(adapter, base, tmp_path / name) for name in ("one", "two"))
    assert one == two
    files = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two")]
    assert files[0] == files[1]
    assert weights_hash(base) == before


def test_a_merged_model_brings_the_base_s_tokenizer_and_settings(
    tmp_path: Path, tiny_models: dict[str, Path], tiny_adapters: dict[str, dict[str, Path]]
) -> None:
    base, out = tiny_models["gemma3"], tmp_path / "deep" / "merged"
    merge(find_adapter(str(tiny_adapters["gemma3"]["a"])), base, out)
    for file in base.glob("tokenizer*"):
        assert (out / file.name).read_bytes() == file.read_bytes()
    ours, theirs = (json.loads((f / "config.json").read_text()) for f in (out, base))
    assert ours == theirs
    assert AutoTokenizer.from_pretrained(out)("Hi").input_ids
    assert sorted(f.name for f in out.parent.iterdir()) == ["merged"]


@pytest.mark.parametrize("kind", ["tied", "parted"])
@pytest.mark.parametrize(
    "fields",
    [
        {"use_dora": True},
        {"use_rslora": True, "rank_pattern": {"q_proj": 2}, "alpha_pattern": {"v_proj": 32}},
        {"init_lora_weights": "pissa"},
        {"init_lora_weights": "olora"},
        {"modules_to_save": ["lm_head"]},
        {"modules_to_save": ["embed_tokens"]},
        {"modules_to_save": ["embed_tokens", "lm_head"]},
        {"modules_to_save": ["embed_tokens"], "ensure_weight_tying": True},
        {"target_modules": ["q_proj", "embed_tokens"]},
        {"target_modules": ["q_proj", "lm_head"]},
        {"trainable_token_indices": [5, 599]},
    ],
    ids=str,
)
def test_everything_that_peft_trains_can_be_merged(
    fields: dict[str, Any],
    kind: str,
    tmp_path: Path,
    train: Train,
    tied: Path,
    tiny_models: dict[str, Path],
) -> None:
    base = tied if kind == "tied" else tiny_models["gemma3"]
    folder = train(base, **fields)
    out = tmp_path / "merged"
    merge(find_adapter(str(folder)), base, out)
    wanted = logits(base, folder)
    assert same(wanted, logits(out))
    assert not same(wanted, logits(base))


def test_shared_embeddings_stay_shared_unless_the_adapter_parts_them(
    tmp_path: Path, train: Train, tied: Path
) -> None:
    plain, parted = train(tied, "plain"), train(tied, "parted", modules_to_save=["lm_head"])
    for folder in (plain, parted):
        merge(find_adapter(str(folder)), tied, tmp_path / f"{folder.name}-merged")
    assert "lm_head.weight" not in load_file(tied / "model.safetensors")
    names = [
        set(load_file(tmp_path / f"{n}-merged" / "model.safetensors")) for n in ("plain", "parted")
    ]
    assert names[1] - names[0] == {"lm_head.weight"}


@pytest.mark.parametrize("kind", ["tied", "parted"])
def test_a_vocabulary_that_grew_is_merged_with_its_tokenizer(
    kind: str, tmp_path: Path, train: Train, tied: Path, tiny_models: dict[str, Path]
) -> None:
    """The recipe of a well-known course: two tokens more, embedding and output layer trained."""
    base = tied if kind == "tied" else tiny_models["gemma3"]
    folder = train(base, tokens=602, modules_to_save=["embed_tokens", "lm_head"])
    out = tmp_path / "merged"
    with pytest.raises(ModelError, match=r"vocabulary of 602, its base of 600: put the tokenizer"):
        merge(find_adapter(str(folder)), base, out)
    tokenizer = AutoTokenizer.from_pretrained(tiny_models["gemma3"])
    tokenizer.add_tokens(["<call>", "</call>"])
    tokenizer.save_pretrained(folder)
    merge(find_adapter(str(folder)), base, out)
    assert same(logits(base, folder, tokens=602), logits(out))
    assert len(AutoTokenizer.from_pretrained(out)("<call>").input_ids) == 1
    assert AutoConfig.from_pretrained(out).vocab_size == 602


@pytest.mark.parametrize("dtype", [None, "float32", "bfloat16"])
def test_the_type_is_the_base_s_or_the_one_asked_for(
    dtype: str | None,
    tmp_path: Path,
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
) -> None:
    base = tmp_path / "half"
    shutil.copytree(tiny_models["gemma3"], base)
    tensors = load_file(base / "model.safetensors")
    save_file(
        {k: v.to(torch.bfloat16) for k, v in tensors.items()},
        base / "model.safetensors",
        {"format": "pt"},
    )
    out = tmp_path / "merged"
    merge(find_adapter(str(tiny_adapters["gemma3"]["a"])), base, out, dtype=dtype)
    wanted = torch.float32 if dtype == "float32" else torch.bfloat16
    assert {t.dtype for t in load_file(out / "model.safetensors").values()} == {wanted}


def nothing_left(folder: Path) -> bool:
    return not [f for f in folder.iterdir() if f.name.startswith((".merging", "merged"))]


@pytest.mark.parametrize(
    ("name", "words"), [("misfit", "in the base"), ("dead", "changes nothing")]
)
def test_an_adapter_that_does_not_fit_or_does_nothing_is_refused(
    name: str,
    words: str,
    tmp_path: Path,
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
) -> None:
    adapter = find_adapter(str(tiny_adapters["gemma3"][name]))
    with pytest.raises(ModelError, match=words):
        merge(adapter, tiny_models["gemma3"], tmp_path / "merged")
    assert nothing_left(tmp_path)


def test_keys_of_another_architecture_are_refused(
    write: Write, tmp_path: Path, tiny_models: dict[str, Path]
) -> None:
    adapter = find_adapter(str(write(prefix="model.language_model.layers.")))
    with pytest.raises(ModelError, match="none of the base's"):
        merge(adapter, tiny_models["gemma3"], tmp_path / "merged")


def test_what_peft_itself_cannot_merge_is_refused_in_one_line(
    write: Write, tmp_path: Path, tiny_models: dict[str, Path]
) -> None:
    """A configuration that claims what the weights do not hold."""
    adapter = find_adapter(str(write(use_dora=True)))
    assert verify(adapter, tiny_models["gemma3"]).mergeable
    with pytest.raises(ModelError, match="'mine' ") as caught:
        merge(adapter, tiny_models["gemma3"], tmp_path / "merged")
    assert "\n" not in str(caught.value)
    assert nothing_left(tmp_path)


def test_what_exists_is_never_overwritten(
    write: Write, tmp_path: Path, tiny_models: dict[str, Path]
) -> None:
    out = tmp_path / "merged"
    out.mkdir()
    with pytest.raises(ModelError, match="exists already"):
        merge(find_adapter(str(write())), tiny_models["gemma3"], out)
    assert list(out.iterdir()) == []


def test_a_dtype_that_is_none_and_a_place_that_cannot_be_written_are_refused(
    write: Write, tmp_path: Path, tiny_models: dict[str, Path]
) -> None:
    adapter, base = find_adapter(str(write())), tiny_models["gemma3"]
    with pytest.raises(ModelError, match="no dtype 'int4'"):
        merge(adapter, base, tmp_path / "merged", dtype="int4")
    (tmp_path / "file").touch()
    with pytest.raises(ModelError, match="cannot write to"):
        merge(adapter, base, tmp_path / "file" / "merged")
