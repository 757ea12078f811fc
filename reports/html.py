"""Tables as HTML, for notebooks; every text is escaped."""

from collections.abc import Sequence

from markupsafe import Markup, escape

from reports.shown import clean
from reports.table import Table

__all__ = ["tables_html"]

_WIDTH = 400


def tables_html(tables: Sequence[Table]) -> str:
    """The tables one below the other; texts of more than 400 characters are cut."""
    return str(Markup("\n").join(_table(t) for t in tables))


def _table(table: Table) -> Markup:
    head = Markup("").join(Markup("<th>{}</th>").format(_text(h)) for h in table.head)
    rows = Markup("").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(Markup("<td>{}</td>").format(_text(cell)) for cell in row)
        )
        for row in table.rows
    )
    notes = Markup("").join(Markup("<br>{}").format(_text(note)) for note in table.notes)
    return Markup(
        "<h4>{}</h4><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table><small>{}</small>"
    ).format(_text(table.title), head, rows, notes)


def _text(text: str) -> Markup:
    """Escaped, with direction marks and control characters made visible."""
    shown = "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in clean(text, _WIDTH))
    return escape(shown)
