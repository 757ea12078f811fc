"""The value of constant arithmetic in a decoded text, where BFCL's decoder would call Python's eval.

Numbers, strings, bytes and displays of them are computed here, within limits. A name that eval would not
know fails, as it does officially; a name or a form that eval would run is refused, never run.
"""

import ast
import builtins
import operator
import re
from collections.abc import Callable
from typing import Any

from suites.bfcl.scan import words

__all__ = ["RefusedError", "fold"]

_MAX_BITS = 100_000
_MAX_ITEMS = 100_000
_WIDTH = re.compile(r"\*|\d{5,}")

# What eval knows besides the builtins: the names of the module bfcl_eval.model_handler.utils (2026.3.23).
_MODULE_NAMES = words(
    """
    ADDITIONAL_SYSTEM_PROMPT_FOR_AGENTIC_RESPONSE_FORMAT AGENTIC_CATEGORY
    ALL_AVAILABLE_MEMORY_BACKENDS ALL_CATEGORIES ALL_SCORING_CATEGORIES Callable
    DEFAULT_SYSTEM_PROMPT_FORMAT DEFAULT_USER_PROMPT_FOR_ADDITIONAL_FUNCTION_FC
    DEFAULT_USER_PROMPT_FOR_ADDITIONAL_FUNCTION_PROMPTING DOTENV_PATH FORMAT_SENSITIVITY_IDS_PATH
    FileLock GORILLA_TO_OPENAPI H100_X8_PRICE_PER_HOUR LIVE_CATEGORY
    LOCAL_SERVER_MAX_CONCURRENT_REQUEST LOCAL_SERVER_PORT LOCK_DIR List Lock MAXIMUM_STEP_LIMIT
    MEMORY_AGENT_SETTINGS MEMORY_BACKEND_INSTRUCTION_CORE_ARCHIVAL
    MEMORY_BACKEND_INSTRUCTION_UNIFIED MEMORY_CATEGORY MEMORY_PREREQ_CONVERSATION_PATH
    MEMORY_SCENARIO_NAME MULTI_TURN_CATEGORY MULTI_TURN_FUNC_DOC_FILE_MAPPING
    MULTI_TURN_FUNC_DOC_PATH ModelStyle NON_LIVE_CATEGORY NON_SCORING_CATEGORY
    OUTPUT_FORMAT_MAPPING Optional PACKAGE_ROOT PARAM_TYPE_MAPPING POSSIBLE_ANSWER_PATH
    PROJECT_ROOT PROMPT_PATH PROMPT_STYLE_TEMPLATES PROMPT_TEMPLATE_MAPPING Path RED_FONT RESET
    RESULT_FILE_PATTERN RESULT_PATH ReturnFormat SCORE_PATH SINGLE_TURN_CATEGORY
    TEST_COLLECTION_MAPPING TEST_IDS_TO_GENERATE_PATH TYPE_CHECKING Type UTILS_PATH Union
    VERSION_PREFIX WEB_SEARCH_CATEGORY _cast_to_openai_type _generate_function_doc_python
    _generate_function_doc_xml add_language_specific_hint_to_function_doc
    add_memory_instruction_system_prompt ast ast_parse builtins clean_up_memory_prereq_entries
    combine_consecutive_user_prompts contain_multi_turn_interaction contain_multi_turn_irrelevance
    convert_system_prompt_into_user_prompt convert_to_function_call convert_to_tool convert_value
    copy decoded_output_to_execution_list deepcopy default_decode_ast_prompting
    default_decode_execute_prompting extract_last_user_message extract_memory_backend_type
    extract_prompt_format_from_id extract_system_prompt extract_test_category
    extract_test_category_from_id filter_entries_by_id find_file_by_category
    format_execution_results_prompting format_function_doc formulate_system_prompt
    get_all_format_sensitivity_configs get_directory_structure_by_category
    get_directory_structure_by_id get_file_name_by_category get_general_grouping get_sub_grouping
    hashlib is_agentic is_chatable is_empty_output is_executable is_executable_format_output
    is_first_memory_prereq_entry is_format_sensitivity is_function_calling_format_output is_java
    is_js is_live is_memory is_memory_prereq is_multi_turn is_non_live is_relevance_or_irrelevance
    is_rest is_sql is_web_search json load_dataset_entry load_file
    load_format_sensitivity_ground_truth_entry load_format_sensitivity_test_cases
    load_ground_truth_entry load_test_entries_from_id_file make_json_serializable operator os
    parse_concise_xml_function_call parse_java_function_call parse_javascript_function_call
    parse_json_function_call parse_nested_value parse_prompt_variation_params
    parse_test_category_argument parse_verbose_xml_function_call
    populate_initial_settings_for_memory_test_cases
    populate_initial_settings_for_web_search_test_cases
    populate_test_cases_with_predefined_functions process_agentic_test_case
    process_memory_test_case process_web_search_test_case re reduce resolve_ast_by_type
    resolve_ast_call retry retry_if_exception_message retry_if_exception_type retry_with_backoff
    sort_file_content_by_id sort_key system_prompt_pre_processing_chat_model value
    wait_random_exponential write_list_of_dicts_to_file
    """
)

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.MatMult: operator.matmul,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
}


