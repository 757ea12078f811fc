"""Toolboxes from their YAML files; every fault of a file is an error with its place.

A parameter is written as its JSON Schema with two more keys: `values` (a kind, see kinds.py) and `ask` (the
question for it when it is missing). Where `values` maps canonical values to words, the schema's `enum` (or
type boolean) is taken from it. A name that ends in `?` is optional, and so is one with a default.
"""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from suites.errors import SuiteError
from suites.forms import tool_from
from suites.model import Tool
from suites.schema import schema_problems
from suites.yaml_io import load_yaml
from train.toolboxes.kinds import Kind, kind_from
from train.toolboxes.spec import Chain, Library, Parameter, Toolbox, TrainTool
from train.toolboxes.template import Template, parse
from train.toolboxes.tongues import LANGUAGES

__all__ = ["load_library", "load_toolbox"]

HERE = Path(__file__).parent
_TOOL = {"description", "does", "parameters", "do", "questions", "other", "returns", "tell", "none"}
_BOX = {"domain", "about", "pools", "tools", "chains"}
_CHAIN = {"first", "second", "give", "do", "other"}


@lru_cache(maxsize=1)
def load_library() -> Library:
    """Every toolbox of the project, in the order of the domains' names."""
    shared = HERE / "shared"
    pools: dict[str, Any] = dict(_mapping(shared / "values.yaml"))
    raw = _mapping(shared / "phrases.yaml")
    phrases = {
        group: {language: tuple(said) for language, said in languages.items()}
        for group, languages in raw.items()
    }
    files = sorted((HERE / "domains").glob("*.yaml"))
    boxes = tuple(load_toolbox(file, pools) for file in files)
    names = [t.name for b in boxes for t in b.tools]
    if twice := sorted({n for n in names if names.count(n) > 1}):
        raise SuiteError(f"tools of two toolboxes have the name {twice[0]!r}")
    payloads = {**_mapping(shared / "payloads.yaml"), **_mapping(shared / "chat.yaml")}
    return Library(boxes=boxes, phrases=phrases, pools=pools, payloads=payloads)


def load_toolbox(file: Path, shared: Mapping[str, Any]) -> Toolbox:
    """One toolbox. shared: the pools that every toolbox may use. Errors: SuiteError with the file."""
    raw = _mapping(file)
    try:
        _known(raw, _BOX, "toolbox")
        pools = {**shared, **raw.get("pools", {})}
        domain = str(raw["domain"])
        tools = tuple(_tool(domain, name, t, pools) for name, t in raw["tools"].items())
        by_name = {t.name: t for t in tools}
        chains = tuple(
            _chain(c, by_name, f"chains.{i}") for i, c in enumerate(raw.get("chains", ()))
        )
        return Toolbox(domain=domain, about=str(raw["about"]), tools=tools, chains=chains)
    except KeyError as error:
        raise SuiteError(f"has no {error.args[0]!r}", file=str(file)) from None
    except SuiteError as error:
        raise SuiteError(str(error), file=str(file)) from None


def _mapping(file: Path) -> dict[str, Any]:
    value, _ = load_yaml(file.read_text(encoding="utf-8"), str(file))
    if not isinstance(value, dict):
        raise SuiteError("must be a mapping", file=str(file))
    return value


def _known(raw: Mapping[str, Any], names: set[str], where: str) -> None:
    for key in raw:
        if key not in names:
            raise SuiteError("unknown field", field=f"{where}.{key}", known=names)


