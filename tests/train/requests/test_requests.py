"""Requests over tools that nothing is known of: the laws of what is drawn, over a list with every kind."""

import json
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bench.errors import UsageError
from suites import SuiteError, Tool
from suites.schema import argument_problems, schema_problems
from train.requests import Shares, crafted, read_tools, spec_of
from train.requests.near import FAR, overlap
from train.requests.parameters import label_of
from train.requests.restyle import restyled
from train.requests.values import draw_value
from train.toolboxes import load_library

LIBRARY = load_library()


def _tool(name: str, description: str, required: list[str], **properties: Any) -> Tool:
    parameters = {"type": "object", "properties": properties, "required": required}
    return Tool(name=name, description=description, parameters=parameters)


TOOLS = [
    _tool(
        "moorBoat",
        "Reserve a mooring for a boat.",
        ["boat_id", "nights"],
        boat_id={"type": "string", "description": "The identifier of the boat"},
        nights={"type": "integer", "minimum": 1, "maximum": 30},
        shore_power={"type": "boolean", "description": "Whether to connect to shore power"},
    ),
    _tool(
        "grindLens",
        "Grinds an optical lens to a prescription",
        ["material", "diopters"],
        material={
            "type": "string",
            "description": "The material of the lens (e.g., crown glass, quartz, acrylic)",
        },
        diopters={"type": "number", "description": "The strength in diopters (e.g., 1.5, 2.25)"},
        coating={"type": "string", "enum": ["none", "anti-glare"]},
    ),
    _tool(
        "list_fossils",
        "List fossils that were dug up in some strata",
        ["strata"],
        strata={
            "type": "array",
            "description": "Strata (such as Jurassic, Devonian, Permian)",
            "items": {"type": "string"},
            "minItems": 1,
        },
        since={"type": "string", "description": "First day, YYYY-MM-DD"},
    ),
    _tool(
        "castBell",
        "Cast a bronze bell in a foundry",
        ["size"],
        size={
            "type": "object",
            "properties": {"width_cm": {"type": "integer"}, "height_cm": {"type": "integer"}},
            "required": ["width_cm", "height_cm"],
        },
    ),
]
ROWS = crafted(TOOLS, LIBRARY, 400, seed=1)


def test_the_same_seed_gives_the_same_rows_and_another_seed_others() -> None:
    again = crafted(TOOLS, LIBRARY, 400, seed=1)
    assert again == ROWS
    assert crafted(TOOLS, LIBRARY, 400, seed=2) != ROWS


def test_fewer_rows_are_the_beginning_of_more() -> None:
    assert crafted(TOOLS, LIBRARY, 50, seed=1) == ROWS[:50]


def test_every_kind_is_drawn_and_means_what_it_says() -> None:
    assert set(Counter(r.kind for r in ROWS)) == {"call", "again", "two", "absent", "missing"}
    for row in ROWS:
        reply = row.example.dialogue.messages[-1]
        if row.kind in ("absent", "missing"):
            assert reply.content
            assert not reply.calls
        else:
            assert reply.calls
            assert not reply.content
        if row.kind == "again":
            assert len({c.name for c in reply.calls}) == 1 < len(reply.calls)


def test_every_call_obeys_the_schema_of_an_offered_tool() -> None:
    for row in ROWS:
        tools = {t.name: t for t in row.example.dialogue.tools}
        assert not any(schema_problems(t) for t in tools.values())
        for call in row.example.dialogue.messages[-1].calls:
            assert not argument_problems(tools[call.name], call.arguments), (row, call)


def test_every_number_and_text_of_a_call_is_said_in_the_request() -> None:
    """Values are copied, never guessed: what a row teaches can be learned from what it shows."""
    small = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    said_so = checked = 0
    for row in ROWS:
        text = row.example.dialogue.messages[0].content
        for call in row.example.dialogue.messages[-1].calls:
            for value in _leaves(call.arguments):
                forms = [value if isinstance(value, str) else json.dumps(value)]
                if isinstance(value, int) and not isinstance(value, bool):
                    forms += [f"{value:,}", *([small[value]] if value <= 10 else [])]
                if isinstance(value, bool) or (isinstance(value, str) and value[:3] == "203"):
                    continue  # yes and no, and dates in words
                checked += 1
                said_so += any(f in text for f in forms)
    assert checked > 400
    assert said_so == checked


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [x for v in value.values() for x in _leaves(v)]
    if isinstance(value, list):
        return [x for v in value for x in _leaves(v)]
    return [value]


def test_a_declined_request_is_for_a_tool_far_from_those_on_offer() -> None:
    one, other = spec_of(TOOLS[0]), spec_of(TOOLS[1])
    assert one is not None
    assert other is not None
    assert overlap(one, one) == 1.0
    assert overlap(one, other) < FAR


def test_rows_of_a_block_share_their_tools_so_that_these_are_computed_once() -> None:
    blocks: dict[str, set[str]] = {}
    for row in ROWS:
        blocks.setdefault(row.example.group, set()).add(repr(row.example.dialogue.tools))
    assert all(len(tools) == 1 for tools in blocks.values())
    assert len(blocks) < len(ROWS) / 2


