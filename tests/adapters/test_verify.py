"""Every finding of verify, each on a real adapter folder of a real (tiny) base."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
from safetensors.numpy import load_file, save_file

from adapters import ModelError, find_adapter
from adapters.card import BaseRef, new_card, save_card
from adapters.verify import Verification, verify
from adapters.weights import weights_hash

Arrays = dict[str, Any]
Write = Callable[..., Path]
Train = Callable[..., Path]
Q = "base_model.model.model.layers.0.self_attn.q_proj"
TEXT, SEEING = "Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"


@pytest.fixture
def base(tiny_models: dict[str, Path]) -> Path:
    return tiny_models["gemma3"]


@pytest.fixture
def built(tmp_path: Path, base: Path) -> Callable[..., Path]:
    """The tiny base again, under another architecture and other names of its weights."""

    def make(architecture: str, prefix: str = "model.", **fields: object) -> Path:
        folder = tmp_path / f"base-{architecture}-{prefix.strip('.')}"
        folder.mkdir()
        config = json.loads((base / "config.json").read_text())
        config |= {"architectures": [architecture], **fields}
        (folder / "config.json").write_text(json.dumps(config))
        tensors = load_file(base / "model.safetensors")
        renamed = {
            f"{prefix}{k.removeprefix('model.')}" if k.startswith("model.") else k: v
            for k, v in tensors.items()
        }
        save_file(renamed, folder / "model.safetensors")
        return folder

    return make


def codes(result: Verification) -> list[tuple[str, str]]:
    return [(f.level, f.code) for f in result.findings]


def only(result: Verification, code: str, *, merge: bool = False) -> str:
    """The text of the one error, which must have this code and this way out."""
    (error,) = result.errors
    assert (error.code, error.merge) == (code, merge)
    assert error.remedy
    assert not result.servable
    assert result.mergeable is merge
    assert result.max_lora_rank is None
    return error.text


@pytest.mark.parametrize("family", ["gemma2", "gemma3"])
@pytest.mark.parametrize("name", ["a", "b"])
def test_adapters_that_peft_made_can_be_served(
    family: str,
    name: str,
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
) -> None:
    result = verify(tiny_adapters[family][name], tiny_models[family])
    assert result.findings == ()
    assert (result.rank, result.max_lora_rank, result.modules) == (4, 8, 14)
    assert result.base == tiny_models[family]


def test_a_loaded_adapter_is_verified_like_its_folder(write: Write, base: Path) -> None:
    folder = write()
    assert verify(find_adapter(str(folder)), base) == verify(folder, base)


def test_a_base_that_is_not_at_hand_is_a_warning(write: Write) -> None:
    result = verify(write())
    assert codes(result) == [("warning", "no-base")]
    assert result.servable


@pytest.mark.parametrize(
    ("fields", "code", "merge"),
    [
        ({"modules_to_save": ["lm_head"]}, "modules-to-save", True),
        ({"trainable_token_indices": [5]}, "token-indices", True),
        ({"use_dora": True}, "dora", True),
        ({"lora_bias": True}, "lora-bias", False),
        ({"bias": "all"}, "bias", True),
        ({"init_lora_weights": "pissa"}, "init", True),
        ({"init_lora_weights": "pissa_niter_4"}, "init", True),
        ({"init_lora_weights": "olora"}, "init", True),
        ({"init_lora_weights": "corda"}, "init", True),
        ({"init_lora_weights": "loftq"}, "init", True),
        ({"alora_invocation_tokens": [1, 2]}, "alora", False),
        ({"layer_replication": [[0, 2], [1, 2]]}, "layer-replication", False),
        ({"use_qalora": True}, "qalora", False),
        ({"use_bdlora": {"nblocks": 2}}, "bd-lora", True),
        ({"kasa_config": {"beta": 0.1}}, "unread", False),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_features_that_vllm_refuses_or_does_not_read(
    fields: dict[str, object], code: str, merge: bool, write: Write, base: Path
) -> None:
    only(verify(write(**fields), base), code, merge=merge)


@pytest.mark.parametrize(
    "fields",
    [
        {"use_rslora": True},
        {"alpha_pattern": {"q_proj": 32}},
        {"modules_to_save": ["score"]},
        {"modules_to_save": None},
        *({"init_lora_weights": init} for init in (True, False, "gaussian", "eva", "orthogonal")),
    ],
    ids=str,
)
def test_features_that_vllm_takes(fields: dict[str, object], write: Write, base: Path) -> None:
    assert verify(write(**fields), base).findings == ()


@pytest.mark.parametrize(
    ("rank", "needed"), [(1, 1), (2, 8), (8, 8), (9, 16), (64, 64), (300, 320)]
)
def test_the_max_lora_rank_it_needs_is_told(
    rank: int, needed: int, write: Write, base: Path
) -> None:
    result = verify(write(r=rank, edit=lambda t: resize(t, rank)), base)
    assert result.findings == ()
    assert (result.rank, result.max_lora_rank) == (rank, needed)


def resize(tensors: Arrays, rank: int, part: str = "") -> None:
    for key, value in tensors.items():
        if part in key:
            shape = (rank, value.shape[1]) if "lora_A" in key else (value.shape[0], rank)
            tensors[key] = numpy.ones(shape, dtype="float32")


def test_a_rank_above_512_must_be_merged(write: Write, base: Path) -> None:
    result = verify(write(r=513, edit=lambda t: resize(t, 513)), base)
    assert "513 is above 512" in only(result, "rank", merge=True)


def test_the_highest_rank_of_a_pattern_counts(write: Write, base: Path) -> None:
    pattern = {"layers.1.self_attn.q_proj": 20}
    folder = write(rank_pattern=pattern, edit=lambda t: resize(t, 20, "1.self_attn.q_proj"))
    result = verify(folder, base)
    assert result.findings == ()
    assert (result.rank, result.max_lora_rank) == (20, 32)


def test_weights_of_another_rank_than_the_configuration_s_are_refused(
    write: Write, base: Path
) -> None:
    result = verify(write(rank_pattern={"q_proj": 8}), base)
    text = only(result, "rank-mismatch")
    assert "2 modules have another rank than the configuration says" in text
    assert "q_proj: 4, and 8 there" in text


@pytest.mark.parametrize("rank", [0, -1, "4", None, True])
def test_a_rank_that_is_none_is_refused(rank: object, write: Write, base: Path) -> None:
    only(verify(write(r=rank), base), "rank")


@pytest.mark.parametrize("name", ["r", "lora_alpha", "target_modules"])
def test_a_configuration_that_lacks_something_is_refused(
    name: str, write: Write, base: Path
) -> None:
    folder = write()
    file = folder / "adapter_config.json"
    config = json.loads(file.read_text())
    del config[name]
    file.write_text(json.dumps(config))
    assert ("error", "config") in codes(verify(folder, base))


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"use_dora": True}, {"dora"}),
        ({"modules_to_save": ["lm_head"]}, {"modules-to-save", "embedding-copy"}),
        ({"trainable_token_indices": [5, 6]}, {"token-indices"}),
        ({"target_modules": ["q_proj", "lm_head"]}, {"embedding", "embedding-copy"}),
        ({"target_modules": ["embed_tokens"]}, {"embedding", "embedding-copy"}),
        ({"init_lora_weights": "pissa"}, {"init"}),
    ],
    ids=str,
)
@pytest.mark.filterwarnings("ignore")
def test_adapters_that_peft_made_with_more_than_vllm_serves_must_be_merged(
    fields: dict[str, object], code: set[str], train: Train, base: Path
) -> None:
    """PEFT's own files: nothing in them is misread as damage."""
    result = verify(train(base, **fields), base)
    found = {f.code for f in result.errors}
    assert code - {"embedding-copy"} <= found <= code
    assert result.mergeable


