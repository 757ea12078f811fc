"""Public sets of function-calling dialogues as training examples: one reader a format, one table."""

from train.corpora.base import REASONS, Converted, Converter, Options, Rows, Skipped, numbered
from train.corpora.catalogue import CORPORA, Corpus, find_corpus
from train.corpora.load import load_corpus
from train.corpora.spoken import spoken

__all__ = [
    "CORPORA",
    "REASONS",
    "Converted",
    "Converter",
    "Corpus",
    "Options",
    "Rows",
    "Skipped",
    "find_corpus",
    "load_corpus",
    "numbered",
    "spoken",
]
