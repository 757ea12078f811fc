"""The file of expected verdicts: a table of codes and, per group, one character a pair."""

import hashlib
import json
import lzma
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.parity.calls import Pair
from tests.parity.rng import encode

__all__ = ["fingerprint", "pack", "read", "unpack", "write"]

_FIRST = 0x21


def fingerprint(pairs: Iterable[Pair]) -> str:
    """16 hex digits of all pairs of a group: a generator that changed is not taken for a wrong verdict."""
    found = hashlib.sha256()
    for pair in pairs:
        found.update(encode(pair).encode("utf-8", "backslashreplace"))
    return found.hexdigest()[:16]


def pack(codes: list[str]) -> dict[str, Any]:
    """The codes of a group; digests of decoded values (`=...`) stand in order beside the table."""
    plain = ["=" if code.startswith("=") else code for code in codes]
    table = sorted(set(plain))
    signs = "".join(chr(_FIRST + table.index(code)) for code in plain)
    return {"table": table, "codes": signs, "digests": "".join(c[1:] for c in codes if c[0] == "=")}


def unpack(group: dict[str, Any]) -> list[str]:
    """The codes of a group again."""
    codes, place = [], 0
    for sign in group["codes"]:
        code = group["table"][ord(sign) - _FIRST]
        if code == "=":
            code += group["digests"][place : place + 6]
            place += 6
        codes.append(code)
    return codes


def write(path: Path, content: dict[str, Any]) -> None:
    """Writes the file (JSON, xz)."""
    path.write_bytes(lzma.compress(json.dumps(content).encode(), preset=9))


def read(path: Path) -> dict[str, Any]:
    """Reads the file."""
    content: dict[str, Any] = json.loads(lzma.decompress(path.read_bytes()))
    return content