def copy_of_embedding(base: Path, change: float, name: str = "embed_tokens.base_layer") -> Any:
    embedding = load_file(base / "model.safetensors")["model.embed_tokens.weight"]

    def edit(tensors: Arrays) -> None:
        tensors[f"base_model.model.model.{name}.weight"] = embedding + change

    return edit


@pytest.mark.parametrize("change", [0.0, 0.5])
def test_a_copy_of_the_base_s_embedding_is_harmless_only_if_it_is_equal(
    change: float, write: Write, base: Path
) -> None:
    """vLLM skips it without a word."""
    result = verify(write(edit=copy_of_embedding(base, change)), base)
    if change:
        only(result, "embedding-copy", merge=True)
    else:
        assert codes(result) == [("warning", "embedding-copy")]


def test_a_whole_embedding_is_refused_even_if_it_is_equal(write: Write, base: Path) -> None:
    result = verify(write(edit=copy_of_embedding(base, 0.0, "embed_tokens")), base)
    only(result, "embedding-copy", merge=True)


def test_llama_may_have_its_output_layer_adapted_and_gemma_not(
    write: Write, built: Callable[..., Path]
) -> None:
    def edit(tensors: Arrays) -> None:
        tensors["base_model.model.lm_head.lora_A.weight"] = numpy.ones((4, 48), dtype="float32")
        tensors["base_model.model.lm_head.lora_B.weight"] = numpy.ones((600, 4), dtype="float32")

    folder = write(edit=edit)
    assert verify(folder, built("LlamaForCausalLM")).findings == ()
    only(verify(folder, built(TEXT)), "embedding", merge=True)
    only(verify(folder), "embedding", merge=True)
    huge = built("Qwen3ForCausalLM", vocab_size=262144)
    assert "262144" in only(verify(folder, huge), "embedding", merge=True)


