"""Reading a corpus: the publisher's set on the hub, or files and folders of it.

    load_corpus("hermes-thinking")                       the publisher's set, fetched by `datasets`
    load_corpus("seal-tools", "../data/seal-tools")      a file or folder: .jsonl .json .parquet .csv
    load_corpus("openai", "someone/their-set")           another set on the hub, in the format of that name

Files: a folder is read whole, in the order of its names, and all its rows count as the corpus' rows. JSON is
read strictly; a line that is none is left out with its place, like a row that does not convert. A place is
`corpus/file:line` (or the number of the row), and the id of an example is its place.
"""

import random
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from bench.errors import UsageError
from suites.json_text import loads
from train.corpora.base import DEFAULTS, BadRow, Converted, Options, Place, Rows
from train.corpora.catalogue import Corpus, find_corpus

__all__ = ["SUFFIXES", "load_corpus"]

SUFFIXES = (".jsonl", ".ndjson", ".json", ".parquet", ".csv")
"""Files that are read."""
_BUFFER = 10_000
"""Rows among which a streamed set is shuffled."""


def load_corpus(
    name: str,
    source: str | Path | None = None,
    *,
    configs: Iterable[str] | None = None,
    split: str | None = None,
    revision: str | None = None,
    streaming: bool = False,
    limit: int | None = None,
    seed: int | None = None,
    options: Options = DEFAULTS,
) -> Converted:
    """The corpus of that name as examples; source: a file, a folder or a hub id, else the publisher's set.

    configs, split, revision, streaming: of a set on the hub. seed: shuffle the rows (a streamed set within
    a window of 10,000); limit: read that many rows, after shuffling. Seal-Tools' rows of tools always count
    in full. Errors: UsageError, one line with the remedy.
    """
    corpus = find_corpus(name)
    if limit is not None and limit < 1:
        raise UsageError(f"the limit must be at least 1, not {limit}")
    path = _path(source)
    if path is not None:
        rows: Rows = _shuffled(_file_rows(path, corpus), seed)
    else:
        where = str(source) if source is not None else corpus.hub
        if where is None:
            raise UsageError(f"corpus {name!r} needs a file or folder of its rows")
        own = where == corpus.hub
        parts = tuple(configs) if configs is not None else (corpus.configs if own else ())
        wanted = split or corpus.split
        rows = _hub_rows(where, parts or (None,), wanted, revision, streaming, seed)
    return corpus.convert(_limited(rows, limit), options)


def _path(source: str | Path | None) -> Path | None:
    """The path that the source is, or None for a hub id. Errors: UsageError if it is neither."""
    if source is None:
        return None
    path = Path(source).expanduser()
    try:
        if path.exists():
            return path
    except OSError:
        pass
    text = str(source)
    words = text.split("/")
    plain = all(w and w.strip(".") and not set(w) & set(" \\:") for w in words)
    if isinstance(source, Path) or len(words) != 2 or not plain or path.suffix in SUFFIXES:
        raise UsageError(f"there is no file or folder {text!r}")
    return None


def _limited(rows: Rows, limit: int | None) -> Rows:
    """The first `limit` rows, and every row of tools."""
    if limit is None:
        return rows

    def kept() -> Iterator[tuple[Place, Any]]:
        taken = 0
        for place, row in rows:
            if isinstance(row, dict) and "api_name" in row:
                yield place, row
            elif taken < limit:
                taken += 1
                yield place, row

    return kept() if _has_tools(rows) else islice(rows, limit)


def _has_tools(rows: Rows) -> bool:
    return isinstance(rows, list) and any(isinstance(r, dict) and "api_name" in r for _, r in rows)


def _shuffled(rows: Iterator[tuple[Place, Any]], seed: int | None) -> Rows:
    found = list(rows)
    if seed is not None:
        random.Random(seed).shuffle(found)
    return found


# --- files ------------------------------------------------------------------------------------------


