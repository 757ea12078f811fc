"""Exact prompts of Gemma 4, Llama 3, Qwen and pythonic Gemma 3: golden strings, and stated deviations."""

import pytest

from bench.dialects import DIALECTS, Dialogue, prompt
from bench.errors import DialectError
from suites import Call, Message, Tool

TOOL = Tool(
    name="get_weather",
    description="The weather.",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
)
OSLO = Call(name="get_weather", arguments={"city": "Oslo", "days": 2})
NOW = Call(name="now")
SYSTEM = Message(role="system", content=" Be brief.\n")
ASKED = Message(role="user", content="Oslo? ")
CALLED = Message(role="assistant", content="Let me see.", thought="Look.", calls=(OSLO, NOW))
RESULT = Message(role="tool", name="get_weather", content='{"celsius": 4, "sky": null}')
FAILED = Message(role="tool", name="now", content='No "clock"')
ANSWERED = Message(role="assistant", content="It is 4 degrees.")
LONG = Dialogue(tools=(TOOL,), messages=(SYSTEM, ASKED, CALLED, RESULT, FAILED, ANSWERED, ASKED))
SHOT = Dialogue(
    tools=(Tool(name="now"),),
    messages=(Message(role="user", content="Time?"), Message(role="assistant", calls=(NOW,))),
)
CHAT = Dialogue(tools=(), messages=(Message(role="user", content="Hi"), ANSWERED))
OPEN = Dialogue(tools=(), messages=(ASKED,))

TOOL_LINE = (
    '{"type": "function", "function": {"name": "get_weather", "description": "The weather.", '
    '"parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": '
    '{"type": "integer"}}, "required": ["city"]}}}'
)
NOW_LINE = (
    '{"type": "function", "function": {"name": "now", "description": "", "parameters": '
    '{"type": "object", "properties": {}}}}'
)
TOOL_BLOCK = """{
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {
                    "type": "string"
                },
                "days": {
                    "type": "integer"
                }
            },
            "required": [
                "city"
            ]
        }
    }
}"""
NOW_BLOCK = """{
    "type": "function",
    "function": {
        "name": "now",
        "description": "",
        "parameters": {
            "type": "object",
            "properties": {}
        }
    }
}"""


def listed(block: str) -> str:
    inner = "\n".join(f"    {line}" for line in block.splitlines())
    return f"[\n{inner}\n]"


G4_TOOL = (
    '<|tool>declaration:get_weather{description:<|"|>The weather.<|"|>,parameters:{properties:{'
    'city:{type:<|"|>STRING<|"|>},days:{type:<|"|>INTEGER<|"|>}},required:[<|"|>city<|"|>],'
    'type:<|"|>OBJECT<|"|>}}<tool|>'
)
G4_NOW = '<|tool>declaration:now{description:<|"|><|"|>,parameters:{type:<|"|>OBJECT<|"|>}}<tool|>'
# The thought stands before the last request, so it is left out; text stands before its calls.
G4_LONG = (
    f"<bos><|turn>system\nBe brief.{G4_TOOL}<turn|>\n<|turn>user\nOslo?<turn|>\n<|turn>model\n"
    'Let me see.<|tool_call>call:get_weather{city:<|"|>Oslo<|"|>,days:2}<tool_call|>'
    "<|tool_call>call:now{}<tool_call|>"
    "<|tool_response>response:get_weather{celsius:4,sky:null}<tool_response|>"
    '<|tool_response>response:now{value:<|"|>No "clock"<|"|>}<tool_response|>'
    "It is 4 degrees.<turn|>\n<|turn>user\nOslo?<turn|>\n<|turn>model\n"
)
G4_SHOTS = (
    f"<bos><|turn>system\n{G4_NOW}<turn|>\n<|turn>user\nTime?<turn|>\n<|turn>model\n"
    "<|tool_call>call:now{}<tool_call|><turn|>\n<|turn>user\nHi<turn|>\n<|turn>model\n"
    "It is 4 degrees.<turn|>\n<|turn>user\nOslo?<turn|>\n<|turn>model\n"
)


def llama(role: str, text: str) -> str:
    return f"<|start_header_id|>{role}<|end_header_id|>\n\n{text}<|eot_id|>"


