"""Exact prompts: golden strings for dialogues, examples in the context and training texts."""

import pytest

from bench.dialects import DIALECTS, Dialogue, prompt
from suites import Call, Message, Tool

TOOL = Tool(
    name="get_weather",
    description="The weather.",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string", "description": "A town."}},
        "required": ["city"],
    },
)
PLAIN = Tool(name="now")
TOOL_JSON = (
    '{"name":"get_weather","description":"The weather.","parameters":{"type":"object","properties":'
    '{"city":{"type":"string","description":"A town."}},"required":["city"]}}'
)
SYSTEM = Message(role="system", content=" Be brief.\n")
ASKED = Message(role="user", content="Oslo? ")
CALLED = Message(
    role="assistant",
    thought="Look it up.",
    calls=(Call(name="get_weather", arguments={"city": "Oslo"}),),
)
RESULT = Message(role="tool", name="get_weather", content='{"celsius": 4, "sky": "grey"}')
ANSWERED = Message(role="assistant", content="It is 4 degrees.")
AGAIN = Message(role="user", content="And Pisa?")
LONG = Dialogue(tools=(TOOL,), messages=(SYSTEM, ASKED, CALLED, RESULT, ANSWERED, AGAIN))
SHOT = Dialogue(
    tools=(PLAIN,),
    messages=(
        Message(role="user", content="What time is it?"),
        Message(role="assistant", calls=(Call(name="now"),)),
    ),
)
CHAT = Dialogue(tools=(), messages=(Message(role="user", content="Hi"), ANSWERED))
OPEN = Dialogue(tools=(TOOL,), messages=(ASKED,))

GEMMA_RULES = (
    "Call a tool only if it fits and the request gives every required value; write each call as "
    '<tool_call>{"name":"NAME","arguments":{}}</tool_call>. Otherwise reply in plain text: answer, '
    "ask for the missing value, or say what you cannot do."
)
GEMMA_LONG = (
    f"<bos><start_of_turn>user\n{GEMMA_RULES}\nTools:\n{TOOL_JSON}\n\nBe brief.\n\nOslo?<end_of_turn>\n"
    "<start_of_turn>model\n<think>Look it up.</think>\n"
    '<tool_call>{"name":"get_weather","arguments":{"city":"Oslo"}}</tool_call><end_of_turn>\n'
    '<start_of_turn>user\n<tool_response>{"celsius": 4, "sky": "grey"}</tool_response><end_of_turn>\n'
    "<start_of_turn>model\nIt is 4 degrees.<end_of_turn>\n"
    "<start_of_turn>user\nAnd Pisa?<end_of_turn>\n<start_of_turn>model\n"
)
GEMMA_SHOTS = (
    f'<bos><start_of_turn>user\n{GEMMA_RULES}\nTools:\n{{"name":"now"}}\n\nWhat time is it?'
    '<end_of_turn>\n<start_of_turn>model\n<tool_call>{"name":"now","arguments":{}}</tool_call>'
    "<end_of_turn>\n<start_of_turn>user\nTools: none\n\nHi<end_of_turn>\n<start_of_turn>model\n"
    f"It is 4 degrees.<end_of_turn>\n<start_of_turn>user\nTools:\n{TOOL_JSON}\n\nOslo?<end_of_turn>\n"
    "<start_of_turn>model\n"
)


def chatml_system(*tools: str) -> str:
    entries = "".join(f'{{"type":"function","function":{t}}}\n' for t in tools)
    return (
        "<|im_start|>system\nYou can call functions. Their signatures stand within <tools></tools>:\n"
        f"<tools>\n{entries}</tools>\n"
        "Call one only if it fits and the request gives every required value. Write each call as\n"
        '<tool_call>\n{"name":"NAME","arguments":{}}\n</tool_call>\n'
        "Otherwise reply in plain text: answer, ask for the missing value, or say what you cannot do."
    )


