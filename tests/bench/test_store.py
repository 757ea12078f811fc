"""The run file: whatever interrupts the writer, what was flushed is read back, and nothing else is."""

import contextlib
import json
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import fsspec
import pytest

from bench.errors import InfrastructureError, UsageError
from bench.records import SCHEMA, End, Manifest, Record
from bench.store import RunWriter, read_run

Build = Callable[..., Record]
END = End(cases=2, passed=2, scored=2, seconds=1.0, finished="2026-01-01T00:00:00+00:00")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


@pytest.fixture
def whole(path: Path, manifest: Manifest, record: Build) -> Path:
    """A finished run of two cases."""
    writer = RunWriter(path, manifest)
    writer.append([record(0), record(1)])
    writer.finish(END)
    writer.close()
    return path


def test_what_is_written_is_read_back(whole: Path, manifest: Manifest, record: Build) -> None:
    run = read_run(whole)
    assert run.manifest == manifest
    assert run.records == (record(0), record(1))
    assert (run.end, run.complete, run.torn, run.path) == (END, True, 0, str(whole))


def test_records_are_readable_before_the_run_has_ended(
    path: Path, manifest: Manifest, record: Build
) -> None:
    writer = RunWriter(path, manifest)
    assert read_run(path).records == ()
    writer.append([record(0)])
    run = read_run(path)
    writer.close()
    assert (run.records, run.complete) == ((record(0),), False)


def test_a_retried_case_counts_once_and_its_last_record_stands(
    path: Path, manifest: Manifest, record: Build
) -> None:
    writer = RunWriter(path, manifest)
    writer.append([record(0, "first"), record(1), record(0, "second")])
    writer.close()
    assert [(r.id, r.text) for r in read_run(path).records] == [
        ("w0.none", "hello"),
        ("w0.call", "second"),
    ]


def test_a_file_cut_anywhere_is_read_up_to_its_last_whole_line(whole: Path) -> None:
    """Every cut after the manifest: no error, no half record, and the torn bytes are counted."""
    data = whole.read_bytes()
    first = data.index(b"\n") + 1
    cut = whole.with_name("cut.jsonl")
    for size in [*range(first, len(data), 97), len(data) - 2]:
        if data[size : size + 1] == b"\n":
            continue  # lacks only its newline: see below
        cut.write_bytes(data[:size])
        run = read_run(cut)
        whole_lines = data[:size].count(b"\n")
        torn = size - (data[:size].rindex(b"\n") + 1)
        assert run.torn == torn
        assert len(run.records) == min(whole_lines - 1, 2)
        assert not run.complete


def test_a_last_line_that_lacks_only_its_newline_counts(whole: Path) -> None:
    whole.write_bytes(whole.read_bytes()[:-1])
    run = read_run(whole)
    assert (run.complete, run.torn) == (True, 0)


@pytest.mark.parametrize("lost", [1, 30])
def test_a_reopened_file_continues_after_its_last_whole_line(
    lost: int, path: Path, manifest: Manifest, record: Build
) -> None:
    """A torn line is dropped; one that lacks only its newline (lost: 1) is kept."""
    writer = RunWriter(path, manifest)
    writer.append([record(0), record(1)])
    writer.close()
    path.write_bytes(path.read_bytes()[:-lost])
    again = RunWriter(path)
    again.append([record(2)])
    again.close()
    run = read_run(path)
    assert run.torn == 0
    assert run.records == (
        (record(0), record(1), record(2)) if lost == 1 else (record(0), record(2))
    )


def test_a_broken_line_in_the_middle_is_refused_with_its_number(whole: Path) -> None:
    lines = whole.read_bytes().splitlines(keepends=True)
    whole.write_bytes(b"".join([*lines[:2], lines[2][:40] + b"\n", *lines[3:]]))
    with pytest.raises(UsageError, match=r"run\.jsonl:3: broken line"):
        read_run(whole)


def test_a_record_with_a_field_we_do_not_know_is_refused_by_name(whole: Path) -> None:
    lines = whole.read_text().splitlines()
    lines[1] = json.dumps({**json.loads(lines[1]), "mood": "good"})
    whole.write_text("\n".join(lines) + "\n")
    with pytest.raises(UsageError, match=r"run\.jsonl:2: mood"):
        read_run(whole)


@pytest.mark.parametrize("version", [SCHEMA + 1, SCHEMA - 1, None, str(SCHEMA)])
def test_another_schema_version_is_refused_with_the_way_out(version: object, whole: Path) -> None:
    lines = whole.read_text().splitlines()
    lines[0] = json.dumps({**json.loads(lines[0]), "schema_version": version})
    whole.write_text("\n".join(lines) + "\n")
    with pytest.raises(UsageError, match=r"version .* the callbench that wrote it, or run again"):
        read_run(whole)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"hello\n",
        b"{}\n",
        b"[1]\n",
        b'{"kind": "case"}\n',
        b"\xff\xfe\x00\n",
        b'{"kind"',
    ],
)
def test_anything_else_is_no_run_file(data: bytes, path: Path) -> None:
    path.write_bytes(data)
    with pytest.raises(UsageError, match="is no run file"):
        read_run(path)


