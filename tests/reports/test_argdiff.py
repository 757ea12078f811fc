"""Which argument is same, wrong, missing, extra or rightly left out; and which call is taken for which."""

from reports.argdiff import call_diffs
from suites import Call, Case, Expectation, Message, Tool
from suites.model import Accept, ExpectedCall

TOOL = Tool(
    name="book",
    parameters={
        "type": "object",
        "properties": {
            "seats": {"type": "integer"},
            "city": {"type": "string"},
            "note": {"type": "string"},
        },
        "required": ["seats", "city"],
    },
)

NOTHING = Expectation(no_call="answer", text="No.")


def _case(*calls: ExpectedCall) -> Case:
    return Case(
        id="a",
        group="a",
        tools=(TOOL,),
        messages=(Message(role="user", content="Book."),),
        expectation=Expectation(calls=calls) if calls else NOTHING,
    )


def _wanted(seats: int, city: str) -> ExpectedCall:
    return ExpectedCall(
        name="book",
        arguments={
            "seats": Accept(any_of=(seats,)),
            "city": Accept(any_of=(city, city.upper())),
            "note": Accept(any_of=("none",), optional=True),
        },
    )


def _call(**arguments: object) -> Call:
    return Call(name="book", arguments=arguments)  # type: ignore[arg-type]


def test_every_argument_has_its_status() -> None:
    (diff,) = call_diffs(_case(_wanted(2, "Oslo")), (_call(seats=3, city="OSLO", smoking=True),))
    found = {c.name: (c.status, c.actual) for c in diff.cells}
    assert found == {
        "seats": ("wrong", "3"),
        "city": ("same", '"OSLO"'),
        "note": ("left out", None),
        "smoking": ("extra", "true"),
    }
    assert diff.cells[1].expected == ('"Oslo"', '"OSLO"')


def test_what_is_required_and_not_given_is_missing() -> None:
    (diff,) = call_diffs(_case(_wanted(2, "Oslo")), (_call(seats=2),))
    assert [c.status for c in diff.cells] == ["same", "missing", "left out"]


def test_calls_are_paired_with_the_fewest_differences() -> None:
    case = _case(_wanted(1, "Oslo"), _wanted(2, "Rome"))
    made = (_call(seats=2, city="Rome"), _call(seats=1, city="Bern"), _call(seats=9, city="Ulm"))
    first, second, third = call_diffs(case, made)
    assert [c.status for c in first.cells] == ["same", "wrong", "left out"]
    assert [c.status for c in second.cells] == ["same", "same", "left out"]
    assert (third.expected, third.actual) == (None, "book")
    assert {c.status for c in third.cells} == {"extra"}


def test_a_call_that_was_not_made_misses_everything() -> None:
    (diff,) = call_diffs(_case(_wanted(1, "Oslo")), ())
    assert (diff.expected, diff.actual) == ("book", None)
    assert {c.status for c in diff.cells} == {"missing"}


def test_a_call_where_none_was_wanted_is_extra() -> None:
    (diff,) = call_diffs(_case(), (_call(seats=1),))
    assert (diff.expected, diff.actual, diff.cells[0].status) == (None, "book", "extra")
