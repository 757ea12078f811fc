"""`callbench adapters`: what it prints, what it exits with, and one line for every refusal."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.card import Measured, load_card, save_card, with_run
from adapters.registry import shipped
from bench.cli import main

Run = Callable[..., tuple[int, str]]
Adapters = dict[str, dict[str, Path]]
Models = dict[str, Path]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `callbench adapters …`; the exit code and what was printed. Nothing may stand on stderr."""

    def run(*words: object) -> tuple[int, str]:
        code = main(["adapters", *map(str, words)])
        out, err = capsys.readouterr()
        assert err == ""
        return code, out

    return run


@pytest.fixture
def refuse(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Runs a command that must exit 2 with one line on stderr and nothing on stdout; returns the line."""

    def run(*words: object) -> str:
        assert main(["adapters", *map(str, words)]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        (line,) = err.splitlines()
        assert line.startswith("callbench: ")
        return line

    return run


def data(call: Run, *words: object) -> Any:
    code, out = call(*words, "--json")
    assert code == 0
    return json.loads(out)


def own(call: Run) -> Any:
    """The adapters in home, without those that come with callbench."""
    return [a for a in data(call, "list") if a["name"] not in shipped()]


@pytest.fixture
def shelved(call: Run, tiny_adapters: Adapters, tiny_models: Models) -> Path:
    """`first` and its child `second`, in home, on the tiny Gemma 3; the base's folder."""
    base = tiny_models["gemma3"]
    assert call("add", tiny_adapters["gemma3"]["a"], "--name", "first", "--base", base) == (
        0,
        "first\n",
    )
    words = ("--name", "second", "--base", base, "--parent", "first")
    assert call("add", tiny_adapters["gemma3"]["b"], *words)[0] == 0
    return base


@pytest.mark.parametrize(
    "action", ["add", "list", "show", "verify", "merge", "remove", "export", "card"]
)
def test_every_action_has_its_help(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as done:
        main(["adapters", action, "--help"])
    assert done.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: callbench adapters {action}")


def test_an_empty_home_is_listed_with_what_to_do(call: Run) -> None:
    code, out = call("list")
    assert code == 0
    assert "callbench adapters add" in out
    listed = data(call, "list")
    assert [a["name"] for a in listed] == shipped()
    assert {a["state"] for a in listed} == {"promoted"}
    assert all(f"{a['name']} comes with callbench" in out for a in listed)


def test_the_list_tells_what_each_adapter_is(call: Run, shelved: Path) -> None:
    first, second = own(call)
    assert (first["name"], second["name"]) == ("first", "second")
    assert (first["parent"], second["parent"]) == (None, "first")
    assert (first["rank"], first["state"], first["vllm"]) == (4, "candidate", "yes")
    assert len(first["targets"]) == 7
    assert first["serving"].startswith("first@")
    assert first["base"] == str(shelved)
    assert first["size"] > 1000
    _, out = call("list")
    assert second["weights"][:12] in out


@pytest.mark.usefixtures("shelved")
def test_a_broken_adapter_does_not_hide_the_others(call: Run, home: Path) -> None:
    (home / "adapters" / "first" / "adapter_model.safetensors").write_bytes(b"other")
    first, second = own(call)
    assert first["state"] == "broken"
    assert "was written for another" in first["problem"]
    assert second["state"] == "candidate"
    _, out = call("list")
    assert "was written for another" in out


def test_show_tells_lineage_and_measured_runs(call: Run, shelved: Path, home: Path) -> None:
    folder = home / "adapters" / "second"
    card = load_card(folder)
    assert card is not None
    run = Measured(
        run="r1",
        suite="call",
        split="dev",
        suite_hash="b" * 64,
        n=20,
        passed=11,
        date="2026-09-01T12:00:00Z",
    )
    save_card(folder, with_run(card, run))
    shown = data(call, "show", "second")
    assert [a["name"] for a in shown["lineage"]] == ["second", "first"]
    assert shown["measured"] == [run.model_dump()]
    assert shown["card"]["base"]["name"] == str(shelved)
    _, out = call("show", "second")
    assert "second <- first <- " in out
    assert "2026-09-01T12:00:00Z" in out


def test_a_folder_without_a_card_is_shown_too(call: Run, tiny_adapters: Adapters) -> None:
    shown = data(call, "show", tiny_adapters["gemma3"]["a"])
    assert (shown["state"], shown["card"], shown["lineage"]) == ("no card", None, [])
    assert len(shown["weights"]) == 64


@pytest.mark.parametrize(
    ("name", "code", "servable"), [("a", 0, True), ("dead", 1, False), ("misfit", 1, False)]
)
def test_verify_exits_1_if_it_cannot_be_served(
    name: str,
    code: int,
    servable: bool,
    call: Run,
    tiny_adapters: Adapters,
    tiny_models: Models,
) -> None:
    words = ("verify", tiny_adapters["gemma3"][name], "--base", tiny_models["gemma3"])
    done, out = call(*words, "--json")
    told = json.loads(out)
    assert (done, told["servable"]) == (code, servable)
    assert told["max_lora_rank"] == (8 if servable else None)
    assert bool(told["findings"]) is not servable
    done, out = call(*words)
    assert done == code
    assert ("cannot be served" in out) is not servable


@pytest.mark.usefixtures("shelved")
def test_verify_names_merging_where_it_is_the_way_out(
    call: Run, home: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "dora"
    shutil.copytree(home / "adapters" / "first", folder)
    (folder / "card.toml").unlink()
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, "use_dora": True}))
    code, out = call("verify", folder)
    assert code == 1
    assert "callbench adapters merge" in out
    assert data(call, "show", folder)["vllm"] == "merge first"


