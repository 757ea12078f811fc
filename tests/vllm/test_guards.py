"""What silently falsifies results in vLLM 0.32: each fault as vLLM has it, then our engine without it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file

from adapters import Adapter, find_adapter, serving_name
from adapters.errors import ModelError
from bench.cli import main
from bench.engines import EngineOptions
from bench.engines.local import TransformersEngine
from bench.engines.vllm import VllmEngine
from bench.errors import UsageError
from tests.vllm.conftest import KEPT, NAMES, OPTIONS, ask, by_id, raw_llm, started, texts

PROMPT = "What is the weather like in Oslo today?"


def first_logprobs(llm: Any, loras: list[Any], ids: list[int]) -> list[dict[int, float]]:
    """Of the first new token, one dict a row, all rows in one batch."""
    from vllm import SamplingParams

    asked = SamplingParams(max_tokens=1, temperature=0.0, logprobs=20)
    rows = [{"prompt_token_ids": ids}] * len(loras)
    found = llm.generate(rows, asked, lora_request=loras, use_tqdm=False)
    return [{t: x.logprob for t, x in o.outputs[0].logprobs[0].items()} for o in found]


def apart(a: dict[int, float], b: dict[int, float]) -> float:
    """The largest difference over common tokens."""
    return max((abs(a[t] - b[t]) for t in a.keys() & b.keys()), default=float("inf"))


def requests(folders: list[Path]) -> list[Any]:
    from vllm.lora.request import LoRARequest

    return [LoRARequest(f.name, n, str(f)) for n, f in enumerate(folders, start=1)]


def copied(source: Path, target: Path, edit: Callable[[dict[str, Any]], dict[str, Any]]) -> Path:
    """The adapter with other tensors."""
    shutil.copytree(source, target)
    file = target / "adapter_model.safetensors"
    save_file(edit(load_file(file)), file)
    return target


def wrong_prefix(tensors: dict[str, Any]) -> dict[str, Any]:
    return {
        k.replace(".model.layers.", ".model.language_model.layers."): v for k, v in tensors.items()
    }


# --- base rows beside adapters --------------------------------------------------------------------


@pytest.mark.parametrize(("spare", "wrong"), [(0, True), (1, False)])
def test_vllm_gives_base_rows_an_adapters_weights_unless_a_slot_is_free(
    spare: int,
    wrong: bool,
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
    engine: VllmEngine,
) -> None:
    folders = [tiny_adapters["gemma3"][n] for n in ("a", "b")]
    ids = engine.prompt_ids(ask(PROMPT))
    llm = raw_llm(tiny_models["gemma3"], enable_lora=True, max_loras=2 + spare, max_lora_rank=8)
    loras = requests(folders)
    alone = first_logprobs(llm, [None], ids)[0]
    mixed = first_logprobs(llm, [None, *loras, None], ids)
    assert (apart(alone, mixed[0]) > 0.1) == wrong
    assert (apart(alone, mixed[3]) > 0.1) == wrong
    assert apart(alone, mixed[1]) > 0.1


def test_our_engine_keeps_a_slot_free_and_its_base_rows_are_the_bases(
    engine: VllmEngine, tiny_models: dict[str, Path]
) -> None:
    assert engine.settings["max_loras"] == len(NAMES) + 1
    bare = started(tiny_models["gemma3"])
    assert "max_loras" not in bare.settings
    base = [ask(f"{PROMPT} {n}", n) for n in range(8)]
    others = [ask(f"{PROMPT} {n}", 100 + n, adapter=NAMES[n % 3]) for n in range(16)]
    mixed = texts(engine, [*base, *others])
    assert {r.id: mixed[r.id] for r in base} == texts(bare, base)


# --- adapters that load and do nothing ------------------------------------------------------------


@pytest.fixture
def idle(
    request: pytest.FixtureRequest, tmp_path: Path, tiny_adapters: dict[str, dict[str, Path]]
) -> Path:
    found = tiny_adapters["gemma3"]
    if request.param == "dead":
        return found["dead"]
    return copied(found["a"], tmp_path / "astray", wrong_prefix)


@pytest.mark.parametrize("idle", ["dead", "astray"], indirect=True)
def test_vllm_serves_the_base_in_the_name_of_an_adapter_that_does_nothing(
    idle: Path, tiny_models: dict[str, Path], engine: VllmEngine
) -> None:
    ids = engine.prompt_ids(ask(PROMPT))
    llm = raw_llm(tiny_models["gemma3"], enable_lora=True, max_loras=2, max_lora_rank=8)
    base, adapted = first_logprobs(llm, [None, *requests([idle])], ids)
    assert base == adapted


@pytest.mark.parametrize("idle", ["dead", "astray"], indirect=True)
def test_our_engine_refuses_it_before_anything_is_generated(
    idle: Path, tiny_models: dict[str, Path]
) -> None:
    with pytest.raises(UsageError, match=r"vLLM cannot serve adapter '(dead|astray)': ") as caught:
        VllmEngine(tiny_models["gemma3"], [find_adapter(str(idle))], options=OPTIONS)
    assert "\n" not in str(caught.value)
    assert "changes nothing" in str(caught.value) or "the base answers" in str(caught.value)


def test_an_adapter_too_small_to_matter_passes_the_files_check_and_not_the_probe(
    tmp_path: Path, tiny_models: dict[str, Path], tiny_adapters: dict[str, dict[str, Path]]
) -> None:
    """Weights that are not zero and vanish in the arithmetic: only running it shows that."""
    tiny = copied(
        tiny_adapters["gemma3"]["a"],
        tmp_path / "tiny",
        lambda t: {k: v * (1e-30 if "lora_B" in k else 1) for k, v in t.items()},
    )
    with pytest.raises(UsageError, match="'tiny' changes nothing") as caught:
        VllmEngine(tiny_models["gemma3"], [find_adapter(str(tiny))], options=OPTIONS)
    KEPT.append(caught.value)


# --- bad adapters ---------------------------------------------------------------------------------


def test_vllm_raises_for_a_bad_adapter_only_when_it_first_meets_it(
    tmp_path: Path, tiny_models: dict[str, Path], tiny_adapters: dict[str, dict[str, Path]]
) -> None:
    """It starts without a word; the engine stays healthy if the adapter is loaded by itself."""
    llm = raw_llm(tiny_models["gemma3"], enable_lora=True, max_loras=2, max_lora_rank=8)
    good, bad = requests([tiny_adapters["gemma3"]["a"], tmp_path / "nowhere"])
    with pytest.raises(Exception, match="nowhere"):
        llm.llm_engine.add_lora(bad)
    assert llm.llm_engine.add_lora(good)


@pytest.mark.parametrize("fault", ["missing weights", "wrong shape", "rank", "other base"])
def test_a_bad_adapter_is_refused_in_one_line_before_vllm_starts(
    fault: str,
    tmp_path: Path,
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
) -> None:
    found = tiny_adapters["gemma3"]
    match fault:
        case "missing weights":
            folder = shutil.copytree(found["a"], tmp_path / "bad")
            adapter = find_adapter(str(folder))
            (folder / "adapter_model.safetensors").unlink()
        case "wrong shape":
            adapter = find_adapter(str(found["misfit"]))
        case "rank":

            def wide(tensors: dict[str, Any]) -> dict[str, Any]:
                return {
                    k: v.repeat(150, axis=0 if "lora_A" in k else 1) for k, v in tensors.items()
                }

            folder = copied(found["a"], tmp_path / "bad", wide)
            config = folder / "adapter_config.json"
            config.write_text(json.dumps({**json.loads(config.read_text()), "r": 600}))
            adapter = find_adapter(str(folder))
        case _:
            adapter = find_adapter(str(tiny_adapters["gemma2"]["misfit"]))
    with pytest.raises((UsageError, ModelError)) as caught:
        VllmEngine(tiny_models["gemma3"], [adapter], options=OPTIONS)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) > 20


def test_a_bad_adapter_on_the_command_line_leaves_no_run_and_one_line(
    home: Path,
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    both = f"{tiny_adapters['gemma3']['a']},{tiny_adapters['gemma3']['misfit']}"
    where = ["--model", str(tiny_models["gemma3"]), "--dialect", "gemma", "--adapters", both]
    code = main(
        ["run", "smoke", "--limit", "1", "--engine", "vllm", "--kv-cache-gib", "0.1", *where]
    )
    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert "misfit" in said.err.splitlines()[-1]
    assert "Traceback" not in said.err
    assert not list((home / "runs").glob("*.jsonl"))


# --- names and stale caches -----------------------------------------------------------------------


def test_vllm_reuses_the_cache_of_other_weights_under_the_same_name(
    tmp_path: Path,
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
    engine: VllmEngine,
) -> None:
    from vllm.lora.request import LoRARequest

    ids = engine.prompt_ids(ask("All work and no play makes a dull day. " * 30))
    assert len(ids) > 256  # two blocks of the CPU's cache
    place = shutil.copytree(tiny_adapters["gemma3"]["a"], tmp_path / "mine")
    llm = raw_llm(tiny_models["gemma3"], enable_lora=True, max_loras=3, max_lora_rank=8)
    first_logprobs(llm, [LoRARequest("mine", 1, str(place))], ids)
    shutil.copytree(tiny_adapters["gemma3"]["b"], place, dirs_exist_ok=True)
    stale = first_logprobs(llm, [LoRARequest("mine", 2, str(place))], ids)[0]
    assert llm.reset_prefix_cache()
    fresh = first_logprobs(llm, [LoRARequest("mine", 2, str(place))], ids)[0]
    assert apart(stale, fresh) > 0.1


def test_our_names_hold_the_weights_so_that_two_of_one_name_never_share(
    tmp_path: Path, tiny_adapters: dict[str, dict[str, Path]], engine: VllmEngine
) -> None:
    place = shutil.copytree(tiny_adapters["gemma3"]["a"], tmp_path / "mine")
    before = find_adapter(str(place))
    shutil.copytree(tiny_adapters["gemma3"]["b"], place, dirs_exist_ok=True)
    after = find_adapter(str(place))
    assert before.name == after.name == "mine"
    assert serving_name(before) != serving_name(after)
    # These are the names under which vLLM holds them.
    used = {r.lora_name for r in engine._loras.values()}
    hashes = {a.partition("@")[2] for a in used}
    known = {find_adapter(str(tiny_adapters["gemma3"][n])).hash[:12] for n in NAMES}
    assert hashes == known


def test_two_adapters_of_one_name_are_refused(
    tmp_path: Path, tiny_models: dict[str, Path], tiny_adapters: dict[str, dict[str, Path]]
) -> None:
    (tmp_path / "other").mkdir()
    place = shutil.copytree(tiny_adapters["gemma3"]["b"], tmp_path / "other" / "a")
    both = [find_adapter(str(tiny_adapters["gemma3"]["a"])), find_adapter(str(place))]
    with pytest.raises(UsageError, match="same name"):
        VllmEngine(tiny_models["gemma3"], both, options=OPTIONS)


# --- limits and settings --------------------------------------------------------------------------


@pytest.fixture
def opinionated(tmp_path: Path, tiny_models: dict[str, Path], engine: VllmEngine) -> Path:
    """The tiny Gemma 3 with generation settings of its own; its third greedy token ends a reply."""
    folder = shutil.copytree(tiny_models["gemma3"], tmp_path / "opinionated")
    text = by_id(engine, [ask(PROMPT, max_tokens=3)])["r0"].text
    ids = engine.tokenizer(text, add_special_tokens=False).input_ids
    settings = {
        "eos_token_id": [1, ids[-1]],
        "repetition_penalty": 5.0,
        "do_sample": True,
        "temperature": 2.0,
    }
    (folder / "generation_config.json").write_text(json.dumps(settings))
    return folder


def test_vllm_obeys_its_own_defaults_and_the_folders_settings(
    opinionated: Path, engine: VllmEngine
) -> None:
    from vllm import SamplingParams

    rows = [{"prompt_token_ids": engine.prompt_ids(ask(PROMPT))}]
    llm = raw_llm(opinionated)
    (plain,) = llm.generate(rows, SamplingParams(temperature=0.0), use_tqdm=False)
    (longer,) = llm.generate(rows, SamplingParams(temperature=0.0, max_tokens=40), use_tqdm=False)
    assert len(plain.outputs[0].token_ids) <= 16
    assert len(longer.outputs[0].token_ids) < 40
    assert longer.outputs[0].finish_reason == "stop"


def test_our_engine_obeys_the_request_only(opinionated: Path, engine: VllmEngine) -> None:
    asked = [ask(PROMPT, n, max_tokens=n) for n in (1, 15, 16, 17, 40)]
    ours = started(opinionated)
    theirs = TransformersEngine(opinionated, options=EngineOptions(device="cpu"))
    found = texts(ours, asked)
    assert found == texts(theirs, asked) == texts(engine, asked)
    assert [tokens for _, _, tokens in found.values()] == [1, 15, 16, 17, 40]


@pytest.mark.parametrize("everywhere", [True, False], ids=["every module", "some, by a pattern"])
def test_slots_and_rank_come_from_the_adapters(
    everywhere: bool,
    tmp_path: Path,
    tiny_models: dict[str, Path],
    tiny_adapters: dict[str, dict[str, Path]],
) -> None:
    def wider(tensors: dict[str, Any]) -> dict[str, Any]:
        return {
            k: v.repeat(5, axis=0 if "lora_A" in k else 1) if everywhere or "q_proj" in k else v
            for k, v in tensors.items()
        }

    folder = copied(tiny_adapters["gemma3"]["a"], tmp_path / "wide", wider)
    config = folder / "adapter_config.json"
    rank = {"r": 20} if everywhere else {"rank_pattern": {"q_proj": 20}}
    config.write_text(json.dumps({**json.loads(config.read_text()), **rank}))
    found: Adapter = find_adapter(str(folder))
    small = find_adapter(str(tiny_adapters["gemma3"]["b"]))
    engine = started(tiny_models["gemma3"], [found, small])
    kept = engine.settings
    assert (kept["max_loras"], kept["max_cpu_loras"], kept["max_lora_rank"]) == (3, 3, 32)
    other = TransformersEngine(
        tiny_models["gemma3"], [found, small], options=EngineOptions(device="cpu")
    )
    asked = [ask(PROMPT, n, adapter=a) for n, a in enumerate((None, "wide", "b"))]
    assert texts(engine, asked) == texts(other, asked)