CHATML_LONG = (
    f"{chatml_system(TOOL_JSON)}\n\nBe brief.<|im_end|>\n<|im_start|>user\nOslo?<|im_end|>\n"
    "<|im_start|>assistant\n<think>Look it up.</think>\n<tool_call>\n"
    '{"name":"get_weather","arguments":{"city":"Oslo"}}\n</tool_call><|im_end|>\n'
    '<|im_start|>tool\n<tool_response>\n{"celsius": 4, "sky": "grey"}\n</tool_response><|im_end|>\n'
    "<|im_start|>assistant\nIt is 4 degrees.<|im_end|>\n"
    "<|im_start|>user\nAnd Pisa?<|im_end|>\n<|im_start|>assistant\n"
)
NOW_JSON = '{"name":"now","description":"","parameters":{"type":"object","properties":{}}}'
CHATML_SHOTS = (
    f"{chatml_system(NOW_JSON)}<|im_end|>\n<|im_start|>user\nWhat time is it?<|im_end|>\n"
    '<|im_start|>assistant\n<tool_call>\n{"name":"now","arguments":{}}\n</tool_call><|im_end|>\n'
    f"{chatml_system()}<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
    "<|im_start|>assistant\nIt is 4 degrees.<|im_end|>\n"
    f"{chatml_system(TOOL_JSON)}<|im_end|>\n<|im_start|>user\nOslo?<|im_end|>\n<|im_start|>assistant\n"
)
FG_HEAD = "You are a model that can do function calling with the following functions"
FG_WEATHER = (
    "<start_function_declaration>declaration:get_weather{description:<escape>The weather.<escape>,"
    "parameters:{properties:{city:{description:<escape>A town.<escape>,type:<escape>STRING<escape>}},"
    "required:[<escape>city<escape>],type:<escape>OBJECT<escape>}}<end_function_declaration>"
)
FG_NOW = (
    "<start_function_declaration>declaration:now{description:<escape><escape>,"
    "parameters:{type:<escape>OBJECT<escape>}}<end_function_declaration>"
)
FG_LONG = (
    f"<bos><start_of_turn>developer\nBe brief.\n{FG_HEAD}{FG_WEATHER}<end_of_turn>\n"
    "<start_of_turn>user\nOslo?<end_of_turn>\n<start_of_turn>model\n"
    "<start_function_call>call:get_weather{city:<escape>Oslo<escape>}<end_function_call>"
    "<start_function_response>response:get_weather{celsius:4,sky:<escape>grey<escape>}"
    "<end_function_response>It is 4 degrees.<end_of_turn>\n"
    "<start_of_turn>user\nAnd Pisa?<end_of_turn>\n<start_of_turn>model\n"
)
FG_SHOTS = (
    f"<bos><start_of_turn>developer\n{FG_HEAD}{FG_NOW}<end_of_turn>\n"
    "<start_of_turn>user\nWhat time is it?<end_of_turn>\n<start_of_turn>model\n"
    "<start_function_call>call:now{}<end_function_call><end_of_turn>\n"
    "<start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\nIt is 4 degrees.<end_of_turn>\n"
    f"<start_of_turn>developer\n{FG_HEAD}{FG_WEATHER}<end_of_turn>\n"
    "<start_of_turn>user\nOslo?<end_of_turn>\n<start_of_turn>model\n"
)


@pytest.mark.parametrize(
    ("name", "wanted"), [("gemma", GEMMA_LONG), ("chatml", CHATML_LONG), ("functiongemma", FG_LONG)]
)
def test_a_dialogue_with_system_text_call_result_and_follow_up(name: str, wanted: str) -> None:
    assert prompt(DIALECTS[name], [LONG]) == wanted


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("gemma", GEMMA_SHOTS), ("chatml", CHATML_SHOTS), ("functiongemma", FG_SHOTS)],
)
def test_examples_stand_before_the_question_each_with_its_own_tools(name: str, wanted: str) -> None:
    assert prompt(DIALECTS[name], [SHOT, CHAT, OPEN]) == wanted


