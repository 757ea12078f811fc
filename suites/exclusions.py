"""Exclusion lists: cases of a suite that are left out of audited figures, each with a reason. Versioned.

A suite folder may hold `exclude.yaml`:

    version: "1"
    reasons:
      enum:
        about: No accepted value is in the enum of its schema.
        ids: [live_simple_70-34-0]
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from suites.errors import SuiteError
from suites.model import Case
from suites.yaml_io import load_yaml

__all__ = ["Exclusions", "apply_exclusions", "read_exclusions"]

Exclusions = dict[str, tuple[str, tuple[str, ...]]]
"""Reason -> (what it means, case ids)."""


def read_exclusions(file: Path) -> tuple[str, Exclusions]:
    """(version, exclusions) of a list. Errors: SuiteError with file, line and field."""
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise SuiteError("is not UTF-8 text", file=str(file)) from None
    except OSError as error:
        raise SuiteError(f"cannot be read: {error.strerror}", file=str(file)) from None
    value, lines = load_yaml(text, str(file))

    def fail(message: str, *path: str | int) -> SuiteError:
        at = next((lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in lines), 1)
        return SuiteError(message, file=str(file), line=at, field=".".join(map(str, path)) or None)

    if not isinstance(value, dict):
        raise fail("must be a mapping with version and reasons")
    for key in value:
        if key not in ("version", "about", "reasons"):
            raise fail("unknown field", key)
    version, reasons = value.get("version"), value.get("reasons")
    if not isinstance(version, str):
        raise fail("must be text", "version")
    if not isinstance(reasons, dict):
        raise fail("must map reasons to what they mean and to case ids", "reasons")
    found: Exclusions = {}
    for reason, entry in reasons.items():
        if not isinstance(entry, dict) or set(entry) - {"about", "ids"}:
            raise fail("must hold about and ids", "reasons", reason)
        about, ids = entry.get("about"), entry.get("ids")
        if not isinstance(about, str) or not about.strip():
            raise fail("says nothing of why", "reasons", reason, "about")
        if not isinstance(ids, list) or not all(isinstance(i, str) for i in ids):
            raise fail("must be a list of case ids", "reasons", reason, "ids")
        for index, name in enumerate(ids):
            if name in ids[:index]:
                raise fail(f"{name!r} stands twice", "reasons", reason, "ids", index)
        found[reason] = (about, tuple(ids))
    return version, found


def apply_exclusions(
    cases: tuple[Case, ...], exclusions: Exclusions, file: str, *, all_ids: Mapping[str, Any]
) -> tuple[Case, ...]:
    """The cases, those that are listed marked with their reasons.

    all_ids: every id of the suite, in all splits. Errors: SuiteError for an id that no case has.
    """
    reasons: dict[str, list[str]] = {}
    for reason, (_, ids) in exclusions.items():
        for i, name in enumerate(ids):
            if name not in all_ids:
                _, lines = load_yaml(Path(file).read_text(encoding="utf-8"), file)
                line = lines.get(("reasons", reason, "ids", i))
                message = f"excludes {name!r}, which is no case"
                raise SuiteError(message, file=file, line=line, known=all_ids)
            reasons.setdefault(name, []).append(reason)
    return tuple(
        c.model_copy(update={"excluded": tuple(reasons[c.id])}) if c.id in reasons else c
        for c in cases
    )
