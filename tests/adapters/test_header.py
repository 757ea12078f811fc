"""The safetensors header against the reference reader, and against damage."""

import json
from pathlib import Path
from typing import Any

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save, save_file

from adapters import ModelError
from adapters.base import at_hand, read_base
from adapters.header import any_nonfinite, any_nonzero, raw, read_header

DATA = save({"a": numpy.arange(6, dtype="float32").reshape(2, 3), "b": numpy.ones(4, dtype="int8")})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("header") / "x.safetensors"


def test_names_types_shapes_and_values_are_those_of_the_reference(
    tiny_models: dict[str, Path],
) -> None:
    file = tiny_models["gemma2"] / "model.safetensors"
    tensors = read_header(file).tensors
    wanted = load_file(file)
    assert {k: t.shape for k, t in tensors.items()} == {k: v.shape for k, v in wanted.items()}
    assert {t.dtype for t in tensors.values()} == {"F32"}
    for name, tensor in tensors.items():
        assert raw(tensor).tobytes() == wanted[name].tobytes()


@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda b: b"\x20" + b"\0" * 7 + b))
def test_junk_is_refused(place: Path, data: bytes) -> None:
    place.write_bytes(data)
    with pytest.raises(ModelError, match="is no whole safetensors file"):
        read_header(place)


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255), st.integers(0, 3))
def test_a_damaged_file_is_refused_wherever_the_reference_refuses_it(
    place: Path, at: int, change: int, lost: int
) -> None:
    data = bytearray(DATA)
    data[at] ^= change
    place.write_bytes(bytes(data[: len(data) - lost]))
    try:
        with safe_open(place, framework="np") as file:
            known = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118
    except SafetensorError:
        try:
            tensors = read_header(place).tensors
        except ModelError:
            return
        # A type that the reference does not know is carried along; verify then names it.
        assert {t.dtype for t in tensors.values()} - {"F32", "I8"}
        return
    assert {k: list(t.shape) for k, t in read_header(place).tensors.items()} == known


@pytest.mark.parametrize(
    ("values", "nonzero", "nonfinite"),
    [
        ([0.0, -0.0], False, False),
        ([0.0, 1e-45], True, False),
        ([1.0, numpy.inf], True, True),
        ([0.0, -numpy.inf], True, True),
        ([0.0, numpy.nan], True, True),
        ([3.4e38, -1.0], True, False),
        ([], False, False),
    ],
)
def test_zero_and_infinity_are_told_from_the_bits(
    values: list[float], nonzero: bool, nonfinite: bool, tmp_path: Path
) -> None:
    file = tmp_path / "x.safetensors"
    save_file({"x": numpy.array(values, dtype="float32")}, file)
    tensor = read_header(file).tensors["x"]
    assert (any_nonzero(tensor), any_nonfinite(tensor)) == (nonzero, nonfinite)


def edit(folder: Path, **fields: Any) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


def test_a_base_without_one_of_its_shards_is_not_whole(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"architectures": ["Gemma2ForCausalLM"]}')
    save_file({"model.embed_tokens.weight": numpy.ones((3, 2))}, tmp_path / "one.safetensors")
    index = tmp_path / "model.safetensors.index.json"
    index.write_text('{"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}')
    assert at_hand(str(tmp_path)) is None
    with pytest.raises(ModelError, match=r"not whole: two\.safetensors is missing"):
        read_base(tmp_path)
    save_file({"model.norm.weight": numpy.ones(2)}, tmp_path / "two.safetensors")
    base = read_base(tmp_path)
    assert sorted(base.modules) == ["lm_head", "model.embed_tokens", "model.norm"]
    assert base.tied
    index.write_text("[]")
    with pytest.raises(ModelError, match="is no index of weights"):
        read_base(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "3", '{"architectures": 3}', "\x00"])
def test_a_configuration_that_is_none_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text)
    save_file({"x": numpy.ones(2)}, tmp_path / "one.safetensors")
    with pytest.raises(ModelError, match="is no model configuration"):
        read_base(tmp_path)
