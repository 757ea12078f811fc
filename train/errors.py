"""Errors of training, beside those of bench.

RuntimeError
└── bench.errors.InfrastructureError
    └── DivergedError   the loss or the gradient is no number; the last good checkpoint is kept
"""

from bench.errors import InfrastructureError

__all__ = ["DivergedError"]


class DivergedError(InfrastructureError):
    """Training that cannot go on. step: from 1; examples: ids of those in the forward passes at fault."""

    def __init__(self, message: str, *, step: int, examples: tuple[str, ...]) -> None:
        self.step, self.examples = step, examples
        super().__init__(message)
