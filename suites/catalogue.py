"""Finding suites by name: built-in and imported ones, selections across them, and paths of one's own."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from suites.errors import SuiteError
from suites.load import load_cases, load_suite, splits_of
from suites.model import Case, Split, Suite, content_hash
from suites.vary import check_kinds, variants
from suites.yaml_io import load_yaml

__all__ = [
    "BUILTIN",
    "Part",
    "Selection",
    "builtin_suites",
    "imported_folder",
    "imported_suites",
    "select",
    "selections",
]

BUILTIN = Path(__file__).parent / "builtin"


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some cases of one suite, in the suite's order, and variants made of them (see suites.vary)."""

    suite: Suite
    cases: tuple[Case, ...]
    variants: tuple[Case, ...] = ()

    @property
    def asked(self) -> tuple[Case, ...]:
        """The cases and then their variants."""
        return self.cases + self.variants


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What a run covers: parts of one or more suites; `hash` covers suites, chosen ids and variants."""

    name: str
    parts: tuple[Part, ...]

    @property
    def hash(self) -> str:
        """sha256 (hex) over every suite's content hash, the ids chosen from it, and whole variants."""
        made = [[c.model_dump(mode="json") for c in p.variants] for p in self.parts]
        chosen = [[p.suite.hash, [c.id for c in p.cases]] for p in self.parts]
        return content_hash([*chosen, made] if any(made) else chosen)

    @property
    def size(self) -> int:
        """Number of cases, variants among them."""
        return sum(len(p.asked) for p in self.parts)


def builtin_suites() -> list[tuple[str, Split]]:
    """(name, split) of every built-in suite that holds cases."""
    folders = sorted(f for f in BUILTIN.iterdir() if (f / "suite.yaml").is_file())
    return [(folder.name, split) for folder in folders for split in splits_of(folder)]


def selections() -> dict[str, dict[str, list[str]]]:
    """Named selections: selection -> suite (dev split) -> case ids."""
    found: dict[str, dict[str, list[str]]] = {}
    for file in sorted(BUILTIN.glob("*.yaml")):
        obj, _ = load_yaml(file.read_text(encoding="utf-8"), str(file))
        cases = obj.get("cases") if isinstance(obj, dict) else None
        if not isinstance(cases, dict):
            raise SuiteError(
                "a selection must map suites to case ids", file=str(file), field="cases"
            )
        found[file.stem] = cases
    return found


def select(
    names: Sequence[str],
    *,
    pattern: str | None = None,
    limit: int | None = None,
    vary: Sequence[str] = (),
) -> Selection:
    """The cases of the named suites, selections or paths; `pattern` is a glob over case ids.

    A name is `call` (its dev split), `call/test`, `smoke`, an imported suite (`bfcl`), a suite folder or a
    file of cases; a category of a suite may follow (`call/test/direct`, `bfcl/simple_python`). `limit` keeps
    the first N cases of every suite. vary: kinds of variants to make of the chosen cases. Errors: SuiteError
    for an unknown name or kind, a pattern without a match, or a case that cannot be varied.
    """
    kinds = check_kinds(vary)
    if limit is not None and limit < 1:
        raise SuiteError(f"a limit of {limit} leaves no case")
    parts: list[Part] = []
    for name in names:
        parts += _parts(name)
    chosen: list[Part] = []
    for part in parts:
        ids = {c.id for c in part.cases}
        if any(part.suite.name == p.suite.name and ids & {c.id for c in p.cases} for p in chosen):
            raise SuiteError(f"suite {part.suite.name!r} is named twice in {' '.join(names)}")
        cases = tuple(c for c in part.cases if pattern is None or fnmatchcase(c.id, pattern))
        cases = cases[:limit] if limit is not None else cases
        if cases:
            made = variants(cases, kinds, part.suite.cases) if kinds else ()
            chosen.append(Part(suite=part.suite, cases=cases, variants=made))
    if not chosen:
        raise SuiteError(
            f"no case of {' '.join(names)} matches {pattern!r}" if pattern else "no case selected"
        )
    return Selection(
        name="+".join(Path(n).stem if Path(n).suffix else n for n in names), parts=tuple(chosen)
    )


def imported_folder() -> Path:
    """Where imported suites lie: `suites/` in `.callbench/` or `CALLBENCH_HOME` (it need not exist yet)."""
    return Path(os.environ.get("CALLBENCH_HOME") or ".callbench").expanduser() / "suites"


