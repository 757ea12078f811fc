"""Laws of the contamination guard: what a suite asks is dropped in any dress, everything else is kept."""

import json
import os
import random
import subprocess
import sys
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.dialects import Dialogue
from bench.errors import UsageError
from suites import Call, Case, Message, Suite, load_suite
from suites.forms import case_from
from suites.importers import bfcl
from suites.importers.write import import_suite
from suites.leak import distinctive_values
from tests.mini_bfcl import write_folder
from train import Checked, Example, example_from, require_checked, screen
from train.collisions import Collision, Guard, Reason
from train.guard import data_hash, every_suite

ROOT = Path(__file__).parents[2]
SEAL = ROOT.parent / "shared/data/seal-tools/Seal-Tools_Dataset/dev.jsonl"
TEXTS = {Reason.REQUEST, Reason.NEAR, Reason.MASKED}


def _case(name: str, user: str, tool: str, parameters: Any, arguments: Any) -> Case:
    offered = {"name": tool, "description": f"About {tool}.", "parameters": parameters}
    call = {"function_call": {"name": tool, "arguments": arguments}}
    row = {"id": name, "group": name, "tools": [offered], "user": user, "model": call}
    return case_from(row, default_id=name, toolbox={}, defaults={})


LETTER = _case(
    "letter",
    "Please send the blue letter to Ada Byron in Brno before Friday noon.",
    "post_letter",
    {"recipient": "string", "town": "string", "colour": "string", "deadline": "string"},
    {"recipient": "Ada Byron", "town": "Brno", "colour": "blue", "deadline": "Friday noon"},
)
BELL = _case("bell", "Ring.", "ring_bell", {"times": "integer"}, {"times": 2})
MINE = Suite(name="mine", version="1", split="test", cases=(LETTER, BELL))

KITCHEN = [
    _case(
        "soup", "Stir my soup every four minutes.", "stir_pot", {"every": "integer"}, {"every": 4}
    ),
    _case(
        "knife",
        "How sharp is the bread knife by now?",
        "edge_of_blade",
        {"blade": "string", "unit": "string", "precise": "boolean"},
        {"blade": "bread knife", "unit": "micron", "precise": True},
    ),
    _case("oven", "Heat up to 180.", "warm_up", {"degrees": "integer"}, {"degrees": 180}),
]
"""Unlike any case of the suites."""


@pytest.fixture(scope="module")
def built_in() -> list[Suite]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CALLBENCH_HOME", str(ROOT / "no-such-home"))
        return every_suite()


@pytest.fixture(scope="module")
def guard(built_in: list[Suite]) -> Guard:
    return Guard(built_in)


def _bare(case: Case, user: str | None = None, calls: tuple[Call, ...] = ()) -> Dialogue:
    """The user's words alone: no tool, no call but those given; `user` replaces the last of them."""
    said = [m.content for m in case.messages if m.role == "user"]
    if user is not None:
        said[-1] = user
    messages = [Message(role="user", content=text) for text in said]
    last = Message(role="assistant", content="Well.", calls=calls)
    return Dialogue(tools=(), messages=(*messages, last))


def _reasons(found: list[Collision]) -> set[Reason]:
    return {c.reason for c in found}


def _dropped(case: Case | Dialogue, *suites: Suite, **options: Any) -> set[Reason]:
    data: Any = [case]
    return _reasons(list(screen(data, suites or [MINE], **options).collisions))


# --- laws over the real suites ----------------------------------------------------------------------


def test_all_splits_of_the_built_in_suites_are_compared(built_in: list[Suite]) -> None:
    names = {(s.name, s.split) for s in built_in}
    assert names == {(n, s) for n in ("call", "arguments", "output") for s in ("dev", "test")}


def test_every_case_of_every_suite_is_dropped(built_in: list[Suite]) -> None:
    cases = [c for suite in built_in for c in suite.cases]
    found = screen(cases, built_in)
    assert found.kept == ()
    assert found.checked.dropped["request"] == len(cases) == found.checked.seen
    places = {(c.example, c.suite) for c in found.collisions if c.reason is Reason.REQUEST}
    assert places >= {(c.id, f"{s.name}/{s.split}") for s in built_in for c in s.cases}


