"""From what people write to a Case: the short form, and the form with the fields of Case.

Both forms hold the same things. The short form reads like a dialogue:

    user / system / history / thought / model / tool      what was said
    tools                                                 names from the file's toolbox, or whole tools
    expect / no_call / answer / reply / words / injected  what a right reply is

`model` is the expectation unless `tool` (its result) follows; then it is part of the dialogue. A value
may be `{any_of: [...], as: date, within: 0.5, optional: true}` wherever an argument of an expected call
stands. The form of the guide (`user` + `model.function_call`) is a short form without a toolbox: its tool
is inferred from the call and tagged `inferred-tool`.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from suites.errors import SuiteError
from suites.model import Case, NoCall, Tool

__all__ = ["case_from", "tool_from"]

_SHORT = (
    *("id", "group", "category", "tags", "note", "tools"),
    *("system", "history", "user", "thought", "model", "tool"),
    *("expect", "no_call", "answer", "reply", "words", "injected"),
)
M = TypeVar("M", bound=BaseModel)

_ACCEPT = {"any_of", "as", "within", "optional"}


def case_from(
    obj: Any, *, default_id: str, toolbox: Mapping[str, Tool] = {}, defaults: Mapping[str, Any] = {}
) -> Case:
    """A case from one mapping in either form.

    Errors: SuiteError with the field (dotted path) that cannot be used; the caller adds file and line.
    """
    if not isinstance(obj, dict):
        raise SuiteError(f"a case must be a mapping, not {type(obj).__name__}")
    fields = {**defaults, **obj}
    long = "expectation" in fields or "messages" in fields
    raw = _long(fields) if long else _short(fields, toolbox)
    raw.setdefault("id", default_id)
    raw.setdefault("group", raw["id"])
    return _validated(Case, raw)


def tool_from(obj: Any, name: str | None = None) -> Tool:
    """A tool from an OpenAI `tools` entry, an MCP tool definition, a plain mapping or the short form.

    In the short form `parameters` maps a name to a JSON Schema or a type word; a name that ends in `?`
    is optional, and so is one with a default.
    """
    if not isinstance(obj, dict):
        raise SuiteError(f"a tool must be a mapping, not {type(obj).__name__}", field=name)
    if isinstance(obj.get("function"), dict):
        obj = obj["function"]
    raw = dict(obj)
    if name is not None:
        raw.setdefault("name", name)
    for mcp_only in ("title", "annotations", "outputSchema", "icons", "_meta", "strict", "type"):
        raw.pop(mcp_only, None)
    if "inputSchema" in raw:
        raw["parameters"] = raw.pop("inputSchema")
    parameters = raw.get("parameters")
    if parameters is None:
        raw.pop("parameters", None)
    elif isinstance(parameters, dict):
        raw["parameters"] = _schema(parameters)
    return _validated(Tool, raw, prefix=f"tool {raw.get('name')!r}")


def _schema(parameters: dict[str, Any]) -> dict[str, Any]:
    inner = parameters.get("properties")
    if isinstance(inner, dict) and not isinstance(inner.get("type"), str):
        parameters = {"type": "object", **parameters}
    if parameters.get("type") == "object" or "$ref" in parameters:
        return (
            {"properties": {}, **parameters} if parameters.get("type") == "object" else parameters
        )
    properties: dict[str, Any] = {}
    required: list[str] = []
    for key, value in parameters.items():
        schema = {"type": value} if isinstance(value, str) else value
        properties[key.removesuffix("?")] = schema
        if not key.endswith("?") and not (isinstance(schema, dict) and "default" in schema):
            required.append(key)
    schema_object: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema_object["required"] = required
    return schema_object


def _validated(cls: type[M], raw: dict[str, Any], prefix: str = "") -> M:
    try:
        return cls.model_validate_json(json.dumps(raw))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        known: Iterable[str] = ()
        if first["type"] == "string_pattern_mismatch":
            pattern = first.get("ctx", {}).get("pattern")
            message = f"{_compact(first['input'])} does not match the pattern {pattern}"
        if first["type"] == "extra_forbidden":
            message, known = "unknown field", cls.model_fields if len(first["loc"]) == 1 else ()
        raise SuiteError(message, field=f"{prefix} {field}".strip() or None, known=known) from None
    except (TypeError, ValueError, RecursionError) as error:
        raise SuiteError(f"not plain data: {error}", field=prefix or None) from None


# --- the form with the fields of Case ---------------------------------------------------------------


def _long(fields: dict[str, Any]) -> dict[str, Any]:
    raw = dict(fields)
    raw["tools"] = [tool_from(t).model_dump(mode="json") for t in _list(raw, "tools")]
    raw["messages"] = [_message(m, f"messages.{i}") for i, m in enumerate(_list(raw, "messages"))]
    _name_results(_list(fields, "messages"), raw["messages"])
    expectation = raw.get("expectation")
    if not isinstance(expectation, dict):
        raise SuiteError("must be a mapping", field="expectation")
    raw["expectation"] = {**expectation}
    if "calls" in expectation:
        calls = _list(expectation, "calls")
        raw["expectation"]["calls"] = [
            _expected(c, f"expectation.calls.{i}") for i, c in enumerate(calls)
        ]
    if isinstance(expectation.get("answer"), dict):
        raw["expectation"]["answer"] = _answer(expectation["answer"])
    return raw


def _name_results(originals: list[Any], messages: list[dict[str, Any]]) -> None:
    """Give every tool result the name of its call: by OpenAI's `tool_call_id`, else by order."""
    names: dict[str, str] = {}
    order: list[str] = []
    for original, message in zip(originals, messages, strict=True):
        if message.get("calls"):
            order = [call["name"] for call in message["calls"]]
            made = original.get("tool_calls") or []
            for call, name in zip(made, order, strict=False):
                names[str(call.get("id"))] = name
        elif message.get("role") == "tool" and "name" not in message:
            known = names.get(str(original.get("tool_call_id")))
            if known is None and order:
                known = order.pop(0)
            if known is not None:
                message["name"] = known