def imported_suites() -> list[tuple[str, Split]]:
    """(name, split) of every imported suite that holds cases."""
    try:
        files = sorted(imported_folder().rglob("suite.yaml"))
        folders = [f.parent for f in files if not f.parent.name.startswith(".")]
        root = imported_folder()
        found = [(f, split) for f in folders for split in splits_of(f) if _has_cases(f, split)]
        return [(f.relative_to(root).as_posix(), split) for f, split in found]
    except OSError:
        return []


def _has_cases(folder: Path, split: Split) -> bool:
    """False for imported tools for which nobody has written a case yet."""
    files = sorted((folder / split).glob("*"))
    return [f.name for f in files] != ["toolbox.yaml"] or bool(load_cases(files[0]))


def _parts(name: str) -> list[Part]:
    named = selections()
    if name in named:
        return [_chosen(name, suite, ids) for suite, ids in named[name].items()]
    try:
        found = _place(name)
    except OSError:  # no file system has such a name
        found = None
    if found is None:
        raise _unknown(name)
    path, rest = found
    splits = splits_of(path) if path.is_dir() else ("dev",)
    split: Split = "dev" if "dev" in splits or not splits else "test"
    if rest and rest[0] in ("dev", "test"):
        split = "dev" if rest[0] == "dev" else "test"
        rest = rest[1:]
    suite = _loaded(path, split)
    if not rest:
        return [Part(suite=suite, cases=suite.cases)]
    category = "/".join(rest)
    cases = tuple(c for c in suite.cases if c.category == category)
    if not cases:
        stem = name.removesuffix(category).rstrip("/")
        last = list(dict.fromkeys(c.category for c in suite.cases if c.category))
        lacks = "category"
        if rest == found[1]:
            last, lacks = [*splits, *last], "split or category"
        message = f"there is no suite {name!r}: {stem!r} has no {lacks} {category!r}"
        raise SuiteError(message, known=[f"{stem}/{x}" for x in last])
    return [Part(suite=suite, cases=cases)]


_BENCHMARKS = {
    "bfcl": "WHEEL (pip download --no-deps bfcl-eval==2026.3.23)",
    "when2call": "FILE (its test file)",
    "nestful": "FOLDER (its data)",
    "gptscript": "FOLDER (its specs)",
}
"""Public benchmarks that `suites import` knows by name, and what to give it."""


def _unknown(name: str) -> SuiteError:
    first = name.split("/")[0]
    known = _known()
    if first in _BENCHMARKS and first not in known:
        how = f"callbench suites import {first} --from {_BENCHMARKS[first]}"
        return SuiteError(f"suite {first!r} is not imported yet: {how}")
    return SuiteError(f"there is no suite {name!r}", known=known)


def _known() -> list[str]:
    """Every name that `select` takes, but for paths and categories."""
    builtin = (n if s == "dev" else f"{n}/{s}" for n, s in builtin_suites())
    return [*selections(), *builtin, *dict.fromkeys(n for n, _ in imported_suites())]


def _place(name: str) -> tuple[Path, list[str]] | None:
    """The longest beginning of a name that is a suite, and what follows it (split and category)."""
    if Path(name).is_file():
        return Path(name), []
    pieces = name.split("/")
    for end in range(len(pieces), 0, -1):
        head = "/".join(pieces[:end])
        if not head:
            continue
        for path in (BUILTIN / head, imported_folder() / head, Path(head)):
            absolute = path != Path(head) and Path(head).is_absolute()
            if not absolute and (path / "suite.yaml").is_file():
                return path, pieces[end:]
    return (Path(name), []) if Path(name).exists() else None


def _chosen(name: str, suite_name: str, ids: list[str]) -> Part:
    suite = _loaded(BUILTIN / suite_name, "dev")
    by_id = {c.id: c for c in suite.cases}
    for case_id in ids:
        if case_id not in by_id:
            message = f"case {case_id!r} of selection {name!r} is not in suite {suite_name!r}"
            raise SuiteError(message, known=by_id)
    return Part(suite=suite, cases=tuple(by_id[i] for i in ids))


def _loaded(path: Path, split: Split) -> Suite:
    """The suite, read again only if one of its files has changed since."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    state = tuple((str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in files if f.is_file())
    return _cached(path, split, state)


@lru_cache(maxsize=16)
def _cached(path: Path, split: Split, state: tuple[tuple[str, int, int], ...]) -> Suite:
    del state
    return load_suite(path, split)
