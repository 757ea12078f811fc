"""Weights sharded over two processes (FSDP2, gloo, on the CPU) learn what whole ones do.

`accelerate launch` offers FSDP for GPUs only; here the model is cut with torch's own `fully_shard`, at the
blocks where accelerate cuts, and everything of the loop that touches sharded weights is used.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
from dataclasses import replace
from pathlib import Path
import torch
import torch.distributed as dist
from torch.distributed.fsdp import fully_shard
from bench.dialects import DIALECTS
from bench.engines.tokens import load_tokenizer
from suites import select
from train import example_from
from train.batches import Plan, encode_all
from train.model import load_learner
from train.optim import adamw, gathered, restore, snapshot
from train.packing import collate
from train.recipe import Recipe

dist.init_process_group("gloo")
rank, world = dist.get_rank(), dist.get_world_size()
folder = Path(sys.argv[1])
cases = [c for p in select(["smoke"]).parts for c in p.cases][:9]
tokenizer = load_tokenizer(folder)
items = encode_all([example_from(c) for c in cases], DIALECTS["gemma"], tokenizer, 4096).items
def trained(dtype, sharded):
    recipe = Recipe(steps=3, batch_size=3, rank=4, alpha=8, dtype=dtype, lr=0.01)
    plan = Plan(items=items, recipe=recipe, packed=True)
    learner = load_learner(folder, recipe, "cpu")
    if sharded:
        cut = learner._no_split_modules
        for module in [m for m in learner.modules() if type(m).__name__ in cut]:
            fully_shard(module)
        fully_shard(learner)
    optimizer = adamw(learner.trained(), recipe)
    for number in range(3):
        passes = plan.rows(number, world)
        assert len(passes) >= world
        total = sum(item.supervised for item in plan.step(number))
        mine = list(enumerate(passes))[rank::world] if sharded else list(enumerate(passes))
        if len(mine) < -(-len(passes) // world) and sharded:
            mine.append((None, passes[-1]))
        for i, rows in mine:
            batch = collate(rows, 0)
            batch = replace(batch, weights=batch.weights * (0 if i is None else 1 / total))
            with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"):
                loss = learner(batch)
            (loss * (world if sharded else 1)).backward()
        optimizer.step()
        optimizer.zero_grad()
        if sharded and number == 1:  # a resume in the middle
            restore(learner.trained(), optimizer, snapshot(learner.trained(), optimizer))
    return {name: gathered(t).clone() for name, t in learner.adapter().items()}

for dtype in ("float32", "bfloat16"):
    whole, shared = trained(dtype, False), trained(dtype, True)
    assert whole.keys() == shared.keys()
    assert len(whole) == 28
    for name, value in whole.items():
        torch.testing.assert_close(shared[name], value, rtol=1e-3, atol=1e-4)
        assert value.abs().max() > 0
    sys.stdout.write(f"{dtype} equal\\n")
dist.destroy_process_group()
"""


def test_sharded_weights_learn_what_whole_ones_do(
    tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    script = tmp_path / "sharded.py"
    script.write_text(SCRIPT, encoding="utf-8")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2"]
    launcher += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "localhost:0"]
    done = subprocess.run(
        [*launcher, str(script), str(tiny_models["gemma3"])],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("float32 equal") == done.stdout.count("bfloat16 equal") == 2
