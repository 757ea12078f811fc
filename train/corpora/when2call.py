"""When2Call's training files (NVIDIA): when not to call, and calls as `<TOOLCALL>[…]</TOOLCALL>` in the text.

    train_sft    {"tools": [{…}], "messages": [{"role": "user", …}, {"role": "assistant", …}]}
    train_pref   {"tools": [{…}], "messages": [user], "chosen_response": {…}, "rejected_response": {…}}

Of a preference row the chosen response is the reply; the rejected one is not read. Tools are objects or JSON
text, their types those of Python, their list `required` beside `parameters`. Rows of the test files
(`correct_answer`) are left out: they are an evaluation, made of BFCL v2 Live.

Seen: one whole row of each training file in the repository's README (NVIDIA/When2Call, README.md). Others
who counted say that the calls are in train_pref only and train_sft never calls: mix it with calls.
"""

import re
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
from train.corpora.chat import read_chat
from train.corpora.literals import listed, read_data
from train.examples import Example

__all__ = ["convert"]

_CALLS = re.compile(r"(.*?)<TOOLCALL>(.*)</TOOLCALL>\s*", re.DOTALL)


def convert(rows: Rows, options: Options = DEFAULTS) -> Converted:
    """Rows of either training file as examples."""
    return convert_rows(rows, _read, options)


def _read(row: Any, place: Place, options: Options, tally: Tally) -> Example:
    if not isinstance(row, dict) or row.get("messages") is None:
        if isinstance(row, dict) and "correct_answer" in row:
            raise UnfitError("held_out", "a row of the test")
        raise UnfitError("row", "a row needs tools and messages")
    messages = listed(row, "messages")
    if row.get("chosen_response") is not None:
        messages = [*messages, row["chosen_response"]]
    tools = [_parsed(t) for t in listed(row, "tools", "tools")]
    whole = {"messages": messages, "tools": tools}
    return read_chat(whole, place, options, tally, calls_in=_calls)


def _parsed(tool: Any) -> Any:
    if not isinstance(tool, str):
        return tool
    try:
        return read_data(tool)
    except ValueError as error:
        raise UnfitError("tools", error) from None


def _calls(text: str) -> tuple[str, list[Any]]:
    found = _CALLS.fullmatch(text)
    if found is None:
        return text, []
    try:
        value = read_data(found[2].strip())
    except ValueError as error:
        raise UnfitError("calls", error) from None
    calls = value if isinstance(value, list) else [value]
    if not calls:
        raise UnfitError("calls", "an empty list of calls")
    return found[1], calls
