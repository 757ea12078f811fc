"""What Every Eval Ever 0.3.0 asks of an aggregate and of an instance, as JSON Schema draft-07: required
fields, closed objects, enumerations, and that every `additional_details` holds texts only."""

from typing import Any

_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}
_TEXTS = {"type": "object", "additionalProperties": _TEXT}
_COUNT = {"type": "integer", "minimum": 0}
_UUID4 = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def _object(required: str, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required.split(), "properties": properties}


def _closed(required: str, **properties: Any) -> dict[str, Any]:
    return {**_object(required, **properties), "additionalProperties": False}


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [{"type": "null"}, schema]}


_MODEL = _object(
    "name id additional_details",
    name=_TEXT,
    id={"type": "string", "pattern": "^[^/]+/[^/]+$"},
    inference_engine=_object("", name=_TEXT, version=_TEXT),
    additional_details={
        **_TEXTS,
        "required": ["deployment_type", "model_availability"],
        "properties": {
            "deployment_type": {"enum": ["self_deployed", "externally_managed", "unknown"]},
            "model_availability": {"enum": ["open_weights", "closed_weights", "unknown"]},
        },
    },
)

_RESULT = _closed(
    "evaluation_name source_data metric_config score_details",
    evaluation_result_id=_TEXT,
    evaluation_name=_TEXT,
    evaluation_timestamp=_TEXT,
    source_data=_object(
        "dataset_name source_type",
        dataset_name=_TEXT,
        source_type={"const": "other"},
        additional_details=_TEXTS,
    ),
    metric_config=_closed(
        "lower_is_better score_type min_score max_score",
        evaluation_description=_TEXT,
        metric_id=_TEXT,
        metric_name=_TEXT,
        metric_kind=_TEXT,
        metric_unit=_TEXT,
        lower_is_better={"type": "boolean"},
        score_type={"enum": ["binary", "continuous", "levels"]},
        min_score=_NUMBER,
        max_score=_NUMBER,
    ),
    score_details=_closed(
        "score",
        score={"type": "number", "minimum": 0, "maximum": 1},
        details=_TEXTS,
        uncertainty=_closed(
            "",
            confidence_interval=_closed(
                "lower upper",
                lower=_NUMBER,
                upper=_NUMBER,
                confidence_level={"type": "number", "minimum": 0, "maximum": 1},
                method=_TEXT,
            ),
            num_samples={"type": "integer"},
        ),
    ),
    generation_config=_closed(
        "",
        generation_args=_closed(
            "",
            temperature={"type": ["null", "number"]},
            top_p={"type": ["null", "number"]},
            max_tokens={"type": "integer", "minimum": 1},
            execution_command=_TEXT,
        ),
        additional_details=_TEXTS,
    ),
)

AGGREGATE: dict[str, Any] = _closed(
    "schema_version evaluation_id retrieved_timestamp source_metadata model_info eval_library "
    "evaluation_results",
    schema_version={"const": "0.3.0"},
    evaluation_id=_TEXT,
    evaluation_timestamp=_TEXT,
    retrieved_timestamp={"type": "string", "pattern": "^[0-9]+$"},
    source_metadata=_object(
        "source_type source_organization_name evaluator_relationship",
        source_name=_TEXT,
        source_type={"enum": ["documentation", "evaluation_run"]},
        source_organization_name=_TEXT,
        evaluator_relationship={"enum": ["first_party", "third_party", "collaborative", "other"]},
    ),
    eval_library=_object("name version", name=_TEXT, version=_TEXT, additional_details=_TEXTS),
    model_info=_MODEL,
    evaluation_results={"type": "array", "items": _RESULT},
    detailed_evaluation_results=_object(
        "format file_path",
        format={"const": "jsonl"},
        file_path={
            "type": "string",
            "pattern": rf"^data/[^/]+/[^/]+/[^/]+/{_UUID4}_samples\.jsonl$",
        },
        hash_algorithm={"enum": ["sha256", "md5"]},
        checksum=_TEXT,
        total_rows={"type": "integer"},
    ),
)

_TURN = _object(
    "turn_idx role",
    turn_idx=_COUNT,
    role=_TEXT,
    content={"type": ["string", "null"]},
    reasoning_trace={"type": ["string", "null"]},
    tool_calls=_nullable(
        {"type": "array", "items": _object("id name", id=_TEXT, name=_TEXT, arguments=_TEXTS)}
    ),
    tool_call_id=_nullable({"type": "array", "items": _TEXT}),
)

_ANSWER = _object(
    "turn_idx source extracted_value extraction_method is_terminal",
    turn_idx=_COUNT,
    source=_TEXT,
    extracted_value=_TEXT,
    extraction_method=_TEXT,
    is_terminal={"type": "boolean"},
)

INSTANCE: dict[str, Any] = {
    **_closed(
        "schema_version evaluation_id model_id evaluation_name sample_id interaction_type input "
        "answer_attribution evaluation",
        schema_version={"const": "0.3.0"},
        evaluation_id=_TEXT,
        model_id=_TEXT,
        evaluation_name=_TEXT,
        evaluation_result_id=_TEXT,
        sample_id=_TEXT,
        sample_hash={"type": ["string", "null"]},
        interaction_type={"enum": ["single_turn", "multi_turn", "agentic"]},
        input=_object("raw reference", raw=_TEXT, reference={"type": "array", "items": _TEXT}),
        output=_nullable(_object("raw", raw={"type": "array", "items": _TEXT})),
        messages=_nullable({"type": "array", "minItems": 1, "items": _TURN}),
        answer_attribution={"type": "array", "items": _ANSWER},
        evaluation=_object(
            "score is_correct num_turns",
            score=_NUMBER,
            is_correct={"type": "boolean"},
            num_turns={"type": "integer", "minimum": 1},
            tool_calls_count=_COUNT,
        ),
        token_usage=_nullable(
            _object(
                "input_tokens output_tokens total_tokens",
                input_tokens=_COUNT,
                output_tokens=_COUNT,
                total_tokens=_COUNT,
            )
        ),
        performance=_nullable(
            _closed("", generation_time_ms={"type": "number", "minimum": 0}),
        ),
        error={"type": ["string", "null"]},
        metadata=_nullable(_TEXTS),
    ),
    "if": {"properties": {"interaction_type": {"const": "single_turn"}}},
    "then": {"properties": {"output": {"type": "object"}, "messages": {"type": "null"}}},
    "else": {"properties": {"output": {"type": "null"}, "messages": {"type": "array"}}},
}
