"""Where a case and its parts stand: every finding names the line on which a person has to look."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from suites import SuiteError, load_suite
from suites.health import check_suite, refuse_unsound
from suites.leak import leaks
from suites.places import NOWHERE, Place

Write = Callable[..., Path]

# Each text has one fault, on the line that ends with `# here`.
FAULTS: dict[str, str] = {
    "parameter of a toolbox tool": """\
tools:
  f:
    description: d
    parameters:
      a: string
      b?: {type: integer, default: x}  # here
cases:
- {tools: [f], user: u, expect: {function_call: {name: f, arguments: {a: x}}}}
""",
    "parameter of a tool in the case": """\
- tools:
  - name: f
    description: d
    parameters:
      type: object
      properties:
        a: {type: strng}  # here
  user: u
  no_call: answer
  reply: Yes, of course.
""",
    "parameter of an OpenAI tool": """\
- tools:
  - type: function
    function:
      name: f
      description: d
      parameters:
        type: object
        properties:
          a: {enum: [x], default: y}  # here
  user: u
  no_call: answer
  reply: Yes, of course.
""",
    "second of several calls": """\
- user: u
  tools: [{name: f, description: d, parameters: {a: integer}}]
  expect:
    function_calls:
    - name: f
      arguments: {a: 1}
    - name: f
      arguments:
        a: two  # here
""",
    "only call of a list of calls": """\
- user: u
  tools: [{name: f, description: d, parameters: {a: integer}}]
  model:
    function_calls:
    - name: f
      arguments:
        a: two  # here
""",
    "value inside a value": """\
- user: u
  tools:
  - name: f
    description: d
    parameters: {a: {type: object, properties: {b: {type: array, items: {type: integer}}}}}
  expect:
    function_call:
      name: f
      arguments:
        a:
          b:
          - 1
          - x  # here
""",
    "expected call in the form with fields": """\
- messages: [{role: user, content: u}]
  tools: [{name: f, description: d, parameters: {a: integer}}]
  expectation:
    calls:
    - name: f
      arguments:
        a: {any_of: [1, x]}  # here
""",
    "text in the form with fields": """\
- messages: [{role: user, content: u}]
  expectation:
    no_call: answer
    answer: {facts: [7]}
    text: Eight of them.  # here
""",
    "call that the defaults expect": """\
tools:
  f: {description: d, parameters: {a: integer}}
defaults:
  tools: [f]
  expect: {function_call: {name: g}}  # here
cases:
- user: u
""",
    "call after a past call": """\
- user: u
  tools: [{name: f, description: d, parameters: {a: integer}}]
  model: {function_call: {name: f, arguments: {a: 1}}}
  tool: {ok: true}
  expect:
    function_call:
      name: f
      arguments:
        a: two  # here
""",
    "injected tool": """\
- user: u
  tools: [{name: f, description: d, parameters: {a: integer}}]
  model: {function_call: {name: f, arguments: {a: 1}}}
  tool: {ok: true}
  injected: [g]  # here
  answer: {facts: ["yes"]}
  reply: "Yes, of course."
""",
    "tool offered twice": """\
tools: {f: {description: d}}
cases:
- user: u
  tools: [f, f]  # here
  no_call: answer
  reply: Yes, of course.
