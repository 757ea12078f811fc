"""What is written down of each step: a line of JSON, a line for people, and the curve of the loss."""

import json
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from bench.errors import InfrastructureError
from train.files import cut_lines, replaced

__all__ = ["METRICS", "PLOT", "Log", "Step", "Ticker", "draw_loss", "read_steps"]

METRICS, PLOT = "metrics.jsonl", "loss.svg"
_EVERY = 15.0


@dataclass(frozen=True, kw_only=True)
class Step:
    """One optimiser step (from 1). loss: mean over its supervised tokens.

    examples, supervised: how many were learned; tokens: of the examples, each counted whole; computed:
    tokens that went through the model, without padding. tokens_per_second: of `tokens`. memory: the most
    so far, in MiB (of the process on a CPU, of the device on a GPU); seconds: of this step. Of preferences:
    preferred: share of the pairs in which the right reply gained more than the wrong one; margin: beta times
    the mean of that difference, in nats.
    """

    step: int
    loss: float
    lr: float
    grad_norm: float
    examples: int
    supervised: int
    tokens: int
    computed: int
    tokens_per_second: float
    memory: float
    seconds: float
    preferred: float | None = None
    margin: float | None = None


class Log:
    """Appends steps to `metrics.jsonl`; a resumed run first drops what lies behind its checkpoint."""

    def __init__(self, folder: Path, done: int) -> None:
        self._file = folder / METRICS
        cut_lines(self._file, lambda line: _number(line) <= done)

    def add(self, step: Step) -> None:
        """Write a step. Errors: InfrastructureError if the disk is full."""
        try:
            with self._file.open("a", encoding="utf-8") as out:
                out.write(json.dumps(asdict(step)) + "\n")
        except OSError as error:
            raise InfrastructureError(f"cannot write {self._file}: {error.strerror}") from None


def read_steps(folder: Path) -> list[Step]:
    """The steps that a folder's log holds; a torn last line is left out."""
    file = folder / METRICS
    if not file.is_file():
        return []
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    return [Step(**json.loads(line)) for line in lines if line.endswith("\n")]


class Ticker:
    """Progress on stderr: a bar on a terminal, else a plain line every 15 seconds and at the end."""

    def __init__(self, label: str, steps: int | None, done: int, *, quiet: bool = False) -> None:
        self._label, self._steps, self._begin = label, steps, done
        self._plain, self._quiet = not sys.stderr.isatty(), quiet
        self._start = self._said = time.monotonic()
        hidden = self._plain or quiet
        self._bar = tqdm(total=steps, initial=done, desc=label, unit="step", disable=hidden)
        if self._plain and done:
            self._say(f"going on after step {done}")

    def add(self, step: Step, steps: int | None) -> None:
        """A step is done, of so many (None: not known yet)."""
        self._steps = steps
        words = f"loss {step.loss:.4f}, {step.tokens_per_second:.0f} tokens/s"
        self._bar.total = steps
        self._bar.set_postfix_str(words, refresh=False)
        self._bar.update(1)
        now = time.monotonic()
        if self._plain and (now - self._said >= _EVERY or step.step == steps):
            self._said = now
            total = f" of {steps}" if steps else ""
            self._say(f"step {step.step}{total}, {words}{self._left(step.step, now)}")

    def close(self) -> None:
        """Training is over."""
        self._bar.close()

    def _left(self, step: int, now: float) -> str:
        if self._steps is None or step >= self._steps:
            return f", {now - self._start:.0f} s" if step == self._steps else ""
        each = (now - self._start) / max(1, step - self._begin)
        seconds = each * (self._steps - step)
        return f", about {seconds / 60:.0f} min left" if seconds > 90 else f", {seconds:.0f} s left"

    def _say(self, text: str) -> None:
        if not self._quiet:
            print(f"{self._label}: {text}", file=sys.stderr, flush=True)


def draw_loss(folder: Path, losses: Sequence[float]) -> None:
    """Write `loss.svg`: each step's loss as a thin line, its running mean as a thick one."""
    width, height, left, base = 640, 240, 48, 210
    most = max(losses) or 1.0
    across = (width - left - 12) / max(1, len(losses) - 1)

    def line(values: Sequence[float], style: str) -> str:
        points = " ".join(
            f"{left + i * across:.1f},{base - v / most * (base - 16):.1f}"
            for i, v in enumerate(values)
        )
        return f'<polyline fill="none" {style} points="{points}"/>'

    mean, means = losses[0], []
    for loss in losses:
        mean = 0.9 * mean + 0.1 * loss
        means.append(mean)
    texts = [
        (left - 6, 20, "end", f"{most:.3g}"),
        (left - 6, base, "end", "0"),
        (left, base + 18, "start", "step 1"),
        (width - 12, base + 18, "end", f"step {len(losses)}, loss {losses[-1]:.3g}"),
    ]
    body = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'font-family="sans-serif" font-size="12" fill="#555">',
        f"<title>Training loss of {len(losses)} steps</title>",
        f'<path d="M{left},12V{base}H{width - 12}" fill="none" stroke="#999"/>',
        line(losses, 'stroke="#9bb8d3"'),
        line(means, 'stroke="#1f5f99" stroke-width="2"'),
        *(f'<text x="{x}" y="{y}" text-anchor="{a}">{t}</text>' for x, y, a, t in texts),
        "</svg>",
    ]
    with replaced(folder / PLOT) as draft:
        draft.write_text("\n".join(body) + "\n", encoding="utf-8")


def _number(line: str) -> float:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf
