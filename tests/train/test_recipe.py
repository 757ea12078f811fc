"""Laws of recipes: what is contradictory is refused by flag name, and text and back changes nothing."""

import itertools
import math
from pathlib import Path
from typing import Any

import pytest

from bench.errors import UsageError
from train.recipe import Recipe


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "none of --steps, --epochs, --budget-minutes is given"),
        ({"steps": 3, "epochs": 1.0}, "--steps, --epochs contradict each other"),
        ({"steps": 0}, "--steps must be a whole number of at least 1, not 0"),
        ({"epochs": 0.0}, "--epochs must be above 0"),
        ({"budget_minutes": math.nan}, "--budget-minutes must be above 0"),
        ({"steps": 1, "lr": 0}, "--lr must be above 0, not 0"),
        ({"steps": 1, "lr": math.inf}, "--lr must be above 0"),
        ({"steps": 1, "lr": "1e-3"}, "--lr must be above 0, not '1e-3'"),
        ({"steps": 1, "rank": 0}, "--rank must be a whole number of at least 1"),
        ({"steps": 1, "rank": True}, "--rank must be a whole number"),
        ({"steps": 1, "batch_size": 2.5}, "--batch-size must be a whole number"),
        ({"steps": 1, "forward_tokens": -1}, "--forward-tokens must be"),
        ({"steps": 1, "dropout": 1.0}, "--dropout must be below 1"),
        ({"steps": 1, "schedule": "linear"}, "--schedule must be one of cosine, constant"),
        ({"steps": 1, "dtype": "float16"}, "--dtype must be one of float32, bfloat16"),
        ({"steps": 1, "save_dtype": None}, "--save-dtype must be one of"),
        ({"steps": 1, "packing": "yes"}, "--packing must be of type bool"),
        ({"steps": 1, "targets": ()}, "--targets must name at least one layer"),
        ({"steps": 1, "targets": ("q_proj", "lm_head")}, "--targets may name .* not lm_head"),
        ({"steps": 1, "targets": ("q_proj", "q_proj")}, "--targets names a layer twice"),
        ({"steps": 1, "data_hash": "abc"}, "--data-hash must be a sha256"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_flag(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        Recipe(**settings)


def test_a_recipe_survives_yaml_and_keeps_its_hash(tmp_path: Path) -> None:
    recipe = Recipe(base="b", dialect="gemma", epochs=1.5, lr=2e-4, targets=("q_proj", "v_proj"))
    file = tmp_path / "recipe.yaml"
    file.write_text(recipe.to_yaml(), encoding="utf-8")
    read = Recipe.from_yaml(file)
    assert read == recipe
    assert read.hash == recipe.hash
    assert Recipe.from_dict(recipe.to_dict()) == recipe


def test_every_setting_has_a_say_in_the_hash() -> None:
    base = Recipe(steps=5)
    others: dict[str, Any] = {
        "base": "x", "base_hash": "0" * 64, "dialect": "gemma", "data_hash": "1" * 64, "rank": 8,
        "alpha": 8, "dropout": 0.1, "targets": ("q_proj",), "lr": 1e-4, "warmup": 1,
        "schedule": "constant", "weight_decay": 0.1, "clip": 2.0, "batch_size": 2,
        "forward_tokens": 9, "steps": 6, "seed": 1, "max_length": 9, "packing": False, "fill": True,
        "row_tokens": 9, "together": 9, "chunk": 9, "dtype": "float32", "save_dtype": "bfloat16",
        "beta": 0.1,
    }  # fmt: skip
    hashes = {Recipe(**{"steps": 5, name: value}).hash for name, value in others.items()}
    hashes |= {base.hash, Recipe(epochs=1.0).hash, Recipe(budget_minutes=1.0).hash}
    hashes |= {Recipe(steps=5, beta=0.1, sft=0.5).hash}
    assert len(hashes) == len(others) + 4
    assert set(others) | {"epochs", "budget_minutes", "sft"} == set(vars(base))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1\n", "holds no recipe"),
        ("a: [\n", "is no YAML text"),
        ("steps: 3\nlearning_rate: 1\n", "no setting 'learning_rate'"),
        ("steps: -3\n", "--steps must be"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused_with_its_name(
    tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=message) as raised:
        Recipe.from_yaml(file)
    assert str(file) in str(raised.value)
    with pytest.raises(UsageError, match="cannot read"):
        Recipe.from_yaml(tmp_path / "absent.yaml")


def test_the_rate_warms_up_and_falls_to_a_tenth() -> None:
    recipe = Recipe(steps=100, lr=1.0, warmup=4)
    rates = [recipe.rate(step, 100) for step in range(100)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[4] == 1.0
    assert all(a > b for a, b in itertools.pairwise(rates[4:]))
    assert rates[-1] == pytest.approx(0.1, abs=0.001)
    constant = Recipe(steps=9, lr=1.0, warmup=0, schedule="constant")
    assert {constant.rate(step, 9) for step in range(9)} == {1.0}


def test_a_bound_recipe_refuses_other_data_and_another_base() -> None:
    recipe = Recipe(steps=1).bound(base_hash="a" * 64, data_hash="b" * 64, on_cpu=True)
    assert (recipe.base_hash, recipe.data_hash, recipe.dtype) == ("a" * 64, "b" * 64, "float32")
    assert (recipe.forward_tokens, recipe.chunk) == (2048, 128)
    elsewhere = Recipe(steps=1).bound(base_hash="a" * 64, data_hash="b" * 64, on_cpu=False)
    assert (elsewhere.dtype, elsewhere.forward_tokens, elsewhere.chunk) == ("bfloat16", 8192, 1024)
    assert (recipe.fill, elsewhere.fill) == (False, True)
    with pytest.raises(UsageError, match="written for another base"):
        recipe.bound(base_hash="c" * 64, data_hash="b" * 64, on_cpu=True)
    with pytest.raises(UsageError, match="written for other data"):
        recipe.bound(base_hash="a" * 64, data_hash="c" * 64, on_cpu=True)
