"""Replies kept by what they depend on: the same question to the same weights is generated once.

A key is the sha256 of the prompt's token ids (or its text, where an engine has no tokenizer), the sampling
settings (with the seed where it matters), the dialect that ends a reply, any grammar, the hashes of base and
adapter, and the engine with its version, dtype, device and settings. A reply with an error is never kept.
"""

import json
import sqlite3
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adapters import Target
from bench.engines import Completion, Engine, Request
from suites.model import content_hash

__all__ = ["Cache", "reply_key"]

_SCHEMA = 1
_TABLE = """
create table if not exists replies (
    key text primary key, text text not null, prompt_tokens integer not null,
    completion_tokens integer not null, finish text not null, kept real not null
)
"""


def reply_key(request: Request, target: Target, engine: Engine) -> str:
    """The key of the reply to a request by a target. Errors: UsageError as from the engine's prompt_ids."""
    ids = getattr(engine, "prompt_ids", None)
    prompt: Any = ids(request) if callable(ids) else request.prompt
    sampled = request.temperature > 0
    return content_hash(
        [
            _SCHEMA,
            prompt,
            request.max_tokens,
            request.temperature,
            [request.top_p, request.seed, request.id.rpartition("|")[2]] if sampled else None,
            request.dialect.name,
            list(request.dialect.stops),
            request.constraint,
            target.hash,
            target.adapter.hash if target.adapter else None,
            [engine.name, engine.version, engine.dtype, engine.device],
            _decisive(engine),
        ]
    )


def _decisive(engine: Engine) -> dict[str, Any]:
    """The engine's settings without those that only say how much fits at a time, or who is asked."""
    size = ("max_num_seqs", "max_num_batched_tokens", "kv_cache_memory_bytes", "max_model_len")
    slots = ("gpu_memory_utilization", "max_loras", "max_cpu_loras", "max_lora_rank", "enable_lora")
    ways = ("base_url", "concurrency", "timeout", "attempts")
    return {k: v for k, v in engine.settings.items() if k not in (*size, *slots, *ways)}


class Cache:
    """Replies in one SQLite file, safe for several processes. A broken or full one is reported and left out.

    A run never fails for its cache: what cannot be read is generated, what cannot be written is lost.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._connection.execute("pragma journal_mode=wal")
            self._connection.execute("pragma synchronous=normal")
            self._connection.execute(_TABLE)
        except (sqlite3.Error, OSError) as error:
            self._give_up(error)

    def get(self, keys: Sequence[str]) -> dict[str, Completion]:
        """The kept replies by key; their ids are the keys."""
        found: dict[str, Completion] = {}
        for start in range(0, len(keys), 500):
            some = list(keys[start : start + 500])
            marks = ",".join("?" * len(some))
            query = (
                "select key, text, prompt_tokens, completion_tokens, finish from replies "
                f"where key in ({marks})"
            )
            for key, text, prompt, tokens, finish in self._do(query, some):
                found[key] = Completion(
                    id=key,
                    text=json.loads(text),
                    prompt_tokens=prompt,
                    completion_tokens=tokens,
                    finish=finish,
                )
        return found

    def put(self, replies: Sequence[tuple[str, Completion]]) -> None:
        """Keep replies by key; errors are left out."""
        rows = [
            (key, json.dumps(c.text), c.prompt_tokens, c.completion_tokens, c.finish, time.time())
            for key, c in replies
            if c.finish != "error"
        ]
        if not rows or self._connection is None:
            return
        try:
            self._connection.execute("begin immediate")
            self._connection.executemany(
                "insert or replace into replies values (?,?,?,?,?,?)", rows
            )
            self._connection.execute("commit")
        except sqlite3.Error as error:
            self._give_up(error)

    def close(self) -> None:
        """Release the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _do(self, query: str, values: Sequence[str]) -> list[Any]:
        if self._connection is None:
            return []
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            self._give_up(error)
            return []

    def _give_up(self, error: Exception) -> None:
        print(
            f"warning: the reply cache {self.path} cannot be used ({error}): going on without it",
            file=sys.stderr,
        )
        self.close()