class RefusedError(Exception):
    """Python's eval might give a value here; this reader does not run what a model wrote."""


def fold(node: ast.expr) -> Any:
    """The value of a constant expression.

    Raises what eval would raise (NameError, ZeroDivisionError, TypeError, ...), or RefusedError.
    """
    match node:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=sign, operand=operand):
            return _UNARY[type(sign)](fold(operand))
        case ast.BinOp(left=left, op=op, right=right):
            return _binary(type(op), *_all([left, right]))
        case ast.List(elts=items):
            return _all(items)
        case ast.Tuple(elts=items):
            return tuple(_all(items))
        case ast.Name(id=name):
            if _known(name):
                raise RefusedError(f"the name {name!r}")
            raise NameError(f"name {name!r} is not defined")
        case ast.Attribute(value=inner):
            fold(inner)
        case ast.Call(func=func, args=args, keywords=keywords):
            _all([func, *args, *(k.value for k in keywords)])
        case ast.Subscript(value=inner, slice=index):
            _all([inner, index])
    raise RefusedError(f"an expression ({type(node).__name__})")


def _known(name: str) -> bool:
    return (
        hasattr(builtins, name)
        or name in _MODULE_NAMES
        or (name.startswith("__") and name.endswith("__"))
    )


def _all(nodes: list[ast.expr]) -> list[Any]:
    """Every value; a part that surely fails decides over a part that is refused."""
    values, refused = [], None
    for node in nodes:
        try:
            values.append(fold(node))
        except RefusedError as error:
            refused = refused or error
    if refused is not None:
        raise refused
    return values


def _binary(op: type[ast.operator], left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int):
        _limit(_bits(op, left, right), _MAX_BITS)
    elif op is ast.Mult and (isinstance(left, int) or isinstance(right, int)):
        times, items = (left, right) if isinstance(left, int) else (right, left)
        _limit(times * _weight(items), _MAX_ITEMS)
    elif op is ast.Mod and isinstance(left, str | bytes):
        text = left if isinstance(left, str) else left.decode("latin-1")
        if _WIDTH.search(text):
            raise RefusedError("a wide format")
    return _BINARY[op](left, right)


def _bits(op: type[ast.operator], left: int, right: int) -> int:
    """The size of a product, power or shift before it is computed; 0 for harmless operations."""
    if op is ast.Mult:
        return left.bit_length() + right.bit_length()
    if op is ast.Pow:
        return left.bit_length() * max(right, 0)
    return left.bit_length() + right if op is ast.LShift else 0


def _weight(value: Any) -> int:
    if isinstance(value, list | tuple):
        return 1 + sum(_weight(item) for item in value)
    return len(value) if isinstance(value, str | bytes) else 1


def _limit(size: int, most: int) -> None:
    if size > most:
        raise RefusedError(f"a value of over {most} bits or items")
