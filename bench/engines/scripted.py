"""An engine that replies from a script: for tests, dry runs and demonstrations. It needs no model."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from pydantic import JsonValue

from bench.engines.base import Completion, Request
from bench.errors import InfrastructureError, OutOfMemoryError

__all__ = ["ScriptedEngine"]

Script = Mapping[str, str] | Callable[[Request], str | Completion]


class ScriptedEngine:
    """Replies from a mapping of request ids to texts, or from a callable.

    capacity: largest batch that fits, beyond which OutOfMemoryError is raised as by a real engine.
    streamed: all requests are taken at once, and their replies come one by one, the last request's first.
    Sizes are counted in blank-separated words, since there is no tokenizer.
    """

    name = "scripted"
    version = "1"
    dtype = "none"
    device = "none"

    def __init__(
        self, script: Script, *, capacity: int | None = None, streamed: bool = False
    ) -> None:
        self._script, self._capacity = script, capacity
        self.whole_batches = not streamed
        self.settings: dict[str, JsonValue] = {}
        self.batches: list[tuple[str, ...]] = []

    def generate(self, requests: Sequence[Request]) -> Iterable[Completion]:
        """See Engine.generate. A text longer than its request's budget is cut to it, as a model's would."""
        if self._capacity is not None and len(requests) > self._capacity:
            raise OutOfMemoryError(f"{len(requests)} requests, room for {self._capacity}")
        self.batches.append(tuple(r.id for r in requests))
        if self.whole_batches:
            return [self._one(request) for request in requests]
        return self._stream(requests)

    def _stream(self, requests: Sequence[Request]) -> Iterator[Completion]:
        for request in reversed(requests):
            yield self._one(request)

    def _one(self, request: Request) -> Completion:
        if callable(self._script):
            reply = self._script(request)
        elif request.id in self._script:
            reply = self._script[request.id]
        else:
            raise InfrastructureError(f"the script has no reply for {request.id!r}")
        if isinstance(reply, Completion):
            return reply
        words = reply.split()
        cut = len(words) > request.max_tokens
        return Completion(
            id=request.id,
            text=" ".join(words[: request.max_tokens]) if cut else reply,
            prompt_tokens=len(request.prompt.split()),
            completion_tokens=min(len(words), request.max_tokens),
            finish="length" if cut else "stop",
        )
