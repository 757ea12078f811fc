"""One JavaScript call as text -> [{name: {parameter: text of the value}}], as BFCL's decoder reads it.

Source: behaviour of `parse_javascript_function_call` in bfcl-eval 2026.3.23, which walks a tree-sitter tree.
Read here: expression statements (separated by `;` or a line break) of names, member access, calls, `new`,
literals, templates without `${`, arrays, objects, unary, binary, conditional and assignment expressions,
and arrow functions whose body is an expression. Not read (refused): comments, regular expressions,
functions with a body, classes, async and await, destructuring, JSX, optional calls, template tags,
statements with a keyword, strings with \\x, \\u or octal escapes, and every text that is broken (tree-sitter
repairs a few of those).
"""

from typing import Any

from suites.bfcl.scan import NotReadError, Parser, words

__all__ = ["read_javascript"]

_ASSIGN = words("+= -= *= /= %= **= <<= >>= >>>= &= ^= |= &&= ||= ??=")
_BINARY = words("+ - * / % == === != !== < > <= >= && || ?? & | ^ << >> >>> in instanceof")
_PREFIX = words("+ - ! ~ typeof void delete")
# Words that are no name in an expression, and words that begin a statement or change its meaning.
_NO_NAMES = words("async await class delete function import let new super typeof void yield")
_STATEMENTS = words(
    """
    break case catch const continue debugger default do else enum export extends finally for get
    if in instanceof of return set static switch throw try using var while with
    """
)
_LITERALS = words("true false null undefined this")
_TARGETS = ("name", "member")


def read_javascript(source: str) -> list[dict[str, Any]] | None:
    """The first statement that is a call; None where no statement is one.

    Raises NotReadError for a text outside the grammar, ValueError for a parameter that is given twice.
    """
    parser = _JavaScript(source)
    found: list[dict[str, Any]] | None = None
    while parser.next.kind != "end":
        if parser.skip(";"):
            continue
        call = parser.statement()
        found = found if found is not None else call
    return found


