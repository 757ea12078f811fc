"""The server engine against a real HTTP server: what is sent, what comes back, names, and the live proof."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters import Adapter, Model, Target, find_adapter, resolve, serving_name
from bench.cache import reply_keys
from bench.dialects import find_dialect
from bench.engines import Completion, EngineOptions, Request
from bench.engines.address import Patience
from bench.engines.server import ServerEngine
from bench.errors import UsageError
from suites import Call, Outcome
from tests.bench.openai_server import Asked, Reply, Server, Told, card, chat, completion

QUICK = Patience(attempts=4, timeout=20, first=0.001, longest=0.01, outage=1)
GEMMA, CHAT = find_dialect("gemma"), find_dialect("openai")
OWN = {"base": {"a": -1.0, "b": -2.0}}
ADAPTED = {**OWN, "lora": {"a": -1.5, "b": -2.0}, "dead": {"a": -1.0, "b": -2.0}}
MESSAGES = json.dumps(
    {
        "messages": [{"role": "user", "content": "Weather in Oslo?"}],
        "tools": [{"type": "function", "function": {"name": "get_weather", "parameters": {}}}],
    }
)


def served(dialect: str = "gemma") -> Target:
    model = Model(name="base", source="served", where="base", dialect=dialect)
    return Target(model=model, folder=Path("base"), hash="served:0", dialect=dialect)


def known(name: str) -> Adapter:
    """An adapter that only the server has."""
    return Adapter(name=name, folder=Path(name), hash="served:1", base="base", rank=0)


def ask(i: int = 0, **fields: Any) -> Request:
    return Request(**{"id": f"r{i}", "prompt": f"<bos>question {i}", "dialect": GEMMA, **fields})


def engine_on(
    *servers: Server,
    target: Target | None = None,
    adapters: tuple[Adapter, ...] = (),
    **options: Any,
) -> ServerEngine:
    chosen = EngineOptions(base_url=tuple(s.url for s in servers), **options)
    spoken = "openai" if options.get("api") == "chat" else "gemma"
    return ServerEngine(target or served(spoken), adapters, options=chosen, patience=QUICK)


def replies(engine: ServerEngine, *requests: Request) -> dict[str, Completion]:
    found = list(engine.generate(requests))
    assert len({c.id for c in found}) == len(found)
    return {c.id: c for c in found}


# --- completions ---------------------------------------------------------------------


def test_a_text_goes_out_with_every_limit_and_comes_back_with_its_sizes() -> None:
    with Server(lambda _: completion("It rains.")) as server:
        found = replies(engine_on(server), ask(max_tokens=9, seed=3))
        (asked,) = server.asked
    assert asked.path == "/v1/completions"
    wanted = {"model": "base", "prompt": "<bos>question 0", "max_tokens": 9, "temperature": 0.0}
    wanted |= {"top_p": 1.0, "seed": 3, "skip_special_tokens": False, "add_special_tokens": False}
    wanted |= {"stop": list(GEMMA.stops), "top_k": 0, "repetition_penalty": 1.0, "stream": False}
    assert wanted.items() <= asked.body.items()
    assert found == {
        "r0": Completion(id="r0", text="It rains.", prompt_tokens=7, completion_tokens=3)
    }


def test_with_the_tokenizer_at_hand_ids_go_out_and_ids_come_back(
    tiny_models: dict[str, Path], tiny_tokenizer: Any
) -> None:
    target = resolve(str(tiny_models["gemma3"]), dialect="gemma")
    end = tiny_tokenizer.convert_tokens_to_ids("<end_of_turn>")
    ids = [*tiny_tokenizer("It rains.", add_special_tokens=False).input_ids, end]

    def reply(_: Asked) -> Told:
        choice = {"text": "something else", "finish_reason": "stop", "token_ids": ids}
        return Told(body={"choices": [choice]})

    with Server(reply, models=[card(target.model.name)]) as server:
        engine = engine_on(server, target=target)
        found = replies(engine, ask())
        (asked,) = server.asked
    assert asked.body["prompt"] == engine.prompt_ids(ask()) if engine.prompt_ids else False
    assert asked.body["prompt"][0] == tiny_tokenizer.bos_token_id
    assert end in asked.body["stop_token_ids"]
    assert "stop" not in asked.body
    assert found["r0"].text == "It rains."
    assert found["r0"].prompt_tokens == len(asked.body["prompt"])
    assert found["r0"].completion_tokens > 0


def test_without_vllms_fields_only_openais_go_out_and_the_server_adds_the_bos() -> None:
    with Server() as server:
        engine = engine_on(server, no_vllm_extras=True)
        replies(engine, ask(temperature=0.5, top_p=0.9))
        (asked,) = server.asked
    assert "prompts go out as text without BOS" in engine.notes[-1]
    fields = {
        "model",
        "prompt",
        "max_tokens",
        "temperature",
        "top_p",
        "seed",
        "n",
        "stream",
        "stop",
    }
    assert set(asked.body) == fields
    assert asked.body["prompt"] == "question 0"
    assert (asked.body["temperature"], asked.body["top_p"]) == (0.5, 0.9)


def test_a_text_is_cut_where_its_dialect_ends_and_length_is_told() -> None:
    call = '<tool_call>{"name":"f","arguments":{}}</tool_call>'
    texts = {"<bos>question 0": f"{call} and then", "<bos>question 1": "and so on"}
    with Server(lambda a: completion(texts[a.body["prompt"]], "length")) as server:
        found = replies(engine_on(server), ask(0), ask(1))
    assert (found["r0"].text, found["r0"].finish) == (call, "stop")
    assert (found["r1"].text, found["r1"].finish) == ("and so on", "length")


def test_no_more_requests_are_under_way_than_asked_for_and_order_does_not_matter() -> None:
    with Server(lambda a: completion(a.body["prompt"][-4:])) as server:
        found = replies(engine_on(server, concurrency=3), *(ask(i) for i in range(200)))
        assert server.most <= 3
        assert len(server.asked) == 200
    assert all(c.text == f"<bos>question {i[1:]}"[-4:] for i, c in found.items())


def test_an_iterator_that_is_closed_early_leaves_nothing_under_way() -> None:
    with Server() as server:
        stream = engine_on(server, concurrency=2).generate([ask(i) for i in range(500)])
        next(stream)
        stream.close()
        assert len(server.asked) < 100


# --- chat ----------------------------------------------------------------------------


def test_a_chat_sends_messages_and_tools_and_its_tool_calls_become_the_reply() -> None:
    function = {"name": "get_weather", "arguments": '{"city": "Oslo"}'}
    message = {
        "content": None,
        "tool_calls": [{"id": "x", "type": "function", "function": function}],
    }
    with Server(lambda _: chat(message, "tool_calls")) as server:
        engine = engine_on(server, api="chat")
        found = replies(engine, ask(prompt=MESSAGES, dialect=CHAT))
        asked = server.asked[-1]
    assert asked.path == "/v1/chat/completions"
    assert asked.body["messages"] == json.loads(MESSAGES)["messages"]
    assert asked.body["tools"] == json.loads(MESSAGES)["tools"]
    assert asked.body["tool_choice"] == "auto"
    reply = CHAT.parse(found["r0"].text, "stop", ["get_weather"])
    assert reply.calls == (Call(name="get_weather", arguments={"city": "Oslo"}),)
    assert reply.outcome is Outcome.CALL


@pytest.mark.parametrize(
    ("message", "finish", "outcome", "text"),
    [
        ({"content": "It rains."}, "stop", Outcome.ANSWER, "It rains."),
        ({"content": "", "tool_calls": []}, "stop", Outcome.ANSWER, ""),
        ({"content": None, "refusal": "I will not."}, "stop", Outcome.ANSWER, "I will not."),
        ({"content": None, "reasoning_content": "Hm"}, "length", Outcome.ANSWER, ""),
        ({"content": "<tool_call>{}</tool_call>"}, "stop", Outcome.MALFORMED, None),
        ({"content": 'get_weather(city="Oslo")'}, "stop", Outcome.MALFORMED, None),
        (
            {"content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{oops"}}]},
            "tool_calls",
            Outcome.MALFORMED,
            None,
        ),
        (
            {"content": None, "tool_calls": [{"function": {"name": "f", "arguments": "[1]"}}]},
            "tool_calls",
            Outcome.MALFORMED,
            None,
        ),
        (
            {"content": None, "tool_calls": [{"function": {"name": "", "arguments": "{}"}}]},
            "tool_calls",
            Outcome.MALFORMED,
            None,
        ),
    ],
)
def test_other_messages_are_what_they_are(
    message: dict[str, Any], finish: str, outcome: Outcome, text: str | None
) -> None:
    with Server(
        lambda a: chat(message if a.body["max_tokens"] > 1 else {"content": "ok"}, finish)
    ) as server:
        found = replies(engine_on(server, api="chat"), ask(prompt=MESSAGES, dialect=CHAT))
    assert found["r0"].finish == ("length" if finish == "length" else "stop")
    reply = CHAT.parse(found["r0"].text, "stop", ["get_weather"])
    assert reply.outcome is outcome
    assert text is None or reply.text == text


def test_a_server_that_takes_no_tools_is_refused_with_what_it_says() -> None:
    said = {"error": {"message": "auto tool choice requires --enable-auto-tool-choice"}}
    with (
        Server(lambda _: Told(400, said)) as server,
        pytest.raises(UsageError, match="takes no tools in chats: it refuses with 400: auto tool"),
    ):
        engine_on(server, api="chat")


def test_a_dialect_and_an_api_that_do_not_fit_are_refused() -> None:
    with Server() as server:
        with pytest.raises(UsageError, match="does not fit --api completions"):
            replies(engine_on(server), ask(prompt=MESSAGES, dialect=CHAT))
        with pytest.raises(UsageError, match="adapter 'x' is not loaded"):
            replies(engine_on(server), ask(adapter="x"))


# --- replies that are none -----------------------------------------------------------

NO_REPLIES: list[tuple[Told, str]] = [
    (
        Told(body=b"<html><h1>Gateway</h1></html>", headers={"Content-Type": "text/html"}),
        "no JSON (text/html)",
    ),
    (Told(body=b'{"choices": [{"te'), "no JSON"),
    (Told(body=[1]), "no JSON object"),
    (Told(body={"choices": []}), "no choices"),
    (Told(body={"error": {"message": "the model fell over"}}), "the model fell over"),
    (completion(None), "text is missing"),
    (completion(["a"]), "no text"),
    (completion("x", None), "ended the reply with None"),
    (completion("x", "content_filter"), "ended the reply with 'content_filter'"),
    (Told(500, {"error": {"message": "out of memory"}}), "500: out of memory"),
    (Told(body={"choices": [{"text": "half"}]}, mode="cut"), "connection broke"),
    (Told(mode="drop"), "the connection broke"),
]


@pytest.mark.parametrize(("told", "reason"), NO_REPLIES, ids=[r for _, r in NO_REPLIES])
def test_what_is_no_reply_is_an_error_with_its_reason_after_all_attempts(
    told: Told, reason: str
) -> None:
    with Server(lambda a: told if "question 0" in a.body["prompt"] else completion()) as server:
        found = replies(engine_on(server), ask(0), ask(1))
        tries = sum("question 0" in a.body["prompt"] for a in server.asked)
    assert found["r1"].finish == "stop"
    assert found["r0"].finish == "error"
    assert reason in found["r0"].error
    assert "(4 attempts)" in found["r0"].error
    assert tries == QUICK.attempts


@pytest.mark.parametrize(
    "message",
    [None, {"content": None}, {"content": 3}, {"content": None, "tool_calls": "f"}],
)
def test_a_chat_without_a_message_is_an_error_never_a_decision_not_to_call(message: Any) -> None:
    with Server(
        lambda a: chat(message if a.body["max_tokens"] > 1 else {"content": "ok"})
    ) as server:
        found = replies(engine_on(server, api="chat"), ask(prompt=MESSAGES, dialect=CHAT))
    assert found["r0"].finish == "error"
    assert (
        "message" in found["r0"].error
        or "content" in found["r0"].error
        or "calls" in found["r0"].error
    )


# --- names and the live proof --------------------------------------------------------


def test_an_adapter_is_chosen_by_its_name_and_answers_for_itself() -> None:
    models = [card("base"), card("lora", parent="base")]
    reply: Reply = lambda a: completion(f"I am {a.body['model']}")  # noqa: E731
    with Server(reply, models=models, logprobs=ADAPTED) as server:
        engine = engine_on(server, adapters=(known("lora"),))
        found = replies(engine, ask(0), ask(1, adapter="lora"))
        assert server.proof
    assert found["r0"].text == "I am base"
    assert found["r1"].text == "I am lora"


def test_an_adapter_at_hand_is_asked_for_by_the_name_that_holds_its_hash(
    tiny_models: dict[str, Path], tiny_adapters: dict[str, dict[str, Path]]
) -> None:
    target = resolve(str(tiny_models["gemma3"]), dialect="gemma")
    adapter = find_adapter(str(tiny_adapters["gemma3"]["a"]))
    base, name = target.model.name, serving_name(adapter)
    rows = {base: {"a": -1.0}, name: {"a": -2.0}, "a": {"a": -3.0}}
    models = [card(base), card("a", parent=base), card(name, parent=base)]
    with Server(models=models, logprobs=rows) as server:
        engine = engine_on(server, target=target, adapters=(adapter,))
        replies(engine, ask(adapter="a"))
        assert server.asked[-1].body["model"] == name
        assert engine.notes == ()
        server.models.pop()
        named = engine_on(server, target=target, adapters=(adapter,))
        replies(named, ask(adapter="a"))
        assert server.asked[-1].body["model"] == "a"
        assert "without its hash" in named.notes[0]


@pytest.mark.parametrize(
    ("models", "adapters", "problem"),
    [
        (
            [card("other")],
            (),
            r"does not serve model 'base', but other; callbench serve --model base would",
        ),
        (
            [card("base")],
            (known("lora"),),
            r"does not serve adapter 'lora', but base; callbench serve",
        ),
        (
            [card("base"), card("lora", parent="b")],
            (known("lora"),),
            r"served on 'b' .* not on 'base'",
        ),
        ([card("base")], (known("base"),), r"'base' is the base"),
    ],
)
def test_what_is_not_served_is_refused_before_anything_is_asked(
    models: list[dict[str, Any]], adapters: tuple[Adapter, ...], problem: str
) -> None:
    with (
        Server(models=models, logprobs=ADAPTED) as server,
        pytest.raises(UsageError, match=problem),
    ):
        engine_on(server, adapters=adapters)


def test_a_base_is_known_by_the_root_that_the_server_tells(tiny_models: dict[str, Path]) -> None:
    target = resolve(str(tiny_models["gemma2"]), dialect="gemma")
    with Server(models=[card("prod", root=str(tiny_models["gemma2"]))]) as server:
        replies(engine_on(server, target=target), ask())
        assert server.asked[-1].body["model"] == "prod"


@pytest.mark.parametrize("api", ["completions", "chat"])
@pytest.mark.parametrize("rows", [ADAPTED, {}], ids=["logprobs", "texts"])
def test_an_adapter_that_changes_nothing_is_refused(api: str, rows: dict[str, Any]) -> None:
    same: Reply = lambda _: chat({"content": "hi"}) if api == "chat" else completion("hi")  # noqa: E731
    models = [card("base"), card("dead", parent="base")]
    with (
        Server(same, models=models, logprobs=rows or None) as server,
        pytest.raises(UsageError, match="'dead' changes nothing"),
    ):
        engine_on(server, adapters=(known("dead"),), api=api)


def test_where_there_are_no_logprobs_texts_prove_an_adapter_live() -> None:
    models = [card("base"), card("lora", parent="base")]
    with Server(lambda a: completion(f"I am {a.body['model']}"), models=models) as server:
        engine_on(server, adapters=(known("lora"),))
        assert {a.body["model"] for a in server.asked} == {"base", "lora"}


# --- the record, the key, the cache --------------------------------------------------


def test_settings_tell_how_and_where_without_credentials_and_the_cache_ignores_where() -> None:
    with Server() as one, Server() as other:
        first = ServerEngine(
            served(),
            options=EngineOptions(base_url=(one.url.replace("//", "//me:secret@"),), concurrency=5),
            patience=QUICK,
        )
        second = engine_on(other, one)
        extras = engine_on(one, no_vllm_extras=True)
    assert first.settings["base_url"] == [f"{one.url}/v1"]
    assert (first.settings["api"], first.settings["concurrency"]) == ("completions", 5)
    assert (first.version, first.device) == ("9.9", "remote")
    assert "secret" not in json.dumps(first.settings)
    keys = [reply_keys([ask()], served(), e) for e in (first, second, extras)]
    assert keys[0] == keys[1] != keys[2]


def test_the_key_is_sent_and_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    with Server(key="Bearer sk-very-secret") as server:
        engine = engine_on(server, api_key_env="MY_KEY")
        assert replies(engine, ask())["r0"].finish == "stop"
        assert "secret" not in json.dumps(engine.settings)
        monkeypatch.setenv("MY_KEY", "sk-another-secret")
        with pytest.raises(UsageError, match=r"refuses with 401.*--api-key-env") as caught:
            engine_on(server, api_key_env="MY_KEY")
    assert "another-secret" not in str(caught.value)
    with pytest.raises(UsageError, match="MISSING_KEY: there is no such"):
        engine_on(server, api_key_env="MISSING_KEY")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"base_url": ()}, "needs --base-url"),
        ({"base_url": ("localhost:8000",)}, "must be a whole URL"),
        ({"base_url": ("http://a/v1?x=1",)}, "must have no"),
        ({"device": "cpu"}, "--device and --dtype"),
        ({"dtype": "float32"}, "--device and --dtype"),
    ],
)
def test_options_that_cannot_be_used_are_refused(change: dict[str, Any], problem: str) -> None:
    options = replace(EngineOptions(base_url=("http://127.0.0.1:9",)), **change)
    with pytest.raises(UsageError, match=problem):
        ServerEngine(served(), options=options, patience=QUICK)


@pytest.mark.parametrize(
    "change",
    [
        {"concurrency": 0},
        {"timeout": 0},
        {"outage": float("nan")},
        {"attempts": 0},
        {"api": "soap"},
    ],
)
def test_values_out_of_range_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        EngineOptions(**change)


@pytest.mark.parametrize("listed", [[{"name": "x"}], "x"], ids=["no ids", "no list"])
def test_an_endpoint_that_speaks_something_else_is_refused(listed: Any) -> None:
    with Server() as server:
        server.models = listed
        with pytest.raises(
            UsageError, match="does not speak OpenAI's API: /models lists no models"
        ):
            engine_on(server)
