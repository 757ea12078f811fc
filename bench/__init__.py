"""The act of measuring: prompt, generate, parse, judge, record; engines; the command line.

`from bench import run, load_run` is the Python interface; nothing heavy is imported before it is used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.notebook import RunResult, RunResults, load_run, run

__all__ = ["RunResult", "RunResults", "load_run", "run"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("bench.notebook"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
