"""Pairs for the decoders: texts of models in Python, Java and JavaScript, whole and broken."""

from collections.abc import Callable

from tests.parity.calls import Pair, function
from tests.parity.rng import Rng
from tests.parity.values import PYTHON_KINDS, WORDS, mutated

__all__ = ["DECODE_GROUPS", "TEXT_GROUPS"]

_NAMES = ("f", "get_weather", "math.area", "a.b.c.d", "Find", "createUser", "obj.method")
_PARAMS = ("x", "city", "n", "data_1", "Unit", "callback", "type", "default")
_LITERALS = (
    "1", "-1", "2.5", "-0.5", "1e3", "0x1F", "0b11", "1_000", "1j", "True", "False", "None", "...",
    "true", "null", "None", "'a b'", '"x"', "'it\\'s'", '"tab\\t"', "b'x'", "r'\\d'", "'a' 'b'", "u'x'",
    "\"\"\"t\"\"\"", "'\\d'", "f'x'", "f'{a}'", "[]", "[1, 'a', [2]]", "{}", "{'a': 1, 'b': [2]}",
    "{'a': {'b': x}}", "{1: 2}", "{**a}", "{a: 1}", "{(1, 2): 3}", "{[1]: 2}", "(1, 2)", "(1,)", "()",
    "{1, 2}", "name", "a.b", "a.b.c", "not True", "+5", "~5", "-True", "-x", "-(-1)", "--1", "-'a'",
    "-a.b", "-None", "-1j", "- 5", "not x", "g()", "g(1)", "g(1, 'b')", "g(y=1)", "g(1, y=2)",
    "a.b.g( 1,  2 )", "g(y=h(z=1))", "g(h())", "g(**k)", "a[0]", "a['k']", "a[1:2]", "a[b][c]",
    "a[1, 2]", "g()[0]", "a.b['k'].c[1]", "x if y else z", "a and b", "a < b", "[i for i in x]",
    "lambda: 1", "lambda x: x + 1", "*a", "x := 1", "(yield)", "await x", "10**5000", "{'a': 1 + 1}",
    "[1 + 1, 'a' + 'b']", "(1 + 1, 2)", "inf", "nan", "1e999", "'é日本'", "'\\ud800'", "1if 1else 2",
)  # fmt: skip
_NUMBERS = ("1", "2", "3.5", "10", "0", "-4", "True", "1e3", "2j", "7")
_STRINGS = ("'a'", "'b c'", '"%s"', "'%d-%d'", "b'x'", "''", "'%'")
_FREE = (
    "unknown",
    "x.y",
    "np.pi",
    "datetime.now()",
    "sqrt(2)",
    "radius",
    "a[0]",
    "foo(x=1)",
    "None",
    "[1]",
    "(1, 2)",
)
_SIGNS = ("+", "-", "*", "/", "//", "%", "**", "<<", ">>", "&", "|", "^", "@")
_KNOWN = (
    "len('abc')", "int('5')", "__import__('os').getcwd()", "os.sep", "abs(-1)", "str(5)", "json", "re",
    "open('x')", "(lambda: 1)()", "2 ** 10 ** 9", "'a' * 10 ** 9", "1 << 10 ** 9", "'%99999d' % 1",
    "[0] * 10 ** 9", "(1 if 1 else 2)", "{'a': 1}", "f'{1}'", "[i for i in (1, 2)][0]", "round(2.5)",
)  # fmt: skip


def _arithmetic(rng: Rng, depth: int = 2) -> str:
    if depth == 0 or rng.chance(0.3):
        return rng.pick(rng.pick((_NUMBERS, _NUMBERS, _STRINGS, _FREE)))
    left, right = _arithmetic(rng, depth - 1), _arithmetic(rng, depth - 1)
    sign = rng.pick(_SIGNS[:6] if rng.chance(0.8) else _SIGNS)
    if sign in ("**", "<<"):  # small enough for the official eval
        right = rng.pick(("0", "2", "3", "-1", "0.5", "'a'"))
    text = f"{left} {sign} {right}"
    return rng.pick((text, f"({text})", f"-({text})", f"[{text}, 1]")) if depth == 1 else text


def _literal(rng: Rng) -> str:
    if rng.chance(0.12):
        return _arithmetic(rng)
    if rng.chance(0.15):
        return repr(rng.pick(WORDS))
    return rng.pick(_LITERALS) if rng.chance(0.55) else rng.pick(_LITERALS[:36])