def test_masked_blocks_have_names_that_say_nothing() -> None:
    rows = crafted(TOOLS, LIBRARY, 40, seed=3, mask=1.0)
    known = {label_of(t.name) for t in TOOLS}
    assert not any(label_of(t.name) in known for r in rows for t in r.example.dialogue.tools)


def test_shares_decide_what_stands_behind_the_first_request() -> None:
    only = Shares(call=0, again=0, two=0, absent=1, missing=0, each=3)
    kinds = Counter(r.kind for r in crafted(TOOLS, LIBRARY, 60, seed=0, shares=only))
    assert set(kinds) == {"call", "absent"}


def test_tools_that_no_request_can_be_made_of_are_refused() -> None:
    mute = [Tool(name="x", description="", parameters={}), TOOLS[0]]
    with pytest.raises(SuiteError, match="1 of 2 tools"):
        crafted(mute, LIBRARY, 5)


def test_more_than_there_is_to_draw_is_refused() -> None:
    when = {"type": "string", "format": "date-time"}  # a form for which no rule makes a value
    vain = [
        _tool("ring", "Ring the bell", ["when"], when=when),
        _tool("stop", "Stop the clock", ["when"], when=when),
    ]
    with pytest.raises(SuiteError, match="the tools give 0 distinct requests, not 5"):
        crafted(vain, LIBRARY, 5)


@pytest.mark.parametrize(
    ("description", "does"),
    [
        ("Returns the weather. Free of charge.", "return the weather"),
        ("Fetches and searches mail", "fetch and searches mail"),
        ("Copies a file", "copy a file"),
        ("Retrieve news (e.g., sports, politics)", "retrieve news"),
        ("Discuss the matter", "discuss the matter"),
        ("The weather", None),
        ("Weather", None),
        ("", None),
        ("API for weather", None),
    ],
)
def test_what_a_tool_does_is_read_from_its_description(description: str, does: str | None) -> None:
    spec = spec_of(Tool(name="t", description=description, parameters={}))
    assert (spec.does if spec else None) == does


def test_examples_and_nouns_are_read_from_the_description_of_a_parameter() -> None:
    spec = spec_of(TOOLS[1])
    assert spec is not None
    material = spec.parameters["material"]
    assert material.examples == ("crown glass", "quartz", "acrylic")
    assert material.noun == "the material of the lens"
    assert material.about == "The material of the lens"


def test_restyled_tools_are_sound_and_ask_for_the_same() -> None:
    rng = Random(0)
    seen: set[str] = set()
    kinds: set[str] = set()
    for tool in TOOLS:
        spec = spec_of(tool)
        assert spec is not None
        for _ in range(60):
            made = restyled(spec, rng)
            seen.add(made.tool.name)
            kinds |= {p.kind for p in made.parameters.values()}
            assert not schema_problems(made.tool)
            assert len(made.tool.properties) == len(tool.properties)
            assert len(made.tool.required) == len(tool.required)
            assert made.does == spec.does
    assert {"moorBoat", "moor_boat", "MoorBoat", "boat.moor"} <= seen
    assert {"string", "integer", "number", "boolean", "array", "object"} <= kinds


def test_values_lie_within_the_bounds_of_the_schema() -> None:
    spec = spec_of(TOOLS[0])
    assert spec is not None
    nights = [draw_value(spec.parameters["nights"], Random(i), LIBRARY) for i in range(200)]
    values = {v.value for v in nights if v is not None}
    assert min(values) >= 1
    assert max(values) <= 30
    assert len(values) > 10


# --- files of tools ------------------------------------------------------------------------------------


ENTRY = {"name": "ring_bell", "description": "Ring the bell", "parameters": {"type": "object"}}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ENTRY),
        json.dumps([ENTRY]),
        json.dumps({"tools": [{"type": "function", "function": ENTRY}]}),
        json.dumps({"tools": [{"name": "ring_bell", "inputSchema": {"type": "object"}}]}),
        json.dumps({"api_name": "ring_bell", "api_description": "Ring", "parameters": {}}) + "\n",
        f"{json.dumps(ENTRY)}\n\n{json.dumps({**ENTRY, 'description': 'again'})}\n",
    ],
)
def test_tools_are_read_in_every_form(text: str, tmp_path: Path) -> None:
    file = tmp_path / "tools.json"
    file.write_text(text, encoding="utf-8")
    tools, unread = read_tools(file)
    assert [t.name for t in tools] == ["ring_bell"]
    assert unread == 0


def test_definitions_that_cannot_be_read_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "tools.jsonl"
    file.write_text(f'{json.dumps(ENTRY)}\n{{"name": 5}}\n', encoding="utf-8")
    assert read_tools(file)[1] == 1


@pytest.mark.parametrize(
    ("text", "match"),
    [("[]", "holds no tool"), ('{"a": 1}\n{"b"', "tools.json:2 is no JSON"), ("", "holds no tool")],
)
def test_files_without_tools_are_refused(text: str, match: str, tmp_path: Path) -> None:
    file = tmp_path / "tools.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=match):
        read_tools(file)
    with pytest.raises(UsageError, match="cannot be read"):
        read_tools(tmp_path / "none.json")
