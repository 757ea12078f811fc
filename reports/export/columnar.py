"""The rows of runs as one Parquet file, or as a folder that `datasets.load_from_disk` reads: same columns."""

from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bench.store import Run
from reports.export.rows import COLUMNS, rows

__all__ = ["SCHEMA", "write_dataset", "write_parquet"]

_TYPES = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
_AT_ONCE = 1000

SCHEMA = pa.schema([pa.field(name, _TYPES[kind]) for name, kind in COLUMNS.items()])
"""The columns as Arrow has them; all may be null."""


def write_parquet(runs: Sequence[Run], path: Path) -> None:
    """One Parquet file, a row a record, the runs behind one another. Errors: OSError."""
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for batch in _batches(runs):
            writer.write_batch(batch)


def write_dataset(runs: Sequence[Run], path: Path) -> None:
    """One folder in the form of `Dataset.save_to_disk`, with the same rows. Errors: OSError."""
    import datasets

    table = pa.Table.from_batches(list(_batches(runs)), schema=SCHEMA)
    # Left to itself it writes no file for no rows, and load_from_disk then finds nothing.
    shards = None if len(table) else 1
    shown = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        datasets.Dataset(table).save_to_disk(str(path), num_shards=shards)
    finally:
        if shown:
            datasets.enable_progress_bars()


def _batches(runs: Sequence[Run]) -> Iterator[pa.RecordBatch]:
    left = chain.from_iterable(rows(run) for run in runs)
    while some := list(islice(left, _AT_ONCE)):
        yield pa.RecordBatch.from_pylist(some, schema=SCHEMA)
