"""The vocabulary of the suites: Tool, Call, Message, Expectation, Case, Suite, Reply, Verdict.

Every class is frozen and strict: an unknown field or a wrong type is an error, never a guess.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from suites.places import Place

__all__ = [
    "Accept",
    "Answer",
    "Call",
    "Case",
    "Expectation",
    "ExpectedCall",
    "Fact",
    "FailureMode",
    "Message",
    "NoCall",
    "Normal",
    "Official",
    "Outcome",
    "Reply",
    "Split",
    "Suite",
    "Tool",
    "Verdict",
    "canonical",
    "content_hash",
]

NoCall = Literal["answer", "ask", "decline"]
Split = Literal["dev", "test"]
Normal = Literal["exact", "text", "date", "time", "datetime", "set", "java", "javascript"]


class FailureMode(StrEnum):
    """Why a reply failed; a closed list, each named in reports and answered by training data."""

    MISSED_CALL = "missed_call"
    NEEDLESS_CALL = "needless_call"
    REPEATED_CALL = "repeated_call"
    MALFORMED_CALL = "malformed_call"
    TRUNCATED = "truncated"
    WRONG_TOOL = "wrong_tool"
    INVENTED_TOOL = "invented_tool"
    MISSING_CALL = "missing_call"
    EXTRA_CALL = "extra_call"
    MISSING_ARGUMENT = "missing_argument"
    INVENTED_ARGUMENT = "invented_argument"
    WRONG_TYPE = "wrong_type"
    SCHEMA_VIOLATION = "schema_violation"
    WRONG_VALUE = "wrong_value"
    ASSUMED_ARGUMENT = "assumed_argument"
    ASKED_NEEDLESSLY = "asked_needlessly"
    IGNORED_OUTPUT = "ignored_output"
    CONTRADICTED_OUTPUT = "contradicted_output"
    MISREAD_ERROR = "misread_error"
    FOLLOWED_INJECTION = "followed_injection"
    MISSED_FOLLOWUP = "missed_followup"
    NO_ANSWER = "no_answer"


class Outcome(StrEnum):
    """What a reply *is*, before it is judged. Malformed and error are never credited as 'no call'."""

    CALL = "call"
    ANSWER = "answer"
    MALFORMED = "malformed"
    ERROR = "error"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Tool(_Frozen):
    """A callable function: name, description and a JSON Schema (2020-12) object of parameters."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.\-]{0,127}$")]
    description: str = ""
    parameters: dict[str, JsonValue] = {"type": "object", "properties": {}}

    @cached_property
    def properties(self) -> dict[str, Any]:
        """Parameter name -> its JSON Schema (`true` and `false` in their long form)."""
        found = self.parameters.get("properties")
        if not isinstance(found, dict):
            return {}
        if all(isinstance(schema, dict) for schema in found.values()):
            return found
        return {
            k: v if isinstance(v, dict) else ({} if v else {"not": {}}) for k, v in found.items()
        }

    @cached_property
    def digest(self) -> bytes:
        """sha256 of the parameters, keyword order included: what is compiled of them is kept under it."""
        return hashlib.sha256(json.dumps(self.parameters).encode()).digest()

    @cached_property
    def required(self) -> tuple[str, ...]:
        """Names of the parameters that every call must give."""
        found = self.parameters.get("required")
        return tuple(str(n) for n in found) if isinstance(found, list) else ()

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, without what was derived of the parameters: it may be given others."""
        copied = super().model_copy(update=update, deep=deep)
        for derived in ("properties", "required", "digest"):
            copied.__dict__.pop(derived, None)
        return copied


class Call(_Frozen):
    """One function call: a tool name and its arguments (JSON values, never text)."""

    name: str
    arguments: dict[str, JsonValue] = {}


class Message(_Frozen):
    """One chat message. `thought` is the model's reasoning before a call; `name` the tool of a result."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str = ""
    calls: tuple[Call, ...] = ()
    thought: str | None = None
    name: str | None = None


class Accept(_Frozen):
    """The acceptable values of one argument, and the normal form under which they are compared.

    within: largest absolute difference of numbers; optional: the argument may be left out.
    """

    any_of: Annotated[tuple[JsonValue, ...], Field(min_length=1)]
    normal: Normal = "exact"
    within: Annotated[float, Field(ge=0)] | None = None
    optional: bool = False


class ExpectedCall(_Frozen):
    """One call that must be made; an argument that is not listed must be absent or its schema default."""

    name: str
    arguments: dict[str, Accept] = {}

    def gold(self) -> Call:
        """The call with the first acceptable value of every argument."""
        return Call(name=self.name, arguments={k: a.any_of[0] for k, a in self.arguments.items()})


class Fact(_Frozen):
    """Something a text must (or must not) say: any of these strings (as whole words) or numbers."""

    any_of: Annotated[tuple[str | int | float, ...], Field(min_length=1)]


class Answer(_Frozen):
    """Checkable facts of a text reply, and the failure mode that each kind of fault stands for."""

    facts: tuple[Fact, ...] = ()
    absent: tuple[Fact, ...] = ()
    if_missing: FailureMode = FailureMode.IGNORED_OUTPUT
    if_present: FailureMode = FailureMode.CONTRADICTED_OUTPUT


