"""Live proof on a server: every adapter answers otherwise than its base, and the base as itself beside them.

An adapter whose weights match no module is served without an error, and the base answers in its place. The
first new token's logprobs on fixed prompts tell; where a server gives none, greedy texts do.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from bench.engines.endpoints import Endpoint, NoReplyError, Pool, RefusedError
from bench.engines.wire import (
    chat_logprobs,
    chat_text,
    completion_logprobs,
    completion_text,
)
from bench.errors import InfrastructureError, UsageError

__all__ = ["prove"]

Row = dict[str, float]

_PROMPTS = (
    "The quick brown fox jumps over the lazy dog.",
    "What is the weather like in Paris today?",
    'Call get_weather with {"city":"Oslo"} and say',
)
_TOKENS, _TOP = 24, 5
_FAR, _NEARER, _TOO_FAR = 0.1, 4.0, 0.5
"""Logprobs of one prompt in other company differ by some hundredths in bfloat16."""


async def prove(
    pool: Pool, endpoint: Endpoint, base: str, adapters: Mapping[str, str], api: str
) -> None:
    """Ask one endpoint. adapters: shown name -> name there.

    Errors: UsageError for an adapter that changes nothing; InfrastructureError for base rows that come from
    an adapter, or if the endpoint fails.
    """
    if not adapters:
        return
    chat = api == "chat"
    try:
        alone = [await _logprobs(pool, endpoint, base, p, chat) for p in _PROMPTS]
        if any(row is None for row in alone):
            await _by_texts(pool, endpoint, base, adapters, chat)
            return
        again = [await _logprobs(pool, endpoint, base, p, chat) for p in _PROMPTS]
        models = [base, *adapters.values(), base]
        asked = [_logprobs(pool, endpoint, m, p, chat) for p in _PROMPTS for m in models]
        rows = await asyncio.gather(*asked)
    except (NoReplyError, RefusedError) as error:
        raise InfrastructureError(f"{endpoint.url.text}: the live proof got {error}") from None
    mixed = [rows[i : i + len(models)] for i in range(0, len(rows), len(models))]
    for number, (name, served) in enumerate(adapters.items(), start=1):
        if all(
            _distance(alone[i], row[number]) <= _distance(alone[i], again[i])
            for i, row in enumerate(mixed)
        ):
            raise _dead(name, served, endpoint)
    for i, row in enumerate(mixed):
        for beside in (row[0], row[-1]):
            _refuse_leak(alone[i], beside, row[1:-1], endpoint)


def _refuse_leak(
    alone: Row | None, beside: Row | None, adapted: Sequence[Row | None], endpoint: Endpoint
) -> None:
    """Base rows far from the base alone and near to an adapter were made by it; very far ones by another."""
    off = _distance(alone, beside)
    near = any(_distance(beside, row) * _NEARER < off for row in adapted)
    if off > _TOO_FAR or (off > _FAR and near):
        raise InfrastructureError(
            f"{endpoint.url.text} answers for the base with an adapter's weights when both are asked at once "
            "(vLLM on a CPU needs --max-loras above the number of adapters; callbench serve sees to it)"
        )


async def _by_texts(
    pool: Pool, endpoint: Endpoint, base: str, adapters: Mapping[str, str], chat: bool
) -> None:
    own = [await _text(pool, endpoint, base, p, chat) for p in _PROMPTS]
    for name, served in adapters.items():
        if [await _text(pool, endpoint, served, p, chat) for p in _PROMPTS] == own:
            raise _dead(name, served, endpoint)


def _dead(name: str, served: str, endpoint: Endpoint) -> UsageError:
    return UsageError(
        f"adapter {name!r} changes nothing: {endpoint.url.text} answers for {served!r} as for the base; its "
        "weights match no module of the base, or are zero (callbench adapters verify says more)"
    )


async def _logprobs(
    pool: Pool, endpoint: Endpoint, model: str, prompt: str, chat: bool
) -> Row | None:
    body = _body(model, prompt, chat, tokens=1)
    body |= {"logprobs": True, "top_logprobs": _TOP} if chat else {"logprobs": _TOP}
    read = chat_logprobs if chat else completion_logprobs
    try:
        return await pool.post(endpoint, _path(chat), body, read)
    except RefusedError as error:
        if error.status in (400, 422):  # a server that knows no logprobs
            return None
        raise


async def _text(pool: Pool, endpoint: Endpoint, model: str, prompt: str, chat: bool) -> str:
    body = _body(model, prompt, chat, tokens=_TOKENS)
    return await pool.post(endpoint, _path(chat), body, chat_text if chat else completion_text)


def _path(chat: bool) -> str:
    return "/chat/completions" if chat else "/completions"


def _body(model: str, prompt: str, chat: bool, tokens: int) -> dict[str, Any]:
    asked: dict[str, Any] = (
        {"messages": [{"role": "user", "content": prompt}]} if chat else {"prompt": prompt}
    )
    return {"model": model, **asked, "max_tokens": tokens, "temperature": 0, "seed": 0}


def _distance(a: Row | None, b: Row | None) -> float:
    """The largest difference of logprobs over the tokens of both; infinite where they share none."""
    if a is None or b is None:
        return float("inf")
    return max((abs(a[t] - b[t]) for t in a.keys() & b.keys()), default=float("inf"))
