"""The dialects, by name."""

from bench.dialects.base import Dialect, Dialogue, Segment, Turn, prompt
from bench.dialects.chatml import ChatML
from bench.dialects.functiongemma import FunctionGemma
from bench.dialects.gemma import Gemma
from bench.errors import UsageError

__all__ = ["DIALECTS", "Dialect", "Dialogue", "Segment", "Turn", "find_dialect", "prompt"]

DIALECTS: dict[str, Dialect] = {d.name: d for d in (Gemma(), FunctionGemma(), ChatML())}


def find_dialect(name: str) -> Dialect:
    """The dialect of that name. Errors: UsageError with the names there are."""
    if name not in DIALECTS:
        raise UsageError(f"there is no dialect {name!r}", known=DIALECTS)
    return DIALECTS[name]
