"""What goes over the wire to an OpenAI-compatible server, and how what comes back is read; no connection.

Every limit is sent with every request. A server's own defaults (vLLM takes some from the model's
generation_config.json: top_k, repetition_penalty) never apply as long as the extra fields may be sent.
A reply that does not have the form of the API is a ReplyError with a reason, never an empty text.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.engines.base import Request
from suites.json_text import compact

__all__ = [
    "Answer",
    "ReplyError",
    "chat_body",
    "chat_logprobs",
    "chat_text",
    "completion_body",
    "completion_logprobs",
    "completion_text",
    "read_chat",
    "read_completion",
    "said",
]

_EXTRAS: dict[str, Any] = {
    "skip_special_tokens": False,
    "spaces_between_special_tokens": False,
    "top_k": 0,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
}
"""Fields of vLLM beyond OpenAI's: control tokens are kept, nothing but temperature and top_p samples."""
_MOST_STOPS = 4
"""So many stop texts OpenAI's API takes."""
_BOS = ("<bos>", "<|begin_of_text|>", "<s>")
_FINISHES: dict[str, Literal["stop", "length"]] = {
    "stop": "stop",
    "tool_calls": "stop",
    "function_call": "stop",
    "eos": "stop",
    "length": "length",
    "max_tokens": "length",
}
_SHOWN = 200


class ReplyError(ValueError):
    """A reply that is not of the API's form, or says that there is none; the message gives the reason."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A reply as it was read; sizes in tokens, None where the server counts none; ids: of its tokens."""

    text: str
    finish: Literal["stop", "length"]
    prompt_tokens: int | None
    completion_tokens: int | None
    ids: tuple[int, ...] | None = None


def completion_body(
    request: Request, model: str, ids: Sequence[int] | None, stop_ids: Sequence[int], extras: bool
) -> dict[str, Any]:
    """The body of a text completion.

    ids: the prompt's token ids, or None to send its text. A text goes without its BOS where the server
    cannot be told (extras) not to add its own.
    """
    body: dict[str, Any] = {"model": model, "prompt": ids or request.prompt, **_limits(request)}
    if extras:
        body |= _EXTRAS | {"add_special_tokens": False}
    elif not ids:
        bos = next((b for b in _BOS if request.prompt.startswith(b)), "")
        body["prompt"] = request.prompt.removeprefix(bos)
    if extras and stop_ids:
        # vLLM would add the ends of the model folder's generation settings to its own; ids come back because
        # its text leaves out a character that the budget cut in two.
        ends = {"stop_token_ids": list(stop_ids), "ignore_eos": True, "return_token_ids": True}
        body |= ends
    elif request.dialect.stops:
        body["stop"] = list(request.dialect.stops[:_MOST_STOPS])
    if request.constraint is not None:
        body["structured_outputs"] = {"structural_tag": request.constraint}
    return body


def chat_body(request: Request, model: str, extras: bool) -> dict[str, Any]:
    """The body of a chat completion for a prompt of dialect `openai`."""
    asked = json.loads(request.prompt)
    body = {"model": model, "messages": asked["messages"], **_limits(request)}
    if asked.get("tools"):
        body |= {"tools": asked["tools"], "tool_choice": "auto"}
    return body | _EXTRAS if extras else body


def _limits(request: Request) -> dict[str, Any]:
    greedy = request.temperature == 0
    return {
        "max_tokens": request.max_tokens,
        "temperature": request.temperature,
        "top_p": 1.0 if greedy else request.top_p,
        "seed": request.seed,
        "n": 1,
        "stream": False,
    }


def read_completion(raw: Any) -> Answer:
    """The reply to a text completion. Errors: ReplyError."""
    choice = _choice(raw)
    text = choice.get("text")
    if not isinstance(text, str):
        raise ReplyError("the reply's text is missing" if text is None else "the reply is no text")
    return _answer(raw, choice, text)


