"""Laws of the train-only tools: enough of them, sound, and nothing in common with what is measured."""

import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from suites import builtin_suites, select
from suites.errors import SuiteError
from suites.model import Accept, Case
from suites.schema import argument_problems, schema_problems
from suites.values import accepts
from train.augment.case import suites_hold
from train.toolboxes import TrainTool, load_library, load_toolbox
from train.toolboxes.kinds import kind_from
from train.toolboxes.template import parse

LIBRARY = load_library()
RUN = 6
"""Words in a row that no phrasing shares with a built-in suite."""


def _suite_cases() -> Iterator[Case]:
    for part in select([f"{name}/{split}" for name, split in builtin_suites()]).parts:
        yield from part.cases


def test_there_are_many_tools_in_many_domains_with_close_neighbours() -> None:
    assert len(LIBRARY.tools) >= 150
    assert len(LIBRARY.boxes) >= 30
    assert all(4 <= len(box.tools) <= 8 for box in LIBRARY.boxes)


def test_the_schemas_use_every_kind_of_type() -> None:
    schemas = [s for t in LIBRARY.tools for s in t.tool.properties.values()]
    types = {s["type"] for s in schemas}
    assert types == {"string", "integer", "number", "boolean", "array", "object"}
    assert sum("enum" in s for s in schemas) > 50
    assert sum("default" in s for s in schemas) > 30
    assert {s.get("format") for s in schemas} >= {"date", "date-time"}


@pytest.mark.parametrize("tool", LIBRARY.tools, ids=lambda t: t.name)
def test_a_tool_is_sound_described_and_said_in_several_ways(tool: TrainTool) -> None:
    assert not schema_problems(tool.tool)
    assert tool.tool.description
    assert all(s.get("description") for s in tool.tool.properties.values())
    assert len(tool.do) >= 2
    assert tool.returns
    assert tool.removable
    rng = Random(tool.name)
    for _ in range(20):
        values = {n: p.kind.draw(rng, "en").value for n, p in tool.parameters.items()}
        assert not argument_problems(tool.tool, values)


def test_the_fullest_answer_of_a_lookup_tells_all_that_it_returns() -> None:
    """What a question asks for may be any of the fields."""
    lookups = [t for t in LIBRARY.tools if t.none is not None]
    assert len(lookups) > 30
    for tool in lookups:
        assert any(set(tool.returns) <= {s.name for s in t.slots} for t in tool.tell), tool.name
    assert all(t.none is not None for t in LIBRARY.tools if t.questions)


def test_most_tools_have_phrasings_in_other_languages() -> None:
    spoken = [t for t in LIBRARY.tools if t.other]
    assert len(spoken) > 0.85 * len(LIBRARY.tools)
    assert len({language for t in spoken for language in t.other}) >= 10


def test_no_tool_has_the_name_of_a_measured_one() -> None:
    names, _ = suites_hold()
    assert len(names) > 1000
    assert not names & {t.name for t in LIBRARY.tools}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


def test_no_pool_has_a_distinctive_value_of_a_suite() -> None:
    _, values = suites_hold()
    shared = {text for text in _texts(dict(LIBRARY.pools)) if text.casefold() in values}
    rng = Random(0)
    for tool in LIBRARY.tools:
        for parameter in tool.parameters.values():
            if parameter.kind.size:
                drawn = (parameter.kind.draw(rng, "en").value for _ in range(60))
                shared |= {v for v in drawn if isinstance(v, str) and v.casefold() in values}
    assert not {v for v in shared if len(v) >= 4 and not _listed(v)}


def _listed(value: str) -> bool:
    """Enum values belong to the tool's schema, not to a case."""
    return any(
        value in s.get("enum", s.get("items", {}).get("enum", ()))
        for t in LIBRARY.tools
        for s in t.tool.properties.values()
    )


def _runs(text: str) -> set[str]:
    words = re.findall(r"\w+", text.casefold())
    return {" ".join(words[i : i + RUN]) for i in range(len(words) - RUN + 1)}


def test_no_phrasing_shares_six_words_in_a_row_with_a_suite() -> None:
    measured: set[str] = set()
    for case in _suite_cases():
        for message in case.messages:
            if message.role in ("user", "assistant"):
                measured |= _runs(message.content)
        measured |= _runs(case.expectation.text or "")
    assert len(measured) > 5000
    ours: set[str] = set()
    for tool in LIBRARY.tools:
        templates = (*tool.do, *tool.questions, *tool.tell, *sum(tool.other.values(), ()))
        ours |= {run for t in templates for run in _runs(t.source)}
        ours |= {run for p in tool.parameters.values() for run in _runs(p.ask or "")}
    shared = [*_texts({k: list(sum(v.values(), ())) for k, v in LIBRARY.phrases.items()})]
    shared += list(_texts(dict(LIBRARY.payloads)))
    ours |= {run for text in shared for run in _runs(text)}
    assert not ours & measured


# --- the language of phrasings ----------------------------------------------------------------------


def test_an_option_is_left_out_with_its_value() -> None:
    template = parse("book [berth {berth}|a berth] for {boat}[ on {day}]", "t")
    assert template.removable == ("berth", "day")
    assert template.render({"boat": "Tern", "berth": "P-11", "day": "5 May"}) == (
        "book berth P-11 for Tern on 5 May"
    )
    assert template.render({"boat": "Tern"}) == "book a berth for Tern"


