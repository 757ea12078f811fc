"""Pairs for Java and JavaScript values: a text, a declared type, and golds that mean what it says."""

from collections.abc import Callable
from typing import Any

from tests.parity.calls import Pair, pair
from tests.parity.rng import Rng
from tests.parity.values import WORDS, gold_form, mutated, strange

__all__ = ["TYPED_GROUPS"]

_JAVA = (
    "byte", "short", "integer", "float", "double", "long", "boolean", "char", "Array", "ArrayList",
    "HashMap", "String", "any", "Set", "Hashtable", "Queue", "Stack",
)  # fmt: skip
_JAVASCRIPT = ("String", "integer", "float", "Bigint", "Boolean", "dict", "array", "any")
_NUMBERS = (
    "0", "5", "-12", "1.5", "-0.25", "3e2", "1.5e-3", "007", "٣", "1_000", "5\n", " 5", "+5", "nan",
    "inf", "1e999", "0x1F", ".5", "5.", "9" * 4400,
)  # fmt: skip
_SUFFIXES = ("", "", "", "f", "F", "L", "l", "n", "d", "fL")
_TYPES = ("int", "String", "Object", "Integer", "char", "boolean", "")
_KEYS = ("k", "name", "a b", "x", "limit")


def _meaning(text: str) -> Any:
    """A plain reading of an element, for golds."""
    if text in ("true", "false"):
        return text == "true"
    core = text.strip("\"'")
    for number in (int, float):
        try:
            return number(core.rstrip("fFlLn"))
        except ValueError:
            continue
    return core


def _element(rng: Rng) -> str:
    if rng.chance(0.4):
        return rng.pick(_NUMBERS[:8]) + rng.pick(_SUFFIXES)
    word = rng.pick(WORDS)
    return rng.pick((f'"{word}"', f'"{word}"', f"'{word}'", word, "true", "false", "'c'", "null"))


def _java_list(rng: Rng, kind: str, parts: list[str]) -> str:
    joint = rng.pick((", ", ",", " , "))
    inside = joint.join(parts)
    if kind == "Array":
        form = rng.pick(
            (
                "new {t}[]{{{i}}}",
                "new {t}[]{{{i}}}",
                "new {t}[] {{ {i} }}",
                "new  {t}[]\n{{{i}}}",
                "{{{i}}}",
                "[{i}]",
            )
        )
        return form.format(t=rng.pick(_TYPES), i=inside)
    adds = " ".join(f"add({part});" for part in parts)
    form = rng.pick(
        (
            "new ArrayList<{t}>(Arrays.asList({i}))", "new ArrayList<>(Arrays.asList({i}))",
            "Arrays.asList({i})", "new ArrayList<{t}>() {{{{ {a} }}}}",
            "new ArrayList<{t}>() {{{{{a}}}}}", "new ArrayList<{t}>()", "List.of({i})",
            "new ArrayList<{t}>() {{{{ }}}}", "new ArrayList<{t}>()\n{{{{\n{a}\n}}}}",
            "new ArrayList<{t}>(Arrays.asList())",
            "new ArrayList<Map<String, {t}>>(Arrays.asList({i}))",
            "new ArrayList<{t}>() {{ {{ {a} }} }}", "new ArrayList<{t}>() {{{{ }} {a} }}}}",
        )
    )  # fmt: skip
    return form.format(t=rng.pick(_TYPES), i=inside, a=adds)


def _java_map(rng: Rng, entries: dict[str, str]) -> str:
    puts = " ".join(f'put("{key}", {item});' for key, item in entries.items())
    form = rng.pick(
        (
            "new HashMap<String, {t}>() {{{{ {p} }}}}", "new HashMap<String, {t}>() {{{{{p}}}}}",
            "new HashMap<>()", "new HashMap<>() {{ {{ {p} }} }}", "new HashMap<>() {{ {p} }}",
            "new HashMap<>() {{{{ }}}}", "Map.of({p})",
            "new HashMap<String, {t}>() {{\n{{\n{p}\n}}\n}}", "new HashMap<A, B<C>> () {{{{ {p}",
            "new HashMap<>() {{}}", "new HashMap<\n>()", "new HashMap<>(){{{{ {p} }}",
            "x new HashMap<> () {{ }} {p} }}",
        )
    )  # fmt: skip
    return form.format(t=rng.pick(_TYPES), p=puts)


