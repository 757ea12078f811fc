"""pytest plugin: cases of suites as test items.

    pytest --callbench call --callbench-target gemma-3-270m+my-lora [--callbench-limit 20] [-k negated]
    pytest --callbench call --callbench-target RUN_FILE

All replies of the items that are left after -k and the like are generated together, before the first item
runs, and left in a run file; a finished run file as target is only read. Without --callbench the plugin does
nothing, and nothing of callbench is imported.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from bench.records import Record
    from bench.store import Run
    from suites import Case

__all__ = [
    "pytest_addoption",
    "pytest_collection",
    "pytest_configure",
    "pytest_runtestloop",
    "pytest_terminal_summary",
]

_STASH = pytest.StashKey["_Session"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--callbench SUITE` and what belongs to it."""
    group = parser.getgroup("callbench", "function calling: cases of suites as test items")
    add = group.addoption
    add("--callbench", action="append", metavar="SUITE", help="a suite, e.g. call or call/test")
    add("--callbench-target", metavar="TARGET", help="MODEL, MODEL+ADAPTER, or a finished run file")
    add("--callbench-engine", metavar="ENGINE", default="auto", help="default: auto")
    add("--callbench-dialect", metavar="NAME", help="default: the model's own")
    add("--callbench-limit", type=int, metavar="N", help="at most so many cases a suite")
    add("--callbench-max-tokens", type=int, metavar="N", default=128, help="default: 128")


class _Session:
    """The chosen cases, and the replies once there are any."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.names = tuple(config.getoption("--callbench"))
        self.target = config.getoption("--callbench-target")
        self.chosen: list[tuple[str, str, Case]] = []
        self.run: Run | None = None
        self.records: dict[tuple[str, str], Record] = {}

    def choose(self) -> None:
        """(suite, split, case) of everything that was named. Errors: SuiteError."""
        from suites import select

        found = select(self.names, limit=self.config.getoption("--callbench-limit"))
        self.chosen = [(p.suite.name, p.suite.split, c) for p in found.parts for c in p.cases]

    def measure(self, wanted: "list[CaseItem]") -> None:
        """Get the replies of these items: from the run file that is the target, or from the model."""
        from bench.store import read_run

        if self.target and Path(self.target).is_file():
            self.run = read_run(self.target)
        else:
            self.run = self._generate(wanted)
        self.records = {(r.suite, r.id): r for r in self.run.records if not r.sample}

    def _generate(self, wanted: "list[CaseItem]") -> "Run":
        from bench.measuring import measured
        from bench.plan import Settings
        from bench.runner import Chosen

        option = self.config.getoption
        model, _, adapter = (self.target or "gemma-3-270m").partition("+")
        (found,) = measured(
            Chosen(
                names=self.names,
                limit=option("--callbench-limit"),
                only=tuple(f"{item.suite}:{item.case.id}" for item in wanted),
            ),
            Settings(max_tokens=option("--callbench-max-tokens")),
            model=model,
            adapters=[adapter] if adapter else [],
            base=not adapter,
            dialect=option("--callbench-dialect"),
            engine=option("--callbench-engine"),
            command=("pytest",),
        )
        return found


class CaseItem(pytest.Item):
    """One case. It passes if the strict judge passes the reply."""

    def __init__(self, *, suite: str, case: "Case", held: _Session, **fields: Any) -> None:
        super().__init__(**fields)
        self.suite, self.case, self._held = suite, case, held
        self.extra_keyword_matches.update({suite, case.group, case.category} - {""})

    def runtest(self) -> None:
        """Fail unless the reply was right."""
        record = self._held.records.get((self.suite, self.case.id))
        if record is None:
            where = self._held.run.path if self._held.run else "any run"
            raise _NoReplyError(f"{self.suite} {self.case.id} is not in {where}")
        from bench.records import input_hash

        if record.input != input_hash(self.case):
            raise _NoReplyError(f"{self.case.id} asks something else than it did in the run")
        if not record.verdict.passed:
            raise _WrongReplyError(record)

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """The request, what was expected, what came and why it is wrong, without a Python traceback."""
        error = excinfo.value
        if isinstance(error, _WrongReplyError):
            return _told(self.case, error.record)
        if isinstance(error, _NoReplyError):
            return str(error)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Suite and case."""
        return self.path, None, f"{self.suite} {self.case.id}"


