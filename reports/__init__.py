"""What is told: scores with intervals, baselines beside them, and what changed between two runs."""

from bench.decide import Comparison
from reports.compared import Compared, compare
from reports.comparison import comparison_data, comparison_tables, overview_table
from reports.data import summary_data
from reports.summary import Summary, summarise
from reports.table import FORMATS, Table, render
from reports.tables import run_tables

__all__ = [
    "FORMATS",
    "Compared",
    "Comparison",
    "Summary",
    "Table",
    "compare",
    "comparison_data",
    "comparison_tables",
    "overview_table",
    "render",
    "run_tables",
    "summarise",
    "summary_data",
]
