"""Laws of training examples: the same dialogues as cases, loss on the model's own words only."""

from pathlib import Path
from typing import Any

import pytest

from bench.dialects import DIALECTS, Dialogue, prompt
from suites import select
from train import encode, example_from, load_examples
from train.examples import MASKED

GUIDE = """\
- user: "What's the weather in Paris?"
  model:
    function_call:
      name: getWeather
      arguments:
        city: "Paris"
"""

CHAIN = """\
tools:
  get_weather: {description: Weather of a city., parameters: {city: string}}
cases:
- id: chain
  tools: [get_weather]
  history:
  - user: "Weather in Oslo?"
  - model: {function_call: {name: get_weather, arguments: {city: Oslo}}}
    thought: "I need the current weather."
  - tool: {sky: rain}
  answer: {facts: [rain]}
  reply: "It is raining in Oslo."
"""


def _write(folder: Path, text: str) -> Path:
    file = folder / "examples.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def _learned(encoded: Any, tokenizer: Any) -> str:
    text: str = tokenizer.decode([label for label in encoded.labels if label != MASKED])
    return text


def test_the_guides_example_is_a_training_example_as_it_stands(
    tmp_path: Path, tiny_tokenizer: Any
) -> None:
    (example,) = load_examples(_write(tmp_path, GUIDE))
    encoded = encode(example, DIALECTS["gemma"], tiny_tokenizer)
    call = '<tool_call>{"name":"getWeather","arguments":{"city":"Paris"}}</tool_call>'
    assert _learned(encoded, tiny_tokenizer) == f"{call}<end_of_turn>"


@pytest.mark.parametrize("dialect", ["gemma", "functiongemma"])
def test_thought_call_and_answer_are_learned_but_tool_results_and_prompts_are_not(
    tmp_path: Path, tiny_tokenizer: Any, dialect: str
) -> None:
    (example,) = load_examples(_write(tmp_path, CHAIN))
    learned = _learned(encode(example, DIALECTS[dialect], tiny_tokenizer), tiny_tokenizer)
    assert "Oslo" in learned
    assert learned.endswith("It is raining in Oslo.<end_of_turn>")
    assert "sky" not in learned
    assert "Weather of a city" not in learned
    assert "Weather in Oslo?" not in learned
    assert ("I need the current weather." in learned) == (dialect == "gemma")


@pytest.mark.parametrize("dialect", ["gemma", "functiongemma"])
def test_the_prompt_of_an_example_has_the_token_ids_that_the_model_is_asked_with(
    tiny_tokenizer: Any, dialect: str
) -> None:
    spoken = DIALECTS[dialect]
    for part in select(["smoke"]).parts:
        for case in part.cases:
            asked = prompt(spoken, [Dialogue(tools=case.tools, messages=case.messages)])
            ids = tiny_tokenizer(asked, add_special_tokens=False).input_ids
            encoded = encode(example_from(case), spoken, tiny_tokenizer)
            assert encoded.input_ids[: len(ids)] == ids, case.id
            assert len(encoded.labels) == len(encoded.input_ids)
            assert encoded.supervised > 0
            learned_last = [i for i, x in enumerate(encoded.labels) if x != MASKED][-1]
            assert learned_last >= len(ids)


def test_every_built_in_case_is_an_example_whose_last_turn_reads_back_as_its_gold(
    tiny_tokenizer: Any,
) -> None:
    gemma = DIALECTS["gemma"]
    for part in select(["call", "arguments", "output"]).parts:
        for case in part.cases:
            encoded = encode(example_from(case), gemma, tiny_tokenizer)
            start = max(
                i
                for i, x in enumerate(encoded.labels[:-1])
                if x == MASKED and encoded.labels[i + 1] != MASKED
            )
            last = [x for x in encoded.labels[start + 1 :] if x != MASKED]
            reply = gemma.parse(tiny_tokenizer.decode(last))
            gold = tuple(c.gold() for c in case.expectation.calls)
            assert reply.calls == gold, case.id
            if not gold:
                assert reply.text == (case.expectation.text or "").strip(), case.id
