"""Which importer reads what: one explicit table."""

from dataclasses import dataclass

from suites.importers import bfcl
from suites.importers.base import Importer

__all__ = ["IMPORTERS", "ImporterEntry"]


@dataclass(frozen=True, kw_only=True)
class ImporterEntry:
    """An importer, and a line on what it reads."""

    read: Importer
    reads: str


IMPORTERS: dict[str, ImporterEntry] = {
    "bfcl": ImporterEntry(
        read=bfcl.read, reads="BFCL v4, single turn: wheel, package or data folder of bfcl-eval"
    ),
}
