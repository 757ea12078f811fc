"""The run file: JSON lines, appended and flushed a batch at a time; readable after any interruption."""

import contextlib
import errno
import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import fsspec
from pydantic import BaseModel, ValidationError

from adapters import home
from bench.errors import InfrastructureError, UsageError
from bench.records import SCHEMA, End, Manifest, Record

__all__ = ["Run", "RunWriter", "find_run", "publish", "read_run"]

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class Run:
    """A run file as read: one record a case and sample (a retried one's last), in the order of the file.

    torn: bytes of an unfinished last line that were left aside; end: None for an interrupted run.
    """

    path: str
    manifest: Manifest
    records: tuple[Record, ...]
    end: End | None = None
    torn: int = 0

    @property
    def complete(self) -> bool:
        """True if the run reached its end."""
        return self.end is not None


def find_run(name: str) -> str:
    """A run file by path, URL, or run id (or the start of one) in home. Errors: UsageError."""
    folder = home() / "runs"
    try:
        if "://" in name or Path(name).is_file():
            return name
        runs = sorted(folder.glob("*.jsonl"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{name[:80]!r} is no run: {error}") from None
    found = [f for f in runs if f.stem.startswith(name)] if name else []
    if len(found) == 1:
        return str(found[0])
    if found:
        raise UsageError(f"{name!r} fits {len(found)} runs", known=[f.stem for f in found])
    known = [f.stem for f in runs]
    raise UsageError(f"there is no run {name!r} (a run file, or an id in {folder})", known=known)


def read_run(path: str | Path) -> Run:
    """A run from a path or any fsspec URL.

    Errors: UsageError if there is no such file, if it is no run file, if it has another schema version,
    or if a line other than the last is broken.
    """
    data = _bytes(str(path))
    whole, newline, tail = data.rpartition(b"\n")
    lines = whole.split(b"\n") if newline else []
    torn = tail
    if tail.strip():
        try:
            json.loads(tail)
        except (ValueError, RecursionError):
            pass
        else:  # complete but for its newline
            lines, torn = [*lines, tail], b""
    if not lines:
        raise UsageError(f"{path} is no run file: it has no manifest")
    manifest = _manifest(str(path), lines[0])
    records: dict[tuple[str, str, int], Record] = {}
    end: End | None = None
    for number, line in enumerate(lines[1:], start=2):
        item = _item(str(path), number, line)
        if isinstance(item, Record):
            records.pop(item.key, None)
            records[item.key] = item
        elif isinstance(item, End):
            end = item
    return Run(
        path=str(path), manifest=manifest, records=tuple(records.values()), end=end, torn=len(torn)
    )


def publish(run: Run, folder: str) -> str:
    """Copy a run file into a folder or fsspec URL (`s3://…`, `gs://…`); returns where it lies.

    Errors: InfrastructureError if it cannot be copied; the run file itself stays where it is.
    """
    target = f"{folder.rstrip('/')}/{Path(run.path).name}"
    try:
        with (
            fsspec.open(run.path, "rb") as source,
            fsspec.open(target, "wb", auto_mkdir=True) as copy,
        ):
            copy.write(source.read())
    except (OSError, ValueError, ImportError, TypeError) as error:
        raise InfrastructureError(f"cannot copy {run.path} to {target}: {error}") from None
    return target


class RunWriter:
    """Appends to one run file; exclusive, so that two processes cannot write the same run.

    A write lands whole or not at all.

    Errors: InfrastructureError when the disk is full or gone; what was flushed before stays readable.
    """

    def __init__(self, path: Path, manifest: Manifest | None = None) -> None:
        """Open a new file and write its manifest, or (without one) an old file, cut back to whole lines."""
        self.path, self.written, self.finished = path, 0, False
        try:
            self._file = path.open("ab" if manifest is None else "xb", buffering=0)
        except FileExistsError:
            raise UsageError(f"{path} exists already") from None
        except OSError as error:
            raise UsageError(
                f"cannot write {path}: {error.strerror}; set CALLBENCH_HOME to a folder that you can write to"
            ) from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise UsageError(f"{path} is being written by another callbench") from None
        if manifest is None:
            self._drop_torn_line()
        else:
            self._write([manifest])

    def append(self, records: Sequence[Record]) -> None:
        """Write records and see them to the disk."""
        self._write(records)
        self.written += len(records)

    def finish(self, end: End) -> None:
        """Write the completion mark."""
        self._write([end])
        self.finished = True

    def close(self) -> None:
        """Release the file. It is unbuffered: whatever was written is in the system's hands."""
        self._file.close()

    def _write(self, items: Sequence[Manifest | Record | End]) -> None:
        lines = "".join(json.dumps(i.model_dump(mode="json")) + "\n" for i in items)
        left = memoryview(lines.encode("ascii"))
        size = os.fstat(self._file.fileno()).st_size
        try:
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            if error.errno == errno.EINVAL:  # fsync is not for every kind of file
                return
            self._cut(size)
            what = "the disk is full" if error.errno == errno.ENOSPC else str(error.strerror)
            raise InfrastructureError(f"cannot write {self.path}: {what}") from None
        except KeyboardInterrupt:
            self._cut(size)
            raise

    def _cut(self, size: int) -> None:
        """A write that failed leaves no part of a line behind, or the next one would stand in its middle."""
        with contextlib.suppress(OSError):
            self._file.truncate(size)
            self._file.seek(size)  # or the next write leaves a hole of zeros behind it

    def _drop_torn_line(self) -> None:
        data = self.path.read_bytes()
        if data and not data.endswith(b"\n"):
            tail = data.rpartition(b"\n")[2]
            try:
                json.loads(tail)
            except (ValueError, RecursionError):
                self._file.truncate(len(data) - len(tail))
            else:
                self._file.write(b"\n")


def _bytes(path: str) -> bytes:
    try:
        with fsspec.open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        raise UsageError(f"there is no run file {path}") from None
    except (OSError, ValueError, ImportError) as error:
        raise UsageError(f"cannot read {path}: {error}") from None
    return data if isinstance(data, bytes) else bytes(data)


def _manifest(path: str, line: bytes) -> Manifest:
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError):
        raise UsageError(f"{path} is no run file: its first line is no manifest") from None
    if not isinstance(raw, dict) or raw.get("kind") != "manifest":
        raise UsageError(f"{path} is no run file: its first line is no manifest")
    if raw.get("schema_version") != SCHEMA:
        found = raw.get("schema_version")
        raise UsageError(
            f"{path} has run file version {found!r}; this callbench reads version {SCHEMA}: "
            "use the callbench that wrote it, or run again"
        )
    return _model(Manifest, line, path, 1)


def _item(path: str, number: int, line: bytes) -> Record | End | None:
    if not line.strip():
        return None
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError):
        raise UsageError(f"{path}:{number}: broken line in the middle of a run file") from None
    if isinstance(raw, dict) and raw.get("kind") == "end":
        return _model(End, line, path, number)
    return _model(Record, line, path, number)


def _model(cls: type[M], line: bytes, path: str, number: int) -> M:
    try:
        return cls.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{path}:{number}: {field}: {first['msg']}") from None