def _list(obj: dict[str, Any], key: str) -> list[Any]:
    value = obj.get(key, [])
    if not isinstance(value, list):
        raise SuiteError(f"must be a list, not {type(value).__name__}", field=key)
    return value


def _message(obj: Any, field: str) -> dict[str, Any]:
    """A message of ours, or an OpenAI chat message (its `tool_calls` carry arguments as JSON text)."""
    if not isinstance(obj, dict):
        raise SuiteError("a message must be a mapping", field=field)
    raw = {k: v for k, v in obj.items() if k not in ("tool_calls", "tool_call_id", "refusal")}
    if raw.get("content") is None:
        raw["content"] = ""
    elif not isinstance(raw["content"], str):
        raw["content"] = _content(raw["content"])
    if raw.get("role") == "developer":
        raw["role"] = "system"
    for key in ("calls", "tool_calls"):
        if obj.get(key):
            made = _list(obj, key)
            raw["calls"] = [_call(c, f"{field}.{key}.{i}") for i, c in enumerate(made)]
    return raw


def _content(value: Any) -> str:
    """OpenAI's list of text parts is joined; any other value is a tool result and kept as JSON."""
    parts = value if isinstance(value, list) else []
    if parts and all(isinstance(p, dict) and p.get("type") == "text" for p in parts):
        return "".join(str(p.get("text", "")) for p in parts)
    return _compact(value)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _call(obj: Any, field: str) -> dict[str, Any]:
    if isinstance(obj, dict) and isinstance(obj.get("function"), dict):
        obj = obj["function"]
    if not isinstance(obj, dict) or not isinstance(obj.get("name"), str):
        raise SuiteError("a call needs a name", field=field)
    if extra := sorted(set(obj) - {"name", "arguments"}):
        raise SuiteError(f"unknown field {extra[0]!r} in a call", field=field)
    arguments = obj.get("arguments", {})
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            raise SuiteError("arguments are no JSON object", field=f"{field}.arguments") from None
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        raise SuiteError("arguments must be a mapping", field=f"{field}.arguments")
    return {"name": obj["name"], "arguments": arguments}


