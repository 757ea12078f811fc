"""What a dialect cannot say, or would read as something else, is left out for it and for no other."""

from bench.dialects import Dialogue, find_dialect
from suites import Call, Message, Tool
from train.corpora import Converted, spoken
from train.examples import Example

USER = Message(role="user", content="Hi")


def converted(*messages: Message) -> Converted:
    tools = (Tool(name="f"),)
    dialogue = Dialogue(tools=tools, messages=messages)
    example = Example(id="e", group="e", dialogue=dialogue)
    return Converted(examples=(example,), counts={"rows": 1, "examples": 1})


def why(given: Converted, dialect: str) -> str | None:
    kept = spoken(given, find_dialect(dialect))
    assert kept.counts["rows"] == 1
    assert kept.counts["examples"] == len(kept.examples)
    if kept.examples:
        assert kept.examples == given.examples
        return None
    (skipped,) = kept.skipped
    assert (skipped.where, skipped.reason) == ("e", "dialect")
    return skipped.why


def test_a_control_token_matters_to_its_own_dialect_only() -> None:
    given = converted(USER, Message(role="assistant", content="Write <start_of_turn> first."))
    assert "<start_of_turn>" in (why(given, "gemma") or "")
    assert why(given, "chatml") is None


def test_a_key_that_cannot_be_written_bare_matters_to_functiongemma_only() -> None:
    call = Call(name="f", arguments={"a:b": 1})
    given = converted(USER, Message(role="assistant", calls=(call,)))
    assert why(given, "functiongemma") is not None
    assert why(given, "gemma") is None


def test_a_text_that_reads_as_a_broken_call_is_left_out() -> None:
    given = converted(USER, Message(role="assistant", content="So I call f(a=1)."))
    assert "reads as broken" in (why(given, "gemma") or "")


def test_every_turn_of_the_model_is_looked_at() -> None:
    fine = Message(role="assistant", content="Fine.")
    bad = Message(role="assistant", content="So I call f(a=1).")
    assert "turn 2" in (why(converted(USER, bad, USER, fine), "gemma") or "")
    assert why(converted(USER, fine, USER, fine), "gemma") is None
