"""Train-only tools, by domain, with the values and phrasings that training requests are made of."""

from train.toolboxes.kinds import Drawn, Kind
from train.toolboxes.load import load_library, load_toolbox
from train.toolboxes.spec import Chain, Library, Parameter, Toolbox, TrainTool
from train.toolboxes.template import Template

__all__ = [
    "Chain",
    "Drawn",
    "Kind",
    "Library",
    "Parameter",
    "Template",
    "Toolbox",
    "TrainTool",
    "load_library",
    "load_toolbox",
]
