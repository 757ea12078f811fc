"""`callbench leaderboard` over many run files: time and memory, beside reading them with json alone.

    python -m bench.perf.leaderboard [--files N] [--cases N]

Every file is a whole run of the built-in cases, answered right or wrong at random and really judged; nine
files of one adapter each, the rest of the base. The command runs in a process of its own, and so does what a
notebook would do first: json.loads of every line of the same files. The last line is a JSON list of {name,
ratio, goal, holds}; a ratio holds if it is at most its goal.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench.perf.made import cases, lines, write_run

__all__ = ["main"]

_SECONDS, _MIB = 10.0, 1024.0
_NOTEBOOK = """
import json, sys
from pathlib import Path
passed = 0
for file in sorted(Path(sys.argv[1]).glob("*.jsonl")):
    with file.open("rb") as lines:
        passed += sum(json.loads(line).get("verdict", {}).get("passed", False) for line in lines)
print(passed)
"""


def main(arguments: Sequence[str]) -> None:
    """Prints the figures, then the ratios as JSON."""
    parser = argparse.ArgumentParser(prog="bench.perf.leaderboard", description=__doc__)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--cases", type=int, default=2500)
    args = parser.parse_args(arguments)
    asked = cases(args.cases)
    pairs = lines(asked)
    with tempfile.TemporaryDirectory() as folder:
        runs = Path(folder) / "runs"
        runs.mkdir()
        for i in range(args.files):
            name = f"gemma-3-270m+adapter-{i}"
            path = runs / f"20260101-{i:06}-{name}.jsonl"
            write_run(path, name, asked, pairs, rate=0.3 + 0.4 * i / args.files, seed=i)
        size = sum(f.stat().st_size for f in runs.iterdir()) / 2**20
        print(f"{args.files} runs of {args.cases} cases, {size:.0f} MiB", flush=True)
        board = [sys.executable, "-m", "bench.cli", "leaderboard", str(runs), "--json"]
        ours, memory = _timed(board)
        theirs, _ = _timed([sys.executable, "-c", _NOTEBOOK, str(runs)])
    print(f"leaderboard {ours:.2f} s, {memory:.0f} MiB; json.loads of every line {theirs:.2f} s")
    what = f"of {args.files} runs x {args.cases} cases"
    rows = [
        (f"leaderboard {what}, seconds / {_SECONDS:g}", ours / _SECONDS, 1.0),
        (f"leaderboard {what}, peak MiB / {_MIB:g}", memory / _MIB, 1.0),
        ("leaderboard / json.loads of the same files, seconds", ours / theirs, 1.0),
    ]
    found = [
        {"name": name, "ratio": round(ratio, 3), "goal": goal, "holds": ratio <= goal}
        for name, ratio, goal in rows
    ]
    print(json.dumps(found))


def _timed(command: list[str]) -> tuple[float, float]:
    """Seconds, and MiB at the peak of the largest of its processes times their number."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - begin
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**10
    return seconds, peak * ((os.cpu_count() or 1) + 1)


if __name__ == "__main__":
    main(sys.argv[1:])
