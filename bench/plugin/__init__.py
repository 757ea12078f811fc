"""The pytest plugin: cases as tests. Without `--callbench` it adds its options and does nothing else.

    pytest --callbench SUITE [--callbench SUITE] --callbench-target TARGET

TARGET is MODEL, MODEL+ADAPTER, or a run that was made before. All replies are made in one batched run before
the first test; a failing test shows what was asked, expected and said.
"""

import pytest

__all__ = ["pytest_addoption", "pytest_configure"]

_MORE = ("target", "engine", "dialect", "max_tokens", "limit")


def pytest_addoption(parser: pytest.Parser) -> None:
    """The plugin's options."""
    group = parser.getgroup("callbench", "callbench: function-calling cases as tests")
    group.addoption(
        "--callbench",
        action="append",
        default=[],
        metavar="SUITE",
        help="a suite, selection or file of cases, each case a test (may be given several times)",
    )
    group.addoption(
        "--callbench-target",
        metavar="TARGET",
        help="MODEL, MODEL+ADAPTER, or a run: file, URL or id (default: gemma-3-270m)",
    )
    group.addoption("--callbench-engine", metavar="E", help="as of callbench run (default: auto)")
    group.addoption("--callbench-dialect", metavar="D", help="default: the model's own")
    group.addoption(
        "--callbench-max-tokens", type=int, metavar="N", help="budget of a reply (default: 128)"
    )
    group.addoption("--callbench-limit", type=int, metavar="N", help="at most N cases a suite")


def pytest_configure(config: pytest.Config) -> None:
    """Read the suites, if any are named. Errors: pytest.UsageError."""
    if config.getoption("callbench"):
        from bench.plugin.session import CaseSession

        config.pluginmanager.register(CaseSession(config), "callbench-cases")
        return
    for name in _MORE:
        if config.getoption(f"callbench_{name}") is not None:
            raise pytest.UsageError(f"--callbench-{name.replace('_', '-')} needs --callbench SUITE")
