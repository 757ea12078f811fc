"""GPTScript's function-calling-test-suite: turns of written dialogues, and answers by their rubric."""

from collections import Counter
from collections.abc import Callable

import pytest

from suites.errors import SuiteError
from suites.importers import Imported, Source, open_source
from suites.importers.gptscript import read

Make = Callable[..., Source]
SPECS = """\
---
# A comment between the mark and the document.
categories: [chained, semantic]
description: Asserts something.
system_prompt: Be brief.
prompt: Get the weather for Austin, TX and tell me if it is hot
available_functions:
  - name: get_weather
    description: Gets the weather
    parameters:
      type: object
      properties:
        location: {type: string, description: The city}
    required:
      - location
  - name: is_it_hot
    description: Tells hot from cold
    parameters:
      type: object
      properties: {weather: {type: string}}
      required: [weather]
expected_function_calls:
  - name: get_weather
    arguments: {location: 'Austin, TX'}
    result: Sunny, 75 degrees
  - name: is_it_hot
    arguments: {weather: 'Sunny, 75 degrees'}
    result: hot
final_answer_should: >-
  The answer should indicate that the weather is Sunny and 75 degrees, and is hot. It may mention 14:30, and
  should not say cold.
---
categories: [sequenced]
prompt: First A with 1, then B with 2 and C with 3 in any order, then D with their results
available_functions: &tools
  - {name: A, description: A, parameters: {type: object, properties: {p: {type: integer}}}}
  - {name: B, description: B, parameters: {type: object, properties: {p: {type: integer}}}}
  - {name: C, description: C, parameters: {type: object, properties: {p: {type: integer}}}}
  - {name: D, description: D, parameters: {type: object, properties: {p: {type: string}}}}
expected_function_calls:
  - {name: A, arguments: {p: 1}, result: '14:30'}
  - any_order:
      - {name: C, arguments: {p: 3}, result: out of C}
      - {name: B, arguments: {p: 2}, result: out of B}
      - {name: D, arguments: {p: 'out of C, out of B'}, result: The output of D is long}
final_answer_should: The answer should indicate that A gave 14:30 and D gave "The output of D is long"
---
categories: [basic, negative]
prompt: Call funcB with 1
available_functions:
  - {name: A, description: A, parameters: {type: object, properties: {p: {type: integer}}}}
expected_function_calls:
  - {name: A, arguments: {p: 1}, result: seven, optional: true}
final_answer_should: The answer can indicate that funcB is not available or suggest a call to A instead.
---
"""


@pytest.fixture
def imported(source_of: Make) -> Imported:
    return read(source_of({"specs/07_semantic.yaml": SPECS, "README.yaml": "not: a spec"}))


def test_every_turn_is_a_case_after_all_calls_and_results_before_it(
    imported: Imported, sound: Callable[[Imported], int]
) -> None:
    assert sound(imported) > 40
    calls = {c.id: [x.name for x in c.expectation.calls] for c in imported.cases}
    assert calls == {
        "07_semantic-1-call-1": ["get_weather"],
        "07_semantic-1-call-2": ["is_it_hot"],
        "07_semantic-1-answer": [],
        "07_semantic-2-call-1": ["A"],
        "07_semantic-2-call-2": ["C", "B"],
        "07_semantic-2-call-3": ["D"],
        "07_semantic-2-answer": [],
        "07_semantic-3-answer": [],
    }
    last = imported.cases[2]
    assert [m.role for m in last.messages] == [
        *("system", "user", "assistant", "tool", "assistant", "tool"),
    ]
    assert last.messages[3].content == "Sunny, 75 degrees"
    assert {c.group for c in imported.cases} == {f"07_semantic-{i}" for i in (1, 2, 3)}
    assert imported.cases[0].tools[0].required == ("location",)


def test_turns_that_could_be_split_otherwise_are_excluded(imported: Imported) -> None:
    assert {k: ids for k, (_, ids) in imported.exclusions.items()} == {
        "order_free": ("07_semantic-2-call-1", "07_semantic-2-call-2"),
    }


def test_facts_are_the_results_that_the_rubric_says_the_answer_should_state(
    imported: Imported,
) -> None:
    answers = {c.id: c.expectation for c in imported.cases if c.expectation.no_call}
    first, second, third = answers.values()
    assert first.answer is not None
    assert [f.any_of for f in first.answer.facts] == [("Sunny",), ("75 degrees", 75.0), ("hot",)]
    assert first.text == "The weather is Sunny and 75 degrees, and is hot."
    assert second.answer is not None
    assert [f.any_of for f in second.answer.facts] == [
        ("14:30", "2:30 pm", "2:30pm", "2:30 p.m."),
        ("The output of D is long",),
    ]
    assert third.answer is None
    assert third.no_call == "decline"
    assert third.text == "funcB is not available"


def test_an_optional_call_is_skipped_and_the_answer_judged_after_it(imported: Imported) -> None:
    assert [s.where for s in imported.skipped] == ["07_semantic-3-call-1"]
    assert imported.cases[-1].messages[-1].content == "seven"


def test_what_cannot_be_read_is_skipped_or_refused_with_its_line(source_of: Make) -> None:
    found = read(source_of({"a b.yaml": "prompt: 7\n---\n- 1\n---\nprompt: x\ncategories: 7\n"}))
    assert [s.where for s in found.skipped] == ["a-b-1", "a-b-2", "a-b-3"]
    with pytest.raises(SuiteError, match=r"a\.yaml:4"):
        read(source_of({"a.yaml": "prompt: x\n---\na: 1\na: 2\n"}))
    with pytest.raises(SuiteError, match="holds no"):
        read(source_of({"a.json": []}))


def test_the_published_data(
    public_data: Callable[[str], str], sound: Callable[[Imported], int]
) -> None:
    found = read(open_source(public_data("gptscript-fcts")))
    assert sound(found) > 500
    assert len(found.cases) == 69
    assert Counter(c.expectation.kind for c in found.cases) == {
        "call": 42,
        "answer": 17,
        "decline": 10,
    }
    assert len({c.group for c in found.cases}) == 27
    assert Counter(c.category for c in found.cases) == {
        "basic": 4,
        "basic_negative": 3,
        "sequenced": 7,
        "sequenced_negative": 1,
        "chained": 11,
        "chained_negative": 1,
        "semantic": 37,
        "semantic_negative": 5,
    }
    assert {k: len(ids) for k, (_, ids) in found.exclusions.items()} == {"order_free": 16}
    assert len(found.skipped) == 6
    assert all("optional" in s.why for s in found.skipped)
    assert sum(c.expectation.answer is not None for c in found.cases) == 15
