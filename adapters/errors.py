"""Errors of the adapters package.

ValueError
└── ModelError        a model, adapter or weights file that cannot be used, with the remedy
"""

from collections.abc import Iterable

__all__ = ["ModelError", "first_line"]


class ModelError(ValueError):
    """A model or adapter that cannot be used; `known` holds the names that would have been accepted."""

    def __init__(self, message: str, *, known: Iterable[str] = ()) -> None:
        self.message = message
        self.known = tuple(known)
        super().__init__(message)


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its kind if it has none: for one-line messages of ours."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
