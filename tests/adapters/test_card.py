"""The card: it comes back as it was written, belongs to its weights, and says where it is wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters import ModelError, find_adapter, serving_name
from adapters.card import (
    CARD,
    BaseRef,
    Card,
    Measured,
    Parent,
    load_card,
    new_card,
    promote,
    recipe_hash,
    reject,
    save_card,
    with_run,
)
from adapters.weights import file_hash

Write = Callable[..., Path]
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
hashes = st.text("0123456789abcdef", min_size=64, max_size=64)
names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,20}", fullmatch=True)
dates = st.datetimes().map(lambda d: d.isoformat())
leaves = (
    texts
    | st.integers(-(10**12), 10**12)
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
)
recipes = st.dictionaries(
    texts,
    st.recursive(leaves, lambda v: st.lists(v, max_size=3) | st.dictionaries(texts, v, max_size=3)),
    max_size=4,
)
runs = st.builds(
    Measured,
    run=texts,
    suite=texts,
    split=texts,
    suite_hash=hashes,
    n=st.integers(10, 1000),
    passed=st.integers(0, 10),
    date=dates,
)


@pytest.fixture
def folder(write: Write) -> Path:
    """An adapter with a card."""
    made = write()
    recipe = {"lora": {"r": 4, "alpha": 8}, "seeds": [1, 2]}
    card = new_card(made, "mine", base=BaseRef(name="tiny", hash="a" * 64), recipe=recipe)
    save_card(made, card)
    return made


def card_of(folder: Path) -> Card:
    card = load_card(folder)
    assert card is not None
    return card


def measured(**fields: Any) -> Measured:
    given = {"run": "r1", "suite": "call", "split": "dev", "suite_hash": "b" * 64}
    return Measured(**{**given, "n": 20, "passed": 11, "date": "2026-09-01T12:00:00Z", **fields})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(
    name=names,
    base=st.builds(BaseRef, name=texts, hash=st.none() | hashes),
    parent=st.none() | st.builds(Parent, name=names, weights=hashes),
    recipe=recipes,
    data=st.none() | hashes,
    licence=texts,
    measurements=st.lists(runs, max_size=3),
    reason=texts,
)
def test_a_card_comes_back_as_it_was_written(
    folder: Path,
    name: str,
    base: BaseRef,
    parent: Parent | None,
    recipe: dict[str, Any],
    data: str | None,
    licence: str,
    measurements: list[Measured],
    reason: str,
) -> None:
    card = new_card(
        folder,
        name,
        base=base,
        parent=parent,
        recipe=recipe,
        data_hash=data,
        licence=licence,
    )
    for run in measurements:
        card = with_run(card, run)
    if reason.strip():
        card = promote(card, reason)
    save_card(folder, card)
    assert load_card(folder) == card
    assert [f.name for f in folder.iterdir() if f.name.startswith(".")] == []


def test_a_card_records_what_sha256sum_says(folder: Path) -> None:
    card = card_of(folder)
    assert card.weights == file_hash(folder / "adapter_model.safetensors")
    assert card.config == file_hash(folder / "adapter_config.json")
    assert card.recipe_hash == recipe_hash({"seeds": [1, 2], "lora": {"alpha": 8, "r": 4}})
    assert (card.state.value, card.runs, card.parent) == ("candidate", (), None)


def test_a_folder_without_a_card_has_none_and_runs(write: Write) -> None:
    made = write()
    assert load_card(made) is None
    assert find_adapter(str(made)).card is None


def test_the_adapter_carries_its_card_and_goes_by_its_name(folder: Path) -> None:
    adapter = find_adapter(str(folder.rename(folder.with_name("elsewhere"))))
    assert adapter.card == card_of(adapter.folder)
    assert (adapter.name, adapter.base) == ("mine", "tiny")


@pytest.mark.parametrize("name", ["adapter_model.safetensors", "adapter_config.json"])
def test_a_card_of_other_weights_is_an_error_wherever_it_is_read(folder: Path, name: str) -> None:
    file = folder / name
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(ModelError, match=f"was written for another {name}"):
        load_card(folder)
    if name == "adapter_model.safetensors":
        with pytest.raises(ModelError, match="was written for another"):
            find_adapter(str(folder))


def edited(folder: Path, old: str, new: str) -> int:
    """Change the card's text; the number of the line that changed."""
    text = (folder / CARD).read_text(encoding="utf-8")
    assert old in text
    (folder / CARD).write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("created =", "creatd =", "the field 'created' is missing"),
        ("licence", "licence", "unknown field 'colour'"),
        ('[base]\nname = "tiny"', '[base]\nnome = "tiny"', "unknown field 'base.nome'"),
        ("schema_version = 1", "schema_version = 2", "schema_version: "),
        ("schema_version = 1", "schema_version = ", "Invalid value"),
        ('value = "candidate"', 'value = "hero"', "state.value: "),
        ("alpha = 8", "alpha = 16", "recipe_hash is not the hash of the recipe"),
        ("alpha = 8", "alpha = 2026-01-01", "recipe.lora.alpha: date cannot be written"),
    ],
)
def test_a_broken_card_is_refused_with_what_is_wrong(
    folder: Path, old: str, new: str, message: str
) -> None:
    if new == "licence":
        old, new = "created =", "colour = 1\ncreated ="
    edited(folder, old, new)
    with pytest.raises(ModelError, match=message) as caught:
        load_card(folder)
    assert str(folder / CARD) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_line_of_an_unknown_field_is_told(folder: Path) -> None:
    line = edited(folder, "created =", "colour = 1\ncreated =")
    with pytest.raises(ModelError, match=rf"{CARD}:{line}: unknown field 'colour'"):
        load_card(folder)