def _file_rows(path: Path, corpus: Corpus) -> Iterator[tuple[Place, Any]]:
    if path.is_file():
        files = [path]
        if path.suffix.lower() not in SUFFIXES:
            raise UsageError(f"{path} is no {', '.join(SUFFIXES)} file")
    else:
        files = sorted(
            f
            for f in path.rglob("*")
            if f.suffix.lower() in SUFFIXES
            and f.is_file()
            and f.name not in corpus.unread
            and not any(part.startswith(".") for part in f.relative_to(path).parts)
        )
        if not files:
            raise UsageError(f"{path} holds no {', '.join(SUFFIXES)} file")
    for file in files:
        name = file.name if path.is_file() else file.relative_to(path).as_posix()
        yield from _rows_of(file, f"{corpus.name}/{name}")


def _rows_of(file: Path, place: str) -> Iterator[tuple[Place, Any]]:
    suffix = file.suffix.lower()
    if suffix in (".parquet", ".csv"):
        yield from _table_rows(file, place, suffix.removeprefix("."))
        return
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not UTF-8 text") from None
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}") from None
    if suffix == ".json" and text.lstrip()[:1] == "[":
        try:
            rows = loads(text)
        except ValueError as error:
            raise UsageError(f"{file} is broken: {error}") from None
        yield from ((f"{place}:{number}", row) for number, row in enumerate(rows, start=1))
        return
    whole = _one_object(text) if suffix == ".json" else None
    if whole is not None:
        yield f"{place}:1", whole
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            yield f"{place}:{number}", _line(line)


def _one_object(text: str) -> Any:
    """A file that is one row written over several lines, else None."""
    try:
        return loads(text) if text.strip() else None
    except ValueError:
        return None


def _line(line: str) -> Any:
    try:
        return loads(line)
    except ValueError as error:
        return BadRow(str(error))


def _table_rows(file: Path, place: str, kind: str) -> Iterator[tuple[Place, Any]]:
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    try:
        rows = load_dataset(kind, data_files=[str(file)], split="train", streaming=True)
        for number, row in enumerate(rows, start=1):
            yield f"{place}:{number}", row
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        raise UsageError(f"{file} cannot be read: {_brief(error)}") from None


# --- the hub ----------------------------------------------------------------------------------------


def _hub_rows(
    where: str,
    configs: tuple[str | None, ...],
    split: str,
    revision: str | None,
    streaming: bool,
    seed: int | None,
) -> Rows:
    """The rows of each part in turn; each part is shuffled on its own."""
    parts = (_part_rows(where, c, split, revision, streaming, seed) for c in configs)
    return chain.from_iterable(parts)


def _part_rows(
    where: str,
    config: str | None,
    split: str,
    revision: str | None,
    streaming: bool,
    seed: int | None,
) -> Iterator[tuple[Place, Any]]:
    from datasets import load_dataset
    from datasets.exceptions import DatasetNotFoundError, DatasetsError

    place = f"{where}/{config}" if config else where
    try:
        rows = load_dataset(where, config, split=split, revision=revision, streaming=streaming)
        if seed is not None:
            extra = {"buffer_size": _BUFFER} if streaming else {}
            rows = rows.shuffle(seed=seed, **extra)
        for number, row in enumerate(rows, start=1):
            yield f"{place}:{number}", row
    except DatasetNotFoundError:
        remedy = "accept its terms on its page and log in (hf auth login), or give a file of it"
        raise UsageError(f"set {where!r} does not exist, or is gated: {remedy}") from None
    except ConnectionError as error:
        remedy = (
            f"run `hf download {where} --repo-type dataset --local-dir DIR` where there is a connection, "
            "and give DIR"
        )
        raise UsageError(f"set {where!r} cannot be fetched ({_brief(error)}): {remedy}") from None
    except (OSError, ValueError, RuntimeError, DatasetsError) as error:
        raise UsageError(f"set {where!r} cannot be read: {_brief(error)}") from None


def _brief(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    text = lines[0] if lines else type(error).__name__
    return text if len(text) <= 160 else text[:159] + "…"
