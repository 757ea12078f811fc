"""NESTFUL (IBM): sequences of calls in which an output of one call is an argument of a later one.

Read: every `*-data.json` with its `*-spec.json`, as the repository publishes them: a list of
{"input", "output": [{"name", "arguments", "label"}, …, {"name": "var_result", …}]}, where `$var1.field$` in
an argument stands for an output of the call labelled var1.

A case of ours is one reply, and a reply cannot refer to what is not known yet. So each call of an item
becomes one case: its dialogue holds *every call that does not need it*, in the order of the item, each with
its result; then that call, with the values in place of the references, is the only one left to make, and no
other call could rightly be made first or beside it. The closing var_result is no call and becomes no case.

NESTFUL publishes no results; they are made up, the same on every machine (rules in nestful_spec.py). A
result holds every field that any call of the item refers to, and up to three others that are no lists or
objects (whose inner fields could say the same under another name). References inside a text are put in place
as text.

Tags: `single` refers to no output; `nested` has an argument whose value stands in a tool result and nowhere
else in the dialogue; `echoed` refers to outputs whose values the dialogue says elsewhere, too.

Skipped, with the reason: what cannot be resolved (a whole output, a calculation, a broken reference), calls
of tools that the spec lacks, and cases whose dialogue would have to hold such a call.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from suites.errors import SuiteError
from suites.importers.base import Imported
from suites.importers.building import Ids, Rows, build, call_from, text_of
from suites.importers.nestful_spec import Spec, choose_tools, made_up, spec_from
from suites.importers.schemas import exact
from suites.importers.source import Source
from suites.json_text import compact
from suites.model import Call, Case, Expectation, Message, Tool
from suites.schema import argument_problems
from suites.values import plain_text

__all__ = ["read"]

_PARTS = {
    "executable": "calls of public web services",
    "glaive": "calls of tools of the Glaive set",
    "sgd": "calls of tools of the Schema-Guided Dialogue set",
}
_EXCLUSIONS = {
    "undeclared_field": "refers to an output field that the tool's spec does not declare",
    "free_text": "the argument's wording around the reference is the annotator's, not the request's",
}
_NOTES = (
    "Results of calls are made up: NESTFUL publishes none.",
    "Tools on offer: those of the item and others of its file, 8 in all, drawn by a hash.",
    "Read is the form of its repository; the larger second version was never seen and is not read.",
)
_REFERENCE = re.compile(r"\$([A-Za-z_]\w*)((?:\.[^$]*)?)\$")
_BROKEN = re.compile(r"(?<![A-Za-z0-9_])var\d+(?![A-Za-z0-9_])")
_SUM = re.compile(r"[\d\s.()]*[-+*/^%][-+*/^%\d\s.()]*")
_RESULT = "var_result"
_MISSING: Any = object()


@dataclass(kw_only=True)
class _Step:
    """One call of an item; needs: labels of the calls that it refers to."""

    name: str
    label: str
    arguments: dict[str, Any]
    needs: set[str] = field(default_factory=set)
    call: Call | None = None
    result: Any = None
    why: str = ""
    faults: set[str] = field(default_factory=set)


@dataclass(kw_only=True)
class _Item:
    """One item of a data file. taken: label -> path -> the schemas of the parameters that take the output."""

    id: str
    request: str
    steps: list[_Step]
    specs: Mapping[str, Spec]
    taken: dict[str, dict[str, list[Any]]] = field(default_factory=dict)


def read(source: Source) -> Imported:
    """All parts of NESTFUL in the source as one suite. Errors: SuiteError if it holds none."""
    rows, ids = Rows(), Ids()
    pairs = [(n, _spec_name(n)) for n in source.names if n.endswith("-data.json")]
    if not any(spec in source.names for _, spec in pairs):
        remedy = "give the folder `data` of its repository"
        raise SuiteError(f"holds no *-data.json with its *-spec.json: {remedy}", file=source.name)
    for name, spec in sorted(pairs):
        if spec in source.names:
            _read_part(source, name, spec, rows, ids)
        else:
            rows.skip(source.place(name), f"its tools ({spec}) are not there")
    found = sorted({c.category for c in rows.cases})
    return Imported(
        about="NESTFUL: an output of one call is an argument of the next (results are made up)",
        version=source.version or "unknown",
        licence="Apache-2.0",
        cases=tuple(rows.cases),
        categories={k: _PARTS.get(k, f"calls of the part {k}") for k in found},
        exclusions=rows.exclusions(_EXCLUSIONS),
        exclusions_version="1",
        skipped=tuple(rows.skipped),
        notes=(*_NOTES, *rows.number_notes()),
    )


def _spec_name(name: str) -> str:
    return name.removesuffix("-data.json") + "-spec.json"


def _read_part(source: Source, name: str, spec_name: str, rows: Rows, ids: Ids) -> None:
    specs: dict[str, Spec] = {}
    for i, obj in enumerate(_list(source, spec_name)):
        try:
            spec = spec_from(obj)
            if specs.setdefault(spec.tool.name, spec) != spec:
                raise SuiteError(f"tool {spec.tool.name!r} stands twice with different content")
        except SuiteError as error:
            rows.skip(f"{source.place(spec_name)}:{i}", error)
    part = re.sub(r"\s+", "-", name.rpartition("/")[2].removesuffix("-data.json"))
    part = part.removeprefix("non-executable-") or "data"
    for i, obj in enumerate(_list(source, name)):
        place = f"{part}-{i}"
        try:
            item = _item(obj, place, specs)
            tools = choose_tools((s.name for s in item.steps), specs, place)
        except SuiteError as error:
            rows.skip(place, error)
            continue
        for i, step in enumerate(item.steps):
            where = f"{place}-{i + 1}"
            try:
                case = _case(item, step, tools, part, ids.take(where, where), rows)
            except SuiteError as error:
                rows.skip(where, error)
                continue
            rows.cases.append(case)
            for fault in sorted(step.faults):
                rows.exclude(fault, case)


def _list(source: Source, name: str) -> list[Any]:
    value = source.json(name)
    if not isinstance(value, list):
        raise SuiteError("must be a list", file=source.place(name))
    return value


# --- an item: its calls, what they need, and their results ------------------------------------------


def _item(obj: Any, place: str, specs: Mapping[str, Spec]) -> _Item:
    if not isinstance(obj, dict) or not isinstance(obj.get("output"), list):
        raise SuiteError("an item needs input and a list output")
    request = text_of(obj.get("input"), "input")
    steps: list[_Step] = []
    for i, entry in enumerate(obj["output"]):
        made = isinstance(entry, dict) and {k: v for k, v in entry.items() if k != "label"}
        call = call_from(made)
        if call.name == _RESULT:
            continue
        if call.name not in specs:
            raise SuiteError(f"calls {call.name!r}, which the spec does not define")
        label = str(entry.get("label") or f"call {i}")
        if any(s.label == label for s in steps):
            raise SuiteError(f"label {label!r} stands twice")
        steps.append(_Step(name=call.name, label=label, arguments=dict(call.arguments)))
    if not steps:
        raise SuiteError("holds no call")
    item = _Item(id=place, request=request, steps=steps, specs=specs)
    for step in steps:
        _note_needs(item, step)
    for step in steps:
        _resolve(item, step)
    return item


def _note_needs(item: _Item, step: _Step) -> None:
    properties = item.specs[step.name].tool.properties
    earlier = {s.label: s for s in item.steps[: item.steps.index(step)]}
    for name, value in step.arguments.items():
        for text, schema in _texts(value, properties.get(name, {})):
            for label, path in _REFERENCE.findall(text):
                if label not in earlier:
                    step.why = f"refers to ${label}{path}$, which is no earlier call"
                elif not path:
                    step.why = f"refers to a whole output (${label}$)"
                elif not _parts(path[1:]):
                    step.why = f"holds a broken reference ({text})"
                else:
                    step.needs.add(label)
                    alone = _REFERENCE.fullmatch(text) is not None
                    takers = item.taken.setdefault(label, {}).setdefault(path[1:], [])
                    takers.append(schema if alone else {"type": "string"})
                    if not _declared(item.specs[earlier[label].name], path[1:]):
                        step.faults.add("undeclared_field")
            if "$" in text and _BROKEN.search(_REFERENCE.sub("", text)):
                step.why = f"holds a broken reference ({text})"


def _texts(value: Any, schema: Any) -> list[tuple[str, Any]]:
    """Every text in an argument, with the schema of its place."""
    schema = schema if isinstance(schema, dict) else {}
    if isinstance(value, str):
        return [(value, schema)]
    if isinstance(value, list):
        return [pair for v in value for pair in _texts(v, schema.get("items"))]
    if isinstance(value, dict):
        inner = schema.get("properties")
        inner = inner if isinstance(inner, dict) else {}
        return [pair for k, v in value.items() for pair in _texts(v, inner.get(k))]
    return []


def _parts(path: str) -> list[str | int]:
    """`author[0].id` -> author, 0, id."""
    found: list[str | int] = []
    for part in path.split("."):
        name, *indices = re.split(r"\[(\d{1,3})\]", part)
        found += [name] if name else []
        found += [int(i) for i in indices if i.isdecimal()]
    return found


def _declared(spec: Spec, path: str) -> bool:
    return _field_schema(spec, path) is not None


def _field_schema(spec: Spec, path: str) -> dict[str, Any] | None:
    """The schema of an output field; None where the spec does not declare it."""
    current: Any = {"type": "object", "properties": spec.outputs}
    for part in _parts(path):
        inner = current.get("items" if isinstance(part, int) else "properties")
        if isinstance(part, int):
            if current.get("type") != "array":
                return None
            current = inner if isinstance(inner, dict) else {}
        elif isinstance(inner, dict | Mapping) and isinstance(inner.get(part), dict):
            current = inner[part]
        else:
            return None
    return dict(current)


def _resolve(item: _Item, step: _Step) -> None:
    """Put values in place of references, then make up the result; `why` says what could not be done."""
    results = {s.label: s.result for s in item.steps}
    unknown = [n for n in sorted(step.needs) if results[n] is None]
    if not step.why and unknown:
        step.why = f"refers to {unknown[0]}, which cannot be resolved"
    if step.why:
        return
    tool = item.specs[step.name].tool
    try:
        found = {k: _put(v, results, item, step) for k, v in step.arguments.items()}
    except SuiteError as error:
        step.why = str(error)
        return
    plain = {k: exact(v, tool.properties.get(k))[0] for k, v in found.items()}
    step.call = Call(name=step.name, arguments=plain)
    step.result = _result(item, step, plain)


def _put(value: Any, results: Mapping[str, Any], item: _Item, step: _Step) -> Any:
    if isinstance(value, list):
        return [_put(v, results, item, step) for v in value]
    if isinstance(value, dict):
        return {k: _put(v, results, item, step) for k, v in value.items()}
    if not isinstance(value, str) or not _REFERENCE.search(value):
        return value
    alone = _REFERENCE.fullmatch(value)
    if alone is not None:
        return _at(results[alone[1]], alone[2][1:])
    rest = _REFERENCE.sub("", value)
    if _SUM.fullmatch(rest):
        raise SuiteError(f"needs a calculation ({value})")
    if not plain_text(rest) or plain_text(rest) not in plain_text(item.request):
        step.faults.add("free_text")
    return _REFERENCE.sub(lambda m: _as_text(_at(results[m[1]], m[2][1:])), value)


def _as_text(value: Any) -> str:
    if isinstance(value, list | dict):
        raise SuiteError("puts a list or an object into a text")
    return value if isinstance(value, str) else compact(value)


def _at(result: Any, path: str) -> Any:
    for part in _parts(path):
        try:
            result = result[part]
        except (KeyError, IndexError, TypeError):
            raise SuiteError(f"refers to {path!r}, which no result can hold") from None
    return result


def _result(item: _Item, step: _Step, arguments: Mapping[str, Any]) -> Any:
    """The made-up result of a call: the fields that are referred to, and up to three others."""
    spec = item.specs[step.name]
    taken = item.taken.get(step.label, {})
    plain = [n for n, s in spec.outputs.items() if s.get("type") not in ("object", "array")]
    plain = [n for n in plain if _parts(n) == [n]]
    others = [n for n in plain if not any(_parts(p)[:1] == [n] for p in taken)][:3]
    result: Any = {}
    for path in [*taken, *others]:
        schema = _field_schema(spec, path) or {}
        takers = taken.get(path, [])
        place = f"{item.id} {step.label} {path}"
        parts = _parts(path)
        value = arguments.get(path, _MISSING)
        if value is _MISSING or not _fits(value, [schema, *takers]):
            name = next((p for p in reversed(parts) if isinstance(p, str)), "id")
            value = made_up(schema, place=place, name=name, takers=takers, request=item.request)
        _store(result, parts, value)
    return result or {"status": "ok"}


def _fits(value: Any, schemas: list[Any]) -> bool:
    probes = (
        Tool(name="probe", parameters={"type": "object", "properties": {"x": s}}) for s in schemas
    )
    return not any(argument_problems(probe, {"x": value}) for probe in probes)


def _store(result: Any, parts: list[str | int], value: Any) -> None:
    """Store a value under its path; what stands there already in another shape stays."""
    for part, after in zip(parts, [*parts[1:], None], strict=True):
        new = value if after is None else ([] if isinstance(after, int) else {})
        if isinstance(part, int):
            if not isinstance(result, list):
                return
            while len(result) <= part:
                result.append(new)
        elif isinstance(result, dict):
            result.setdefault(part, new)
        else:
            return
        result = result[part]


# --- a case -----------------------------------------------------------------------------------------


def _case(
    item: _Item, step: _Step, tools: tuple[Tool, ...], part: str, case_id: str, rows: Rows
) -> Case:
    if step.call is None:
        raise SuiteError(step.why)
    later = {step.label}
    for other in item.steps:
        if other.needs & later:
            later.add(other.label)
    messages = [Message(role="user", content=item.request)]
    for other in item.steps:
        if other.label in later:
            continue
        if other.call is None:
            raise SuiteError(f"its dialogue needs {other.label}, which {other.why}")
        messages.append(Message(role="assistant", calls=(other.call,)))
        content = compact(other.result)
        messages.append(Message(role="tool", name=other.name, content=content))
    given = item.specs[step.name].tool.properties
    rows.converted += sum(
        exact(v, given.get(k))[1]
        for k, v in step.arguments.items()
        if not _REFERENCE.search(str(v))
    )
    return build(
        id=case_id,
        group=item.id,
        category=part,
        tools=tools,
        messages=tuple(messages),
        expectation=Expectation(calls=rows.calls((step.call,), tools)),
        tags=(_kind(item, step),),
    )


def _kind(item: _Item, step: _Step) -> str:
    if not step.needs or step.call is None:
        return "single"
    spoken = [item.request]
    spoken += [compact(dict(s.call.arguments)) for s in item.steps if s.call and s is not step]
    elsewhere = plain_text(" ".join(spoken))
    for name, value in step.arguments.items():
        if _REFERENCE.search(compact(value)):
            leaves = _leaves(step.call.arguments[name])
            if any(plain_text(v) not in elsewhere for v in leaves):
                return "nested"
    return "echoed"


def _leaves(value: Any) -> list[str]:
    if isinstance(value, list | tuple):
        return [leaf for v in value for leaf in _leaves(v)]
    if isinstance(value, dict):
        return [leaf for v in value.values() for leaf in _leaves(v)]
    return [value if isinstance(value, str) else compact(value)]
