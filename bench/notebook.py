"""Measuring from Python: runs as objects with data frames, for scripts and notebooks.

from bench import run
base, tuned = run("call", "arguments", adapters=["my-lora"], limit=50)
base.summary, tuned.frame, tuned.path
"""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, overload

from bench.engines import EngineOptions
from bench.errors import UsageError
from bench.order import DEFAULT_MODEL, Order, fulfil
from bench.plan import Settings
from bench.records import Manifest, Record
from bench.runner import Chosen
from bench.store import Run, find_run, publish, read_run
from reports import run_tables, summarise
from reports.export.frames import summaries_frame
from reports.shown import actual, clean, expected, request
from reports.summary import Summary
from reports.table import html_tables, one_line
from reports.tables import run_labels
from suites.vary import check_kinds

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RunResult", "RunResults", "RunSettings", "load_run", "run"]

_LONG = 2000
_SUMMARY = ("suite", "category", "n", "passed", "rate", "low", "high")
_FRAME = (
    *("suite", "id", "category", "group", "sample", "passed", "outcome", "failure", "reason"),
    *("request", "expected", "actual", "text", "finish", "excluded"),
    *("prompt_tokens", "completion_tokens", "seconds", "cached"),
)


class RunSettings(TypedDict, total=False):
    """The settings of a run by the names of the command line's flags, and with their defaults.

    The first eight are those of bench.plan.Settings, the others those of bench.engines.EngineOptions.
    """

    max_tokens: int
    temperature: float
    top_p: float
    seed: int
    batch_size: int
    shots: int
    samples: int
    constrained: bool
    device: str | None
    dtype: str | None
    max_model_len: int | None
    gpu_memory: float | None
    kv_cache_gib: float | None
    tensor_parallel: int
    pipeline_parallel: int
    batch_invariant: bool
    base_url: str | Sequence[str]
    api: str
    concurrency: int
    timeout: float
    attempts: int
    outage: float
    api_key_env: str
    no_vllm_extras: bool


@dataclass(frozen=True, kw_only=True, repr=False)
class RunResult:
    """One target's run, finished or not, as it lies in its file; rates are shares (0 to 1).

    run: the run as the rest of callbench reads it, with its records as objects.
    """

    run: Run

    @property
    def path(self) -> str:
        """Where the run file lies."""
        return self.run.path

    @property
    def manifest(self) -> Manifest:
        """Everything needed to repeat the run."""
        return self.run.manifest

    @property
    def complete(self) -> bool:
        """True if the run reached its end."""
        return self.run.complete

    @cached_property
    def frame(self) -> "pd.DataFrame":
        """One row a case and sample, variants and cases without a reply among them.

        failure: the failure mode, None for what passed; text: the raw completion; expected, actual: in one
        line each; excluded: names of the exclusion lists that leave the case out of every score; seconds: see
        bench.records.Record.
        """
        import pandas as pd

        return pd.DataFrame([_row(r) for r in self.run.records], columns=list(_FRAME))

    @property
    def records(self) -> "pd.DataFrame":
        """The same as `frame`."""
        return self.frame

    @cached_property
    def summary(self) -> "pd.DataFrame":
        """One row for all, each suite and each category: suite, category, n, passed, rate, and its 95 %
        interval (low, high; NaN where n is 0)."""
        return summaries_frame([self._summary])[list(_SUMMARY)]

    @cached_property
    def _summary(self) -> Summary:
        return summarise(self.run)

    def __repr__(self) -> str:
        m, score = self.manifest, self._summary.total.score
        suites = ", ".join(f"{s.name}/{s.split}" for s in m.suites)
        rate = "no case scored"
        if score.interval is not None and score.rate is not None:
            low, high = (f"{100 * x:.1f}" for x in (score.interval.low, score.interval.high))
            rate = f"{score.passed} of {score.n} passed, {100 * score.rate:.1f} % [{low}, {high}]"
        state = "" if self.complete else ", NOT COMPLETE"
        return one_line(f"<{m.label} on {suites}: {rate}{state}; {self.path}>")

    def _repr_html_(self) -> str:
        return html_tables(run_tables([self._summary]))


