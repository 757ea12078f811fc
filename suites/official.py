"""The verdict of a benchmark's own checker on a reply to one of its cases, beside ours."""

from collections.abc import Callable
from typing import Any

from suites.baselines import gold_reply
from suites.bfcl import BfclVerdict, check, check_text
from suites.bfcl.checker import language_of
from suites.errors import SuiteError
from suites.importers.bfcl import expanded
from suites.model import Case, Outcome, Reply

__all__ = ["gold_calls", "official_gold", "official_verdict", "official_verdict_of_text"]


def official_verdict(case: Case, reply: Reply) -> BfclVerdict:
    """What BFCL's rules give for a reply that was read by one of our dialects (as by its own FC handlers).

    A malformed reply counts as not decoded, which those rules credit on irrelevance. Errors: SuiteError for
    a case without the benchmark's own data, ValueError for a reply that is an infrastructure error.
    """
    if reply.outcome is Outcome.ERROR:
        raise ValueError("an error is no reply: it has no verdict")
    official = _official(case)
    calls: Any = [{c.name: dict(c.arguments)} for c in reply.calls] or None
    if reply.outcome is Outcome.MALFORMED:
        calls = None
    functions, gold = list(official.functions), list(official.gold)
    if calls is None and "relevance" not in official.category:
        return BfclVerdict(
            valid=False, error_type="ast_decoder:decoder_failed", message="no call was read"
        )
    return check(functions, calls, gold, official.category)


def official_verdict_of_text(case: Case, text: str) -> BfclVerdict:
    """What BFCL's rules give for a text of its prompt mode (`[f(x=1)]`). Errors: as official_verdict."""
    official = _official(case)
    return check_text(list(official.functions), text, list(official.gold), official.category)


def official_gold(case: Case) -> list[dict[str, Any]] | None:
    """The benchmark's gold answer as calls: the first way of giving it that its checker accepts.

    None where no call is wanted. Where none is accepted, the first way. Errors: as official_verdict.
    """
    official = _official(case)
    if not official.gold or language_of(official.category) != "python":
        return [{c.name: dict(c.arguments)} for c in gold_reply(case).calls] or None
    ways = gold_calls(list(official.gold))
    functions, gold = list(official.functions), list(official.gold)
    right = (w for w in ways if check(functions, w, gold, official.category).valid)
    return next(right, ways[0])


def gold_calls(gold: Any) -> list[list[dict[str, Any]]]:
    """BFCL's first gold answers as calls, in three ways of treating what may be left out.

    As the list begins (a first "" leaves the argument out), all given, and all left out.
    """
    ways: list[Callable[[list[Any]], bool]] = [
        lambda golds: golds[0] != "",
        lambda _: True,
        lambda golds: "" not in golds,
    ]
    return [
        [
            {n: {p: v[0] for p, g in answers.items() if g and way(g) and (v := expanded(g))}}
            for wanted in gold
            for n, answers in wanted.items()
        ]
        for way in ways
    ]


def _official(case: Case) -> Any:
    if case.official is None:
        raise SuiteError(
            f"case {case.id!r} has no data for the bfcl mode: it judges imported BFCL suites only"
        )
    return case.official
