"""BFCL's AST rules: is a list of calls right for function docs and gold answers.

Source: behaviour of `ast_checker` in bfcl-eval 2026.3.23 and of the runner around it, quirks included
(deleted punctuation, greedy parallel order, `""` as the mark of an optional parameter); tests/parity
holds us to it. Nothing here is corrected: corrections belong to the strict mode (suites/judge.py).
Operations keep the official order, since a doc or gold that is malformed makes the official checker
raise, and the type of that exception is part of the verdict.
"""

from collections.abc import Callable
from typing import Any, Literal

from suites.bfcl import java, javascript
from suites.bfcl.verdict import BfclVerdict

__all__ = ["Language", "check", "is_call_list", "language_of"]

Language = Literal["python", "java", "javascript"]
Fault = tuple[str, str]  # error type, message

_PYTHON_TYPES: dict[str, type] = {
    "string": str,
    "integer": int,
    "float": float,
    "boolean": bool,
    "array": list,
    "tuple": list,
    "dict": dict,
    "any": str,
}
_PYTHON_NESTED = ("array", "tuple")
_TEXT_NESTED = ("Array", "ArrayList", "array")
_DELETED = str.maketrans({**dict.fromkeys(" ,./-_*^"), "'": '"'})
_VALID = BfclVerdict(valid=True)


def check(
    function_docs: Any, calls: Any, gold: Any, category: str, *, underscores: bool = False
) -> BfclVerdict:
    """The official verdict on decoded calls.

    function_docs: a case's `function` list; gold: its `ground_truth` list (not used for relevance).
    calls: [{name: {parameter: value}}]; anything else is a wrong format, as in the official runner.
    category: decides the rules by its substrings (java, javascript, relevance, parallel, multiple); for
    format_sensitivity give the id of the item it was made from.
    underscores: the model was given function names with "_" for "." (`underscore_to_dot`).
    """
    called = is_call_list(calls)
    if "relevance" in category:
        return _relevance(called and len(calls) > 0, category)
    if not called:
        return _invalid(("ast_decoder:decoder_wrong_output_format", "not a list of calls"))
    try:
        fault = _dispatch(function_docs, calls, gold, category, underscores)
    except Exception as error:
        return BfclVerdict(
            valid=False, error_type=type(error).__name__, message=str(error), crashed=True
        )
    return _VALID if fault is None else _invalid(fault)


def language_of(category: str) -> Language:
    """The language of a category's calls, by its name."""
    if "javascript" in category:
        return "javascript"
    return "java" if "java" in category else "python"


def is_call_list(calls: object) -> bool:
    """True for [{name: {...}}, ...], the empty list included."""
    if type(calls) is not list:
        return False
    return all(
        type(call) is dict and len(call) == 1 and type(next(iter(call.values()))) is dict
        for call in calls
    )


def _invalid(fault: Fault) -> BfclVerdict:
    return BfclVerdict(valid=False, error_type=fault[0], message=fault[1])


def _relevance(called: bool, category: str) -> BfclVerdict:
    if "irrelevance" in category:
        fault = ("irrelevance_error:decoder_success", "a call was decoded, none is wanted")
        return _invalid(fault) if called else _VALID
    fault = ("relevance_error:decoder_failed", "no call was decoded, one is wanted")
    return _VALID if called else _invalid(fault)


# --- which call against which gold ------------------------------------------------------------------


def _dispatch(
    docs: Any, calls: list[Any], gold: Any, category: str, underscores: bool
) -> Fault | None:
    language = language_of(category)
    if "parallel" in category:
        return _parallel(docs, calls, gold, language, underscores)
    if "multiple" in category:
        if len(calls) != len(gold):
            return _count("multiple_function_checker", calls, len(gold))
        doc = _doc(docs, _name(gold[0]))
        return _call_fault(doc, calls[0], gold[0], language, underscores)
    if len(calls) != 1:
        return _count("simple_function_checker", calls, 1)
    return _call_fault(docs[0], calls[0], gold[0], language, underscores)