class RunResults(Sequence[RunResult]):
    """The runs of one call of `run`, one a target: the base first, then each adapter."""

    def __init__(self, results: Iterable[RunResult]) -> None:
        self._results = tuple(results)

    @overload
    def __getitem__(self, index: int) -> RunResult: ...

    @overload
    def __getitem__(self, index: slice) -> "RunResults": ...

    def __getitem__(self, index: int | slice) -> "RunResult | RunResults":
        found = self._results[index]
        return RunResults(found) if isinstance(found, tuple) else found

    def __len__(self) -> int:
        return len(self._results)

    def __iter__(self) -> Iterator[RunResult]:
        return iter(self._results)

    @property
    def frame(self) -> "pd.DataFrame":
        """The frames of all runs below one another, with a first column `target`."""
        return _stacked([(x, x.frame) for x in self])

    @property
    def summary(self) -> "pd.DataFrame":
        """The summaries of all runs below one another, with a first column `target`."""
        return _stacked([(x, x.summary) for x in self])

    def __repr__(self) -> str:
        return f"[{', '.join(map(repr, self))}]".replace(">, <", ">,\n <")

    def _repr_html_(self) -> str:
        return html_tables(run_tables([summarise(x.run) for x in self])) if self else "[]"


def run(
    *suites: str | Path,
    model: str | Path = DEFAULT_MODEL,
    adapters: str | Path | Sequence[str | Path] = (),
    base: bool = True,
    dialect: str | None = None,
    engine: str = "auto",
    cases: str | None = None,
    limit: int | None = None,
    vary: str | Sequence[str] = (),
    cache: bool = True,
    store: str | None = None,
    **settings: Unpack[RunSettings],
) -> RunResults:
    """Measure a model, and adapters of it, on suites: what `callbench run` does, with the same run files.

    suites: names, the selection `smoke`, folders or files of cases; cases: a glob over case ids; limit: cases
    a suite; vary: kinds of variants; cache: whether known replies are taken; store: a folder or fsspec URL
    that gets a copy of finished runs. settings: see RunSettings. Progress goes to stderr.

    Errors: TypeError for a setting that does not exist; SuiteError, ModelError, UsageError, DialectError (all
    ValueError; settings are named by their flags) before a model is loaded; InfrastructureError when a run
    stops early: it can be resumed, and the message says how.
    """
    _check_names(settings)
    if not suites:
        raise UsageError("name a suite (callbench suites list shows them)")
    names = tuple(map(str, suites))
    given: dict[str, Any] = {**settings, "base_url": _names(settings.get("base_url", ()))}
    own = Settings.__dataclass_fields__
    order = Order(
        chosen=Chosen(names=names, pattern=cases, limit=limit, vary=check_kinds(_names(vary))),
        model=str(model),
        adapters=_names(adapters),
        base=base,
        dialect=dialect,
        engine=engine,
        settings=Settings(**{k: v for k, v in given.items() if k in own}),
        options=EngineOptions(**{k: v for k, v in given.items() if k not in own}),
        cached=cache,
    )
    runs = fulfil(order, command=("bench.run", *names))
    if store is not None:
        for one in runs:
            publish(one, store)
    return RunResults(RunResult(run=one) for one in runs)


def load_run(name: str | Path) -> RunResult:
    """A run made before: a run file, an fsspec URL, or a run id (or the start of one) in home.

    Errors: UsageError if there is none, or if it cannot be read.
    """
    return RunResult(run=read_run(find_run(str(name))))


def _check_names(settings: RunSettings) -> None:
    known = RunSettings.__annotations__
    for name in settings:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise TypeError(f"run() has no setting {name!r}{hint}")


def _names(given: str | Path | Sequence[str | Path]) -> tuple[str, ...]:
    return (str(given),) if isinstance(given, str | Path) else tuple(map(str, given))


def _row(record: Record) -> list[Any]:
    case, verdict = record.case, record.verdict
    return [
        record.suite,
        clean(record.id),
        case.category,
        case.group,
        record.sample,
        verdict.passed,
        str(verdict.outcome),
        str(verdict.failure) if verdict.failure else None,
        clean(verdict.reason),
        request(case, _LONG),
        expected(case, _LONG),
        actual(record, _LONG),
        record.text,
        record.finish,
        ", ".join(case.excluded),
        record.prompt_tokens,
        record.completion_tokens,
        record.seconds,
        record.cached,
    ]


def _stacked(frames: "Sequence[tuple[RunResult, pd.DataFrame]]") -> "pd.DataFrame":
    import pandas as pd

    labels = run_labels([x.manifest for x, _ in frames])
    found = []
    for label, (_, frame) in zip(labels, frames, strict=True):
        copy = frame.copy()
        copy.insert(0, "target", label)
        found.append(copy)
    return pd.concat(found, ignore_index=True)
