"""Who is measured: base models and LoRA adapters, where their weights come from and what they are."""

from adapters.errors import ModelError
from adapters.home import home, home_folder
from adapters.model import Adapter, Model, Target, serving_name
from adapters.registry import MODELS, find_adapter, find_model, resolve

__all__ = [
    "MODELS",
    "Adapter",
    "Model",
    "ModelError",
    "Target",
    "find_adapter",
    "find_model",
    "home",
    "home_folder",
    "resolve",
    "serving_name",
]
