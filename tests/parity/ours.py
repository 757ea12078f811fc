"""The verdicts of suites.bfcl on pairs, in the same codes as official.py."""

from suites.bfcl import check, check_text, decode
from suites.bfcl.verdict import BfclVerdict
from tests.parity.calls import Pair
from tests.parity.official import digest

__all__ = ["our_code"]


def our_code(pair: Pair) -> str:
    """As `official_code`; `refused` for a text that is marked as not decoded by us."""
    way, docs, payload, gold, category = pair
    if way == "decode":
        decoded = decode(payload, category)  # type: ignore[arg-type]
        if decoded.refused:
            return "refused"
        return digest(decoded.calls) if decoded.ok else "fail"
    if way == "text":
        return _code(check_text(docs, payload, gold, category))
    return _code(check(docs, payload, gold, category))


def _code(verdict: BfclVerdict) -> str:
    if verdict.valid:
        return "ok"
    return f"!{verdict.error_type}" if verdict.crashed else str(verdict.error_type)
