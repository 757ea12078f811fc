"""Run files as other tools read them: Parquet, a folder of `datasets`, Every Eval Ever, a model card.

Everything is read from run files (and an adapter's card), nothing is measured, judged or fetched here.
"""

from reports.export.kinds import KINDS, Export, parse_exports, write_exports

__all__ = ["KINDS", "Export", "parse_exports", "write_exports"]
