"""Replies kept by what they depend on: the same question to the same weights is generated once.

A key is the sha256 of the prompt's token ids (or its text, where an engine has no tokenizer), the sampling
settings, the dialect that ends a reply, any grammar, the base (weights, configuration and tokenizer), the
adapter, and the engine with its version, dtype, device and settings. A reply with an error is never kept.

A sampled reply is kept under its request's seed. The seed is the case's and the sample's own (bench/plan.py)
and decides every draw of the reply, so that the kept reply is the one that would be drawn again.

What else stands in a batch is not in the key, though it can change the last bits of what is computed, and
in rare cases a token. So with an engine of whole batches a run that found some of its replies here may
differ from one without a cache, as it may with another batch size. A run that is interrupted and resumed
does not differ from one that is not: both know the replies that were here when the run began, and no later
ones.
"""

import json
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adapters import Target, home
from adapters.weights import file_hash
from bench.engines import Completion, Engine, Request
from bench.provenance import device_name
from suites.model import content_hash

__all__ = ["Cache", "opened_cache", "reply_keys"]

_VERSION = 1
"""Of the key; it goes up when an engine of ours makes another reply of the same request."""

_TABLE = """
create table if not exists replies (
    number integer primary key, key text not null unique, text text not null,
    prompt_tokens integer not null, completion_tokens integer not null,
    finish text not null, kept real not null
)
"""
_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json")
_SIZES = (
    *("max_num_seqs", "max_num_batched_tokens", "kv_cache_memory_bytes", "max_model_len"),
    *("gpu_memory_utilization", "max_loras", "max_cpu_loras", "max_lora_rank", "enable_lora"),
)
"""Settings of an engine that only say how much fits at a time."""
_WAYS = ("base_url", "concurrency", "timeout", "attempts")
"""Settings of an engine that only say who is asked, and how."""
_CHUNK = 500


@contextmanager
def opened_cache(wanted: bool) -> "Iterator[Cache | None]":
    """The reply cache in home, or None where none is wanted."""
    cache = Cache(home() / "cache.sqlite") if wanted else None
    try:
        yield cache
    finally:
        if cache is not None:
            cache.close()


def reply_keys(requests: Sequence[Request], target: Target, engine: Engine) -> list[str]:
    """The key of the reply to each request by a target. Errors: UsageError as from prompt_ids."""
    ids = getattr(engine, "prompt_ids", None)
    files = [target.folder / name for name in _FILES]
    common = content_hash(
        [
            _VERSION,
            target.hash,
            [file_hash(f) if f.is_file() else None for f in files],
            target.adapter.hash if target.adapter else None,
            [engine.name, engine.version, engine.dtype, device_name(engine.device)],
            {k: v for k, v in engine.settings.items() if k not in (*_SIZES, *_WAYS)},
        ]
    )
    return [
        content_hash(
            [
                common,
                ids(r) if callable(ids) else r.prompt,
                r.max_tokens,
                [r.temperature, r.top_p, r.seed] if r.temperature > 0 else None,
                [r.dialect.name, *r.dialect.stops],
                r.constraint,
            ]
        )
        for r in requests
    ]


class Cache:
    """Replies in one SQLite file, safe for several processes. A broken or full one is reported and left out.

    A run never fails for its cache: what cannot be read is generated, what cannot be written is not kept.
    It has no write-ahead log: that shares memory between processes, which kills them where the file lies on a
    network or is cut, and needs all of them on one machine.
    patience: seconds to wait for another process that is writing.
    """

    def __init__(self, path: Path, *, patience: float = 30.0) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=patience, isolation_level="IMMEDIATE")
            self._connection.execute("pragma journal_mode=truncate")
            with self._connection:
                self._connection.execute(_TABLE)
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)

    @property
    def size(self) -> int:
        """The number of the newest reply: replies are numbered as they come, and never replaced."""
        for (number,) in self._rows("select max(number) from replies", ()):
            return int(number or 0)
        return 0

    def get(self, keys: Sequence[str], size: int) -> dict[str, Completion]:
        """The replies by key among the first `size` that were kept; their ids are the keys."""
        found: dict[str, Completion] = {}
        for start in range(0, len(keys), _CHUNK):
            some = keys[start : start + _CHUNK]
            query = (
                "select key, text, prompt_tokens, completion_tokens, finish from replies "
                f"where number <= ? and key in ({','.join('?' * len(some))})"
            )
            for key, text, prompt, tokens, finish in self._rows(query, (size, *some)):
                try:
                    said = json.loads(text)
                except ValueError as error:
                    self._give_up(error)
                    return found
                found[key] = Completion(
                    id=key, text=said, prompt_tokens=prompt, completion_tokens=tokens, finish=finish
                )
        return found

    def put(self, replies: Sequence[tuple[str, Completion]]) -> None:
        """Keep replies by key; errors are left out, and what is kept already stays as it is."""
        rows = [
            (key, json.dumps(c.text), c.prompt_tokens, c.completion_tokens, c.finish, time.time())
            for key, c in replies
            if c.finish != "error"
        ]
        if not rows or self._connection is None:
            return
        try:
            with self._connection:
                self._connection.executemany(
                    "insert or ignore into replies "
                    "(key, text, prompt_tokens, completion_tokens, finish, kept) values (?,?,?,?,?,?)",
                    rows,
                )
        except sqlite3.Error as error:
            self._give_up(error)

    def close(self) -> None:
        """Release the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _rows(self, query: str, values: Sequence[object]) -> list[Any]:
        if self._connection is None:
            return []
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            self._give_up(error)
            return []

    def _give_up(self, error: Exception) -> None:
        print(
            f"warning: the reply cache {self.path} cannot be used ({error}): going on without it; "
            "it may be deleted",
            file=sys.stderr,
        )
        self.close()
