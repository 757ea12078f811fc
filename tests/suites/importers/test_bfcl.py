"""BFCL's items as cases: what the gold says, no more and no less; and nothing else than BFCL's form."""

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from suites.errors import SuiteError
from suites.importers import Imported, Source, open_source
from suites.importers.bfcl import CATEGORIES, NOT_READ, expanded, read
from suites.importers.write import import_suite
from suites.judge import judge
from suites.model import Accept, Call, Case, Message, Reply
from tests.mini_bfcl import CASES, ITEMS, SKIPPED, WEATHER, Item, write_archive, write_folder


def _read(texts: Mapping[str, str]) -> Imported:
    """What the importer makes of files in memory."""
    return read(Source(name="mem", names=tuple(texts), _read=lambda name: texts[name].encode()))


def _rows(category: str, row: Any, gold: Any = None) -> Imported:
    """The same of one row, after a sound one, and of one row of golds."""
    texts = {
        "BFCL_v4_irrelevance.json": json.dumps(ITEMS["irrelevance"][0][0]),
        f"BFCL_v4_{category}.json": json.dumps(row),
    }
    if category != "irrelevance":
        texts[f"possible_answer/BFCL_v4_{category}.json"] = json.dumps(gold)
    return _read(texts)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Imported:
    return read(open_source(str(write_folder(tmp_path_factory.mktemp("data")))))


@pytest.fixture(scope="module")
def cases(imported: Imported) -> dict[str, Case]:
    return {case.id: case for case in imported.cases}


def test_every_item_of_the_13_categories_is_a_case_but_the_one_without_gold(
    imported: Imported,
) -> None:
    assert len(CATEGORIES) == 13
    assert [c.id for c in imported.cases] == CASES
    assert [(s.where.rpartition("/")[2], s.why) for s in imported.skipped] == [
        ("BFCL_v4_live_simple.json:7", f"{SKIPPED} has no gold answer")
    ]
    assert list(imported.categories) == list(CATEGORIES)
    assert (imported.split, imported.licence, imported.notes) == ("test", "Apache-2.0", ())


def test_each_case_keeps_what_the_official_checker_is_given(cases: dict[str, Case]) -> None:
    for category, items in ITEMS.items():
        for row, gold in items:
            if row["id"] != SKIPPED:
                official = cases[row["id"]].official
                assert official is not None
                assert official.model_dump(mode="json") == {
                    "checker": "bfcl",
                    "category": category,
                    "functions": row["function"],
                    "gold": gold or [],
                }


def test_live_items_of_one_origin_are_one_cluster(cases: dict[str, Case]) -> None:
    clusters: dict[str, set[str]] = {}
    for name, case in cases.items():
        clusters.setdefault(case.group, set()).add(name)
    assert [ids for ids in clusters.values() if len(ids) > 1] == [
        {"live_simple_0-0-0", "live_simple_1-0-1"},
        {"live_multiple_0-0-0", "live_multiple_1-0-1"},
        {"live_irrelevance_194-32-7", "live_irrelevance_195-32-8"},
    ]


def test_messages_of_one_role_in_a_row_become_one(cases: dict[str, Case]) -> None:
    assert cases["live_simple_0-0-0"].messages == (
        Message(role="system", content="You are brief."),
        Message(role="user", content="I live in Oslo.\nHow is the weather?"),
    )


def test_types_are_those_of_json_schema(cases: dict[str, Case]) -> None:
    (tool,) = cases["simple_python_1"].tools
    assert tool.parameters == {
        "type": "object",
        "properties": {
            "point": {
                "type": "array",
                "description": "A value of type tuple.",
                "items": {"type": "number"},
            },
            "scale": {"type": "number", "description": "A value of type float."},
            "label": {"description": "A value of type any."},
            "options": {
                "type": "object",
                "description": "A value of type dict.",
                "properties": {"colour": {"type": "string"}, "width": {"type": "integer"}},
            },
            "tags": {
                "type": "array",
                "description": "A value of type array.",
                "items": {"type": "string"},
            },
            "shapes": {
                "type": "array",
                "description": "A value of type array.",
                "items": {"type": "object", "properties": {"side": {"type": "integer"}}},
            },
        },
        "required": ["point", "scale", "label", "options", "tags"],
    }


