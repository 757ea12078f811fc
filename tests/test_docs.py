"""The pages in docs/: every example is sound, every command can be read, every message is the real one."""

import contextlib
import io
import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bench.cli import COMMANDS, main, parser
from suites import SuiteError
from suites.health import refuse_unsound
from suites.importers.table import IMPORTERS
from suites.load import load_suite

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "own-suite.md").read_text(encoding="utf-8")
FILE = "my_cases.yaml"


def _blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def _named(block: str) -> str:
    """The path in a block's first comment; without one it is the file of cases that the page speaks of."""
    found = re.match(r"# (\S+)\n", block)
    return found[1] if found else FILE


YAML = _blocks("yaml")
CASES = [b for b in YAML if _named(b) == FILE]
FOLDER = {_named(b): b for b in YAML if _named(b) != FILE}
BASE = {FILE: CASES[-1], **FOLDER}
TYPED = [line for line in "".join(_blocks("sh")).splitlines() if line.startswith("callbench ")]
Check = Callable[..., tuple[int, list[dict[str, Any]], str]]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], None]:
    """write({path: text}) into an empty working folder."""
    monkeypatch.chdir(tmp_path)

    def build(files: dict[str, str]) -> None:
        for name, text in files.items():
            Path(name).parent.mkdir(exist_ok=True)
            Path(name).write_text(text, encoding="utf-8")

    return build


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str]) -> Check:
    """`callbench suites check NAMES`: (exit code, findings, what stands on stderr)."""

    def call(*names: str) -> tuple[int, list[dict[str, Any]], str]:
        code = main(["suites", "check", *names, "--json"])
        out, err = capsys.readouterr()
        found = [f for row in json.loads(out) for f in row["findings"]] if out else []
        if found:
            main(["suites", "check", *names])
            table = capsys.readouterr().out
            assert all(f["place"] in table and f["text"] in table for f in found)
        return code, found, err

    return call


def test_the_first_example_is_a_suite_in_ten_lines(write: Any) -> None:
    """A tool, a case that calls it, and a twin in its group that does not."""
    assert len(CASES[0].splitlines()) <= 10
    assert PAGE.index(CASES[0]) < PAGE.index("\n## ")
    write({FILE: CASES[0]})
    call, twin = load_suite(Path(FILE)).cases
    assert (call.expectation.kind, twin.expectation.kind) == ("call", "ask")
    assert call.group == twin.group
    assert call.tools == twin.tools


@pytest.mark.parametrize("text", CASES, ids=range(len(CASES)))
def test_every_file_of_cases_on_the_page_is_sound(text: str, write: Any, check: Check) -> None:
    write({FILE: text})
    assert check(FILE) == (0, [], "")


def test_the_suite_folder_of_the_page_is_sound(write: Any, check: Check) -> None:
    assert len(FOLDER) == 4
    write(FOLDER)
    assert check("my_suite", "my_suite/test") == (0, [], "")
    suite = load_suite(Path("my_suite"))
    assert [c.id for c in suite.cases if c.excluded] == ["cape.direct"]
    listed = re.findall(r"^  (\w+\.yaml) ", "".join(_blocks("text")), re.MULTILINE)
    assert {f"my_suite/{name}" for name in listed} == set(FOLDER)


def test_json_lines_of_the_page_are_sound(write: Any, check: Check) -> None:
    (lines,) = _blocks("json")
    write({"my_cases.jsonl": lines})
    code, found, err = check("my_cases.jsonl")
    assert (code, err) == (0, "")
    assert found == []


def test_every_field_of_a_case_is_explained() -> None:
    from suites.forms import case_from

    with pytest.raises(SuiteError) as caught:
        case_from({"user": "x", "surely no field": 1}, default_id="x")
    table = PAGE.split("## The fields of a case")[1].split("\n\n")[1]
    named = re.findall(r"`(\w+)`", "".join(row.split("|")[1] for row in table.splitlines()))
    assert sorted(named) == sorted(caught.value.known)


@pytest.mark.parametrize("line", TYPED)
def test_every_command_line_of_the_page_can_be_read(line: str) -> None:
    words = shlex.split(line, comments=True)
    assert words[1] in COMMANDS
    assert parser().parse_args(words[1:]).command == words[1]


def test_every_command_named_in_the_text_exists() -> None:
    named = re.findall(r"`(?:callbench )?(suites|run|judge)(?: (\w+))?[^`]*`", PAGE)
    assert named
    for command, action in named:
        with contextlib.redirect_stdout(io.StringIO()), pytest.raises(SystemExit) as caught:
            main([command, *([action] if command == "suites" else []), "--help"])
        assert caught.value.code == 0