def read_chat(raw: Any) -> Answer:
    """The reply to a chat completion: its message as dialect `openai` reads it. Errors: ReplyError."""
    choice = _choice(raw)
    message = choice.get("message")
    if not isinstance(message, Mapping):
        raise ReplyError("the reply has no message")
    content = message.get("content")
    if content is None:
        content = message.get("refusal")
    reasoning = message.get("reasoning") or message.get("reasoning_content")
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list) or not all(isinstance(c, Mapping) for c in calls):
        raise ReplyError("the reply's tool_calls are no list of calls")
    if content is not None and not isinstance(content, str):
        raise ReplyError("the reply's content is no text")
    if content is None and not calls and not reasoning:
        raise ReplyError("the reply has neither content nor tool_calls")
    kept: dict[str, Any] = {"content": content}
    if calls:
        kept["tool_calls"] = [_call(c) for c in calls]
    if isinstance(reasoning, str):
        kept["reasoning"] = reasoning
    return _answer(raw, choice, compact(kept))


def _call(raw: Mapping[str, Any]) -> dict[str, Any]:
    function = raw.get("function")
    if not isinstance(function, Mapping):
        raise ReplyError("an entry of the reply's tool_calls is no function call")
    return {"name": function.get("name"), "arguments": function.get("arguments")}


def _choice(raw: Any) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise ReplyError("the reply is no JSON object")
    choices = raw.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        error = raw.get("error") or raw.get("message") or raw.get("detail")
        raise ReplyError(f"the reply has no choices{f' ({_short(error)})' if error else ''}")
    return choices[0]


def _answer(raw: Mapping[str, Any], choice: Mapping[str, Any], text: str) -> Answer:
    finish = choice.get("finish_reason")
    if finish not in _FINISHES:
        raise ReplyError(f"the server ended the reply with {finish!r}")
    usage = raw.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    return Answer(
        text=text,
        finish=_FINISHES[finish],
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        ids=_ids(choice.get("token_ids")),
    )


def _ids(value: Any) -> tuple[int, ...] | None:
    if not isinstance(value, list) or not all(_count(v) is not None for v in value):
        return None
    return tuple(value)


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


# --- what the live proof reads ------------------------------------------------------------------------


def completion_logprobs(raw: Any) -> dict[str, float] | None:
    """Token -> logprob at the first new token; None where the server gives none. Errors: ReplyError."""
    found = _choice(raw).get("logprobs")
    top = found.get("top_logprobs") if isinstance(found, Mapping) else None
    first = top[0] if isinstance(top, list) and top else None
    return _floats(first.items()) if isinstance(first, Mapping) else None


def chat_logprobs(raw: Any) -> dict[str, float] | None:
    """As completion_logprobs, of a chat reply."""
    found = _choice(raw).get("logprobs")
    content = found.get("content") if isinstance(found, Mapping) else None
    first = content[0] if isinstance(content, list) and content else None
    top = first.get("top_logprobs") if isinstance(first, Mapping) else None
    if not isinstance(top, list):
        return None
    return _floats((t.get("token"), t.get("logprob")) for t in top if isinstance(t, Mapping))


def completion_text(raw: Any) -> str:
    """The text, however it ended. Errors: ReplyError."""
    return str(_choice(raw).get("text"))


def chat_text(raw: Any) -> str:
    """The message as text, however it ended. Errors: ReplyError."""
    return compact(_choice(raw).get("message"))


def _floats(pairs: Any) -> dict[str, float] | None:
    found = {str(k): float(v) for k, v in pairs if isinstance(v, int | float)}
    return found or None


# --- what a server says when it refuses -----------------------------------------------------------------


def said(status: int, text: str) -> str:
    """`400: MESSAGE` from the body of a refusal, at most 200 characters of it, in one line."""
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError):
        raw = text if "<html" not in text[:500].lower() else ""
    return f"{status}: {shown}" if (shown := _short(raw)) else f"status {status}"


def _short(raw: Any) -> str:
    for key in ("error", "message", "detail"):
        if isinstance(raw, Mapping) and raw.get(key):
            raw = raw[key]
    text = raw if isinstance(raw, str) else compact(raw)
    return " ".join(text.split())[:_SHOWN]
