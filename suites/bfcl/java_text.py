"""One Java call as text -> [{name: {parameter: text of the value}}], as BFCL's decoder reads it.

Source: behaviour of `parse_java_function_call` in bfcl-eval 2026.3.23, which walks a tree-sitter tree. Its
oddities are kept: blanks between tokens are dropped except inside method calls; the body of `new T() {{..}}`
is dropped; slices are taken at byte offsets, so text after a non-ASCII character is shifted; a short
statement (up to 10 bytes) without `;` fails, because tree-sitter then prefers an error to a missing `;`;
a character literal may have any length.
Read here: method calls, `;` between statements, names, literals, field and array access, `new` with type
arguments, arrays with initializers, anonymous bodies of one block, casts, unary, binary, conditional and
assignment expressions, lambdas whose body is an expression. Not read (refused): comments, text blocks,
declarations, other statements, lambdas and classes with bodies, switch expressions, annotations, generic
casts, octal, \\x and \\u escapes, names that are not ASCII, and every text that is broken (tree-sitter
repairs some: a missing last argument, `;` or bracket).
"""

from typing import Any

from suites.bfcl.scan import NotReadError, Parser, words

__all__ = ["read_java"]

_ASSIGN = words("= += -= *= /= %= <<= >>= >>>= &= ^= |=")
_BINARY = words("+ - * / % == != < > <= >= && || & | ^ << >> >>>")
_PRIMITIVES = words("boolean byte char double float int long short")
_NO_NAMES = _PRIMITIVES | words("_ new super switch this void true false null")
_STATEMENTS = words(
    """
    abstract assert break case catch class const continue default do else enum exports extends
    final finally for goto if implements import instanceof interface module native non open opens
    package permits private protected provides public record requires return sealed static
    strictfp synchronized throw throws to transient transitive try uses var volatile when while
    with yield
    """
)
_TARGETS = ("name", "access")
_SHORT = 10

Value = tuple[str, str]  # kind of node, its text as the official decoder joins it


def read_java(source: str) -> Any:
    """The first method call; {} for an empty text.

    Raises NotReadError for a text outside the grammar, ValueError where the official decoder surely fails.
    """
    parser = _Java(source)
    found: Any = {}
    statements = 0
    while parser.next.kind != "end":
        statements += 1
        if parser.skip(";"):
            continue
        begin = parser.next.start
        call = parser.statement(first=not found)
        found = found or call
        if not parser.skip(";"):
            if parser.next.kind != "end":
                raise parser.not_read()
            body = source[begin : parser.tokens[parser.at - 1].end]
            if statements == 1 and len(body.encode()) + 30 * body.count("\n") <= _SHORT:
                raise ValueError("too short without a semicolon")
    return found