def test_every_importer_is_on_the_page() -> None:
    table = PAGE.split("| importer |")[1].split("\n\n")[0]
    assert set(IMPORTERS) <= set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE))


# --- typical mistakes ----------------------------------------------------------------------------


class Mistake(NamedTuple):
    """One change of a file of the page, and (a part of) the line that the message must name.

    measured: `run` does not refuse the file that can be read.
    """

    what: str
    old: str
    new: str
    line: str
    file: str = FILE
    level: str = "error"
    measured: bool = True


CITY = "        city: Oslo\n"
ASK = "  no_call: ask\n"
RAIN = '  user: "Is it raining?"'
OSLO = '  user: "Is it raining in Oslo?"\n'
OFFERED = "  tools: [get_weather, set_alarm]\n"
HEAD = "- id: oslo.call\n  group: oslo\n" + OFFERED + OSLO
MADE = "  model: {function_call: {name: get_weather, arguments: {city: Oslo}}}\n"
REPLY = '  reply: "It is raining."'
WANTED = """\
  expect:
    function_call:
      name: get_weather
      arguments:
        city: Oslo
"""
AGAIN = "- id: oslo.again\n" + OFFERED + OSLO + MADE
MISTAKES = [
    # what is read
    Mistake("a misspelt field: `repyl`", REPLY, '  repyl: "It is raining."', "repyl"),
    Mistake(
        "a tool that is not defined: `get_wether`",
        OFFERED + RAIN,
        OFFERED.replace("weather", "wether") + RAIN,
        "get_wether",
    ),
    Mistake(
        "a misspelt field of a tool: `descripton`",
        "    description: Set an",
        "    descripton: Set an",
        "descripton",
    ),
    Mistake("the same id twice", "id: oslo.answer", "id: oslo.call", HEAD + "  model"),
    Mistake("a number as id", "id: oslo.ask", "id: 7", "id: 7"),
    Mistake("a blank in an id", "id: oslo.ask", "id: oslo ask", "id: oslo ask"),
    Mistake("nothing expected", WANTED, "", "- id: oslo.call"),
    Mistake(
        "both `expect` and `no_call`", WANTED, WANTED + ASK, "  no_call: ask\n- id: oslo.answer"
    ),
    Mistake("`no_call` of an unknown kind", ASK, "  no_call: refuse\n", "no_call: refuse"),
    Mistake("`no_call` without `reply`", '  reply: "Where are you?"\n', "", "no_call"),
    Mistake("facts that are no list", "[[rain, raining]]", "rain", "answer:"),
    Mistake(
        "`expect` without `function_call`",
        WANTED,
        "  expect: {name: get_weather}\n",
        "  expect: {name",
    ),
    Mistake("a tool result without its call", MADE, "", "  tool: {sky"),
    # YAML
    Mistake("a line indented by a blank too many", RAIN, " " + RAIN, " " + RAIN),
    Mistake("a tab", ASK, "\tno_call: ask\n", "\tno_call"),
    Mistake(
        "a colon in a text without quotes",
        'user: "Is it raining?"',
        "user: Tell me: is it raining?",
        "Tell me",
    ),
    Mistake(
        "a quote that is not closed",
        '  reply: "Where are you?"',
        '  reply: "Where are you?',
        "Where are you",
    ),
    Mistake("a key that stands twice", ASK, ASK + "  no_call: decline\n", "no_call: decline"),
    # the tools
    Mistake(
        "a type that does not exist: `strng`",
        "city: {type: string",
        "city: {type: strng",
        "strng",
        measured=False,
    ),
    Mistake(
        "a default outside the enum", "default: metric", "default: kelvin", "kelvin", measured=False
    ),
    Mistake(
        "a misspelt schema keyword: `enums`",
        "enum: [metric",
        "enums: [metric",
        "enums",
        level="warning",
    ),
    Mistake(
        "a tool without a description",
        "    description: Set an alarm.\n",
        "",
        "  set_alarm:",
        level="warning",
    ),
    # the right call
    Mistake(
        "a call of a tool that is not offered",
        "      name: get_weather\n",
        "      name: get_wether\n",
        "get_wether",
        measured=False,
    ),
    Mistake(
        "a required argument left out",
        CITY,
        "        units: metric\n",
        "      arguments:",
        measured=False,
    ),
    Mistake(
        "a value outside the enum",
        CITY,
        CITY + "        units: kelvin\n",
        "units: kelvin",
        measured=False,
    ),
    Mistake("a value of the wrong type", CITY, "        city: 7\n", "city: 7", measured=False),
    Mistake(
        "an argument that the tool does not have",
        CITY,
        CITY + "        day: today\n",
        "day: today",
        measured=False,
    ),
    Mistake(
        "a misspelt `any_of`", CITY, "        city: {anyof: [Oslo]}\n", "anyof", measured=False
    ),
    Mistake(
        "an acceptable value that the schema refuses",
        CITY,
        CITY + "        units: {any_of: [metric, SI]}\n",
        "SI",
        measured=False,
    ),
    # the right reply
    Mistake(
        "a reply without its fact",
        REPLY,
        '  reply: "Take an umbrella."',
        "umbrella",
        measured=False,
    ),
    Mistake(
        "a reply that says what must be absent",
        REPLY,
        '  reply: "Rain, not sunny."',
        "not sunny",
        measured=False,
    ),
    Mistake(
        "a reply without its words", '"Where are you?"', '"Name a city, please."', "Name a city"
    ),
    # the suite
    Mistake(
        "the same input twice", "- id: oslo.ask\n", AGAIN + "- id: oslo.ask\n", "- id: oslo.again"
    ),
    Mistake(
        "a twin that contradicts",
        'user: "Is it raining?"',
        'user: "Is it raining in Oslo?"',
        "no_call: ask",
    ),
    Mistake(
        "a tag `tools:3` on a case with two tools",
        ASK,
        '  tags: ["tools:3"]\n' + ASK,
        "tools:3",
        measured=False,
    ),
    Mistake(
        "a category that `suite.yaml` does not list",
        "direct\n" + OSLO,
        "drect\n" + OSLO,
        "drect",
        file="my_suite/dev.yaml",
    ),
    Mistake(
        "an excluded case that does not exist",
        "[cape.direct]",
        "[cape.drect]",
        "cape.drect",
        file="my_suite/exclude.yaml",
    ),
]


