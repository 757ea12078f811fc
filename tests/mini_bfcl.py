"""A data folder in BFCL's published form, made by hand: two or three items of each of its 13 categories.

The ids of the unsound items stand in the committed exclusion list for the same reasons, so an import marks
exactly what the audit finds (EXCLUDED). One item has no gold answer and must be skipped (SKIPPED).
"""

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = [
    "CASES",
    "EXCLUDED",
    "ITEMS",
    "SKIPPED",
    "Item",
    "write_archive",
    "write_folder",
]

Item = tuple[dict[str, Any], Any]
"""A row of a category's file, and its gold answers (None: no row among the possible answers)."""

SKIPPED = "live_simple_900-300-0"
EXCLUDED: dict[str, list[str]] = {
    "gold_fails": ["simple_java_36"],
    "opposite_labels": ["live_simple_29-7-2", "live_irrelevance_118-7-8"],
    "duplicate": ["live_irrelevance_195-32-8"],
    "enum": ["live_simple_70-34-0", "live_simple_141-94-0"],
    "type": ["live_simple_30-8-0", "live_simple_70-34-0"],
    "undeclared": ["parallel_multiple_12"],
    "strict_gold": ["parallel_multiple_94"],
}


def _of(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "description": f"A value of type {kind}.", **more}


def _doc(name: str, required: list[str], **properties: Any) -> dict[str, Any]:
    parameters = {"type": "dict", "properties": properties, "required": required}
    return {"name": name, "description": f"The function {name}.", "parameters": parameters}


def _item(
    name: str, question: str | list[tuple[str, str]], functions: list[Any], gold: Any = None
) -> Item:
    said = [("user", question)] if isinstance(question, str) else question
    turn = [{"role": role, "content": text} for role, text in said]
    return {"id": name, "question": [turn], "function": functions}, gold


AREA = _doc(
    "geometry.area",
    ["base", "height"],
    base=_of("integer"),
    height=_of("integer"),
    unit=_of("string", default="units"),
)
PLACE = _doc(
    "place",
    ["point", "scale", "label", "options", "tags"],
    point=_of("tuple", items={"type": "float"}),
    scale=_of("float"),
    label=_of("any"),
    options=_of("dict", properties={"colour": {"type": "string"}, "width": {"type": "integer"}}),
    tags=_of("array", items={"type": "string"}),
    shapes=_of("array", items={"type": "dict", "properties": {"side": {"type": "integer"}}}),
)
WEATHER = _doc(
    "get_weather", ["city"], city=_of("string"), unit=_of("string", enum=["C", "F"], default="C")
)
TIMER = _doc("set_timer", ["minutes"], minutes=_of("integer", minimum=5), loud=_of("boolean"))
JAVA = _doc(
    "Geo.show",
    ["view", "count", "big"],
    view=_of("any"),
    count=_of("integer"),
    big=_of("long"),
    shown=_of("boolean"),
    names=_of("ArrayList", items={"type": "String"}),
    sizes=_of("Array", items={"type": "integer"}),
    limits=_of("HashMap"),
)
RATIO = _doc("Scale.by", ["ratio"], ratio=_of("double"), title=_of("String", default="none"))
ITEMS_OF_ANY = _doc("Bag.fill", ["items"], items=_of("ArrayList", items={"type": "any"}))
SCRIPT = _doc(
    "validate",
    ["field", "done"],
    field=_of("String"),
    done=_of("Boolean"),
    list=_of("array", items={"type": "String"}),
    options=_of("dict"),
    big=_of("Bigint"),
    share=_of("float"),
)


def _city(name: str, **more: list[Any]) -> dict[str, Any]:
    return {"get_weather": {"city": [name], **more}}


