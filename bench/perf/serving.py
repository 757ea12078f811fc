"""What one vLLM engine for a base and three adapters saves, and what our harness costs on top of it.

    python -m bench.perf.serving [--model NAME_OR_FOLDER | --random gemma-2-2b] [--cases N] [--max-tokens N]

Run it where vLLM is installed (on a CPU: .venv-vllm). Everything is measured side by side in this one run:

    one engine / four      `callbench run` with base and three adapters, one process, against four processes
                           of a minimal script that starts vLLM for one target each (wall time, with start)
    harness / bare vLLM    planning, generating, judging and writing against the same token ids handed to
                           LLM.generate in the same engine, already up; the prefix cache is emptied before
                           each round
    cached / first         the same run again from the reply cache
    vllm / transformers    the same cases and targets with the transformers engine in the same process

The adapters are random (seeded) LoRA weights of rank 8 that change the replies. `--random gemma-2-2b` makes a
base with that model's shape and random weights: for a GPU. Generated tokens a second, the prefix cache's hit
rate and the device are printed; the last line is a JSON list of {name, ratio, goal, holds}.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from adapters import Target, resolve, serving_name
from adapters.registry import find_adapter
from bench.cache import Cache
from bench.engines import Engine, EngineOptions, load_engine
from bench.plan import Settings, plan
from bench.runner import Chosen, run_targets

__all__ = ["main"]

_GOALS = {
    "one engine / four": 0.45,
    "harness / bare vLLM": 1.05,
    "cached / first": 0.05,
    "vllm / transformers": 1.0,
}
_ADAPTERS = ("one", "two", "three")
_ROUNDS = 3
_MINIMAL = """
import json, sys
job = json.load(open(sys.argv[1]))
from vllm import LLM, SamplingParams
from vllm.lora.request import LoRARequest
llm = LLM(**job["engine"])
lora = LoRARequest(job["name"], 1, job["adapter"]) if job["adapter"] else None
params = SamplingParams(temperature=0.0, max_tokens=job["max_tokens"], stop_token_ids=job["stops"])
outputs = llm.generate([{"prompt_token_ids": p} for p in job["prompts"]], params, lora_request=lora)
json.dump([o.outputs[0].text for o in outputs], open(sys.argv[2], "w"))
"""


def main(arguments: Sequence[str]) -> None:
    """Prints the times, then the ratios as JSON."""
    args = _parsed(arguments)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        model = _random_base(work) if args.random else args.model
        base = resolve(model, dialect="gemma" if args.random else None)
        _make_adapters(base, work)
        targets = [base, *(_on(base, work / name) for name in _ADAPTERS)]
        chosen = Chosen(names=("call",), limit=args.cases)
        settings = Settings(max_tokens=args.max_tokens)
        ours = _process(_our_command(model, work, args), "callbench run")
        engine = load_engine("vllm", base, _adapters(targets), _options(args))
        jobs = _minimal_jobs(engine, targets, chosen, settings, work)
        four = sum(
            _process([sys.executable, *job], f"minimal script {i}") for i, job in enumerate(jobs)
        )
        print(f"one engine {ours:.1f} s, four processes {four:.1f} s")
        found = {"one engine / four": ours / four}
        found |= _in_process(engine, targets, chosen, settings, work)
        del engine
        found["vllm / transformers"] = _against_transformers(
            found.pop("seconds"), base, targets, chosen, settings, work
        )
    ratios = [
        {"name": n, "ratio": round(r, 3), "goal": _GOALS[n], "holds": r <= _GOALS[n]}
        for n, r in found.items()
    ]
    print(json.dumps(ratios))


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.perf.serving", description=__doc__)
    parser.add_argument("--model", default="gemma-3-270m")
    parser.add_argument("--random", choices=("gemma-2-2b",))
    parser.add_argument("--cases", type=int, default=12)
    parser.add_argument("--max-tokens", type=int, default=16)
    parser.add_argument("--kv-cache-gib", type=float)
    parser.add_argument("--max-model-len", type=int, default=2048)
    return parser.parse_args(arguments)


def _options(args: argparse.Namespace) -> EngineOptions:
    return EngineOptions(kv_cache_gib=args.kv_cache_gib, max_model_len=args.max_model_len)


# --- models and adapters ----------------------------------------------------------------------------


def _random_base(work: Path) -> str:
    """A folder with Gemma 2 2B's shape, random weights in bfloat16, and the embedded model's tokenizer."""
    import torch
    from transformers import AutoTokenizer, Gemma2Config, Gemma2ForCausalLM

    torch.manual_seed(0)
    with torch.device("cuda" if torch.cuda.is_available() else "cpu"):
        model = Gemma2ForCausalLM(Gemma2Config(vocab_size=262144)).to(torch.bfloat16)
    folder = work / "random-gemma-2-2b"
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(resolve("gemma-3-270m").folder).save_pretrained(folder)
    return str(folder)


def _make_adapters(base: Target, work: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    linears = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    for seed, name in enumerate(_ADAPTERS, start=1):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_pretrained(base.folder, dtype=torch.float32)
        config = LoraConfig(r=8, lora_alpha=16, target_modules=linears, task_type="CAUSAL_LM")
        adapted = get_peft_model(model, config)
        for key, weight in adapted.named_parameters():
            if "lora_B" in key:
                torch.nn.init.normal_(weight, std=0.02)
        adapted.save_pretrained(work / name)


def _on(base: Target, folder: Path) -> Target:
    return Target(
        model=base.model,
        folder=base.folder,
        hash=base.hash,
        dialect=base.dialect,
        adapter=find_adapter(str(folder)),
    )


def _adapters(targets: Sequence[Target]) -> list[Any]:
    return [t.adapter for t in targets if t.adapter is not None]


# --- processes --------------------------------------------------------------------------------------


def _our_command(model: str, work: Path, args: argparse.Namespace) -> list[str]:
    command = [
        sys.executable,
        "-m",
        "bench.cli",
        "run",
        "call",
        "--model",
        model,
        "--engine",
        "vllm",
    ]
    command += ["--adapters", ",".join(str(work / name) for name in _ADAPTERS), "--no-cache"]
    command += ["--limit", str(args.cases), "--max-tokens", str(args.max_tokens)]
    command += ["--max-model-len", str(args.max_model_len)]
    if args.random:
        command += ["--dialect", "gemma"]
    if args.kv_cache_gib is not None:
        command += ["--kv-cache-gib", str(args.kv_cache_gib)]
    return command


def _minimal_jobs(
    engine: Any, targets: Sequence[Target], chosen: Chosen, settings: Settings, work: Path
) -> list[list[str]]:
    """The command of a minimal script for each target: the same prompts and engine arguments as ours."""
    from bench.engines.tokens import stop_ids

    script = work / "minimal.py"
    script.write_text(_MINIMAL, encoding="utf-8")
    commands = []
    for number, target in enumerate(targets):
        requests = [j.request for b in plan(chosen.selection(), target, settings) for j in b]
        arguments = {
            k: v for k, v in engine.settings.items() if k not in ("batch_invariant", "in_process")
        }
        adapted = target.adapter is not None
        if not adapted:
            arguments = {k: v for k, v in arguments.items() if "lora" not in k}
        else:
            arguments |= {"max_loras": 1, "max_cpu_loras": 1}
        job = {
            "engine": {"model": str(target.folder), "dtype": engine.dtype, **arguments},
            "name": serving_name(target.adapter) if target.adapter else "",
            "adapter": str(target.adapter.folder) if target.adapter else None,
            "prompts": [engine.prompt_ids(r) for r in requests],
            "max_tokens": settings.max_tokens,
            "stops": stop_ids(engine.tokenizer, requests[0].dialect),
        }
        file = work / f"job{number}.json"
        file.write_text(json.dumps(job), encoding="utf-8")
        commands.append([str(script), str(file), str(work / f"out{number}.json")])
    return commands


def _process(command: Sequence[str], what: str) -> float:
    """Seconds that a command took. Errors: CalledProcessError, with its output printed."""
    environment = {
        **os.environ,
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_LOGGING_LEVEL": "ERROR",
    }
    begin = time.perf_counter()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begin
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-4000:])
        done.check_returncode()
    print(f"{what}: {seconds:.1f} s", flush=True)
    return seconds


# --- one engine, already up -------------------------------------------------------------------------


def _in_process(
    engine: Any, targets: Sequence[Target], chosen: Chosen, settings: Settings, work: Path
) -> dict[str, float]:
    requests = [
        j.request for t in targets for b in plan(chosen.selection(), t, settings) for j in b
    ]
    prompts = [{"prompt_token_ids": engine.prompt_ids(r)} for r in requests]
    params = [engine._sampling(r) for r in requests]
    loras = engine._lora_list(requests)
    tokens: list[int] = []
    reused: list[int] = []

    def bare() -> None:
        outputs = engine._llm.generate(prompts, params, lora_request=loras, use_tqdm=False)
        tokens.append(sum(len(o.outputs[0].token_ids) for o in outputs))
        reused.append(sum(o.num_cached_tokens or 0 for o in outputs))

    def harness() -> None:
        _run(engine, targets, chosen, settings, work / f"runs{time.monotonic_ns()}")

    times: dict[str, list[float]] = {"bare": [], "harness": []}
    for _ in range(_ROUNDS):
        for name, job in (("bare", bare), ("harness", harness)):
            engine._llm.reset_prefix_cache()
            times[name].append(_timed(job))
    least = {name: min(values) for name, values in times.items()}
    speed = tokens[-1] / least["bare"]
    given = sum(len(p["prompt_token_ids"]) for p in prompts)
    print(f"bare {least['bare']:.2f} s, harness {least['harness']:.2f} s, {speed:.0f} new tokens/s")
    print(f"prefix cache: {reused[-1]} of {given} prompt tokens ({100 * reused[-1] / given:.0f} %)")
    print(f"median of the pairs' ratios {_median_ratio(times):.3f}; device {engine.device}{_gpu()}")
    cache = Cache(work / "cache.sqlite")
    cached = partial(_run, engine, targets, chosen, settings, work / "cached", cache)
    first, again = _timed(cached), _timed(cached)
    cache.close()
    print(f"first {first:.2f} s, from the cache {again:.2f} s")
    return {
        "harness / bare vLLM": least["harness"] / least["bare"],
        "cached / first": again / first,
        "seconds": least["harness"],
    }


def _against_transformers(
    vllm: float,
    base: Target,
    targets: Sequence[Target],
    chosen: Chosen,
    settings: Settings,
    work: Path,
) -> float:
    engine = load_engine("transformers", base, _adapters(targets))
    seconds = _timed(lambda: _run(engine, targets, chosen, settings, work / "local"))
    print(f"vllm {vllm:.2f} s, transformers {seconds:.2f} s")
    return vllm / seconds


def _run(
    engine: Engine,
    targets: Sequence[Target],
    chosen: Chosen,
    settings: Settings,
    folder: Path,
    cache: Cache | None = None,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    run_targets(chosen, targets, settings, engine, folder=folder, cache=cache)


def _timed(job: Callable[[], object]) -> float:
    begin = time.perf_counter()
    job()
    return time.perf_counter() - begin


def _median_ratio(times: dict[str, list[float]]) -> float:
    return statistics.median(h / b for h, b in zip(times["harness"], times["bare"], strict=True))


def _gpu() -> str:
    import torch

    return f" ({torch.cuda.get_device_name()})" if torch.cuda.is_available() else ""


if __name__ == "__main__":
    main(sys.argv[1:])
