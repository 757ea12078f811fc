"""Errors of the bench package.

ValueError
├── UsageError           a setting, file or name that cannot be used (exit code 2)
└── DialectError         a dialogue that a dialect cannot say without changing its meaning (exit code 2)
RuntimeError
├── InfrastructureError  the engine or the disk failed; what was measured is kept (exit code 3)
└── OutOfMemoryError     one batch did not fit; the runner halves it and tries again
"""

import difflib
import re
from collections.abc import Iterable

__all__ = ["DialectError", "InfrastructureError", "OutOfMemoryError", "UsageError", "suggestion"]


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


def suggestion(error: Exception) -> str:
    """What follows an error's message: `; did you mean …?`, or the list of what there is (of its `known`)."""
    known: tuple[str, ...] = tuple(str(k) for k in getattr(error, "known", ()))
    if not known:
        return ""
    names = re.findall(r"'([^']+)'", str(error))
    wrong = names[0] if names else str(getattr(error, "field", "")).rsplit(".", 1)[-1]
    close = difflib.get_close_matches(wrong, known, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]!r}?"
    shown = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    return f"; there are: {shown}"
