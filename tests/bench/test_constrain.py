"""The constrained mode without an engine: its grammar's form, what it leaves free, and who refuses it."""

import json
from pathlib import Path
from typing import Any

import pytest

from adapters import Target
from bench.cli import main
from bench.constrain import CONSTRAINED, loose, refuse_engine, structural_tag
from bench.dialects import DIALECTS, find_dialect
from bench.engines import EngineOptions, Request, ScriptedEngine
from bench.engines.local import TransformersEngine
from bench.errors import UsageError
from bench.plan import Settings, plan
from bench.records import Manifest
from bench.runner import Chosen, run
from suites import Tool

WEATHER = Tool(
    name="get_weather",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string", "description": "a city", "format": "name"}},
        "required": ["city"],
    },
)


def with_schema(schema: Any) -> Tool:
    return Tool(name="t", parameters={"type": "object", "properties": {"x": schema}})


def test_the_tag_opens_where_a_call_opens_and_names_every_tool() -> None:
    other = Tool(name="now")
    tag = json.loads(str(structural_tag(find_dialect("gemma"), [WEATHER, other])))
    (form,) = tag["format"]["tags"]
    assert tag["format"]["type"] == "triggered_tags"
    assert tag["format"]["triggers"] == ["<tool_call>"]
    assert (form["begin"], form["end"]) == ("<tool_call>", "</tool_call>")
    shapes = [e["json_schema"] for e in form["content"]["elements"][1]["elements"]]
    assert [s["properties"]["name"] for s in shapes] == [{"const": "get_weather"}, {"const": "now"}]
    assert shapes[0]["properties"]["arguments"] == {
        "type": "object",
        "properties": {"city": {"type": "string"}},  # annotations are left out
        "required": ["city"],
    }


def test_without_tools_nothing_is_constrained() -> None:
    assert structural_tag(find_dialect("gemma"), []) is None


@pytest.mark.parametrize("name", [n for n in DIALECTS if n not in CONSTRAINED])
def test_dialects_of_another_notation_are_refused_in_one_line(name: str) -> None:
    with pytest.raises(UsageError, match=f"no grammar .* dialect '{name}'") as caught:
        structural_tag(find_dialect(name), [WEATHER])
    assert "\n" not in str(caught.value)
    assert set(caught.value.known) == set(CONSTRAINED)


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"type": "string", "title": "t", "default": "a", "examples": ["b"], "$schema": "s"},
        {"type": "string", "format": "date-time"},
        {"type": "string", "minLength": 1, "maxLength": 9},
        {"type": ["integer", "null"], "minimum": 1, "exclusiveMaximum": 9},
        {"enum": ["a", 1, None]},
        {"type": "string", "enum": ["a"]},
        {"const": "a"},
        {"anyOf": [{"type": "string"}, {"type": "null"}], "description": "d"},
        {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": 3},
        {"type": "object", "properties": {"y": {"type": "boolean"}}, "required": ["y"]},
        {"type": "object", "additionalProperties": {"type": "string"}},
    ],
)
def test_schemas_that_the_grammar_enforces(schema: Any) -> None:
    assert loose(with_schema(schema)) is None


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        (False, "a schema that allows nothing"),
        ({"type": "integer", "multipleOf": 5}, "multipleOf"),
        ({"type": "string", "pattern": "a"}, "pattern"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"not": {"type": "string"}}, "not"),
        ({"oneOf": [{"type": "string"}, {"type": "number"}]}, "oneOf"),
        ({"allOf": [{"type": "string"}, {"minLength": 3}]}, "allOf"),
        ({"type": "string", "anyOf": [{"minLength": 1}]}, "limits without a type"),
        ({"type": "string", "anyOf": [{"type": "string"}]}, "anyOf beside other keywords"),
        ({"type": "string", "enum": ["a", "bb"], "maxLength": 1}, "enum beside other keywords"),
        ({"minimum": 3}, "limits without a type"),
        ({"type": "text"}, "type 'text'"),
        ({"$ref": "#/$defs/nowhere"}, "$ref"),
        ({"$ref": "https://example.org/schema"}, "$ref"),
        ({"type": "object", "required": ["y"]}, "required without its property"),
        ({"type": "object", "patternProperties": {"a": {}}}, "patternProperties"),
        ({"enum": ["\\udaemon"]}, "a value with a backslash before ud"),
    ],
)
def test_schemas_that_it_would_not_enforce_become_any_object_and_say_why(
    schema: Any, reason: str
) -> None:
    tool = with_schema(schema)
    assert loose(tool) == reason
    tag = json.loads(str(structural_tag(find_dialect("gemma"), [tool])))
    call = tag["format"]["tags"][0]["content"]["elements"][1]["json_schema"]
    assert call["properties"]["arguments"] == {"type": "object"}
    assert call["properties"]["name"] == {"const": "t"}


