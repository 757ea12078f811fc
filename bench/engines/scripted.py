"""An engine that replies from a script: for tests, dry runs and demonstrations. It needs no model."""

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from pydantic import JsonValue

from bench.engines.base import Completion, Request
from bench.errors import InfrastructureError, OutOfMemoryError

__all__ = ["ScriptedEngine"]

Script = Mapping[str, str] | Callable[[Request], str | Completion]


class ScriptedEngine:
    """Replies from a mapping of request ids to texts, or from a callable.

    capacity: largest batch that fits, beyond which OutOfMemoryError is raised as by a real engine.
    Sizes are counted in blank-separated words, since there is no tokenizer.
    """

    name = "scripted"
    version = "1"
    dtype = "none"
    device = "none"
    whole_batches = True
    settings: ClassVar[dict[str, JsonValue]] = {}

    def __init__(self, script: Script, *, capacity: int | None = None) -> None:
        self._script, self._capacity = script, capacity
        self.batches: list[tuple[str, ...]] = []

    def generate(self, requests: Sequence[Request]) -> list[Completion]:
        """See Engine.generate. A text longer than its request's budget is cut to it, as a model's would."""
        if self._capacity is not None and len(requests) > self._capacity:
            raise OutOfMemoryError(f"{len(requests)} requests, room for {self._capacity}")
        self.batches.append(tuple(r.id for r in requests))
        return [self._one(request) for request in requests]

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