def test_the_line_is_that_of_the_right_table_and_row(folder: Path) -> None:
    card = with_run(with_run(card_of(folder), measured()), measured(run="r2"))
    save_card(folder, card)
    line = edited(folder, 'run = "r2"', 'run = "r2"\ncolour = 1')
    with pytest.raises(ModelError, match=rf"{CARD}:{line + 1}: unknown field 'runs.1.colour'"):
        load_card(folder)


def test_the_line_of_broken_toml_is_told(folder: Path) -> None:
    line = edited(folder, "created =", "created")
    with pytest.raises(ModelError, match=rf"{CARD}:{line}: "):
        load_card(folder)


@pytest.mark.parametrize("data", [b"\xff\xfe", b"a = " + b"[" * 20000], ids=["bytes", "deep"])
def test_what_is_no_text_is_refused(folder: Path, data: bytes) -> None:
    (folder / CARD).write_bytes(data)
    with pytest.raises(ModelError, match="is no TOML text"):
        load_card(folder)


def test_a_run_is_added_once(folder: Path) -> None:
    card = with_run(with_run(card_of(folder), measured()), measured(split="test"))
    assert [r.split for r in card.runs] == ["dev", "test"]
    again = with_run(card, measured(passed=12))
    assert sorted((r.split, r.passed) for r in again.runs) == [("dev", 12), ("test", 11)]
    assert card_of(folder).runs == ()


@pytest.mark.parametrize(
    "fields", [{"passed": 21}, {"n": 0}, {"date": "soon"}, {"suite_hash": "x"}]
)
def test_an_impossible_measurement_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="Measured"):
        measured(**fields)


def test_promotion_and_rejection_need_a_reason_and_bear_a_date(folder: Path) -> None:
    card = card_of(folder)
    up = promote(card, "better on call", date="2026-09-02")
    assert (up.state.value, up.state.reason, up.state.date) == (
        "promoted",
        "better on call",
        "2026-09-02",
    )
    down = reject(up, "broke output")
    assert down.state.value == "rejected"
    assert down.state.date is not None
    assert down.state.date.endswith("Z")
    with pytest.raises(ModelError, match="without a reason"):
        promote(card, " ")
    with pytest.raises(ModelError, match=r"date"):
        reject(card, "x", date="soon")


def test_a_folder_in_the_card_s_place_is_refused_without_a_trace(write: Write) -> None:
    made = write()
    card = new_card(made, "mine", base=BaseRef())
    (made / CARD / "x").mkdir(parents=True)
    with pytest.raises(ModelError, match=r"cannot write .*card\.toml"):
        save_card(made, card)
    assert (made / CARD / "x").is_dir()
    assert sorted(f.name for f in made.iterdir() if f.name.startswith(".")) == []


@pytest.mark.parametrize("name", ["", "a+b", "a,b", "a@b", "a/b", ".hidden", "x" * 101])
def test_a_name_that_a_command_line_could_not_say_is_refused(write: Write, name: str) -> None:
    with pytest.raises(ModelError, match="name"):
        new_card(write(), name, base=BaseRef())


def test_the_serving_name_changes_with_weights_and_with_scaling(write: Write) -> None:
    """Engines key their caches by it."""

    def spoil(tensors: dict[str, Any]) -> None:
        next(iter(tensors.values()))[0, 0] += 1

    folders = [
        write("one"),
        write("two", edit=spoil),
        write("three", lora_alpha=16),
        write("four"),
    ]
    adapters = [find_adapter(str(f)) for f in folders]
    ends = [serving_name(a).partition("@") for a in adapters]
    assert [name for name, _, _ in ends] == ["one", "two", "three", "four"]
    assert len({end for _, _, end in ends}) == 3
    assert ends[0][2] == ends[3][2] == adapters[0].hash[:12]
