"""What the `bfcl` mode returns: a verdict with the official error type, and a decoded text."""

from dataclasses import dataclass
from typing import Any

__all__ = ["BfclVerdict", "Decoded"]


@dataclass(frozen=True, kw_only=True)
class BfclVerdict:
    """The judgement of BFCL's rules. error_type: BFCL's own string, None when valid.

    crashed: the official checker raises on this input; error_type is then the exception's type name.
    message: one line for people (ours, not BFCL's wording).
    """

    valid: bool
    error_type: str | None = None
    message: str = ""
    crashed: bool = False


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """What a text decodes to under BFCL's rules.

    calls: what the official decoder returns, usually [{name: {parameter: value}}]; None with an error.
    error: why the official decoder would fail; "" when it does not.
    refused: we do not decode this text although the official decoder might (it would run code, or the
    text is outside the grammar we know); error says what was refused.
    """

    calls: Any = None
    error: str = ""
    refused: bool = False

    @property
    def ok(self) -> bool:
        """True when the text was decoded."""
        return not self.error
