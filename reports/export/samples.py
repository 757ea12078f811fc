"""The scored replies of a run as Every Eval Ever's instance records, each linked to its suite's result."""

import hashlib
import json
from typing import Any

from bench.records import Manifest, Record
from bench.store import Run
from reports.export.parts import scored, split_of
from reports.export.rows import json_text
from suites import Call, Case, gold_reply
from suites.model import Message

__all__ = ["EEE_VERSION", "result_id", "sample_rows"]

EEE_VERSION = "0.3.0"
"""Version of the schema, of aggregates and of instances alike."""


def result_id(manifest: Manifest, suite: str) -> str:
    """Which result of an aggregate a reply belongs to."""
    return f"{manifest.run_id}/{suite}"


def sample_rows(run: Run, evaluation_id: str, model_id: str) -> list[dict[str, Any]]:
    """An instance record for each reply that counts in a score, and for no other."""
    names = {s.name: split_of(run.manifest, s.name) for s in run.manifest.suites}
    return [
        {
            "schema_version": EEE_VERSION,
            "evaluation_id": evaluation_id,
            "model_id": model_id,
            "evaluation_name": f"callbench.{record.suite}.{names[record.suite]}",
            "evaluation_result_id": result_id(run.manifest, record.suite),
            **_instance(record, run.manifest),
        }
        for record in scored(run.records)
        if record.suite in names
    ]


def _instance(record: Record, manifest: Manifest) -> dict[str, Any]:
    case, verdict = record.case, record.verdict
    asked = {"raw": _question(case), "reference": _reference(case)}
    turns = _turns(case, record)
    kind = _interaction(case)
    single = kind == "single_turn"
    last = 0 if single else len(turns) - 1
    calls = [c.model_dump(mode="json") for c in record.calls]
    said = {"raw": [record.text]}
    if record.thought is not None:
        said["reasoning_trace"] = [record.thought]
    return {
        "sample_id": f"{record.id}#{record.sample}" if manifest.samples > 1 else record.id,
        "sample_hash": _sample_hash(asked),
        "interaction_type": kind,
        "input": asked,
        "output": said if single else None,
        "messages": None if single else turns,
        "answer_attribution": [
            {
                "turn_idx": last,
                "source": "output.raw" if single else f"messages[{last}].content",
                "extracted_value": json_text(calls) if calls else record.text,
                "extraction_method": f"callbench dialect {manifest.dialect}",
                "is_terminal": True,
            }
        ],
        "evaluation": {
            "score": float(verdict.passed),
            "is_correct": verdict.passed,
            "num_turns": 1 if single else len(turns),
            "tool_calls_count": sum(len(t["tool_calls"] or ()) for t in turns),
        },
        "token_usage": {
            "input_tokens": record.prompt_tokens,
            "output_tokens": record.completion_tokens,
            "total_tokens": record.prompt_tokens + record.completion_tokens,
        },
        "performance": None if record.cached else {"generation_time_ms": 1000 * record.seconds},
        "metadata": {
            "group": case.group,
            "category": case.category,
            "outcome": verdict.outcome.value,
            "failure": verdict.failure.value if verdict.failure else "",
            "reason": verdict.reason,
            "finish": record.finish,
            "input_hash": record.input,
        },
    }


def _interaction(case: Case) -> str:
    if any(m.calls or m.role == "tool" for m in case.messages):
        return "agentic"
    turns = sum(m.role != "system" for m in case.messages)
    return "single_turn" if turns == 1 else "multi_turn"


def _question(case: Case) -> str:
    """Tools and messages: all that is asked, in JSON, whatever the dialect made of it."""
    tools = [t.model_dump(mode="json") for t in case.tools]
    messages = [m.model_dump(mode="json", exclude_defaults=True) for m in case.messages]
    return json_text({"tools": tools, "messages": messages})


def _reference(case: Case) -> list[str]:
    """The gold calls, or the gold text; empty where any call would do."""
    wanted = case.expectation
    if wanted.any_call:
        return []
    if wanted.calls:
        return [json_text([c.gold().model_dump(mode="json") for c in wanted.calls])]
    return [gold_reply(case).text]


def _sample_hash(asked: dict[str, Any]) -> str:
    """As Every Eval Ever's adapters make it: sha256 of raw and reference as JSON with sorted keys."""
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _turns(case: Case, record: Record) -> list[dict[str, Any]]:
    """The dialogue with the reply as its last turn; a tool's result names the call that it answers."""
    found: list[dict[str, Any]] = []
    waiting: list[tuple[str, str]] = []
    reply = Message(
        role="assistant", content=record.text, calls=record.calls, thought=record.thought
    )
    for i, message in enumerate((*case.messages, reply)):
        answered = None
        if message.role == "tool":
            match = next((w for w in waiting if message.name in (None, w[1])), None)
            if match is not None:
                waiting.remove(match)
                answered = [match[0]]
        calls = [_call(f"call_{i}_{k}", call) for k, call in enumerate(message.calls)]
        waiting += [(c["id"], c["name"]) for c in calls]
        found.append(
            {
                "turn_idx": i,
                "role": message.role,
                "content": message.content,
                "reasoning_trace": message.thought,
                "tool_calls": calls or None,
                "tool_call_id": answered,
            }
        )
    return found


def _call(name: str, call: Call) -> dict[str, Any]:
    """Arguments must be texts there: what is none is written as JSON."""
    arguments = {k: v if isinstance(v, str) else json_text(v) for k, v in call.arguments.items()}
    return {"id": name, "name": call.name, "arguments": arguments}
