"""Requests over any list of tools: values from the schemas, words from the descriptions, calls that obey.

The generators of train.augment know their tools by heart; these know nothing but the definitions, so that a
list of one's own (OpenAI, MCP, Seal-Tools) becomes training data, and thousands of public tools do.
"""

from train.requests.beside import beside
from train.requests.blocks import CraftedRow, Shares, crafted
from train.requests.parameters import Spec, spec_of
from train.requests.read import read_tools

__all__ = ["CraftedRow", "Shares", "Spec", "beside", "crafted", "read_tools", "spec_of"]
