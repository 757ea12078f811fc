"""Laws of the loop on tiny random models: what it changes, what it repeats exactly, what it refuses."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from adapters import find_adapter
from adapters.card import load_card
from adapters.verify import verify
from adapters.weights import CONFIG, WEIGHTS, file_hash, weights_hash
from bench.dialects import DIALECTS, Dialogue, prompt
from bench.engines.base import Request
from bench.engines.local import TransformersEngine
from bench.engines.tokens import load_tokenizer
from bench.errors import UsageError
from suites import select
from train import Example, example_from
from train.batches import Plan, encode_all
from train.checkpoint import CHECKPOINT, read_position
from train.errors import DivergedError
from train.loop import Fitted, fit
from train.metrics import METRICS, PLOT, Step, read_steps
from train.model import load_learner
from train.output import RECIPE
from train.packing import collate
from train.recipe import Recipe

ROOT = Path(__file__).parents[2]
RECIPE_6 = Recipe(
    base="tiny", dialect="gemma", steps=6, batch_size=3, rank=4, alpha=8, lr=0.01, warmup=2
)


def _examples(count: int = 9) -> list[Example]:
    cases = [case for part in select(["smoke"]).parts for case in part.cases]
    return [example_from(case) for case in cases[:count]]


def _fit(
    models: dict[str, Path],
    out: Path,
    recipe: Recipe = RECIPE_6,
    family: str = "gemma3",
    **more: Any,
) -> Fitted:
    return fit(recipe, more.pop("examples", _examples()), models[family], out, device="cpu", **more)


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, tiny_models: dict[str, Path]
) -> dict[str, Fitted]:
    """One training of each family with RECIPE_6."""
    folder = tmp_path_factory.mktemp("trained")
    return {family: _fit(tiny_models, folder / family, family=family) for family in tiny_models}


@pytest.mark.parametrize("family", ["gemma2", "gemma3"])
def test_the_adapter_is_one_that_can_be_served_and_has_its_card(
    trained: dict[str, Fitted], tiny_models: dict[str, Path], family: str
) -> None:
    done = trained[family]
    assert done.verification == verify(done.folder, tiny_models[family])
    assert done.verification.findings == ()
    assert done.verification.modules == 14
    card = load_card(done.folder)
    assert card == done.card
    assert card is not None
    assert card.base.hash == weights_hash(tiny_models[family])
    assert card.state.value == "candidate"
    written = Recipe.from_yaml(done.folder / RECIPE)
    assert card.recipe == written.to_dict()
    assert card.recipe_hash == written.hash
    assert (written.base_hash, written.data_hash) == (card.base.hash, card.data_hash)
    assert sorted(p.name for p in done.folder.iterdir()) == sorted(
        [CONFIG, WEIGHTS, "card.toml", METRICS, PLOT, RECIPE]
    )
    assert find_adapter(str(done.folder)).base == "tiny"


@pytest.mark.parametrize("family", ["gemma2", "gemma3"])
def test_the_engine_answers_otherwise_with_it(
    trained: dict[str, Fitted], tiny_models: dict[str, Path], family: str
) -> None:
    adapter = find_adapter(str(trained[family].folder))
    engine = TransformersEngine(tiny_models[family], [adapter])
    dialect = DIALECTS["gemma"]
    cases = select(["smoke"]).parts[0].cases
    asked = [prompt(dialect, [Dialogue(tools=c.tools, messages=c.messages)]) for c in cases]
    texts = []
    for who in (None, adapter.name):
        requests = [
            Request(id=str(i), prompt=text, adapter=who, dialect=dialect, max_tokens=12)
            for i, text in enumerate(asked)
        ]
        texts.append([completion.text for completion in engine.generate(requests)])
    assert texts[0] != texts[1]


def test_the_loss_falls_and_every_step_is_written_down(trained: dict[str, Fitted]) -> None:
    done = trained["gemma3"]
    steps = read_steps(done.folder)
    assert [s.step for s in steps] == [1, 2, 3, 4, 5, 6]
    assert steps[-1].loss == done.loss
    assert done.steps == 6
    assert done.resumed == 0
    assert min(s.loss for s in steps[3:]) < steps[0].loss
    assert [s.lr for s in steps[:2]] == [0.005, 0.01]
    assert all(s.grad_norm > 0 and s.tokens > s.computed > s.supervised > 0 for s in steps)
    assert all(s.examples == 3 and s.seconds > 0 and s.memory > 0 for s in steps)
    assert sum(s.supervised for s in steps) == 2 * done.data.supervised
    plot = (done.folder / PLOT).read_text(encoding="utf-8")
    assert plot.startswith("<svg ")
    assert plot.count("<polyline") == 2


@pytest.mark.parametrize("family", ["gemma2", "gemma3"])
def test_the_base_is_unchanged_bit_for_bit(tiny_models: dict[str, Path], family: str) -> None:
    """In memory, after training: every weight that is not the adapter's own."""
    recipe = replace(RECIPE_6, dtype="float32")
    before = file_hash(tiny_models[family] / "model.safetensors")
    learner = load_learner(tiny_models[family], recipe, "cpu")
    kept = {n: p.clone() for n, p in learner.named_parameters() if "lora_" not in n}
    assert set(learner.trained()) == {
        n.removeprefix("model.") for n, _ in learner.named_parameters() if "lora_" in n
    }
    assert len(learner.trained()) == 28
    tokenizer = load_tokenizer(tiny_models[family])
    items = encode_all(_examples(), DIALECTS["gemma"], tokenizer, 4096).items
    plan = Plan(items=items, recipe=recipe, packed=True)
    optimizer = torch.optim.AdamW(learner.trained().values(), lr=0.1)
    moved = {n: p.clone() for n, p in learner.trained().items()}
    for number in range(3):
        for rows in plan.rows(number):
            learner(collate(rows, 0)).backward()
        optimizer.step()
    assert all(torch.equal(p, kept[n]) for n, p in learner.named_parameters() if n in kept)
    assert all(not torch.equal(p, moved[n]) for n, p in learner.trained().items())
    assert file_hash(tiny_models[family] / "model.safetensors") == before


