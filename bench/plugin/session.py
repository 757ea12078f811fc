"""One pytest session over cases: what is asked, the one run that answers, and where it lies."""

import io
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path

import pytest

from adapters import ModelError, find_adapter, find_model
from bench.errors import DialectError, InfrastructureError, UsageError, suggestion
from bench.order import DEFAULT_MODEL, Order, fulfil
from bench.pairing import originals
from bench.plan import Settings
from bench.plugin.items import ROOT, CaseItem, CaseTree, Planned
from bench.records import Record
from bench.runner import Chosen
from bench.store import Run, find_run, read_run
from reports.table import one_line
from suites import Selection, SuiteError
from suites.places import NOWHERE

__all__ = ["CaseSession"]

_USAGE = (SuiteError, ModelError, UsageError, DialectError, OSError)
_OF_A_MODEL = ("engine", "dialect", "max_tokens")


class CaseSession:
    """The hooks of a session with `--callbench`.

    Errors: pytest.UsageError for a suite, target or option that cannot be used.
    """

    def __init__(self, config: pytest.Config) -> None:
        _refuse_workers(config)
        self._config = config
        self._run: Run | None = None
        self._records: dict[tuple[str, str], list[Record]] = {}
        with _one_line_errors():
            target = config.getoption("callbench_target")
            self._target: str = DEFAULT_MODEL if target is None else target
            self._order = _order(config, self._target)
            self._selection = self._order.chosen.selection()
            stored = _stored(self._target, self._order.engine)
            if stored is not None:
                _refuse_other(config, stored, self._selection)
                self._hold(stored)
            self._planned = _wanted(config, _planned(self._selection))

    def pytest_report_header(self) -> str:
        """One line at the top."""
        suites = ", ".join(dict.fromkeys(p.shown for p in self._planned))
        return one_line(f"callbench: {suites} with {self._target}")

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(
        self, collector: pytest.Collector
    ) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        """The session's own nodes, and then the suites."""
        report = yield
        if isinstance(collector, pytest.Session) and report.passed:
            tree = CaseTree.from_parent(
                collector, name=ROOT, nodeid=ROOT, planned=self._planned, replies=self._replies
            )
            report.result = [*(report.result or []), tree]
        return report

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Make every reply that the selected tests need, unless the run was made before."""
        option = session.config.option
        items = [item for item in session.items if isinstance(item, CaseItem)]
        broken = session.testsfailed and not option.continue_on_collection_errors
        if self._run is not None or option.collectonly or broken or not items:
            return
        chosen = self._order.chosen
        if len(items) < len(self._cases()):
            only = tuple(f"{i.planned.suite}:{i.planned.case.id}" for i in items)
            chosen = replace(chosen, only=only)
        with _one_line_errors(), _shown(session.config):
            command = ("pytest", *session.config.invocation_params.args)
            (run,) = fulfil(replace(self._order, chosen=chosen), command=[str(c) for c in command])
        self._hold(run)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Where the run file lies."""
        if self._run is not None and not self._config.option.collectonly:
            terminalreporter.write_line(f"callbench: {one_line(self._run.manifest.label)}")
            terminalreporter.write_line(f"run: {one_line(self._run.path)}")

    def _hold(self, run: Run) -> None:
        self._run = run
        for record in originals(run.records):
            self._records.setdefault((record.suite, record.id), []).append(record)

    def _replies(self, suite: str, name: str) -> Sequence[Record]:
        return sorted(self._records.get((suite, name), []), key=lambda r: r.sample)

    def _cases(self) -> list[Planned]:
        return _planned(self._selection)


def _order(config: pytest.Config, target: str) -> Order:
    limit, budget = config.getoption("callbench_limit"), config.getoption("callbench_max_tokens")
    return Order(
        chosen=Chosen(names=tuple(config.getoption("callbench")), limit=limit),
        model=target,
        dialect=config.getoption("callbench_dialect"),
        engine=config.getoption("callbench_engine") or "auto",
        settings=Settings() if budget is None else Settings(max_tokens=budget),
    )


