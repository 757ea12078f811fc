"""Asynchronous work behind a plain iterator: an event loop in a thread, with bounded room between them."""

import asyncio
import queue
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["Put", "complete", "stream"]

T = TypeVar("T")
Put = Callable[[T], Awaitable[None]]


@dataclass(frozen=True)
class _End:
    error: BaseException | None


def complete(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """The result of a coroutine, whether or not the caller's thread has a loop of its own."""

    async def produce(put: Put[T]) -> None:
        await put(await work())

    (found,) = stream(produce, room=1)
    return found


def stream(produce: Callable[[Put[T]], Coroutine[Any, Any, None]], *, room: int) -> Iterator[T]:
    """What a coroutine puts, as it comes; then its end or its error.

    room: number of items that may wait to be taken; a `put` beyond them waits. Closing the iterator cancels
    the coroutine and waits for its end, so that no connection is left open.
    """
    items: queue.SimpleQueue[T | _End] = queue.SimpleQueue()
    begun = threading.Event()
    inside: dict[str, Any] = {}

    async def body() -> None:
        space = asyncio.Semaphore(room)

        async def put(item: T) -> None:
            await space.acquire()
            items.put(item)

        inside.update(
            loop=asyncio.get_running_loop(), task=asyncio.current_task(), release=space.release
        )
        begun.set()
        await produce(put)

    def main() -> None:
        try:
            asyncio.run(body())
        except BaseException as error:
            items.put(_End(error))
        else:
            items.put(_End(None))
        finally:
            begun.set()

    thread = threading.Thread(target=main, name="callbench-requests", daemon=True)
    thread.start()
    try:
        while True:
            item = items.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            with suppress(RuntimeError):  # the loop may be at its end already
                inside["loop"].call_soon_threadsafe(inside["release"])
            yield item
    finally:
        begun.wait()
        with suppress(RuntimeError, KeyError):
            inside["loop"].call_soon_threadsafe(inside["task"].cancel)
        thread.join()
