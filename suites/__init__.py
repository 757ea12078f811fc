"""What is measured: cases, how a reply is judged, the failure modes, the built-in and imported suites."""

from suites.baselines import BASELINES, gold_reply
from suites.catalogue import Part, Selection, builtin_suites, select
from suites.errors import SuiteError
from suites.judge import judge
from suites.load import load_cases, load_suite
from suites.model import (
    Call,
    Case,
    Expectation,
    FailureMode,
    Message,
    Outcome,
    Reply,
    Suite,
    Tool,
    Verdict,
)

__all__ = [
    "BASELINES",
    "Call",
    "Case",
    "Expectation",
    "FailureMode",
    "Message",
    "Outcome",
    "Part",
    "Reply",
    "Selection",
    "Suite",
    "SuiteError",
    "Tool",
    "Verdict",
    "builtin_suites",
    "gold_reply",
    "judge",
    "load_cases",
    "load_suite",
    "select",
]
