"""`callbench adapters card`: numbers of its own runs only, read back by huggingface_hub's own classes."""

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import EvalResultEntry, ModelCard, parse_eval_result_entries
from huggingface_hub.repocard_data import model_index_to_eval_results

from adapters import Adapter, Target, find_adapter, resolve
from adapters.card import load_card, save_card
from adapters.shelf import add
from adapters.shelf import export as take_out
from adapters.verify import verify
from bench.cli import main
from bench.engines import ScriptedEngine
from bench.plan import Settings
from bench.runner import Chosen, run
from bench.store import Run
from reports import summarise
from suites import gold_reply
from tests.made_runs import made_record, made_run, rows, write_run
from tests.reports.hostile import TEXTS, hostile_run

Adapters = dict[str, dict[str, Path]]
Refuse = Callable[..., str]
GEMMA = "Gemma is provided under and subject to the Gemma Terms of Use found at ai.google.dev/gemma/terms"


@pytest.fixture
def mine(tiny_adapters: Adapters, tiny_models: dict[str, Path]) -> Adapter:
    """An adapter in home, on the tiny Gemma 3."""
    return add(str(tiny_adapters["gemma3"]["a"]), name="mine", base=str(tiny_models["gemma3"]))


@pytest.fixture
def refuse(capsys: pytest.CaptureFixture[str]) -> Refuse:
    """`callbench adapters card …` must exit 2 with one line; returns the line."""

    def call(*words: object) -> str:
        capsys.readouterr()
        assert main(["adapters", "card", *map(str, words)]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert "unexpected" not in err
        return err

    return call


def own(adapter: Adapter, records: Any = (), **fields: Any) -> Run:
    """A run of an adapter with half of 40 cases right, or with the records given."""
    half = [made_record(row, i % 2 == 0) for i, row in enumerate(rows("call", 40))]
    base = adapter.card.base.hash if adapter.card else None
    return made_run(
        list(records) or half,
        **{
            "run_id": "20260101-000000-own",
            "target": f"base+{adapter.name}",
            "model_hash": base or "1" * 64,
            "adapter": adapter.name,
            "adapter_hash": adapter.hash,
            "started": "2026-01-01T00:00:00+00:00",
            **fields,
        },
    )


def card(
    adapter: Adapter, folder: Path, *runs: Run, name: str = "", force: bool = False
) -> ModelCard:
    """The README as huggingface_hub reads it."""
    folder.mkdir(exist_ok=True)
    files = [write_run(r, folder) for r in runs]
    flags = ["--force"] if force else []
    assert main(["adapters", "card", name or adapter.name, "--from", *files, *flags]) == 0
    return ModelCard.load(adapter.folder / "README.md")


def entries(adapter: Adapter) -> list[EvalResultEntry]:
    (file,) = (adapter.folder / ".eval_results").iterdir()
    return parse_eval_result_entries(yaml.safe_load(file.read_text(encoding="utf-8")))


def test_the_numbers_are_those_of_the_runs(mine: Adapter, tmp_path: Path) -> None:
    runs = [own(mine), own(mine, [made_record(r, True) for r in rows("output", 6)], run_id="two")]
    made = card(mine, tmp_path, *runs)
    name, results = model_index_to_eval_results(made.data.to_dict()["model-index"])
    assert name == "mine"
    assert [(r.dataset_type, r.dataset_split, r.metric_value) for r in results] == [
        ("callbench/call", "dev", 0.5),
        ("callbench/output", "dev", 1.0),
    ]
    for result, found in zip(results, runs, strict=True):
        score = summarise(found).lines[1].score
        assert result.metric_args["n"] == score.n
        assert score.interval is not None
        ends = [round(score.interval.low, 4), round(score.interval.high, 4)]
        assert result.metric_args["interval_95_wilson"] == ends
        low, high = (f"{100 * x:.1f}" for x in (score.interval.low, score.interval.high))
        assert f"{low} to {high}" in made.text
        assert f"{found.manifest.run_id}.jsonl" in made.text
    for entry, result in zip(entries(mine), results, strict=True):
        assert (entry.dataset_id, entry.task_id) == (result.dataset_type, result.dataset_split)
        assert entry.value == result.metric_value
        assert f"n={result.metric_args['n']}, 95% Wilson interval" in (entry.notes or "")
        assert entry.date == "2026-01-01T00:00:00+00:00"
        assert entry.dataset_revision is None
    assert (made.data.library_name, made.data.license) == ("peft", "gemma")
    assert made.data.base_model is None


def test_a_measured_run_makes_a_card(
    mine: Adapter, tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    target: Target = resolve(str(tiny_models["gemma3"]), "mine", dialect="gemma")
    said = {f"{p.suite.name}:{c.id}": gold_reply(c).text for p in _smoke().parts for c in p.cases}
    command = ("run", "smoke", "--model", str(tiny_models["gemma3"]), "--adapters", "mine")
    found = run(_chosen(), target, Settings(), ScriptedEngine(said), command=command)
    assert main(["adapters", "card", "mine", "--from", found.manifest.run_id]) == 0
    made = ModelCard.load(mine.folder / "README.md")
    values = {r.dataset_type: r.metric_value for r in made.data.eval_results or []}
    for line in summarise(found).lines:
        if line.suite != "all" and not line.category:
            assert values.pop(f"callbench/{line.suite}") == round(line.score.rate or 0, 4)
    assert values == {}
    assert "callbench run smoke --model tiny-gemma3 --adapters mine" in made.text
    assert str(tmp_path) not in made.content
    assert str(tiny_models["gemma3"].parent) not in made.content


def _chosen() -> Chosen:
    return Chosen(names=("smoke",))


def _smoke() -> Any:
    return _chosen().selection()


def test_the_adapter_stays_what_it_is(mine: Adapter, tmp_path: Path) -> None:
    before = verify(mine)
    card(mine, tmp_path, own(mine))
    after = find_adapter("mine")
    assert (after.hash, after.card) == (mine.hash, mine.card)
    assert verify(after) == before
    assert load_card(mine.folder) == mine.card
    first = (mine.folder / "README.md").read_bytes()
    card(mine, tmp_path / "new", own(mine))
    assert (mine.folder / "README.md").read_bytes() == first


def test_a_gemma_adapter_carries_the_notice_and_another_its_own_licence(
    mine: Adapter, tmp_path: Path
) -> None:
    made = card(mine, tmp_path, own(mine))
    assert made.content.count(GEMMA) == 1
    assert "modified form of Gemma" in made.text
    assert "a LoRA trained on tiny-gemma3" in made.text
    folder = tmp_path / "other"
    shutil.copytree(mine.folder, folder)
    (folder / "README.md").unlink()
    assert mine.card is not None
    base = mine.card.base.model_copy(update={"name": "Qwen/Qwen3-0.6B"})
    save_card(folder, mine.card.model_copy(update={"base": base, "licence": "Apache-2.0"}))
    other = find_adapter(str(folder))
    made = card(other, tmp_path, own(other, run_id="qwen"), name=str(folder))
    assert (made.data.license, made.data.base_model) == ("apache-2.0", "Qwen/Qwen3-0.6B")
    assert "Gemma" not in made.content
    notice = "Ours: ask before use | <b>always</b>"
    save_card(folder, mine.card.model_copy(update={"base": base, "licence": notice}))
    made = card(find_adapter(str(folder)), tmp_path / "x", own(other), name=str(folder))
    assert (made.data.license, made.data.to_dict()["license_name"]) == ("other", notice)
    assert "&lt;b&gt;always&lt;/b&gt;" in made.text


def test_a_registered_base_is_named_by_its_hub_id(tiny_adapters: Adapters, tmp_path: Path) -> None:
    adapter = add(str(tiny_adapters["gemma3"]["a"]), name="known", base="gemma-3-270m")
    made = card(adapter, tmp_path, own(adapter))
    assert (made.data.base_model, made.data.license) == ("google/gemma-3-270m", "gemma")
    assert "de-quantised" in made.text


def test_a_folder_without_a_card_gets_one_too(tiny_adapters: Adapters, tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    shutil.copytree(tiny_adapters["gemma3"]["b"], folder)
    adapter = find_adapter(str(folder))
    made = card(adapter, tmp_path, own(adapter), name=str(folder))
    assert "names no licence" in made.text
    assert str(tmp_path) not in made.content


def test_no_text_of_a_model_goes_in(mine: Adapter, tmp_path: Path) -> None:
    made = card(mine, tmp_path, own(mine, hostile_run(False).records))
    both = made.content + (mine.folder / ".eval_results" / "callbench.yaml").read_text()
    assert "pwned" not in both
    assert not [text for text in TEXTS if text in both]


def test_what_people_write_is_escaped(mine: Adapter, tmp_path: Path) -> None:
    odd = 'x | </td>\n---\n"`"```\n# y'
    made = card(mine, tmp_path, own(mine, target=odd, device=odd, command=("run", odd)))
    assert "</td>\n---" not in made.text.partition("### Commands")[0]
    assert "````sh\n" in made.text
    assert made.data.model_name == "mine"


def test_the_commands_that_made_it_are_named(mine: Adapter, tmp_path: Path) -> None:
    assert mine.card is not None
    command = "callbench train --corpus a=/data/secret/corpus --steps 3"
    save_card(mine.folder, mine.card.model_copy(update={"command": command}))
    made = card(find_adapter("mine"), tmp_path, own(mine))
    assert "callbench train --corpus a=corpus --steps 3" in made.text


def test_the_card_goes_along_when_an_adapter_is_taken_out(mine: Adapter, tmp_path: Path) -> None:
    card(mine, tmp_path, own(mine))
    out = take_out("mine", tmp_path / "out")
    assert (out / ".eval_results" / "callbench.yaml").is_file()
    zipped = take_out("mine", tmp_path / "out.zip")
    assert "mine/.eval_results/callbench.yaml" in zipfile.ZipFile(zipped).namelist()
    again = add(str(out), name="again")
    assert (again.folder / ".eval_results" / "callbench.yaml").is_file()
    assert again.hash == mine.hash


def test_runs_that_prove_nothing_about_it_are_refused(
    mine: Adapter, tmp_path: Path, refuse: Refuse
) -> None:
    good = own(mine)
    file = write_run(good, tmp_path)
    parts = {
        "is not complete": made_run(good.records, complete=False, adapter_hash=mine.hash),
        "is of no adapter, not of 'mine'": made_run(good.records, run_id="base"),
        "is of 'mine' (bbbbbbbbbbbb…), not": own(mine, run_id="b", adapter_hash="b" * 64),
        "is on another base (2222": own(mine, run_id="c", model_hash="2" * 64),
    }
    for i, (message, found) in enumerate(parts.items()):
        (tmp_path / str(i)).mkdir()
        assert message in refuse("mine", "--from", file, write_run(found, tmp_path / str(i)))
    assert "given twice" in refuse("mine", "--from", file, file)
    assert "there is no run 'nowhere'" in refuse("mine", "--from", "nowhere")
    assert "did you mean 'mine'?" in refuse("mien", "--from", file)
    assert "--from" in refuse("mine")
    assert not (mine.folder / ".eval_results").exists()


def test_a_readme_of_somebody_else_stays(mine: Adapter, tmp_path: Path, refuse: Refuse) -> None:
    readme = mine.folder / "README.md"
    readme.write_text("# Mine\n\nWritten by hand.\n", encoding="utf-8")
    file = write_run(own(mine), tmp_path)
    assert "give --force" in refuse("mine", "--from", file)
    assert readme.read_text(encoding="utf-8") == "# Mine\n\nWritten by hand.\n"
    assert card(mine, tmp_path / "x", own(mine), force=True).data.model_name == "mine"
