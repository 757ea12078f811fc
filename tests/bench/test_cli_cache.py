"""`callbench run` with the reply cache, `--no-cache`, and the line that names the engine; on a tiny model."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.cli import main
from bench.engines import ENGINES, choose_engine
from bench.engines.vllm import available
from bench.errors import UsageError
from bench.store import Run, read_run

Ran = tuple[Run, Any, str]


@pytest.fixture
def call(
    tiny_models: dict[str, Path], home: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Ran]:
    """Runs six cases; returns the run, its summary as data, and stderr."""

    def run(*words: str, cases: int = 6) -> Ran:
        before = set((home / "runs").glob("*.jsonl"))
        where = ["--model", str(tiny_models["gemma3"]), "--dialect", "gemma", "--device", "cpu"]
        size = ["--limit", str(cases), "--max-tokens", "6", "--batch-size", "4"]
        assert main(["run", "call", "--json", *where, *size, *words]) == 0
        (path,) = set((home / "runs").glob("*.jsonl")) - before
        out, err = capsys.readouterr()
        return read_run(path), json.loads(out)[0], err

    return run


def texts(run: Run) -> dict[str, str]:
    return {r.id: r.text for r in run.records}


def test_a_second_run_generates_only_what_is_new(call: Callable[..., Ran], home: Path) -> None:
    first, data, _ = call()
    assert (home / "cache.sqlite").is_file()
    assert (data["cached"], data["completion_tokens"] > 0) == (0, True)
    again, data, _ = call()
    assert texts(again) == texts(first)
    assert (data["cached"], data["prompt_tokens"], data["completion_tokens"]) == (6, 0, 0)
    more, data, _ = call(cases=9)
    assert data["cached"] == 6
    assert texts(more).items() >= texts(first).items()
    assert more.manifest.cache is not None
    assert (more.manifest.cache.hits, more.manifest.cache.misses) == (6, 3)
    assert (
        sum(r.completion_tokens for r in more.records if not r.cached)
        == (data["completion_tokens"])
    )


def test_sampled_replies_come_back_under_their_seed(call: Callable[..., Ran]) -> None:
    """The cached replies of a smaller run are those that the larger one draws by itself."""
    hot = ("--temperature", "0.9", "--samples", "2")
    call(*hot, cases=5)
    found, _, _ = call(*hot)
    alone, _, _ = call(*hot, "--no-cache")
    assert sum(r.cached for r in found.records) == 10
    assert {r.key: r.text for r in found.records} == {r.key: r.text for r in alone.records}
    other, _, _ = call(*hot, "--seed", "1")
    assert not any(r.cached for r in other.records)


def test_no_cache_neither_reads_nor_keeps(
    call: Callable[..., Ran], home: Path, tmp_path: Path
) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text("no_cache: true\n")
    for words in (["--no-cache"], ["--config", str(config)]):
        run, data, _ = call(*words)
        assert (run.manifest.cache, data["cached"]) == (None, 0)
        assert not (home / "cache.sqlite").exists()
    call()
    run, data, _ = call("--no-cache")
    assert (run.manifest.cache, data["cached"]) == (None, 0)


def test_a_broken_cache_is_one_line_and_the_run_goes_on(
    call: Callable[..., Ran], home: Path
) -> None:
    home.mkdir()
    (home / "cache.sqlite").write_bytes(b"no database " * 999)
    run, data, err = call()
    assert (run.complete, len(run.records), data["cached"]) == (True, 6, 0)
    assert err.count("warning: the reply cache") == 1


def test_the_engine_that_auto_chose_is_named_with_the_reason(call: Callable[..., Ran]) -> None:
    _, _, err = call()
    assert "loading tiny-gemma3 with transformers (--device cpu)\n" in err
    run, _, err = call("--engine", "transformers")
    assert "loading tiny-gemma3 with transformers\n" in err
    assert run.manifest.engine == "transformers"
    assert run.manifest.engine_settings == {"attention": "sdpa"}


def test_auto_is_transformers_without_a_gpu_or_without_vllm() -> None:
    assert choose_engine("auto", "cpu") == ("transformers", "--device cpu")
    assert choose_engine("vllm") == ("vllm", "as asked")
    lack = available()
    if lack is not None:
        assert choose_engine("auto") == ("transformers", lack)
    with pytest.raises(UsageError, match="there is no engine 'vlm'") as caught:
        choose_engine("vlm")
    assert caught.value.known == ENGINES


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no_cache: 'yes'\n", "no_cache must be true or false"),
        ("batch_invariant: 1\n", "batch_invariant must be true or false"),
        ("batch-invariant: true\n", "--batch-invariant is an option of the vllm engine"),
        ("max_model_len: 512\n", "--max-model-len is an option of the vllm engine"),
        ("max_model_len: 0\n", "--max-model-len must be at least 1"),
        ("gpu_memory: 1.5\n", "--gpu-memory is a share"),
        ("kv_cache_gib: 0\n", "--kv-cache-gib must be above 0"),
        ("tensor_parallel: 2\n", "--tensor-parallel is an option of the vllm engine"),
        ("pipeline_parallel: two\n", "argument --pipeline-parallel: invalid int value"),
        ("engine: vlm\n", "there is no engine 'vlm'; did you mean 'vllm'?"),
    ],
)
def test_settings_of_the_engine_may_stand_in_the_config_file(
    text: str,
    words: str,
    tiny_models: dict[str, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text(f"suites: [call]\nmodel: {tiny_models['gemma3']}\ndialect: gemma\n{text}")
    assert main(["run", "--config", str(config), "--device", "cpu"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err.splitlines()[-1]
