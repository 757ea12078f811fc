"""What was expected of a case and what came, in one line each; safe to write as UTF-8, capped."""

from bench.records import Record
from suites import Case, Outcome, gold_reply
from suites.json_text import compact
from suites.model import Accept, Call

__all__ = ["actual", "clean", "expected", "request"]

_ALTERNATIVES = 3


def expected(case: Case, width: int = 120) -> str:
    """The calls with their acceptable values, or the kind of text with the gold one."""
    wanted = case.expectation
    if wanted.any_call:
        return "a call of any tool"
    if wanted.calls:
        calls = [
            f"{c.name}({', '.join(f'{k}={_values(a)}' for k, a in c.arguments.items())})"
            for c in wanted.calls
        ]
        return clean("; ".join(calls), width)
    return clean(f"no call, {wanted.kind}: {gold_reply(case).text}", width)


def actual(record: Record, width: int = 120) -> str:
    """The calls as they were read, or the reply's text."""
    if record.verdict.outcome is Outcome.ERROR:
        return clean(f"no reply: {record.verdict.reason}", width)
    if record.calls:
        return clean("; ".join(map(_call, record.calls)), width)
    return clean(record.text or "(empty)", width)


def request(case: Case, width: int = 120) -> str:
    """The last thing that the user said."""
    said = [m.content for m in case.messages if m.role == "user"]
    return clean(said[-1] if said else "", width)


def clean(text: str, width: int = 0) -> str:
    """Lone surrogates as visible escapes, and at most `width` characters (0: all)."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    return text if not width or len(text) <= width else text[: width - 1] + "…"


def _call(call: Call) -> str:
    return f"{call.name}({', '.join(f'{k}={compact(v)}' for k, v in call.arguments.items())})"


def _values(accept: Accept) -> str:
    shown = [compact(v) for v in accept.any_of[:_ALTERNATIVES]]
    more = "|…" if len(accept.any_of) > _ALTERNATIVES else ""
    return "|".join(shown) + more
