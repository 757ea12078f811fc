"""How long judging takes: the bfcl and strict modes, beside BFCL's official checker where there is one.

    python -m bench.perf.judge [SITE_PACKAGES]

SITE_PACKAGES: where `bfcl_eval` is installed. Its 2,351 Python items are judged, once with the gold calls and
once with one argument changed. Without it the built-in suites are judged with their gold replies, by the
strict mode and by the bfcl mode. Each figure is the least of several rounds that alternate between the
judges; "first" is the first round of the strict mode, in which it compiles the schemas.
The last line is a JSON list of {name, ratio, goal, holds}.
"""

import gc
import importlib
import json
import sys
import time
import types
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from suites.baselines import gold_reply
from suites.bfcl import check
from suites.catalogue import builtin_suites, select
from suites.judge import judge
from suites.model import Accept, Call, Case, Expectation, ExpectedCall, Message, Reply, Tool

__all__ = ["main"]

_ROUNDS = 9
_CATEGORIES = (
    "simple_python",
    "multiple",
    "parallel",
    "parallel_multiple",
    "live_simple",
    "live_multiple",
    "live_parallel",
    "live_parallel_multiple",
)
_TYPES = {"dict": "object", "float": "number", "tuple": "array"}

Job = Callable[[], object]
Item = tuple[str, list[Any], list[Any], list[Any]]  # category, function docs, gold, calls


def main(arguments: list[str]) -> None:
    """Prints the times, then the ratios as JSON."""
    if arguments:
        items = _items(Path(arguments[0]) / "bfcl_eval" / "data")
        jobs = {
            "official": _official_jobs(items, arguments[0]),
            "bfcl": [_bfcl_job(item) for item in items],
            "strict": [_strict_job(item) for item in items],
        }
        goals = [("bfcl", "official", 1.0), ("strict", "official", 3.0)]
    else:
        cases = _builtin_cases()
        jobs = {
            "strict": [_judge_job(case, gold_reply(case)) for case in cases],
            "bfcl": [_bfcl_job(_as_bfcl(case)) for case in cases],
        }
        goals = [("strict", "bfcl", 3.0)]
    first, least = _measure(jobs)
    for name, todo in jobs.items():
        each, once = (seconds[name] / len(todo) * 1e6 for seconds in (least, first))
        print(f"{name:9} {each:8.2f} us a case, {once:8.2f} in the first round ({len(todo)} cases)")
    found = []
    for name, other, goal in goals:
        ratio = round(least[name] / least[other], 3)
        found.append(
            {"name": f"{name} / {other}", "ratio": ratio, "goal": goal, "holds": ratio <= goal}
        )
    print(json.dumps(found))


def _measure(jobs: dict[str, list[Job]]) -> tuple[dict[str, float], dict[str, float]]:
    """Seconds of the first and of the fastest round of each list of jobs, the lists taking turns.

    What the jobs hold is frozen first, so that no judge pays for the collector's walk through it.
    """
    gc.collect()
    gc.freeze()
    rounds: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(_ROUNDS):
        for name, todo in jobs.items():
            begin = time.perf_counter()
            for job in todo:
                job()
            rounds[name].append(time.perf_counter() - begin)
    return {n: times[0] for n, times in rounds.items()}, {
        n: min(times) for n, times in rounds.items()
    }


# --- the official checker and its data --------------------------------------------------------------


def _official_jobs(items: list[Item], site_packages: str) -> list[Job]:
    """The official checker; its configuration module, which imports 30 vendors, is replaced by a stub."""

    class Models(dict[str, Any]):
        def __missing__(self, name: str) -> Any:
            return types.SimpleNamespace(underscore_to_dot=False)

    stub: Any = types.ModuleType("bfcl_eval.constants.model_config")
    stub.MODEL_CONFIG_MAPPING = Models()
    sys.modules["bfcl_eval.constants.model_config"] = stub
    sys.path.append(site_packages)
    python = importlib.import_module("bfcl_eval.constants.enums").Language.PYTHON
    checker = importlib.import_module("bfcl_eval.eval_checker.ast_eval.ast_checker").ast_checker

    def job(item: Item) -> Job:
        category, docs, gold, calls = item
        return lambda: checker(docs, calls, gold, python, category, "model")

    return [job(item) for item in items]


