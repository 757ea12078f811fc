"""Errors of the adapters package.

ValueError
└── ModelError        a model, adapter or weights file that cannot be used, with the remedy
"""

from collections.abc import Iterable

__all__ = ["ModelError"]


class ModelError(ValueError):
    """A model or adapter that cannot be used; `known` holds the names that would have been accepted."""

    def __init__(self, message: str, *, known: Iterable[str] = ()) -> None:
        self.message = message
        self.known = tuple(known)
        super().__init__(message)
