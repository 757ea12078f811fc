"""Which importer reads what: one explicit table."""

from dataclasses import dataclass

from suites.importers import bfcl, gptscript, mcp, nestful, openai, when2call
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
    "when2call": ImporterEntry(read=when2call.read, reads="When2Call: its test file (JSON lines)"),
    "nestful": ImporterEntry(read=nestful.read, reads="NESTFUL: its data folder"),
    "gptscript": ImporterEntry(
        read=gptscript.read, reads="GPTScript's function-calling test suite: its specs folder"
    ),
    "openai": ImporterEntry(
        read=openai.read,
        reads="chat rows in OpenAI's form (JSON lines), TRL and mobile-actions too",
    ),
    "mcp": ImporterEntry(read=mcp.read, reads="the tools of an MCP server (a tools/list result)"),
}