class _Java(Parser):
    def __init__(self, source: str) -> None:
        super().__init__(source)
        self.last_call: tuple[int, int, list[tuple[str, int, int, Value]]] = (0, 0, [])
        self.assigned: tuple[int, Value] = (0, ("", ""))
        self.angles = 0

    def raw(self, begin: int, end: int) -> str:
        """The text between two places, taken at their byte offsets as the official decoder does."""
        if self.source.isascii():
            return self.source[begin:end]
        return self.source[len(self.source[:begin].encode()) : len(self.source[:end].encode())]

    def token_text(self, index: int) -> str:
        return self.raw(self.tokens[index].start, self.tokens[index].end)

    def leaf(self) -> str:
        """Moves on; the text of the token that was passed."""
        self.take()
        return self.token_text(self.at - 1)

    def closed(self, text: str) -> str:
        """Passes over a token that must be next; its text."""
        if not self.sees(text):
            raise self.not_read()
        return self.leaf()

    def here(self) -> int:
        """Where the last token ended."""
        return self.tokens[self.at - 1].end

    def statement(self, *, first: bool) -> Any:
        if self.next.kind == "name" and self.next.text in _STATEMENTS:
            raise self.not_read()
        begin = self.next.start
        kind, _ = self.expression()
        if not first:
            return None
        if kind != "call":
            raise NotReadError("a statement that is no call")
        dot, name, arguments = self.last_call
        owner = self.raw(begin, self.tokens[dot - 1].end) + "." if dot else ""
        return [{owner + self.token_text(name): self.named(arguments)}]

    def named(self, arguments: list[tuple[str, int, int, Value]]) -> dict[str | None, str]:
        named: dict[str | None, str] = {}
        for kind, begin, end, (value_kind, text) in arguments:
            key: str | None = None
            if kind == "assign":
                key = self.raw(begin, end)
                text = text[1:-1] if value_kind == "string" else text
            elif kind not in ("name", "class"):
                continue
            if key in named:
                raise ValueError("a parameter is given twice")
            named[key] = text
        return named

    # --- expressions ---

    def expression(self) -> Value:
        self.depth += 1
        if self.depth > 100:
            raise NotReadError("too deeply nested")
        try:
            return self.lambda_() or self.assignment()
        finally:
            self.depth -= 1

    def lambda_(self) -> Value | None:
        if self.next.kind == "name" and self.ahead().text == "->":
            text = self.name()
        elif (
            self.sees("(")
            and self.tokens[min(self.closing() + 1, len(self.tokens) - 1)].text == "->"
        ):
            text = self.leaf()
            while not self.sees(")"):
                text += self.name()
                if self.sees(","):
                    text += self.leaf()
                    if self.sees(")"):
                        raise self.not_read()
            text += self.leaf()
        else:
            return None
        text += self.closed("->")
        if self.sees("{"):
            raise NotReadError("a lambda with a body")
        return "other", text + self.expression()[1]

    def assignment(self) -> Value:
        kind, text = self.conditional()
        if self.next.kind == "op" and self.next.text in _ASSIGN:
            if kind not in _TARGETS:
                raise self.not_read()
            end = self.here()
            sign = self.leaf()
            value = self.expression()
            self.assigned = (end, value)
            return "assign", text + sign + value[1]
        return kind, text

    def conditional(self) -> Value:
        kind, text = self.binary()
        if not self.sees("?"):
            return kind, text
        text += self.leaf() + self.expression()[1]
        return "other", text + self.closed(":") + self.expression()[1]

    def binary(self) -> Value:
        kind, text = self.unary()
        less = False
        while self.sees("instanceof", *_BINARY):
            sign = self.next.text
            text += self.leaf()
            if less and sign.startswith(">"):
                raise self.not_read()
            less = less or sign == "<"
            text += self.type() if sign == "instanceof" else self.unary()[1]
            kind = "other"
        return kind, text

    def unary(self) -> Value:
        if self.sees("+", "-", "!", "~"):
            return "other", self.leaf() + self.unary()[1]
        if self.sees("++", "--"):
            return "other", self.leaf() + self.target()
        if (cast := self.cast()) is not None:
            return "other", cast + self.unary()[1]
        kind, text = self.postfix()
        if self.sees("++", "--"):
            if kind not in _TARGETS:
                raise self.not_read()
            return "other", text + self.leaf()
        return kind, text

    def target(self) -> str:
        kind, text = self.postfix()
        if kind not in _TARGETS:
            raise self.not_read()
        return text

    def cast(self) -> str | None:
        """`(Type)` before an operand, or None."""
        if not self.sees("("):
            return None
        close = self.closing()
        inside, after = self.tokens[self.at + 1 : close], self.tokens[close + 1]
        primitive = len(inside) == 1 and inside[0].text in _PRIMITIVES
        names = [t.kind == "name" and t.text not in _NO_NAMES for t in inside[::2]]
        dotted = len(inside) % 2 == 1 and all(names) and all(t.text == "." for t in inside[1::2])
        operand = after.kind in ("string", "number") or after.text in ("(", "!", "~")
        operand = operand or (after.kind == "name" and after.text not in ("instanceof", "super"))
        if not (primitive or (dotted and operand)):
            return None
        text = "".join(self.token_text(index) for index in range(self.at, close + 1))
        self.at = close + 1
        return text

    def postfix(self) -> Value:
        begin = self.next.start
        kind, text = self.primary()
        while True:
            if self.sees("."):
                kind, text = self.member(begin, kind, text)
            elif self.sees("["):
                text += self.leaf() + self.expression()[1] + self.closed("]")
                kind = "access"
            elif self.sees("::"):
                text += self.leaf() + (self.leaf() if self.sees("new") else self.name())
                kind = "other"
            else:
                return kind, text

    def member(self, begin: int, kind: str, text: str) -> Value:
        dot = self.at
        self.take()
        word = self.take()
        if word.kind != "name" or word.text in ("new", "super", "this"):
            raise NotReadError("a member without a plain name")
        if word.text == "class":
            if kind not in _TARGETS:
                raise NotReadError("class of something that is no type")
            return "class", self.raw(begin, self.here())
        if self.sees("("):
            return self.call(begin, dot)
        return "access", text + self.token_text(dot) + self.token_text(dot + 1)

    def call(self, begin: int, dot: int) -> Value:
        name = self.at - 1
        self.last_call = (dot, name, self.arguments())
        return "call", self.raw(begin, self.here())

    def arguments(self) -> list[tuple[str, int, int, Value]]:
        """Passes over `( ... )`: kind, begin, end of its name, and value of every argument."""
        self.expect("(")
        found: list[tuple[str, int, int, Value]] = []
        while not self.sees(")"):
            begin = self.next.start
            kind, text = value = self.expression()
            end, inner = self.assigned if kind == "assign" else (self.here(), value)
            found.append((kind, begin, end, inner if kind == "assign" else (kind, text)))
            if not self.sees(")"):
                self.expect(",")
                if self.sees(")"):
                    raise self.not_read()
        self.take()
        return found

    def primary(self) -> Value:
        token = self.next
        if token.kind in ("string", "number"):
            self.take()
            if token.text == "''":
                raise NotReadError("an empty character")
            if token.text[-1] == "n" and token.kind == "number":
                raise NotReadError(token.text)
            return token.kind, self.raw(token.start, token.end)
        if self.sees("("):
            return "other", self.leaf() + self.expression()[1] + self.closed(")")
        if self.sees("new"):
            return self.new()
        if self.sees("true", "false", "null", "this"):
            self.take()
            return "other", self.raw(token.start, token.end)
        text = self.name()
        return self.call(token.start, 0) if self.sees("(") else ("name", text)

    def name(self) -> str:
        if self.next.kind != "name" or self.next.text in _NO_NAMES:
            raise self.not_read()
        self.take()
        return self.token_text(self.at - 1)

    # --- new ---

    def new(self) -> Value:
        self.expect("new")
        text = self.type(dimensions=False)
        if self.sees("["):
            while self.skip("["):
                self.expect("]")
            return "other", f"new {text}[]{self.initializer()}"
        values = [value for _, value in self.constructor()]
        if self.sees("{"):
            self.body()
        return "other", f"new {text}({', '.join(values)})"

    def constructor(self) -> list[Value]:
        self.expect("(")
        found = []
        while not self.sees(")"):
            found.append(self.expression())
            if not self.sees(")"):
                self.expect(",")
                if self.sees(")"):
                    raise self.not_read()
        self.take()
        return found

    def initializer(self) -> str:
        text = self.closed("{")
        while not self.sees("}"):
            text += self.initializer() if self.sees("{") else self.expression()[1]
            if not self.sees("}"):
                text += self.closed(",")
        return text + self.leaf()

    def body(self) -> None:
        """An anonymous class body, empty or with one block of expressions; it leaves no trace."""
        self.expect("{")
        if self.skip("{"):
            while not self.skip("}"):
                self.expression()
                self.expect(";")
        self.expect("}")

    def type(self, *, dimensions: bool = True) -> str:
        if self.next.kind == "name" and self.next.text in _PRIMITIVES:
            text = self.leaf()
        else:
            text = self.name()
            while self.sees("."):
                text += self.leaf() + self.name()
            if self.sees("<"):
                text += self.type_arguments()
        while dimensions and self.sees("["):
            text += self.leaf() + self.closed("]")
        return text

    def type_arguments(self) -> str:
        """`<...>`; a `>>` closes this list and the one around it."""
        text = self.closed("<")
        while not self.sees(">"):
            text += self.type_argument()
            if self.angles:
                self.angles -= 1
                return text + self.angle()
            if self.sees(","):
                text += self.leaf()
            elif self.sees(">>", ">>>"):
                self.angles = len(self.take().text) - 1
                return text + self.angle()
        return text + self.leaf()

    def angle(self) -> str:
        """The text of one `>` of the `>>` that was passed last."""
        place = self.here() - self.angles - 1
        return self.raw(place, place + 1)

    def type_argument(self) -> str:
        if not self.sees("?"):
            return self.type()
        text = self.leaf()
        return text + self.leaf() + self.type() if self.sees("extends", "super") else text