def _upper(text: str) -> str:
    return text.upper()


def _spread(text: str) -> str:
    return "  \n" + text.replace(" ", " \t\u00a0") + " !"


def _unpunctuated(text: str) -> str:
    return "".join(c for c in text if not unicodedata.category(c).startswith("P")).lower()


@pytest.mark.parametrize("dress", [_upper, _spread, _unpunctuated])
def test_no_formatting_hides_a_request(built_in: list[Suite], guard: Guard, dress: Any) -> None:
    cases = [c for suite in built_in for c in suite.cases][::3]
    for case in cases:
        last = [m.content for m in case.messages if m.role == "user"][-1]
        found = guard.collisions(_bare(case, dress(last)), "x")
        assert Reason.REQUEST in _reasons(found), case.id


def test_most_copies_with_swapped_words_or_politeness_are_found(
    built_in: list[Suite], guard: Guard
) -> None:
    rng = random.Random(3)
    cases = [c for suite in built_in for c in suite.cases][::5]
    swapped = polite = 0
    for case in cases:
        last = [m.content for m in case.messages if m.role == "user"][-1]
        words = last.split()
        at = rng.randrange(max(1, len(words) - 1))
        words[at : at + 2] = words[at : at + 2][::-1]
        swapped += bool(guard.collisions(_bare(case, " ".join(words)), "x"))
        around = f"Hello, could you help me? {last} Thank you very much!"
        polite += bool(guard.collisions(_bare(case, around), "x"))
    assert swapped / len(cases) > 0.95
    assert polite / len(cases) > 0.9


def test_dev_does_not_collide_with_test(built_in: list[Suite]) -> None:
    """The splits are written to share nothing, so they are unrelated texts of one style."""
    for name in ("call", "arguments", "output"):
        dev, test = (
            [s for s in built_in if (s.name, s.split) == (name, x)] for x in ("dev", "test")
        )
        found = screen(dev[0].cases, test)
        assert set(found.checked.dropped) <= {"schema"}, found.lines()


def test_few_unrelated_requests_are_taken_for_copies(guard: Guard) -> None:
    if not SEAL.is_file():
        pytest.skip(f"the requests of Seal-Tools are not at {SEAL}")
    rows = [json.loads(line) for line in SEAL.read_text(encoding="utf-8").splitlines()]
    copies = 0
    for row in rows:
        calls = tuple(Call(name="x", arguments=c["parameters"]) for c in row["calling"])
        last = Message(role="assistant", calls=calls)
        asked = Dialogue(tools=(), messages=(Message(role="user", content=row["query"]), last))
        copies += bool(_reasons(guard.collisions(asked, "x")) & TEXTS)
    assert len(rows) > 500
    assert copies / len(rows) < 0.01


def test_disjoint_data_is_kept_as_it_is(built_in: list[Suite]) -> None:
    found = screen(KITCHEN, [*built_in, MINE])
    assert found.kept == tuple(KITCHEN)
    assert found.collisions == ()
    assert found.checked.dropped == {}


# --- one reason at a time ---------------------------------------------------------------------------


def test_one_message_of_a_longer_dialogue_is_enough() -> None:
    said = "Please, send the blue letter to Ada Byron in Brno, before Friday noon"
    messages = [Message(role="user", content=t) for t in ("Hi there.", said, "Great.")]
    assert Reason.REQUEST in _dropped(Dialogue(tools=(), messages=tuple(messages)))


def test_a_short_request_collides_as_a_whole_only() -> None:
    assert _dropped(_bare(BELL, "ring")) == {Reason.REQUEST}
    messages = tuple(Message(role="user", content=t) for t in ("The pot is on.", "Ring!"))
    assert _dropped(Dialogue(tools=(), messages=messages)) == set()


