"""Corpus rows among other tools: their own stay, the request that is declined is another row's."""

from pathlib import Path

import pytest

from bench.dialects import Dialogue
from bench.errors import UsageError
from suites import Call, Message, Tool
from train.examples import Example
from train.requests import beside
from train.sources import Sources, gather
from train.toolboxes import load_library

LIBRARY = load_library()
DOES = (
    "Weigh a parcel before postage",
    "Tune a church organ",
    "Brew a pot of ale",
    "Print a railway timetable",
    "Shear a flock of sheep",
    "Forecast tides at a harbour",
)


def _row(number: int, does: str) -> Example:
    tool = Tool(
        name=f"{does.split()[0].lower()}_{number}",
        description=does,
        parameters={"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
    )
    asked = Message(role="user", content=f"{does}, number {number}.")
    reply = Message(role="assistant", calls=(Call(name=tool.name, arguments={"n": number}),))
    return Example(
        id=f"row{number}",
        group=f"row{number}",
        dialogue=Dialogue(tools=(tool,), messages=(asked, reply)),
    )


def names(example: Example) -> set[str]:
    """Of the tools on offer."""
    return {t.name for t in example.dialogue.tools}


ROWS = [_row(i, does) for i, does in enumerate(DOES)]


def test_own_tools_stay_and_others_come_beside_them() -> None:
    made = beside(ROWS, LIBRARY, most=3, seed=0)
    assert [e.id for e in made] == [e.id for e in ROWS]
    for before, after in zip(ROWS, made, strict=True):
        assert names(before) <= names(after)
        assert len(after.dialogue.tools) <= len(before.dialogue.tools) + 3
        assert after.dialogue.messages == before.dialogue.messages
    assert max(len(e.dialogue.tools) for e in made) > 2
    firsts = [e.dialogue.tools[0].name for e in made]
    assert any(n not in names(r) for n, r in zip(firsts, ROWS, strict=True))


def test_the_same_seed_gives_the_same_examples() -> None:
    args = {"most": 2, "absent": 0.5}
    assert beside(ROWS, LIBRARY, **args, seed=4) == beside(ROWS, LIBRARY, **args, seed=4)
    assert beside(ROWS, LIBRARY, **args, seed=4) != beside(ROWS, LIBRARY, **args, seed=5)


def test_a_declined_request_is_another_rows_over_the_same_tools() -> None:
    made = beside(ROWS, LIBRARY, most=1, absent=1.0, seed=0)
    declined = [e for e in made if e.id.endswith(".absent")]
    assert len(declined) > len(ROWS) / 2
    by_id = {e.id: e for e in made}
    for example in declined:
        host = by_id[example.id.removesuffix(".absent")]
        asked, reply = example.dialogue.messages
        assert example.dialogue.tools == host.dialogue.tools
        assert asked != host.dialogue.messages[0]
        (owner,) = [r for r in ROWS if r.dialogue.messages[0] == asked]
        assert not names(owner) & names(example)
        assert reply.content
        assert not reply.calls


def test_nothing_is_added_where_nothing_is_asked_for() -> None:
    assert beside(ROWS, LIBRARY, most=0, seed=0) == ROWS


# --- as sources --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"beside": 2, "mix": 30}, "--beside has no meaning without --corpus"),
        ({"absent": 0.5, "mix": 30}, "--absent has no meaning without --corpus"),
        ({"corpora": ("openai=x",), "absent": 1.5}, "--absent must be a share"),
        ({"corpora": ("openai=x",), "beside": -1}, "--beside is a number"),
        ({"requests": 5}, "belong together"),
        ({"mix": 30, "tools": (Path("x"),)}, "belong together"),
        ({"requests": 0, "tools": (Path("x"),)}, "--requests must be at least 1"),
        ({}, "nothing to train on"),
    ],
)
def test_sources_that_contradict_each_other_are_refused(
    given: dict[str, object], match: str
) -> None:
    with pytest.raises(UsageError, match=match):
        Sources(**given)  # type: ignore[arg-type]


def test_requests_over_a_file_of_tools_are_gathered_and_screened(tmp_path: Path) -> None:
    file = tmp_path / "tools.jsonl"
    file.write_text(
        "\n".join(t.model_dump_json() for e in ROWS for t in e.dialogue.tools), encoding="utf-8"
    )
    data = gather(Sources(tools=(file,), requests=40), seed=0)
    (origin,) = data.origins
    assert (origin.name, origin.examples) == ("requests", 40)
    assert "40 over 6 tools: call" in origin.about
    assert 30 <= len(data.examples) <= 40
    assert data.screened.checked.kept == len(data.examples)
