"""Runs for other tools: data frames, parquet, a `datasets` folder, Every Eval Ever JSON, model cards."""

from reports.export.cards import card_files, write_card
from reports.export.eee import write_eee
from reports.export.frames import records_frame, summary_frame
from reports.export.write import KINDS, export, parse_targets

__all__ = [
    "KINDS",
    "card_files",
    "export",
    "parse_targets",
    "records_frame",
    "summary_frame",
    "write_card",
    "write_eee",
]
