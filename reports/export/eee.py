"""Runs as Every Eval Ever files (schema 0.3.0): an aggregate a run, and its replies beside it as JSON lines.

The folder has the form of that project's datastore: `data/callbench/DEVELOPER/MODEL/UUID.json` and
`UUID_samples.jsonl`. What a run file does not know is said to be unknown and not guessed: the organisation
that ran it (`unknown`), its relation to the model's developer (`other`), whether an adapter's weights are
public (`unknown`). A model without a hub id is `local/NAME`; a base with an adapter always is, for the base's
id would name other weights. Source: evaleval/every_eval_ever, eval.schema.json.
"""

import hashlib
import json
import re
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.errors import UsageError
from bench.records import Manifest
from bench.store import Run
from reports.export.parts import Part, command_line, hub_id, measured_parts, portable
from reports.export.rows import json_text
from reports.export.samples import EEE_VERSION, result_id, sample_rows

__all__ = ["aggregate", "model_id", "write_eee"]

_COLLECTION = "callbench"
_HASH = "sha256"
_ABOUT = (
    "Share of the replies that pass callbench's strict verdict; replies that never came, variants and "
    "excluded cases are not counted."
)


def write_eee(runs: Sequence[Run], path: Path) -> list[Path]:
    """Write two files a run into a folder; returns the aggregates.

    Errors: UsageError for a run that is not complete or has no scored reply; OSError.
    """
    for run in runs:
        _refuse_unfit(run)
    written = []
    for run in runs:
        identity = model_id(run.manifest)
        folder = Path("data", _COLLECTION, *identity.split("/"))
        (path / folder).mkdir(parents=True, exist_ok=True)
        name = _uuid(run.manifest.run_id)
        samples = folder / f"{name}_samples.jsonl"
        lines = _lines(sample_rows(run, _evaluation_id(run.manifest), identity))
        (path / samples).write_bytes(lines)
        log = aggregate(run)
        log["detailed_evaluation_results"] = {
            "format": "jsonl",
            "file_path": samples.as_posix(),
            "hash_algorithm": _HASH,
            "checksum": hashlib.sha256(lines).hexdigest(),
            "total_rows": lines.count(b"\n"),
        }
        written.append(path / folder / f"{name}.json")
        written[-1].write_text(json.dumps(log, indent=1) + "\n", encoding="ascii")
    return written


def aggregate(run: Run) -> dict[str, Any]:
    """The aggregate of a run, a result a suite, without the reference to its samples."""
    m = run.manifest
    return {
        "schema_version": EEE_VERSION,
        "evaluation_id": _evaluation_id(m),
        "evaluation_timestamp": m.started,
        "retrieved_timestamp": str(int(time.time())),
        "source_metadata": {
            "source_name": "callbench run file",
            "source_type": "evaluation_run",
            "source_organization_name": "unknown",
            "evaluator_relationship": "other",
        },
        "eval_library": {
            "name": "callbench",
            "version": m.packages.get("callbench", "unknown"),
            "additional_details": _texts({"git": m.git, "packages": m.packages or None}),
        },
        "model_info": _model_info(m),
        "evaluation_results": [_result(m, part) for part in measured_parts(run) if part.score.n],
    }


def model_id(manifest: Manifest) -> str:
    """`owner/name` of a base from the hub, else `local/NAME`; both parts are portable file names."""
    known = None if manifest.adapter else hub_id(manifest.model)
    owner, name = known.split("/") if known else ("local", portable(manifest.target))
    return f"{_component(owner)}/{_component(name)}"


def _result(m: Manifest, part: Part) -> dict[str, Any]:
    score = part.score
    assert score.interval is not None
    assert score.rate is not None
    return {
        "evaluation_result_id": result_id(m, part.suite),
        "evaluation_name": f"callbench.{part.suite}.{part.split}",
        "source_data": {
            "dataset_name": f"callbench {part.suite}",
            "source_type": "other",
            "additional_details": _texts(
                {
                    "version": part.version,
                    "split": part.split,
                    "sha256": part.hash,
                    "cases": part.cases,
                    "selection": {k: m.selection.get(k) for k in ("pattern", "limit", "vary")},
                }
            ),
        },
        "evaluation_timestamp": m.started,
        "metric_config": {
            "evaluation_description": _ABOUT,
            "metric_id": "callbench.pass_rate",
            "metric_name": "pass rate",
            "metric_kind": "pass_rate",
            "metric_unit": "proportion",
            "lower_is_better": False,
            "score_type": "continuous",
            "min_score": 0.0,
            "max_score": 1.0,
        },
        "score_details": {
            "score": score.rate,
            "details": _texts(
                {
                    "passed": score.passed,
                    "n": score.n,
                    "groups": score.groups,
                    "malformed": part.malformed,
                    "errors": part.errors,
                    "excluded": part.excluded,
                }
            ),
            "uncertainty": {
                "confidence_interval": {
                    "lower": score.interval.low,
                    "upper": score.interval.high,
                    "confidence_level": 0.95,
                    "method": "Wilson, at the effective size of grouped cases",
                },
                "num_samples": score.n,
            },
        },
        "generation_config": _generation(m),
    }


def _generation(m: Manifest) -> dict[str, Any]:
    known = {name: m.sampling.get(name) for name in ("temperature", "top_p", "max_tokens")}
    command = command_line(m)
    return {
        "generation_args": {
            **{name: value for name, value in known.items() if value is not None},
            **({"execution_command": command} if command else {}),
        },
        "additional_details": _texts(
            {
                "dialect": m.dialect,
                "dtype": m.dtype,
                "device": m.device,
                "shots": m.shots,
                "samples": m.samples,
                "constrained": bool(m.sampling.get("constrained")),
                "sampling": m.sampling,
                "engine_settings": m.engine_settings or None,
            }
        ),
    }


def _model_info(m: Manifest) -> dict[str, Any]:
    base = hub_id(m.model)
    served = m.engine == "server"
    return {
        "name": portable(m.target),
        "id": model_id(m),
        "inference_engine": {"name": m.engine, "version": m.engine_version},
        "additional_details": {
            "deployment_type": "unknown" if served else "self_deployed",
            "model_availability": "open_weights" if base and not m.adapter else "unknown",
            **_texts(
                {
                    "base": base or portable(m.model),
                    "base_weights_sha256": m.model_hash,
                    "adapter": m.adapter,
                    "adapter_hash": m.adapter_hash,
                }
            ),
        },
    }


def _refuse_unfit(run: Run) -> None:
    name = run.manifest.run_id
    if not run.complete:
        raise UsageError(
            f"the run {name!r} is not complete, and its scores are not final: finish it with "
            f"callbench run --resume {name}, or export it as parquet or dataset"
        )
    if not any(part.score.n for part in measured_parts(run)):
        raise UsageError(
            f"the run {name!r} has no scored reply, so there is no score to export: leave it out"
        )


def _evaluation_id(m: Manifest) -> str:
    return f"callbench/{model_id(m)}/{m.run_id}"


def _uuid(run_id: str) -> uuid.UUID:
    """Of version 4 in form, as the datastore asks, but the same for the same run each time."""
    return uuid.UUID(bytes=hashlib.sha256(run_id.encode()).digest()[:16], version=4)


def _texts(values: dict[str, Any]) -> dict[str, str]:
    """What `additional_details` may hold: texts; everything else is JSON, what is unknown is left out."""
    return {
        k: v if isinstance(v, str) else json_text(v) for k, v in values.items() if v is not None
    }


def _component(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", text).strip(".-") or "unnamed"


def _lines(found: Sequence[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in found).encode("ascii")