def test_a_tensor_that_is_no_lora_weight_is_refused(write: Write, base: Path) -> None:
    def edit(tensors: Arrays) -> None:
        tensors[f"{Q}.lora_magnitude_vector"] = numpy.ones(3, dtype="float32")

    assert "lora_magnitude_vector" in only(verify(write(edit=edit), base), "unknown-tensor")


@pytest.mark.parametrize("part", ["lora_A", "lora_B"])
def test_a_weight_without_its_partner_is_refused(part: str, write: Write, base: Path) -> None:
    folder = write(edit=lambda t: t.pop(f"{Q}.{part}.weight"))
    assert "self_attn.q_proj" in only(verify(folder, base), "partner")


def test_lora_a_and_lora_b_must_fit_each_other(write: Write, base: Path) -> None:
    def edit(tensors: Arrays) -> None:
        tensors[f"{Q}.lora_B.weight"] = tensors[f"{Q}.lora_B.weight"][:, :3].copy()

    assert "do not fit each other" in only(verify(write(edit=edit), base), "shape")


def test_shapes_must_fit_the_base(
    tiny_adapters: dict[str, dict[str, Path]], tiny_models: dict[str, Path]
) -> None:
    result = verify(tiny_adapters["gemma3"]["misfit"], tiny_models["gemma3"])
    assert "in the base" in only(result, "shape")
    assert verify(tiny_adapters["gemma3"]["misfit"]).servable, "without its base nobody can know"


@pytest.mark.parametrize(
    ("architecture", "checkpoint", "adapter", "served"),
    [
        (TEXT, "model.", "model.layers.", True),
        (TEXT, "model.", "model.language_model.layers.", False),
        (TEXT, "model.", "layers.", False),
        (SEEING, "model.language_model.", "model.language_model.layers.", True),
        (SEEING, "language_model.model.", "model.language_model.layers.", True),
        (SEEING, "language_model.model.", "language_model.model.layers.", True),
        (SEEING, "model.language_model.", "model.layers.", False),
        ("Gemma4ForCausalLM", "model.", "model.language_model.layers.", True),
        ("Gemma4ForConditionalGeneration", "model.language_model.", "model.layers.", True),
        (
            "Gemma4ForConditionalGeneration",
            "model.language_model.",
            "model.language_model.layers.",
            True,
        ),
    ],
)
def test_keys_that_vllm_would_skip_in_silence_are_refused(
    architecture: str,
    checkpoint: str,
    adapter: str,
    served: bool,
    write: Write,
    built: Callable[..., Path],
) -> None:
    result = verify(write(prefix=adapter), built(architecture, checkpoint))
    if served:
        assert result.findings == ()
        return
    text = only(result, "no-module")
    assert text.startswith("14 of its 14 modules are none of the base's")
    assert (
        f"rename {adapter.removesuffix('layers.') or '(no prefix)'} to" in result.errors[0].remedy
    )


