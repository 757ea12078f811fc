"""Seal-Tools (fairyshine/Seal-Tools): requests with gold calls, and one file of tools for all of them.

    tool.jsonl   {"api_name", "api_description", "parameters": {"p": {"type": "str", …}}, "required": [...],
                  "responses": {"field": {"type", "description"}}}
    others       {"id", "query", "calling": [{"api", "parameters": {…}, "responses": ["API_call_0", …]}]}

Rows of tools (`api_name`) make the toolbox and no example; they may stand anywhere. The tools on offer are
those of the gold calls: distractors are for later.

A reference (`"location": "API_call_1"`) is nested: it stands for the field of an earlier call whose label
it is. The data have no outputs, so the results of such a row are made up from the declared response fields
(the rules of `suites.importers.nestful_spec`; the same on every machine; counted as `made_up_results`): the
model calls what depends on nothing, sees the results, then calls the next with the value in place, each
step as many calls as can be made. The last calls have no result. Where a made-up value is not what the
parameter takes (Seal-Tools puts a yes-or-no output where a file path is wanted), the row breaks its schema
and is left out like any other.

Seen: the whole data at commit ce753ec.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from suites import Tool
from suites.importers.nestful_spec import made_up
from suites.importers.schemas import plain_schema
from suites.json_text import compact
from train.corpora.base import (
    DEFAULTS,
    Converted,
    Options,
    Place,
    Rows,
    Tally,
    UnfitError,
    convert_rows,
)
from train.corpora.draft import Draft
from train.corpora.literals import listed
from train.corpora.toolbox import Toolbox, read_tool
from train.examples import Example

__all__ = ["convert"]

_LABEL = "API_call_"


@dataclass(frozen=True, kw_only=True)
class _Step:
    """One gold call; labels: label -> response field; needs: indices of the calls it refers to."""

    name: str
    arguments: Mapping[str, Any]
    labels: Mapping[str, str]
    needs: frozenset[int]


def convert(rows: Rows, options: Options = DEFAULTS) -> Converted:
    """Requests as examples, with the tools among the rows."""
    kept = list(rows)
    specs = {r["api_name"]: r for _, r in kept if _is_tool(r)}
    requests = [(p, r) for p, r in kept if not _is_tool(r)]

    def read(row: Any, place: Place, options: Options, tally: Tally) -> Example:
        return _read(row, place, options, tally, specs)

    converted = convert_rows(requests, read, options)
    counts = {**converted.counts, "tools": len(specs)}
    return Converted(examples=converted.examples, skipped=converted.skipped, counts=counts)


def _is_tool(row: Any) -> bool:
    return isinstance(row, dict) and isinstance(row.get("api_name"), str)


def _read(
    row: Any, place: Place, options: Options, tally: Tally, specs: Mapping[str, dict[str, Any]]
) -> Example:
    if not isinstance(row, dict) or not {"query", "calling"} <= set(row):
        raise UnfitError("row", "a row needs query and calling")
    steps = list(_steps(listed(row, "calling", "calls"), specs))
    if not steps:
        raise UnfitError("row", "holds no calls")
    box = _toolbox([s.name for s in steps], specs, options, tally)
    draft = Draft(box, options, tally)
    draft.user(row["query"])
    done: dict[int, Mapping[str, Any]] = {}
    while len(done) < len(steps):
        ready = [i for i, s in enumerate(steps) if i not in done and s.needs <= set(done)]
        made = {i: _filled(steps[i], steps, done) for i in ready}
        draft.model("", [{"name": steps[i].name, "arguments": made[i]} for i in ready])
        for i in ready:
            done[i] = _made_up_result(i, steps, specs, box, place, row["query"])
        if len(done) < len(steps):
            for i in ready:
                draft.result(dict(done[i]), steps[i].name)
                tally["made_up_results"] += 1
    if any(s.needs for s in steps):
        tally["nested"] += 1
    return draft.example(place)


def _steps(calling: list[Any], specs: Mapping[str, dict[str, Any]]) -> Iterator[_Step]:
    owners: dict[str, int] = {}
    for number, call in enumerate(calling):
        if not isinstance(call, dict) or not isinstance(call.get("api"), str):
            raise UnfitError("calls", "a call needs api and parameters")
        arguments = call.get("parameters")
        if not isinstance(arguments, dict):
            raise UnfitError("calls", f"the parameters of {call['api']!r} are no mapping")
        needs = set()
        for value in arguments.values():
            if isinstance(value, str) and value in owners:
                needs.add(owners[value])
            elif _LABEL in _shown(value):
                raise UnfitError("reference", f"{value!r} is the label of no earlier call")
        labels = listed(call, "responses", "calls")
        if not all(isinstance(label, str) for label in labels):
            raise UnfitError("calls", "a label of a response is no text")
        owners.update((label, number) for label in labels)
        fields = (specs.get(call["api"]) or {}).get("responses")
        fields = list(fields) if isinstance(fields, dict) else []
        yield _Step(
            name=call["api"],
            arguments=arguments,
            labels=dict(zip(labels, fields, strict=False)),
            needs=frozenset(needs),
        )


def _shown(value: Any) -> str:
    try:
        return compact(value)
    except (TypeError, ValueError):
        raise UnfitError("calls", "an argument is no plain data") from None


def _toolbox(
    names: list[str], specs: Mapping[str, dict[str, Any]], options: Options, tally: Tally
) -> Toolbox:
    tools: list[Tool] = []
    known: dict[str, str] = {}
    for name in dict.fromkeys(names):
        spec = specs.get(name)
        if spec is None:
            continue
        raw = {
            "name": name,
            "description": spec.get("api_description"),
            "parameters": spec.get("parameters"),
            "required": spec.get("required"),
        }
        _, tool = read_tool(raw, options)
        if any(t.name == tool.name for t in tools):
            raise UnfitError("tools", f"two different tools are called {tool.name!r}")
        tally["renamed_tools"] += tool.name != name
        tools.append(tool)
        known[name] = tool.name
    return Toolbox(tools=tuple(tools), names=known)


def _filled(step: _Step, steps: list[_Step], done: Mapping[int, Mapping[str, Any]]) -> Any:
    values = {}
    for i in step.needs:
        for label, field in steps[i].labels.items():
            values[label] = done[i][field]
    filled = {}
    for key, value in step.arguments.items():
        if isinstance(value, str) and value.startswith(_LABEL):
            if value not in values:
                raise UnfitError("reference", f"{value!r} names no declared response field")
            filled[key] = values[value]
        else:
            filled[key] = value
    return filled


def _made_up_result(
    number: int,
    steps: list[_Step],
    specs: Mapping[str, dict[str, Any]],
    box: Toolbox,
    place: Place,
    request: str,
) -> Mapping[str, Any]:
    """Every declared response field of the call, typed by its declaration and by what takes it."""
    fields = (specs.get(steps[number].name) or {}).get("responses")
    result = {}
    for name, schema in (fields if isinstance(fields, dict) else {}).items():
        labels = {label for label, field in steps[number].labels.items() if field == name}
        takers = []
        for step in steps:
            tool = box.find(step.name)
            for key, value in step.arguments.items():
                if tool is not None and isinstance(value, str) and value in labels:
                    takers.append(tool.properties.get(key, {}))
        result[name] = made_up(
            plain_schema(schema),
            place=f"{place}:{number}:{name}",
            name=name,
            takers=takers,
            request=request,
        )
    return result