@pytest.mark.parametrize(
    "user",
    [
        "Please send the letter blue to Ada Byron in Brno before Friday noon.",
        "Send the blue letter to Ada Byron in Graz before Friday noon please",
        "Good morning! I hope you are well. I have a favour to ask of you today, a small one: please send "
        "the blue letter to Ada Byron in Brno before Friday noon. Many thanks, you are a great help.",
    ],
)
def test_a_near_copy_is_dropped(user: str) -> None:
    assert _dropped(_bare(LETTER, user)) == {Reason.NEAR}


def test_a_copy_with_other_values_is_dropped() -> None:
    user = "Please send the green letter to Mary Ann Lovelace in Linz before Monday evening."
    values = ("green", "Mary Ann Lovelace", "Linz", "Monday evening")
    call = Call(name="x", arguments=dict(zip("abcd", values, strict=True)))
    assert _dropped(_bare(LETTER, user, (call,))) == {Reason.MASKED}
    assert _dropped(_bare(LETTER, user)) == set()


def test_a_tool_of_the_same_name_is_dropped_however_it_is_spelt() -> None:
    for name in ("ring_bell", "ringBell", "Ring.Bell"):
        other = _case("x", "Make a sound in the hall.", name, {"loud": "boolean"}, {"loud": True})
        assert _dropped(other) == {Reason.TOOL}
    other = _case(
        "x", "Make a sound in the hall.", "ring_bells", {"loud": "boolean"}, {"loud": True}
    )
    assert _dropped(other) == set()


def test_the_same_parameters_under_another_name_are_dropped_from_three_on() -> None:
    names = ("deadline", "colour", "town", "recipient")
    arguments = dict.fromkeys(names, "x")
    copied = _case("x", "Off it goes.", "dispatch", dict.fromkeys(names, "string"), arguments)
    assert _dropped(copied) == {Reason.SCHEMA}
    one = _case("x", "Off it goes.", "repeat", {"times": "integer"}, {"times": 9})
    assert _dropped(one) == set()


def test_what_only_describes_a_schema_is_no_difference() -> None:
    inner = {
        "type": "object",
        "properties": {"houseNo": {"type": "integer"}},
        "required": ["houseNo"],
    }
    days = {"type": "array", "items": {"type": "string"}}
    plain = {"who": "string", "when": days, "where": inner}
    told = {
        "where": {
            "required": ["house_no"],
            "description": "The house.",
            "properties": {"house_no": {"description": "On the door.", "type": "integer"}},
            "type": "object",
        },
        "when": {"type": "array", "items": {"type": "string", "description": "A day."}},
        "who": {"type": "string", "examples": ["Ada"]},
    }
    wider = {**plain, "where": {**inner, "properties": {"houseNo": {"type": "string"}}}}
    arguments = {"who": "x", "when": ["x"], "where": {"houseNo": 1}}
    one = _case("one", "Go there.", "visit", plain, arguments)
    suite = Suite(name="own", version="1", split="dev", cases=(one,))
    moved = {**arguments, "where": {"house_no": 7}}
    assert _dropped(_case("x", "Off we go.", "call_on", told, moved), suite) == {Reason.SCHEMA}
    other = {**arguments, "where": {"houseNo": "7"}}
    assert _dropped(_case("x", "Off we go.", "call_on", wider, other), suite) == set()


def test_a_shared_tool_may_be_trained_on_with_other_requests_and_calls_only() -> None:
    other = _case("x", "Make a sound in the hall.", "ring_bell", {"times": "integer"}, {"times": 9})
    assert _dropped(other) == {Reason.TOOL}
    assert _dropped(other, shared_tools=["ring_bell"]) == set()
    same = _case("x", "Make a sound in the hall.", "ringBell", {"times": "integer"}, {"times": 2})
    assert _dropped(same, shared_tools=["ring_bell"]) == {Reason.CALL}
    assert _dropped(BELL, shared_tools=["ring_bell"]) == {Reason.REQUEST, Reason.CALL}
    (tool,) = LETTER.tools
    asked = (Message(role="user", content="Over to you."),)
    offered = Dialogue(tools=(tool,), messages=asked)
    assert _dropped(offered) == {Reason.TOOL, Reason.SCHEMA}
    assert _dropped(offered, shared_tools=["post_letter"]) == set()


