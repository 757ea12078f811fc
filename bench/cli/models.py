"""List the models known by name, or prepare the embedded one for use."""

import argparse

from bench.cli.common import add_format, emit

__all__ = ["add_arguments", "main"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `callbench models`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add_format(actions.add_parser("list", help="the models known by name"))
    prepare = actions.add_parser("prepare", help="make a model ready to run (once)")
    prepare.add_argument("model", nargs="?", default="gemma-3-270m", help="default: %(default)s")


def main(args: argparse.Namespace) -> int:
    """Dispatch to list or prepare."""
    from adapters.registry import MODELS, resolve

    if args.action == "prepare":
        target = resolve(args.model, dialect="gemma")
        print(target.folder)
        return 0
    from adapters.prepare import prepared_folder
    from reports.table import Table

    rows = []
    for model in MODELS.values():
        ready = "on use, from the hub"
        if model.source == "package":
            ready = "yes" if prepared_folder(model) else "callbench models prepare"
        rows.append(
            {
                "name": model.name,
                "prepared": ready,
                "dialect": model.dialect or "",
                "from": model.where,
                "about": model.about,
                "licence": model.licence,
            }
        )
    head = list(rows[0])
    emit(
        [Table(title="Models", head=head, rows=[[r[k] for k in head] for r in rows])],
        rows,
        "table" if args.format == "table" else args.format,
    )
    return 0