def _count(rule: str, calls: list[Any], wanted: int) -> Fault:
    return f"{rule}:wrong_count", f"{len(calls)} calls, {wanted} wanted"


def _name(gold: Any) -> Any:
    names = list(gold.keys())
    return names[0]


def _doc(docs: Any, name: Any) -> Any:
    if type(docs) is not list:
        return docs
    return next((doc for doc in docs if doc["name"] == name), None)


def _parallel(
    docs: Any, calls: list[Any], gold: Any, language: Language, underscores: bool
) -> Fault | None:
    """Each gold call, in order, takes the first free call that passes: greedy, not the best matching."""
    if len(calls) != len(gold):
        return _count("parallel_function_checker_no_order", calls, len(gold))
    free = list(range(len(calls)))
    for i in range(len(gold)):
        wanted = gold[i]
        doc = _doc(docs, _name(wanted))
        faults = []
        for index in free:
            fault = _call_fault(doc, calls[index], wanted, language, underscores)
            if fault is None:
                free.remove(index)
                break
            faults.append(f"call {index}: {fault[1]}")
        else:
            kind = "parallel_function_checker_no_order:cannot_find_match"
            return kind, f"no call matches gold call {i} ({'; '.join(faults)})"
    return None


# --- one call ---------------------------------------------------------------------------------------


def _call_fault(
    doc: Any, call: dict[Any, Any], gold: Any, language: Language, underscores: bool
) -> Fault | None:
    answers = list(gold.values())
    golds = answers[0]
    name, details = doc["name"], doc["parameters"]["properties"]
    required = doc["parameters"]["required"]
    if "." in name and underscores:
        name = name.replace(".", "_")
    if name not in call:
        return "simple_function_checker:wrong_func_name", f"{name!r} was not called"
    given = call[name]
    for param in required:
        if param not in given:
            return "simple_function_checker:missing_required", f"{param!r} is missing"
    fault_of = _python_fault if language == "python" else _text_fault(language)
    for param, value in given.items():
        if param not in details or param not in golds:
            return "simple_function_checker:unexpected_param", f"{param!r} is not wanted"
        fault = fault_of(param, value, details[param], golds)
        if fault is not None:
            return fault
    for param in golds:
        if param not in given and "" not in golds[param]:
            return "simple_function_checker:missing_optional", f"{param!r} may not be left out"
    return None


def _python_fault(param: Any, value: Any, detail: Any, golds: Any) -> Fault | None:
    kind = detail["type"]
    wanted = _PYTHON_TYPES[kind]
    inner = _PYTHON_TYPES[detail["items"]["type"]] if kind in _PYTHON_NESTED else None
    if kind == "tuple" and type(value) is tuple:
        value = list(value)
    elif kind == "float" and type(value) is int:
        value = float(value)
    return _value_fault(param, value, golds[param], wanted, inner)


def _text_fault(language: Language) -> Callable[[Any, Any, Any, Any], Fault | None]:
    """The rule for Java or JavaScript: every value is a text, which is converted first."""
    if language == "java":
        types, convert, error_type = java.TYPES, java.convert, "type_error:java"
    else:
        types, convert, error_type = javascript.TYPES, javascript.convert, "type_error:js"

    def fault(param: Any, value: Any, detail: Any, golds: Any) -> Fault | None:
        kind = detail["type"]
        wanted, inner = types[kind], None
        if type(value) is not str:
            return error_type, f"{param!r} must be given as text, got {value!r}"
        if kind in _TEXT_NESTED:
            nested = detail["items"]["type"]
            inner = types[nested]
            value = convert(value, kind, nested)
        else:
            value = convert(value, kind)
        return _value_fault(param, value, golds[param], wanted, inner)

    return fault


def _value_fault(
    param: Any, value: Any, golds: Any, wanted: type, inner: type | None
) -> Fault | None:
    fault, variable = _type_fault(param, value, golds, wanted, inner)
    if fault is not None:
        return fault
    if not variable:
        if wanted is str:
            return _string_fault(param, value, golds)
        if wanted is dict:
            return _dict_fault(value, golds)
        if wanted is list:
            return _dicts_fault(value, golds) if inner is dict else _list_fault(param, value, golds)
    if value not in golds:
        return "value_error:others", _differs(param, value, golds)
    return None


