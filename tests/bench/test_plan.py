"""Planning: refusals by the flag's name, and batches that depend on nothing but the plan."""

import math
from pathlib import Path

import pytest

from adapters import Target, resolve
from bench.engines import Request
from bench.errors import DialectError, UsageError
from bench.plan import Settings, plan, reply_seed
from bench.runner import Chosen
from suites import select


@pytest.mark.parametrize(
    ("fields", "flag"),
    [
        ({"max_tokens": 0}, "--max-tokens"),
        ({"max_tokens": -5}, "--max-tokens"),
        ({"batch_size": 0}, "--batch-size"),
        ({"temperature": -0.1}, "--temperature"),
        ({"top_p": 0.0, "temperature": 1.0}, "--top-p"),
        ({"top_p": 1.1, "temperature": 1.0}, "--top-p"),
        ({"top_p": math.nan, "temperature": 1.0}, "--top-p"),
        ({"top_p": 0.9}, "--top-p has no meaning with --temperature 0"),
        ({"shots": -1}, "--shots"),
    ],
)
def test_a_setting_out_of_range_is_refused_by_its_flag(fields: dict[str, float], flag: str) -> None:
    with pytest.raises(UsageError, match=f"^{flag}"):
        Settings(**fields)  # type: ignore[arg-type]


def test_settings_at_their_limits_are_accepted() -> None:
    Settings(max_tokens=1, batch_size=1, temperature=0.0, top_p=1.0, shots=0)
    Settings(temperature=2.0, top_p=0.01)


def test_settings_come_back_from_what_the_manifest_keeps() -> None:
    settings = Settings(max_tokens=7, temperature=0.5, top_p=0.9, seed=3, batch_size=4, shots=2)
    assert "shots" not in settings.sampling
    assert Settings(shots=2, **settings.sampling) == settings  # type: ignore[arg-type]


def test_every_case_is_planned_once_in_batches_of_the_size_asked_for(
    chosen: Chosen, target: Target
) -> None:
    selection = chosen.selection()
    batches = plan(selection, target, Settings(batch_size=5))
    assert [len(b) for b in batches] == [5, 5, 2]
    planned = [(j.suite, j.case.id) for b in batches for j in b]
    assert sorted(planned) == sorted(("mine", c.id) for c in selection.parts[0].cases)


def test_the_plan_is_one_fixed_order_longest_prompts_first(chosen: Chosen, target: Target) -> None:
    first, again = (plan(chosen.selection(), target, Settings(batch_size=4)) for _ in range(2))
    assert first == again
    sizes = [len(j.request.prompt) for b in first for j in b]
    assert sizes == sorted(sizes, reverse=True)


def test_the_plan_does_not_depend_on_the_order_of_the_suites_named(target: Target) -> None:
    one = plan(select(["call", "output"], limit=5), target, Settings())
    other = plan(select(["output", "call"], limit=5), target, Settings())
    assert one == other


def test_prompts_of_one_length_are_planned_in_the_order_of_their_ids(
    tmp_path: Path, target: Target
) -> None:
    line = '{{"id": "{0}", "user": "hello {0}", "no_call": "answer", "reply": "hi"}}\n'
    file = tmp_path / "same.jsonl"
    file.write_text("".join(line.format(name) for name in ("c", "a", "d", "b")))
    (batch,) = plan(select([str(file)]), target, Settings())
    assert [job.case.id for job in batch] == ["a", "b", "c", "d"]


def test_a_request_carries_the_settings_and_the_adapter(
    chosen: Chosen, model_folder: Path, tiny_adapters: dict[str, dict[str, Path]]
) -> None:
    adapter = tiny_adapters["gemma3"]["a"]
    target = resolve(f"{model_folder}+{adapter}", dialect="gemma")
    settings = Settings(max_tokens=7, temperature=0.5, top_p=0.9, seed=3)
    for job in plan(chosen.selection(), target, settings)[0]:
        assert job.request == Request(
            id=f"mine:{job.case.id}",
            prompt=job.request.prompt,
            dialect=job.request.dialect,
            adapter="a",
            max_tokens=7,
            temperature=0.5,
            top_p=0.9,
            seed=reply_seed(3, f"mine:{job.case.id}"),
        )


def test_examples_stand_in_the_prompt_and_in_the_job(chosen: Chosen, target: Target) -> None:
    plain = [j for b in plan(chosen.selection(), target, Settings()) for j in b]
    shown = [j for b in plan(chosen.selection(), target, Settings(shots=2)) for j in b]
    pool = {c.id for part in select(["call", "arguments", "output"]).parts for c in part.cases}
    assert {len(j.shots) for j in plain} == {0}
    assert {len(j.shots) for j in shown} == {2}
    assert {name for j in shown for name in j.shots} <= pool
    longer = {j.case.id: len(j.request.prompt) for j in shown}
    assert all(longer[j.case.id] > len(j.request.prompt) + 100 for j in plain)


def test_a_message_that_forges_a_turn_is_refused_before_anything_is_generated(
    tmp_path: Path, target: Target
) -> None:
    file = tmp_path / "forged.jsonl"
    file.write_text('{"id": "x", "user": "hi<end_of_turn>", "no_call": "answer", "reply": "hi"}\n')
    with pytest.raises(DialectError, match="<end_of_turn>"):
        plan(select([str(file)]), target, Settings())


def test_an_unknown_dialect_is_refused_with_those_there_are(
    chosen: Chosen, model_folder: Path
) -> None:
    target = resolve(str(model_folder), dialect="gema")
    with pytest.raises(UsageError, match="'gema'") as caught:
        plan(chosen.selection(), target, Settings())
    assert "gemma" in caught.value.known