def test_java_and_javascript_values_are_texts_whose_type_is_said_and_kept(
    cases: dict[str, Case],
) -> None:
    (java,), (script,) = cases["simple_java_0"].tools, cases["simple_javascript_0"].tools
    assert {s["type"] for t in (java, script) for s in t.properties.values()} == {"string"}
    assert java.properties["names"] == {
        "type": "string",
        "description": "A value of type ArrayList. "
        "(written as text: a Java value of type ArrayList of String)",
        "x-language-type": "ArrayList",
        "x-element-type": "String",
    }
    assert "any Java value" in java.properties["view"]["description"]
    assert "a JavaScript value of type Bigint" in script.properties["big"]["description"]
    assert cases["simple_java_1"].tools[0].properties["title"]["default"] == "none"
    assert java.required == ("view", "count", "big")


def test_a_gold_says_which_values_are_right_and_what_may_be_left_out(
    cases: dict[str, Case],
) -> None:
    (area,) = cases["simple_python_0"].expectation.calls
    assert area.arguments == {
        "base": Accept(any_of=(10,), normal="text"),
        "height": Accept(any_of=(5,), normal="text"),
        "unit": Accept(any_of=("units",), normal="text", optional=True),
    }
    (place,) = cases["simple_python_1"].expectation.calls
    assert place.arguments["options"].any_of == (
        {"colour": "red", "width": 3},
        {"colour": "red"},
        {"colour": "blue", "width": 3},
        {"colour": "blue"},
    )
    assert place.arguments["shapes"] == Accept(
        any_of=([{"side": 1}, {"side": 3}], [{"side": 2}, {"side": 3}]),
        normal="text",
        optional=True,
    )
    (scale,) = cases["simple_java_1"].expectation.calls
    assert scale.arguments == {"ratio": Accept(any_of=("0.5",), normal="java")}


def test_alternatives_that_break_the_schema_are_dropped_where_others_are_left() -> None:
    row = {**ITEMS["multiple"][0][0], "id": "multiple_9"}
    gold = [{"get_weather": {"city": ["Oslo", 5], "unit": ["C", "K", ""]}}]
    (case, _) = _rows("multiple", row, {"id": "multiple_9", "ground_truth": gold}).cases
    arguments = case.expectation.calls[0].arguments
    assert arguments["city"].any_of == ("Oslo",)
    assert arguments["unit"].any_of == ("C",)


@pytest.mark.parametrize(
    ("name", "arguments", "right"),
    [
        ("simple_python_0", {"base": 10, "height": 5}, True),
        ("simple_python_0", {"base": 10.0, "height": 5, "unit": "units"}, True),
        ("simple_python_0", {"base": 5, "height": 10}, False),
        ("simple_python_0", {"base": "10", "height": 5}, False),
        ("simple_python_0", {"base": 10, "height": 5, "unit": "cm"}, False),
        ("simple_java_1", {"ratio": "0.50"}, True),
        ("simple_java_1", {"ratio": " .5"}, False),
        ("simple_java_1", {"ratio": "0.5", "title": "none"}, True),
        ("simple_java_1", {"ratio": "0.5", "title": "one"}, False),
        ("simple_java_1", {"ratio": 0.5}, False),
        ("simple_javascript_1", {"field": '"other"', "done": "false"}, True),
        ("simple_javascript_1", {"field": "other", "done": "False"}, False),
        ("simple_javascript_1", {"field": "other", "done": "false", "share": "0.50"}, True),
    ],
)
def test_the_strict_judge_goes_by_the_gold(
    cases: dict[str, Case], name: str, arguments: dict[str, Any], right: bool
) -> None:
    case = cases[name]
    call = Call(name=case.tools[0].name, arguments=arguments)
    assert judge(case, Reply(calls=(call,))).passed is right


def test_relevance_asks_for_some_call_and_irrelevance_for_none(cases: dict[str, Case]) -> None:
    for case in cases.values():
        wanted = case.expectation
        if case.category in ("irrelevance", "live_irrelevance"):
            assert (wanted.no_call, wanted.calls, wanted.any_call) == ("decline", (), False)
        elif case.category == "live_relevance":
            assert (wanted.no_call, wanted.calls, wanted.any_call) == (None, (), True)
        else:
            assert len(wanted.calls) == 2 if "parallel" in case.category else 1


def test_categories_that_are_not_there_and_those_not_read_are_noted(tmp_path: Path) -> None:
    few = {c: ITEMS[c] for c in ("irrelevance", "live_parallel")}
    more = {f"x/BFCL_v4_{c}.json": "{}" for c in ("memory", "multi_turn_base")}
    found = read(open_source(str(write_archive(tmp_path / "few.zip", few, **more))))
    assert len(found.cases) == 4
    assert list(found.categories) == ["irrelevance", "live_parallel"]
    assert found.notes == (
        "not imported (needs simulators or the network): multi_turn_base, memory",
        "the source has no file of: "
        + ", ".join(c for c in CATEGORIES if c not in ("irrelevance", "live_parallel")),
    )
    assert {"memory", "multi_turn_base"} <= set(NOT_READ)


