"""How the next adapter is made: what fails, examples against it, the guard over them, and the loop."""

from train.examples import Encoded, Example, encode, example_from, load_examples
from train.guard import Checked, Screened, require_checked, screen
from train.profile import FailureProfile, failure_profile

__all__ = [
    "Checked",
    "Encoded",
    "Example",
    "FailureProfile",
    "Screened",
    "encode",
    "example_from",
    "failure_profile",
    "load_examples",
    "require_checked",
    "screen",
]
