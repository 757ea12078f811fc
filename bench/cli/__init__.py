"""The command line: one thin file a command, heavy imports only inside the command that runs."""

import argparse
import os
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import NoReturn

from bench.cli import (
    adapters,
    compare,
    demo,
    doctor,
    failures,
    gate,
    history,
    improve,
    judge,
    leaderboard,
    models,
    report,
    rescore,
    run,
    serve,
    suites,
    train,
)

__all__ = ["COMMANDS", "ArgumentError", "main", "parser"]

COMMANDS: dict[str, ModuleType] = {
    "demo": demo,
    "run": run,
    "judge": judge,
    "report": report,
    "rescore": rescore,
    "compare": compare,
    "gate": gate,
    "leaderboard": leaderboard,
    "history": history,
    "failures": failures,
    "train": train,
    "improve": improve,
    "suites": suites,
    "models": models,
    "adapters": adapters,
    "serve": serve,
    "doctor": doctor,
}


class ArgumentError(ValueError):
    """Arguments that argparse refuses, as one line."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ArgumentError(f"{message} (see {self.prog} --help)")


def parser() -> argparse.ArgumentParser:
    """The whole command line. Parsing with it raises ArgumentError."""
    top = _Parser(
        prog="callbench",
        description="Is this adapter better at calling functions, what did it break, what to train next?",
        epilog="exit codes: 0 ran, 1 a gate failed, 2 usage or configuration, 3 infrastructure or incomplete",
        allow_abbrev=False,
    )
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        summary = (module.__doc__ or "").strip().splitlines()[0]
        sub = commands.add_parser(
            name,
            help=summary.rstrip("."),
            description=module.__doc__,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(sub)
        sub.set_defaults(main=module.main)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; every failure is one line on stderr."""
    raw = list(sys.argv[1:] if arguments is None else arguments)
    try:
        args = parser().parse_args(raw)
        args.raw = raw
        code: int = args.main(args)
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _fail("interrupted", 3)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 3
    except Exception as error:
        if os.environ.get("CALLBENCH_DEBUG"):
            raise
        return _fail(*_explained(error))


def _explained(error: Exception) -> tuple[str, int]:
    """One line and an exit code for any exception; an unexpected one is a fault of ours, never exit 1."""
    from adapters import ModelError
    from bench.errors import DialectError, InfrastructureError, UsageError, suggestion
    from suites import SuiteError

    if isinstance(error, ArgumentError | SuiteError | ModelError | UsageError | DialectError):
        return f"{error}{suggestion(error)}", 2
    if isinstance(error, InfrastructureError):
        return str(error), 3
    if isinstance(error, OSError):
        return f"{error.strerror or error}: {error.filename}" if error.filename else str(error), 3
    text = (str(error).strip().splitlines() or [""])[0]
    name = type(error).__name__
    return f"unexpected {name}: {text} (CALLBENCH_DEBUG=1 shows where; please report it)", 3


def _fail(text: str, code: int) -> int:
    print(f"callbench: {' '.join(text.split())}", file=sys.stderr)
    return code
