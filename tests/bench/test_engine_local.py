"""The transformers engine on tiny Gemma 2 and Gemma 3: padding, BOS, budgets and ends of replies."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from adapters import resolve
from bench.dialects import DIALECTS, Dialogue, find_dialect, prompt
from bench.dialects.base import Finish, Segment, Turn
from bench.engines import ENGINES, Completion, EngineOptions, Request, load_engine
from bench.engines.local import TransformersEngine, is_out_of_memory
from bench.errors import UsageError
from bench.plan import Settings, plan
from suites import Reply, builtin_suites, select

GEMMA = find_dialect("gemma")
LENGTHS = (
    "Hi",
    "What is the weather in Oslo?",
    "Set a timer for ten minutes, please. " * 8,
    "x" * 70,
)


@dataclass(frozen=True)
class Dialect:
    """A dialect that ends turns at given tokens and replies after a given text."""

    stops: tuple[str, ...] = ()
    mark: str = "\x00never"
    name: str = "test"

    def turns(self, dialogues: Sequence[Dialogue]) -> list[Turn]:
        raise NotImplementedError

    def render(self, dialogues: Sequence[Dialogue]) -> list[Segment]:
        raise NotImplementedError

    def end(self, text: str) -> int | None:
        return text.find(self.mark) + len(self.mark) if self.mark in text else None

    def parse(self, text: str, finish: Finish = "stop", tools: Sequence[str] = ()) -> Reply:
        del text, finish, tools
        raise NotImplementedError


@pytest.fixture(scope="module", params=["gemma2", "gemma3"])
def engine(request: pytest.FixtureRequest, tiny_models: dict[str, Path]) -> TransformersEngine:
    return TransformersEngine(tiny_models[request.param], options=EngineOptions(device="cpu"))


def ask(text: str, name: str = "x", **fields: Any) -> Request:
    return Request(
        **{"id": name, "prompt": f"<bos>{text}", "dialect": Dialect(), "max_tokens": 12} | fields
    )


def solo(engine: TransformersEngine, request: Request) -> Completion:
    (completion,) = engine.generate([request])
    return completion


def steps(engine: TransformersEngine, request: Request) -> int:
    """How often the model was asked for a token."""
    seen: list[int] = []
    handle = engine.model.register_forward_hook(lambda *_: seen.append(1))
    solo(engine, request)
    handle.remove()
    return len(seen)


def by_id(completions: Sequence[Completion]) -> dict[str, Completion]:
    return {c.id: c for c in completions}


def test_a_padded_batch_replies_as_each_prompt_alone(engine: TransformersEngine) -> None:
    requests = [ask(text, f"p{i}") for i, text in enumerate(LENGTHS)]
    together = engine.generate(requests)
    assert together == [solo(engine, r) for r in requests]
    assert len({c.text for c in together}) == len(LENGTHS)
    assert len({c.prompt_tokens for c in together}) > 1


def test_the_order_of_a_batch_does_not_matter(engine: TransformersEngine) -> None:
    requests = [ask(text, f"p{i}") for i, text in enumerate(LENGTHS)]
    assert by_id(engine.generate(requests)) == by_id(engine.generate(requests[::-1]))


def test_real_prompts_in_a_batch_reply_as_alone(
    engine: TransformersEngine, tiny_models: dict[str, Path]
) -> None:
    target = resolve(str(tiny_models["gemma3"]), dialect="gemma")
    jobs = plan(select(["smoke"], limit=2), target, Settings(max_tokens=4))[0]
    requests = [job.request for job in jobs]
    assert engine.generate(requests) == [solo(engine, r) for r in requests]


@pytest.mark.parametrize("dialect", sorted(DIALECTS))
def test_every_builtin_prompt_has_exactly_one_bos(engine: TransformersEngine, dialect: str) -> None:
    """ChatML and Qwen have no BOS, so their prompts have none; Llama's is no token of this tokenizer."""
    own = {"chatml": "", "llama3": "<|begin_of_text|>"}.get(dialect, "<bos>")
    own = "" if dialect.startswith("qwen") else own
    bos = engine.tokenizer.bos_token_id
    places = [0] if own == engine.tokenizer.bos_token else []
    parts = select([f"{name}/{split}" for name, split in builtin_suites()]).parts
    cases = [case for part in parts for case in part.cases][:: 1 if dialect == "gemma" else 8]
    assert len(cases) > 100
    for case in cases:
        text = prompt(DIALECTS[dialect], [Dialogue(tools=case.tools, messages=case.messages)])
        assert text.startswith(own)
        assert not own or text.count(own) == 1
        ids = engine.prompt_ids(ask("", case.id, prompt=text))
        assert [i for i, token in enumerate(ids) if token == bos] == places, case.id


