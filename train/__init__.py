"""How the next adapter is made: examples, what of them is to be learned, and the loop (`train.loop.fit`)."""

from train.examples import Encoded, Example, encode, example_from, load_examples

__all__ = ["Encoded", "Example", "encode", "example_from", "load_examples"]