""",
}


def _marked(text: str) -> int:
    (line,) = [i for i, row in enumerate(text.splitlines(), 1) if row.endswith("# here")]
    return line


@pytest.mark.parametrize("text", FAULTS.values(), ids=FAULTS)
def test_fault_is_found_and_refused_at_its_own_line(write_suite: Write, text: str) -> None:
    folder = write_suite(text)
    suite = load_suite(folder)
    place = f"{folder / 'dev.yaml'}:{_marked(text)}"
    assert {f.place for f in check_suite(suite).findings if f.level == "error"} == {place}
    with pytest.raises(SuiteError) as caught:
        refuse_unsound(suite.cases, suite.places)
    assert str(caught.value).startswith(f"{place}: case ")


@pytest.mark.parametrize(
    "text",
    [
        "- user: u\n  reply: r\n  answer:\n    facts: [r]\n    if_missing: bad_luck  # here\n",
        "- user: u\n  expect:\n    function_call:\n      name: f\n      arguments:\n        a:\n"
        "          any_of: []  # here\n",
        "- user: u\n  reply: r\n  tags: 5  # here\n",
        "defaults:\n  no_call: refuse  # here\ncases:\n- user: u\n  reply: r\n",
        "- user: u\n  reply: r\n  tools:  # here\n  - {name: f, descripton: d}\n",
        "tools:\n  f:\n    descripton: d  # here\ncases: []\n",
        "defaults: 5  # here\ncases: []\n",
    ],
)
def test_what_cannot_be_read_is_named_with_the_line_of_its_field(
    write_suite: Write, text: str
) -> None:
    with pytest.raises(SuiteError) as caught:
        load_suite(write_suite(text))
    assert caught.value.line == _marked(text)


def test_case_of_json_lines_stands_on_its_line(write_lines: Callable[..., Path]) -> None:
    call = {"function_call": {"name": "f", "arguments": {}}}
    good = {"user": "u", "no_call": "answer", "reply": "Yes, of course."}
    folder = write_lines(good, {"user": "v", "tools": [], "expect": call})
    (finding,) = check_suite(load_suite(folder)).findings
    assert finding.place == f"{folder / 'dev.jsonl'}:2"


def test_id_that_stands_in_two_files_is_named_with_both(write_suite: Write) -> None:
    write_suite("- {user: u, reply: r}\n- id: a\n  user: u\n  reply: r\n", "dev/one.yaml")
    folder = write_suite("- user: v\n  reply: r\n  id: a\n", "dev/two.yaml")
    with pytest.raises(SuiteError) as caught:
        load_suite(folder)
    assert str(caught.value).startswith(f"{folder / 'dev' / 'two.yaml'}:3: id: ")
    assert f"{folder / 'dev' / 'one.yaml'}:2" in caught.value.message


def test_leak_names_where_the_dev_case_stands(write_suite: Write) -> None:
    case = {"user": "u", "group": "g", "reply": "r"}
    write_suite(json.dumps([case]), "test.yaml")
    folder = write_suite("\n\n- {user: v, group: g, reply: r}\n")
    (finding,) = leaks([load_suite(folder), load_suite(folder, "test")])
    assert finding.place == f"{folder / 'dev.yaml'}:3"


def test_file_inside_the_working_folder_is_named_from_there(
    write_suite: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_suite("- {id: a, user: u, reply: r}\n")
    place = load_suite(folder).places["a"]
    assert str(place) == f"{folder / 'dev.yaml'}:1"
    monkeypatch.chdir(folder.parent)
    assert str(place) == f"{Path('mini', 'dev.yaml')}:1"


def test_places_are_not_part_of_what_a_suite_is(write_suite: Write) -> None:
    first = load_suite(write_suite("- {id: a, user: u, reply: r}\n"))
    moved = load_suite(write_suite("\n\n- {id: a, user: u, reply: r}\n"))
    assert (moved.places["a"].line, first.places["a"].line) == (3, 1)
    assert moved == first
    assert moved.hash == first.hash


def test_case_that_no_file_holds_has_no_place(suite_of: Callable[..., Any]) -> None:
    suite = suite_of({"user": "u", "tools": [], "expect": {"function_call": {"name": "f"}}})
    (finding,) = check_suite(suite).findings
    assert finding.place == ""
    with pytest.raises(SuiteError, match=r"^case 'case-0' cannot be measured: "):
        refuse_unsound(suite.cases, suite.places)
    assert (str(NOWHERE), NOWHERE.call(0, "a"), NOWHERE.tool(0, "f", "a")) == ("", "", "")


def test_part_that_a_case_does_not_write_stands_where_the_case_does() -> None:
    lines = {("cases", 0): 4, ("cases", 0, "user"): 5}
    place = Place(file="f.yaml", line=4, lines=lines, at=("cases", 0))
    assert [place.part("user"), place.part("tags"), place.reply(), place.expected()] == [
        "f.yaml:5",
        *["f.yaml:4"] * 3,
    ]
