"""Progress: two plain lines in a log, a bar on a terminal, nothing on stdout."""

import contextlib
import os
import termios

import pytest

from bench.progress import Progress


def test_a_log_gets_one_line_at_the_start_and_one_at_the_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Progress("model", 10, 4, 1) as progress:
        progress.add(3, 2)
        progress.add(3, 0)
    said = capsys.readouterr()
    first, last = said.err.splitlines()
    assert first == "model: 10 cases (4 were done before)"
    assert last.startswith("model: 3 of 10 passed, ")
    assert said.out == ""


def test_a_run_that_stops_early_does_not_claim_an_end(capsys: pytest.CaptureFixture[str]) -> None:
    with contextlib.suppress(KeyboardInterrupt), Progress("model", 10) as progress:
        progress.add(3, 2)
        raise KeyboardInterrupt
    assert capsys.readouterr().err.splitlines() == ["model: 10 cases"]


def test_a_terminal_gets_a_bar_with_the_running_score() -> None:
    """A real pseudo-terminal stands in for stderr."""
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    with (
        os.fdopen(theirs, "w") as terminal,
        contextlib.redirect_stderr(terminal),
        Progress("model", 10) as progress,
    ):
        progress.add(10, 7)
    said = ""
    with contextlib.suppress(OSError):  # a terminal that was closed has no end of file
        while piece := os.read(ours, 1 << 16):
            said += piece.decode()
    os.close(ours)
    assert "model" in said
    assert "10/10" in said
    assert "7 of 10 passed" in said
    assert "10 cases" not in said