def _expected(obj: Any, field: str) -> dict[str, Any]:
    call = _call(obj, field)
    return {
        "name": call["name"],
        "arguments": {k: _accept(v) for k, v in call["arguments"].items()},
    }


def _accept(value: Any) -> dict[str, Any]:
    if isinstance(value, dict) and "any_of" in value and set(value) <= _ACCEPT | {"normal"}:
        raw = dict(value)
        if "as" in raw:
            raw["normal"] = raw.pop("as")
        return raw
    return {"any_of": [value]}


def _answer(value: dict[str, Any]) -> dict[str, Any]:
    raw = dict(value)
    for key in ("facts", "absent"):
        if key in raw:
            if not isinstance(raw[key], list):
                message = f"must be a list, not {type(raw[key]).__name__}"
                raise SuiteError(message, field=f"answer.{key}")
            raw[key] = [_fact(item) for item in raw[key]]
    return raw


def _fact(item: Any) -> Any:
    if isinstance(item, list):
        return {"any_of": item}
    return item if isinstance(item, dict) else {"any_of": [item]}


# --- the short form ---------------------------------------------------------------------------------


def _short(fields: dict[str, Any], toolbox: Mapping[str, Tool]) -> dict[str, Any]:
    for key in fields:
        if key not in _SHORT:
            raise SuiteError("unknown field", field=key, known=_SHORT)
    for key in ("id", "group", "category", "note", "user", "system", "reply"):
        if not isinstance(given := fields.get(key, ""), str):
            text = _compact(given)
            remedy = f': write "{text}"' if isinstance(given, int | float) else ""
            raise SuiteError(f"must be text (a string), not {text}{remedy}", field=key)
    raw: dict[str, Any] = {k: v for k, v in fields.items() if k in _SHORT[:5]}
    messages = _history(fields)
    expectation = _expectation(fields)
    if "tool" in fields:
        calls = _calls(fields.get("model"), "model")
        if not calls:
            raise SuiteError(
                "a tool result needs the model's function_call before it", field="tool"
            )
        thought = {"thought": fields["thought"]} if "thought" in fields else {}
        messages.append({"role": "assistant", "calls": calls, **thought})
        messages += _results(fields["tool"], [c["name"] for c in calls], "tool")
    elif "thought" in fields:
        expectation["thought"] = fields["thought"]
    if not messages or messages[-1]["role"] not in ("user", "tool"):
        raise SuiteError("the dialogue must end with the user or a tool result", field="user")
    raw["messages"] = messages
    raw["expectation"] = expectation
    raw["tools"] = _offered(fields, toolbox)
    if "tools" not in fields:
        calls_made = [*_past(messages), *expectation.get("calls", [])]
        raw["tools"] = _inferred(calls_made)
        if raw["tools"]:
            raw["tags"] = [*raw.get("tags", []), "inferred-tool"]
    return raw


def _history(fields: dict[str, Any]) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    if "system" in fields:
        messages.append({"role": "system", "content": fields["system"]})
    names: list[str] = []
    for i, step in enumerate(_list(fields, "history")):
        field = f"history.{i}"
        if (
            not isinstance(step, dict)
            or not set(step) <= {"user", "model", "tool", "thought"}
            or not step
        ):
            raise SuiteError("a step holds user, model (with thought) or tool", field=field)
        if "user" in step:
            messages.append({"role": "user", "content": step["user"]})
        if "model" in step:
            calls = _calls(step["model"], field)
            names = [c["name"] for c in calls]
            message = {"calls": calls} if calls else {"content": step["model"]}
            thought = {"thought": step["thought"]} if "thought" in step else {}
            messages.append({"role": "assistant", **message, **thought})
        if "tool" in step:
            if not names:
                raise SuiteError("a tool result needs a function_call before it", field=field)
            messages += _results(step["tool"], names, field)
            names = []
    if "user" in fields:
        messages.append({"role": "user", "content": fields["user"]})
    return messages


