"""NESTFUL: each call of an item as the one call that is left to make, with results made up."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from suites.errors import SuiteError
from suites.importers import Imported, Source, open_source
from suites.importers.nestful import read
from suites.model import Case

Make = Callable[..., Source]
SPEC: list[dict[str, Any]] = [
    {
        "name": "SkyScrapperSearchAirport",
        "description": "Searches an airport.",
        "method": "GET",
        "query_parameters": {"query": {"type": "String", "description": "City.", "required": True}},
        "output_parameters": {
            "skyId": {"type": "string"},
            "entityId": {"type": "string"},
            "presentation": {"type": "object", "properties": {"title": {"type": "String"}}},
        },
    },
    {
        "name": "FlightSearch",
        "description": "Searches flights.",
        "query_parameters": {
            "origin": {"type": "string", "required": True},
            "target": {"type": "string", "required": True},
            "cabin": {"type": "Enum", "allowed_values": ["economy", "first"], "default": "economy"},
            "adults": {"type": "Number", "required": False, "default": "1"},
        },
        "output_parameters": {"price": {"type": "Number"}, "flights": {"type": "array"}},
    },
    {
        "name": "Pay",
        "description": "Pays.",
        "parameters": {
            "amount": {"type": "number", "required": True},
            "memo": {"type": "string", "required": False},
        },
        "output_parameters": {},
    },
    {
        "name": "Homes.FindApartment",
        "description": "Finds a home.",
        "arguments": {"area": {"description": "Where.", "required": True, "allowed_values": []}},
        "output_parameters": {
            "area": {"description": "Where.", "possible_values": []},
            "beds": {"description": "Beds.", "possible_values": ["1", "2"]},
        },
    },
]
AIRPORT, FLIGHT, PAY, HOME = (t["name"] for t in SPEC)


def _item(
    *calls: tuple[str, dict[str, Any]], request: str = "From Oslo to Rome."
) -> dict[str, Any]:
    output = [
        {"name": n, "arguments": a, "label": f"var{i}"} for i, (n, a) in enumerate(calls, start=1)
    ]
    result = {"name": "var_result", "arguments": {"all": "$var1$"}}
    return {"input": request, "output": [*output, result]}


TRIP = _item(
    (AIRPORT, {"query": "Oslo"}),
    (AIRPORT, {"query": "Rome"}),
    (FLIGHT, {"origin": "$var1.skyId$", "target": "$var2.presentation.title$"}),
    (PAY, {"amount": "$var3.price$", "memo": "Rome"}),
)


def _read(source_of: Make, *items: Any, spec: Any = None) -> Imported:
    files = {
        "non-executable/non-executable-mini-data.json": list(items),
        "non-executable/non-executable-mini-spec.json": SPEC if spec is None else spec,
    }
    return read(source_of(files))


def _results(case: Case) -> list[Any]:
    return [json.loads(m.content) for m in case.messages if m.role == "tool"]


def test_a_call_is_asked_for_when_all_that_does_not_need_it_is_done(
    source_of: Make, sound: Callable[[Imported], int]
) -> None:
    found = _read(source_of, TRIP)
    assert sound(found) > 30
    assert [c.id for c in found.cases] == ["mini-0-1", "mini-0-2", "mini-0-3", "mini-0-4"]
    assert {c.group for c in found.cases} == {"mini-0"}
    assert [c.tags for c in found.cases] == [("single",), ("single",), ("nested",), ("nested",)]
    made = [[c.arguments.get("query") for c in case.past_calls] for case in found.cases]
    assert made == [["Rome"], ["Oslo"], ["Oslo", "Rome"], ["Oslo", "Rome", None]]
    assert not found.skipped
    assert not found.exclusions


def test_the_value_of_a_reference_stands_in_the_result_and_nowhere_else(source_of: Make) -> None:
    case = _read(source_of, TRIP).cases[2]
    first, second = _results(case)
    gold = case.expectation.calls[0].gold().arguments
    assert gold == {"origin": first["skyId"], "target": second["presentation"]["title"]}
    spoken = case.messages[0].content + json.dumps([c.arguments for c in case.past_calls])
    assert all(str(v) not in spoken for v in gold.values())
    assert first["skyId"] != second["skyId"]


def test_results_are_the_same_each_time_and_typed_by_the_output(source_of: Make) -> None:
    one, two = _read(source_of, TRIP), _read(source_of, TRIP)
    assert one.cases == two.cases
    assert isinstance(one.cases[3].expectation.calls[0].gold().arguments["amount"], int)


def test_the_spec_becomes_json_schema(source_of: Make) -> None:
    flight = _read(source_of, TRIP).cases[2].tool(FLIGHT)
    assert flight is not None
    assert flight.required == ("origin", "target")
    assert flight.properties["cabin"] == {
        "type": "string",
        "enum": ["economy", "first"],
        "default": "economy",
    }
    assert flight.properties["adults"] == {"type": "number", "default": 1}


def test_a_result_repeats_what_the_call_said_and_such_a_case_is_only_echoed(
    source_of: Make,
) -> None:
    item = _item((HOME, {"area": "Rome"}), (AIRPORT, {"query": "$var1.area$"}))
    case = _read(source_of, item).cases[1]
    assert case.tags == ("echoed",)
    assert case.expectation.calls[0].gold().arguments == {"query": "Rome"}
    assert _results(case)[0]["beds"] in ("1", "2")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("$var1$", "whole output"),
        ("$var9.skyId$", "no earlier call"),
        ("5 * $var1.skyId$", "calculation"),
        ("$var1.skyId$ - $var1.entityId$", "calculation"),
        ("var1.skyId$", "broken reference"),
        ("$var1.$", "broken reference"),
    ],
)
def test_what_cannot_be_resolved_is_skipped_with_the_reason(
    source_of: Make, value: str, why: str
) -> None:
    item = _item((AIRPORT, {"query": "Oslo"}), (AIRPORT, {"query": value}), (HOME, {"area": "x"}))
    found = _read(source_of, item)
    assert why in " ".join(s.why for s in found.skipped)
    assert "mini-0-2" in {s.where for s in found.skipped}
    assert "mini-0-2" not in {c.id for c in found.cases}
    # The third call's dialogue would have to hold the second.
    assert "mini-0-3" in {s.where for s in found.skipped}


def test_references_in_a_text_are_put_in_place_as_text(source_of: Make) -> None:
    item = _item(
        (AIRPORT, {"query": "Oslo"}),
        (PAY, {"amount": 5, "memo": "flight to $var1.skyId$ or $var1.entityId$"}),
        request="Pay 5 with the memo: flight to … or",
    )
    found = _read(source_of, item)
    result = _results(found.cases[1])[0]
    memo = found.cases[1].expectation.calls[0].gold().arguments["memo"]
    assert memo == f"flight to {result['skyId']} or {result['entityId']}"
    assert found.exclusions["free_text"][1] == ("mini-0-2",)


def test_unsound_gold_is_kept_and_excluded_by_name(
    source_of: Make, sound: Callable[[Imported], int]
) -> None:
    wrong = _item((AIRPORT, {"query": "Oslo", "sort": "x"}), request="Oslo, sorted.")
    undeclared = _item((AIRPORT, {"query": "Oslo"}), (HOME, {"area": "$var1.code$"}))
    given = _item((PAY, {"amount": "12.5"}), request="Pay 12.5")
    found = _read(source_of, wrong, undeclared, given)
    assert {k: ids for k, (_, ids) in found.exclusions.items()} == {
        "undeclared_field": ("mini-1-2",),
        "gold_violates_schema": ("mini-0-1",),
    }
    assert found.cases[-1].expectation.calls[0].gold().arguments == {"amount": 12.5}
    assert any(note.startswith("1 arguments given as text") for note in found.notes)
    sound(found)


def test_items_that_cannot_be_read_are_skipped_whole(source_of: Make) -> None:
    twice = _item((AIRPORT, {"query": "a"}), (AIRPORT, {"query": "b"}))
    twice["output"][1]["label"] = "var1"
    items = [_item(("fly", {})), twice, {"input": "x"}, 7, {"input": "", "output": []}]
    found = _read(source_of, *items)
    assert [s.where for s in found.skipped] == [f"mini-{i}" for i in range(5)]
    assert found.cases == ()


def test_other_tools_share_no_telling_word_and_twelve_is_the_most(source_of: Make) -> None:
    many = [{**SPEC[2], "name": f"Other{chr(65 + i)}x"} for i in range(14)]
    close = {**SPEC[0], "name": "get_airports"}
    found = _read(source_of, TRIP, spec=[*SPEC, *many, close])
    for case in found.cases:
        assert len(case.tools) == 8
        assert case.tool("get_airports") is None
    used = _item(*((t["name"], {"amount": i}) for i, t in enumerate(many)))
    assert "more than 12" in _read(source_of, used, spec=[*SPEC, *many]).skipped[0].why


def test_a_source_without_data_and_spec_is_refused(source_of: Make) -> None:
    with pytest.raises(SuiteError, match=r"spec\.json"):
        read(source_of({"executable-data.json": []}))


def test_the_published_data(
    public_data: Callable[[str], str], sound: Callable[[Imported], int]
) -> None:
    found = read(open_source(public_data("nestful")))
    assert sound(found) > 5000
    assert Counter(c.category for c in found.cases) == {
        "glaive": 425,
        "executable": 223,
        "sgd": 93,
    }
    assert Counter(c.tags[0] for c in found.cases) == {"single": 407, "nested": 262, "echoed": 72}
    assert len({c.group for c in found.cases}) == 285
    assert len(found.skipped) == 27
    assert {k: len(ids) for k, (_, ids) in found.exclusions.items()} == {
        "undeclared_field": 30,
        "free_text": 3,
        "gold_violates_schema": 127,
    }
    assert max(len(c.tools) for c in found.cases) <= 12
    free = found.exclusions["free_text"][1]
    for case in found.cases:
        if case.tags == ("nested",) and case.id not in free:
            results = [m.content for m in case.messages if m.role == "tool"]
            values = case.expectation.calls[0].gold().arguments.values()
            assert any(_text(v) in r for v in _leaves(list(values)) for r in results)


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, list | tuple):
        return [x for v in value for x in _leaves(v)]
    return [x for v in value.values() for x in _leaves(v)] if isinstance(value, dict) else [value]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