def _python_call(rng: Rng) -> str:
    parts = []
    for _ in range(rng.below(4)):
        literal = _literal(rng)
        parts.append(literal if rng.chance(0.08) else f"{rng.pick(_PARAMS)}={literal}")
    if rng.chance(0.04):
        parts.append("**{'a': 1}")
    blank = rng.pick(("", "", " ", "\n"))
    name = (
        rng.pick(_NAMES)
        if rng.chance(0.93)
        else rng.pick(("g()", "g().h", "a[0]", "(f)", "'x'.f", "f.", "1"))
    )
    return f"{name}({(',' + blank).join(parts)})"


def _wrapped(rng: Rng, calls: list[str]) -> str:
    text = (
        rng.pick((", ", ",", "\n", "; ", ",\n")).join(calls)
        if rng.chance(0.2)
        else ", ".join(calls)
    )
    text = f"[{text}]" if rng.chance(0.7) else text
    if rng.chance(0.25):
        text = rng.pick(
            (
                f"```{text}```", f"```\n{text}\n```", f"```python\n{text}\n```", f"`{text}`",
                f" {text} ", f"'{text}'", f"I will call {text}", f"{text}.", f"{text} # done]",
                f"[{text}]", f"{text}[0]", f"({text})", f"{text}\n\nDone.",
                f"<tool_call>{text}</tool_call>", text[1:], text[:-1], f"\t{text}", f"x = {text}",
            )
        )  # fmt: skip
    return _broken(rng, text, "()[]{}=,'\"x1 \n\\.*") if rng.chance(0.15) else text


def _broken(rng: Rng, text: str, characters: str) -> str:
    for _ in range(1 + rng.below(2)):
        place = rng.below(len(text) + 1)
        keep = place + (1 if rng.chance(0.5) else 0)
        text = text[:place] + (rng.pick(characters) if rng.chance(0.6) else "") + text[keep:]
    return text


def _python_text(rng: Rng) -> str:
    if rng.chance(0.06):
        return rng.pick(
            (
                "", "[]", "[[]]", "abc", "Sorry.", "I cannot do that.", "{}",
                '{"name": "f", "arguments": {}}', "()", "[1]", "[f]", "[f()] + [g()]", "[f()][0]",
                "[f(x=1) for x in y]", "[*f()]", "[f()], [g()]", "f", "'", "`", "[f][0](x=1) #]",
                "[lambda: f()]", "Error during inference: timeout", "f() if x else g()", "[None]",
                "\x00", "[f(x=1)]\x00", "[" * 300, "f(" * 150, "-" * 50 + "1", "[f(x=1), ]", "[,]",
                "[f(x=1),, g()]",
            )
        )  # fmt: skip
    return _wrapped(rng, [_python_call(rng) for _ in range(1 + rng.below(3))])


def _decode_python(rng: Rng) -> Pair:
    return "decode", None, _python_text(rng), None, "python"


def _decode_refused(rng: Rng) -> Pair:
    sign = rng.pick(("+", "*", "-"))
    left, right = rng.pick(_KNOWN), rng.pick(("1", "'a'", *_KNOWN))
    if rng.chance(0.3):
        left, right = right, left
    return "decode", None, f"[f(x={left} {sign} ({right}))]", None, "python"


def _whole_python(rng: Rng) -> Pair:
    """A reply's text against docs and gold, in call and relevance categories."""
    made = [function(rng, PYTHON_KINDS) for _ in range(1 + rng.below(2))]
    calls = []
    for doc, _, right in made:
        if right and rng.chance(0.3):
            param = rng.pick(sorted(right))
            right[param] = mutated(rng, right[param])
        arguments = [f"{p}={_source(v)}" for p, v in right.items()]
        if rng.chance(0.05):
            arguments.append(_literal(rng))
        calls.append(f"{doc['name']}({', '.join(arguments)})")
    text = _python_text(rng) if rng.chance(0.15) else _wrapped(rng, calls)
    categories = ("simple_python", "multiple", "parallel", "irrelevance", "live_relevance")
    return "text", [m[0] for m in made], text, [m[1] for m in made], rng.pick(categories)


def _source(value: object) -> str:
    try:
        return repr(value)
    except ValueError:
        return "10**5000"


# --- java and javascript ----------------------------------------------------------------------------