LLAMA_DATES = "Cutting Knowledge Date: December 2023\nToday Date: 26 Jul 2024\n\n"
LLAMA_RULES = (
    "Given the following functions, please respond with a JSON for a function call with its proper "
    "arguments that best answers the given prompt.\n\nRespond in the format "
    '{"name": function name, "parameters": dictionary of argument name and its value}.'
    "Do not use variables.\n\n"
)
LLAMA_OPEN = "<|start_header_id|>assistant<|end_header_id|>\n\n"
LLAMA_LONG = (
    "<|begin_of_text|>"
    + llama("system", f"Environment: ipython\n{LLAMA_DATES}Be brief.")
    + llama("user", f"{LLAMA_RULES}{TOOL_BLOCK}\n\nOslo?")
    + llama(
        "assistant",
        '<think>Look.</think>\nLet me see.\n{"name": "get_weather", "parameters": {"city": "Oslo", '
        '"days": 2}}; {"name": "now", "parameters": {}}',
    )
    + llama("ipython", '{"celsius": 4, "sky": null}')
    + llama("ipython", '"No \\"clock\\""')
    + llama("assistant", "It is 4 degrees.")
    + llama("user", "Oslo?")
    + LLAMA_OPEN
)
LLAMA_SHOTS = (
    "<|begin_of_text|>"
    + llama("system", f"Environment: ipython\n{LLAMA_DATES}")
    + llama("user", f"{LLAMA_RULES}{NOW_BLOCK}\n\nTime?")
    + llama("assistant", '{"name": "now", "parameters": {}}')
    + llama("system", LLAMA_DATES)
    + llama("user", "Hi")
    + llama("assistant", "It is 4 degrees.")
    + llama("system", LLAMA_DATES)
    + llama("user", "Oslo?")
    + LLAMA_OPEN
)


def chatml(role: str, text: str) -> str:
    return f"<|im_start|>{role}\n{text}<|im_end|>\n"


def qwen_tools(line: str) -> str:
    return (
        "# Tools\n\nYou may call one or more functions to assist with the user query.\n\nYou are "
        f"provided with function signatures within <tools></tools> XML tags:\n<tools>\n{line}\n</tools>"
        "\n\nFor each function call, return a json object with function name and arguments within "
        '<tool_call></tool_call> XML tags:\n<tool_call>\n{"name": <function-name>, "arguments": '
        "<args-json-object>}\n</tool_call>"
    )


NO_THOUGHT = "<think>\n\n</think>\n\n"
QWEN_SAID = (
    'Let me see.\n<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo", "days": 2}}\n'
    '</tool_call>\n<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>'
)
QWEN_RESULTS = (
    '<tool_response>\n{"celsius": 4, "sky": null}\n</tool_response>\n'
    '<tool_response>\nNo "clock"\n</tool_response>'
)
DEFAULT = "You are Qwen, created by Alibaba Cloud. You are a helpful assistant."


def qwen_long(thought: str, opened: str) -> str:
    return (
        chatml("system", f"Be brief.\n\n{qwen_tools(TOOL_LINE)}")
        + chatml("user", "Oslo?")
        + chatml("assistant", f"{thought}{QWEN_SAID}")
        + chatml("user", QWEN_RESULTS)
        + chatml("assistant", "It is 4 degrees.")
        + chatml("user", "Oslo?")
        + f"<|im_start|>assistant\n{opened}"
    )


def qwen_shots(default: str, opened: str) -> str:
    before = f"{default}\n\n" if default else ""
    none = chatml("system", f"{before}No functions are provided.")
    return (
        chatml("system", f"{before}{qwen_tools(NOW_LINE)}")
        + chatml("user", "Time?")
        + chatml("assistant", '<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>')
        + none
        + chatml("user", "Hi")
        + chatml("assistant", "It is 4 degrees.")
        + none
        + chatml("user", "Oslo?")
        + f"<|im_start|>assistant\n{opened}"
    )


def gemma(role: str, text: str) -> str:
    return f"<start_of_turn>{role}\n{text}<end_of_turn>\n"


