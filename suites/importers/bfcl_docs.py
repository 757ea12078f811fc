"""BFCL's function docs as tools of ours: its types in JSON Schema's words, nothing else changed."""

from collections.abc import Mapping
from typing import Any

from suites.bfcl.literals import KIND
from suites.model import Tool

__all__ = ["tool_of"]

_TYPES = {"dict": "object", "float": "number", "tuple": "array"}
_LANGUAGES = {"java": "Java", "javascript": "JavaScript"}


def tool_of(doc: Mapping[str, Any], language: str) -> Tool:
    """A tool from one entry of a case's `function` list.

    language: `python`, `java` or `javascript`. In the latter two every parameter is a string whose
    description says so, as BFCL tells the models; its type in that language stays in the schema.
    """
    parameters = doc["parameters"]
    if language == "python":
        schema = _schema(parameters)
    else:
        properties = {
            name: _text_parameter(detail, _LANGUAGES[language])
            for name, detail in parameters.get("properties", {}).items()
        }
        schema = {"type": "object", "properties": properties}
        if parameters.get("required"):
            schema["required"] = list(parameters["required"])
    return Tool(name=doc["name"], description=doc.get("description") or "", parameters=schema)


def _schema(schema: Any) -> Any:
    """A schema at any depth; `properties` hold names, which are no keywords."""
    if not isinstance(schema, dict):
        return schema
    made: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "properties" and isinstance(value, dict):
            made[key] = {name: _schema(inner) for name, inner in value.items()}
        elif key == "items":
            made[key] = _schema(value)
        elif key == "type" and isinstance(value, str):
            if value not in ("any", ""):
                made[key] = _TYPES.get(value, value)
        elif key == "optional" or (key == "required" and not isinstance(value, list)):
            continue  # words of BFCL's own, which no rule of its checker reads
        else:
            made[key] = value
    return made


def _text_parameter(detail: Mapping[str, Any], language: str) -> dict[str, Any]:
    kind = str(detail.get("type") or "any")
    inner = (detail.get("items") or {}).get("type")
    of = f" of {inner}" if inner else ""
    hint = f"any {language} value" if kind == "any" else f"a {language} value of type {kind}{of}"
    text = str(detail.get("description") or "").rstrip()
    made: dict[str, Any] = {
        "type": "string",
        "description": f"{text} (written as text: {hint})".strip(),
    }
    made[KIND[0]] = kind
    if inner:
        made[KIND[1]] = inner
    default = detail.get("default")
    if isinstance(default, str):
        made["default"] = default
    return made
