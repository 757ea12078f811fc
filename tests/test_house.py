"""The house keeps its own rules: packages, sizes, public names, layers, and a README that tells the truth."""

import ast
import contextlib
import importlib.metadata as metadata
import importlib.util
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest

from bench.cli import COMMANDS, main, parser

ROOT = Path(__file__).parents[1]
PACKAGES = ("suites", "adapters", "bench", "train", "reports")
SOURCES = sorted(f for name in PACKAGES for f in (ROOT / name).rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
COMMAND_FILES = sorted((ROOT / "bench" / "cli").glob("*.py"))
MODULES = [f for f in SOURCES if f.name != "__init__.py" and f not in COMMAND_FILES]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
SHELL = re.findall(r"^```(?:sh|bash|console|shell)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


def _place(file: Path) -> str:
    return str(file.relative_to(ROOT))


@pytest.mark.parametrize("name", PACKAGES)
def test_each_package_is_the_one_in_this_repository(name: str) -> None:
    spec = importlib.util.find_spec(name)
    assert spec is not None
    places = [Path(p).resolve() for p in spec.submodule_search_locations or ()]
    assert places == [(ROOT / name).resolve()]


def test_no_dependency_brings_a_package_of_the_same_name() -> None:
    """PyPI's `adapters` is another project: installed beside ours, it would be imported in its place."""
    for name in PACKAGES:
        with pytest.raises(metadata.PackageNotFoundError):
            metadata.distribution(name)
    wanted = list(PROJECT["project"]["dependencies"])
    wanted += [d for part in PROJECT["project"]["optional-dependencies"].values() for d in part]
    names = {re.split(r"[^A-Za-z0-9_.-]", d)[0].lower() for d in wanted}
    assert not names & set(PACKAGES)


def test_the_wheel_holds_exactly_the_packages() -> None:
    targets = PROJECT["tool"]["hatch"]["build"]["targets"]
    assert sorted(targets["wheel"]["packages"]) == sorted(PACKAGES)


@pytest.mark.parametrize("file", [*SOURCES, *TESTS], ids=_place)
def test_no_python_file_is_longer_than_600_lines(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 600


@pytest.mark.parametrize("file", MODULES, ids=_place)
def test_every_module_states_what_it_is_and_what_is_public(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)
    lists = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
    ]
    assert len(lists) == 1
    public = ast.literal_eval(lists[0])
    assert public
    assert len(set(public)) == len(public)
    assert not [name for name in public if name.startswith("_")]


@pytest.mark.parametrize("file", [f for f in SOURCES if f not in MODULES], ids=_place)
def test_every_package_and_command_has_a_docstring(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))


def _layers() -> list[set[str]]:
    """Every layer of the layers contracts as full module names, the highest first."""
    found: list[set[str]] = []
    for contract in PROJECT["tool"]["importlinter"]["contracts"]:
        if contract["type"] == "layers":
            for container in contract.get("containers", [""]):
                prefix = f"{container}." if container else ""
                for layer in contract["layers"]:
                    found.append({prefix + m for m in re.findall(r"[\w.]+", layer)})
    return found


def test_import_linter_looks_at_every_package() -> None:
    assert sorted(PROJECT["tool"]["importlinter"]["root_packages"]) == sorted(PACKAGES)
    listed = {module.split(".")[0] for layer in _layers() for module in layer}
    assert listed == set(PACKAGES)


def test_every_module_of_bench_has_its_layer() -> None:
    """A module that no layer lists could import anything."""
    inside = {f.stem for f in (ROOT / "bench").glob("*.py")} - {"__init__"}
    inside |= {f.parent.name for f in (ROOT / "bench").glob("*/__init__.py")}
    listed = {m.removeprefix("bench.") for x in _layers() for m in x if m.startswith("bench.")}
    assert listed == inside


def test_the_command_line_is_the_highest_layer_and_the_suites_the_lowest() -> None:
    order = _layers()
    height = {module: i for i, layer in enumerate(order) for module in layer}
    assert height["bench.cli"] == 0
    assert height["reports"] < height["bench.runner"] < height["suites"] == len(order) - 1


def _targets() -> set[str]:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][\w-]*):", text, re.MULTILINE))


def _wanted_targets(text: str) -> list[str]:
    return re.findall(r"^make ([\w-]+)", text, re.MULTILINE)


def test_the_first_thing_to_type_works() -> None:
    first = _wanted_targets(SHELL[0])
    assert first
    assert set(first) <= _targets()


def test_every_make_target_that_the_readme_names_exists() -> None:
    named = re.findall(r"`make ([\w-]+)`", README)
    assert {*named, *(t for block in SHELL for t in _wanted_targets(block))} <= _targets()


def test_phony_targets_are_those_that_make_no_file() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = " ".join(re.findall(r"^\.PHONY:(.*)$", text, re.MULTILINE)).split()
    assert set(phony) == _targets()


def _typed() -> list[str]:
    """Every `callbench …` line of the README's shell blocks."""
    text = "\n".join(SHELL).replace("\\\n", " ")
    return [line for line in text.splitlines() if line.startswith("callbench ")]


def test_the_readme_shows_commands() -> None:
    assert {line.split()[1] for line in _typed()} >= {"run", "report", "compare", "suites"}


@pytest.mark.parametrize("line", _typed())
def test_every_command_line_of_the_readme_can_be_read(line: str) -> None:
    words = shlex.split(re.split(r"[|>&;]", line)[0], comments=True)
    assert words[1] in COMMANDS
    assert parser().parse_args(words[1:]).command == words[1]


def test_every_command_and_flag_named_in_the_text_exists(
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags: dict[str, set[str]] = {}
    for command in COMMANDS:
        for words in ([command], *([command, a] for a in ("list", "show", "check", "prepare"))):
            with contextlib.suppress(SystemExit):
                main([*words, "--help"])
            shown = capsys.readouterr().out
            flags.setdefault(command, set()).update(re.findall(r"--[a-z][a-z-]*", shown))
    for code in re.findall(r"`callbench ([^`\n]+)`", README):
        command, *rest = code.split()
        assert command in COMMANDS
        assert {word.split("=")[0] for word in rest if word.startswith("--")} <= flags[command]
    named = set(re.findall(r"`(--[a-z][a-z-]*)", README))
    assert named
    assert named <= set.union(*flags.values())


def test_every_file_that_the_readme_links_to_exists() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