@pytest.mark.parametrize("text", ["<bos><bos>Hi", "Hi<bos>", "<bos>Hi<bos>there"])
def test_a_bos_twice_or_in_the_wrong_place_is_refused(
    engine: TransformersEngine, text: str
) -> None:
    with pytest.raises(UsageError, match=r"prompt of x holds \d BOS"):
        engine.generate([ask("", prompt=text)])


def test_prompt_tokens_count_the_prompt_without_padding(engine: TransformersEngine) -> None:
    requests = [ask(text, f"p{i}") for i, text in enumerate(LENGTHS)]
    for request, completion in zip(requests, engine.generate(requests), strict=True):
        assert completion.prompt_tokens == len(engine.prompt_ids(request))


def test_a_budget_is_each_request_s_own(engine: TransformersEngine) -> None:
    budgets = {"one": 1, "five": 5, "twelve": 12}
    requests = [ask("Hello there", name, max_tokens=n) for name, n in budgets.items()]
    found = by_id(engine.generate(requests))
    assert found == {r.id: solo(engine, r) for r in requests}
    assert {c.id: c.completion_tokens for c in found.values()} == budgets
    assert {c.finish for c in found.values()} == {"length"}
    assert found["twelve"].text.startswith(found["five"].text.rstrip("�"))


def test_the_end_of_turn_token_stops_a_reply_and_is_not_in_its_text(
    tiny_models: dict[str, Path],
) -> None:
    """Two rows of the output layer change places, so that the third token becomes <end_of_turn>."""
    engine = TransformersEngine(tiny_models["gemma3"], options=EngineOptions(device="cpu"))
    whole = engine.model.generate(
        input_ids=torch.tensor([engine.prompt_ids(ask("Hello there"))]),
        max_new_tokens=6,
        do_sample=False,
    )[0, -6:].tolist()
    third, end = whole[2], engine.tokenizer.convert_tokens_to_ids("<end_of_turn>")
    assert whole.index(third) == 2
    assert end not in whole
    with torch.no_grad():
        engine.model.lm_head.weight[[third, end]] = engine.model.lm_head.weight[[end, third]]
    stopped = ask("Hello there", "stopped", dialect=GEMMA)
    assert steps(engine, stopped) == 3
    long = ask("What is the weather?", "long", dialect=GEMMA)
    found = by_id(engine.generate([stopped, long]))
    assert found["stopped"].text == engine.tokenizer.decode(whole[:2])
    assert found["stopped"].finish == "stop"
    assert found["stopped"].completion_tokens == 3
    assert found["long"] == solo(engine, long)
    assert found["long"].completion_tokens > 3


def test_a_stop_text_that_is_no_token_of_the_model_stops_nothing(
    engine: TransformersEngine,
) -> None:
    plain = solo(engine, ask("Hello there"))
    strange = solo(engine, ask("Hello there", dialect=Dialect(stops=("<no such token>",))))
    assert strange == plain