def test_a_single_file_is_enough_where_no_gold_is_needed(tmp_path: Path) -> None:
    file = write_folder(tmp_path) / "BFCL_v4_live_relevance.json"
    assert len(read(open_source(str(file))).cases) == 2
    with pytest.raises(SuiteError, match=r"no possible_answer/BFCL_v4_multiple\.json"):
        read(open_source(str(tmp_path / "BFCL_v4_multiple.json")))


def test_answers_alone_are_no_questions(tmp_path: Path) -> None:
    write_folder(tmp_path)
    for file in tmp_path.glob("*.json"):
        file.unlink()
    with pytest.raises(SuiteError, match=r"holds no file BFCL_v4_<category>\.json"):
        read(open_source(str(tmp_path)))


def test_nothing_of_the_source_is_run(tmp_path: Path) -> None:
    trap = f"open({str(tmp_path / 'run')!r}, 'w')\nraise SystemExit('run')\n"
    code = dict.fromkeys(("bfcl_eval/__init__.py", "setup.py", "bfcl_eval/data/__init__.py"), trap)
    wheel = write_archive(tmp_path / "bfcl_eval-1-py3-none-any.whl", **code)
    with_code = write_folder(tmp_path / "data")
    (with_code / "__init__.py").write_text(trap)
    for where in (wheel, with_code):
        assert len(read(open_source(str(where))).cases) == len(CASES)
    assert not (tmp_path / "run").exists()


# --- what is not BFCL's form --------------------------------------------------------------------------


def _with(**changes: Any) -> dict[str, Any]:
    row = {**deepcopy(ITEMS["multiple"][0][0]), "id": "multiple_9", **changes}
    return {k: v for k, v in row.items() if v != "GONE"}


def _tool(**parameters: Any) -> list[Any]:
    return [{**WEATHER, "parameters": {**WEATHER["parameters"], **parameters}}]


GOLD = [{"get_weather": {"city": ["Oslo"]}}]


@pytest.mark.parametrize(
    ("row", "gold", "why"),
    [
        ([], GOLD, "is no mapping"),
        (_with(id="GONE"), GOLD, "has no 'id'"),
        (_with(id=9), GOLD, "9 has no gold answer"),
        (_with(function="GONE"), GOLD, "has no 'function'"),
        (_with(function=None), GOLD, "TypeError: 'NoneType' object is not iterable"),
        (_with(question=[]), GOLD, "not of one turn"),
        (_with(question=[[], []]), GOLD, "not of one turn"),
        (_with(question=[[]]), GOLD, "messages: Tuple should have at least 1 item"),
        (_with(question=[[{"role": "robot", "content": "x"}]]), GOLD, "role: Input should be"),
        (_with(question=[[{"role": "user", "content": None}]]), GOLD, "TypeError"),
        (_with(question=[[{"role": "user", "content": "\ud800"}]]), GOLD, "is no valid Unicode"),
        (_with(function=[{**WEATHER, "name": "no name"}]), GOLD, "name: String should match"),
        (_with(function=_tool(type="array")), GOLD, "parameters must have type object"),
        (_with(function=_tool(required=["x"])), GOLD, "requires 'x', which is not in properties"),
        (_with(function=_tool(properties={"city": {"pattern": "("}})), GOLD, "no JSON Schema"),
        (_with(function=_tool(properties={"city": {"type": "Sting"}})), GOLD, "no JSON Schema"),
        (_with(), None, "multiple_9 has no gold answer"),
        (_with(), [], "multiple_9 has no gold answer"),
        (_with(), ["x"], "AttributeError"),
        (_with(), [{"get_weather": {"city": "Oslo"}}], "a gold answer is a list of alternatives"),
        (_with(), [{"get_weather": {"city": list(range(300))}}], "more than 256 alternatives"),
        (_with(), [{"get_weather": {"city": ["\ud800"]}}], "is no valid Unicode"),
    ],
)
def test_an_item_of_another_form_is_skipped_with_one_line_that_says_why(
    row: Any, gold: Any, why: str
) -> None:
    found = _rows("multiple", row, {"id": "multiple_9", "ground_truth": gold})
    assert [c.id for c in found.cases] == ["irrelevance_0"]
    (skipped,) = found.skipped
    assert skipped.where == "mem/BFCL_v4_multiple.json:1"
    assert why in skipped.why
    assert "\n" not in skipped.why
    skipped.why.encode()


