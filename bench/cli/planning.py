"""`callbench run --plan`: what the run would ask and be able to show, without loading a model."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from bench.cli.common import emit, split_names

if TYPE_CHECKING:
    from bench.plan import Settings
    from suites import Selection

__all__ = ["show_plan"]


def show_plan(args: argparse.Namespace, selection: "Selection", settings: "Settings") -> None:
    """Print the plan. Errors: as from the run itself, for all that can be told without the weights."""
    from adapters import ModelError, Target, find_adapter, find_model
    from bench.forecast import forecast
    from bench.plan import plan
    from reports.forecast import forecast_data, forecast_tables

    base, _, own = (
        args.model.partition("+") if not Path(args.model).exists() else (args.model, "", "")
    )
    model = find_model(base)
    given = [*([own] if own else []), *split_names(args.adapters)]
    names = [find_adapter(name).name for name in given]
    targets = [
        *([] if args.no_base or own else [model.name]),
        *(f"{model.name}+{n}" for n in names),
    ]
    if not targets:
        raise ModelError("--no-base leaves nothing to run without --adapters")
    dialect = args.dialect or model.dialect
    if dialect is None:
        raise ModelError(f"model {base!r} has no registered dialect: give one with --dialect NAME")
    target = Target(model=model, folder=Path(), hash="", dialect=dialect)
    found = forecast(
        plan(selection, target, settings), [part.suite.name for part in selection.parts]
    )
    emit(forecast_tables(found, targets), forecast_data(found, targets), args.format)
