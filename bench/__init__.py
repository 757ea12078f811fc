"""The act of measuring: prompt, generate, parse, judge, record; engines; the command line.

For Python and notebooks: `from bench import run, load_run` (see docs/python.md). Nothing heavy is imported
before one of them is asked for.
"""

from typing import Any

__all__ = ["load_run", "run"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("bench.notebook"), name)
