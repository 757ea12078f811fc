"""One or more endpoints of the same service: retries, backoff, and rest for those that fail.

A request is sent to the least busy endpoint. What may pass is tried again, a bounded number of times, with
exponential backoff and jitter: connection errors, dropped connections, timeouts, 408, 409, 429 (after the
time that the server asks for), 5xx, and replies that are not of the API's form. An endpoint that fails
several times in a row rests, is looked at again from time to time, and the others take over.
"""

import asyncio
import email.utils
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2

from bench.engines.address import Patience, Url
from bench.engines.wire import ReplyError, said
from bench.errors import InfrastructureError

__all__ = ["Endpoint", "NoReplyError", "Pool", "RefusedError"]

T = TypeVar("T")
_AGAIN = (408, 409, 429)
_CONNECT_SECONDS = 10.0


class RefusedError(RuntimeError):
    """The server refuses this request, and would again; status: of HTTP."""

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


class NoReplyError(RuntimeError):
    """Every attempt failed; the message gives the last reason."""


class _AgainError(Exception):
    """This attempt failed. wait: what the server asks for; sound: the endpoint is not to blame."""

    def __init__(self, message: str, *, wait: float = 0.0, sound: bool = False) -> None:
        self.wait, self.sound = wait, sound
        super().__init__(message)


@dataclass(eq=False)
class Endpoint:
    """One server. busy: requests under way; failures: in a row; reason: of the last failure."""

    url: Url
    client: httpx2.AsyncClient
    busy: int = 0
    failures: int = 0
    rests: int = 0
    resting: bool = False
    reason: str = ""