def test_a_missing_file_a_folder_and_an_unknown_protocol_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no run file"):
        read_run(tmp_path / "missing.jsonl")
    for place in (str(tmp_path), "nosuchprotocol://run.jsonl"):
        with pytest.raises(UsageError, match="cannot read"):
            read_run(place)


def test_a_run_is_read_from_any_fsspec_url(whole: Path) -> None:
    url = "memory://runs/run.jsonl"
    with fsspec.open(url, "wb") as file:
        file.write(whole.read_bytes())
    run = read_run(url)
    assert run.path == url
    assert (run.records, run.end) == (read_run(whole).records, END)


def test_a_new_run_never_overwrites_a_file(whole: Path, manifest: Manifest) -> None:
    before = whole.read_bytes()
    with pytest.raises(UsageError, match="exists already"):
        RunWriter(whole, manifest)
    assert whole.read_bytes() == before


def test_a_second_writer_is_refused_until_the_first_has_closed(
    path: Path, manifest: Manifest, record: Build
) -> None:
    first = RunWriter(path, manifest)
    with pytest.raises(UsageError, match="being written by another"):
        RunWriter(path)
    first.append([record(0)])
    first.close()
    RunWriter(path).close()
    assert read_run(path).records == (record(0),)


def test_a_folder_that_is_not_there_is_refused_with_the_remedy(
    tmp_path: Path, manifest: Manifest
) -> None:
    with pytest.raises(UsageError, match="set CALLBENCH_HOME"):
        RunWriter(tmp_path / "missing" / "run.jsonl", manifest)


def test_a_full_disk_is_a_failure_of_infrastructure_and_keeps_what_was_flushed(
    path: Path, manifest: Manifest, record: Build
) -> None:
    """The writer's file is exchanged for /dev/full in the middle of the run."""
    writer = RunWriter(path, manifest)
    writer.append([record(0)])
    _swap_for_dev_full(path)
    with pytest.raises(InfrastructureError, match="the disk is full"):
        writer.append([record(1)])
    writer.close()
    assert read_run(path).records == (record(0),)


@contextlib.contextmanager
def _room_for(path: Path, size: int) -> Iterator[None]:
    """So many more bytes fit into the file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_after_a_write_that_failed_the_next_one_stands_where_it_should(
    path: Path, manifest: Manifest, record: Build
) -> None:
    """Space came free again, or Ctrl-C cut a write and what else was there is rescued: no hole is left."""
    writer = RunWriter(path, manifest)
    writer.append([record(0)])
    with _room_for(path, 50), pytest.raises(InfrastructureError):
        writer.append([record(1)])
    writer.append([record(2)])
    writer.close()
    assert b"\x00" not in path.read_bytes()
    assert read_run(path).records == (record(0), record(2))


def test_a_disk_that_fills_within_a_line_leaves_a_readable_file(
    path: Path, manifest: Manifest, record: Build
) -> None:
    writer = RunWriter(path, manifest)
    writer.append([record(0)])
    with (
        contextlib.closing(writer),
        _room_for(path, 50),
        pytest.raises(InfrastructureError, match=r"cannot write .*run\.jsonl"),
    ):
        writer.append([record(1)])
    run = read_run(path)
    assert (run.records, run.torn) == ((record(0),), 0)


def test_whatever_a_model_writes_survives(path: Path, manifest: Manifest, record: Build) -> None:
    """Every code point up to U+3000, separators and emoji; lone surrogates as visible escapes."""
    every = "".join(map(chr, range(0x3000))) + "\ufeff\ufffe\uffff\U0001f600\U0010ffff"
    texts = [every, "\ud83d", "a\udfff\ud800b", "\r\n", '{"kind": "end"}\n', ""]
    writer = RunWriter(path, manifest)
    writer.append([record(i, text, thought=text) for i, text in enumerate(texts)])
    writer.close()
    found = read_run(path).records
    escaped = ["\\ud83d", "a\\udfff\\ud800b"]
    assert [r.text for r in found] == [every, *escaped, *texts[3:]]
    assert [r.thought for r in found] == [r.text for r in found]
    assert path.read_bytes().count(b"\n") == 1 + len(texts)


def _swap_for_dev_full(path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    for link in Path("/proc/self/fd").iterdir():
        if link.is_symlink() and link.readlink() == path:
            os.dup2(full, int(link.name))
    os.close(full)
