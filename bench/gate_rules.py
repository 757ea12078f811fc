"""The gate's rules as people write them: YAML, every fault with its file and line."""

import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.errors import UsageError
from bench.gate import Acknowledged
from suites.yaml_io import Path as KeyPath
from suites.yaml_io import load_yaml

__all__ = ["read_acknowledged", "read_rules"]

_NUMBERS = ("tolerance", "margin", "alpha")
_KEYS = (*_NUMBERS, "must-pass", "acknowledged")
_ENTRY = ("case", "suite", "category", "reason", "expires")


def read_rules(file: Path) -> dict[str, Any]:
    """The settings of a rules file, by the names of bench.gate.Rules; only those that it gives.

    Keys: tolerance, margin (points), alpha, must-pass (globs over suite:id), acknowledged (a list as in
    read_acknowledged). Errors: UsageError or SuiteError with file and line.
    """
    values, lines = _loaded(file)
    if not isinstance(values, dict):
        raise UsageError(f"{file} must map rules to values: {', '.join(_KEYS)}")
    rules: dict[str, Any] = {}
    for written, value in values.items():
        key = written.replace("_", "-")
        place = f"{file}:{lines[(written,)]}"
        if key in _NUMBERS:
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise UsageError(f"{place}: {written} must be a number")
            rules[key] = float(value)
        elif key == "must-pass":
            globs = value if isinstance(value, list) else [value]
            if not all(isinstance(g, str) and g.strip() for g in globs):
                raise UsageError(
                    f"{place}: {written} must be a glob over suite:id, or a list of them"
                )
            rules["must_pass"] = tuple(globs)
        elif key == "acknowledged":
            rules["acknowledged"] = _entries(value, file, lines, (written,))
        else:
            raise UsageError(f"{place}: there is no rule {written!r}", known=_KEYS)
    return rules


def read_acknowledged(file: Path) -> tuple[Acknowledged, ...]:
    """The acknowledged regressions of a file: a list of entries.

    An entry has `case` (suite:id) or `suite` with perhaps `category`; a `reason`; and `expires`, the last day
    on which it holds (YYYY-MM-DD). Errors: UsageError or SuiteError with file and line.
    """
    values, lines = _loaded(file)
    return _entries(values, file, lines, ())


def _loaded(file: Path) -> tuple[Any, Mapping[KeyPath, int]]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {file}: {error}") from None
    return load_yaml(text, str(file))


def _entries(
    values: Any, file: Path, lines: Mapping[KeyPath, int], path: KeyPath
) -> tuple[Acknowledged, ...]:
    if not isinstance(values, list):
        place = f"{file}:{lines.get(path, 1)}"
        raise UsageError(f"{place}: acknowledged regressions are a list of entries (- case: …)")
    return tuple(_entry(v, file, lines, (*path, i)) for i, v in enumerate(values))


def _entry(value: Any, file: Path, lines: Mapping[KeyPath, int], path: KeyPath) -> Acknowledged:
    place = f"{file}:{lines[path]}"
    if not isinstance(value, dict):
        raise UsageError(f"{place}: an entry maps {', '.join(_ENTRY)} to texts")
    texts: dict[str, str] = {}
    for key, text in value.items():
        here = f"{file}:{lines[(*path, key)]}"
        if key not in _ENTRY:
            raise UsageError(f"{here}: an entry has no field {key!r}", known=_ENTRY)
        if not isinstance(text, str) or not text.strip():
            raise UsageError(f"{here}: {key} must be a text")
        texts[key] = text.strip()
    if ("case" in texts) == ("suite" in texts):
        raise UsageError(f"{place}: an entry names either a case (suite:id) or a suite")
    if "category" in texts and "suite" not in texts:
        raise UsageError(f"{place}: a category needs its suite")
    for key in ("reason", "expires"):
        if key not in texts:
            raise UsageError(f"{place}: the entry has no {key}: {_WHY[key]}")
    expires = _date(texts.pop("expires"), f"{file}:{lines[(*path, 'expires')]}")
    return Acknowledged(**texts, expires=expires, place=place)


_WHY = {
    "reason": "say why the regression is taken",
    "expires": "say until which day it is taken (YYYY-MM-DD)",
}


def _date(text: str, place: str) -> dt.date:
    try:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return dt.date.fromisoformat(text)
    except ValueError:
        pass
    raise UsageError(f"{place}: {text!r} is no day (YYYY-MM-DD)")
