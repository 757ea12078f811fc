"""The `transformers` engine: one load of the base, every adapter beside it through PEFT."""

import errno
import hashlib
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, StoppingCriteria

from adapters import Adapter
from bench.engines.base import Completion, Request
from bench.errors import InfrastructureError, OutOfMemoryError, UsageError

__all__ = ["TransformersEngine", "default_device"]

_PROBE = "The quick brown fox"


def default_device() -> str:
    """`cuda`, `mps` or `cpu`, whichever torch can use first."""
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


class TransformersEngine:
    """Generates with transformers; left-padded batches, greedy unless a temperature is asked for.

    folder: the base's safetensors and tokenizer. float32 on a CPU (bf16 is several times slower without
    hardware for it), bfloat16 elsewhere. Gemma 2 runs with eager attention: its softcap needs it.
    Errors: UsageError for a folder that cannot be loaded, an adapter that does not fit the base, or one
    that changes nothing.
    """

    name = "transformers"

    def __init__(
        self,
        folder: Path,
        adapters: Sequence[Adapter] = (),
        *,
        device: str | None = None,
        dtype: str | None = None,
    ) -> None:
        if not sys.stderr.isatty():
            transformers.utils.logging.disable_progress_bar()
        self.device = device or default_device()
        self.dtype = dtype or ("float32" if self.device == "cpu" else "bfloat16")
        self.version = f"{transformers.__version__} (torch {torch.__version__})"
        try:
            config = AutoConfig.from_pretrained(folder)
            softcap = getattr(config, "attn_logit_softcapping", None)
            self.tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
            self._base = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=getattr(torch, self.dtype),
                attn_implementation="eager" if softcap else "sdpa",
                use_safetensors=True,
            ).to(self.device)
        except (OSError, ValueError, KeyError, AttributeError) as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UsageError(f"{folder} cannot be loaded: {first}") from None
        self._base.eval()
        if self.tokenizer.pad_token_id is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token
        self.model: Any = self._base
        for adapter in adapters:
            self._load(adapter)

    def generate(self, requests: Sequence[Request]) -> list[Completion]:
        """See Engine.generate. Requests of one adapter form one padded batch."""
        completions: list[Completion] = []
        for adapter in dict.fromkeys(r.adapter for r in requests):
            batch = [r for r in requests if r.adapter == adapter]
            try:
                with torch.inference_mode(), self._using(adapter):
                    completions += self._batch(batch)
            except (torch.OutOfMemoryError, MemoryError, RuntimeError, OSError) as error:
                if not is_out_of_memory(error):
                    raise InfrastructureError(f"generation failed: {error}") from error
                if self.device == "cuda":
                    torch.cuda.empty_cache()
                raise OutOfMemoryError(str(error).splitlines()[0]) from None
        return completions

    def prompt_ids(self, request: Request) -> list[int]:
        """The token ids of a prompt. Errors: UsageError unless a model with a BOS gets exactly one, first."""
        ids: list[int] = self.tokenizer(request.prompt, add_special_tokens=False).input_ids
        bos = self.tokenizer.bos_token_id
        given = self.tokenizer.bos_token and self.tokenizer.bos_token in request.prompt
        if given and (ids.count(bos) != 1 or ids[0] != bos):
            raise UsageError(
                f"the prompt of {request.id} holds {ids.count(bos)} BOS tokens, not one"
            )
        return ids

    def _batch(self, requests: Sequence[Request]) -> list[Completion]:
        first = requests[0]
        rows = [self.prompt_ids(r) for r in requests]
        width = max(map(len, rows))
        pad = self.tokenizer.pad_token_id
        ids = torch.tensor([[pad] * (width - len(row)) + row for row in rows], device=self.device)
        mask = torch.tensor(
            [[0] * (width - len(row)) + [1] * len(row) for row in rows], device=self.device
        )
        stops = self._stop_ids(first)
        sampling: dict[str, Any] = {"do_sample": False}
        if first.temperature > 0:
            names = ",".join(r.id for r in requests)
            torch.manual_seed(_seed(first.seed, names))
            sampling = {
                "do_sample": True,
                "temperature": first.temperature,
                "top_p": first.top_p,
                "top_k": 0,
            }
        longest = max(r.max_tokens for r in requests)
        output = self.model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=longest,
            eos_token_id=stops,
            pad_token_id=pad,
            stopping_criteria=[_Ends(self.tokenizer, requests, width)],
            **sampling,
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
        end = request.dialect.end(text)
        if end is not None:
            text = text[:end]
            kept = kept[: len(self.tokenizer(text, add_special_tokens=False).input_ids)]
        finished = stop is not None or end is not None
        return Completion(
            id=request.id,
            text=text,
            prompt_tokens=len(row),
            completion_tokens=len(kept) + (stop is not None),
            finish="stop" if finished else "length",
        )

    def _stop_ids(self, request: Request) -> list[int]:
        """Ids of the dialect's stop texts that are single tokens here, and the tokenizer's own EOS."""
        ids = {self.tokenizer.eos_token_id}
        for text in request.dialect.stops:
            token = self.tokenizer.convert_tokens_to_ids(text)
            if token is not None and token != self.tokenizer.unk_token_id:
                ids.add(token)
        return sorted(i for i in ids if i is not None)

    def _using(self, adapter: str | None) -> AbstractContextManager[Any]:
        if self.model is self._base:
            if adapter is not None:
                raise UsageError(f"adapter {adapter!r} is not loaded")
            return nullcontext()
        if adapter is None:
            return self.model.disable_adapter()  # type: ignore[no-any-return]
        if adapter not in self.model.peft_config:
            raise UsageError(f"adapter {adapter!r} is not loaded")
        self.model.set_adapter(adapter)
        return nullcontext()

    def _load(self, adapter: Adapter) -> None:
        from peft import PeftModel

        try:
            if self.model is self._base:
                self.model = PeftModel.from_pretrained(
                    self._base, str(adapter.folder), adapter_name=adapter.name, use_safetensors=True
                )
            else:
                self.model.load_adapter(
                    str(adapter.folder), adapter_name=adapter.name, use_safetensors=True
                )
        except (ValueError, RuntimeError, KeyError, OSError, TypeError) as error:
            first = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise UsageError(f"adapter {adapter.name!r} does not fit the base: {first}") from None
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


def is_out_of_memory(error: BaseException) -> bool:
    """True for every way in which torch says that memory ran out, on CPU and GPU."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text


def _seed(seed: int, names: str) -> int:
    digest = hashlib.sha256(f"{seed}:{names}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