def _tool(domain: str, name: str, raw: Mapping[str, Any], pools: Mapping[str, Any]) -> TrainTool:
    _known(raw, _TOOL, name)
    schemas: dict[str, Any] = {}
    kinds: dict[str, tuple[Kind, str | None]] = {}
    for key, given in raw["parameters"].items():
        where, plain = f"{name}.{key}", key.removesuffix("?")
        kind = kind_from(given["values"], pools, where)
        schema = {k: v for k, v in given.items() if k not in ("values", "ask")}
        if kind.says:
            truth = set(kind.says) == {"true", "false"}
            enum = {} if truth else {"enum": list(kind.says)}
            schema = {"type": "boolean" if truth else "string", **enum, **schema}
        if not schema.get("description"):
            raise SuiteError("has no description", field=where)
        schemas[key] = schema
        kinds[plain] = (kind, given.get("ask"))
    tool = tool_from({"name": name, "description": raw["description"], "parameters": schemas})
    if problems := schema_problems(tool):
        raise SuiteError(problems[0], field=name)
    parameters = {
        n: Parameter(name=n, kind=kind, ask=ask, required=n in tool.required)
        for n, (kind, ask) in kinds.items()
    }
    made = TrainTool(
        domain=domain,
        tool=tool,
        does=raw["does"],
        parameters=parameters,
        do=_templates(raw["do"], f"{name}.do"),
        questions=_templates(raw.get("questions", ()), f"{name}.questions"),
        other=_others(raw.get("other", {}), name),
        returns={k: kind_from(v, pools, f"{name}.returns.{k}") for k, v in raw["returns"].items()},
        tell=_templates(raw["tell"], f"{name}.tell"),
        none=parse(raw["none"], f"{name}.none") if "none" in raw else None,
    )
    _check(made, tool)
    _own_words(made)
    return made


def _templates(texts: Any, where: str) -> tuple[Template, ...]:
    if isinstance(texts, str):
        raise SuiteError("must be a list of phrasings", field=where)
    return tuple(parse(text, where) for text in texts)


def _others(raw: Mapping[str, Any], where: str) -> dict[str, tuple[Template, ...]]:
    for language in raw:
        if language not in LANGUAGES:
            raise SuiteError(f"{language!r} is no language of ours", field=where, known=LANGUAGES)
    return {k: _templates(v, f"{where}.other.{k}") for k, v in raw.items()}


def _check(made: TrainTool, tool: Tool) -> None:
    """Every phrasing has all required values and no unknown one; optional ones can be left out."""
    for template in (*made.do, *made.questions, *(t for ts in made.other.values() for t in ts)):
        names = {s.name for s in template.slots}
        if unknown := names - set(made.parameters):
            raise SuiteError(f"no parameter {min(unknown)!r}: {template.source}", field=tool.name)
        if missing := set(tool.required) - names:
            raise SuiteError(
                f"says nothing of {min(missing)!r}: {template.source}", field=tool.name
            )
    for template in (*made.tell, *((made.none,) if made.none else ())):
        names = {s.name for s in template.slots}
        if unknown := names - set(made.parameters) - set(made.returns):
            raise SuiteError(f"nothing gives {min(unknown)!r}: {template.source}", field=tool.name)
        if outside := {
            p.name for p in template.parts if not isinstance(p, str) and hasattr(p, "name")
        } & set(made.optional) - set(made.returns):
            raise SuiteError(f"{min(outside)!r} may be absent: {template.source}", field=tool.name)


def _own_words(made: TrainTool) -> None:
    """The words of enums and booleans are English: other languages say them in the phrasing itself."""
    for language, templates in made.other.items():
        for template in templates:
            for slot in template.slots:
                english = slot.words is None and made.parameters[slot.name].kind.says
                if english:
                    text = f"say {slot.name!r} in {language} ({{{slot.name}=value|words}})"
                    raise SuiteError(f"{text}: {template.source}", field=made.name)


def _chain(raw: Mapping[str, Any], tools: Mapping[str, TrainTool], where: str) -> Chain:
    _known(raw, _CHAIN, where)
    for key in ("first", "second"):
        if raw[key] not in tools:
            raise SuiteError(f"no tool {raw[key]!r}", field=where, known=tools)
    first, second = tools[raw["first"]], tools[raw["second"]]
    give = dict(raw["give"])
    for field, parameter in give.items():
        if field not in first.returns or parameter not in second.parameters:
            raise SuiteError(f"{field} -> {parameter} joins nothing", field=where)
    do, other = _templates(raw["do"], where), _others(raw.get("other", {}), where)
    wanted = {n for t in (first, second) for n in t.tool.required} - set(give.values())
    for template in (*do, *(t for ts in other.values() for t in ts)):
        if missing := wanted - {s.name for s in template.slots}:
            raise SuiteError(f"says nothing of {min(missing)!r}: {template.source}", field=where)
    return Chain(first=first.name, second=second.name, give=give, do=do, other=other)