def test_a_schema_nested_without_end_is_left_free() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(40):
        schema = {"type": "array", "items": schema}
    assert loose(with_schema(schema)) == "a schema nested too deeply"


def test_references_are_kept_where_they_are_looked_up() -> None:
    tool = Tool(
        name="t",
        parameters={
            "type": "object",
            "properties": {"x": {"$ref": "#/$defs/Side"}},
            "$defs": {"Side": {"enum": ["left", "right"]}},
        },
    )
    assert loose(tool) is None
    tag = json.loads(str(structural_tag(find_dialect("gemma"), [tool])))
    call = tag["format"]["tags"][0]["content"]["elements"][1]["json_schema"]
    assert call["$defs"] == {"Side": {"enum": ["left", "right"]}}
    assert call["properties"]["arguments"]["properties"] == {"x": {"$ref": "#/$defs/Side"}}


def test_the_plan_constrains_cases_with_tools_when_asked(chosen: Chosen, target: Target) -> None:
    free = [j.request for b in plan(chosen.selection(), target, Settings()) for j in b]
    held = [
        j.request for b in plan(chosen.selection(), target, Settings(constrained=True)) for j in b
    ]
    assert all(r.constraint is None for r in free)
    assert {r.id for r in held if r.constraint} == {
        r.id for r in held if "Tools: none" not in r.prompt
    }
    assert any(r.constraint for r in held)
    assert [r.prompt for r in held] == [r.prompt for r in free]


def test_only_an_engine_that_can_constrain_is_taken(
    chosen: Chosen, target: Target, home: Path
) -> None:
    refuse_engine("vllm")
    for name in ("transformers", "scripted"):
        with pytest.raises(UsageError, match=f"'{name}' is not: add --engine vllm"):
            refuse_engine(name)
    with pytest.raises(UsageError, match="'scripted'"):
        run(chosen, target, Settings(constrained=True), ScriptedEngine({}))
    assert not (home / "runs").exists()


def test_the_transformers_engine_refuses_a_constraint(tiny_models: dict[str, Path]) -> None:
    engine = TransformersEngine(tiny_models["gemma3"], options=EngineOptions(device="cpu"))
    tag = structural_tag(find_dialect("gemma"), [WEATHER])
    asked = Request(id="r", prompt="<bos>Hi", dialect=find_dialect("gemma"), constraint=tag)
    with pytest.raises(UsageError, match="cannot constrain calls: add --engine vllm"):
        engine.generate([asked])


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--engine", "transformers"], "--constrained needs an engine with structured output"),
        (["--resume", "nothing"], "--resume takes --constrained from the run"),
    ],
)
def test_the_command_line_refuses_it_in_one_line_before_a_model_is_loaded(
    more: list[str], message: str, model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suites = (
        [] if "--resume" in more else ["smoke", "--model", str(model_folder), "--dialect", "gemma"]
    )
    assert main(["run", *suites, "--constrained", *more]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert message in said.err
    assert len(said.err.strip().splitlines()) == 1


def test_the_label_names_the_mode(manifest: Manifest) -> None:
    held = manifest.model_copy(update={"sampling": {"max_tokens": 8, "constrained": True}})
    assert manifest.label == "model"
    assert held.label == "model, constrained"
