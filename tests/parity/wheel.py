"""Pairs from the data inside the bfcl-eval wheel: every gold answer, and seeded departures from it."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.parity.calls import Pair, pair
from tests.parity.rng import Rng
from tests.parity.values import mutated

__all__ = ["CATEGORIES", "KNOWN_FAILURES", "data_folder", "gold_calls", "items", "wheel_pairs"]

CATEGORIES = (
    "simple_python", "simple_java", "simple_javascript", "multiple", "parallel", "parallel_multiple",
    "live_simple", "live_multiple", "live_parallel", "live_parallel_multiple", "irrelevance",
    "live_irrelevance", "live_relevance",
)  # fmt: skip
KNOWN_FAILURES = (
    "live_simple_106-63-0", "live_simple_112-68-0", "live_multiple_507-149-4", "live_multiple_862-181-3",
    "live_multiple_964-207-0",
    # no Java text gives the gold value: its elements are declared `any`, so 42 and true stay text; a gold
    # dict has a text where its list of alternatives should be
    "simple_java_36", "simple_java_64", "simple_java_65",
)  # fmt: skip
_DEPARTURES = 6


def data_folder() -> Path:
    """The data of the installed package."""
    spec = importlib.util.find_spec("bfcl_eval")
    if spec is None or spec.origin is None:
        raise SystemExit("bfcl-eval is not importable here")
    return Path(spec.origin).parent / "data"


def items(folder: Path, category: str) -> list[tuple[str, Any, Any]]:
    """id, function docs and gold of every item of a category (gold None for relevance)."""
    rows = _lines(folder / f"BFCL_v4_{category}.json")
    if "relevance" in category:
        return [(row["id"], row["function"], None) for row in rows]
    golds = {
        row["id"]: row for row in _lines(folder / "possible_answer" / f"BFCL_v4_{category}.json")
    }
    return [(row["id"], row["function"], golds[row["id"]]["ground_truth"]) for row in rows]


def gold_calls(docs: Any, gold: Any, category: str) -> list[dict[str, Any]]:
    """The calls with the first answer of every parameter that has one besides the mark of an optional."""
    calls = []
    for wanted in gold or []:
        for name, answers in wanted.items():
            doc = next((d for d in docs if d["name"] == name), docs[0])
            details = doc["parameters"]["properties"]
            chosen = {
                param: _chosen(next((a for a in golds if a != ""), None))
                for param, golds in answers.items()
                if any(a != "" for a in golds) and not (param not in details and "" in golds)
            }
            if "java" in category:
                chosen = {p: _text(v, details.get(p, {}), category) for p, v in chosen.items()}
            calls.append({name: chosen})
    return calls


def wheel_pairs(folder: Path, category: str) -> Iterator[Pair]:
    """For every item: the gold calls, then departures from them; for relevance, a few calls and none."""
    for name, docs, gold in items(folder, category):
        if gold is None:
            for calls in ([], [{docs[0]["name"] if docs else "f": {}}], None):
                yield pair(docs, calls, gold, category)
            continue
        yield pair(docs, gold_calls(docs, gold, category), gold, category)
        for index in range(_DEPARTURES):
            rng = Rng(f"{name}/{index}")
            yield pair(docs, _departed(rng, gold_calls(docs, gold, category)), gold, category)


def _departed(rng: Rng, calls: list[dict[str, Any]]) -> Any:
    if len(calls) > 1 and rng.chance(0.5):
        calls = rng.shuffled(calls)
    if rng.chance(0.1):
        calls = rng.pick(([*calls, calls[0]], calls[:-1], [*calls[1:], *calls[1:]]))
    for call in calls:
        for arguments in call.values():
            if not arguments:
                continue
            param = rng.pick(sorted(arguments))
            change = rng.below(12)
            if change == 0:
                del arguments[param]
            elif change == 1:
                arguments["other"] = 1
            elif change < 9:
                arguments[param] = mutated(rng, arguments[param])
    return calls


def _lines(path: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()
    ]


def _chosen(answer: Any) -> Any:
    """A gold alternative as a value: entries of dicts are lists of alternatives themselves."""
    if isinstance(answer, dict):
        entries = {
            k: v for k, v in answer.items() if not (isinstance(v, list) and v and v[0] == "")
        }
        return {k: v[0] if isinstance(v, list) and v else v for k, v in entries.items()}
    if isinstance(answer, list):
        return [_chosen(item) if isinstance(item, dict) else item for item in answer]
    return answer


def _text(value: Any, detail: dict[str, Any], category: str) -> str:
    """A value as Java or JavaScript source of the declared type."""
    kind, inner = detail.get("type", "any"), (detail.get("items") or {}).get("type", "")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        suffixes = {"Bigint": "n"} if "javascript" in category else {"float": "f", "long": "L"}
        return f"{value}{suffixes.get(kind, '')}"
    if isinstance(value, list):
        if (
            kind == "Array"
        ):  # BFCL keeps the quotes of strings in a Java array, so none may be written
            return f"new Object[]{{{', '.join(_text(item, {'type': inner}, category) for item in value)}}}"
        parts = ", ".join(_element(item, inner, category) for item in value)
        return (
            f"[{parts}]" if "javascript" in category else f"new ArrayList<>(Arrays.asList({parts}))"
        )
    if isinstance(value, dict):
        if "javascript" in category:
            return (
                "{"
                + ", ".join(f'"{k}": {_element(v, "", category)}' for k, v in value.items())
                + "}"
            )
        puts = " ".join(f'put("{k}", {_element(v, "", category)});' for k, v in value.items())
        return f"new HashMap<String, Object>() {{{{ {puts} }}}}"
    return str(value)


def _element(value: Any, inner: str, category: str) -> str:
    if isinstance(value, str):
        return value if inner == "any" and "javascript" not in category else f'"{value}"'
    return _text(value, {"type": inner}, category)
