"""Where a case stands: its file and the lines of its parts, so that a finding names the right one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["NOWHERE", "Place"]

_Path = tuple[str | int, ...]

_EXPECTED = ("expect", "model", "no_call", "answer", "reply", "expectation")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A case (or a tool of a toolbox) in its file.

    line: 1-based, 0 where it is not known; lines: path of every value of the file -> its line (empty for JSON
    lines); at: the path of the case itself. The methods that say where a part stands go as deep as the file
    does, and give the case's first line for what it does not write.
    """

    file: str = ""
    line: int = 0
    lines: Mapping[_Path, int] = field(default_factory=dict, repr=False)
    at: _Path = ()

    def __str__(self) -> str:
        """`file:line` of the case."""
        return self._shown(self.line)

    def part(self, *path: str | int) -> str:
        """`file:line` of a field."""
        return self._shown(self._line(path))

    def tool(self, index: int, name: str, parameter: str = "") -> str:
        """`file:line` of the definition of an offered tool, in the case (at that index) or in the toolbox."""
        own: _Path = ("tools", index)
        inline = any((*self.at, *own, key) in self.lines for key in ("name", "function"))
        if not inline and not self._has("tools"):
            return self.call(0)
        base = (*self.at, *own) if inline or ("tools", name) not in self.lines else ("tools", name)
        inside: tuple[_Path, ...] = (("parameters",), ("parameters", "properties"))
        inside += (("inputSchema", "properties"), ("function", "parameters", "properties"))
        for path in inside:
            for key in (parameter, f"{parameter}?"):
                if parameter and (line := self.lines.get((*base, *path, key))) is not None:
                    return self._shown(line)
        return self._shown(self.lines.get(base, self.line))

    def call(self, index: int, *argument: str | int) -> str:
        """`file:line` of an expected call, or of one of its arguments."""
        return self._shown(self._call(index, argument))

    def expected(self) -> str:
        """`file:line` of what the case expects."""
        return self.part(next((key for key in _EXPECTED if self._has(key)), ""))

    def reply(self) -> str:
        """`file:line` of the text of the right reply."""
        return self._shown(self._reply())

    def line_of(self, name: str | None) -> int:
        """The line of a field as SuiteError names it: a dotted path, of a case or of its short form."""
        name = name or ""
        if (tool := re.match(r"tool '[^']*' ?", name)) is not None:
            path = _keys(name[tool.end() :])
            return self._line(("tools", *path) if self._has("tools") else path)
        path = _keys(name)
        if path[0] != "expectation" or self._has("expectation"):
            return self._line(path)
        if path[1:2] == ("calls",) and len(path) > 2 and isinstance(path[2], int):
            return self._call(path[2], path[4:])
        return self._reply() if path[1:2] == ("text",) else self._line(path[1:])

    def _call(self, index: int, argument: _Path) -> int:
        part: _Path = ("arguments", *argument) if argument else ("name",)
        inside: list[_Path] = [("function_calls", index, *part)]
        if index == 0:
            inside.append(("function_call", *part))
        for root in ("expect", "model"):
            if self._has(root):
                return max((self._depth((root, *path)) for path in inside), key=lambda d: d[0])[1]
        return self._line(("expectation", "calls", index, *part))

    def _reply(self) -> int:
        key = next((k for k in ("reply", "model") if self._has(k)), None)
        return self._line((key,) if key else ("expectation", "text"))

    def _has(self, key: str) -> bool:
        return (*self.at, key) in self.lines or ("defaults", key) in self.lines

    def _line(self, path: _Path) -> int:
        return self._depth(path)[1]

    def _depth(self, path: _Path) -> tuple[int, int]:
        """How much of a path stands in the case (or in the file's defaults), and the line of its last key."""
        base = self.at
        if path and (*base, path[0]) not in self.lines and ("defaults", path[0]) in self.lines:
            base = ("defaults",)
        for end in range(len(path), 0, -1):
            if (line := self.lines.get((*base, *path[:end]))) is not None:
                return end, line
        return 0, self.line

    def _shown(self, line: int) -> str:
        """Relative to the working folder where the file lies inside it."""
        if not self.line:
            return ""
        path = Path(self.file)
        inside = path.is_absolute() and path.is_relative_to(Path.cwd())
        return f"{path.relative_to(Path.cwd()) if inside else self.file}:{line}"


def _keys(name: str) -> _Path:
    return tuple(int(p) if p.isdigit() else p for p in name.split("."))


NOWHERE = Place()
"""Of a case that was not read from a file."""