_JAVA_VALUES = (
    "1", "42", "-5", "1.5", "2.5f", "100L", "true", "false", "null", '"text"', '"a, b"', '"it\'s"',
    '"q\\"q"', "'c'", "'\\n'", "'abc'", "name", "obj.field", "obj.get( x, 1 )", "String.class",
    "new Foo()", "new a.B(x, \"y\")", "new int[]{1, 2, 3}", 'new String[]{"a", "b"}', "new int[3]",
    "new int[][]{{1}, {2, 3}}", 'new ArrayList<>(Arrays.asList("a", "b"))',
    "new ArrayList<Integer>() {{ add(1); add(2); }}",
    'new HashMap<String, Object>() {{ put("k", 1); put("j", true); }}', "new HashMap<>()", "x -> x + 1",
    "(a, b) -> a.compareTo( b )", "() -> run()", "x -> { return x; }", "Foo::bar", "(int) x",
    "(Foo) obj.get()", "a + b * 2", '"a" + b', "c ? 1 : 2", "list[ 0 ]", "-x", "!flag", "i++",
    "x instanceof Foo", "a = b", "(1 + 2)", "new Foo<A, B<C>>(1)", "Map.of(\"a\", 1)", "this.x", "this",
    "[1, 2]", "{1, 2}", "0x1F", "1_000", "a < b", "a >> 2", '"é"', "Enum.VALUE",
    "new Runnable() { public void run() {} }", "-1.5e-3f", "Arrays.asList(1, 2)", '""', "List.of()",
)  # fmt: skip
_JAVASCRIPT_VALUES = (
    "1", "-5", "1.5", "10n", "true", "false", "null", "undefined", '"text"', "'text'", '"a, b"',
    '"it\'s"', '"q\\"q"', "name", "obj.field", "obj.get( x, 1 )", "[1, 2, 3]", '["a", "b"]',
    "[[1, 2], [3]]", "[]", "{}", '{"k": 1, j: [2]}', "{a, ...b}", "{[x]: 1}", "new Array(1, 2)",
    "new Map([['a', 1]])", "new Date", "x => x + 1", "(a, b) => a * b", "() => ({a: 1})",
    "x => { return x; }", "function (x) { return x; }", "async () => 1", "/re/g", "`text`", "`a ${b}`",
    "a + b * 2", '"a" + "b"', "c ? 1 : 2", "list[ 0 ]", "-x", "!flag", "i++", "typeof x", "a ?? b",
    "a?.b", "a = b", "...rest", "x instanceof Foo", "(1, 2)", "0x1F", ".5", "1e3", '"é"',
    "window.location.href", "this.x", "this", "a => b => c", "await x", "class {}", "a < b", "a <= b",
    "a === b", '""', "new a.B(x)", "Symbol.iterator", "void 0", "<div/>", "1..toString()",
)  # fmt: skip
_JOINTS = (", ", ", ", ", ", ",", " , ", ",\n  ")


def _other_call(rng: Rng, values: tuple[str, ...]) -> str:
    parts = []
    for param in rng.shuffled(_PARAMS)[: rng.below(5)]:
        text = rng.pick(values)
        if rng.chance(0.08):
            parts.append(text)
        else:
            parts.append(param + rng.pick(("=", "=", "=", " = ", "=", "= ")) + text)
    if rng.chance(0.04):
        parts.append(f"{rng.pick(_PARAMS)} {rng.pick(('+=', '==', ':', '-='))} 1")
    name = (
        rng.pick(_NAMES)
        if rng.chance(0.95)
        else rng.pick(("new Foo(1).go", "g(x=1).h", "a [0].f", "this.f", "f ", "a . b"))
    )
    return f"{name}({rng.pick(_JOINTS).join(parts)})"


def _other(values: tuple[str, ...], language: str) -> Callable[[Rng], Pair]:
    def make(rng: Rng) -> Pair:
        text = _other_call(rng, values)
        if rng.chance(0.15):
            text += rng.pick(
                (";", " ;", "; " + _other_call(rng, values), ";;", "\n" + _other_call(rng, values))
            )
        if rng.chance(0.06):
            text = rng.pick(
                (
                    f"x = {text}",
                    f"({text})",
                    f"{text}, {text}",
                    f"return {text}",
                    f"Use {text}",
                    f"{text}.",
                    "",
                )
            )
        text = f"[{text}]" if rng.chance(0.7) else text
        if rng.chance(0.12):
            text = _broken(rng, text, "()[]{}=,'\"x1 \n;.<")
        return "decode", None, text, None, language

    return make


DECODE_GROUPS: dict[str, tuple[Callable[[Rng], Pair], int]] = {
    "decode python": (_decode_python, 5000),
    "decode refused": (_decode_refused, 300),
    "decode java": (_other(_JAVA_VALUES, "java"), 3000),
    "decode javascript": (_other(_JAVASCRIPT_VALUES, "javascript"), 3000),
}
TEXT_GROUPS: dict[str, tuple[Callable[[Rng], Pair], int]] = {"text": (_whole_python, 2500)}
