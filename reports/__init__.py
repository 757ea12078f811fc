"""What is told: scores with intervals, baselines beside them, and what changed between two runs."""

from reports.comparison import Comparison, compare
from reports.data import comparison_data, summary_data
from reports.summary import Summary, summarise
from reports.table import FORMATS, Table, render
from reports.tables import comparison_tables, run_tables

__all__ = [
    "FORMATS",
    "Comparison",
    "Summary",
    "Table",
    "compare",
    "comparison_data",
    "comparison_tables",
    "render",
    "run_tables",
    "summarise",
    "summary_data",
]
