"""What safetensors files say of themselves: names, types and shapes, and raw values without torch.

Form: 8 bytes (little-endian length n), n bytes of JSON {name: {dtype, shape, data_offsets}}, the values.
"""

import json
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy
from numpy.typing import NDArray

from adapters.errors import ModelError

__all__ = ["Header", "Tensor", "any_nonfinite", "any_nonzero", "raw", "read_header"]

_BYTES = {
    **dict.fromkeys(("F64", "I64", "U64"), 8),
    **dict.fromkeys(("F32", "I32", "U32"), 4),
    **dict.fromkeys(("F16", "BF16", "I16", "U16"), 2),
    **dict.fromkeys(("I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2"), 1),
}
_LONGEST = 100_000_000  # the reference reader's own limit
_EXPONENT = {
    "F64": (numpy.uint64, 0x7FF0_0000_0000_0000),
    "F32": (numpy.uint32, 0x7F80_0000),
    "F16": (numpy.uint16, 0x7C00),
    "BF16": (numpy.uint16, 0x7F80),
}


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One entry: type as safetensors writes it (`F32`), shape, and where its bytes lie in the file."""

    dtype: str
    shape: tuple[int, ...]
    file: Path
    begin: int
    end: int


@dataclass(frozen=True, kw_only=True)
class Header:
    """The tensors of one file, in the order of its header."""

    file: Path
    tensors: dict[str, Tensor]


def read_header(file: Path) -> Header:
    """The header of a safetensors file. Errors: ModelError for a file that is none, or is cut short."""
    broken = ModelError(f"{file} is no whole safetensors file")
    try:
        size = file.stat().st_size
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if size < 8 or length > min(size - 8, _LONGEST):
                raise broken
            entries = json.loads(stream.read(length))
    except OSError as error:
        raise ModelError(f"cannot read {file}: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise broken from None
    if not isinstance(entries, dict):
        raise broken
    tensors: dict[str, Tensor] = {}
    for name, entry in entries.items():
        if name == "__metadata__":
            continue
        try:
            begin, end = (8 + length + int(i) for i in entry["data_offsets"])
            shape = tuple(int(n) for n in entry["shape"])
            dtype = str(entry["dtype"])
        except (KeyError, TypeError, ValueError):
            raise broken from None
        width = _BYTES.get(dtype)
        if not 8 + length <= begin <= end <= size or min(shape, default=0) < 0:
            raise broken
        if width is not None and end - begin != width * prod(shape):
            raise broken
        tensors[name] = Tensor(dtype=dtype, shape=shape, file=file, begin=begin, end=end)
    place = (
        8 + length
    )  # like the reference reader: no holes, no overlaps, nothing behind the last value
    for tensor in sorted(tensors.values(), key=lambda t: (t.begin, t.end)):
        if tensor.begin != place:
            raise broken
        place = tensor.end
    if place != size:
        raise broken
    return Header(file=file, tensors=tensors)


def raw(tensor: Tensor) -> NDArray[numpy.uint8]:
    """The tensor's bytes."""
    return numpy.fromfile(
        tensor.file, dtype=numpy.uint8, count=tensor.end - tensor.begin, offset=tensor.begin
    )


def any_nonzero(tensor: Tensor) -> bool:
    """True unless every value is zero (of either sign)."""
    values = raw(tensor)
    if tensor.dtype in _EXPONENT:
        kind = numpy.dtype(_EXPONENT[tensor.dtype][0]).newbyteorder("<")
        return bool((values.view(kind) << 1).any())  # the sign bit falls out
    return bool(values.any())


def any_nonfinite(tensor: Tensor) -> bool:
    """True if a value is infinite or no number; False for types that cannot say so."""
    if tensor.dtype not in _EXPONENT:
        return False
    kind, mask = _EXPONENT[tensor.dtype]
    values = raw(tensor).view(numpy.dtype(kind).newbyteorder("<"))
    return bool(((values & kind(mask)) == kind(mask)).any())