ITEMS: dict[str, list[Item]] = {
    "simple_python": [
        _item(
            "simple_python_0",
            "Area of a triangle of base 10 and height 5?",
            [AREA],
            [{"geometry.area": {"base": [10], "height": [5], "unit": ["units", ""]}}],
        ),
        _item(
            "simple_python_1",
            "Place it.",
            [PLACE],
            [
                {
                    "place": {
                        "point": [[1.5, 2.0]],
                        "scale": [2.0],
                        "label": ["home"],
                        "options": [{"colour": ["red", "blue"], "width": [3, ""]}],
                        "tags": [["a", "b"], ["b", "a"]],
                        "shapes": ["", [{"side": [1, 2]}, {"side": [3]}]],
                    }
                }
            ],
        ),
    ],
    "simple_java": [
        _item(
            "simple_java_0",
            "Show the map.",
            [JAVA],
            [
                {
                    "Geo.show": {
                        "view": ["mapController"],
                        "count": [5],
                        "big": [123456789],
                        "shown": [True],
                        "names": [["a", "b"]],
                        "sizes": [[1, 2], ""],
                        "limits": [{"limit": [50], "filter": ["public"]}],
                    }
                }
            ],
        ),
        _item(
            "simple_java_1", "Half it.", [RATIO], [{"Scale.by": {"ratio": [0.5], "title": [""]}}]
        ),
        _item(
            "simple_java_36", "Fill it.", [ITEMS_OF_ANY], [{"Bag.fill": {"items": [[42, True]]}}]
        ),
    ],
    "simple_javascript": [
        _item(
            "simple_javascript_0",
            "Validate it.",
            [SCRIPT],
            [
                {
                    "validate": {
                        "field": ["userInput"],
                        "done": [True],
                        "list": [["x", "y"], ""],
                        "options": [{"mode": ["fast"], "tries": [3]}],
                        "big": [12345678901234567890],
                        "share": [0.25, ""],
                    }
                }
            ],
        ),
        _item(
            "simple_javascript_1",
            "Do not validate it.",
            [SCRIPT],
            [{"validate": {"field": ["other"], "done": [False], "share": ["", 0.5]}}],
        ),
    ],
    "multiple": [
        _item("multiple_0", "Weather in Oslo?", [TIMER, WEATHER], [_city("Oslo", unit=["C", ""])]),
        _item("multiple_1", "Wake me in 9.", [TIMER, WEATHER], [{"set_timer": {"minutes": [9]}}]),
    ],
    "parallel": [
        _item("parallel_0", "Oslo and Graz?", [WEATHER], [_city("Oslo"), _city("Graz")]),
        _item("parallel_1", "Linz, Turku?", [WEATHER], [_city("Linz"), _city("Turku", unit=["F"])]),
    ],
    "parallel_multiple": [
        _item(
            "parallel_multiple_0",
            "Weather in Oslo, and a timer of 7.",
            [TIMER, WEATHER],
            [{"set_timer": {"minutes": [7], "loud": [True, ""]}}, _city("Oslo")],
        ),
        _item(
            "parallel_multiple_12",
            "Weather in Graz, loud, and a timer of 8.",
            [TIMER, WEATHER],
            [_city("Graz", volume=["loud", ""]), {"set_timer": {"minutes": [8]}}],
        ),
        _item(
            "parallel_multiple_94",
            "Weather in Linz, and a timer of 2.",
            [TIMER, WEATHER],
            [_city("Linz"), {"set_timer": {"minutes": [2]}}],
        ),
    ],
    "irrelevance": [
        _item("irrelevance_0", "Solve x = 2 x.", [WEATHER]),
        _item("irrelevance_1", "Who painted it?", [TIMER]),
    ],
    "live_simple": [
        _item(
            "live_simple_0-0-0",
            [
                ("system", "You are brief."),
                ("user", "I live in Oslo."),
                ("user", "How is the weather?"),
            ],
            [WEATHER],
            [_city("Oslo")],
        ),
        _item("live_simple_1-0-1", "And in Graz?", [WEATHER], [_city("Graz")]),
        _item("live_simple_29-7-2", "Time for 6?", [TIMER], [{"set_timer": {"minutes": [6]}}]),
        _item("live_simple_30-8-0", "Time, six?", [TIMER], [{"set_timer": {"minutes": ["six"]}}]),
        _item("live_simple_70-34-0", "In kelvin?", [WEATHER], [_city("Oslo", unit=[7])]),
        _item("live_simple_141-94-0", "In K?", [WEATHER], [_city("Oslo", unit=["K"])]),
        _item(SKIPPED, "And in Rome?", [WEATHER]),
    ],
    "live_multiple": [
        _item("live_multiple_0-0-0", "Bergen?", [WEATHER, TIMER], [_city("Bergen")]),
        _item(
            "live_multiple_1-0-1", "Twelve.", [WEATHER, TIMER], [{"set_timer": {"minutes": [12]}}]
        ),
    ],
    "live_parallel": [
        _item("live_parallel_0-0-0", "Rome, Bonn?", [WEATHER], [_city("Rome"), _city("Bonn")]),
        _item("live_parallel_1-1-0", "Kiel, Graz?", [WEATHER], [_city("Kiel"), _city("Graz")]),
    ],
    "live_parallel_multiple": [
        _item(
            "live_parallel_multiple_0-0-0",
            "Rome, and 10 minutes.",
            [WEATHER, TIMER],
            [_city("Rome"), {"set_timer": {"minutes": [10]}}],
        ),
        _item(
            "live_parallel_multiple_1-1-0",
            "11 minutes, and Bonn.",
            [WEATHER, TIMER],
            [{"set_timer": {"minutes": [11]}}, _city("Bonn")],
        ),
    ],
    "live_irrelevance": [
        _item("live_irrelevance_0-0-0", "Sing.", []),
        _item("live_irrelevance_118-7-8", "Time for 6?", [TIMER]),
        _item("live_irrelevance_194-32-7", "Dance.", [TIMER]),
        _item("live_irrelevance_195-32-8", "Dance.", [TIMER]),
    ],
    "live_relevance": [
        _item("live_relevance_0-0-0", "Tell me what you can about Oslo.", [WEATHER, TIMER]),
        _item("live_relevance_1-1-0", "Use what you have.", [TIMER]),
    ],
}
CASES = [row["id"] for items in ITEMS.values() for row, _ in items if row["id"] != SKIPPED]


def _texts(items: Mapping[str, list[Item]]) -> dict[str, str]:
    """File name -> text, as in the published data: a row a line, golds in a folder of their own."""
    texts: dict[str, str] = {}
    for category, rows in items.items():
        texts[f"BFCL_v4_{category}.json"] = "".join(json.dumps(row) + "\n" for row, _ in rows)
        golds = [{"id": row["id"], "ground_truth": gold} for row, gold in rows if gold is not None]
        if golds or not category.endswith("relevance"):
            lines = (json.dumps(gold) + "\n" for gold in golds)
            texts[f"possible_answer/BFCL_v4_{category}.json"] = "".join(lines)
    return texts


def write_folder(folder: Path, items: Mapping[str, list[Item]] = ITEMS) -> Path:
    """The data as a folder."""
    for name, text in _texts(items).items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return folder


def write_archive(file: Path, items: Mapping[str, list[Item]] = ITEMS, **more: str) -> Path:
    """The data as a zip laid out as the wheel is; `more` are further members by name."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in _texts(items).items():
            archive.writestr(f"bfcl_eval/data/{name}", text)
        for name, text in more.items():
            archive.writestr(name, text)
    return file