class Pool:
    """The endpoints, for as long as it is entered (`async with`).

    check: what is wrong with an endpoint, in words, or None; asked before one is used again after a rest.
    resends: how many sends were repeated.
    """

    def __init__(
        self,
        urls: Sequence[Url],
        patience: Patience,
        *,
        key: str | None = None,
        concurrency: int = 8,
        check: Callable[["Pool", Endpoint], Awaitable[str | None]] | None = None,
    ) -> None:
        self.patience = patience
        self.resends = 0
        self.urls, self._key, self._concurrency, self._check = urls, key, concurrency, check
        self.endpoints: list[Endpoint] = []
        self._visits: set[asyncio.Task[None]] = set()
        self._down_since: float | None = None
        self._last_good = time.monotonic()

    async def __aenter__(self) -> "Pool":
        self._up = asyncio.Event()
        self.endpoints = [Endpoint(url, self._client(url)) for url in self.urls]
        return self

    async def __aexit__(self, *_: object) -> None:
        for visit in list(self._visits):
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)
        for endpoint in self.endpoints:
            await endpoint.client.aclose()

    def _client(self, url: Url) -> httpx2.AsyncClient:
        headers = dict(url.headers)
        if self._key and not headers:
            headers["Authorization"] = f"Bearer {self._key}"
        timeout = httpx2.Timeout(
            self.patience.timeout, connect=min(_CONNECT_SECONDS, self.patience.timeout)
        )
        size = self._concurrency + 1
        limits = httpx2.Limits(max_connections=size, max_keepalive_connections=size)
        return httpx2.AsyncClient(
            headers=headers, timeout=timeout, limits=limits, trust_env=not url.local
        )

    async def ask(self, path: str, body: Mapping[str, Any], read: Callable[[Any], T]) -> T:
        """POST and what `read` makes of the JSON, from whichever endpoint gives it.

        Errors: RefusedError, NoReplyError; InfrastructureError when no endpoint has been up for too long.
        """
        content = json.dumps(body)
        last = ""
        for number in range(1, self.patience.attempts + 1):
            endpoint = await self._free()
            try:
                found = await self._send(endpoint, path, content, read)
            except _AgainError as error:
                last = endpoint.reason = str(error)
                if not error.sound:
                    self._failed(endpoint)
                if number < self.patience.attempts:
                    self.resends += 1
                    await asyncio.sleep(max(self.patience.wait(number), error.wait))
                continue
            except RefusedError as error:
                if error.status in (401, 403):
                    raise InfrastructureError(
                        f"{endpoint.url.text} {error} (--api-key-env names the key)"
                    ) from None
                if error.status == 404:  # has it still what it had? The next requests wait for that
                    endpoint.reason = str(error)
                    self.rest(endpoint)
                raise
            endpoint.failures = endpoint.rests = 0
            self._down_since, self._last_good = None, time.monotonic()
            return found
        if time.monotonic() - self._last_good > self.patience.outage:
            raise self._outage()
        raise NoReplyError(f"{last} ({self.patience.attempts} attempts)")

    async def post(
        self, endpoint: Endpoint, path: str, body: Mapping[str, Any], read: Callable[[Any], T]
    ) -> T:
        """As `ask`, of one endpoint."""
        return await self._persist(lambda: self._send(endpoint, path, json.dumps(body), read))

    async def get(self, endpoint: Endpoint, url: str, *, attempts: int = 1) -> Any:
        """The JSON at a URL of an endpoint. Errors: RefusedError, NoReplyError."""
        return await self._persist(lambda: self._exchange(endpoint, "GET", url, None), attempts)

    async def _persist(self, send: Callable[[], Awaitable[T]], attempts: int | None = None) -> T:
        most = attempts or self.patience.attempts
        for number in range(1, most + 1):
            try:
                return await send()
            except _AgainError as error:
                if number == most:
                    raise NoReplyError(str(error)) from None
                await asyncio.sleep(max(self.patience.wait(number), error.wait))
        raise AssertionError

    async def _send(
        self, endpoint: Endpoint, path: str, content: str, read: Callable[[Any], T]
    ) -> T:
        endpoint.busy += 1
        try:
            raw = await self._exchange(endpoint, "POST", f"{endpoint.url.text}{path}", content)
            return read(raw)
        except ReplyError as error:
            raise _AgainError(str(error)) from None
        finally:
            endpoint.busy -= 1

    async def _exchange(
        self, endpoint: Endpoint, method: str, url: str, content: str | None
    ) -> Any:
        timeout = self.patience.timeout
        try:
            async with asyncio.timeout(timeout):
                reply = await endpoint.client.request(
                    method, url, content=content, headers=_JSON if content else None
                )
        except (TimeoutError, httpx2.TimeoutException):
            raise _AgainError(f"no reply within {timeout:g} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise _AgainError(self._scrubbed(_words(error))) from None
        if reply.is_success:
            try:
                return json.loads(reply.content)
            except (ValueError, RecursionError):
                kind = reply.headers.get("content-type", "no content type").split(";")[0]
                raise _AgainError(f"the reply is no JSON ({kind})") from None
        message = self._scrubbed(said(reply.status_code, reply.text))
        if reply.status_code in _AGAIN or reply.status_code >= 500:
            wait = min(_retry_after(reply.headers.get("retry-after", "")), self.patience.outage)
            raise _AgainError(message, wait=wait, sound=reply.status_code in _AGAIN)
        raise RefusedError(reply.status_code, f"refuses with {message}")

    def _scrubbed(self, text: str) -> str:
        return text.replace(self._key, "***") if self._key else text

    # --- health -----------------------------------------------------------------------------------------

    def _failed(self, endpoint: Endpoint) -> None:
        endpoint.failures += 1
        if endpoint.failures >= self.patience.failures:
            self.rest(endpoint)

    def rest(self, endpoint: Endpoint) -> None:
        """Ask nothing of an endpoint until nothing is wrong with it."""
        if endpoint.resting:
            return
        endpoint.resting = True
        if all(e.resting for e in self.endpoints):
            self._up.clear()
            if self._down_since is None:
                self._down_since = time.monotonic()
        visit = asyncio.create_task(self._visit(endpoint))
        self._visits.add(visit)
        visit.add_done_callback(self._visits.discard)

    async def _visit(self, endpoint: Endpoint) -> None:
        """Look at a resting endpoint until nothing is wrong with it."""
        while True:
            endpoint.rests += 1
            await asyncio.sleep(self.patience.wait(endpoint.rests))
            wrong = await self._check(self, endpoint) if self._check else None
            if wrong is None:
                endpoint.resting, endpoint.failures = False, 0
                self._up.set()
                return
            endpoint.reason = wrong

    async def _free(self) -> Endpoint:
        """The least busy endpoint that is up. Errors: InfrastructureError if there is none for too long."""
        while True:
            ready = [e for e in self.endpoints if not e.resting]
            if ready:
                return min(ready, key=lambda e: e.busy)
            since = self._down_since or time.monotonic()
            left = since + self.patience.outage - time.monotonic()
            try:
                async with asyncio.timeout(max(0.0, left)):
                    await self._up.wait()
            except TimeoutError:
                raise self._outage() from None

    def _outage(self) -> InfrastructureError:
        shown = "; ".join(f"{e.url.text}: {e.reason}" for e in self.endpoints)
        return InfrastructureError(f"no reply for {self.patience.outage:g} s ({shown})")


_JSON = {"Content-Type": "application/json"}


def _words(error: Exception) -> str:
    text = (str(error).strip().splitlines() or [""])[0]
    if isinstance(error, httpx2.ConnectError):
        return f"cannot connect{f' ({text})' if text else ''}"
    return f"the connection broke ({text or type(error).__name__})"


def _retry_after(text: str) -> float:
    """Seconds from a Retry-After header: a number or a date; 0 for anything else."""
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError):
        return 0.0