def _items(data: Path) -> list[Item]:
    items: list[Item] = []
    for category in _CATEGORIES:
        name = f"BFCL_v4_{category}.json"
        golds = {row["id"]: row["ground_truth"] for row in _rows(data / "possible_answer" / name)}
        for row in _rows(data / name):
            gold = golds[row["id"]]
            items.append((category, row["function"], gold, _gold_calls(gold, changed=False)))
            items.append((category, row["function"], gold, _gold_calls(gold, changed=True)))
    return items


def _rows(path: Path) -> Iterable[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def _gold_calls(gold: list[Any], *, changed: bool) -> list[Any]:
    """The calls with the first gold value of each parameter; changed: the last parameter is wrong."""
    calls = []
    for wanted in gold:
        for name, answers in wanted.items():
            values = {
                p: _plain(golds[0]) for p, golds in answers.items() if golds and golds[0] != ""
            }
            if changed and values:
                last = list(values)[-1]
                values[last] = f"not {values[last]}" if isinstance(values[last], str) else 987654321
            calls.append({name: values})
    return calls


def _plain(gold: Any) -> Any:
    if isinstance(gold, dict):
        return {k: v[0] for k, v in gold.items() if not isinstance(v, list) or v[0] != ""}
    return [_plain(item) for item in gold] if isinstance(gold, list) else gold


# --- our judges -------------------------------------------------------------------------------------


def _bfcl_job(item: Item) -> Job:
    category, docs, gold, calls = item
    return lambda: check(docs, calls, gold, category)


def _judge_job(case: Case, reply: Reply) -> Job:
    return lambda: judge(case, reply)


def _strict_job(item: Item) -> Job:
    _, docs, gold, calls = item
    tools = tuple(Tool(name=doc["name"], parameters=_schema(doc["parameters"])) for doc in docs)
    expected = tuple(
        ExpectedCall(name=name, arguments={p: _accept(golds) for p, golds in answers.items()})
        for wanted in gold
        for name, answers in wanted.items()
    )
    case = Case(
        id="case",
        group="case",
        tools=tools,
        messages=(Message(role="user", content="x"),),
        expectation=Expectation(calls=expected),
    )
    made = tuple(Call(name=n, arguments=given) for call in calls for n, given in call.items())
    return _judge_job(case, Reply(calls=made))


def _accept(golds: list[Any]) -> Accept:
    values = tuple(_plain(gold) for gold in golds if gold != "")
    return Accept(any_of=values or ("",), optional="" in golds)


def _schema(schema: Any) -> Any:
    """BFCL's types as those of JSON Schema, at every depth; `any` is no restriction."""
    if isinstance(schema, list):
        return [_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _schema(item) for key, item in schema.items() if key not in ("format", "optional")}
    kind = schema.get("type")
    if isinstance(kind, str):
        made["type"] = _TYPES.get(kind, kind)
        if kind == "any":
            del made["type"]
    if isinstance(made.get("required"), bool):
        del made["required"]
    return made


def _builtin_cases() -> list[Case]:
    names = [name for name, _ in builtin_suites()]
    parts = [part for name in dict.fromkeys(names) for part in select([name]).parts]
    return [case for part in parts for case in part.cases if case.expectation.calls]


def _as_bfcl(case: Case) -> Item:
    """A case of ours in BFCL's form: docs, gold and the gold calls."""
    docs = [
        {"name": t.name, "parameters": {"required": [], **_bfcl_types(t.parameters)}}
        for t in case.tools
    ]
    gold = [
        {c.name: {p: [*a.any_of, *([""] if a.optional else [])] for p, a in c.arguments.items()}}
        for c in case.expectation.calls
    ]
    calls = [{c.name: c.gold().arguments} for c in case.expectation.calls]
    return "parallel_multiple", docs, gold, calls


def _bfcl_types(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_bfcl_types(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _bfcl_types(item) for key, item in schema.items()}
    if isinstance(schema.get("type"), str):
        names = {"object": "dict", "number": "float"}
        made["type"] = names.get(schema["type"], schema["type"])
    return made


if __name__ == "__main__":
    main(sys.argv[1:])
