"""Is a dialect's prompt what the tokenizer's own chat template would have made of the same dialogue?"""

from collections.abc import Sequence
from typing import Any

from bench.dialects.base import Dialect, Dialogue, prompt
from bench.dialects.functiongemma import FunctionGemma
from suites import Message

__all__ = ["template_difference"]


def template_difference(
    tokenizer: Any, dialect: Dialect, dialogues: Sequence[Dialogue]
) -> str | None:
    """Where our prompt leaves the template's, as one line; None when they agree or there is no template.

    Dialects without tool tokens give the template their plain turns; FunctionGemma gives it tools and
    messages, because its template writes the tool syntax itself.
    """
    if not getattr(tokenizer, "chat_template", None):
        return None
    ours = prompt(dialect, dialogues)
    speaks = dialogues[-1].messages[-1].role != "assistant"
    if isinstance(dialect, FunctionGemma):
        if len(dialogues) > 1:  # the template knows one list of tools, examples bring their own
            return None
        tools = [
            {"type": "function", "function": t.model_dump(mode="json")} for t in dialogues[-1].tools
        ]
        messages = [_openai(m) for d in dialogues for m in d.messages]
        if any(m["role"] == "system" for m in messages):
            return None
    else:
        tools = None
        names = {"model": "assistant"}
        messages = [
            {"role": names.get(t.role, t.role), "content": t.content}
            for t in dialect.turns(dialogues)
        ]
    try:
        theirs = tokenizer.apply_chat_template(
            messages, tools=tools, tokenize=False, add_generation_prompt=speaks
        )
    except Exception as error:  # a template is a program of its own and may raise anything
        return f"the tokenizer's chat template refuses the dialogue: {str(error).splitlines()[0]}"
    if ours == theirs:
        return None
    at = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), -1)
    at = min(len(ours), len(theirs)) if at < 0 else at
    here, there = ours[max(0, at - 20) : at + 40], theirs[max(0, at - 20) : at + 40]
    return f"differs from the chat template at character {at}: {here!r} against {there!r}"


def _openai(message: Message) -> dict[str, Any]:
    raw: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.name:
        raw["name"] = message.name
    if message.calls:
        raw["tool_calls"] = [
            {"type": "function", "function": {"name": c.name, "arguments": c.arguments}}
            for c in message.calls
        ]
    return raw
