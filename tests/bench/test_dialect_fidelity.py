"""Our prompts against the models' own chat templates, read as data from the `trl` distribution."""

import json
from importlib import metadata
from typing import Any

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from bench.dialects import DIALECTS, Dialect, Dialogue, prompt
from bench.dialects.fidelity import template_difference
from bench.shots import choose_shots, finished, shot_order
from suites import Call, Case, Message, Tool, select

CASES = [c for p in select(["call", "arguments", "output"]).parts for c in p.cases]
ORDER = shot_order(CASES, 0)
CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
HI = Dialogue(tools=(), messages=(Message(role="user", content="Hi"),))


def shipped(name: str) -> str:
    """The text of a chat template that trl ships; trl itself is never imported."""
    files = metadata.files("trl") or []
    file = next(f for f in files if f.as_posix() == f"trl/chat_templates/{name}.jinja")
    return file.read_text(encoding="utf-8")


def tokenizer_with(template: str | None, bos: str = "<bos>") -> PreTrainedTokenizerFast:
    inner = Tokenizer(models.WordLevel({"<unk>": 0, bos: 1}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    made = PreTrainedTokenizerFast(tokenizer_object=inner, bos_token=bos, unk_token="<unk>")
    made.chat_template = template
    return made


def asked(case: Case) -> Dialogue:
    return Dialogue(tools=case.tools, messages=case.messages)


def forms(case: Case) -> list[list[Dialogue]]:
    """Asked plainly, after two examples, and finished; the last also after examples."""
    shots = [finished(c) for c in choose_shots(case, ORDER, 2)]
    return [[asked(case)], [*shots, asked(case)], [finished(case)], [*shots, finished(case)]]


def has_tool_turn(dialogues: list[Dialogue]) -> bool:
    return any(m.role == "tool" for d in dialogues for m in d.messages)


@pytest.mark.parametrize("template", ["gemma", "gemma3"])
def test_gemma_agrees_with_its_template_on_every_built_in_case(template: str) -> None:
    tokenizer = tokenizer_with(shipped(template))
    assert len(CASES) >= 100
    for case in CASES:
        for dialogues in forms(case):
            assert template_difference(tokenizer, DIALECTS["gemma"], dialogues) is None, case.id


def test_chatml_agrees_with_a_minimal_chatml_template_on_every_built_in_case() -> None:
    tokenizer = tokenizer_with(CHATML)
    for case in CASES:
        for dialogues in forms(case):
            assert template_difference(tokenizer, DIALECTS["chatml"], dialogues) is None, case.id


def test_chatml_agrees_with_qwens_template_where_there_is_no_tool_turn() -> None:
    """Qwen writes results into a user turn of its own; all other turns are the same."""
    tokenizer = tokenizer_with(shipped("qwen2_5"))
    compared = 0
    for case in CASES:
        for dialogues in forms(case):
            found = template_difference(tokenizer, DIALECTS["chatml"], dialogues)
            assert (found is None) == (not has_tool_turn(dialogues)), case.id
            compared += found is None
    assert compared >= 100


FAMILIES = [
    ("gemma4", "gemma4_v5"),
    ("qwen", "qwen3"),
    ("qwen2.5", "qwen2_5"),
    ("qwen3-2507", "qwen3_instruct_2507"),
    ("pythonic", "gemma3"),
]


@pytest.mark.parametrize(("name", "template"), FAMILIES)
def test_a_family_agrees_with_its_template_on_every_built_in_case(name: str, template: str) -> None:
    tokenizer = tokenizer_with(shipped(template))
    for case in CASES:
        for dialogues in forms(case):
            assert template_difference(tokenizer, DIALECTS[name], dialogues) is None, case.id


@pytest.mark.parametrize("template", ["llama3_1", "llama3_2"])
def test_llama_agrees_with_its_template_which_refuses_several_calls(template: str) -> None:
    tokenizer = tokenizer_with(shipped(template), "<|begin_of_text|>")
    refused = 0
    for case in CASES:
        for dialogues in (d for d in forms(case) if len(d) == 1):
            found = template_difference(tokenizer, DIALECTS["llama3"], dialogues)
            if any(len(m.calls) > 1 for m in dialogues[0].messages):
                assert "single tool-calls" in (found or "")
                refused += 1
            else:
                assert found is None, (case.id, found)
    assert 0 < refused < len(CASES) / 10


def test_examples_of_llama_are_dialogues_one_after_another_with_one_bos() -> None:
    dialect, bos = DIALECTS["llama3"], "<|begin_of_text|>"
    for case in CASES[::7]:
        dialogues = forms(case)[1]
        alone = [prompt(dialect, [d]).removeprefix(bos) for d in dialogues]
        assert prompt(dialect, dialogues) == bos + "".join(alone)


@pytest.mark.parametrize("template", ["gemma4", "gemma4_v3", "gemma4_v4"])
def test_earlier_gemma4_templates_differ_in_dialogues_with_results_only(template: str) -> None:
    """They write None for null. (The one of the first days also writes stray commas in declarations.)"""
    tokenizer = tokenizer_with(shipped(template))
    compared = 0
    for case in CASES:
        if not case.messages[-1].calls and not has_tool_turn([asked(case)]):
            assert template_difference(tokenizer, DIALECTS["gemma4"], [asked(case)]) is None
            compared += 1
    assert compared >= 100


SCHEMAS: list[dict[str, Any]] = [
    {},
    {"type": "object"},
    {"type": "object", "properties": {}},
    {"type": "object", "properties": {"b": {"type": "string"}, "A": {}, "c": {"type": "integer"}}},
    {"type": "object", "properties": {"x": {"type": ["string", "null"], "enum": ["a", None]}}},
    {"type": "object", "properties": {"x": {"type": "string", "enum": ["a", "b"], "default": "a"}}},
    {"type": "object", "properties": {"x": {"type": "integer", "enum": [1, 2], "minimum": 1}}},
    {"type": "object", "properties": {"x": {"type": "number", "nullable": True}}},
    {
        "type": "object",
        "properties": {"x": {"type": "string", "enum": [1, 2.5, True, None, {"k": []}]}},
    },
    {
        "type": "object",
        "properties": {
            "x": {
                "type": "object",
                "description": "D",
                "properties": {"y": {"type": "boolean", "description": "E"}},
                "required": ["y"],
            }
        },
        "required": ["x"],
    },
    {"type": "object", "properties": {"x": {"type": "object"}}},
    {"type": "object", "properties": {"x": {"type": "object", "additionalProperties": False}}},
    {
        "type": "object",
        "properties": {"x": {"type": "object", "additionalProperties": {"type": "number"}}},
    },
    {"type": "object", "properties": {"x": {"type": "array"}, "y": {"type": "array", "items": {}}}},
    {
        "type": "object",
        "properties": {
            "x": {
                "type": "array",
                "items": {
                    "type": "object",
                    "description": "D",
                    "properties": {"y": {"type": "string", "enum": ["a"]}},
                    "required": ["y"],
                    "additionalProperties": False,
                },
            }
        },
    },
    {
        "type": "object",
        "properties": {
            "x": {"type": "array", "items": {"type": ["string", "null"], "enum": ["a"]}}
        },
    },
    {"type": "object", "properties": {"type": {"type": "string"}, "items": {"type": "array"}}},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda s: json.dumps(s))
@pytest.mark.parametrize(
    ("name", "template", "bos"),
    [(*f, "<bos>") for f in FAMILIES] + [("llama3", "llama3_1", "<|begin_of_text|>")],
)
def test_awkward_schemas_are_declared_as_the_template_does(
    name: str, template: str, bos: str, schema: dict[str, Any]
) -> None:
    tool = Tool(name="f", description="", parameters=schema)
    dialogue = Dialogue(tools=(tool, Tool(name="g", description="D\nE")), messages=HI.messages)
    tokenizer = tokenizer_with(shipped(template), bos)
    assert template_difference(tokenizer, DIALECTS[name], [dialogue]) is None


def test_a_thought_since_the_last_request_is_written_as_gemma4s_template_does() -> None:
    call = Message(
        role="assistant", thought="So.", calls=(Call(name="f", arguments={"B": 1, "a": "x"}),)
    )
    result = Message(role="tool", name="f", content='{"k": [1.5, null, "v"], "J": {"b": {}}}')
    answer = Message(role="assistant", content="Yes.", thought="Then.")
    tokenizer = tokenizer_with(shipped("gemma4_v5"))
    tools = (Tool(name="f"),)
    for messages in (
        (*HI.messages, call),
        (*HI.messages, call, result),
        (*HI.messages, call, result, result),
        (*HI.messages, call, result, answer),
        (*HI.messages, call, result, answer, *HI.messages),
        (Message(role="system", content=" Rules. "), *HI.messages, call, result, call),
    ):
        dialogue = Dialogue(tools=tools, messages=messages)
        assert template_difference(tokenizer, DIALECTS["gemma4"], [dialogue]) is None


@pytest.mark.parametrize(
    ("name", "template"),
    [("gemma", "gemma"), ("gemma", "gemma3"), ("chatml", "qwen2_5"), *FAMILIES],
)
@pytest.mark.parametrize(
    "content", ["", "  padded \n", "a\n\n\nb", "{{ 1 + 1 }} {% if %}", "Zürich 東京 😀"]
)
def test_awkward_user_text_is_rendered_as_the_template_does(
    name: str, template: str, content: str
) -> None:
    dialogue = Dialogue(tools=(), messages=(Message(role="user", content=content),))
    tokenizer = tokenizer_with(shipped(template))
    assert template_difference(tokenizer, DIALECTS[name], [dialogue]) is None


@pytest.mark.parametrize(
    ("name", "old", "new", "common"),
    [
        (
            "gemma",
            "<start_of_turn>model",
            "<start_of_turn>assistant",
            "<end_of_turn>\n<start_of_turn>",
        ),
        ("gemma", "{{ bos_token }}", "", "<"),
        ("gemma", "{{ bos_token }}", "{{ bos_token }}{{ bos_token }}", "<bos><"),
        ("gemma", "<end_of_turn>", "<end_of_turn> ", "<end_of_turn>"),
        ("chatml", "<|im_end|>", "<|im_end|><|endoftext|>", "<|im_end|>"),
        ("chatml", "'\n' + m.content", "'\n\n' + m.content", "<|im_start|>system\n"),
        ("chatml", "assistant\n", "assistant", "<|im_start|>assistant"),
    ],
)
def test_an_altered_template_is_reported_with_the_first_character_that_differs(
    name: str, old: str, new: str, common: str
) -> None:
    """Both texts are the same up to and with the first `common` in ours."""
    template = {"gemma": shipped("gemma"), "chatml": CHATML}[name]
    assert old in template
    ours = prompt(DIALECTS[name], [HI])
    at = ours.index(common) + len(common)
    found = template_difference(tokenizer_with(template.replace(old, new)), DIALECTS[name], [HI])
    assert found is not None
    assert f"at character {at}: " in found
    assert repr(ours[max(0, at - 20) : at + 40]) in found
    assert "\n" not in found


def test_a_template_that_refuses_the_dialogue_is_reported_in_one_line() -> None:
    tokenizer = tokenizer_with("{{ raise_exception('no such role\nin this model') }}")
    found = template_difference(tokenizer, DIALECTS["gemma"], [HI])
    assert found is not None
    assert "refuses the dialogue" in found
    assert "no such role" in found
    assert "\n" not in found


def test_a_template_is_given_the_roles_user_and_assistant() -> None:
    """Whatever Gemma's turns are called in its prompt: other names may be refused or passed over."""
    roles = (
        "{% for m in messages %}{{ raise_exception(messages | map(attribute='role') | join(' ')) }}"
    )
    tokenizer = tokenizer_with(roles + "{% endfor %}")
    dialogue = Dialogue(
        tools=(), messages=(*HI.messages, Message(role="assistant", content="Yes?"), *HI.messages)
    )
    found = template_difference(tokenizer, DIALECTS["gemma"], [dialogue])
    assert (found or "").endswith(": user assistant user")


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS)
def test_without_a_template_there_is_nothing_to_differ_from(dialect: Dialect) -> None:
    assert template_difference(tokenizer_with(None), dialect, [HI]) is None


def test_functiongemma_gives_the_template_its_tools_and_messages() -> None:
    """Here the template writes the tool syntax, so it must be given the tools as OpenAI entries."""
    template = (
        "{{ bos_token }}{% if tools %}{{ '<start_of_turn>developer\nYou are a model that can do function"
        " calling with the following functions' }}{% for t in tools %}{{ '<start_function_declaration>"
        "declaration:' + t.function.name + '{description:<escape>' + t.function.description + '<escape>,"
        "parameters:{type:<escape>OBJECT<escape>}}<end_function_declaration>' }}{% endfor %}"
        "{{ '<end_of_turn>\n' }}{% endif %}{% for m in messages %}{{ '<start_of_turn>' + m.role + '\n' + "
        "m.content + '<end_of_turn>\n' }}{% endfor %}{{ '<start_of_turn>model\n' }}"
    )
    tools = (Tool(name="now", description="The time."), Tool(name="stop", description=""))
    dialogue = Dialogue(tools=tools, messages=HI.messages)
    dialect = DIALECTS["functiongemma"]
    assert template_difference(tokenizer_with(template), dialect, [dialogue]) is None
    altered = tokenizer_with(template.replace("OBJECT", "object"))
    assert "against" in (template_difference(altered, dialect, [dialogue]) or "")