def test_a_reply_is_over_where_its_dialect_says_so(engine: TransformersEngine) -> None:
    """The row that ended is cut there; the rows beside it go on."""
    whole = solo(engine, ask("Hello there"))
    at = next(i for i, c in enumerate(whole.text) if i > 2 and c != "�" and whole.text.find(c) == i)
    cut = ask("Hello there", "cut", dialect=Dialect(mark=whole.text[at]))
    assert steps(engine, cut) < steps(engine, ask("Hello there")) == 12
    long = ask(LENGTHS[2], "long")
    found = by_id(engine.generate([long, cut]))
    assert found["cut"].text == whole.text[: at + 1]
    assert found["cut"].finish == "stop"
    assert 0 < found["cut"].completion_tokens < whole.completion_tokens
    assert found["long"] == solo(engine, long)


def test_sampling_repeats_with_its_seed_and_varies_without(engine: TransformersEngine) -> None:
    def texts(seed: int) -> list[str]:
        torch.manual_seed(torch.seed())
        sampled = {"temperature": 1.5, "top_p": 0.9, "seed": seed}
        return [c.text for c in engine.generate([ask(t, t, **sampled) for t in LENGTHS[:2]])]

    assert texts(1) == texts(1)
    assert texts(1) != texts(2)


def test_a_sampled_reply_depends_on_its_own_seed_and_on_nothing_else_in_the_batch(
    engine: TransformersEngine,
) -> None:
    asked = [ask(t, t, temperature=1.5, top_p=0.9, seed=i) for i, t in enumerate(LENGTHS)]
    alone = {r.id: solo(engine, r) for r in asked}
    assert by_id(engine.generate(asked)) == alone
    assert by_id(engine.generate(asked[::-1][:2])).items() <= alone.items()
    same = [replace(asked[0], id=str(i), seed=i) for i in range(6)]
    assert len({c.text for c in engine.generate(same)}) > 3


def test_a_greedy_reply_ignores_the_seed(engine: TransformersEngine) -> None:
    request = ask("Hello there", seed=1)
    assert solo(engine, request) == solo(engine, replace(request, seed=2))


def test_gemma_2_attends_eagerly_for_its_softcap_and_gemma_3_does_not(
    tiny_models: dict[str, Path],
) -> None:
    used = {}
    for family, folder in tiny_models.items():
        config = TransformersEngine(folder, options=EngineOptions(device="cpu")).model.config
        softcap = getattr(config, "attn_logit_softcapping", None)
        used[family] = (config._attn_implementation, softcap is not None)
    assert used == {"gemma2": ("eager", True), "gemma3": ("sdpa", False)}


def test_the_engine_names_itself_for_the_record(engine: TransformersEngine) -> None:
    assert (engine.name, engine.dtype, engine.device) == ("transformers", "float32", "cpu")
    assert torch.__version__ in engine.version


def test_running_out_of_memory_is_recognised_however_it_is_said() -> None:
    failures: list[BaseException] = []
    for attempt in (lambda: torch.empty(1 << 50, dtype=torch.float64), lambda: bytearray(1 << 60)):
        with pytest.raises((RuntimeError, MemoryError)) as caught:
            attempt()
        failures.append(caught.value)
    failures += [
        OSError(12, "Cannot allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory"),
    ]
    assert all(is_out_of_memory(f) for f in failures)


def test_other_failures_are_not_taken_for_a_lack_of_memory() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.zeros(2, 3) @ torch.zeros(2, 3)
    assert not is_out_of_memory(caught.value)
    assert not is_out_of_memory(OSError(28, "No space left on device"))


def test_an_unknown_engine_is_refused_with_the_engines_there_are(
    tiny_models: dict[str, Path],
) -> None:
    target = resolve(str(tiny_models["gemma3"]), dialect="gemma")
    with pytest.raises(UsageError, match="'vlm'") as caught:
        load_engine("vlm", target, [])
    assert caught.value.known == ENGINES


def test_a_dtype_that_torch_does_not_have_is_refused(tiny_models: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match="float99"):
        TransformersEngine(
            tiny_models["gemma3"], options=EngineOptions(device="cpu", dtype="float99")
        )


def test_a_folder_whose_configuration_names_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UsageError, match="cannot be loaded"):
        TransformersEngine(tmp_path, options=EngineOptions(device="cpu"))