PY_RULES = (
    "Tools (functions) are available. If you decide to invoke one or more of the tools, you must "
    "respond with a python list of the function calls.\nExample Format: [func_name1(params_name1="
    "params_value1, params_name2=params_value2...), func_name2(params)] \nDo not use variables. DO NOT "
    "USE MARKDOWN SYNTAX. You SHOULD NOT include any other text in the response if you call a function. "
    "If none of the functions can be used, point it out. If you lack the parameters required by the "
    "function, also point it out.\nHere is a list of functions in JSON format that you can invoke.\n"
)
PY_LONG = (
    "<bos>"
    + gemma("user", f"Be brief.\n\n{PY_RULES}{listed(TOOL_BLOCK)}\n\nOslo?")
    + gemma("model", '<think>Look.</think>\nLet me see.\n[get_weather(city="Oslo", days=2), now()]')
    + gemma(
        "user",
        '<tool_response>\n{"celsius": 4, "sky": null}</tool_response>\n'
        '<tool_response>\nNo "clock"</tool_response>',
    )
    + gemma("model", "It is 4 degrees.")
    + gemma("user", "Oslo?")
    + "<start_of_turn>model\n"
)
PY_NONE = "No tools (functions) are available.\n\n"
PY_SHOTS = (
    "<bos>"
    + gemma("user", f"{PY_RULES}{listed(NOW_BLOCK)}\n\nTime?")
    + gemma("model", "[now()]")
    + gemma("user", f"{PY_NONE}Hi")
    + gemma("model", "It is 4 degrees.")
    + gemma("user", f"{PY_NONE}Oslo?")
    + "<start_of_turn>model\n"
)
THOUGHT = "<think>Look.</think>\n"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("gemma4", G4_LONG),
        ("llama3", LLAMA_LONG),
        ("qwen", qwen_long("", NO_THOUGHT)),
        ("qwen2.5", qwen_long(THOUGHT, "")),
        ("qwen3-2507", qwen_long(THOUGHT, "")),
        ("pythonic", PY_LONG),
    ],
)
def test_a_dialogue_with_system_text_two_calls_and_two_results(name: str, wanted: str) -> None:
    assert prompt(DIALECTS[name], [LONG]) == wanted


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("gemma4", G4_SHOTS),
        ("llama3", LLAMA_SHOTS),
        ("qwen", qwen_shots("", NO_THOUGHT)),
        ("qwen2.5", qwen_shots(DEFAULT, "")),
        ("qwen3-2507", qwen_shots("", "")),
        ("pythonic", PY_SHOTS),
    ],
)
def test_examples_stand_before_the_question_each_with_its_own_tools(name: str, wanted: str) -> None:
    assert prompt(DIALECTS[name], [SHOT, CHAT, OPEN]) == wanted


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        (
            "gemma4",
            f"<|channel>thought\nLook.\n<channel|>{G4_LONG.split('model')[1][1:].split('<|tool_response>')[0]}<|tool_response>",
        ),
        ("llama3", LLAMA_LONG.split(LLAMA_OPEN)[1].split("<|eot_id|>")[0] + "<|eot_id|>"),
        ("qwen", f"{QWEN_SAID}<|im_end|>"),
        ("qwen2.5", f"{THOUGHT}{QWEN_SAID}<|im_end|>"),
        ("pythonic", PY_LONG.split("model\n")[1].split("<end_of_turn>")[0] + "<end_of_turn>"),
    ],
)
def test_the_models_own_words_are_its_turn_with_the_token_that_ends_it(
    name: str, wanted: str
) -> None:
    done = Dialogue(tools=(TOOL,), messages=(ASKED, CALLED))
    words = "".join(s.text for s in DIALECTS[name].render([done]) if s.model)
    assert words == wanted
    assert prompt(DIALECTS[name], [done]).startswith(
        prompt(DIALECTS[name], [Dialogue(tools=(TOOL,), messages=(ASKED,))]) + words
    )


def test_qwens_empty_thought_is_the_prompts_and_not_the_models() -> None:
    """It opens the last turn only; a thought in the dialogue is left out, as the mode asks for none."""
    done = Dialogue(tools=(), messages=(ASKED, ANSWERED, ASKED, CALLED))
    segments = DIALECTS["qwen"].render([done])
    assert "".join(s.text for s in segments).count("<think>") == 1
    assert not any("think" in s.text for s in segments if s.model)


def test_pythonic_calls_are_python_literals() -> None:
    values = [None, True, 1, 1.0, -2.5, 'it\'s "so"\n', ["ü"], {"a b": False}]
    call = Call(name="m.f", arguments={"x": values})
    done = Dialogue(tools=(), messages=(ASKED, Message(role="assistant", calls=(call,))))
    assert prompt(DIALECTS["pythonic"], [done]).endswith(
        '[m.f(x=[None, True, 1, 1.0, -2.5, "it\'s \\"so\\"\\n", ["ü"], {"a b": False}])]<end_of_turn>\n'
    )


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("pythonic", {"a b": 1}),
        ("pythonic", {"": 1}),
        ("gemma4", {"a,b": 1}),
        ("gemma4", {"x": [{"a}": 1}]}),
        ("gemma4", {"": 1}),
    ],
)
def test_a_key_that_could_not_be_read_back_is_refused(name: str, arguments: dict[str, int]) -> None:
    call = Message(role="assistant", calls=(Call(name="f", arguments=arguments),))
    with pytest.raises(DialectError, match="cannot be written"):
        prompt(DIALECTS[name], [Dialogue(tools=(), messages=(ASKED, call))])
