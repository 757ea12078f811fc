"""The adapters that come with callbench: whole, light, licensed, screened against the suites as they are."""

import json
import tomllib
from pathlib import Path

import pytest
from safetensors import safe_open

from adapters import MODELS, find_adapter
from adapters.card import load_card
from adapters.registry import SHIPPED, shipped
from adapters.weights import CONFIG, WEIGHTS
from bench.dialects import DIALECTS
from suites import builtin_suites, select
from train.guard import Checked
from train.recipe import Recipe

GEMMA = "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms"
NAMES = shipped()


def test_there_is_one_for_the_embedded_default() -> None:
    assert "gemma-3-270m-calls" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_it_is_found_by_its_name_where_home_has_none(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALLBENCH_HOME", str(tmp_path))
    found = find_adapter(name)
    assert found.folder == SHIPPED / name
    assert found.card is not None
    assert found.card.name == name


@pytest.mark.parametrize("name", NAMES)
def test_it_is_small_and_of_sixteen_bits(name: str) -> None:
    folder = SHIPPED / name
    assert sum(f.stat().st_size for f in folder.rglob("*") if f.is_file()) <= 12 * 2**20
    with safe_open(folder / WEIGHTS, "pt") as tensors:
        kinds = {tensors.get_slice(key).get_dtype() for key in tensors.keys()}  # noqa: SIM118
    assert kinds == {"BF16"}


@pytest.mark.parametrize("name", NAMES)
def test_its_card_tells_base_recipe_command_state_and_runs(name: str) -> None:
    card = load_card(SHIPPED / name)
    assert card is not None
    assert card.base.name in MODELS
    assert card.base.hash
    assert card.recipe["dialect"] in DIALECTS
    recipe = Recipe.from_dict(card.recipe)
    assert Recipe.from_yaml(SHIPPED / name / "recipe.yaml") == recipe
    assert (recipe.base_hash, recipe.data_hash) == (card.base.hash, card.data_hash)
    assert card.command.startswith("callbench train ")
    assert f"--name {name}" in card.command
    assert (card.state.value, bool(card.state.reason)) == ("promoted", True)
    measured = {(run.suite, run.split, run.suite_hash) for run in card.runs}
    for name, split in builtin_suites():
        if split == "test":
            assert (name, split, select([f"{name}/{split}"]).parts[0].suite.hash) in measured


@pytest.mark.parametrize("name", NAMES)
def test_its_data_was_screened_against_the_suites_as_they_are(name: str) -> None:
    proof = Checked.model_validate_json((SHIPPED / name / "guard.json").read_text("utf-8"))
    screened = {(s.name, s.split): s.hash for s in proof.suites}
    for suite, split in builtin_suites():
        assert screened[suite, split] == select([f"{suite}/{split}"]).parts[0].suite.hash
    assert ("bfcl", "test") in screened
    assert 0 < proof.kept < proof.seen


@pytest.mark.parametrize("name", NAMES)
def test_it_carries_the_notice_that_its_base_asks_for(name: str) -> None:
    card = load_card(SHIPPED / name)
    assert card is not None
    assert card.licence == MODELS[card.base.name].derivative_notice
    assert GEMMA in card.licence
    assert GEMMA in (SHIPPED / name / "NOTICE").read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_it_names_no_place_of_the_machine_that_made_it(name: str) -> None:
    config = json.loads((SHIPPED / name / CONFIG).read_text("utf-8"))
    card = tomllib.loads((SHIPPED / name / "card.toml").read_text("utf-8"))
    assert config["base_model_name_or_path"] == card["base"]["name"]
    for file in (SHIPPED / name).iterdir():
        if file.suffix in (".json", ".toml", ".yaml", ".jsonl", ".md"):
            text = file.read_text("utf-8")
            assert not any(place in text for place in ("/tmp/", "/home/", "/root/", "/work/"))
