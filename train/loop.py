"""The training loop: examples in, a LoRA adapter with its card out.

One optimiser step: the plan says which examples, they are packed into rows, each forward pass adds its share
of the gradient, the norm is clipped, AdamW moves the adapter's weights. The result depends on the recipe,
the base and the data alone: being killed and resumed, or run by several processes, does not change it.
"""

import contextlib
import hashlib
import resource
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import transformers
from accelerate import Accelerator  # type: ignore[import-untyped]
from accelerate.utils import broadcast_object_list  # type: ignore[import-untyped]

from adapters import Adapter
from adapters.card import Card
from adapters.verify import Verification
from adapters.weights import weights_hash
from bench.dialects import find_dialect
from bench.engines.local import is_out_of_memory
from bench.engines.tokens import load_tokenizer
from bench.errors import InfrastructureError
from train.batches import Encodings, Plan, data_hash, encode_all, forwards
from train.begin import accelerator_on, begin, check_parent, run_hash
from train.checkpoint import (
    CHECKPOINT,
    Position,
    load_checkpoint,
    read_position,
    save_checkpoint,
)
from train.errors import DivergedError
from train.examples import Example
from train.memory import keep_freed_memory
from train.metrics import Log, Step, Ticker, draw_loss, read_steps
from train.model import Learner, load_learner
from train.objective import Examples, Objective, PairPlan, Preferences, paired
from train.optim import adamw, gathered, restore, snapshot
from train.output import write_adapter
from train.packing import Batch, Row, collate
from train.recipe import Recipe

__all__ = ["Fitted", "fit"]

_EXAMPLES: Objective = Examples()
_MEASURED = 3
"""Steps, after the first, that a budget is reckoned from at least."""


@dataclass(frozen=True, kw_only=True)
class Fitted:
    """A finished training. steps: done in all; resumed: how many of them an earlier process did.

    loss: of the last step; seconds: spent on steps; data: what was learned from and left out.
    """

    folder: Path
    card: Card
    verification: Verification
    steps: int
    resumed: int
    loss: float
    seconds: float
    data: Encodings


def fit(
    recipe: Recipe,
    examples: Iterable[Example],
    base_folder: Path,
    out: Path,
    *,
    parent: Adapter | None = None,
    on_step: Callable[[Step], None] | None = None,
    name: str | None = None,
    device: str | None = None,
    save_steps: int | None = None,
    save_minutes: float = 5.0,
) -> Fitted:
    """Train a LoRA on the base in `base_folder` and write it to the folder `out`, with its card.

    If `out` holds the checkpoint of the same training, it goes on from there; the result is the same bit
    for bit on a CPU. parent: an adapter whose weights to start from. on_step: called after each step, in
    the main process. name: of the adapter, default the folder's. device: `cpu` or `cuda`, default the best
    there is.
    save_steps, save_minutes: how often a checkpoint is written, whichever comes first.
    Under `accelerate launch` the processes share each step. With recipe.beta the examples are pairs: each
    right reply, and the wrong one under its id with `~wrong` (see train.objective).

    Errors: UsageError for data, a base, a parent or a folder that cannot be used (nothing is written);
    DivergedError if the loss or the gradient is no number, InfrastructureError for a full disk or too
    little memory: in both cases the last checkpoint stays.
    """
    keep_freed_memory()
    given = list(examples)
    accelerator = accelerator_on(device)
    base_hash = weights_hash(base_folder)
    check_parent(parent, base_hash)
    recipe = recipe.bound(
        base_hash=base_hash,
        data_hash=data_hash(given),
        on_cpu=accelerator.device.type == "cpu",
    )
    run = run_hash(recipe, parent)
    position = begin(out, run)
    tokenizer = load_tokenizer(base_folder)
    data = encode_all(given, find_dialect(recipe.dialect), tokenizer, recipe.max_length)
    if not sys.stderr.isatty():
        transformers.utils.logging.disable_progress_bar()
    learner = load_learner(base_folder, recipe, accelerator.device, parent)
    packed, pad = recipe.packing and learner.packs, tokenizer.pad_token_id
    plan, objective = Plan(items=data.items, recipe=recipe, packed=packed), _EXAMPLES
    if recipe.beta is not None:
        plan = PairPlan(items=paired(data.items), recipe=recipe, packed=packed)
        objective = Preferences(learner, recipe, pad, plan.items)
    if accelerator.is_main_process:
        out.mkdir(parents=True, exist_ok=True)
    trainer = _Trainer(accelerator, learner, plan, objective, pad, position)
    if position.step:
        trainer.restore(load_checkpoint(out))
    last = _run(trainer, out, on_step, save_steps, save_minutes)
    tensors = {k: gathered(t) for k, t in trainer.learner.adapter().items()}
    found: list[Any] = [None, None]
    if accelerator.is_main_process:
        found = list(
            write_adapter(
                out,
                name or out.resolve().name,
                tensors,
                trainer.learner.model.peft_config["default"],
                recipe,
                base_folder=base_folder,
                parent=parent,
            )
        )
        draw_loss(out, [s.loss for s in read_steps(out)] or [last])
        (out / CHECKPOINT).unlink(missing_ok=True)
    if accelerator.num_processes > 1:
        broadcast_object_list(found)
    return Fitted(
        folder=out,
        card=found[0],
        verification=found[1],
        steps=trainer.position.step,
        resumed=position.step,
        loss=last,
        seconds=trainer.position.seconds,
        data=data,
    )


