"""Tell what is installed, which engines and device work, and what to do about what is missing."""

import argparse

from bench.cli.common import add_format, emit

__all__ = ["add_arguments", "main"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench doctor`."""
    add_format(parser)


def main(args: argparse.Namespace) -> int:
    """Print every check; exit 3 if something that callbench needs is missing."""
    from bench.doctor import examine
    from reports.table import Table

    checks = examine()
    head = ["what", "state", "found", "remedy"]
    data = [vars(c) for c in checks]
    rows = [[str(d[k]) for k in head] for d in data]
    emit([Table(title="Doctor", head=head, rows=rows)], data, args.format)
    return 3 if any(c.state == "missing" for c in checks) else 0
