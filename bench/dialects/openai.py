"""OpenAI's chat form: the server itself writes the prompt and reads the calls; nothing here is prompt text.

A prompt is the JSON of `{"messages": […], "tools": […]}` as the chat API takes it; a completion is the JSON
of the message that came back, `{"content": …, "tool_calls": [{"name": …, "arguments": "…"}]}`, perhaps with
`reasoning`. Only the server engine understands it, with `--api chat`.
"""

from collections.abc import Sequence
from typing import Any

from bench.dialects.attempts import attempt
from bench.dialects.base import Dialogue, Finish, Segment, Turn, opening
from bench.dialects.calls import build_call
from bench.errors import DialectError
from suites import Call, Message, Reply
from suites.json_text import compact, loads

__all__ = ["CHAT", "OpenAIChat"]


class OpenAIChat:
    """The dialect of chat endpoints. There are no examples in the context: the API has one list of tools."""

    name: str = "openai"
    stops: tuple[str, ...] = ()

    def turns(self, dialogues: Sequence[Dialogue]) -> list[Turn]:
        """One turn a message, its text alone; the chat template is the server's."""
        dialogue = _only(dialogues)
        return [Turn(role=m.role, content=m.content) for m in dialogue.messages]

    def render(self, dialogues: Sequence[Dialogue]) -> list[Segment]:
        """The request's messages and tools as JSON. Errors: DialectError for examples or stray results."""
        dialogue = _only(dialogues)
        opening(dialogue)
        body: dict[str, Any] = {"messages": _messages(dialogue.messages)}
        if dialogue.tools:
            body["tools"] = [
                {"type": "function", "function": t.model_dump(mode="json")} for t in dialogue.tools
            ]
        return [Segment(text=compact(body))]

    def end(self, text: str) -> int | None:  # noqa: ARG002 (the server says where a message ends)
        """Never: a message comes whole."""
        return None

    def parse(self, text: str, finish: Finish = "stop", tools: Sequence[str] = ()) -> Reply:
        """The message's calls; text that is no such message is taken as the message's content.

        Arguments that are no JSON object, and calls tried in the content, make the reply malformed.
        """
        try:
            message = loads(text)
        except ValueError:
            message = None
        if not isinstance(message, dict) or not message.keys() <= _KEYS or not message:
            message = {"content": text}
        content, given = message.get("content"), message.get("tool_calls")
        plain = content if isinstance(content, str) else ""
        calls: list[Call] = []
        problems: list[str] = []
        for item in given if isinstance(given, list) else []:
            try:
                calls.append(_call(item))
            except ValueError as error:
                problems.append(str(error))
        if not problems and (tried := attempt(plain, tools)) is not None:
            problems.append(tried)
        thought = message.get("reasoning")
        return Reply(
            text=plain,
            calls=tuple(calls),
            problems=tuple(problems),
            finish=finish,
            thought=thought if isinstance(thought, str) else None,
        )


CHAT = OpenAIChat()
_KEYS = {"content", "tool_calls", "reasoning"}


def _only(dialogues: Sequence[Dialogue]) -> Dialogue:
    if len(dialogues) != 1:
        raise DialectError(
            "the chat API takes one list of tools, so no examples: leave --shots out (or --api chat)"
        )
    return dialogues[0]


def _call(item: Any) -> Call:
    if not isinstance(item, dict) or not isinstance(item.get("name"), str) or not item["name"]:
        raise ValueError("the call has no name")
    arguments = item.get("arguments")
    value = loads(arguments) if isinstance(arguments, str) else arguments
    if not isinstance(value, dict):
        raise ValueError("the call's arguments are no JSON object")
    return build_call(item["name"], value)


def _messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The API's messages. Each result goes to the oldest open call of its name, else to the oldest one."""
    result: list[dict[str, Any]] = []
    unanswered: list[tuple[str, str]] = []
    number = 0
    for message in messages:
        raw: dict[str, Any] = {"role": message.role, "content": message.content}
        if message.calls:
            entries = []
            for call in message.calls:
                number += 1
                key = f"call{number:05d}"  # some templates want exactly nine letters and digits
                unanswered.append((call.name, key))
                function = {"name": call.name, "arguments": compact(call.arguments)}
                entries.append({"id": key, "type": "function", "function": function})
            raw |= {"content": message.content or None, "tool_calls": entries}
        elif message.role == "tool":
            if not unanswered:
                raise DialectError("a tool result answers no call")
            own = next((u for u in unanswered if u[0] == message.name), unanswered[0])
            unanswered.remove(own)
            raw |= {"tool_call_id": own[1], "name": own[0]}
        result.append(raw)
    return result
