"""Live progress on stderr: a bar on a terminal, two plain lines elsewhere."""

import sys
import time
from types import TracebackType

from tqdm import tqdm

__all__ = ["Progress"]


class Progress:
    """Counts replies, with the running pass count and the time left.

    what: the total in words, e.g. `24 cases` or `24 cases, 5 samples each: 120 replies`.
    """

    def __init__(
        self, label: str, total: int, done: int = 0, passed: int = 0, *, what: str | None = None
    ) -> None:
        self._what = what or f"{total} cases"
        self._label, self._passed, self._done = label, passed, done
        self._start, self._plain = time.monotonic(), not sys.stderr.isatty()
        self._bar = tqdm(
            total=total,
            initial=done,
            desc=label,
            unit="reply" if "replies" in self._what else "case",
            disable=self._plain,
            dynamic_ncols=True,
        )

    def __enter__(self) -> "Progress":
        if self._plain:
            rest = f" ({self._done} were done before)" if self._done else ""
            print(f"{self._label}: {self._what}{rest}", file=sys.stderr, flush=True)
        return self

    def add(self, cases: int, passed: int) -> None:
        """Some more replies are judged and written."""
        self._passed += passed
        self._done += cases
        self._bar.set_postfix_str(f"{self._passed} of {self._done} passed", refresh=False)
        self._bar.update(cases)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.close()
        if self._plain and kind is None:
            seconds = time.monotonic() - self._start
            text = f"{self._label}: {self._passed} of {self._done} passed, {seconds:.0f} s"
            print(text, file=sys.stderr, flush=True)