@pytest.mark.usefixtures("shelved")
def test_verify_judges_what_is_too_broken_to_load(call: Run, home: Path) -> None:
    (home / "adapters" / "first" / "adapter_model.safetensors").write_bytes(b"other")
    code, out = call("verify", "first", "--json")
    assert code == 1
    assert {f["code"] for f in json.loads(out)["findings"] if f["level"] == "error"} == {
        "unreadable"
    }


@pytest.mark.usefixtures("shelved")
@pytest.mark.filterwarnings("ignore")
def test_a_merged_folder_is_a_model_and_its_hash_is_printed(
    call: Run, refuse: Callable[..., str], tmp_path: Path
) -> None:
    from adapters import resolve

    out = tmp_path / "merged"
    code, printed = call("merge", "first", "--out", out)
    assert code == 0
    assert printed.strip() == resolve(str(out), dialect="gemma").hash
    assert "exists already" in refuse("merge", "first", "--out", out)
    assert "no dtype 'float8'" in refuse(
        "merge", "first", "--out", tmp_path / "x", "--dtype", "float8"
    )


@pytest.mark.usefixtures("shelved")
def test_remove_and_export(call: Run, refuse: Callable[..., str], tmp_path: Path) -> None:
    assert "give --force" in refuse("remove", "first")
    zipped = tmp_path / "first.zip"
    assert call("export", "first", zipped) == (0, f"{zipped}\n")
    assert call("remove", "first", "--force") == (0, "")
    assert [a["name"] for a in own(call)] == ["second"]
    _, out = call("show", "second")
    assert "first (gone)" in out


@pytest.mark.usefixtures("shelved")
def test_every_refusal_is_one_line(
    refuse: Callable[..., str], tiny_adapters: Adapters, tmp_path: Path
) -> None:
    adapter = tiny_adapters["gemma3"]["a"]
    assert "did you mean 'first'?" in refuse("show", "frst")
    assert "did you mean 'first'?" in refuse("verify", "frst")
    assert "did you mean 'first'?" in refuse("remove", "frst")
    assert "no folder 'nowhere'" in refuse("add", "nowhere")
    assert "'a b' cannot name an adapter" in refuse("add", adapter, "--name", "a b")
    assert "did you mean 'gemma-3-270m'?" in refuse("add", adapter, "--base", "gemma-3-270")
    assert "did you mean 'gemma-3-270m'?" in refuse("verify", "first", "--base", "gemma-3-270")
    assert "run callbench models prepare" in refuse("verify", "first", "--base", "gemma-3-270m")
    assert "no adapter_config.json" in refuse("verify", tmp_path)
    assert "from the hub" in refuse("add", "some-org/some-lora")
    assert "--out" in refuse("merge", "first")


def test_a_home_that_cannot_be_written_is_refused(
    refuse: Callable[..., str],
    tiny_adapters: Adapters,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("CALLBENCH_HOME", str(tmp_path / "file"))
    assert "set CALLBENCH_HOME" in refuse("add", tiny_adapters["gemma3"]["a"])