def test_every_accepted_call_is_the_same_call() -> None:
    case = case_from(
        {
            "id": "any",
            "tools": [{"name": "paint", "parameters": {"tone": "string", "coats": "number"}}],
            "user": "Paint it.",
            "model": {
                "function_call": {
                    "name": "paint",
                    "arguments": {"tone": {"any_of": ["Red", "crimson"]}, "coats": 2},
                }
            },
        },
        default_id="any",
        toolbox={},
        defaults={},
    )
    suite = Suite(name="own", version="1", split="dev", cases=(case,))
    for arguments in ({"tone": "CRIMSON!", "coats": 2.0}, {"coats": 2, "tone": "red"}):
        said = _bare(BELL, "Over to you.", (Call(name="paint", arguments=arguments),))
        assert _dropped(said, suite) == {Reason.CALL}
    said = _bare(BELL, "Over to you.", (Call(name="paint", arguments={"tone": "red", "coats": 3}),))
    assert _dropped(said, suite) == set()


def test_two_rare_values_of_a_case_are_a_collision_and_one_is_not() -> None:
    def saying(*values: str) -> Dialogue:
        arguments: Any = {f"a{i}": v for i, v in enumerate(values)}
        return _bare(BELL, "Over to you.", (Call(name="x", arguments=arguments),))

    assert _dropped(saying("Brno")) == set()
    assert _dropped(saying("BRNO", "ada byron")) == {Reason.VALUE}
    crowd = [LETTER.model_copy(update={"id": f"l{i}", "group": f"l{i}"}) for i in range(3)]
    common = Suite(name="own", version="1", split="dev", cases=tuple(crowd))
    assert _dropped(saying("Brno", "Ada Byron"), common) == set()


def test_one_value_of_a_built_in_suite_is_a_collision(built_in: list[Suite]) -> None:
    cases = [c for suite in built_in for c in suite.cases]
    values = sorted({v for c in cases for v in distinctive_values(c) if v.isalpha()})
    assert len(values) > 100
    for value in values[::10]:
        said = _bare(BELL, "Over to you.", (Call(name="x", arguments={"a": value.upper()}),))
        assert _dropped(said, *_holding(built_in, value)) == {Reason.VALUE}


def _holding(built_in: list[Suite], value: str) -> list[Suite]:
    """The built-in suites that have the value, cut to the cases that do."""
    found = []
    for suite in built_in:
        cases = tuple(c for c in suite.cases if value in distinctive_values(c))
        if cases:
            found.append(replace(suite, cases=cases))
    return found


# --- the proof --------------------------------------------------------------------------------------


def _checked(data: Any, *suites: Suite) -> Checked:
    return screen(data, suites or [MINE]).checked


def test_neither_the_order_of_the_data_nor_of_the_suites_matters(built_in: list[Suite]) -> None:
    data = [*KITCHEN, LETTER, BELL, *built_in[0].cases[:20]]
    mixed = random.Random(1).sample(data, len(data))
    a, b = screen(data, [MINE, built_in[0]]), screen(mixed, [built_in[0], MINE])
    assert a.checked == b.checked
    assert a.checked.hash == b.checked.hash
    assert {c.id for c in a.kept} == {c.id for c in b.kept} == {"soup", "knife", "oven"}
    assert a.counts == b.counts
    assert sorted(map(str, a.collisions)) == sorted(map(str, b.collisions))


def test_the_proof_changes_with_the_data_and_with_the_suites() -> None:
    base = _checked(KITCHEN)
    assert _checked(KITCHEN).hash == base.hash
    assert _checked(KITCHEN[:2]).hash != base.hash
    said = KITCHEN[0].model_copy(
        update={"messages": (Message(role="user", content="Stir it well."),)}
    )
    assert _checked([said, *KITCHEN[1:]]).data != base.data
    edited = Suite(name="mine", version="1", split="test", cases=(LETTER,))
    assert _checked(KITCHEN, edited).hash != base.hash
    assert _checked(KITCHEN, edited).data == base.data
    assert screen(KITCHEN, [MINE], ["ring_bell"]).checked.hash != base.hash


