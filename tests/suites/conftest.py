"""What the tests of the suites share: tables from JSON, small cases, suites written to a folder."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from suites.forms import case_from
from suites.model import Case, Suite

# A shared machine stalls now and then; a law is not about speed.
settings.register_profile("suites", deadline=None)
settings.load_profile("suites")

HEADER = 'name: mini\nversion: "1"\n'


@pytest.fixture
def write_suite(tmp_path: Path) -> Callable[..., Path]:
    """write_suite(text, file=…, about=…) -> folder: a suite with one case file."""

    def write(text: str, file: str = "dev.yaml", about: str = HEADER) -> Path:
        folder = tmp_path / "mini"
        target = folder / file
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder / "suite.yaml").write_text(about, encoding="utf-8")
        target.write_text(text, encoding="utf-8")
        return folder

    return write


@pytest.fixture
def write_lines(write_suite: Callable[..., Path]) -> Callable[..., Path]:
    """write_lines(case, …) -> folder of a suite whose cases stand in `dev.jsonl`."""

    def write(*cases: Any) -> Path:
        return write_suite("".join(json.dumps(c) + "\n" for c in cases), file="dev.jsonl")

    return write


@pytest.fixture
def suite_of() -> Callable[..., Suite]:
    """suite_of(case, …) -> Suite of cases in either form."""

    def build(*raw: dict[str, Any]) -> Suite:
        cases: list[Case] = [case_from(r, default_id=f"case-{i}") for i, r in enumerate(raw)]
        return Suite(name="mini", version="1", split="dev", cases=tuple(cases))

    return build
