"""The two engines say the same: greedy replies of base and three adapters, in float32, token for token."""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch

from adapters import Adapter
from bench.engines import EngineOptions, Request
from bench.engines.local import TransformersEngine
from bench.engines.vllm import VllmEngine
from tests.vllm.conftest import NAMES, Make, ask, by_id, texts

CLOSE = 1e-3


@pytest.fixture(scope="module", params=["gemma2", "gemma3"])
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def reference(
    family: str, tiny_models: dict[str, Path], loaded: dict[str, list[Adapter]]
) -> TransformersEngine:
    return TransformersEngine(
        tiny_models[family], loaded[family], options=EngineOptions(device="cpu")
    )


def gap(reference: TransformersEngine, request: Request, text: str) -> float:
    """By how much (in logprob) transformers prefers its own token to the one with which `text` goes on,
    where the two part; infinite if no token leads there."""
    ids = reference.prompt_ids(request)
    size = len(ids)
    with torch.inference_mode(), reference._using(request.adapter):
        for _ in range(request.max_tokens):
            scores = reference.model(torch.tensor([ids])).logits[0, -1].log_softmax(-1)
            best = int(scores.argmax())
            if not text.startswith(_decoded(reference, [*ids[size:], best])):
                others = [
                    float(scores[t])
                    for t in range(len(scores))
                    if text.startswith(_decoded(reference, [*ids[size:], t]))
                ]
                return float(scores[best]) - max(others, default=float("-inf"))
            ids.append(best)
    return 0.0


def _decoded(reference: Any, ids: list[int]) -> str:
    return str(reference.tokenizer.decode(ids)).rstrip("�")


def test_greedy_replies_are_the_same_token_for_token(
    family: str,
    engines: Callable[[str], VllmEngine],
    reference: TransformersEngine,
    smoke: Make,
    record_property: Callable[[str, object], None],
) -> None:
    asked = smoke(family)
    ours, theirs = texts(engines(family), asked), texts(reference, asked)
    different = [r for r in asked if ours[r.id] != theirs[r.id]]
    gaps = {r.id: gap(reference, r, ours[r.id][0]) for r in different}
    share = 1 - len(different) / len(asked)
    record_property("identical share", share)
    print(f"\n{family}: {share:.1%} of {len(asked)} replies are identical; gaps {gaps}")
    assert len(asked) >= 60
    assert share >= 0.95
    assert all(g < CLOSE for g in gaps.values()), gaps
    # Were an adapter not used, or another one in its place, this would be no test.
    for one, other in combinations((None, *NAMES), 2):
        names = [r.id.partition("|")[2] for r in smoke(family, [one])]
        same = [n for n in names if ours[f"{one}|{n}"] == ours[f"{other}|{n}"]]
        assert len(same) < len(names) / 4, (one, other)
    assert len({text for text, _, _ in ours.values()}) > len(asked) / 2


def test_the_gap_tells_another_targets_reply_from_rounding(
    engines: Callable[[str], VllmEngine], family: str, reference: TransformersEngine
) -> None:
    base, other = ask("Hello", 0, max_tokens=8), ask("Hello", 1, max_tokens=8, adapter="a")
    found = by_id(engines(family), [base, other])
    assert gap(reference, base, found["r0"].text) == 0
    assert gap(reference, base, found["r1"].text) > 100 * CLOSE


def test_samples_are_drawn_from_the_same_distribution_of_first_tokens(
    engines: Callable[[str], VllmEngine], family: str, reference: TransformersEngine
) -> None:
    """At temperature 1 each seed gives another token; the most frequent one is the most probable one."""
    asked = [ask("Hello", n, max_tokens=1, temperature=1.0, seed=n) for n in range(200)]
    drawn = [c.text for c in by_id(engines(family), asked).values()]
    ids = torch.tensor([reference.prompt_ids(asked[0])])
    with torch.inference_mode(), reference._using(None):
        probabilities = reference.model(ids).logits[0, -1].softmax(-1)
    best = int(probabilities.argmax())
    share = drawn.count(reference.tokenizer.decode([best])) / len(drawn)
    expected = float(probabilities[best])
    spread = (expected * (1 - expected) / len(drawn)) ** 0.5
    assert abs(share - expected) <= 4 * spread + 1e-9
    assert len(set(drawn)) > 1