class _Trainer:
    """Model, optimiser and position; one method does one step."""

    def __init__(
        self,
        accelerator: Accelerator,
        learner: Learner,
        plan: Plan,
        objective: Objective,
        pad: int,
        position: Position,
    ) -> None:
        self.accelerator, self.plan, self._pad = accelerator, plan, pad
        self._objective = objective
        self.recipe = plan.recipe
        optimizer = adamw(learner.trained(), self.recipe)
        self._model, self._optimizer = accelerator.prepare(learner, optimizer)
        self.learner: Learner = accelerator.unwrap_model(self._model)
        self.position = replace(position, steps=position.steps or self._length())

    def _length(self) -> int | None:
        if self.recipe.epochs is not None:
            return max(1, round(self.recipe.epochs * self.plan.steps_per_epoch))
        return self.recipe.steps

    def step(self) -> Step:
        """Learn the next step's examples. Errors: DivergedError before any weight is changed by it."""
        begin, number = time.perf_counter(), self.position.step
        workers, rank = self.accelerator.num_processes, self.accelerator.process_index
        lesson = self._objective.lesson(self.plan.step(number))
        items = lesson.items
        passes = forwards(items, self.recipe, packed=self.plan.packed, least=workers)
        supervised = sum(item.supervised for item in items)
        losses = torch.zeros(len(passes), device=self.accelerator.device)
        mine = list(enumerate(passes))[rank::workers]
        if len(mine) < -(-len(passes) // workers):  # every process must take part in each pass
            mine.append((len(passes), passes[-1]))
        for turn, (i, rows) in enumerate(mine):
            batch = self._batch(rows, 1.0 if i < len(passes) else 0.0)
            torch.manual_seed(_draw(self.recipe.seed, number, i))  # of dropout
            apart = turn < len(mine) - 1
            with self.accelerator.no_sync(self._model) if apart else contextlib.nullcontext():
                with self._autocast():
                    loss = self._model(batch)
                self.accelerator.backward(loss * workers)  # gradients are averaged over processes
            if i < len(passes):
                losses[i] = loss.detach()
        shares = self._sum(losses).tolist()
        norm = self.accelerator.clip_grad_norm_(self._model.parameters(), self.recipe.clip)
        size = float(gathered(norm))
        self._check(shares, size, passes)
        rate = self.recipe.rate(number, self.position.steps or sys.maxsize)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        seconds = time.perf_counter() - begin
        self.position = replace(
            self.position, step=number + 1, seconds=self.position.seconds + seconds
        )
        tokens = sum(len(item.ids) for item in items)
        return Step(
            step=number + 1,
            loss=sum(shares) if lesson.loss is None else lesson.loss,
            lr=rate,
            grad_norm=size,
            examples=len(items),
            supervised=supervised,
            tokens=tokens,
            computed=sum(len(row.ids) for rows in passes for row in rows),
            tokens_per_second=round(tokens / seconds, 1),
            memory=round(_memory(self.accelerator.device), 1),
            seconds=round(seconds, 4),
            preferred=lesson.preferred,
            margin=lesson.margin,
        )

    def measure(self, times: list[float]) -> None:
        """Fix the number of steps of a budget, from the seconds of the steps so far (the first is slow).

        A machine that then becomes slower is stopped a tenth over its budget.
        """
        budget = self.recipe.budget_minutes
        if budget is None:
            return
        limit, spent, step = 60 * budget, self.position.seconds, self.position.step
        told = [self.position.steps]
        if spent >= (limit if told[0] is None else 1.1 * limit):
            told = [step]
        elif told[0] is None and len(times) > _MEASURED and spent >= 0.1 * limit:
            each = sum(times[1:]) / (len(times) - 1)
            told = [step + int((limit - spent) / each)]
        if self.accelerator.num_processes > 1:
            broadcast_object_list(told)
        self.position = replace(self.position, steps=told[0])

    def snapshot(self) -> dict[str, torch.Tensor]:
        """What a checkpoint holds; with sharded weights every process must ask."""
        return snapshot(self.learner.trained(), self._optimizer)

    def restore(self, tensors: dict[str, torch.Tensor]) -> None:
        """Go on from a checkpoint."""
        restore(self.learner.trained(), self._optimizer, tensors)

    def _batch(self, rows: list[Row], scale: float) -> Batch:
        batch = collate(rows, self._pad)
        return replace(batch, weights=batch.weights * scale).to(self.accelerator.device)

    def _autocast(self) -> Any:
        low = self.recipe.dtype == "bfloat16"
        return torch.autocast(self.accelerator.device.type, torch.bfloat16, enabled=low)

    def _sum(self, values: torch.Tensor) -> torch.Tensor:
        return self.accelerator.reduce(values, "sum")  # type: ignore[no-any-return]

    def _check(self, losses: list[float], norm: float, passes: list[list[Row]]) -> None:
        wrong = [i for i, loss in enumerate(losses) if not _finite(loss)]
        if not wrong and _finite(norm):
            return
        what = "loss" if wrong else "gradient"
        rows = [row for i in wrong or range(len(passes)) for row in passes[i]]
        names = tuple(dict.fromkeys(name for row in rows for name in row.examples))
        shown = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        number = self.position.step + 1
        raise DivergedError(
            f"the {what} of step {number} is no number (examples {shown}): lower --lr or leave these "
            "examples out",
            step=number,
            examples=names,
        )


def _run(
    trainer: _Trainer,
    out: Path,
    on_step: Callable[[Step], None] | None,
    save_steps: int | None,
    save_minutes: float,
) -> float:
    """All steps that are left, with log, progress and checkpoints; the last loss."""
    main = trainer.accelerator.is_main_process
    log = Log(out, trainer.position.step) if main else None
    past = read_steps(out) if main else []
    last = past[-1].loss if past else 0.0
    times: list[float] = [s.seconds for s in past]
    ticker = Ticker(
        f"train {out.name}", trainer.position.steps, trainer.position.step, quiet=not main
    )
    saved_step, saved_at = trainer.position.step, time.monotonic()
    try:
        while not _over(trainer):
            try:
                step = trainer.step()
            except DivergedError as error:
                raise _with_checkpoint(error, out) from None
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if not is_out_of_memory(error):
                    raise
                raise InfrastructureError(
                    "not enough memory for a forward pass: lower --forward-tokens or --max-length"
                ) from None
            last = step.loss
            times.append(step.seconds)
            trainer.measure(times)
            if log is not None:
                log.add(step)
                ticker.add(step, trainer.position.steps)
            if on_step is not None and main:
                on_step(step)
            late = time.monotonic() - saved_at >= 60 * save_minutes
            if trainer.accelerator.num_processes > 1:
                told = [late]
                broadcast_object_list(told)
                late = told[0]
            if late or (save_steps and trainer.position.step - saved_step >= save_steps):
                tensors = trainer.snapshot()
                if main:
                    save_checkpoint(out, trainer.position, tensors)
                saved_step, saved_at = trainer.position.step, time.monotonic()
    finally:
        ticker.close()
    return last


def _over(trainer: _Trainer) -> bool:
    steps = trainer.position.steps
    return steps is not None and trainer.position.step >= steps


def _with_checkpoint(error: DivergedError, out: Path) -> DivergedError:
    position = read_position(out)
    kept = f"; {out} keeps the checkpoint of step {position.step}" if position else ""
    return DivergedError(f"{error}{kept}", step=error.step, examples=error.examples)


def _draw(*parts: int) -> int:
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def _finite(value: float) -> bool:
    return value - value == 0


def _memory(device: torch.device) -> float:
    """MiB: the most that was in use so far."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