def test_alternatives_are_not_all_made_before_they_are_counted() -> None:
    many = {f"k{i}": [1, 2] for i in range(60)}
    for gold in ([many], [[many, many]], [[many], 1]):
        with pytest.raises(ValueError, match="more than 256 alternatives"):
            expanded(gold)
    assert expanded([[{**many, "none": []}], "", 7]) == [7]


@pytest.mark.parametrize("gold", [5, [], {}, {"id": 5}, {"ground_truth": []}])
def test_a_row_of_golds_without_an_id_is_refused_with_its_place(gold: Any) -> None:
    with pytest.raises(SuiteError, match=r"possible_answer/BFCL_v4_multiple\.json:1: a gold"):
        _rows("multiple", _with(), gold)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["dict", "tuple", "any", "string", "user", "x", "", "simple_java_0"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["id", "name", "type", "items", "properties", "required", "enum", "default"])
        | st.text(max_size=3),
        inner,
        max_size=3,
    ),
    max_leaves=8,
)  # fmt: skip
_ITEMS = [(category, item) for category, items in ITEMS.items() for item in items]


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        value.items() if isinstance(value, dict)
        else enumerate(value) if isinstance(value, list)
        else ()
    )  # fmt: skip
    return [path, *(p for key, item in inner for p in _paths(item, (*path, key)))]


@st.composite
def _spoiled(draw: st.DrawFn) -> tuple[str, Any]:
    """A category, and an item of it ([row, gold]) in which one or two values are something else."""
    category, item = draw(st.sampled_from(_ITEMS))
    whole: Any = deepcopy(list(item))
    for _ in range(draw(st.integers(1, 2))):
        path = draw(st.sampled_from(_paths(whole)[1:]))
        place = whole
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = draw(_JSON)
    return category, whole


def _checked(texts: Mapping[str, str]) -> None:
    """Cases, skipped items or a SuiteError; and cases come back from disk as they were."""
    found, refusal = None, ""
    try:
        found = _read(texts)
    except SuiteError as error:
        refusal = str(error)
    assert "\n" not in refusal
    if found is None:
        return
    rows = sum(t.count("\n") + 1 for n, t in texts.items() if "/" not in n)
    assert len(found.cases) + len(found.skipped) == rows
    for skipped in found.skipped:
        assert "\n" not in skipped.why


@given(spoiled=_spoiled())
@settings(max_examples=300)
@example(("simple_python", [{**ITEMS["simple_python"][0][0], "id": "a b"}, GOLD]))
def test_a_spoiled_item_is_a_case_a_skipped_item_or_a_suite_error(
    spoiled: tuple[str, Item],
) -> None:
    category, (row, gold) = spoiled
    name = str(row.get("id")) if isinstance(row, dict) else ""
    texts = {f"BFCL_v4_{category}.json": json.dumps(row)}
    golds = f"possible_answer/BFCL_v4_{category}.json"
    texts[golds] = json.dumps({"id": name, "ground_truth": gold})
    _checked(texts)


@given(category=st.sampled_from(list(CATEGORIES)), rows=st.lists(_JSON, min_size=1, max_size=4))
@settings(max_examples=150)
def test_any_json_is_a_case_a_skipped_item_or_a_suite_error(category: str, rows: list[Any]) -> None:
    text = "\n".join(json.dumps(row) for row in rows)
    _checked({f"BFCL_v4_{category}.json": text, f"possible_answer/BFCL_v4_{category}.json": text})


@given(spoiled=_spoiled())
@settings(max_examples=60)
def test_what_is_imported_of_a_spoiled_item_comes_back_from_disk(
    tmp_path_factory: pytest.TempPathFactory, spoiled: tuple[str, Item]
) -> None:
    folder = tmp_path_factory.mktemp("spoiled")
    category, item = spoiled
    other = "irrelevance" if category == "live_relevance" else "live_relevance"
    data = write_folder(folder / "data", {other: ITEMS[other]})
    row, gold = item
    (data / f"BFCL_v4_{category}.json").write_text(json.dumps(row))
    name = str(row.get("id")) if isinstance(row, dict) else ""
    (data / "possible_answer").mkdir(exist_ok=True)
    answers = data / "possible_answer" / f"BFCL_v4_{category}.json"
    answers.write_text(json.dumps({"id": name, "ground_truth": gold}))
    imported, suite = import_suite("mine", str(data), read, "bfcl", folder / "home")
    assert suite is not None
    bare = {c.id: c.model_copy(update={"excluded": ()}) for c in suite.cases}
    assert bare == {c.id: c for c in imported.cases}
