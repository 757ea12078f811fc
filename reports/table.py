"""A table as data, and its forms: for the terminal, Markdown, JSON and CSV."""

import csv
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

from tabulate import tabulate

__all__ = ["FORMATS", "Table", "escape", "html_tables", "one_line", "render"]

FORMATS = ("table", "markdown", "json", "csv")


@dataclass(frozen=True, kw_only=True)
class Table:
    """Title, column heads and rows of text; notes stand under the table."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


def render(tables: Sequence[Table], form: str) -> str:
    """The tables as text, ending with a newline. JSON is made from the data instead, not from tables."""
    match form:
        case "markdown":
            return "\n".join(_markdown(t) for t in tables)
        case "csv":
            return "\n".join(_csv(t) for t in tables)
        case _:
            return "\n".join(_plain(t) for t in tables)


def html_tables(tables: Sequence[Table]) -> str:
    """The tables as an HTML fragment for notebooks. Model text is untrusted: all of it is escaped, and no
    mathematics is typeset."""
    return f'<div class="tex2jax_ignore mathjax_ignore">{"".join(map(_html, tables))}</div>'


def _html(table: Table) -> str:
    head = "".join(f"<th>{_html_text(cell)}</th>" for cell in table.head)
    rows = "".join(
        f"<tr>{''.join(f'<td>{_html_text(cell)}</td>' for cell in row)}</tr>" for row in table.rows
    )
    notes = "".join(f"<p><small>{_html_text(note)}</small></p>" for note in table.notes)
    body = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f"<p><b>{_html_text(table.title)}</b></p>{body}{notes}"


def _html_text(text: str) -> str:
    return html.escape(one_line(text))


def _plain(table: Table) -> str:
    rows = [[one_line(cell) for cell in row] for row in table.rows]
    heads = [one_line(head) for head in table.head]
    body = tabulate(rows, headers=heads, tablefmt="simple", disable_numparse=True)
    notes = "".join(f"  {one_line(note)}\n" for note in table.notes)
    return f"{one_line(table.title)}\n\n{body}\n{notes}"


def _markdown(table: Table) -> str:
    """Model text is untrusted: bars, newlines and HTML are escaped."""
    rows = [[escape(cell) for cell in row] for row in table.rows]
    heads = [escape(h) for h in table.head]
    body = tabulate(rows, headers=heads, tablefmt="pipe", disable_numparse=True)
    notes = "".join(f"\n{escape(note)}\n" for note in table.notes)
    return f"### {escape(table.title)}\n\n{body}\n{notes}"


def _csv(table: Table) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_no_formula(one_line(head)) for head in table.head])
    writer.writerows([[_no_formula(one_line(cell)) for cell in row] for row in table.rows])
    return out.getvalue()


def one_line(text: str) -> str:
    """Control characters (newlines, terminal escapes, direction marks) become visible or blank."""
    return "".join(c if c.isprintable() else (" " if c in "\n\t\r" else "\ufffd") for c in text)


def escape(text: str) -> str:
    """One line of text as Markdown shows it literally: bars, HTML and Markdown's own signs are escaped."""
    text = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    for char in "\\|`*_[]":
        text = text.replace(char, f"\\{char}")
    return text


def _no_formula(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text.rstrip(" %"))
    except ValueError:
        return False
    return True
