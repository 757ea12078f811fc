"""Records: strict forms, texts that can be written, and questions that are paired by what was asked."""

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from bench.records import Manifest, Record, VerdictRecord, input_hash
from suites import Call, Case, Message, Outcome, Verdict, builtin_suites, select


def test_every_builtin_case_comes_back_from_its_record(record: Callable[..., Record]) -> None:
    for name, split in builtin_suites():
        for case in select([f"{name}/{split}"]).parts[0].cases:
            kept = record(case=case, id=case.id, suite=name, input=input_hash(case))
            again = Record.model_validate_json(kept.model_dump_json())
            assert (again, again.case, again.key) == (kept, case, (name, case.id, 0))


def test_argument_values_keep_their_types(record: Callable[..., Record]) -> None:
    values = {"a": 1, "b": 1.0, "c": True, "d": None, "e": "1", "f": [1, {"g": 0.5}], "h": 10**20}
    kept = record(calls=(Call(name="f", arguments=values),))
    again = Record.model_validate_json(kept.model_dump_json()).calls[0].arguments
    assert {k: (type(v), v) for k, v in again.items()} == {
        k: (type(v), v) for k, v in values.items()
    }


def test_an_unknown_field_is_refused(record: Callable[..., Record], manifest: Manifest) -> None:
    for item in (record(), manifest):
        with pytest.raises(ValidationError, match="mood"):
            type(item).model_validate({**item.model_dump(), "mood": "good"})


def test_a_verdict_s_reason_can_be_written_whatever_the_model_said() -> None:
    stored = VerdictRecord.of(
        Verdict(passed=False, outcome=Outcome.MALFORMED, reason="bad \ud800 text")
    )
    assert stored.reason == "bad \\ud800 text"
    assert VerdictRecord.model_validate_json(stored.model_dump_json()) == stored


def test_the_input_is_what_is_asked_and_not_what_is_expected(cases: dict[str, Case]) -> None:
    case = cases["mine:w0.call"]
    other = cases["mine:w1.call"]
    said = (*case.messages, Message(role="user", content="And now?"))
    same = {"id": "x", "group": "y", "note": "z", "expectation": other.expectation}
    assert input_hash(case.model_copy(update=same)) == input_hash(case)
    assert input_hash(case.model_copy(update={"messages": said})) != input_hash(case)
    assert input_hash(case.model_copy(update={"tools": ()})) != input_hash(case)
    assert input_hash(other) != input_hash(case)


def test_a_label_names_the_target_and_its_examples(manifest: Manifest) -> None:
    assert manifest.label == "model"
    assert manifest.model_copy(update={"shots": 3}).label == "model, 3 shots"
