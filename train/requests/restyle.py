"""One tool under other names and with another schema: what stays is what it does.

A list of tools has the habits of its makers (all names in camel case, no arrays, examples in brackets). A
model that learns from it must not learn those: names change their case, texts with examples become enums and
lists, optional parameters get defaults, descriptions lose their examples.
"""

from collections.abc import Mapping
from random import Random
from typing import Any

from suites import Tool
from train.requests.parameters import Parameter, Spec, label_of

__all__ = ["restyled"]


def restyled(spec: Spec, rng: Random) -> Spec:
    """The spec as another maker would have written it; the same seed gives the same."""
    camel = rng.random() < 0.25
    parameters: dict[str, Parameter] = {}
    bare = rng.random() < 0.4
    for parameter in spec.parameters.values():
        words = label_of(parameter.name).lower().split()
        plain = all(w.isascii() and w.isalnum() for w in words) and words[0][0].isalpha()
        name = _cased(words, "camel" if camel else "snake") if plain else parameter.name
        if name in parameters:
            return spec
        parameters[name] = _reshaped(parameter, name, rng, bare)
    tool = Tool(
        name=_tool_name(spec.tool.name, rng),
        description=spec.tool.description,
        parameters=_schema(spec.tool.parameters, parameters),
    )
    return Spec(tool=tool, does=spec.does, parameters=parameters)


def _cased(words: list[str], style: str) -> str:
    match style:
        case "camel":
            return words[0] + "".join(w.capitalize() for w in words[1:])
        case "pascal":
            return "".join(w.capitalize() for w in words)
        case "dotted" if len(words) > 1 and words[-1][0].isalpha():
            return f"{words[-1]}.{'_'.join(words[:-1])}"
    return "_".join(words)


def _tool_name(name: str, rng: Random) -> str:
    words = label_of(name).lower().split()
    if not all(w.isascii() and w.isalnum() for w in words) or not words[0][0].isalpha():
        return name
    style = rng.choices(("own", "snake", "camel", "pascal", "dotted"), (3, 5, 2, 1, 2))[0]
    return name if style == "own" else _cased(words, style)


def _reshaped(parameter: Parameter, name: str, rng: Random, bare: bool) -> Parameter:
    schema: dict[str, Any] = dict(parameter.schema)
    examples, about = parameter.examples, parameter.about
    plain = set(schema) <= {"type", "description"}
    draw = rng.random()
    if plain and parameter.kind == "string" and len(examples) >= 3 and draw < 0.3:
        if draw < 0.15:
            schema = {"type": "string", "enum": list(examples), "description": about}
        else:
            items = {"type": "string"}
            schema = {"type": "array", "items": items, "description": f"{about} (one or more)"}
        if not about:
            del schema["description"]
    elif plain and parameter.kind in ("integer", "number") and draw < 0.12:
        schema = {"type": "array", "items": {"type": parameter.kind}}
        schema["description"] = f"{about or parameter.label} (one or more)"
    elif bare and about:
        schema["description"] = about
    if plain and not parameter.required and rng.random() < 0.25 and (default := _default(schema)):
        schema["default"] = default
    return Parameter(
        name=name,
        schema=schema,
        required=parameter.required,
        about=about,
        examples=examples,
        noun=parameter.noun,
    )


def _default(schema: Mapping[str, Any]) -> Any:
    match schema.get("type"):
        case "integer":
            return 10
        case "number":
            return 1.0
        case "boolean":
            return True
        case "string" if isinstance(schema.get("enum"), list):
            return schema["enum"][0]
    return None


def _schema(given: Mapping[str, Any], parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    schema = {k: v for k, v in given.items() if k not in ("properties", "required")}
    schema["properties"] = {name: dict(p.schema) for name, p in parameters.items()}
    required = [name for name, p in parameters.items() if p.required]
    if required:
        schema["required"] = required
    return schema