def _javascript_list(rng: Rng, parts: list[str]) -> str:
    inside = rng.pick((", ", ",", " , ", ",\n")).join(parts)
    return rng.pick(
        (
            f"[{inside}]", f"[{inside}]", f"[ {inside} ]", f"new Array({inside})",
            f"[[{inside}], [1, 2]]", f" [{inside}] ", f"[ [ {inside} ] , [3] ]",
            f"new Array([{inside}], [1])", f"[{inside}", f"{inside}", f"[[{inside}]",
            f"[{inside}] + [1]", f"[[{inside}],\n[1]]", f"[[[{inside}]]]", f"new  Array( {inside} )",
            f"[[{inside}], 5]", "[[]]", "[[], []]", f"new Array([{inside}]", f"[[1], [{inside}]] ]",
            f"[[a],[b],[c],[{inside}]", f"[[{inside}\n]]",
        )
    )  # fmt: skip


def _javascript_object(rng: Rng, entries: dict[str, str]) -> str:
    style = rng.pick(('"{}"', "'{}'", "{}"))
    inside = ", ".join(f"{style.format(key)}: {item}" for key, item in entries.items())
    return rng.pick(
        (
            f"{{{inside}}}", f"{{{inside}}}", f"{{ {inside} }}", "{}", "{ }", f"{{{inside}",
            f"({{{inside}}})", f"{{\n{inside}\n}}", f"{{{inside}, 'list': [1, 2]}}",
            f"{{{inside}, 'o': {{'a': 1}}}}", f"{{{inside}, url: 'http://a, b: c'}}", f" {{{inside}}} ",
            f"{{'rows': [[1, 2], [3]], {inside}}}", f"{{{inside},}}",
        )
    )  # fmt: skip


def _made(rng: Rng, kind: str, java: bool) -> tuple[Any, Any]:
    """A text of a type and its plain meaning."""
    parts = [_element(rng) for _ in range(rng.below(4))]
    if kind in ("Array", "ArrayList", "array"):
        text = _java_list(rng, kind, parts) if java else _javascript_list(rng, parts)
        return text, [_meaning(part) for part in parts]
    if kind in ("HashMap", "dict"):
        entries = dict(zip(rng.shuffled(_KEYS), parts, strict=False))
        text = _java_map(rng, entries) if java else _javascript_object(rng, entries)
        return text, {key: _meaning(item) for key, item in entries.items()}
    if kind in ("String", "any", "char", "Set", "Hashtable", "Queue", "Stack"):
        word = rng.pick(WORDS)
        return rng.pick((word, word, f'"{word}"', f"'{word}'", "'c'", "c", '"', "'")), word
    if kind in ("boolean", "Boolean"):
        text = rng.pick(("true", "false", "True", "1", '"true"', " true"))
        return text, text == "true"
    text = rng.pick(_NUMBERS) + rng.pick(_SUFFIXES)
    return text, _meaning(text)


def _typed(kinds: tuple[str, ...], category: str) -> Callable[[Rng], Pair]:
    java = category == "simple_java"

    def make(rng: Rng) -> Pair:
        properties, gold, call = {}, {}, {}
        for param in ("a", "b")[: 1 + rng.below(2)]:
            kind = (
                rng.pick(kinds[:13])
                if rng.chance(0.97)
                else rng.pick((*kinds, "string", "array", "dict", "number"))
            )
            made: dict[str, Any] = {"type": kind}
            inner = rng.pick(kinds if rng.chance(0.5) else ("String", "integer", "any", "float"))
            if kind in ("Array", "ArrayList", "array") and rng.chance(0.98):
                made["items"] = {"type": inner}
            text, meaning = _made(rng, kind, java)
            if rng.chance(0.08):
                place = rng.below(len(text) + 1)
                text = text[:place] + rng.pick("{}[](),;\" \n'<>0") + text[place + rng.below(2) :]
            form = {"type": "dict"} if kind in ("HashMap", "dict") else made
            if inner in ("HashMap", "dict") and "items" in made and rng.chance(0.5):
                meaning = [{"k": [1]}, {"x": ["a", ""]}][: rng.below(3)]
            golds = [gold_form(rng, form, meaning)]
            if rng.chance(0.2):
                golds = rng.pick(
                    ([text], [mutated(rng, meaning), *golds], [strange(rng)], [text, *golds])
                )
            if rng.chance(0.15):
                golds.append("")
            properties[param], gold[param] = made, golds
            call[param] = text if rng.chance(0.95) else strange(rng)
        parameters = {"type": "dict", "properties": properties, "required": ["a"]}
        docs = [{"name": "Foo.bar", "parameters": parameters}]
        return pair(docs, [{"Foo.bar": call}], [{"Foo.bar": gold}], category)

    return make


TYPED_GROUPS: dict[str, tuple[Callable[[Rng], Pair], int]] = {
    "java values": (_typed(_JAVA, "simple_java"), 4500),
    "javascript values": (_typed(_JAVASCRIPT, "simple_javascript"), 4500),
}