class _JavaScript(Parser):
    def statement(self) -> list[dict[str, Any]] | None:
        """One expression statement: its call, if that is what it is."""
        if self.sees("{", *_STATEMENTS):
            raise self.not_read()
        begin = self.next.start
        kind = self.expression()
        sequence = False
        while self.skip(","):
            self.expression()
            sequence = True
        if not (self.sees(";") or self.next.kind == "end" or self.next.newline):
            raise self.not_read()
        if kind != "call" or sequence:
            return None
        name_end, arguments = self.last_call
        return [{self.source[begin:name_end]: self.named(arguments)}]

    def named(self, arguments: list[tuple[int, int, int, str]]) -> dict[str | None, str]:
        """BFCL's reading of an argument list: `a = b` is named, a name or `true` goes under None."""
        named: dict[str | None, str] = {}
        for begin, middle, end, kind in arguments:
            text = self.source[begin:end]
            if kind == "assign":
                key: str | None = self.source[begin : self.tokens[middle - 1].end]
                text = self.source[self.tokens[middle + 1].start : end]
                if text.startswith(('"', "'")) and text.endswith(text[0]):
                    text = text[1:-1]
            elif kind == "name" or text == "true":
                key = None
            else:
                continue
            if key in named:
                raise ValueError("a parameter is given twice")
            named[key] = text
        return named

    def expression(self) -> str:
        """Passes over one assignment expression; its kind: name, member, call, assign or other."""
        self.depth += 1
        if self.depth > 100:
            raise NotReadError("too deeply nested")
        try:
            return self.arrow() or self.assignment()
        finally:
            self.depth -= 1

    def arrow(self) -> str | None:
        if self.next.kind == "name" and self.ahead().text == "=>" and self.plain_name():
            self.take()
        elif (
            self.sees("(")
            and self.tokens[min(self.closing() + 1, len(self.tokens) - 1)].text == "=>"
        ):
            self.take()
            while not self.skip(")"):
                self.name()
                if not self.sees(")"):
                    self.expect(",")
        else:
            return None
        self.expect("=>")
        if self.sees("{"):
            raise NotReadError("a function body")
        self.expression()
        return "other"

    def assignment(self) -> str:
        kind = self.conditional()
        if self.sees("="):
            if kind not in _TARGETS:
                raise self.not_read()
            middle = self.at
            self.take()
            self.expression()
            self.equals = middle
            return "assign"
        if self.next.kind == "op" and self.next.text in _ASSIGN:
            if kind not in _TARGETS:
                raise self.not_read()
            self.take()
            self.expression()
            return "other"
        return kind

    def conditional(self) -> str:
        kind = self.binary()
        if self.skip("?"):
            self.expression()
            self.expect(":")
            self.expression()
            return "other"
        return kind

    def binary(self) -> str:
        kind = self.unary()
        while self.sees(*_BINARY):
            self.take()
            self.unary()
            kind = "other"
        return kind

    def unary(self) -> str:
        if self.sees(*_PREFIX):
            self.take()
            self.unary()
            return "other"
        if self.sees("++", "--"):
            self.take()
            if self.postfix() not in _TARGETS:
                raise self.not_read()
            return "other"
        kind = self.postfix()
        if self.sees("++", "--") and not self.next.newline:
            if kind not in _TARGETS:
                raise self.not_read()
            self.take()
            return "other"
        return kind

    def postfix(self) -> str:
        kind = self.primary()
        while True:
            if self.sees(".", "?."):
                optional = self.take().text == "?."
                if optional and self.sees("(", "["):
                    raise self.not_read()
                if self.take().kind != "name":
                    raise NotReadError("a member without a name")
                kind = "other" if optional else "member"
            elif self.sees("["):
                self.take()
                self.expression()
                self.expect("]")
                kind = "member"
            elif self.sees("("):
                name_end = self.tokens[self.at - 1].end
                self.last_call = (name_end, self.arguments())
                kind = "call"
            elif self.next.kind == "template":
                raise self.not_read()
            else:
                return kind

    def arguments(self) -> list[tuple[int, int, int, str]]:
        """Passes over `( ... )`: begin, index of the `=`, end and kind of every argument."""
        self.expect("(")
        found = []
        while not self.skip(")"):
            begin = self.next.start
            if self.skip("..."):
                self.expression()
                kind = "other"
            else:
                kind = self.expression()
            equals = self.equals if kind == "assign" else -1
            found.append((begin, equals, self.tokens[self.at - 1].end, kind))
            if not self.sees(")"):
                self.expect(",")
        return found

    def primary(self) -> str:
        token = self.next
        if token.kind in ("string", "template", "number"):
            if (
                token.kind == "number"
                and token.text[-1] in "fFdDlL"
                and "x" not in token.text.lower()
            ):
                raise self.not_read()
            self.take()
            return "other"
        if token.kind == "name":
            return self.word()
        if self.sees("("):
            self.take()
            self.expression()
            while self.skip(","):
                self.expression()
            self.expect(")")
            return "other"
        if self.sees("["):
            self.list_until("]")
            return "other"
        if self.sees("{"):
            self.object()
            return "other"
        raise self.not_read()

    def word(self) -> str:
        if self.sees("new"):
            self.take()
            self.name()
            while self.skip("."):
                if self.take().kind != "name":
                    raise NotReadError("a member without a name")
            if self.sees("("):
                self.arguments()
            return "other"
        if self.sees(*_LITERALS):
            self.take()
            return "other"
        self.name()
        return "name"

    def plain_name(self) -> bool:
        return self.next.kind == "name" and self.next.text not in _NO_NAMES | _LITERALS

    def name(self) -> None:
        if not self.plain_name():
            raise self.not_read()
        self.take()

    def list_until(self, closer: str) -> None:
        self.take()
        while not self.skip(closer):
            self.skip("...")
            self.expression()
            if not self.sees(closer):
                self.expect(",")

    def object(self) -> None:
        self.expect("{")
        while not self.skip("}"):
            if self.skip("..."):
                self.expression()
            elif self.next.kind in ("string", "number", "name"):
                shorthand = self.plain_name()
                self.take()
                if self.skip(":"):
                    self.expression()
                elif not shorthand:
                    raise self.not_read()
            elif self.sees("["):
                self.take()
                self.expression()
                self.expect("]")
                self.expect(":")
                self.expression()
            else:
                raise self.not_read()
            if not self.sees("}"):
                self.expect(",")

    equals = -1
    last_call: tuple[int, list[tuple[int, int, int, str]]] = (0, [])
