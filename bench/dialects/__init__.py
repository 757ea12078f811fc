"""The dialects, by name; and `openai`, which no prompt of ours is written in (see bench.dialects.openai)."""

from bench.dialects.base import Dialect, Dialogue, Segment, Turn, prompt
from bench.dialects.chatml import ChatML
from bench.dialects.functiongemma import FunctionGemma
from bench.dialects.gemma import Gemma
from bench.dialects.gemma4 import Gemma4
from bench.dialects.llama3 import Llama3
from bench.dialects.openai import CHAT
from bench.dialects.pythonic import Pythonic
from bench.dialects.qwen import QWEN
from bench.errors import UsageError

__all__ = ["CHAT", "DIALECTS", "Dialect", "Dialogue", "Segment", "Turn", "find_dialect", "prompt"]

_ALL: tuple[Dialect, ...] = (
    *(Gemma(), FunctionGemma(), ChatML()),
    *(Gemma4(), Llama3(), *QWEN, Pythonic()),
)
DIALECTS: dict[str, Dialect] = {d.name: d for d in _ALL}


def find_dialect(name: str) -> Dialect:
    """The dialect of that name. Errors: UsageError with the names there are."""
    if name == CHAT.name:
        return CHAT
    if name not in DIALECTS:
        raise UsageError(f"there is no dialect {name!r}", known=DIALECTS)
    return DIALECTS[name]
