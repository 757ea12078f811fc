"""Names that say nothing: tools and parameters under short ordinals, so that descriptions have to be read.

After Hammer (function masking), with ordinals instead of long random strings: those cost tokens and teach
nothing. Values, enums, nested properties and results keep their names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from suites.model import Call, Tool

__all__ = ["Masked", "masked_names", "rename"]

_TOOLS = ("tool_{}", "fn{}", "func_{}", "f_{}", "op{}", "action_{}", "method{}", "t{}")
_PARAMETERS = ("arg{}", "p{}", "param_{}", "x{}", "a_{}", "in{}")


@dataclass(frozen=True, kw_only=True)
class Masked:
    """A tool under its new name. parameters: old name -> new name."""

    tool: Tool
    parameters: dict[str, str]


def masked_names(tools: Sequence[Tool], rng: Random) -> dict[str, Masked]:
    """Old tool name -> the masked tool; the ordinals do not follow the order of the tools."""
    style, inner = rng.choice(_TOOLS), rng.choice(_PARAMETERS)
    numbers = rng.sample(range(1, len(tools) + 6), len(tools))
    keep = rng.random() < 0.3
    found: dict[str, Masked] = {}
    for tool, number in zip(tools, numbers, strict=True):
        parameters = {
            n: n if keep else inner.format(i) for i, n in enumerate(tool.properties, start=1)
        }
        schema: dict[str, Any] = {
            **tool.parameters,
            "properties": {parameters[n]: s for n, s in tool.properties.items()},
        }
        if tool.required:
            schema["required"] = [parameters[n] for n in tool.required]
        found[tool.name] = Masked(
            tool=Tool(name=style.format(number), description=tool.description, parameters=schema),
            parameters=parameters,
        )
    return found


def rename(call: Call, masked: Masked) -> Call:
    """The call under the new names."""
    arguments = {masked.parameters.get(k, k): v for k, v in call.arguments.items()}
    return Call(name=masked.tool.name, arguments=arguments)