def _differs(param: Any, value: Any, golds: Any) -> str:
    """The message of a wrong value. Writing out a number of over 4300 digits raises, as officially."""
    return f"{param!r} is {value!r}, expected one of {golds}"


def _type_fault(
    param: Any, value: Any, golds: Any, wanted: type, inner: type | None
) -> tuple[Fault | None, bool]:
    """A fault of type, and whether the parameter is a "variable": its first gold has another type."""
    first, given = _first_type(golds), type(value)
    if given is wanted:
        variable = first is not None and first is not wanted
        if inner is None:
            return None, variable
        for gold in golds:
            if type(gold) is not list or all(_fits(item, gold, inner) for item in value):
                return None, variable
        if given is first:
            text = f"{param!r}: elements must be {inner.__name__}, got {value!r}"
            return ("type_error:nested", text), False
    elif given is first:
        return None, True
    text = f"{param!r} must be {wanted.__name__}, got {value!r}"
    return ("type_error:simple", text), False


def _first_type(golds: Any) -> type | None:
    for gold in golds:
        if gold != "":
            return type(gold)
    return None


def _fits(item: Any, gold: list[Any], inner: type) -> bool:
    if type(item) is inner or type(item) is _first_type(gold):
        return True
    repr(item)  # the official checker formats every misfit, and that can raise
    return False


# --- values by type ---------------------------------------------------------------------------------


def _plain(text: str) -> str:
    """BFCL's normal form: without blanks and `,./-_*^`, in lower case, with double quotes."""
    return text.translate(_DELETED).lower()


def _plain_if_text(value: Any) -> Any:
    return _plain(value) if type(value) is str else value


def _by_index(golds: Any) -> list[Any]:
    """The alternatives as the official checker reaches them: a gold that is a dict raises here."""
    return golds if type(golds) is list else [golds[i] for i in range(len(golds))]


def _string_fault(param: Any, value: str, golds: Any) -> Fault | None:
    plain = _plain(value)
    for gold in _by_index(golds):
        if type(gold) is str and _plain(gold) == plain:
            return None
    return "value_error:string", _differs(param, value, golds)


def _list_fault(param: Any, value: list[Any], golds: Any) -> Fault | None:
    plain = [_plain_if_text(item) for item in value]
    if plain in [[_plain_if_text(item) for item in _by_index(gold)] for gold in _by_index(golds)]:
        return None
    return "value_error:list/tuple", _differs(param, value, golds)


def _dict_fault(value: Any, golds: Any) -> Fault | None:
    """The fault against the last alternative; a missing key hides a wrong value found before."""
    fault: Fault | None = ("dict_checker:unclear", "no alternative is a dict")
    for gold in _by_index(golds):
        if gold == "":
            continue
        fault = _entries_fault(value, gold)
        if fault is None:
            return None
    return fault


def _entries_fault(value: Any, gold: Any) -> Fault | None:
    fault: Fault | None = None
    for key, item in value.items():
        if key not in gold:
            fault = "value_error:dict_key", f"unexpected key '{key}'"
            break
        plain = _plain_if_text(item)
        golds = [_plain_if_text(one) for one in _by_index(gold[key])]
        if plain not in golds:
            fault = "value_error:dict_value", _differs(key, item, golds)
            break
    for key, golds in gold.items():
        if key not in value and "" not in golds:
            return "value_error:dict_key", f"missing key '{key}'"
    return fault


def _dicts_fault(value: list[Any], golds: Any) -> Fault | None:
    fault: Fault | None = ("list_dict_checker:unclear", "no alternative")
    for gold in _by_index(golds):
        if len(value) != len(gold):
            fault = "value_error:list_dict_count", f"{len(value)} dicts, {len(gold)} wanted"
            continue
        fault = None
        for j in range(len(value)):
            fault = _dict_fault(value[j], [gold[j]])
            if fault is not None:
                break
        else:
            return None
    return fault
