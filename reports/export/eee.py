"""Every Eval Ever: the aggregate file and the file of samples of a run.

Source: evaleval/every_eval_ever, eval.schema.json 0.2.1, instance_level_eval.schema.json 0.2.1 (JSON Schema
draft-07). Fields that the schemas leave to the writer (`additional_details`) hold strings only, as they ask.
"""

import datetime as dt
import hashlib
import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.records import Manifest, Record
from bench.store import Run
from reports.shown import expected
from reports.summary import Line, summarise
from suites import Outcome

__all__ = ["SCHEMA", "write_eee"]

SCHEMA = "0.2.1"
_METHOD = "Wilson score interval at the effective size of clustered cases"


def write_eee(runs: Sequence[Run], folder: Path) -> list[Path]:
    """Write two files a run, `UUID.json` and `UUID_samples.jsonl`; returns those of the results.

    The UUID follows from the run's id, so that the same run gives the same files but for the time of writing.
    Errors: OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    now = dt.datetime.now(dt.UTC)
    found = []
    for run in runs:
        stem = uuid.uuid5(uuid.NAMESPACE_URL, run.manifest.run_id)
        samples = folder / f"{stem}_samples.jsonl"
        name = _identity(run.manifest, now)
        lines = [json.dumps(_sample(run.manifest, name, r)) for r in run.records]
        data = "".join(f"{line}\n" for line in lines).encode("ascii")
        samples.write_bytes(data)
        result = folder / f"{stem}.json"
        aggregate = _aggregate(run, name, now)
        aggregate["detailed_evaluation_results"] = {
            "format": "jsonl",
            "file_path": samples.name,
            "hash_algorithm": "sha256",
            "checksum": hashlib.sha256(data).hexdigest(),
            "total_rows": len(lines),
        }
        result.write_text(json.dumps(aggregate, indent=1) + "\n", encoding="ascii")
        found.append(result)
    return found


def _identity(manifest: Manifest, now: dt.datetime) -> str:
    names = "+".join(f"{s.name}/{s.split}" for s in manifest.suites)
    return f"callbench:{names}/{manifest.target}/{now.timestamp():.0f}"


def _aggregate(run: Run, name: str, now: dt.datetime) -> dict[str, Any]:
    manifest, summary = run.manifest, summarise(run)
    details = {
        "dialect": manifest.dialect,
        "model_hash": manifest.model_hash,
        "dtype": manifest.dtype,
        "device": manifest.device,
    }
    if manifest.adapter:
        details |= {"adapter": manifest.adapter, "adapter_hash": str(manifest.adapter_hash)}
    return {
        "schema_version": SCHEMA,
        "evaluation_id": name,
        "evaluation_timestamp": manifest.started,
        "retrieved_timestamp": f"{now.timestamp():.0f}",
        "source_metadata": {
            "source_name": "callbench",
            "source_type": "evaluation_run",
            "source_organization_name": "unknown",
            "evaluator_relationship": "other",
            "additional_details": {"run": manifest.run_id},
        },
        "eval_library": {
            "name": "callbench",
            "version": manifest.packages.get("callbench", "unknown"),
            "additional_details": {"git": manifest.git or "unknown"},
        },
        "model_info": {
            "name": manifest.target,
            "id": manifest.target,
            "inference_engine": {"name": manifest.engine, "version": manifest.engine_version},
            "additional_details": details,
        },
        "evaluation_results": [
            _result(line, manifest)
            for line in summary.lines
            if line.suite != "all" and line.score.n
        ],
    }


def _result(line: Line, manifest: Manifest) -> dict[str, Any]:
    suite = next(s for s in manifest.suites if line.suite in (s.name, *_parts(line.suite)))
    bounds, settings = line.score.interval, manifest.sampling
    assert bounds is not None
    plain = {"max_tokens": settings.get("max_tokens"), "temperature": settings.get("temperature")}
    return {
        "evaluation_name": f"{line.suite}/{line.category}" if line.category else line.suite,
        "source_data": {
            "dataset_name": suite.name,
            "source_type": "other",
            "additional_details": {
                "split": suite.split,
                "version": suite.version,
                "sha256": suite.hash,
            },
        },
        "metric_config": {
            "evaluation_description": "share of cases passed by callbench's strict judge",
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": 0.0,
            "max_score": 1.0,
        },
        "score_details": {
            "score": line.score.rate,
            "details": {"passed": str(line.score.passed), "groups": str(line.score.groups)},
            "uncertainty": {
                "confidence_interval": {
                    "lower": bounds.low,
                    "upper": bounds.high,
                    "confidence_level": 0.95,
                    "method": _METHOD,
                },
                "num_samples": line.score.n,
            },
        },
        "generation_config": {
            "generation_args": {**plain, "top_p": settings.get("top_p")},
            "additional_details": {k: json.dumps(v) for k, v in settings.items()},
        },
    }


def _parts(name: str) -> tuple[str, ...]:
    """`call ~order`, the variants of a suite, belong to the suite."""
    return (name.partition(" ~")[0],)


def _sample(manifest: Manifest, name: str, record: Record) -> dict[str, Any]:
    """One reply. The dialogue before it is the input; a reply that is a call is written as it was said."""
    case, verdict = record.case, record.verdict
    dialogue = [m.model_dump(mode="json", exclude_defaults=True) for m in case.messages]
    tools = [t.model_dump(mode="json") for t in case.tools]
    read = json.dumps([c.model_dump(mode="json") for c in record.calls])
    return {
        "schema_version": f"instance_level_eval_{SCHEMA}",
        "evaluation_id": name,
        "model_id": manifest.target,
        "evaluation_name": record.suite,
        "sample_id": record.id if not record.sample else f"{record.id}#{record.sample}",
        "sample_hash": record.input,
        "interaction_type": "single_turn",
        "input": {
            "raw": json.dumps({"tools": tools, "messages": dialogue}),
            "reference": [expected(case, 0)],
        },
        "output": {
            "raw": [record.text],
            "reasoning_trace": None if record.thought is None else [record.thought],
        },
        "messages": None,
        "answer_attribution": [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": read if record.calls else record.text,
                "extraction_method": f"callbench dialect {manifest.dialect}",
                "is_terminal": True,
            }
        ],
        "evaluation": {
            "score": float(verdict.passed),
            "is_correct": verdict.passed,
            "num_turns": 1,
            "tool_calls_count": len(record.calls),
        },
        "token_usage": {
            "input_tokens": record.prompt_tokens,
            "output_tokens": record.completion_tokens,
            "total_tokens": record.prompt_tokens + record.completion_tokens,
        },
        "performance": {"generation_time_ms": 1000 * record.seconds},
        "error": verdict.reason if verdict.outcome is Outcome.ERROR else None,
        "metadata": {
            "group": case.group,
            "category": case.category,
            "failure": verdict.failure.value if verdict.failure else "",
            "reason": verdict.reason,
        },
    }
