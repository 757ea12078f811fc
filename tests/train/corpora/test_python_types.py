"""Types as Python writes them."""

from typing import Any

import pytest

from train.corpora.python_types import python_type


@pytest.mark.parametrize(
    ("text", "schema", "optional"),
    [
        ("str", {"type": "string"}, False),
        ("int, optional", {"type": "integer"}, True),
        ("str, default='a, b'", {"type": "string"}, True),
        ("float, optional, default 0.1", {"type": "number"}, True),
        ("bool", {"type": "boolean"}, False),
        ("STRING", {"type": "string"}, False),
        ("Any", {}, False),
        ("list", {"type": "array"}, False),
        ("set", {"type": "array"}, False),
        ("List[int]", {"type": "array", "items": {"type": "integer"}}, False),
        (
            "typing.List[List[str]]",
            {"type": "array", "items": {"type": "array", "items": {"type": "string"}}},
            False,
        ),
        ("Tuple[float, float]", {"type": "array", "items": {"type": "number"}}, False),
        ("Tuple[int, ...]", {"type": "array", "items": {"type": "integer"}}, False),
        ("Tuple[int, str]", {"type": "array"}, False),
        ("Dict[str, List[int]]", {"type": "object"}, False),
        ("dict", {"type": "object"}, False),
        ("Optional[str]", {"type": "string"}, True),
        ("Union[int, float]", {"anyOf": [{"type": "integer"}, {"type": "number"}]}, False),
        ("int | None", {"type": "integer"}, True),
        (
            "List[Union[int, str]]",
            {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "string"}]}},
            False,
        ),
    ],
)
def test_a_type_is_its_schema(text: str, schema: dict[str, Any], optional: bool) -> None:
    assert python_type(text) == (schema, optional)


@pytest.mark.parametrize(
    "text",
    [
        "Callable[[float], float]",
        "np.ndarray",
        "",
        "List[int",
        "str, int",
        "Union[None, None]",
        "int[3]",
        "List[" * 20 + "int" + "]" * 20,
    ],
)
def test_what_has_no_counterpart_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="type"):
        python_type(text)
