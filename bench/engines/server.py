"""The `server` engine: any OpenAI-compatible endpoint, or several replicas of one.

Target and adapter are chosen by the request's `model` field. Before anything is measured, every name must be
listed by the server, and every adapter is proven live. Requests go out as others come back, never more than
`concurrency` at a time; each of them comes back exactly once, with a reply or with the reason for none.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from adapters import Adapter, Target, serving_name
from adapters.errors import first_line
from bench.dialects import CHAT
from bench.engines.address import Patience
from bench.engines.base import Completion, EngineOptions, Request
from bench.engines.endpoints import Endpoint, NoReplyError, Pool, RefusedError
from bench.engines.loop import Put, complete, stream
from bench.engines.proof import prove
from bench.engines.served import (
    SERVED,
    Listing,
    adapter_entry,
    base_entry,
    connect,
    look,
    patience_of,
    read_listing,
)
from bench.engines.tokens import cut, load_tokenizer, prompt_ids, stop_ids
from bench.engines.wire import (
    Answer,
    chat_body,
    completion_body,
    read_chat,
    read_completion,
)
from bench.errors import InfrastructureError, UsageError

__all__ = ["ServerEngine"]

_ROOM = 4
"""Replies that may wait to be judged, for each request under way."""
_LEAST_REFUSALS = 8
_TRIED: dict[str, Any] = {
    "messages": [{"role": "user", "content": "What is the weather like in Paris?"}],
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "get_weather",
                "parameters": {
                    "type": "object",
                    "properties": {"city": {"type": "string"}},
                    "required": ["city"],
                },
            },
        }
    ],
    "tool_choice": "auto",
    "max_tokens": 1,
    "temperature": 0,
}


class ServerEngine:
    """Generates on a server. Its version is the server's; dtype and device are the server's own affair.

    target: whose base is asked; adapters: that will be asked for; patience: instead of what the options say.
    resends: sends repeated so far; notes: what a reader of the results must know.
    Errors: UsageError for what is not served or refused, InfrastructureError if no server answers.
    """

    name = "server"
    dtype = "the server's"
    device = "remote"
    whole_batches = False

    def __init__(
        self,
        target: Target,
        adapters: Sequence[Adapter] = (),
        *,
        options: EngineOptions,
        patience: Patience | None = None,
    ) -> None:
        if options.device is not None or options.dtype not in (None, self.dtype):
            raise UsageError("--device and --dtype are the server's affair: leave them out")
        self._options, self._patience = options, patience or patience_of(options)
        self._chat = options.api == "chat"
        self._model, self._adapters = target.model, {a.name: a for a in adapters}
        local = target.model.source != "served"
        self._folder = target.folder if local else None
        self.tokenizer: Any = _tokenizer(target.folder) if local and not self._chat else None
        self.prompt_ids: Callable[[Request], list[int]] | None = (
            partial(prompt_ids, self.tokenizer) if self.tokenizer is not None else None
        )
        self._stops: dict[str, list[int]] = {}
        listings = look(options, self._patience)
        self._served = names = self._names(listings[0])
        for listing in listings[1:]:
            if self._names(listing) != names:
                raise UsageError(
                    f"{listing.url} serves the same under other names than {listings[0].url}"
                )
        self.version = listings[0].version
        self.resends = 0
        self.notes = tuple(self._notes(target, names))
        self.settings: dict[str, JsonValue] = {
            "api": options.api,
            "prompts": "messages" if self._chat else "text" if self.tokenizer is None else "ids",
            "no_vllm_extras": options.no_vllm_extras,
            "base_url": [url.text for url in connect(options, self._patience).urls],
            "concurrency": options.concurrency,
            "timeout": self._patience.timeout,
            "attempts": self._patience.attempts,
        }
        self._proven = {x.url for x in listings}
        complete(self._prove)

    def generate(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """See Engine.generate. Ordered by adapter and prompt, so that servers find shared prefixes cached."""
        for request in requests:
            if request.adapter is not None and request.adapter not in self._adapters:
                raise UsageError(f"adapter {request.adapter!r} is not loaded")
            if (request.dialect.name == CHAT.name) is not self._chat:
                raise UsageError(
                    f"dialect {request.dialect.name!r} does not fit --api {self._options.api}"
                )
            if request.constraint is not None and (self._chat or self._options.no_vllm_extras):
                raise UsageError("a grammar needs --api completions and vLLM's extra fields")
        if not requests:
            return iter(())
        ordered = sorted(requests, key=lambda r: (r.adapter or "", r.prompt, r.id))
        room = _ROOM * self._options.concurrency
        return stream(partial(self._produce, ordered), room=room)

    async def _produce(self, requests: Sequence[Request], put: Put[Completion]) -> None:
        """Workers take one request after the other; there are never more tasks than workers."""
        waiting = iter(requests)
        refused = 0

        async def work(pool: Pool) -> None:
            nonlocal refused
            for request in waiting:
                completion, status = await self._one(pool, request)
                if completion.finish != "error":
                    refused = -1  # it answers: what it refuses from now on are single requests
                elif status and refused >= 0:
                    refused += 1
                await put(completion)
                if refused >= most:
                    raise InfrastructureError(
                        f"the server refused the first {refused} requests ({completion.error})"
                    )

        workers = min(self._options.concurrency, len(requests))
        most = max(_LEAST_REFUSALS, workers)
        async with connect(self._options, self._patience, check=self._check) as pool:
            for endpoint in pool.endpoints:
                if endpoint.url.text not in self._proven:
                    pool.rest(endpoint)
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(workers):
                        group.create_task(work(pool))
            except BaseExceptionGroup as errors:
                raise errors.exceptions[0] from None
            finally:
                self.resends += pool.resends

    async def _one(self, pool: Pool, request: Request) -> tuple[Completion, int]:
        """(what came back, the status of a refusal or 0)."""
        name = self._served[request.adapter]
        extras = not self._options.no_vllm_extras
        ids: list[int] | None = None
        if self._chat:
            path, body, read = "/chat/completions", chat_body(request, name, extras), read_chat
        else:
            ids = self.prompt_ids(request) if self.prompt_ids else None
            body = completion_body(request, name, ids, self._stop_ids(request), extras)
            path, read = "/completions", read_completion
        try:
            return self._completion(request, await pool.ask(path, body, read), ids), 0
        except NoReplyError as error:
            return _lost(request, str(error)), 0
        except RefusedError as error:
            return _lost(request, f"the server {error}"), error.status

    def _completion(self, request: Request, answer: Answer, ids: list[int] | None) -> Completion:
        text, tokens, finish = answer.text, answer.completion_tokens, answer.finish
        if self.tokenizer is not None:
            if answer.ids is not None:
                last = answer.ids[-1:]
                ended = bool(last) and last[0] in self._stop_ids(request)
                kept = answer.ids[:-1] if ended else answer.ids
                text = self.tokenizer.decode(kept, skip_special_tokens=False)
            if tokens is None:
                tokens = len(self.tokenizer(text, add_special_tokens=False).input_ids)
            text, tokens, over = cut(self.tokenizer, request.dialect, text, tokens)
            finish = "stop" if over else finish
        elif (end := request.dialect.end(text)) is not None:
            text, finish = text[:end], "stop"
        return Completion(
            id=request.id,
            text=text,
            prompt_tokens=len(ids or ()) if answer.prompt_tokens is None else answer.prompt_tokens,
            completion_tokens=tokens or 0,
            finish=finish,
        )

    def _stop_ids(self, request: Request) -> list[int]:
        if self.tokenizer is None:
            return []
        name = request.dialect.name
        if name not in self._stops:
            self._stops[name] = stop_ids(self.tokenizer, request.dialect)
        return self._stops[name]

    # --- names and proof --------------------------------------------------------------------------------

    def _names(self, listing: Listing) -> dict[str | None, str]:
        """Adapter (None: the base) -> its name on the server. Errors: UsageError for what is not served."""
        base = base_entry(self._model, self._folder, listing)
        names: dict[str | None, str] = {None: base.id}
        for adapter in self._adapters.values():
            names[adapter.name] = adapter_entry(adapter, base, listing).id
        return names

    def _notes(self, target: Target, names: dict[str | None, str]) -> Iterator[str]:
        if target.hash.startswith(SERVED):
            yield (
                f"only the server has the weights of {target.model.name}: its hash is that of name, root and "
                "server version"
            )
        for adapter in self._adapters.values():
            if adapter.hash.startswith(SERVED):
                yield f"only the server has the weights of adapter {adapter.name}: its hash is of its name"
            elif names[adapter.name] != serving_name(adapter):
                yield (
                    f"adapter {adapter.name} is served under a name without its hash: that the weights are "
                    "the same is not shown"
                )
        if self.tokenizer is None and not self._chat and self._options.no_vllm_extras:
            yield "prompts go out as text without BOS: that the server adds it is not shown"
        if self.version == "unknown":
            yield "the server tells no version"

    async def _prove(self) -> None:
        async with connect(self._options, self._patience) as pool:
            for endpoint in pool.endpoints:
                if endpoint.url.text in self._proven:
                    await self._prove_one(pool, endpoint)
                else:
                    print(f"warning: {endpoint.url.text} does not answer yet", file=sys.stderr)

    async def _prove_one(self, pool: Pool, endpoint: Endpoint) -> None:
        base = self._served[None]
        adapters = {name: served for name, served in self._served.items() if name is not None}
        if self._chat:
            await _try_tools(pool, endpoint, base)
        await prove(pool, endpoint, base, adapters, self._options.api)

    async def _check(self, pool: Pool, endpoint: Endpoint) -> str | None:
        """What is wrong with an endpoint that comes back, or None: it must serve the same, in one version."""
        url = endpoint.url.text
        try:
            listing = await read_listing(pool, endpoint)
            if listing.version != self.version:
                return f"it is of version {listing.version}, not {self.version}"
            if self._names(listing) != self._served:
                return "it serves the same under other names"
            if url not in self._proven:
                await self._prove_one(pool, endpoint)
                self._proven.add(url)
        except (NoReplyError, UsageError, InfrastructureError) as error:
            return str(error)
        return None


async def _try_tools(pool: Pool, endpoint: Endpoint, model: str) -> None:
    """Errors: UsageError if the server takes no tools."""
    try:
        await pool.post(endpoint, "/chat/completions", _TRIED | {"model": model}, lambda raw: raw)
    except RefusedError as error:
        raise UsageError(f"{endpoint.url.text} takes no tools in chats: it {error}") from None
    except NoReplyError as error:
        raise InfrastructureError(f"{endpoint.url.text} does not answer: {error}") from None


def _tokenizer(folder: Path) -> Any:
    try:
        return load_tokenizer(folder)
    except (OSError, ValueError, KeyError) as error:
        first = first_line(error)
        raise UsageError(f"{folder} cannot be loaded: {first}") from None


def _lost(request: Request, reason: str) -> Completion:
    return Completion(
        id=request.id,
        text="",
        prompt_tokens=0,
        completion_tokens=0,
        finish="error",
        error=reason,
    )
