"""The page from its parts: template, style, script and data become one file."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from bench.errors import InfrastructureError
from reports.charts import Chart
from reports.shown import clean
from reports.table import Table

__all__ = ["Page", "page_html", "write_page"]


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a page shows. cases: of `case_data`, or empty for a page without cases."""

    title: str
    tables: Sequence[Table] = ()
    charts: Sequence[Chart] = ()
    cases: dict[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()


def write_page(path: str | Path, page: Page) -> Path:
    """Write the page. Errors: InfrastructureError if it cannot be written."""
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(page_html(page), encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise InfrastructureError(f"cannot write {target}: {error.strerror}") from None
    return target


def page_html(page: Page) -> str:
    """The page as HTML; it opens from disk, and asks the network for nothing."""
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["plain"] = clean
    script, style = _asset("page.js"), _asset("page.css")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.from_string(_asset("page.html")).render(
        page=page,
        script=Markup(script),
        style=Markup(style),
        policy=f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'",
        data=page.cases or {"targets": [], "runs": [], "toolboxes": [], "cases": []},
    )


def _asset(name: str) -> str:
    return (files("reports.page") / name).read_text(encoding="utf-8")
