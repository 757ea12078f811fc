"""Our training loop beside TRL's SFTTrainer: same examples, model, LoRA, optimiser and supervised tokens.

    python -m bench.perf.training [--model NAME_OR_FOLDER | --random SHAPE] [--examples N] [--rounds N]

Each training is a process of its own, so that its peak memory is its own; ours and TRL's take turns. TRL runs
with its best settings for the same loss: ready token ids and labels (no preparation in the measured time),
the fused output layer that skips masked positions, batches of like length, no gradient checkpointing, and
the fastest of some per-device batch sizes (--trl-batches, all tried in the first round). Without Triton its
output layer scores masked positions too; --compact, the default, also tries it told to skip them, as it does
on a GPU, so that the comparison is not won there. Both learn every example
once, with constant learning rate, and what each adapter has learned is then measured by one function: the
mean loss over all the examples.

Two sets of examples are taken from the built-in suites: `shared`, whole toolboxes with all their cases, as a
training set of failures and their variants has them; `apart`, one case of each toolbox, which have nothing
in common but the rules at the beginning. --random makes a base with random weights of a shape (small,
gemma-3-270m, gemma-2-2b) and a tokenizer trained on the suites. The last line is a JSON list of {name,
ratio, goal, holds}; every ratio is ours / TRL's, and holds if it is at most its goal.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adapters import resolve
from suites import select

__all__ = ["main"]

_GOALS = {
    ("shared", "seconds an example"): 0.667,
    ("shared", "peak memory"): 0.9,
    ("shared", "final loss"): 1.05,
    ("apart", "seconds an example"): 1.0,
}
_SHAPES: dict[str, tuple[str, dict[str, Any]]] = {
    "small": ("Gemma3", {"hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 8,
                         "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 128,
                         "vocab_size": 65536}),
    "gemma-3-270m": ("Gemma3", {"hidden_size": 640, "intermediate_size": 2048,
                                "num_hidden_layers": 18, "num_attention_heads": 4,
                                "num_key_value_heads": 1, "head_dim": 256, "vocab_size": 262144}),
    "gemma-2-2b": ("Gemma2", {"vocab_size": 256000}),
}  # fmt: skip
_RANK, _ALPHA, _LR, _BATCH = 16, 32, 1e-3, 8


def main(arguments: Sequence[str]) -> None:
    """Prints each training, then the ratios as JSON."""
    if arguments[:1] == ["worker"]:
        _worker(json.loads(Path(arguments[1]).read_text(encoding="utf-8")))
        return
    args = _parsed(arguments)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    found = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        base = _random_base(work, args.random) if args.random else resolve(args.model).folder
        for data in args.data.split(","):
            ours, theirs = _rounds(work, str(base), data, args)
            for (of, what), goal in _GOALS.items():
                if of == data:
                    ratio = round(_middle(ours, what) / _middle(theirs, what), 3)
                    name = f"{what}, ours / TRL, examples {data}"
                    found.append(
                        {"name": name, "ratio": ratio, "goal": goal, "holds": ratio <= goal}
                    )
    print(json.dumps(found))


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.perf.training", description=__doc__)
    parser.add_argument("--model", default="gemma-3-270m")
    parser.add_argument("--random", choices=tuple(_SHAPES))
    parser.add_argument("--examples", type=int, default=24)
    parser.add_argument("--trl-batches", default="1,4", help="divisors of 8")
    parser.add_argument("--compact", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--data", default="shared,apart")
    parser.add_argument("--rounds", type=int, default=2)
    return parser.parse_args(arguments)


def _rounds(
    work: Path, base: str, data: str, args: argparse.Namespace
) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    ours: list[dict[str, float]] = []
    theirs: list[dict[str, float]] = []
    kinds = [f"{size}" for size in args.trl_batches.split(",")]
    kinds += [f"{size} compact" for size in args.trl_batches.split(",")] if args.compact else []
    for seed in range(args.rounds):
        job = {"base": base, "data": data, "examples": args.examples, "seed": seed}
        ours.append(_process(work, {**job, "who": "ours"}))
        tried = {kind: _process(work, {**job, "who": "trl", "kind": kind}) for kind in kinds}
        best = min(tried, key=lambda kind: tried[kind]["seconds an example"])
        kinds = [best]
        theirs.append(tried[best])
    return ours, theirs


def _middle(runs: list[dict[str, float]], what: str) -> float:
    """The least of the times (the machine only ever adds), the median of the rest."""
    values = [run[what] for run in runs]
    return min(values) if what.startswith("seconds") else statistics.median(values)


def _process(work: Path, job: dict[str, Any]) -> dict[str, float]:
    file, out = work / "job.json", work / "out.json"
    file.write_text(json.dumps({**job, "out": str(out), "work": str(work)}), encoding="utf-8")
    command = [sys.executable, "-m", "bench.perf.training", "worker", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-4000:])
        done.check_returncode()
    result: dict[str, float] = json.loads(out.read_text(encoding="utf-8"))
    words = ", ".join(f"{name} {value:.4g}" for name, value in result.items())
    kind = f" (batches of {job['kind']})" if "kind" in job else ""
    print(f"{job['data']}, seed {job['seed']}, {job['who']}{kind}: {words}", flush=True)
    return result


# --- one training, in its own process ---------------------------------------------------------------


def _worker(job: dict[str, Any]) -> None:
    import torch
    import transformers

    from bench.engines.tokens import load_tokenizer

    transformers.utils.logging.disable_progress_bar()
    items = _items(job, load_tokenizer(Path(job["base"])))
    result = _ours(job, items) if job["who"] == "ours" else _trl(job, items)
    adapter = result.pop("adapter")
    result["peak memory"] = (
        torch.cuda.max_memory_allocated() / 2**20
        if torch.cuda.is_available()
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    )
    result["examples"] = len(items)
    result["tokens"] = sum(len(item.ids) for item in items)
    result["supervised"] = sum(item.supervised for item in items)
    result["final loss"] = _final_loss(Path(job["base"]), Path(adapter), items)
    Path(job["out"]).write_text(json.dumps(result), encoding="utf-8")


def _examples(data: str, count: int) -> list[Any]:
    from train import example_from

    cases = [c for name in ("call", "arguments") for p in select([name]).parts for c in p.cases]
    toolboxes: dict[tuple[str, ...], list[Any]] = {}
    for case in cases:
        toolboxes.setdefault(tuple(t.name for t in case.tools), []).append(case)
    if data == "apart":
        chosen = [boxed[0] for boxed in toolboxes.values()]
    else:
        whole = sorted(toolboxes.values(), key=len, reverse=True)
        middle = whole[len(whole) // 4 :]  # neither the largest toolboxes nor single cases
        chosen = [case for boxed in middle for case in boxed]
    return [example_from(case) for case in chosen[:count]]


def _items(job: dict[str, Any], tokenizer: Any) -> Any:
    from bench.dialects import DIALECTS
    from train.batches import encode_all

    examples = _examples(job["data"], job["examples"])
    return encode_all(examples, DIALECTS["gemma"], tokenizer, 4096).items


def _ours(job: dict[str, Any], items: Any) -> dict[str, Any]:
    from train.loop import fit
    from train.recipe import Recipe

    del items
    recipe = Recipe(
        dialect="gemma",
        epochs=1,
        warmup=0,
        schedule="constant",
        seed=job["seed"],
        rank=_RANK,
        alpha=_ALPHA,
        lr=_LR,
        batch_size=_BATCH,
    )
    out = Path(job["work"]) / f"ours-{job['data']}-{job['seed']}"
    examples = _examples(job["data"], job["examples"])
    done = fit(recipe, examples, Path(job["base"]), out)
    return {"seconds an example": done.seconds / len(examples), "adapter": str(out)}


def _trl(job: dict[str, Any], items: Any) -> dict[str, Any]:
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoConfig, AutoModelForCausalLM, TrainerCallback
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    from bench.engines.tokens import load_tokenizer
    from train.recipe import LINEARS

    base, gpu = Path(job["base"]), torch.cuda.is_available()
    size, _, compact = job["kind"].partition(" ")
    if compact:
        import trl.trainer.utils as internals

        internals._use_triton = lambda _: True  # type: ignore[attr-defined, assignment]
    out = Path(job["work"]) / f"trl-{job['data']}-{job['seed']}-{size}{compact}"
    softcap = getattr(AutoConfig.from_pretrained(base), "attn_logit_softcapping", None)
    model = AutoModelForCausalLM.from_pretrained(
        base,
        dtype=torch.bfloat16 if gpu else torch.float32,
        attn_implementation="eager" if softcap else "sdpa",
    )
    rows = [{"input_ids": list(item.ids), "labels": list(item.labels)} for item in items]
    config = SFTConfig(
        output_dir=str(out),
        per_device_train_batch_size=int(size),
        gradient_accumulation_steps=_BATCH // int(size),
        num_train_epochs=1,
        learning_rate=_LR,
        lr_scheduler_type="constant",
        weight_decay=0.0,
        max_grad_norm=1.0,
        max_length=None,
        train_sampling_strategy="group_by_length",
        gradient_checkpointing=False,
        bf16=gpu,
        use_cpu=not gpu,
        seed=job["seed"],
        report_to="none",
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
    )
    lora = LoraConfig(
        r=_RANK,
        lora_alpha=_ALPHA,
        target_modules=list(LINEARS),
        task_type="CAUSAL_LM",
    )

    class Clock(TrainerCallback):  # type: ignore[misc]
        """Seconds between the beginning of the first step and the end of the last."""

        begin = end = 0.0

        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.begin = self.begin or time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            self.end = time.perf_counter()

    clock = Clock()
    trainer = SFTTrainer(
        model=model,
        args=config,
        train_dataset=Dataset.from_list(rows),
        processing_class=load_tokenizer(base),
        peft_config=lora,
        callbacks=[clock],
    )
    trainer.train()
    trainer.model.save_pretrained(out)
    return {"seconds an example": (clock.end - clock.begin) / len(items), "adapter": str(out)}


def _final_loss(base: Path, adapter: Path, items: Any) -> float:
    """Mean loss of a supervised token over all examples, in float32."""
    import torch
    from safetensors.torch import load_file

    from train.batches import forwards
    from train.model import load_learner
    from train.packing import collate
    from train.recipe import Recipe

    recipe = Recipe(steps=1, rank=_RANK, alpha=_ALPHA, dtype="float32")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    learner = load_learner(base, recipe, device).eval()
    from peft import set_peft_model_state_dict

    set_peft_model_state_dict(learner.model, load_file(adapter / "adapter_model.safetensors"))
    total = 0.0
    with torch.no_grad():
        for rows in forwards(items, recipe, packed=True):
            total += learner(collate(rows, 0).to(device)).item()
    return total / float(sum(item.supervised for item in items))


# --- a base with random weights ---------------------------------------------------------------------


def _random_base(work: Path, shape: str) -> Path:
    import torch
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    from suites.catalogue import BUILTIN

    special = ["<pad>", "<eos>", "<bos>", "<unk>", "<start_of_turn>", "<end_of_turn>"]
    level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=8000,
        special_tokens=special,
        initial_alphabet=level.alphabet(),
        show_progress=False,
    )
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer, tokenizer.decoder = level, decoders.ByteLevel()
    files = sorted(BUILTIN.rglob("*.yaml"))
    tokenizer.train_from_iterator((f.read_text(encoding="utf-8") for f in files), trainer)
    names = {f"{n}_token": f"<{n}>" for n in ("pad", "eos", "bos", "unk")}
    folder = work / shape
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names)
    fast.save_pretrained(folder)
    family, settings = _SHAPES[shape]
    config = "Gemma3TextConfig" if family == "Gemma3" else f"{family}Config"
    gpu = torch.cuda.is_available()
    torch.manual_seed(0)
    with torch.device("cuda" if gpu else "cpu"):
        model = getattr(transformers, f"{family}ForCausalLM")(
            getattr(transformers, config)(
                **settings, pad_token_id=0, eos_token_id=1, bos_token_id=2
            )
        )
    model.to(torch.bfloat16 if gpu else torch.float32).save_pretrained(folder)
    return folder


if __name__ == "__main__":
    main(sys.argv[1:])
