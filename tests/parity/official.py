"""The verdicts of the official package on pairs; needs bfcl-eval importable (see derive.py)."""

import hashlib
import importlib
import sys
import types
from typing import Any

from tests.parity.calls import Pair
from tests.parity.rng import encode

__all__ = ["official_code", "relevance_code"]


class _Plain:
    underscore_to_dot = False


class _AnyModel(dict[str, type[_Plain]]):
    def __missing__(self, name: str) -> type[_Plain]:
        return _Plain


def _import(name: str) -> Any:
    """A module of the package, without the model handlers of 30 vendors that its configuration imports."""
    if "bfcl_eval.constants.model_config" not in sys.modules:
        stub: Any = types.ModuleType("bfcl_eval.constants.model_config")
        stub.MODEL_CONFIG_MAPPING = _AnyModel()
        sys.modules["bfcl_eval.constants.model_config"] = stub
    return importlib.import_module(name)


def official_code(pair: Pair) -> str:
    """`ok`, the official error type, or `!` and the name of the exception that the checker raises.

    For decoding: `=` and a digest of what was decoded, or `fail`.
    """
    way, docs, payload, gold, category = pair
    utils = _import("bfcl_eval.model_handler.utils")
    formats = _import("bfcl_eval.constants.enums").ReturnFormat
    if way == "decode":
        try:
            return digest(utils.default_decode_ast_prompting(payload, formats(category)))
        except Exception:
            return "fail"
    relevance = "relevance" in category
    if way == "text":
        language = formats("python") if relevance else formats(_language(category))
        try:
            payload = utils.default_decode_ast_prompting(payload, language)
        except Exception:
            return relevance_code(False, category) if relevance else "ast_decoder:decoder_failed"
    if relevance:
        return relevance_code(not utils.is_empty_output(payload), category)
    if not utils.is_function_calling_format_output(payload):
        return "ast_decoder:decoder_wrong_output_format"
    languages = _import("bfcl_eval.constants.enums").Language
    checker = _import("bfcl_eval.eval_checker.ast_eval.ast_checker")
    try:
        language = languages(_language(category))
        result = checker.ast_checker(docs, payload, gold, language, category, "model")
    except Exception as error:
        return f"!{type(error).__name__}"
    return "ok" if result["valid"] else str(result["error_type"])


def relevance_code(called: bool, category: str) -> str:
    """The runner's rule (`_evaluate_single_relevance_entry`), which needs a handler to be called."""
    if "irrelevance" in category:
        return "irrelevance_error:decoder_success" if called else "ok"
    return "ok" if called else "relevance_error:decoder_failed"


def digest(value: Any) -> str:
    """`=` and six hex digits of the exact value."""
    return "=" + hashlib.sha256(encode(value).encode("utf-8", "backslashreplace")).hexdigest()[:6]


def _language(category: str) -> str:
    if "javascript" in category:
        return "javascript"
    return "java" if "java" in category else "python"