class _WrongReplyError(AssertionError):
    def __init__(self, record: "Record") -> None:
        super().__init__(record.verdict.reason)
        self.record = record


class _NoReplyError(Exception):
    pass


class _Suite(pytest.Collector):
    """All chosen cases of one suite."""

    def __init__(self, *, held: _Session, chosen: "list[Case]", suite: str, **fields: Any) -> None:
        super().__init__(**fields)
        self._held, self._chosen, self._suite = held, chosen, suite

    def collect(self) -> Iterator[CaseItem]:
        """One item a case."""
        for case in self._chosen:
            yield CaseItem.from_parent(
                self, name=case.id, suite=self._suite, case=case, held=self._held
            )


def pytest_configure(config: pytest.Config) -> None:
    """Errors: pytest.UsageError for a target without a suite, or several processes."""
    if not config.getoption("--callbench"):
        if config.getoption("--callbench-target"):
            raise pytest.UsageError("--callbench-target needs --callbench SUITE")
        return
    if config.getoption("numprocesses", None):
        raise pytest.UsageError("--callbench loads one model: leave out -n")
    config.stash[_STASH] = _Session(config)
    if not config.option.file_or_dir:
        config.args = []  # only the cases, not the tests of the folder


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """Read the suites before anything is collected, so that a wrong name is one line."""
    held = session.config.stash.get(_STASH, None)
    if held is None:
        return
    from suites import SuiteError

    try:
        held.choose()
    except SuiteError as error:
        raise pytest.UsageError(f"callbench: {error}") from None


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(
    session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
) -> Iterator[None]:
    """The cases stand behind the tests that were named; -k and -m choose among them."""
    held = config.stash.get(_STASH, None)
    if held is not None:
        by_suite: dict[tuple[str, str], list[Case]] = {}
        for suite, split, case in held.chosen:
            by_suite.setdefault((suite, split), []).append(case)
        for (suite, split), chosen in by_suite.items():
            node = _Suite.from_parent(
                session,
                name=f"callbench::{suite}/{split}",
                nodeid=f"callbench::{suite}/{split}",
                held=held,
                chosen=chosen,
                suite=suite,
            )
            report = node.ihook.pytest_make_collect_report(collector=node)
            node.ihook.pytest_collectreport(report=report)
            items += report.result
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Generate all replies at once. Errors: pytest.UsageError with the reason in one line."""
    held = session.config.stash.get(_STASH, None)
    wanted = [item for item in session.items if isinstance(item, CaseItem)]
    if held is None or not wanted or session.config.option.collectonly:
        return
    from adapters import ModelError
    from bench.errors import DialectError, InfrastructureError, UsageError
    from suites import SuiteError

    try:
        held.measure(wanted)
    except (ModelError, DialectError, InfrastructureError, UsageError, SuiteError) as error:
        raise pytest.UsageError(f"callbench: {' '.join(str(error).split())}") from None


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Where the replies lie."""
    held = config.stash.get(_STASH, None)
    if held is not None and held.run is not None:
        terminalreporter.write_line(f"callbench run: {held.run.path}")


def _told(case: "Case", record: "Record") -> str:
    from reports.shown import actual, expected

    asked = next((m.content for m in reversed(case.messages) if m.role == "user"), "")
    verdict = record.verdict
    lines = [
        f"request:  {asked}",
        f"expected: {expected(case, 400)}",
        f"actual:   {actual(record, 400)}",
        f"{verdict.failure.value if verdict.failure else 'failed'}: {verdict.reason}",
    ]
    plain = ("".join(c if c.isprintable() else "\ufffd" for c in line) for line in lines)
    return "\n".join(line[:600] for line in plain)