class Expectation(_Frozen):
    """What a right reply is: these calls, or no call (answer / ask / decline) with checkable facts.

    words: what shows lexically that the text asks or declines as it should (a sub-check of its own).
    text, thought: the gold reply and reasoning, used by gold replay, examples in context and training.
    injected: tools that only a hostile payload asks for; calling one is `followed_injection`.
    any_call: some call is right, and the source does not say which (BFCL's relevance).
    """

    calls: tuple[ExpectedCall, ...] = ()
    no_call: NoCall | None = None
    answer: Answer | None = None
    words: tuple[str, ...] = ()
    text: str | None = None
    thought: str | None = None
    injected: tuple[str, ...] = ()
    any_call: bool = False

    @model_validator(mode="after")
    def _one_kind(self) -> "Expectation":
        if bool(self.calls) + (self.no_call is not None) + self.any_call != 1:
            raise ValueError(
                "expects calls, no_call (answer, ask or decline) or any_call: one of them"
            )
        if self.no_call is not None and not (self.text or "").strip():
            raise ValueError("a no_call case needs the text of a right reply")
        if self.answer is not None and self.no_call is None:
            raise ValueError("answer facts belong to a no_call case")
        return self

    @property
    def kind(self) -> str:
        """`call`, `answer`, `ask` or `decline`."""
        return self.no_call or "call"


class Official(_Frozen):
    """What the checker of the benchmark that a case comes from is given, in that benchmark's own form.

    checker: whose rules; category: as the benchmark names it; functions: its function docs; gold: its
    answers.
    """

    checker: Literal["bfcl"]
    category: str
    functions: tuple[JsonValue, ...]
    gold: tuple[JsonValue, ...] = ()


class Case(_Frozen):
    """One test case. `group` is the cluster key: cases made from one another share it.

    official: present in cases of an imported benchmark whose own verdict stands beside ours;
    excluded: reasons of the suite's exclusion list; such a case is run, but left out of audited figures.
    """

    id: Annotated[str, Field(pattern=r"^[^\s]+$")]
    group: str
    category: str = ""
    tools: tuple[Tool, ...] = ()
    messages: Annotated[tuple[Message, ...], Field(min_length=1)]
    expectation: Expectation
    tags: tuple[str, ...] = ()
    note: str = ""
    official: Official | None = None
    excluded: tuple[str, ...] = ()

    def tool(self, name: str) -> Tool | None:
        """The offered tool of that name, or None."""
        for tool in self.tools:
            if tool.name == name:
                return tool
        return None

    @property
    def past_calls(self) -> tuple[Call, ...]:
        """Calls already made since the last user message (a newer request may repeat an old call)."""
        last = max((i for i, m in enumerate(self.messages) if m.role == "user"), default=-1)
        return tuple(call for m in self.messages[last + 1 :] for call in m.calls)


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Named, versioned cases of one split; `hash` covers every case, so an edit changes it.

    source: of an imported suite: where it was read from, its version and the sha256 of what was read.
    places: case id -> where it stands; not part of the hash, and not compared.
    """

    name: str
    version: str
    split: Split
    cases: tuple[Case, ...]
    about: str = ""
    licence: str = ""
    categories: dict[str, str] = field(default_factory=dict)
    source: dict[str, str] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict, compare=False, repr=False)

    @property
    def hash(self) -> str:
        """sha256 (hex) of the suite's name, version, split and its cases in the order of their ids."""
        dumps = (c.model_dump(mode="json", exclude_defaults=True) for c in self.cases)
        cases = sorted(dumps, key=lambda c: str(c["id"]))
        return content_hash([self.name, self.version, self.split, cases])


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What is judged. problems: why the text is a broken call; finish `length` means cut by the budget.

    repaired: a tolerant second reading of a malformed text; reported on its own, never the verdict.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    problems: tuple[str, ...] = ()
    finish: Literal["stop", "length", "error"] = "stop"
    thought: str | None = None
    repaired: tuple[Call, ...] | None = None

    @property
    def outcome(self) -> Outcome:
        """error before malformed before call before answer."""
        if self.finish == "error":
            return Outcome.ERROR
        if self.problems:
            return Outcome.MALFORMED
        return Outcome.CALL if self.calls else Outcome.ANSWER


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The judgement of one reply. checks: sub-check -> True, False or None (does not apply)."""

    passed: bool
    outcome: Outcome
    failure: FailureMode | None = None
    reason: str = ""
    checks: dict[str, bool | None] = field(default_factory=dict)

    @property
    def scored(self) -> bool:
        """False for infrastructure errors: they are counted beside the score, not in it."""
        return self.outcome is not Outcome.ERROR


def canonical(value: Any) -> str:
    """JSON text with sorted keys and no blanks: equal values give equal text (1 and 1.0 differ)."""
    return _CANONICAL.encode(value)


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def content_hash(value: Any) -> str:
    """sha256 (hex) of the canonical JSON of a value."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()
