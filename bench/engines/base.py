"""The seam between the harness and whatever generates text: one method."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from bench.dialects import Dialect

__all__ = ["Completion", "Engine", "Request"]


@dataclass(frozen=True, kw_only=True)
class Request:
    """One prompt for one target.

    id: comes back with the completion; prompt: text with its BOS; adapter: a loaded adapter's name, or
    None for the base; max_tokens: budget of new tokens; temperature 0 is greedy, and then top_p and seed
    play no part.
    """

    id: str
    prompt: str
    dialect: Dialect
    adapter: str | None = None
    max_tokens: int = 128
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Completion:
    """What came back for one request: raw text (control tokens kept), sizes in tokens, and how it ended.

    finish `length`: the budget ran out; `error`: no reply for a reason of infrastructure, in `error`.
    """

    id: str
    text: str
    prompt_tokens: int
    completion_tokens: int
    finish: Literal["stop", "length", "error"] = "stop"
    error: str = ""


class Engine(Protocol):
    """Prompts for many targets in, completions out.

    name, version: of the library that generates; dtype, device: in words, for the record.
    """

    name: str
    version: str
    dtype: str
    device: str

    def generate(self, requests: Sequence[Request]) -> list[Completion]:
        """One completion a request, in any order.

        Errors: OutOfMemoryError if the batch does not fit (a smaller one may), InfrastructureError if
        the engine cannot go on.
        """
        ...
