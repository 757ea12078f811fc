"""One self-contained HTML page: charts, tables, and every case one click away. No network, no build step.

    write_page(path, Page(title=…, tables=[…], charts=[…], cases=case_data([run, …])))

Everything that a model, a tool or a suite said is data: the template escapes it (autoescape), the script puts
it on the page as text, and the page's own policy lets no other script run.
"""

from reports.page.build import Page, page_html, write_page
from reports.page.cases import case_data

__all__ = ["Page", "case_data", "page_html", "write_page"]
