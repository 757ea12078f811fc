"""An OpenAI-compatible server on the standard library, which can fail in every way that a real one does.

In a test: `with Server(reply) as server:`; `reply` gets a request and returns what to answer. As a program
(see `main`) it answers by itself, fails a share of its requests, and once replaces itself by a fresh process.
"""

import asyncio
import json
import os
import random
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Asked:
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any = None


@dataclass(frozen=True)
class Told:
    """A response. mode `drop`: the connection breaks; `cut`: within the body; `hang`: nothing comes."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    mode: str = "whole"


Reply = Callable[[Asked], Told]
DROP, HANG = Told(mode="drop"), Told(mode="hang")


def completion(
    text: Any = "hello", finish: Any = "stop", usage: tuple[int, int] | None = (7, 3)
) -> Told:
    """A text completion."""
    return Told(body={"choices": [{"text": text, "finish_reason": finish}], **_usage(usage)})


def chat(message: Any, finish: Any = "stop", usage: tuple[int, int] | None = (7, 3)) -> Told:
    """A chat completion."""
    return Told(body={"choices": [{"message": message, "finish_reason": finish}], **_usage(usage)})


def _usage(usage: tuple[int, int] | None) -> dict[str, Any]:
    if usage is None:
        return {}
    return {"usage": {"prompt_tokens": usage[0], "completion_tokens": usage[1]}}


def card(name: str, root: str | None = None, parent: str | None = None) -> dict[str, Any]:
    """An entry of /v1/models, as vLLM writes it."""
    return {"id": name, "object": "model", "root": root, "parent": parent}


class Server:
    """Runs in a thread of its own until it is left. port: 0 for a free one.

    models: entries of /v1/models; version: None for a server that tells none; logprobs: model -> logprobs of
    a first token (for the live proof), None for a server that gives none. `asked` holds the requests for
    replies, without those of the proof.
    """

    def __init__(
        self,
        reply: Reply | None = None,
        *,
        models: Sequence[dict[str, Any]] = (),
        version: str | None = "9.9",
        logprobs: dict[str, dict[str, float]] | None = None,
        port: int = 0,
        key: str | None = None,
    ) -> None:
        self.reply = reply or (lambda _: completion())
        self.models, self.version, self.key = list(models or [card("base")]), version, key
        self.logprobs = logprobs
        self.asked: list[Asked] = []
        self.proof: list[Asked] = []
        self.most = self._now = 0
        self.port = port
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> "Server":
        ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main(ready)), daemon=True)
        self._thread.start()
        assert ready.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """End it: what is under way breaks, and nothing listens any more."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)

    def die(self) -> Told:
        """As `stop`, from within a reply."""
        self._stop.set()
        return DROP

    async def _main(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        ready.set()
        await self._stop.wait()
        server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while (asked := await read(reader)) is not None:
                self._now += 1
                self.most = max(self.most, self._now)
                try:
                    told = self._answer(asked)
                    if told.mode == "hang":
                        await self._stop.wait()
                    if not await write(writer, told):
                        return
                finally:
                    self._now -= 1
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _answer(self, asked: Asked) -> Told:
        if self.key is not None and asked.headers.get("authorization") != self.key:
            return Told(
                401, {"error": {"message": f"no such key: {asked.headers.get('authorization')}"}}
            )
        if asked.path == "/v1/models":
            return Told(body={"object": "list", "data": self.models})
        if asked.path == "/version":
            return Told(404, {}) if self.version is None else Told(body={"version": self.version})
        if asked.method != "POST":
            return Told(404, {"detail": "Not Found"})
        if self.logprobs is not None and (asked.body.get("logprobs") or "stream" not in asked.body):
            self.proof.append(asked)
            return self._probe(asked)
        self.asked.append(asked)
        return self.reply(asked)

    def _probe(self, asked: Asked) -> Told:
        assert self.logprobs is not None
        row = self.logprobs.get(asked.body["model"])
        if row is None:
            return completion(f"I am {asked.body['model']}.")
        if "messages" in asked.body:
            top = [{"token": t, "logprob": p} for t, p in row.items()]
            choice = {"message": {"content": "x"}, "logprobs": {"content": [{"top_logprobs": top}]}}
            return Told(body={"choices": [choice | {"finish_reason": "length"}]})
        choice = {"text": "x", "logprobs": {"top_logprobs": [row]}, "finish_reason": "length"}
        return Told(body={"choices": [choice]})


async def read(reader: asyncio.StreamReader) -> Asked | None:
    """The next request on a connection, or None at its end."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    method, path, _ = head[0].split(" ")
    pairs = (line.partition(": ") for line in head[1:] if line)
    headers = {name.lower(): value for name, _, value in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Asked(method, path, headers, json.loads(body) if body else None)


async def write(writer: asyncio.StreamWriter, told: Told) -> bool:
    """Send a response; False if the connection is over."""
    if told.mode in ("drop", "hang"):
        writer.transport.abort()
        return False
    body = told.body if isinstance(told.body, bytes) else json.dumps(told.body).encode()
    headers = {"Content-Type": "application/json", **told.headers, "Content-Length": str(len(body))}
    lines = [f"HTTP/1.1 {told.status} Status", *(f"{k}: {v}" for k, v in headers.items())]
    head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    if told.mode == "cut":
        writer.write(head + body[: len(body) // 2])
        await writer.drain()
        writer.close()
        return False
    writer.write(head + body)
    await writer.drain()
    return True


FAULTS: dict[str, Told] = {
    "500": Told(500, {"error": {"message": "something broke"}}),
    "429": Told(429, {"error": {"message": "slower"}}, {"Retry-After": "0"}),
    "drop": DROP,
    "cut": Told(body={"choices": [{"text": "half a rep", "finish_reason": "stop"}]}, mode="cut"),
}


def main(port: int, answers: int, share: float) -> None:
    """Serve `base`: each prompt is answered with itself in capitals.

    share: of the requests that fail, in the four ways of FAULTS; answers: whole ones, after which the process
    replaces itself (with answers 0 it stays). Prints the port once it listens.
    """
    asyncio.run(_program(port, answers, share))


async def _program(port: int, answers: int, share: float) -> None:
    chance, left = random.Random(answers), answers
    names = sorted(FAULTS)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal left
        try:
            while (asked := await read(reader)) is not None:
                if asked.method == "GET":
                    known = {"/v1/models": {"data": [card("base")]}, "/version": {"version": "9.9"}}
                    told = Told(body=known[asked.path])
                elif chance.random() < share:
                    told = FAULTS[names[chance.randrange(len(names))]]
                else:
                    left -= 1
                    if left == 0:
                        arguments = [str(number), "0", str(share)]
                        os.execv(sys.executable, [sys.executable, __file__, *arguments])
                    prompt = asked.body["prompt"]
                    told = completion(prompt[-60:].upper(), usage=(len(prompt), 60))
                if not await write(writer, told):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=256)
    number = server.sockets[0].getsockname()[1]
    print(number, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