def test_a_pinned_slot_is_said_in_its_own_words() -> None:
    template = parse('flowers[ of {kinds=["peonies"]|pivoines}]', "t")
    (slot,) = template.slots
    assert slot.value == ["peonies"]
    assert template.render({"kinds": "anything"}) == "flowers of pivoines"


def test_a_value_with_quotes_is_set_in_curly_ones() -> None:
    template = parse('say "{text}" now', "t")
    assert template.render({"text": 'he "left"'}) == 'say “he "left"” now'


@pytest.mark.parametrize("text", ["a {b", "a [b", "a } b", "[only words]"])
def test_a_broken_phrasing_is_refused(text: str) -> None:
    with pytest.raises(SuiteError):
        parse(text, "t")


# --- values and the words for them ------------------------------------------------------------------

_UNITS = {
    "minutes": 1,
    "min": 1,
    "hours": 60,
    "grams": 1,
    "g": 1,
    "kg": 1000,
    "kilos": 1000,
    "euros": 100,
    "EUR": 100,
}


@pytest.mark.parametrize("spec", ["minutes 30..240/15", "grams 500..18000/500", "cents 250..990/5"])
def test_units_are_said_so_that_they_mean_the_value(spec: str) -> None:
    kind, rng = kind_from(spec, {}, "t"), Random(1)
    for _ in range(200):
        drawn = kind.draw(rng, "en")
        number = float(re.sub(r"[^\d.]", "", drawn.say))
        unit = "EUR" if drawn.say.startswith("€") else drawn.say.split()[-1]
        assert round(number * _UNITS[unit], 6) == drawn.value


def test_dates_are_said_so_that_they_mean_the_day() -> None:
    kind, rng = kind_from("date", {}, "t"), Random(2)
    for _ in range(300):
        drawn = kind.draw(rng, "en")
        said = re.sub(r"(\d)(st|nd|rd|th)\b", r"\1", drawn.say).removeprefix("the ")
        said = said.replace(" of ", " ")
        assert accepts(Accept(any_of=(drawn.value,), normal="date"), said)
        assert 2032 <= dt.date.fromisoformat(drawn.value).year <= 2034


def test_times_are_said_so_that_they_mean_the_time() -> None:
    kind, rng = kind_from("time", {}, "t"), Random(3)
    for _ in range(300):
        drawn = kind.draw(rng, "en")
        if found := re.fullmatch(r"(\d{1,2}):(\d\d)( [ap]m)?", drawn.say):
            assert accepts(Accept(any_of=(drawn.value,), normal="time"), found[0])
            continue
        hour, minute = map(int, drawn.value.split(":"))
        named = {0: f"{hour % 12 or 12} o'clock", 15: "quarter past", 30: "half past"}
        assert named[minute] in drawn.say
        part = "morning" if hour < 12 else "afternoon" if hour < 18 else "evening"
        assert drawn.say.endswith(f"in the {part}")


def test_decimal_numbers_follow_the_language() -> None:
    kind = kind_from("num 1.5..1.5/0.5", {}, "t")
    assert kind.draw(Random(0), "en").say == "1.5"
    assert kind.draw(Random(0), "de").say == "1,5"


# --- the files --------------------------------------------------------------------------------------

BOX = """\
domain: kites
about: Kites.
tools:
  fly_kite:
    description: Fly a kite.
    does: fly kites
    parameters:
      kite: {{type: string, description: Name, values: [Red Baron, Blue Jay], ask: "Which kite?"}}
      loud?: {{description: Loud, values: {{"true": [loudly], "false": [silently]}}}}
    do: [{do}]
    other: {other}
    returns: {{height_m: int 3..40}}
    tell: ["It flies at {{height_m}} m."]
"""


def _box(folder: Path, do: str = '"fly {kite}[ {loud}]"', other: str = "{}") -> Path:
    file = folder / "kites.yaml"
    file.write_text(BOX.format(do=do, other=other), encoding="utf-8")
    return file


def test_a_toolbox_is_read(tmp_path: Path) -> None:
    box = load_toolbox(_box(tmp_path), {})
    (tool,) = box.tools
    assert tool.tool.required == ("kite",)
    assert tool.tool.properties["loud"]["type"] == "boolean"
    assert tool.optional == ("loud",)


@pytest.mark.parametrize(
    ("do", "other", "fault"),
    [
        ('"fly {kite} to {place}"', "{}", "no parameter 'place'"),
        ('"fly it[ {loud}]"', "{}", "says nothing of 'kite'"),
        ('"fly {kite"', "{}", "bracket or brace"),
        ('"fly {kite}"', '{xx: ["{kite}"]}', "no language of ours"),
        ('"fly {kite}"', '{de: ["{kite} {loud}"]}', "say 'loud' in de"),
    ],
)
def test_a_faulty_toolbox_is_refused_with_its_file(
    tmp_path: Path, do: str, other: str, fault: str
) -> None:
    with pytest.raises(SuiteError, match=fault) as error:
        load_toolbox(_box(tmp_path, do, other), {})
    assert "kites.yaml" in str(error.value)
