"""What a run will ask and be able to show, as tables and as JSON values."""

from collections.abc import Sequence
from typing import Any

from bench.forecast import CHARACTERS_A_TOKEN, Forecast
from bench.power import DISCORDANT, FEWEST_DISCORDANT
from reports.table import Table

__all__ = ["forecast_data", "forecast_tables"]


def forecast_tables(found: Sequence[Forecast], targets: Sequence[str]) -> list[Table]:
    """How much is asked of each target, and the minimum detectable effect."""
    asked = Table(
        title=f"Plan for {', '.join(targets)}",
        head=["suite", "cases", "groups", "prompts", "prompt tokens", "reply tokens at most"],
        rows=[
            [
                x.suite,
                *map(str, (x.cases, x.groups, x.prompts, x.prompt_tokens, x.reply_tokens)),
            ]
            for x in found
        ],
        notes=[
            f"for each of {len(targets)} targets; prompt tokens are an estimate: "
            f"{CHARACTERS_A_TOKEN:g} characters a token"
        ],
    )
    effect = Table(
        title="Minimum detectable effect: the smallest difference in points that two such runs show",
        head=["suite", "cases", *(f"{100 * share:g} % discordant" for share in DISCORDANT)],
        rows=[
            [
                x.suite,
                str(x.cases),
                *(_range(x.alone[share], x.together[share]) for share in DISCORDANT),
            ]
            for x in found
        ],
        notes=[
            "discordant: share of the cases on which the two runs differ; paired, alpha .05 two-sided, power "
            ".80 (McNemar, normal approximation)",
            "the first figure if cases change independently, the second if those of a group change as one; "
            f"none: fewer than {FEWEST_DISCORDANT} discordant pairs, which no exact test tells from chance",
        ],
    )
    return [asked, effect]


def forecast_data(found: Sequence[Forecast], targets: Sequence[str]) -> dict[str, Any]:
    """The same as JSON values; effects are 0 to 1, null where there is none."""
    return {
        "targets": list(targets),
        "suites": [
            {
                **vars(x),
                "alone": {f"{k:g}": v for k, v in x.alone.items()},
                "together": {f"{k:g}": v for k, v in x.together.items()},
            }
            for x in found
        ],
    }


def _range(alone: float | None, together: float | None) -> str:
    """`4.4`, `4.4 to 6.2`, `4.4 to none` or `none`."""
    low, high = ("none" if x is None else f"{100 * x:.1f}" for x in (alone, together))
    return low if low == high else f"{low} to {high}"
