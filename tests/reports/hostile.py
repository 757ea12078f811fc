"""Runs whose every text tries to break out of what shows it."""

from bench.records import Record, VerdictRecord, input_hash
from bench.store import Run
from suites import Call, Case, Expectation, Message, Outcome, Tool
from suites.model import Accept, ExpectedCall, FailureMode
from tests.made_runs import made_run

TEXTS = (
    "<script>window.pwned = 1</script>",
    "</script><script>window.pwned = 2</script>",
    '"><img src=x onerror="window.pwned = 3">',
    "<svg/onload=window.pwned=4>",
    "javascript:window.pwned=5",
    "{{ 7 * 7 }} {% raw %} ${window.pwned=6}",
    "<!-- --> ]]> &lt; &#60;script&#62;",
    "line\u2028separator\u2029 and \x00\x07\x1b[31m control",
    "\u202ertl\u202c \u200f mark",
    "lone \ud800 surrogate",
    '=HYPERLINK("http://x","y")',
    "a | b \n| c | ` <b>bold</b>",
    "x" * 1_000_000,
)


def hostile_run(passed: bool, **fields: str) -> Run:
    """A case for each text, which stands in its id's neighbourhood, request, tool, reply and reason."""
    records = []
    for i, text in enumerate(TEXTS):
        plain = text.encode("utf-8", "replace").decode().replace("\x00", "")
        short = plain[:4000]
        tool = Tool(
            name="ring_bell",
            description=short,
            parameters={"type": "object", "properties": {"x": {"type": "string"}}},
        )
        wanted = ExpectedCall(name="ring_bell", arguments={"x": Accept(any_of=(short,))})
        case = Case(
            id=f"case.{i}",
            group=f"g{i}",
            category="hostile",
            tools=(tool,),
            messages=(Message(role="user", content=short),),
            expectation=Expectation(calls=(wanted,)),
        )
        records.append(
            Record.of(
                suite="hostile",
                id=case.id,
                input=input_hash(case),
                case=case,
                text=text,
                calls=(Call(name="ring_bell", arguments={"x": plain, plain[:60] or "y": 1}),),
                finish="stop",
                prompt_tokens=5,
                completion_tokens=2,
                seconds=0.1,
                verdict=VerdictRecord(
                    passed=passed,
                    outcome=Outcome.CALL,
                    failure=None if passed else FailureMode.WRONG_VALUE,
                    reason=plain,
                ),
            )
        )
    return made_run(records, **fields)
