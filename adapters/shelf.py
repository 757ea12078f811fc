"""The adapters in home: putting one there, finding it, its ancestors, taking it out."""

import os
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.base import at_hand, base_name
from adapters.card import BaseRef, Card, Parent, load_card, new_card, save_card
from adapters.errors import ModelError
from adapters.home import home, home_folder
from adapters.hub import fetch_adapter, is_hub_id
from adapters.lora import read_adapter
from adapters.model import Adapter
from adapters.registry import find_adapter, find_model
from adapters.verify import verify
from adapters.weights import CONFIG, WEIGHTS, file_hash, weights_hash

__all__ = ["Ancestor", "add", "adopt", "export", "find", "free", "lineage", "names", "remove"]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_KEPT = (
    "README.md",
    ".eval_results/*.yaml",
    "LICENSE*",
    "NOTICE*",
    "tokenizer*",
    "special_tokens_map.json",
    "*.jinja",
)
_FATAL = ("card", "unreadable", "empty", "partner", "shape", "rank-mismatch", "no-module", "config")
"""Findings of verify with which an adapter is not taken in: it is broken, or of another base."""


@dataclass(frozen=True, kw_only=True)
class Ancestor:
    """One link of a lineage. weights: sha256 as its child's card (or its own) has it; found: `here`,
    `gone` (no adapter of that name in home) or `changed` (other weights bear the name now).
    """

    name: str
    weights: str
    state: str
    found: str


def names() -> list[str]:
    """The names of the adapters in home, sorted."""
    shelf = home() / "adapters"
    try:
        folders = [f for f in shelf.iterdir() if f.is_dir()] if shelf.is_dir() else []
    except OSError as error:
        raise ModelError(f"cannot read {shelf}: {error.strerror}") from None
    return sorted(f.name for f in folders if not f.name.startswith("."))


def find(name: str) -> Adapter:
    """An adapter in home by its name. Errors: ModelError, with the names there are."""
    folder = _folder(name)
    if name not in names():
        raise ModelError(f"there is no adapter {name!r} in {folder.parent}", known=names())
    adapter = read_adapter(folder)
    if adapter.name != name:
        raise ModelError(
            f"{folder} holds the adapter {adapter.name!r}: rename the folder back, or export it and "
            "add it anew"
        )
    return adapter


def add(
    source: str, *, name: str | None = None, base: str | None = None, parent: str | None = None
) -> Adapter:
    """Copy a PEFT folder, or a hub repository (`owner/name`), into home, with a card; all or nothing.

    A card that lies beside the weights already is kept; what is given here wins. name: default the
    card's, or the folder's. base: default what the adapter says; its hash is recorded when it is at hand.
    parent: the name of an adapter in home. Errors: ModelError for a name that is taken, pickled or broken
    weights, an adapter that does not fit the base, an unknown parent, or a home that cannot be written.
    """
    path = Path(source).expanduser()
    folder = bool(source.strip()) and path.is_dir()
    hub = not folder and is_hub_id(source)
    if not folder and not hub:
        raise ModelError(f"there is no folder {source!r}, and it is no hub id (owner/name)")
    card = None if hub else load_card(path)
    own = card.name if card else (source.split("/")[-1] if hub else path.resolve().name)
    wanted = free(name or own)
    with _making(home_folder("adapters"), ".adding-") as work:
        made = work / wanted
        if hub:
            fetch_adapter(source, made)
        else:
            _copy(path, made)
        save_card(made, _card(made, wanted, base, parent))
        _into_place(made, home() / "adapters" / wanted)
    return find(wanted)


def free(name: str) -> str:
    """The name, if a new adapter in home may have it. Errors: ModelError if it cannot, or is taken."""
    wanted = _checked(name)
    if wanted in names():
        raise ModelError(
            f"there is an adapter {wanted!r} already: give another --name, or remove it first "
            f"(callbench adapters remove {wanted})"
        )
    return wanted


def adopt(folder: Path) -> Adapter:
    """Move a finished adapter's folder into home, as it is, under the name that its card gives.

    The folder must lie on home's file system. Errors: ModelError for a folder without a card, a name that
    is taken, or a home that cannot be written.
    """
    card = load_card(folder)
    if card is None:
        raise ModelError(f"{folder} holds no adapter with a card")
    _into_place(folder, home_folder("adapters") / free(card.name))
    return find(card.name)


def remove(name: str, *, force: bool = False) -> None:
    """Take an adapter out of home for good.

    Errors: ModelError if there is none, or if another one names it as its parent (unless `force`).
    """
    folder = _folder(name)
    if name not in names():
        raise ModelError(f"there is no adapter {name!r} in {folder.parent}", known=names())
    children = [child for child in names() if child != name and _parent(child) == name]
    if children and not force:
        raise ModelError(
            f"{name!r} is the parent of {', '.join(map(repr, children))}: remove "
            f"{'that one' if len(children) == 1 else 'those'} first, or give --force"
        )
    try:
        with _making(folder.parent, ".removing-") as work:
            folder.rename(work / name)
    except OSError as error:
        raise ModelError(f"cannot remove {folder}: {error.strerror}") from None


def lineage(name: str) -> tuple[Ancestor, ...]:
    """The adapter and its ancestors, youngest first, as the cards tell; ends at a gap or at a circle."""
    adapter = find(name)
    weights = file_hash(adapter.folder / WEIGHTS)
    chain = [Ancestor(name=name, weights=weights, state=_state(adapter.card), found="here")]
    card, seen = adapter.card, {name}
    while card is not None and card.parent is not None and card.parent.name not in seen:
        parent = card.parent
        seen.add(parent.name)
        found, card = _seen(parent)
        state = _state(card)
        chain.append(Ancestor(name=parent.name, weights=parent.weights, state=state, found=found))
        if found != "here":
            break
    return tuple(chain)