def _rows() -> dict[str, str]:
    """The table of the page: mistake -> what the check prints."""
    table = PAGE.split("| mistake |")[1].split("\n\n")[0]
    rows = [re.split(r" *(?<!\\)\| *", row)[1:4] for row in table.splitlines()[2:]]
    assert all(len(row) == 3 and all(row) for row in rows)
    return {what: printed.strip("`") for what, printed, _ in rows}


def _wrong(mistake: Mistake) -> tuple[dict[str, str], int]:
    """The files with the mistake in them, and the 1-based line that has to be named."""
    text = BASE[mistake.file]
    assert text.count(mistake.old) == 1
    text = text.replace(mistake.old, mistake.new, 1)
    at = text.rindex(mistake.line)
    return {**BASE, mistake.file: text}, text[:at].count("\n") + 1


def test_the_table_has_a_row_for_every_mistake() -> None:
    assert list(_rows()) == [m.what for m in MISTAKES]
    assert len(MISTAKES) >= 14


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: m.what)
def test_every_mistake_is_found_with_its_line_and_the_message_of_the_page(
    mistake: Mistake, write: Any, check: Check
) -> None:
    files, line = _wrong(mistake)
    write(files)
    code, found, err = check(mistake.file if mistake.file == FILE else "my_suite")
    if err:
        assert (code, found) == (2, [])
        printed = err.removeprefix("callbench: ").rstrip()
    else:
        assert code == (1 if mistake.level == "error" else 0)
        (finding,) = found
        assert finding["level"] == mistake.level
        printed = f"{finding['place']}: {finding['text']}"
    assert printed.startswith(f"{mistake.file}:{line}: ")
    assert printed == _rows()[mistake.what]


@pytest.mark.parametrize("mistake", [m for m in MISTAKES if not m.measured], ids=lambda m: m.what)
def test_a_wrong_tool_or_gold_is_refused_before_a_run_with_its_line(
    mistake: Mistake, write: Any, check: Check
) -> None:
    files, line = _wrong(mistake)
    write(files)
    _, (finding,), _ = check(FILE)
    suite = load_suite(Path(FILE))
    with pytest.raises(SuiteError) as caught:
        refuse_unsound(suite.cases, suite.places)
    assert (caught.value.file, caught.value.line) == (FILE, line)
    assert finding["case"] in caught.value.message


def test_twins_alike_and_words_do_not_hinder_a_run(write: Any) -> None:
    for mistake in MISTAKES:
        if "same input" in mistake.what or "words" in mistake.what:
            write(_wrong(mistake)[0])
            suite = load_suite(Path(FILE))
            refuse_unsound(suite.cases, suite.places)
