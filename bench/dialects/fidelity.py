"""Is a dialect's prompt what the tokenizer's own chat template would have made of the same dialogue?"""

from collections.abc import Sequence
from typing import Any

from bench.dialects.base import Dialect, Dialogue, prompt
from bench.dialects.qwen import QWEN
from suites import Message
from suites.json_text import loads

__all__ = ["template_difference"]

_QWEN = tuple(d.name for d in QWEN)
_NATIVE = ("functiongemma", "gemma4", "llama3", *_QWEN)
_SETTINGS: dict[str, dict[str, Any]] = {
    "llama3": {"date_string": "26 Jul 2024"},
    "gemma4": {"enable_thinking": False},
    "qwen": {"enable_thinking": False},
}


def template_difference(
    tokenizer: Any, dialect: Dialect, dialogues: Sequence[Dialogue]
) -> str | None:
    """Where our prompt leaves the template's, as one line; None when they agree or there is no template.

    Dialects without tool tokens give the template their plain turns; the others give it tools and messages,
    because their templates write the tool syntax themselves. Those know one list of tools, so that with
    examples there is nothing to compare, except for Qwen's, whose turns can be given as plain ones.
    """
    if not getattr(tokenizer, "chat_template", None):
        return None
    ours = prompt(dialect, dialogues)
    speaks = dialogues[-1].messages[-1].role != "assistant"
    tools = None
    if dialect.name in _NATIVE and len(dialogues) == 1:
        messages = _messages(dialect.name, dialogues[0])
        tools = [
            {"type": "function", "function": t.model_dump(mode="json")} for t in dialogues[0].tools
        ]
        if dialect.name == "functiongemma" and messages[0]["role"] == "system":
            return None
    elif dialect.name in _NATIVE and dialect.name not in _QWEN:
        return None
    else:
        names = {"model": "assistant"}
        messages = [
            {"role": names.get(t.role, t.role), "content": t.content}
            for t in dialect.turns(dialogues)
        ]
    try:
        theirs = tokenizer.apply_chat_template(
            messages,
            tools=tools or None,
            tokenize=False,
            add_generation_prompt=speaks,
            **_SETTINGS.get(dialect.name, {}),
        )
    except Exception as error:  # a template is a program of its own and may raise anything
        return f"the tokenizer's chat template refuses the dialogue: {str(error).splitlines()[0]}"
    if ours == theirs:
        return None
    at = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), -1)
    at = min(len(ours), len(theirs)) if at < 0 else at
    here, there = ours[max(0, at - 20) : at + 40], theirs[max(0, at - 20) : at + 40]
    return f"differs from the chat template at character {at}: {here!r} against {there!r}"


def _messages(dialect: str, dialogue: Dialogue) -> list[dict[str, Any]]:
    """The dialogue in the form that the family's template takes."""
    result: list[dict[str, Any]] = []
    for message in dialogue.messages:
        raw = _openai(message)
        if dialect != "functiongemma":
            raw["content"] = raw["content"].strip()
        if message.role == "tool" and dialect in ("gemma4", "llama3"):
            value = _parsed(message.content)
            if dialect == "gemma4":  # results are part of the message that called
                name = message.name or "tool"
                result[-1].setdefault("tool_responses", []).append(
                    {"name": name, "response": value}
                )
                continue
            raw["content"] = value if isinstance(value, dict | list) else message.content
        if message.thought and dialect in ("gemma4", "qwen"):
            raw["reasoning_content"] = message.thought
        result.append(raw)
    return result


def _parsed(content: str) -> Any:
    try:
        return loads(content)
    except ValueError:
        return content


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
