"""How the next adapter is made. So far: examples, and what fails."""

from train.examples import Encoded, Example, encode, example_from, load_examples
from train.profile import FailureProfile, failure_profile

__all__ = [
    "Encoded",
    "Example",
    "FailureProfile",
    "encode",
    "example_from",
    "failure_profile",
    "load_examples",
]
