"""The `vllm` engine: one load serves the base and all its adapters, all requests in one stream.

Written for vLLM 0.32 (offline API). What silently falsifies results there, and what stands against it:

- On the CPU backend, base rows in a batch with adapters get the last adapter's weights when every slot is
  filled: there is one slot more than adapters, and a probe compares base rows in a mixed batch with base rows
  alone.
- An adapter whose keys match no module loads without an error and does nothing: a probe's logprobs must
  differ from the base's.
- A bad adapter first seen while generating kills the engine: adapters are loaded before.
- The prefix cache is keyed by the adapter's name, not by its weights: the name holds the weights' hash.
- vLLM's own defaults (16 tokens, temperature 1, special tokens skipped) and the model folder's generation
  settings (further end tokens among them) never apply: every limit is set. Text is decoded here, whole, since
  vLLM's own leaves out a character that the budget cut in two.
- Replies come in by id; what is missing or comes twice is an error (bench/runner.py checks it, too).
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from adapters import Adapter, serving_name
from adapters.errors import first_line
from bench.engines.base import Completion, EngineOptions, Request
from bench.engines.tokens import cut, load_tokenizer, prompt_ids, stop_ids
from bench.engines.vllm_start import (
    DTYPES,
    NO_INVARIANCE,
    arguments,
    available,
    environment,
    import_vllm,
    quiet,
    servable_ranks,
    start_error,
    version,
)
from bench.errors import InfrastructureError, UsageError

__all__ = ["VllmEngine", "available", "version"]

_PROBE = "The quick brown fox jumps over the lazy dog."
_LOGPROBS = 5
_SAME = {"float32": 1e-2}
_SAME_HALF = 0.25
_LOOK = 4


class VllmEngine:
    """Generates with vLLM, in this process, with continuous batching.

    folder: the base's safetensors and tokenizer, base_hash: theirs; options: see EngineOptions.
    Errors: UsageError for what cannot be loaded or served, InfrastructureError if memory is short or the
    engine dies.
    """

    name = "vllm"
    whole_batches = False

    def __init__(
        self,
        folder: Path,
        adapters: Sequence[Adapter] = (),
        *,
        options: EngineOptions = EngineOptions(),
        base_hash: str | None = None,
    ) -> None:
        ranks = servable_ranks(adapters, folder, base_hash)
        names = [serving_name(a) for a in adapters]
        if len(set(names)) != len(names) or len({a.name for a in adapters}) != len(adapters):
            raise UsageError("two adapters have the same name: rename one of their folders")
        if options.batch_invariant and (version() or "").endswith("+cpu"):
            raise UsageError(NO_INVARIANCE)  # before vLLM reads the setting
        if options.dtype not in (None, *DTYPES):
            raise UsageError(f"there is no dtype {options.dtype!r}", known=DTYPES)
        environment(options)
        vllm = import_vllm()
        from vllm.platforms import current_platform

        self.version = str(version())
        cpu = bool(current_platform.is_cpu())
        if options.batch_invariant and cpu:
            raise UsageError(NO_INVARIANCE)
        if options.device not in (None, "cpu" if cpu else "cuda"):
            raise UsageError(
                f"this vLLM runs on {'cpu' if cpu else 'cuda'}, not on {options.device!r}: leave --device out"
            )
        self.device = "cpu" if cpu else "cuda"
        self.dtype = options.dtype or ("float32" if cpu else "bfloat16")
        try:
            self.tokenizer = load_tokenizer(folder)
        except (OSError, ValueError, KeyError) as error:
            raise UsageError(f"{folder} cannot be loaded: {first_line(error)}") from None
        told = arguments(folder, ranks, options, self.dtype, cpu)
        self.settings: dict[str, JsonValue] = {
            k: v for k, v in told.items() if k not in ("model", "tokenizer", "dtype")
        }
        self.settings["batch_invariant"] = options.batch_invariant
        self.settings["in_process"] = os.environ.get("VLLM_ENABLE_V1_MULTIPROCESSING") == "0"
        self._sampling_class = vllm.SamplingParams
        try:
            with quiet():
                self._llm: Any = vllm.LLM(**told)
        except Exception as error:
            raise start_error(error, folder) from None
        self._engine: Any = self._llm.llm_engine
        self._loras: dict[str, Any] = {}
        for number, adapter in enumerate(adapters, start=1):
            self._load(adapter, number)
        self._prove()

    def generate(self, requests: Sequence[Request]) -> Iterator[Completion]:
        """See Engine.generate. Ordered by adapter and prompt, so that shared prefixes are computed once."""
        ordered = sorted(requests, key=lambda r: (r.adapter or "", r.prompt, r.id))
        waiting: dict[str, tuple[Request, int]] = {}
        try:
            ids = [prompt_ids(self.tokenizer, r) for r in ordered]
            fitting = []
            for request, row in zip(ordered, ids, strict=True):
                if len(row) + request.max_tokens > self.max_model_len:
                    yield _too_long(request, len(row), self.max_model_len)
                else:
                    fitting.append((request, row))
            if not fitting:
                return
            names = self._llm.enqueue(
                [{"prompt_token_ids": row} for _, row in fitting],
                [self._sampling(r) for r, _ in fitting],
                lora_request=self._lora_list([r for r, _ in fitting]),
                use_tqdm=False,
            )
            for name, (request, row) in zip(names, fitting, strict=True):
                # vLLM gives "7-1f3c…" and answers under "7": the rest makes ids unique inside the engine.
                waiting[name.rpartition("-")[0] or name] = (request, len(row))
            yield from self._collect(waiting)
        except (InfrastructureError, UsageError):
            raise
        except (GeneratorExit, KeyboardInterrupt):
            self._engine.abort_request(list(waiting))
            raise
        except Exception as error:
            raise InfrastructureError(
                f"vLLM failed with {len(waiting)} replies to come: {first_line(error)}"
            ) from error

    def prompt_ids(self, request: Request) -> list[int]:
        """The token ids of a prompt. Errors: UsageError unless it has exactly one BOS."""
        return prompt_ids(self.tokenizer, request)

    @property
    def max_model_len(self) -> int:
        """The most tokens of a prompt and its reply."""
        return int(self._llm.model_config.max_model_len)

    def _collect(self, waiting: dict[str, tuple[Request, int]]) -> Iterator[Completion]:
        while waiting:
            if not self._engine.has_unfinished_requests():
                lost = ", ".join(request.id for request, _ in list(waiting.values())[:3])
                raise InfrastructureError(f"vLLM lost {len(waiting)} replies ({lost})")
            done = []
            for output in self._engine.step():
                known = waiting.get(output.request_id)
                if known is None:
                    continue
                request, size = known
                reply = output.outputs[0]
                if output.finished:
                    done.append(self._completion(request, size, reply, stopped=reply.finish_reason))
                elif (
                    len(reply.token_ids) % _LOOK == 0
                    and request.dialect.end(reply.text) is not None
                ):
                    self._engine.abort_request([output.request_id])
                    done.append(self._completion(request, size, reply, stopped="end"))
                else:
                    continue
                del waiting[output.request_id]
            yield from done

    def _completion(self, request: Request, size: int, reply: Any, stopped: str) -> Completion:
        stops = stop_ids(self.tokenizer, request.dialect)
        ids = list(reply.token_ids)
        kept = ids[:-1] if ids and ids[-1] in stops else ids
        whole = self.tokenizer.decode(kept, skip_special_tokens=False)
        text, tokens, over = cut(self.tokenizer, request.dialect, whole, len(ids))
        if not over and stopped not in ("stop", "length"):
            return Completion(
                id=request.id,
                text="",
                prompt_tokens=size,
                completion_tokens=0,
                finish="error",
                error=f"vLLM ended the request with {stopped!r}",
            )
        return Completion(
            id=request.id,
            text=text,
            prompt_tokens=size,
            completion_tokens=tokens,
            finish="stop" if over or stopped == "stop" else "length",
        )

    def _sampling(self, request: Request) -> Any:
        greedy = request.temperature == 0
        more: dict[str, Any] = {}
        if request.constraint is not None:
            from vllm.sampling_params import StructuredOutputsParams

            more["structured_outputs"] = StructuredOutputsParams(structural_tag=request.constraint)
        return self._sampling_class(
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            top_p=1.0 if greedy else request.top_p,
            seed=None if greedy else request.seed,
            stop_token_ids=stop_ids(self.tokenizer, request.dialect),
            ignore_eos=True,  # else vLLM adds the ends of the folder's generation settings to them
            skip_special_tokens=False,
            spaces_between_special_tokens=False,
            **more,
        )

    def _lora_list(self, requests: Sequence[Request]) -> list[Any] | None:
        if not self._loras:
            for request in requests:
                if request.adapter is not None:
                    raise UsageError(f"adapter {request.adapter!r} is not loaded")
            return None
        return [self._lora(request.adapter) for request in requests]

    def _lora(self, adapter: str | None) -> Any:
        if adapter is not None and adapter not in self._loras:
            raise UsageError(f"adapter {adapter!r} is not loaded")
        return None if adapter is None else self._loras[adapter]

    # --- adapters, loaded before anything is generated, and proven live -----------------------------

    def _load(self, adapter: Adapter, number: int) -> None:
        from vllm.lora.request import LoRARequest

        request = LoRARequest(serving_name(adapter), number, str(adapter.folder.resolve()))
        try:
            loaded = self._engine.add_lora(request)
        except Exception as error:
            raise UsageError(
                f"vLLM cannot serve adapter {adapter.name!r}: {first_line(error)} "
                f"(callbench adapters verify {adapter.folder} says more)"
            ) from None
        if not loaded:
            raise UsageError(f"vLLM did not load adapter {adapter.name!r}")
        self._loras[adapter.name] = request

    def _prove(self) -> None:
        """Each adapter changes the logprobs of a fixed prompt, and none of them reaches the base's rows."""
        if not self._loras:
            return
        alone = self._probe([None])[0]
        mixed = self._probe([None, *self._loras, None])
        for row in (mixed[0], mixed[-1]):
            if _distance(alone, row) > _SAME.get(self.dtype, _SAME_HALF):
                raise InfrastructureError(
                    "this vLLM gives base rows beside adapters other results than base rows alone (logprobs "
                    f"differ by {_distance(alone, row):.3g}): run the base with --engine transformers"
                )
        for name, row in zip(self._loras, mixed[1:-1], strict=True):
            if _distance(mixed[0], row) == 0:
                raise UsageError(
                    f"adapter {name!r} changes nothing: its weights match no module of the base, or are zero"
                )

    def _probe(self, adapters: Sequence[str | None]) -> list[dict[int, float]]:
        """Token id -> logprob of the first new token, one dict an adapter; all in one batch."""
        self._llm.reset_prefix_cache()  # else the second probe would reuse the first one's work
        ids = self.tokenizer(_PROBE, add_special_tokens=True).input_ids
        params = self._sampling_class(max_tokens=1, temperature=0.0, logprobs=_LOGPROBS)
        outputs = self._llm.generate(
            [{"prompt_token_ids": ids}] * len(adapters),
            params,
            lora_request=[self._lora(a) for a in adapters],
            use_tqdm=False,
        )
        return [{t: x.logprob for t, x in o.outputs[0].logprobs[0].items()} for o in outputs]


def _distance(a: dict[int, float], b: dict[int, float]) -> float:
    """The largest difference of logprobs over the tokens of both; infinite where they share none."""
    return max((abs(a[t] - b[t]) for t in a.keys() & b.keys()), default=float("inf"))


def _too_long(request: Request, size: int, most: int) -> Completion:
    return Completion(
        id=request.id,
        text="",
        prompt_tokens=size,
        completion_tokens=0,
        finish="error",
        error=f"{size} tokens and {request.max_tokens} to come do not fit {most} (--max-model-len)",
    )