def _stored(target: str, engine: str) -> Run | None:
    """The run that a target names, or None for a model. Errors: ModelError, UsageError for neither."""
    if "://" in target or target.endswith(".jsonl"):
        return read_run(find_run(target))
    if engine == "server":
        return None
    base, own = target, ""
    if "+" in target and not Path(target).expanduser().exists():
        base, _, own = target.rpartition("+")
    try:
        find_model(base)
    except ModelError:
        try:
            return read_run(find_run(target))
        except UsageError as error:
            if error.known and all(k.startswith(target) for k in error.known):
                raise
        raise
    if own:
        find_adapter(own)
    return None


def _refuse_other(config: pytest.Config, run: Run, selection: Selection) -> None:
    """Errors: UsageError if the run is not one of these very suites, or for an option without a meaning."""
    for name in _OF_A_MODEL:
        if config.getoption(f"callbench_{name}") is not None:
            flag = f"--callbench-{name.replace('_', '-')}"
            raise UsageError(f"{flag} has no meaning for a run that was made before: leave it out")
    held = {(s.name, s.split): s.hash for s in run.manifest.suites}
    for suite in (part.suite for part in selection.parts):
        shown = f"{suite.name}/{suite.split}"
        if (suite.name, suite.split) not in held:
            known = [f"{name}/{split}" for name, split in held]
            raise UsageError(f"{run.path} holds no case of {shown}", known=known)
        if held[suite.name, suite.split] != suite.hash:
            raise UsageError(f"suite {shown} changed since {run.path} was made: run it again")


def _refuse_workers(config: pytest.Config) -> None:
    """Errors: pytest.UsageError with pytest-xdist's -n: each worker would load the model."""
    if getattr(config.option, "numprocesses", None) or hasattr(config, "workerinput"):
        raise pytest.UsageError("--callbench makes all replies in one batched run: leave out -n")


def _planned(selection: Selection) -> list[Planned]:
    return [
        Planned(
            suite=part.suite.name,
            shown=f"{part.suite.name}/{part.suite.split}",
            case=case,
            place=part.suite.places.get(case.id, NOWHERE),
        )
        for part in selection.parts
        for case in part.cases
    ]


def _wanted(config: pytest.Config, planned: list[Planned]) -> list[Planned]:
    """The cases, or those that arguments such as `callbench::call/dev::id` name; pytest gets the others.

    Without any argument there are only the cases, not the tests of the folder. Errors: UsageError for an
    argument that names no case.
    """
    if not config.option.file_or_dir:
        config.args[:] = []
    mine = [a for a in config.args if _is_ours(a)]
    if not mine:
        return planned
    config.args[:] = [a for a in config.args if not _is_ours(a)]
    found: set[str] = set()
    for argument in mine:
        start = "::".join([ROOT, *argument.rstrip(":").split("::")[1:]])
        some = {p.nodeid for p in planned if f"{p.nodeid}::".startswith(f"{start}::")}
        if not some:
            raise UsageError(f"there is no case {start!r}", known=[p.nodeid for p in planned])
        found |= some
    return [p for p in planned if p.nodeid in found]


def _is_ours(argument: str) -> bool:
    head, colons, _ = argument.partition("::")
    return bool(colons) and Path(head).name == ROOT and not Path(head).exists()


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Errors of callbench as pytest shows them: one line, exit code 4, or 3 where the engine failed."""
    try:
        yield
    except InfrastructureError as error:
        pytest.exit(one_line(str(error)), returncode=3)
    except _USAGE as error:
        raise pytest.UsageError(one_line(f"{error}{suggestion(error)}")) from None


@contextmanager
def _shown(config: pytest.Config) -> Iterator[None]:
    """Progress straight to the terminal; with -q nowhere."""
    if config.get_verbosity() < 0:
        with redirect_stderr(io.StringIO()), redirect_stdout(io.StringIO()):
            yield
        return
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is None:
        yield
        return
    with capture.global_and_fixture_disabled():
        yield
