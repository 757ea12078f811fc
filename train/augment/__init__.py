"""Training cases against each failure mode, made of train-only tools, values and phrasings.

A generator is pure: the same library, seed and number give the same cases. What it yields is judged like any
case (`suites.health.check_case`), and shares no tool and no distinctive value with a built-in suite.
"""

from collections.abc import Callable
from functools import partial

from suites.model import Case, FailureMode
from train.augment.ask import asked_needlessly, assumed_argument
from train.augment.case import Make, gather, input_key, suites_hold
from train.augment.decide import missed_call, needless_call
from train.augment.form import malformed_call, truncated
from train.augment.naming import invented_tool, wrong_tool
from train.augment.optional import invented_argument, missing_argument
from train.augment.output import (
    contradicted_output,
    followed_injection,
    ignored_output,
    misread_error,
    no_answer,
)
from train.augment.several import extra_call, missing_call
from train.augment.steps import missed_followup, repeated_call
from train.augment.values import schema_violation, wrong_type, wrong_value
from train.toolboxes import Library

__all__ = ["GENERATORS", "Generator", "input_key", "suites_hold"]

Generator = Callable[[Library, int, int], list[Case]]
"""(library, seed, n) -> n distinct cases; SuiteError if the toolboxes do not give that many."""

_MAKES: dict[FailureMode, Make] = {
    FailureMode.MISSED_CALL: missed_call,
    FailureMode.NEEDLESS_CALL: needless_call,
    FailureMode.REPEATED_CALL: repeated_call,
    FailureMode.MALFORMED_CALL: malformed_call,
    FailureMode.TRUNCATED: truncated,
    FailureMode.WRONG_TOOL: wrong_tool,
    FailureMode.INVENTED_TOOL: invented_tool,
    FailureMode.MISSING_CALL: missing_call,
    FailureMode.EXTRA_CALL: extra_call,
    FailureMode.MISSING_ARGUMENT: missing_argument,
    FailureMode.INVENTED_ARGUMENT: invented_argument,
    FailureMode.WRONG_TYPE: wrong_type,
    FailureMode.SCHEMA_VIOLATION: schema_violation,
    FailureMode.WRONG_VALUE: wrong_value,
    FailureMode.ASSUMED_ARGUMENT: assumed_argument,
    FailureMode.ASKED_NEEDLESSLY: asked_needlessly,
    FailureMode.IGNORED_OUTPUT: ignored_output,
    FailureMode.CONTRADICTED_OUTPUT: contradicted_output,
    FailureMode.MISREAD_ERROR: misread_error,
    FailureMode.FOLLOWED_INJECTION: followed_injection,
    FailureMode.MISSED_FOLLOWUP: missed_followup,
    FailureMode.NO_ANSWER: no_answer,
}

GENERATORS: dict[FailureMode, Generator] = {
    mode: partial(gather, mode, make) for mode, make in _MAKES.items()
}
"""Every failure mode and what is trained against it."""
