"""The tools of files: OpenAI entries, plain definitions, MCP lists, Seal-Tools' tool.jsonl."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.errors import UsageError
from suites import Tool
from suites.json_text import loads
from train.corpora.base import UnfitError
from train.corpora.toolbox import read_tool

__all__ = ["read_tools"]


def read_tools(path: Path) -> tuple[tuple[Tool, ...], int]:
    """(the tools of a file, how many entries could not be read): JSON lines, a list, or {"tools": [...]}.

    Of several tools of one name the first counts. Errors: UsageError for a file that cannot be read or holds
    no tool.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text") from None
    tools: dict[str, Tool] = {}
    unread = 0
    for entry in _entries(path, text):
        try:
            _, tool = read_tool(_plain(entry))
        except UnfitError:
            unread += 1
        else:
            tools.setdefault(tool.name, tool)
    if not tools:
        raise UsageError(f"{path} holds no tool: give OpenAI entries, an MCP list or definitions")
    return tuple(tools.values()), unread


def _entries(path: Path, text: str) -> Iterator[Any]:
    try:
        whole = loads(text)
    except ValueError:
        for number, line in enumerate(text.split("\n"), start=1):
            if line.strip():
                try:
                    yield loads(line)
                except ValueError as error:
                    raise UsageError(f"{path}:{number} is no JSON: {error}") from None
        return
    if isinstance(whole, dict) and isinstance(whole.get("tools"), list):
        whole = whole["tools"]
    yield from whole if isinstance(whole, list) else [whole]


def _plain(entry: Any) -> Any:
    """Seal-Tools' words for name and description."""
    if isinstance(entry, dict) and "api_name" in entry:
        return {
            "name": entry["api_name"],
            "description": entry.get("api_description"),
            "parameters": entry.get("parameters"),
            "required": entry.get("required"),
        }
    return entry
