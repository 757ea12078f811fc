"""Reading suites from disk: a folder with `suite.yaml`, or one file of cases (YAML or JSON lines)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from suites.errors import SuiteError
from suites.exclusions import apply_exclusions, read_exclusions
from suites.forms import case_from, tool_from
from suites.json_text import loads
from suites.model import Case, Split, Suite, Tool
from suites.yaml_io import load_yaml

__all__ = ["load_cases", "load_suite", "read_json_lines", "splits_of"]

_ENDINGS = (".yaml", ".yml", ".jsonl")


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
        return Suite(
            name=path.stem, version="0", split="dev", cases=_unique(load_cases(path), path)
        )
    about = _about(path)
    files = _files(path, split)
    if not files:
        have = ", ".join(splits_of(path)) or "no cases at all"
        raise SuiteError(f"has no {split!r} split (it has {have})", file=str(path))
    cases = tuple(case for file in files for case in load_cases(file))
    cases = _excluding(path, _unique(cases, path))
    suite = Suite(split=split, cases=cases, **about)
    if suite.categories:
        for case in suite.cases:
            if case.category not in suite.categories:
                raise SuiteError(
                    f"category {case.category!r} of case {case.id!r} is not in suite.yaml",
                    file=str(path),
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
    if path.suffix == ".jsonl":
        return tuple(_from_lines(path))
    obj, lines = load_yaml(_read(path), str(path))
    toolbox: dict[str, Tool] = {}
    defaults: dict[str, Any] = {}
    prefix: tuple[str, ...] = ()
    if isinstance(obj, dict):
        for key in obj:
            if key not in ("tools", "defaults", "cases"):
                known = ("tools", "defaults", "cases")
                raise SuiteError(
                    "unknown field", file=str(path), line=lines[(key,)], field=key, known=known
                )
        tools = obj.get("tools") or {}
        if not isinstance(tools, dict):
            raise SuiteError(
                "must map names to tools", file=str(path), line=lines[("tools",)], field="tools"
            )
        for name, tool in tools.items():
            toolbox[name] = _placed(
                lambda t=tool, n=name: tool_from(t, n), path, lines[("tools", name)]
            )
        defaults = obj.get("defaults") or {}
        obj, prefix = obj.get("cases"), ("cases",)
    if not isinstance(obj, list):
        raise SuiteError("must be a list of cases, or hold `cases:`", file=str(path), line=1)
    stem = path.stem
    return tuple(
        _placed(
            lambda raw=raw, i=i: case_from(
                raw, default_id=f"{stem}-{i + 1:03}", toolbox=toolbox, defaults=defaults
            ),
            path,
            lines[(*prefix, i)],
            lines,
            (*prefix, i),
        )
        for i, raw in enumerate(obj)
    )


def read_json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """(1-based line, value) of every non-empty line. Errors: SuiteError naming the broken line."""
    for number, line in enumerate(_read(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield number, loads(line)
        except ValueError as error:
            raise SuiteError(f"broken JSON: {error}", file=str(path), line=number) from None


def _from_lines(path: Path) -> Iterator[Case]:
    for number, obj in read_json_lines(path):
        yield _placed(
            lambda obj=obj, number=number: case_from(obj, default_id=f"{path.stem}-{number:03}"),
            path,
            number,
        )


def _placed(
    build: Any,
    path: Path,
    line: int,
    lines: dict[tuple[str | int, ...], int] | None = None,
    at: Any = (),
) -> Any:
    """Run `build`; a SuiteError without a place gets this file and the line of its field."""
    try:
        return build()
    except SuiteError as error:
        if lines and error.field:
            parts = [int(p) if p.isdigit() else p for p in error.field.split(".")]
            for end in range(len(parts), 0, -1):
                if (*at, *parts[:end]) in lines:
                    line = lines[(*at, *parts[:end])]
                    break
        raise SuiteError(
            error.message, file=str(path), line=line, field=error.field, known=error.known
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


def _unique(cases: tuple[Case, ...], path: Path) -> tuple[Case, ...]:
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise SuiteError(f"case id {case.id!r} stands twice", file=str(path), field="id")
        seen.add(case.id)
    return cases
