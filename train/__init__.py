"""How the next adapter is made. So far: examples, and what of them the model is to learn."""

from train.examples import Encoded, Example, encode, example_from, load_examples

__all__ = ["Encoded", "Example", "encode", "example_from", "load_examples"]