@pytest.mark.parametrize(
    ("name", "opening", "wanted"),
    [
        (
            "gemma",
            "<start_of_turn>model\n",
            '<think>Look it up.</think>\n<tool_call>{"name":"get_weather","arguments":'
            '{"city":"Oslo"}}</tool_call><end_of_turn>\n',
        ),
        (
            "chatml",
            "<|im_start|>assistant\n",
            '<think>Look it up.</think>\n<tool_call>\n{"name":"get_weather","arguments":'
            '{"city":"Oslo"}}\n</tool_call><|im_end|>\n',
        ),
        (
            "functiongemma",
            "<start_of_turn>model\n",
            "<start_function_call>call:get_weather{city:<escape>Oslo<escape>}<end_function_call>"
            "<start_function_response>",
        ),
    ],
)
def test_a_training_text_is_the_prompt_and_then_the_closed_turn(
    name: str, opening: str, wanted: str
) -> None:
    asked = prompt(DIALECTS[name], [OPEN])
    assert asked.endswith(opening)
    done = Dialogue(tools=(TOOL,), messages=(ASKED, CALLED))
    assert prompt(DIALECTS[name], [done]) == asked + wanted


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("gemma", "<end_of_turn>\n"),
        ("functiongemma", "<end_of_turn>\n"),
        ("chatml", "<|im_end|>\n"),
    ],
)
def test_an_answer_after_a_result_closes_the_turn(name: str, ending: str) -> None:
    so_far = (ASKED, CALLED, RESULT)
    asked = prompt(DIALECTS[name], [Dialogue(tools=(TOOL,), messages=so_far)])
    done = prompt(DIALECTS[name], [Dialogue(tools=(TOOL,), messages=(*so_far, ANSWERED))])
    assert done == f"{asked}It is 4 degrees.{ending}"


def test_functiongemma_writes_the_documented_string() -> None:
    """The official template's output (keys sorted) for a tool, a call, its result and an answer."""
    tool = Tool(
        name="NAME",
        description="D",
        parameters={
            "type": "object",
            "properties": {"p": {"type": "string", "description": "d", "enum": ["a"]}},
            "required": ["p"],
        },
    )
    arguments = {
        "xs": [1.5, 2],
        "n": 5,
        "k": "str",
        "flag": True,
        "none": None,
        "o": {"b": 1, "a": []},
    }
    messages = (
        Message(role="user", content="Q"),
        Message(
            role="assistant", calls=(Call(name="NAME", arguments=arguments), Call(name="NAME"))
        ),
        Message(role="tool", name="NAME", content='{"k": false}'),
        Message(role="tool", name="NAME", content="not JSON, {text}"),
        Message(role="assistant", content="text answer"),
    )
    assert prompt(DIALECTS["functiongemma"], [Dialogue(tools=(tool,), messages=messages)]) == (
        "<bos><start_of_turn>developer\n"
        "You are a model that can do function calling with the following functions"
        "<start_function_declaration>declaration:NAME{description:<escape>D<escape>,parameters:"
        "{properties:{p:{description:<escape>d<escape>,enum:[<escape>a<escape>],"
        "type:<escape>STRING<escape>}},required:[<escape>p<escape>],type:<escape>OBJECT<escape>}}"
        "<end_function_declaration><end_of_turn>\n"
        "<start_of_turn>user\nQ<end_of_turn>\n<start_of_turn>model\n"
        "<start_function_call>call:NAME{flag:true,k:<escape>str<escape>,n:5,none:None,o:{a:[],b:1},"
        "xs:[1.5,2]}<end_function_call><start_function_call>call:NAME{}<end_function_call>"
        "<start_function_response>response:NAME{k:false}<end_function_response>"
        "<start_function_response>response:NAME{value:<escape>not JSON, {text}<escape>}"
        "<end_function_response>text answer<end_of_turn>\n"
    )


def test_functiongemma_upper_cases_types_where_a_schema_stands_and_nowhere_else() -> None:
    tool = Tool(
        name="f",
        parameters={
            "type": "object",
            "properties": {
                "type": {"type": ["string", "null"]},
                "xs": {
                    "type": "array",
                    "items": {"type": "object", "properties": {"n": {"type": "integer"}}},
                },
                "kind": {"type": "string", "enum": ["string"], "default": "string"},
            },
        },
    )
    text = prompt(DIALECTS["functiongemma"], [Dialogue(tools=(tool,), messages=(ASKED,))])
    assert (
        "properties:{kind:{default:<escape>string<escape>,enum:[<escape>string<escape>],"
        "type:<escape>STRING<escape>},type:{type:[<escape>STRING<escape>,<escape>NULL<escape>]},"
        "xs:{items:{properties:{n:{type:<escape>INTEGER<escape>}},type:<escape>OBJECT<escape>},"
        "type:<escape>ARRAY<escape>}},type:<escape>OBJECT<escape>}}"
    ) in text


def test_functiongemma_without_tools_has_no_developer_turn() -> None:
    bare = Dialogue(tools=(), messages=(ASKED,))
    assert prompt(DIALECTS["functiongemma"], [bare]) == (
        "<bos><start_of_turn>user\nOslo?<end_of_turn>\n<start_of_turn>model\n"
    )
