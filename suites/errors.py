"""Errors of the suites package.

ValueError
└── SuiteError        something a person wrote in a suite, a replies file or a name cannot be used
"""

from collections.abc import Iterable

__all__ = ["SuiteError"]


class SuiteError(ValueError):
    """A suite, case, tool or name that cannot be used; `str()` is one line with its place.

    file, line (1-based), field: where the fault is, as far as it is known.
    known: the names that would have been accepted (the command line turns them into "did you mean").
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        field: str | None = None,
        known: Iterable[str] = (),
    ) -> None:
        self.message, self.file, self.line, self.field = message, file, line, field
        self.known = tuple(known)
        place = f"{file}:{line}" if file and line else (file or (f"line {line}" if line else ""))
        super().__init__(": ".join(part for part in (place, field, message) if part))
