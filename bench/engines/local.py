"""The `transformers` engine: one load of the base, every adapter beside it through PEFT."""

import errno
import sys
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
import transformers
from pydantic import JsonValue
from safetensors import SafetensorError, safe_open
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    GenerationConfig,
    StoppingCriteria,
)

from adapters import Adapter
from adapters.errors import first_line
from bench.engines.base import Completion, EngineOptions, Request
from bench.engines.draws import draws
from bench.engines.tokens import cut, load_tokenizer, prompt_ids, stop_ids
from bench.errors import InfrastructureError, OutOfMemoryError, UsageError

__all__ = ["TransformersEngine", "default_device"]

DTYPES = ("float32", "bfloat16", "float16")
_PROBE = "The quick brown fox"


def default_device() -> str:
    """`cuda`, `mps` or `cpu`, whichever torch can use first."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _usable(device: str) -> str:
    kind, _, index = device.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (index and not index.isdigit()):
        raise UsageError(f"there is no device {device!r}", known=("cpu", "cuda", "mps"))
    if kind == "cuda" and int(index or 0) >= torch.cuda.device_count():
        raise UsageError(f"torch sees no device {device!r} here: leave --device out, or use cpu")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise UsageError("torch sees no device 'mps' here: leave --device out, or use cpu")
    return device


class TransformersEngine:
    """Generates with transformers; left-padded batches, greedy unless a temperature is asked for.

    folder: the base's safetensors and tokenizer. float32 on a CPU (bf16 is several times slower without
    hardware for it), bfloat16 elsewhere. Gemma 2 runs with eager attention: its softcap needs it.
    Errors: UsageError for a folder that cannot be loaded, an adapter that does not fit the base, or one
    that changes nothing.
    """

    name = "transformers"
    whole_batches = True

    def __init__(
        self,
        folder: Path,
        adapters: Sequence[Adapter] = (),
        *,
        options: EngineOptions = EngineOptions(),
    ) -> None:
        _refuse_options(options)
        if not sys.stderr.isatty():
            transformers.utils.logging.disable_progress_bar()
        self.device = _usable(options.device) if options.device else default_device()
        self.dtype = options.dtype or ("float32" if self.device == "cpu" else "bfloat16")
        if self.dtype not in DTYPES:
            raise UsageError(f"there is no dtype {self.dtype!r}", known=DTYPES)
        self.version = f"{transformers.__version__} (torch {torch.__version__})"
        try:
            config = AutoConfig.from_pretrained(folder)
            softcap = getattr(config, "attn_logit_softcapping", None)
            self.tokenizer = load_tokenizer(folder)
            self._base, loaded = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=getattr(torch, self.dtype),
                attn_implementation="eager" if softcap else "sdpa",
                use_safetensors=True,
                output_loading_info=True,
            )
        except (
            OSError,
            ValueError,
            KeyError,
            AttributeError,
            RuntimeError,
            SafetensorError,
        ) as error:
            first = first_line(error)
            raise UsageError(f"{folder} cannot be loaded: {first}") from None
        absent = sorted(loaded.get("missing_keys", ())) + sorted(
            str(k) for k in loaded.get("mismatched_keys", ())
        )
        if absent:
            raise UsageError(
                f"{folder} is not whole: {len(absent)} weights are missing or have another shape "
                f"({absent[0]}), and random ones would answer in their place"
            )
        self._base.to(self.device).eval()
        self.settings: dict[str, JsonValue] = {"attention": "eager" if softcap else "sdpa"}
        # The folder's own generation settings (penalties, beams, sampling) would change what greedy means.
        self._base.generation_config = GenerationConfig()
        self.model: Any = self._base
        self._inner: dict[str, str] = {}
        for adapter in adapters:
            self._load(adapter)

    def generate(self, requests: Sequence[Request]) -> list[Completion]:
        """See Engine.generate. Requests of one adapter, dialect and sampling form one padded batch.

        Errors: UsageError for a request with a constraint, too.
        """
        if any(r.constraint is not None for r in requests):
            raise UsageError("the transformers engine cannot constrain calls: add --engine vllm")
        completions: list[Completion] = []
        for key in dict.fromkeys(_alike(r) for r in requests):
            batch = [r for r in requests if _alike(r) == key]
            try:
                with torch.inference_mode(), self._using(batch[0].adapter):
                    completions += self._batch(batch)
            except (torch.OutOfMemoryError, MemoryError, RuntimeError, OSError) as error:
                if not is_out_of_memory(error):
                    raise InfrastructureError(f"generation failed: {error}") from error
                if self.device == "cuda":
                    torch.cuda.empty_cache()
                raise OutOfMemoryError(str(error).splitlines()[0]) from None
        return completions

    def prompt_ids(self, request: Request) -> list[int]:
        """The token ids of a prompt. Errors: UsageError unless it has exactly one BOS."""
        return prompt_ids(self.tokenizer, request)

    def _batch(self, requests: Sequence[Request]) -> list[Completion]:
        first = requests[0]
        rows = [self.prompt_ids(r) for r in requests]
        width = max(map(len, rows))
        pad = self.tokenizer.pad_token_id
        ids = torch.tensor([[pad] * (width - len(row)) + row for row in rows], device=self.device)
        mask = torch.tensor(
            [[0] * (width - len(row)) + [1] * len(row) for row in rows], device=self.device
        )
        stops = stop_ids(self.tokenizer, first.dialect)
        longest = max(r.max_tokens for r in requests)
        output = self.model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=longest,
            eos_token_id=stops,
            pad_token_id=pad,
            stopping_criteria=[_Ends(self.tokenizer, requests, width)],
            do_sample=False,
            logits_processor=draws(requests),
        )
        new = output[:, width:].tolist()
        return [
            self._completion(r, row, n, stops)
            for r, row, n in zip(requests, rows, new, strict=True)
        ]

    def _completion(
        self, request: Request, row: list[int], new: list[int], stops: list[int]
    ) -> Completion:
        new = new[: request.max_tokens]
        stop = next((i for i, token in enumerate(new) if token in stops), None)
        kept = new if stop is None else new[:stop]
        text = self.tokenizer.decode(kept, skip_special_tokens=False)
        text, tokens, over = cut(self.tokenizer, request.dialect, text, len(kept))
        return Completion(
            id=request.id,
            text=text,
            prompt_tokens=len(row),
            completion_tokens=tokens + (stop is not None),
            finish="stop" if over or stop is not None else "length",
        )

    def _using(self, adapter: str | None) -> AbstractContextManager[Any]:
        if self.model is self._base:
            if adapter is not None:
                raise UsageError(f"adapter {adapter!r} is not loaded")
            return nullcontext()
        if adapter is None:
            return self.model.disable_adapter()  # type: ignore[no-any-return]
        if adapter not in self._inner:
            raise UsageError(f"adapter {adapter!r} is not loaded")
        self.model.set_adapter(self._inner[adapter])
        return nullcontext()

    def _load(self, adapter: Adapter) -> None:
        from peft import PeftModel, get_peft_model_state_dict

        if adapter.name in self._inner:
            raise UsageError(
                f"two adapters are called {adapter.name!r}: rename one of their folders"
            )
        inner = self._inner[adapter.name] = f"adapter_{len(self._inner)}"
        folder = str(adapter.folder)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # missing keys are an error of ours, below
                if self.model is self._base:
                    self.model = PeftModel.from_pretrained(
                        self._base, folder, adapter_name=inner, use_safetensors=True
                    )
                else:
                    self.model.load_adapter(folder, adapter_name=inner, use_safetensors=True)
            with safe_open(adapter.folder / "adapter_model.safetensors", framework="pt") as file:
                given = set(file.keys())
        except (ValueError, RuntimeError, KeyError, OSError, TypeError, SafetensorError) as error:
            first = first_line(error)
            raise UsageError(f"adapter {adapter.name!r} does not fit the base: {first}") from None
        # Said, not left to PEFT: to find out it would ask the hub for the configuration of the base.
        whole = any("embed_tokens" in key or "lm_head" in key for key in given)
        used = set(
            get_peft_model_state_dict(self.model, adapter_name=inner, save_embedding_layers=whole)
        )
        if given != used:
            example = sorted(given ^ used)[0]
            raise UsageError(
                f"adapter {adapter.name!r} does not fit the base: {len(given - used)} of its weights "
                f"match no module, {len(used - given)} that it should have are missing ({example})"
            )
        self.model.eval()
        self._prove_live(adapter)

    def _prove_live(self, adapter: Adapter) -> None:
        """An adapter whose keys match nothing loads without an error and the base would answer for it."""
        ids = self.tokenizer(_PROBE, return_tensors="pt").input_ids.to(self.device)
        with torch.inference_mode():
            with self._using(None):
                base = self.model(input_ids=ids, logits_to_keep=1).logits
            with self._using(adapter.name):
                adapted = self.model(input_ids=ids, logits_to_keep=1).logits
        if torch.equal(base, adapted):
            raise UsageError(
                f"adapter {adapter.name!r} changes nothing: its weights match no module of the base, "
                "or are zero"
            )


class _Ends(StoppingCriteria):  # type: ignore[misc]
    """Stops each row where its dialect says that the reply is over, or its own budget is spent."""

    def __init__(self, tokenizer: Any, requests: Sequence[Request], width: int) -> None:
        self._tokenizer, self._requests, self._width = tokenizer, requests, width
        self._done = [False] * len(requests)

    def __call__(self, input_ids: torch.Tensor, scores: Any, **kwargs: Any) -> Any:
        del scores, kwargs
        new = input_ids[:, self._width :]
        texts = self._tokenizer.batch_decode(new, skip_special_tokens=False)
        for i, (request, text) in enumerate(zip(self._requests, texts, strict=True)):
            if not self._done[i]:
                self._done[i] = (
                    new.shape[1] >= request.max_tokens or request.dialect.end(text) is not None
                )
        return torch.tensor(self._done, device=input_ids.device)


def _refuse_options(options: EngineOptions) -> None:
    given = [
        name
        for name in ("max_model_len", "gpu_memory", "kv_cache_gib", "batch_invariant")
        if getattr(options, name)
    ]
    given += [n for n in ("tensor_parallel", "pipeline_parallel") if getattr(options, n) > 1]
    if given:
        flag = given[0].replace("_", "-")
        raise UsageError(f"--{flag} is an option of the vllm engine: add --engine vllm")


def is_out_of_memory(error: BaseException) -> bool:
    """True for every way in which torch says that memory ran out, on CPU and GPU."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text


def _alike(request: Request) -> tuple[object, ...]:
    """What requests must share to stand in one batch."""
    return request.adapter, request.dialect.name, request.temperature, request.top_p
