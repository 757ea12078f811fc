"""YAML as data only: JSON's types, no tags, no duplicate keys, and the line of every value.

YAML 1.1 reads `no` as false and `2026-03-05` as a date object; cases are full of such words, so only
JSON's own null, booleans and numbers are recognised and all else stays text.
"""

import math
import re
from typing import Any, ClassVar

import yaml

from suites.errors import SuiteError

__all__ = ["Path", "load_yaml"]

Path = tuple[str | int, ...]

_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVERS: tuple[tuple[str, str, str], ...] = (
    ("null", r"^(?:null|~|)$", "n~"),
    ("bool", r"^(?:true|false)$", "tf"),
    ("int", r"^-?(?:0|[1-9][0-9]*)$", "-0123456789"),
    ("float", r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$", "-0123456789"),
)


class _Loader(_BASE):  # type: ignore[misc]
    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}


for _name, _pattern, _first in _RESOLVERS:
    _chars = [*_first, ""] if _name == "null" else list(_first)
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(_pattern), _chars)


def load_yaml(text: str, file: str) -> tuple[Any, dict[Path, int]]:
    """The JSON value of a YAML document, and path -> 1-based line for every value in it.

    Errors: SuiteError for broken YAML, tags, anchors used as objects, duplicate or non-string keys.
    """
    loader = _Loader(text)
    lines: dict[Path, int] = {}
    try:
        node = loader.get_single_node()
        value = None if node is None else _value(node, (), lines, file)
    except yaml.MarkedYAMLError as error:
        raise _broken(error, text, file) from None
    except (yaml.YAMLError, UnicodeError) as error:
        raise SuiteError(f"broken YAML: {str(error).splitlines()[0]}", file=file) from None
    except RecursionError:
        raise SuiteError(
            "YAML nested too deeply (or an alias that contains itself)", file=file
        ) from None
    finally:
        loader.dispose()
    return value, lines


def _broken(error: yaml.MarkedYAMLError, text: str, file: str) -> SuiteError:
    """What the parser says, at the line where a person has to look, with the likely remedy."""
    problem = error.problem or error.context or "unreadable"
    at, opened = error.problem_mark or error.context_mark, error.context_mark
    if at is None:
        return SuiteError(f"broken YAML: {problem}", file=file)
    if opened is not None and "end of stream" in problem:
        problem, at = f"{problem} {error.context}", opened
    lines = text.splitlines()
    line = lines[at.line] if at.line < len(lines) else ""
    remedy = "indent what belongs together alike, close quotes and brackets, quote texts with ': '"
    if "\t" in line[: len(line) - len(line.lstrip())]:
        remedy = "a tab stands there: indent with blanks"
    elif opened is not None and opened.line != at.line:
        remedy = f"{error.context} from line {opened.line + 1} on: {remedy}"
    return SuiteError(f"broken YAML: {problem} ({remedy})", file=file, line=at.line + 1)


def _value(node: Any, path: Path, lines: dict[Path, int], file: str) -> Any:
    line = node.start_mark.line + 1
    lines[path] = line
    kind = node.tag.rpartition(":")[2]
    if isinstance(node, yaml.MappingNode) and kind == "map":
        return _mapping(node, path, lines, file)
    if isinstance(node, yaml.SequenceNode) and kind == "seq":
        return [_value(child, (*path, i), lines, file) for i, child in enumerate(node.value)]
    if not isinstance(node, yaml.ScalarNode) or kind not in ("null", "bool", "int", "float", "str"):
        raise SuiteError(f"tag {node.tag!r} is not data: remove it", file=file, line=line)
    return _scalar(kind, node.value, file, line)


def _mapping(node: Any, path: Path, lines: dict[Path, int], file: str) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, child in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise SuiteError("a key must be text", file=file, line=line)
        key = key_node.value
        if key in result:
            first = f"first in line {lines[(*path, key)]}"
            message = f"key {key!r} stands twice in one mapping, {first}"
            raise SuiteError(message, file=file, line=line)
        result[key] = _value(child, (*path, key), lines, file)
        lines[(*path, key)] = line
    return result


def _scalar(kind: str, text: str, file: str, line: int) -> Any:
    match kind:
        case "null":
            return None
        case "bool":
            return text == "true"
        case "int":
            try:
                return int(text)
            except ValueError:
                raise SuiteError(
                    f"integer of {len(text)} digits is too long", file=file, line=line
                ) from None
        case "float":
            number = float(text)
            if not math.isfinite(number):
                raise SuiteError(f"{text} is no finite number", file=file, line=line)
            return number
        case _:
            return text