def test_packed_and_padded_training_give_the_same_adapter(
    tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    """On one step of all examples, where the order within cannot matter."""
    recipe = replace(RECIPE_6, steps=1, batch_size=9, warmup=0)
    packed = _fit(tiny_models, tmp_path / "packed", recipe)
    padded = _fit(tiny_models, tmp_path / "padded", replace(recipe, packing=False))
    assert padded.loss == pytest.approx(packed.loss, rel=1e-5)
    a, b = (read_steps(d.folder)[0] for d in (packed, padded))
    assert b.grad_norm == pytest.approx(a.grad_norm, rel=1e-4)
    assert b.computed > 1.5 * a.computed


def test_how_often_gradients_are_accumulated_changes_nothing(
    tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    whole = _fit(tiny_models, tmp_path / "whole")
    small = replace(RECIPE_6, forward_tokens=300, row_tokens=300)
    parts = _fit(tiny_models, tmp_path / "parts", small)
    filled = _fit(tiny_models, tmp_path / "filled", replace(small, fill=True, forward_tokens=900))
    steps = [read_steps(one.folder) for one in (whole, parts, filled)]
    for a, b in [*zip(*steps[:2], strict=True), *zip(*steps[::2], strict=True)]:
        assert b.loss == pytest.approx(a.loss, rel=1e-4)
        assert b.grad_norm == pytest.approx(a.grad_norm, rel=1e-3)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(
    trained: dict[str, Fitted], tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    torch.manual_seed(12345)  # the state that a caller leaves has no say
    again = _fit(tiny_models, tmp_path / "gemma3")
    assert again.card.weights == trained["gemma3"].card.weights
    assert again.card.config == trained["gemma3"].card.config
    other = _fit(tiny_models, tmp_path / "other", replace(RECIPE_6, seed=1))
    assert other.card.weights != again.card.weights


KILLED = """
import os, signal, sys
from pathlib import Path
from train.loop import fit
from train.recipe import Recipe
from suites import select
from train import example_from
cases = [case for part in select(["smoke"]).parts for case in part.cases]
def on_step(step):
    if step.step == 8:
        os.kill(os.getpid(), signal.SIGKILL)
fit(Recipe.from_yaml(Path(sys.argv[1])), [example_from(c) for c in cases[:9]], Path(sys.argv[2]),
    Path(sys.argv[3]), device="cpu", save_steps=3, on_step=on_step)
"""


def test_a_killed_training_goes_on_to_the_same_bytes(
    tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    """With dropout, whose random numbers must be the same too."""
    recipe = replace(RECIPE_6, steps=10, dropout=0.2)
    whole = _fit(tiny_models, tmp_path / "whole", recipe)
    file, out = tmp_path / "recipe.yaml", tmp_path / "out"
    file.write_text(recipe.to_yaml(), encoding="utf-8")
    done = _python(KILLED, str(file), str(tiny_models["gemma3"]), str(out))
    assert done.returncode == -signal.SIGKILL, done.stderr
    position = read_position(out)
    assert position is not None
    assert position.step == 6
    assert [s.step for s in read_steps(out)] == [1, 2, 3, 4, 5, 6, 7, 8]
    with (out / METRICS).open("a", encoding="utf-8") as log:
        log.write('{"step": 9, "lo')  # a torn line
    went_on = _fit(tiny_models, out, recipe)
    assert went_on.resumed == 6
    assert went_on.steps == 10
    assert went_on.card.weights == whole.card.weights
    a, b = read_steps(whole.folder), read_steps(out)
    assert [(s.step, s.loss, s.grad_norm, s.lr) for s in a] == [
        (s.step, s.loss, s.grad_norm, s.lr) for s in b
    ]
    assert not (out / CHECKPOINT).exists()


FULL = """
import resource, sys
from pathlib import Path
from train.loop import fit
from train.recipe import Recipe
from suites import select
from train import example_from
cases = [case for part in select(["smoke"]).parts for case in part.cases]
def on_step(step):
    if step.step == 4:
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
try:
    fit(Recipe.from_yaml(Path(sys.argv[1])), [example_from(c) for c in cases[:9]],
        Path(sys.argv[2]), Path(sys.argv[3]), device="cpu", save_steps=2, on_step=on_step)
except Exception as error:
    print(type(error).__name__, error)
"""


def test_a_full_disk_keeps_the_checkpoint_before(
    tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    file, out = tmp_path / "recipe.yaml", tmp_path / "out"
    file.write_text(RECIPE_6.to_yaml(), encoding="utf-8")
    done = _python(FULL, str(file), str(tiny_models["gemma3"]), str(out))
    assert done.stdout.startswith("InfrastructureError cannot write "), done.stderr
    assert "the one before it is kept" in done.stdout
    assert done.stdout.count("\n") == 1
    position = read_position(out)
    assert position is not None
    assert position.step == 2
    assert sorted(p.name for p in out.iterdir()) == [CHECKPOINT, METRICS]
    assert _fit(tiny_models, out).resumed == 2


def test_a_loss_that_is_no_number_names_its_examples_and_keeps_the_checkpoint(
    tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    recipe = replace(RECIPE_6, steps=40, lr=1e30, warmup=0, clip=1e30)
    with pytest.raises(DivergedError, match=r"is no number \(examples .*lower --lr") as raised:
        _fit(tiny_models, tmp_path / "out", recipe, save_steps=1)
    error = raised.value
    names = {example.id for example in _examples()}
    assert error.examples
    assert set(error.examples) <= names
    position = read_position(tmp_path / "out")
    assert position is not None
    assert position.step == error.step - 1
    assert f"keeps the checkpoint of step {position.step}" in str(error)
    assert not (tmp_path / "out" / WEIGHTS).exists()


def test_training_goes_on_from_a_parent(
    trained: dict[str, Fitted], tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    parent = find_adapter(str(trained["gemma3"].folder))
    child = _fit(tiny_models, tmp_path / "child", parent=parent)
    assert child.card.parent is not None
    assert child.card.parent.name == parent.name
    assert child.card.parent.weights == trained["gemma3"].card.weights
    assert child.verification.servable
    own, anew = read_steps(child.folder), read_steps(parent.folder)
    assert own[0].loss < anew[0].loss
    # A step of nearly nothing leaves the parent's weights.
    still = _fit(
        tiny_models, tmp_path / "still", replace(RECIPE_6, steps=1, lr=1e-12), parent=parent
    )
    for name, value in load_file(still.folder / WEIGHTS).items():
        torch.testing.assert_close(value, load_file(parent.folder / WEIGHTS)[name])


def test_a_parent_that_does_not_fit_is_refused(
    trained: dict[str, Fitted],
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
    tmp_path: Path,
) -> None:
    def refused(parent: Path, message: str, recipe: Recipe = RECIPE_6) -> None:
        with pytest.raises(UsageError, match=message) as raised:
            _fit(tiny_models, tmp_path / "out", recipe, parent=find_adapter(str(parent)))
        assert "\n" not in str(raised.value)
        assert not (tmp_path / "out").exists()

    refused(trained["gemma2"].folder, "was made on another base")
    refused(tiny_adapters["gemma3"]["a"], "does not say on which weights")
    own = trained["gemma3"].folder
    refused(own, "has rank 4: give --rank 4, not 8", replace(RECIPE_6, rank=8))
    refused(own, "has alpha 8: give --alpha 8, not 9", replace(RECIPE_6, alpha=9))
    fewer = replace(RECIPE_6, targets=("q_proj",))
    refused(own, "its layers are not those of --targets", fewer)


def test_a_folder_that_holds_something_else_is_left_alone(
    trained: dict[str, Fitted], tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    before = file_hash(trained["gemma3"].folder / WEIGHTS)
    with pytest.raises(UsageError, match="holds an adapter already"):
        _fit(tiny_models, trained["gemma3"].folder)
    assert file_hash(trained["gemma3"].folder / WEIGHTS) == before
    out = tmp_path / "out"
    with pytest.raises(DivergedError):
        _fit(tiny_models, out, replace(RECIPE_6, lr=1e30, warmup=0, clip=1e30), save_steps=1)
    with pytest.raises(UsageError, match="holds the checkpoint of another training"):
        _fit(tiny_models, out)
    (out / CHECKPOINT).write_bytes(b"torn")
    with pytest.raises(UsageError, match="is no checkpoint"):
        _fit(tiny_models, out)
    file = tmp_path / "file"
    file.write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match="is a file"):
        _fit(tiny_models, file)


@pytest.mark.parametrize(
    ("examples", "message"),
    [([], "the data hold no examples"), (None, "holds a turn of the model's")],
)
def test_data_that_teach_nothing_are_refused_before_anything_is_written(
    tiny_models: dict[str, Path], tmp_path: Path, examples: list[Example] | None, message: str
) -> None:
    asked = [
        replace(e, dialogue=replace(e.dialogue, messages=e.dialogue.messages[:1]))
        for e in _examples()
    ]
    with pytest.raises(UsageError, match=message) as raised:
        _fit(tiny_models, tmp_path / "out", examples=asked if examples is None else examples)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out").exists()


def test_a_base_that_is_not_whole_or_no_model_is_refused(
    tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for file in tiny_models["gemma3"].iterdir():
        (broken / file.name).write_bytes(file.read_bytes())
    weights = load_file(broken / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UsageError, match="not whole: 1 weights are missing"):
        fit(RECIPE_6, _examples(), broken, tmp_path / "out", device="cpu")


def test_a_device_that_is_not_there_is_refused(
    tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="cannot use the device 'npu' here"):
        fit(RECIPE_6, _examples(), tiny_models["gemma3"], tmp_path / "out", device="npu")


def test_a_budget_sets_the_number_of_steps_from_the_first_ones(
    tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    recipe = replace(RECIPE_6, steps=None, budget_minutes=1.5 / 60)
    seen: list[Step] = []
    done = _fit(tiny_models, tmp_path / "out", recipe, on_step=seen.append)
    assert done.steps == len(seen) > 4
    assert 0.3 < done.seconds < 1.1 * 1.5 + 2 * max(s.seconds for s in seen)
    assert seen[-1].lr < recipe.lr


def test_bfloat16_trains_weights_of_float32_and_saves_either(
    tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    recipe = replace(RECIPE_6, dtype="bfloat16", save_dtype="bfloat16", steps=4)
    done = _fit(tiny_models, tmp_path / "low", recipe)
    assert {t.dtype for t in load_file(done.folder / WEIGHTS).values()} == {torch.bfloat16}
    assert done.verification.servable
    high = _fit(tiny_models, tmp_path / "high", replace(recipe, save_dtype="float32"))
    weights = load_file(high.folder / WEIGHTS)
    assert {t.dtype for t in weights.values()} == {torch.float32}
    assert any(not torch.equal(t, t.bfloat16().float()) for t in weights.values())
    exact = _fit(tiny_models, tmp_path / "exact", replace(RECIPE_6, steps=4))
    assert done.loss == pytest.approx(exact.loss, rel=0.05)


LAUNCHED = """
import sys
from pathlib import Path
from train.loop import fit
from train.recipe import Recipe
from suites import select
from train import example_from
cases = [case for part in select(["smoke"]).parts for case in part.cases]
fit(Recipe.from_yaml(Path(sys.argv[1])), [example_from(c) for c in cases[:9]], Path(sys.argv[2]),
    Path(sys.argv[3]), device="cpu", save_steps=4)
"""


def test_two_processes_learn_what_one_does(tiny_models: dict[str, Path], tmp_path: Path) -> None:
    """Under accelerate's launcher, over gloo; the sums differ in their order only."""
    one = _fit(tiny_models, tmp_path / "one")
    script, file = tmp_path / "script.py", tmp_path / "recipe.yaml"
    script.write_text(LAUNCHED, encoding="utf-8")
    file.write_text(RECIPE_6.to_yaml(), encoding="utf-8")
    launcher = ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
    launcher += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    done = subprocess.run(
        [sys.executable, *launcher, str(script), str(file), str(tiny_models["gemma3"]),
         str(tmp_path / "two")],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=tmp_path, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stderr.count("step 6 of 6") == 1
    two = load_file(tmp_path / "two" / WEIGHTS)
    for a, b in zip(read_steps(one.folder), read_steps(tmp_path / "two"), strict=True):
        assert b.loss == pytest.approx(a.loss, rel=1e-4)
        assert b.grad_norm == pytest.approx(a.grad_norm, rel=1e-3)
    for name, value in load_file(one.folder / WEIGHTS).items():
        torch.testing.assert_close(two[name], value, rtol=0.05, atol=2e-3)
    assert load_card(tmp_path / "two") is not None


def _python(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_log_is_json_lines(trained: dict[str, Fitted]) -> None:
    lines = (trained["gemma3"].folder / METRICS).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
