"""xLAM (Salesforce/xlam-function-calling-60k) and Hammer's MadeAgents/xlam-irrelevance-7.5k.

    {"id": 0, "query": "…", "answers": "[{\\"name\\": …, \\"arguments\\": {…}}, …]", "tools": "[{…}, …]"}

`answers` and `tools` are JSON text; parameters are a flat table of Python types (`List[int]`,
`str, optional`), read by the rules of `toolbox`. A row is one request and the calls that it needs.

The irrelevance rows have `"answers": "[]"` and no text, so the reply is taken from REPLIES, the one that
the sha256 of the request points at: sentences of ours, not of the publisher, counted as
`templated_replies`. An applicable tool may be left among the tools of such a row (a check by another
project kept 2,569 of 7,500); compare the request with the tools before much weight is put on them.

Seen: rows quoted by converters, and the type words that they map (NVIDIA-NeMo/Automodel,
nemo_automodel/components/datasets/llm/xlam.py and make_xlam_dataset.py). The gated file was not seen.
"""

import hashlib
from typing import Any

from train.corpora.base import (
    DEFAULTS,
    Converted,
    Options,
    Place,
    Rows,
    Tally,
    UnfitError,
    convert_rows,
)
from train.corpora.draft import Draft
from train.corpora.literals import listed
from train.corpora.toolbox import read_tools
from train.examples import Example

__all__ = ["REPLIES", "convert", "convert_irrelevance"]

REPLIES = (
    "I cannot do that: none of the tools I have fits this request.",
    "Sorry, none of my tools can help with that.",
    "I am not able to do this with the tools that I have.",
    "That is not possible with the tools available to me.",
    "I don't have a tool for that, so I cannot help with this request.",
    "Unfortunately, I can't do that: no tool I have been given is made for it.",
    "I have no tool that does this, so I cannot carry out the request.",
    "My tools do not cover this, so I'm unable to do it.",
)
"""Replies to a request that no offered tool can fulfil."""


def convert(rows: Rows, options: Options = DEFAULTS) -> Converted:
    """Rows with calls as examples."""
    return convert_rows(rows, _call_row, options)


def convert_irrelevance(rows: Rows, options: Options = DEFAULTS) -> Converted:
    """Rows without calls as examples whose reply is one of REPLIES."""
    return convert_rows(rows, _decline_row, options)


def _call_row(row: Any, place: Place, options: Options, tally: Tally) -> Example:
    draft, answers = _opened(row, options, tally)
    if not answers:
        raise UnfitError("row", "holds no calls, and no reply text in their place")
    draft.model("", answers)
    return draft.example(place)


def _decline_row(row: Any, place: Place, options: Options, tally: Tally) -> Example:
    draft, answers = _opened(row, options, tally)
    if answers:
        raise UnfitError("row", "holds calls, so it is no row of irrelevance")
    digest = hashlib.sha256(row["query"].encode("utf-8", "surrogatepass")).digest()
    draft.model(REPLIES[digest[0] % len(REPLIES)])
    tally["templated_replies"] += 1
    return draft.example(place)


def _opened(row: Any, options: Options, tally: Tally) -> tuple[Draft, list[Any]]:
    if not isinstance(row, dict) or not {"query", "answers", "tools"} <= set(row):
        raise UnfitError("row", "a row needs query, answers and tools")
    box = read_tools(listed(row, "tools", "tools"), options, tally)
    draft = Draft(box, options, tally)
    draft.user(row["query"])
    return draft, listed(row, "answers", "calls")
