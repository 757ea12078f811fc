"""Hashes of weights, and folders that are no model."""

import hashlib
import json
from pathlib import Path

import pytest

from adapters import ModelError
from adapters.weights import MARK, check_folder, file_hash, weights_hash


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two files of weights (their content plays no part here)."""
    made = tmp_path / "model"
    made.mkdir()
    (made / "config.json").write_text("{}")
    (made / "model-1.safetensors").write_bytes(b"\x00" * 100)
    (made / "model-2.safetensors").write_bytes(b"\x01" * 100)
    return made


def flip(file: Path, at: int) -> None:
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(bytes(data))


def test_a_file_s_hash_is_its_sha256(tmp_path: Path) -> None:
    file, data = tmp_path / "x", bytes(range(256)) * 20000
    file.write_bytes(data)
    assert file_hash(file) == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("at", [0, 50, 99])
@pytest.mark.parametrize("name", ["model-1.safetensors", "model-2.safetensors"])
def test_one_changed_bit_anywhere_changes_the_hash(folder: Path, name: str, at: int) -> None:
    before = weights_hash(folder)
    flip(folder / name, at)
    assert weights_hash(folder) != before
    flip(folder / name, at)
    assert weights_hash(folder) == before


def test_names_count_when_there_are_several_files(folder: Path) -> None:
    before = weights_hash(folder)
    (folder / "model-2.safetensors").rename(folder / "model-3.safetensors")
    assert weights_hash(folder) != before


def test_what_is_not_weights_does_not_count(folder: Path) -> None:
    before = weights_hash(folder)
    (folder / "README.md").write_text("hello")
    (folder / "config.json").write_text('{"a": 1}')
    assert weights_hash(folder) == before


def test_the_hash_of_a_single_file_is_its_sha256(folder: Path) -> None:
    (folder / "model-2.safetensors").unlink()
    assert weights_hash(folder) == file_hash(folder / "model-1.safetensors")


def test_a_mark_is_believed_only_while_names_and_sizes_agree(folder: Path) -> None:
    real = weights_hash(folder)
    files = [[f.name, f.stat().st_size] for f in sorted(folder.glob("*.safetensors"))]
    (folder / MARK).write_text(json.dumps({"weights": "f" * 64, "files": files}))
    assert weights_hash(folder) == "f" * 64
    (folder / "model-3.safetensors").write_bytes(b"")
    assert weights_hash(folder) not in ("f" * 64, real)
    (folder / "model-3.safetensors").unlink()
    (folder / "model-2.safetensors").write_bytes(b"\x01" * 101)
    assert weights_hash(folder) not in ("f" * 64, real)


def test_a_folder_of_safetensors_is_accepted_even_with_pickles_beside(folder: Path) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"")
    check_folder(folder)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "x.pt", "x.pth", "x.ckpt", "x.pkl"])
def test_a_folder_of_pickles_only_is_refused_and_says_why(folder: Path, name: str) -> None:
    for file in folder.glob("*.safetensors"):
        file.unlink()
    (folder / name).write_bytes(b"")
    with pytest.raises(ModelError, match=f"pickled weights only .{name}., which can run code"):
        check_folder(folder)


def test_a_folder_without_configuration_or_weights_is_refused(folder: Path) -> None:
    for file in folder.glob("*.safetensors"):
        file.unlink()
    with pytest.raises(ModelError, match="holds no weights"):
        check_folder(folder)
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match=r"no config\.json"):
        check_folder(folder)
