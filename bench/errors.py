"""Errors of the bench package.

ValueError
├── UsageError           a setting, file or name that cannot be used (exit code 2)
└── DialectError         a dialogue that a dialect cannot say without changing its meaning (exit code 2)
RuntimeError
├── InfrastructureError  the engine or the disk failed; what was measured is kept (exit code 3)
└── OutOfMemoryError     one batch did not fit; the runner halves it and tries again
"""

from collections.abc import Iterable

__all__ = ["DialectError", "InfrastructureError", "OutOfMemoryError", "UsageError"]


class UsageError(ValueError):
    """Something the user gave that cannot be used; `known` holds what would have been accepted."""

    def __init__(self, message: str, *, known: Iterable[str] = ()) -> None:
        self.known = tuple(known)
        super().__init__(message)


class DialectError(ValueError):
    """A dialogue that a dialect cannot express."""


class InfrastructureError(RuntimeError):
    """A failure of engine, disk or machine; never a wrong answer."""


class OutOfMemoryError(RuntimeError):
    """The engine ran out of memory on one batch."""
