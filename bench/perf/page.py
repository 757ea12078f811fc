"""The HTML page of three targets: its size, and how long a browser takes to open it.

    python -m bench.perf.page [--cases N] [--browser PATH]

The runs are of the built-in cases, answered right or wrong at random and really judged; the page is that of
`callbench report --html`. It is opened from disk in headless Chromium (through playwright) until the table of
cases is drawn. The last line is a JSON list of {name, ratio, goal, holds}; a ratio holds if it is at most its
goal.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.perf.made import cases, lines, write_run

__all__ = ["main"]

_MIB, _SECONDS, _OPENED = 15.0, 2.0, 5
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
_TARGETS = ("gemma-3-270m", "gemma-3-270m+one", "gemma-3-270m+two")


def main(arguments: Sequence[str]) -> None:
    """Prints the figures, then the ratios as JSON."""
    parser = argparse.ArgumentParser(prog="bench.perf.page", description=__doc__)
    parser.add_argument("--cases", type=int, default=2000)
    parser.add_argument("--browser", default="/usr/bin/chromium")
    args = parser.parse_args(arguments)
    asked = cases(args.cases)
    pairs = lines(asked)
    with tempfile.TemporaryDirectory() as folder:
        runs = [
            write_run(Path(folder) / f"{i}.jsonl", name, asked, pairs, rate=0.2 + 0.2 * i, seed=i)
            for i, name in enumerate(_TARGETS)
        ]
        page = Path(folder) / "page.html"
        begin = time.perf_counter()
        command = [sys.executable, "-m", "bench.cli", "report", *map(str, runs)]
        subprocess.run([*command, "--html", str(page)], check=True, stdout=subprocess.DEVNULL)
        made, size = time.perf_counter() - begin, page.stat().st_size / 2**20
        opened = _opened(page, args.browser)
    print(f"page of {len(_TARGETS)} x {args.cases} cases: {size:.1f} MiB, made in {made:.1f} s")
    print(f"opened in {', '.join(f'{s:.2f}' for s in opened)} s")
    middle = sorted(opened)[len(opened) // 2]
    what = f"page of {len(_TARGETS)} x {args.cases} cases"
    rows = [
        (f"{what}, MiB / {_MIB:g}", size / _MIB),
        (f"{what}, seconds / {_SECONDS:g}", middle / _SECONDS),
    ]
    found = [
        {"name": name, "ratio": round(ratio, 3), "goal": 1.0, "holds": ratio <= 1}
        for name, ratio in rows
    ]
    print(json.dumps(found))


def _opened(page: Path, browser: str) -> list[float]:
    """Seconds from the address to a drawn table of cases, each time in a new browser context."""
    from playwright.sync_api import sync_playwright

    found = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=_FLAGS)
        for _ in range(_OPENED):
            context = chromium.new_context()
            tab = context.new_page()
            begin = time.perf_counter()
            tab.goto(page.as_uri())
            tab.wait_for_selector("#cases tbody tr")
            tab.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
            found.append(time.perf_counter() - begin)
            context.close()
        chromium.close()
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