def export(name: str, out: Path) -> Path:
    """Copy an adapter out of home: into a new folder, or into `out` if it ends with .zip.

    What is written loads in plain PEFT; the card goes with it. Errors: ModelError if `out` exists or
    cannot be written.
    """
    adapter = find_adapter(name)
    if out.exists():
        raise ModelError(f"{out} exists already: give another name")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with _making(out.parent, ".exporting-") as work:
            made = work / adapter.name
            _copy(adapter.folder, made)
            if out.suffix == ".zip":
                made = _zipped(made, work / out.name)
            _into_place(made, out)
    except OSError as error:
        raise ModelError(f"cannot write {out}: {error.strerror}") from None
    return out


def _folder(name: str) -> Path:
    return home() / "adapters" / name


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ModelError(
            f"{name!r} cannot name an adapter: use letters, digits, dots, - and _, at most 100 "
            "(give one with --name)"
        )
    return name


def _card(folder: Path, name: str, base: str | None, parent: str | None) -> Card:
    """The card of a folder that is about to enter home; checks it against its base on the way."""
    adapter = read_adapter(folder)
    given = base or adapter.base
    if base is not None:
        find_model(base)  # a mistyped name is refused
    base_folder = at_hand(given) if given else None
    found = verify(adapter, base_folder)
    for finding in found.errors:
        if finding.code in _FATAL:
            remedy = f"; {finding.remedy}" if finding.remedy else ""
            raise ModelError(f"this adapter cannot be added: {finding.text}{remedy}")
    hashed = weights_hash(base_folder) if base_folder else None
    known = BaseRef(name=base_name(given), hash=hashed)
    old = adapter.card
    if old is None:
        made = new_card(folder, name, base=known, licence=_licence(folder))
    elif base is None and old.base.hash is not None:
        made = old.model_copy(update={"name": name})
    else:
        made = old.model_copy(update={"name": name, "base": known})
    if parent is None:
        return made
    elder = find(parent)
    other = elder.card.base.hash if elder.card else None
    if other and made.base.hash and other != made.base.hash:
        raise ModelError(f"{parent!r} is an adapter of another base, and cannot be the parent")
    weights = file_hash(elder.folder / WEIGHTS)
    return made.model_copy(update={"parent": Parent(name=parent, weights=weights)})


def _licence(folder: Path) -> str:
    """The licence that a hub README states in its front matter, or nothing."""
    try:
        text = (folder / "README.md").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    front = re.match(r"---\n(.*?)\n---", text, re.DOTALL)
    found = (
        re.search(r"^license:[ \t]*[\"']?([^\"'\n#]+)", front[1], re.MULTILINE) if front else None
    )
    return found[1].strip() if found else ""


def _parent(child: str) -> str | None:
    """The parent's name of an adapter in home; of a broken one, whatever its card still says."""
    try:
        card = load_card(_folder(child))
    except ModelError:
        try:
            text = (_folder(child) / "card.toml").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return None
        found = re.search(r'^\[parent\]\s*^name = "([^"]*)"', text, re.MULTILINE)
        return found[1] if found else None
    return card.parent.name if card and card.parent else None


def _seen(parent: Parent) -> tuple[str, Card | None]:
    if parent.name not in names():
        return "gone", None
    try:
        adapter = find(parent.name)
    except ModelError:
        return "changed", None
    same = file_hash(adapter.folder / WEIGHTS) == parent.weights
    return ("here", adapter.card) if same else ("changed", None)


def _state(card: Card | None) -> str:
    return card.state.value if card else ""


def _copy(source: Path, target: Path) -> None:
    """The files of an adapter, no others: weights, configuration, card, and what may have to go along."""
    read_adapter(source)
    wanted = {source / CONFIG, source / WEIGHTS, source / "card.toml"}
    for pattern in _KEPT:
        wanted |= set(source.glob(pattern))
    try:
        target.mkdir()
        for file in sorted(f for f in wanted if f.is_file()):
            copy = target / file.relative_to(source)
            copy.parent.mkdir(exist_ok=True)
            shutil.copyfile(file, copy)
    except OSError as error:
        raise ModelError(f"cannot copy {source}: {error.strerror}") from None


@contextmanager
def _making(folder: Path, prefix: str) -> Iterator[Path]:
    """A folder beside the final place, so that the last step is a rename; removed whatever happens."""
    try:
        work = Path(tempfile.mkdtemp(prefix=prefix, dir=folder))
    except OSError as error:
        raise ModelError(f"cannot write to {folder}: {error.strerror}") from None
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _into_place(made: Path, target: Path) -> None:
    if target.exists():
        raise ModelError(f"{target} exists already")
    try:
        os.rename(made, target)  # noqa: PTH104  (a file or a folder; never over a folder with files)
    except OSError as error:
        raise ModelError(f"cannot write {target}: {error.strerror}") from None


def _zipped(folder: Path, target: Path) -> Path:
    """One folder as a zip file, byte for byte the same each time."""
    with zipfile.ZipFile(target, "w") as archive:
        for file in sorted(f for f in folder.rglob("*") if f.is_file()):
            entry = zipfile.ZipInfo(f"{folder.name}/{file.relative_to(folder).as_posix()}")
            entry.external_attr = 0o644 << 16
            with file.open("rb") as stream, archive.open(entry, "w", force_zip64=True) as out:
                shutil.copyfileobj(stream, out)
    return target
