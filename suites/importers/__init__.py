"""Reading public benchmarks and other people's files as suites of ours."""

from suites.importers.base import Imported, Importer, Skipped
from suites.importers.source import Source, open_source

__all__ = ["Imported", "Importer", "Skipped", "Source", "open_source"]