def test_cases_examples_and_dialogues_are_the_same_data() -> None:
    examples: list[Example] = [example_from(c) for c in KITCHEN]
    dialogues = [e.dialogue for e in examples]
    assert data_hash(KITCHEN) == data_hash(examples) == data_hash(dialogues[::-1])
    by_form = [screen(KITCHEN, [MINE]), screen(examples, [MINE]), screen(dialogues, [MINE])]
    assert len({s.checked.hash for s in by_form}) == 1
    assert [len(screen([e], [MINE]).kept) for e in (LETTER, example_from(BELL))] == [0, 0]


def test_what_was_screened_may_be_trained_on_in_any_order() -> None:
    found = screen([*KITCHEN, LETTER], [MINE])
    require_checked(found.kept, found.checked, [MINE])
    require_checked([example_from(c) for c in reversed(found.kept)], found.checked, [MINE])
    stored = Checked.model_validate_json(found.checked.model_dump_json())
    require_checked(found.kept, stored, [MINE])
    require_checked(found.kept, stored, [])


def test_what_was_not_screened_is_refused_with_the_remedy() -> None:
    proof = _checked(KITCHEN)
    other = Suite(name="other", version="1", split="dev", cases=(BELL,))
    edited = Suite(name="mine", version="1", split="test", cases=(LETTER,))
    refused: list[tuple[list[Case], Checked | None, list[Suite], str]] = [
        (KITCHEN, None, [MINE], "was not screened"),
        ([*KITCHEN, LETTER], proof, [MINE], "is not what was screened"),
        (KITCHEN[:2], proof, [MINE], "is not what was screened"),
        ([*KITCHEN, KITCHEN[0]], proof, [MINE], "is not what was screened"),
        (KITCHEN, proof, [MINE, other], "suite other/dev was added"),
        (KITCHEN, proof, [edited], "suite mine/test was changed"),
        (KITCHEN, proof.model_copy(update={"guard": 0}), [MINE], "by guard 0"),
    ]
    for data, checked, suites, why in refused:
        with pytest.raises(UsageError, match=why) as told:
            require_checked(data, checked, suites)
        assert "screen the data again" in str(told.value)


def test_a_suite_imported_later_makes_the_proof_void(tmp_path: Path, home: Path) -> None:
    before = screen(KITCHEN)
    require_checked(before.kept, before.checked)
    write_folder(tmp_path / "data")
    import_suite("bfcl", str(tmp_path / "data"), bfcl.read, "bfcl", home / "suites")
    with pytest.raises(UsageError, match="suite bfcl/test was added"):
        require_checked(before.kept, before.checked)
    imported = load_suite(home / "suites" / "bfcl", "test")
    after = screen([*KITCHEN, *imported.cases])
    assert {c.id for c in after.kept} == {c.id for c in KITCHEN}
    assert after.checked.dropped["request"] == len(imported.cases)
    require_checked(after.kept, after.checked)


def test_the_report_counts_and_names_examples() -> None:
    found = screen([*KITCHEN, LETTER, BELL], [MINE])
    assert found.counts["request"] == {"mine/test": 2}
    text = "\n".join(found.lines(1))
    assert "kept 3 of 5 examples, compared with 1 suites (2 cases)" in text
    assert "request: 2 examples (mine/test 2)" in text
    assert "letter meets mine/test letter" in text
    assert "bell meets mine/test bell: ring" not in text


def test_the_hashing_of_texts_decides_nothing() -> None:
    program = (
        "import sys; sys.path[:0] = ['.']\n"
        "from tests.train.test_guard import BELL, KITCHEN, LETTER, MINE, screen\n"
        "found = screen([*KITCHEN, LETTER, BELL], [MINE])\n"
        "print(found.checked.hash); print(*found.lines(9), sep='\\n')"
    )
    told = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        told.add(done.stdout)
    assert len(told) == 1
    assert "meets mine/test" in told.pop()