def test_one_module_that_the_base_lacks_is_refused_too(write: Write, base: Path) -> None:
    def edit(tensors: Arrays) -> None:
        for part in ("lora_A", "lora_B"):
            tensors[f"{Q.replace('.0.', '.9.')}.{part}.weight"] = tensors[f"{Q}.{part}.weight"]

    text = only(verify(write(edit=edit), base), "no-module")
    assert "1 of its 15 modules" in text
    assert "layers.9.self_attn.q_proj" in text


def test_an_architecture_without_adapters_in_vllm_must_be_merged(
    write: Write, built: Callable[..., Path]
) -> None:
    base = built("Gemma3nForConditionalGeneration")
    assert "Gemma3n" in only(verify(write(), base), "architecture", merge=True)


def test_an_architecture_that_is_not_known_here_is_a_warning(
    write: Write, built: Callable[..., Path]
) -> None:
    result = verify(write(), built("FutureForCausalLM"))
    assert codes(result) == [("warning", "architecture")]
    assert result.servable


def test_every_lora_b_at_zero_is_refused_and_one_is_a_warning(write: Write, base: Path) -> None:
    def none(tensors: Arrays) -> None:
        for key, value in tensors.items():
            if "lora_B" in key:
                value[:] = -0.0

    def most(tensors: Arrays) -> None:
        kept = tensors[f"{Q}.lora_B.weight"].copy()
        none(tensors)
        tensors[f"{Q}.lora_B.weight"] = kept

    only(verify(write("none", edit=none), base), "dead")
    assert codes(verify(write("most", edit=most), base)) == [("warning", "partly-dead")]


def test_peft_s_untrained_adapter_is_dead(
    tiny_adapters: dict[str, dict[str, Path]], tiny_models: dict[str, Path]
) -> None:
    only(verify(tiny_adapters["gemma2"]["dead"], tiny_models["gemma2"]), "dead")


@pytest.mark.parametrize("value", [numpy.inf, -numpy.inf, numpy.nan])
@pytest.mark.parametrize("kind", ["float32", "float16"])
def test_infinite_weights_are_refused(value: float, kind: str, write: Write, base: Path) -> None:
    def edit(tensors: Arrays) -> None:
        for key in tensors:
            tensors[key] = tensors[key].astype(kind)
        tensors[f"{Q}.lora_A.weight"][1, 2] = value

    only(verify(write(edit=edit), base), "not-finite")


def test_bfloat16_is_read_without_torch(write: Write, base: Path) -> None:
    """numpy has no such type: values are judged by their bits."""
    import torch
    from safetensors.torch import load_file as load
    from safetensors.torch import save_file as save

    folder = write()
    file = folder / "adapter_model.safetensors"
    tensors = {k: v.to(torch.bfloat16) for k, v in load(file).items()}
    save(tensors, file)
    assert verify(folder, base).findings == ()
    save({k: v if "lora_A" in k else v * -0.0 for k, v in tensors.items()}, file)
    only(verify(folder, base), "dead")
    save({k: v / 0 if "q_proj.lora_A" in k else v for k, v in tensors.items()}, file)
    only(verify(folder, base), "not-finite")


def test_weights_of_another_type_are_refused(write: Write, base: Path) -> None:
    def edit(kind: str) -> Callable[[Arrays], None]:
        return lambda tensors: tensors.update({k: v.astype(kind) for k, v in tensors.items()})

    assert "I8" in only(verify(write("whole", edit=edit("int8")), base), "dtype")
    for kind in ("float16", "float64"):
        assert verify(write(kind, edit=edit(kind)), base).findings == ()


