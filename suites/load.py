"""Reading suites from disk: a folder with `suite.yaml`, or one file of cases (YAML or JSON lines)."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from suites.errors import SuiteError
from suites.exclusions import apply_exclusions, read_exclusions
from suites.forms import case_from, tool_from
from suites.json_text import loads
from suites.model import Case, Split, Suite, Tool
from suites.places import Place
from suites.yaml_io import load_yaml

__all__ = ["load_cases", "load_suite", "read_json_lines", "splits_of"]

_ENDINGS = (".yaml", ".yml", ".jsonl")
T = TypeVar("T")


def load_suite(path: Path, split: Split = "dev") -> Suite:
    """A suite from a folder or a single file of cases.

    A folder's cases lie in `<split>.yaml`, `<split>.jsonl` or any case file inside `<split>/`; a single
    file is a `dev` suite named after it. Errors: SuiteError with file, line and field.
    """
    if path.is_file():
        if split != "dev":
            raise SuiteError(
                f"has no {split!r} split: a single file is a dev suite", file=str(path)
            )
        cases, places = _unique(_placed_cases(path))
        return Suite(name=path.stem, version="0", split="dev", cases=cases, places=places)
    about = _about(path)
    files = _files(path, split)
    if not files:
        have = ", ".join(splits_of(path)) or "no cases at all"
        raise SuiteError(f"has no {split!r} split (it has {have})", file=str(path))
    cases, places = _unique(found for file in files for found in _placed_cases(file))
    cases = _excluding(path, cases)
    suite = Suite(split=split, cases=cases, places=places, **about)
    if suite.categories:
        for case in suite.cases:
            if case.category not in suite.categories:
                raise SuiteError(
                    f"category {case.category!r} of case {case.id!r} is not in suite.yaml",
                    file=places[case.id].file,
                    line=places[case.id].line_of("category"),
                    known=suite.categories,
                )
    return suite


def _excluding(path: Path, cases: tuple[Case, ...]) -> tuple[Case, ...]:
    file = path / "exclude.yaml"
    if not file.is_file():
        return cases
    _, exclusions = read_exclusions(file)
    known = {c.id: None for c in cases}
    if any(
        i not in known for _, ids in exclusions.values() for i in ids
    ):  # of the other split, perhaps
        known |= {
            c.id: None for s in splits_of(path) for f in _files(path, s) for c in load_cases(f)
        }
    return apply_exclusions(cases, exclusions, str(file), all_ids=known)


def splits_of(path: Path) -> tuple[Split, ...]:
    """The splits for which a suite folder holds case files."""
    both: tuple[Split, Split] = ("dev", "test")
    return tuple(split for split in both if _files(path, split))


def load_cases(path: Path) -> tuple[Case, ...]:
    """The cases of one file: `.jsonl` (a case a line) or `.yaml` (a list, or `tools:` and `cases:`)."""
    return tuple(case for case, _ in _placed_cases(path))


def _placed_cases(path: Path) -> Iterator[tuple[Case, Place]]:
    if path.suffix == ".jsonl":
        yield from _from_lines(path)
        return
    file = str(path)
    obj, lines = load_yaml(_read(path), file)
    toolbox: dict[str, Tool] = {}
    defaults: dict[str, Any] = {}
    prefix: tuple[str, ...] = ()
    if isinstance(obj, dict):
        for key in obj:
            if key not in ("tools", "defaults", "cases"):
                known = ("tools", "defaults", "cases")
                raise SuiteError(
                    "unknown field", file=file, line=lines[(key,)], field=key, known=known
                )
        tools, defaults = (_mapping_at(obj, key, file, lines) for key in ("tools", "defaults"))
        for name, tool in tools.items():
            at = ("tools", name)
            place = Place(file=file, line=lines[at], lines=lines, at=at)
            toolbox[name] = _placed(partial(tool_from, tool, name), place)
        obj, prefix = obj.get("cases"), ("cases",)
    if not isinstance(obj, list):
        raise SuiteError("must be a list of cases, or hold `cases:`", file=file, line=1)
    for i, raw in enumerate(obj):
        place = Place(file=file, line=lines[(*prefix, i)], lines=lines, at=(*prefix, i))
        build = partial(
            case_from,
            raw,
            default_id=f"{path.stem}-{i + 1:03}",
            toolbox=toolbox,
            defaults=defaults,
        )
        yield _placed(build, place), place


def _mapping_at(obj: dict[str, Any], key: str, file: str, lines: Any) -> dict[str, Any]:
    value = obj.get(key) or {}
    if not isinstance(value, dict):
        what = "names to tools" if key == "tools" else "fields to values"
        raise SuiteError(f"must map {what}", file=file, line=lines[(key,)], field=key)
    return value


def read_json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """(1-based line, value) of every non-empty line. Errors: SuiteError naming the broken line."""
    for number, line in enumerate(_read(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield number, loads(line)
        except ValueError as error:
            raise SuiteError(f"broken JSON: {error}", file=str(path), line=number) from None


def _from_lines(path: Path) -> Iterator[tuple[Case, Place]]:
    for number, obj in read_json_lines(path):
        place = Place(file=str(path), line=number)
        yield _placed(partial(case_from, obj, default_id=f"{path.stem}-{number:03}"), place), place


def _placed(build: Callable[[], T], place: Place) -> T:
    """Run `build`; a SuiteError without a place gets the file and the line of its field."""
    try:
        return build()
    except SuiteError as error:
        raise SuiteError(
            error.message,
            file=place.file,
            line=place.line_of(error.field),
            field=error.field,
            known=error.known,
        ) from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise SuiteError("is not UTF-8 text", file=str(path)) from None
    except OSError as error:
        raise SuiteError(f"cannot be read: {error.strerror}", file=str(path)) from None


def _files(path: Path, split: Split) -> list[Path]:
    inside = sorted(f for f in (path / split).glob("*") if f.suffix in _ENDINGS)
    return [*(f for e in _ENDINGS if (f := path / f"{split}{e}").is_file()), *inside]


def _about(path: Path) -> dict[str, Any]:
    file = path / "suite.yaml"
    if not file.is_file():
        raise SuiteError("is no suite: it has no suite.yaml", file=str(path))
    obj, lines = load_yaml(_read(file), str(file))
    if not isinstance(obj, dict):
        raise SuiteError("must be a mapping", file=str(file), line=1)
    texts = ("name", "version", "about", "licence")
    fields: dict[str, type] = {**dict.fromkeys(texts, str), "categories": dict, "source": dict}
    for key, value in obj.items():
        line = lines[(key,)]
        if key not in fields:
            raise SuiteError("unknown field", file=str(file), line=line, field=key, known=fields)
        if not isinstance(value, fields[key]):
            problem = f"must be {fields[key].__name__}, not {type(value).__name__}"
            raise SuiteError(problem, file=str(file), line=line, field=key)
    for key in ("name", "version"):
        if key not in obj:
            raise SuiteError("is missing", file=str(file), line=1, field=key)
    return obj


def _unique(
    found: Iterable[tuple[Case, Place]],
) -> tuple[tuple[Case, ...], dict[str, Place]]:
    """The cases, and where each stands. Errors: SuiteError with both places of an id that stands twice."""
    cases: list[Case] = []
    places: dict[str, Place] = {}
    for case, place in found:
        if case.id in places:
            first = places[case.id].part("id")
            raise SuiteError(
                f"case id {case.id!r} stands twice, first at {first}: ids must differ",
                file=place.file,
                line=place.line_of("id"),
                field="id",
            )
        places[case.id] = place
        cases.append(case)
    return tuple(cases), places
