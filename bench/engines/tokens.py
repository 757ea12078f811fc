"""Token ids of prompts and of stops, the same for every engine that has the model's tokenizer."""

from pathlib import Path
from typing import Any

from bench.dialects import Dialect
from bench.engines.base import Request
from bench.errors import UsageError

__all__ = ["cut", "load_tokenizer", "prompt_ids", "stop_ids"]


def load_tokenizer(folder: Path) -> Any:
    """The folder's fast tokenizer, left-padding. Errors: whatever transformers raises."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def prompt_ids(tokenizer: Any, request: Request) -> list[int]:
    """The token ids of a prompt. Errors: UsageError if it writes BOS, but not exactly once and first."""
    ids: list[int] = tokenizer(request.prompt, add_special_tokens=False).input_ids
    bos = tokenizer.bos_token_id
    given = tokenizer.bos_token and tokenizer.bos_token in request.prompt
    if given and (ids.count(bos) != 1 or ids[0] != bos):
        raise UsageError(f"the prompt of {request.id} holds {ids.count(bos)} BOS tokens, not one")
    return ids


def stop_ids(tokenizer: Any, dialect: Dialect) -> list[int]:
    """Ids of the dialect's stop texts that are single tokens here, and the tokenizer's own EOS; sorted."""
    ids = {tokenizer.eos_token_id}
    for text in dialect.stops:
        token = tokenizer.convert_tokens_to_ids(text)
        if token is not None and token != tokenizer.unk_token_id:
            ids.add(token)
    return sorted(i for i in ids if i is not None)


def cut(tokenizer: Any, dialect: Dialect, text: str, tokens: int) -> tuple[str, int, bool]:
    """(text, its tokens, whether the dialect says that it is over): cut where the reply ends."""
    end = dialect.end(text)
    if end is None:
        return text, tokens, False
    text = text[:end]
    return text, len(tokenizer(text, add_special_tokens=False).input_ids), True