def test_an_adapter_without_weights_is_refused(write: Write, base: Path) -> None:
    only(verify(write(edit=dict.clear), base), "empty")


@pytest.mark.parametrize("damage", ["cut", "junk", "none", "short", "offsets"])
def test_a_damaged_file_is_refused(damage: str, write: Write, base: Path) -> None:
    folder = write()
    file = folder / "adapter_model.safetensors"
    data = file.read_bytes()
    match damage:
        case "cut":
            data = data[:-100]
        case "junk":
            data = b"\xff" * 100
        case "none":
            data = b""
        case "short":
            data = data[:50]
        case _:
            data = data.replace(b'"shape":[4,', b'"shape":[5,', 1)
    file.write_bytes(data)
    only(verify(folder, base), "unreadable")


def test_pickled_weights_are_refused_with_the_remedy(write: Write, base: Path) -> None:
    folder = write()
    (folder / "adapter_model.safetensors").rename(folder / "adapter_model.bin")
    result = verify(folder, base)
    assert "can run code" in only(result, "pickle")
    assert "safe_serialization=True" in result.errors[0].remedy
    (folder / "adapter_model.bin").unlink()
    only(verify(folder, base), "weights")


def test_another_method_is_refused(write: Write, base: Path) -> None:
    assert "IA3" in only(verify(write(peft_type="IA3"), base), "method")


def test_swapped_weights_and_another_base_are_told_from_the_card(write: Write, base: Path) -> None:
    folder = write()
    right = new_card(folder, "mine", base=BaseRef(name="tiny", hash=weights_hash(base)))
    save_card(folder, right)
    assert verify(folder, base).findings == ()
    result = verify(folder, base, base_hash="c" * 64)
    assert codes(result) == [("error", "other-base")]
    save_card(folder, right.model_copy(update={"weights": "d" * 64}))
    only(verify(folder, base), "card")


def test_modules_outside_the_language_model_are_a_warning(
    write: Write, built: Callable[..., Path]
) -> None:
    base = built(SEEING, "model.language_model.")
    file = base / "model.safetensors"
    tower = "model.vision_tower.layers.0.q_proj"
    save_file({**load_file(file), f"{tower}.weight": numpy.ones((8, 8), dtype="float32")}, file)

    def edit(tensors: Arrays) -> None:
        tensors[f"base_model.model.{tower}.lora_A.weight"] = numpy.ones((4, 8), dtype="float32")
        tensors[f"base_model.model.{tower}.lora_B.weight"] = numpy.ones((8, 4), dtype="float32")

    result = verify(write(prefix="model.language_model.layers.", edit=edit), base)
    assert codes(result) == [("warning", "tower")]


def test_packed_weights_of_a_quantised_base_say_nothing_of_shape(
    write: Write, base: Path, tmp_path: Path
) -> None:
    packed = tmp_path / "packed"
    shutil.copytree(base, packed)
    tensors = {
        k: numpy.zeros(7, dtype="uint8") if "_proj" in k else v
        for k, v in load_file(base / "model.safetensors").items()
    }
    save_file(tensors, packed / "model.safetensors")
    assert verify(write(), packed).findings == ()


def test_a_folder_that_is_no_adapter_or_no_base_cannot_be_verified(
    write: Write, base: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"has no adapter_config\.json"):
        verify(base)
    with pytest.raises(ModelError, match=r"has no config\.json"):
        verify(write(), tmp_path)
    (tmp_path / "mine" / "adapter_config.json").write_text("[1")
    with pytest.raises(ModelError, match="is no JSON text"):
        verify(tmp_path / "mine")


def test_torch_is_never_imported(write: Write, base: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from adapters.verify import verify; "
        f"assert verify(Path({str(write())!r}), Path({str(base)!r})).servable; "
        "print([m for m in ('torch', 'transformers', 'peft') if m in sys.modules])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