def _calls(value: Any, field: str) -> list[dict[str, Any]]:
    """The plain calls in a `model` value; an empty list where it is text."""
    if not isinstance(value, dict):
        return []
    if set(value) == {"function_call"}:
        return [_call(value["function_call"], f"{field}.function_call")]
    if set(value) == {"function_calls"}:
        return [
            _call(c, f"{field}.function_calls.{i}")
            for i, c in enumerate(_list(value, "function_calls"))
        ]
    raise SuiteError("must be text, {function_call: …} or {function_calls: […]}", field=field)


def _results(value: Any, names: list[str], field: str) -> list[dict[str, Any]]:
    values = [value] if len(names) == 1 else value
    if not isinstance(values, list) or len(values) != len(names):
        raise SuiteError(f"{len(names)} calls need a list of {len(names)} results", field=field)
    texts = [v if isinstance(v, str) else _compact(v) for v in values]
    return [{"role": "tool", "name": n, "content": t} for n, t in zip(names, texts, strict=True)]


def _expectation(fields: dict[str, Any]) -> dict[str, Any]:
    raw: dict[str, Any] = {k: fields[k] for k in ("words", "injected") if k in fields}
    model = None if "tool" in fields else fields.get("model")
    source = "expect" if "expect" in fields else "model"
    wanted = fields.get("expect", model if isinstance(model, dict) else None)
    if wanted is not None:
        for key in ("no_call", "answer", "reply"):
            if key in fields:
                other = f"{source!r} says which call is right"
                raise SuiteError(f"{other}: leave one of the two out", field=key)
        calls = _calls(wanted, source)
        if not calls:
            raise SuiteError("must be {function_call: …} or {function_calls: […]}", field=source)
        raw["calls"] = [_expected(c, f"expect.{i}") for i, c in enumerate(calls)]
        return raw
    text = fields.get("reply", model)
    if text is None and "no_call" not in fields and "answer" not in fields:
        raise SuiteError("says nothing of what is expected: give model, expect, no_call or answer")
    if text is None:
        what = "no_call" if "no_call" in fields else "answer"
        raise SuiteError("needs the text of a right reply: give reply", field=what)
    raw["no_call"] = fields.get("no_call", "answer")
    if raw["no_call"] not in get_args(NoCall):
        message = f"must be 'answer', 'ask' or 'decline', not {_compact(raw['no_call'])}"
        raise SuiteError(message, field="no_call")
    raw["text"] = text
    if "answer" in fields:
        answer = fields["answer"]
        if not isinstance(answer, dict):
            raise SuiteError("must be a mapping with facts or absent", field="answer")
        raw["answer"] = _answer(answer)
    return raw


def _offered(fields: dict[str, Any], toolbox: Mapping[str, Tool]) -> list[dict[str, Any]]:
    offered: list[dict[str, Any]] = []
    for i, item in enumerate(_list(fields, "tools")):
        if isinstance(item, str):
            if item not in toolbox:
                raise SuiteError(
                    f"tool {item!r} is not in the toolbox", field=f"tools.{i}", known=toolbox
                )
            offered.append(toolbox[item].model_dump(mode="json"))
        else:
            offered.append(tool_from(item).model_dump(mode="json"))
    return offered


def _past(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [call for m in messages for call in m.get("calls", [])]


_JSON_TYPES = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def _inferred(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The smallest tools that the calls fit: one required parameter an argument, typed by its value."""
    tools: dict[str, dict[str, Any]] = {}
    for call in calls:
        schema = tools.setdefault(
            call["name"], {"type": "object", "properties": {}, "required": []}
        )
        for key, value in call["arguments"].items():
            given = value.get("any_of") if isinstance(value, dict) else None
            gold = given[0] if isinstance(given, list) and given else value
            json_type = _JSON_TYPES.get(type(gold))
            if key not in schema["properties"]:
                schema["properties"][key] = {"type": json_type} if json_type else {}
                schema["required"].append(key)
    return [{"name": n, "parameters": s} for n, s in tools.items()]
