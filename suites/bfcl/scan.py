"""Tokens of a Java or JavaScript expression, with their places, and the base of the two parsers.

Only what a function call in a model's reply can be expected to hold; anything else (comments, regular
expressions, templates with code, text blocks) is not read. Nothing is guessed.
"""

import re
from dataclasses import dataclass

__all__ = ["NotReadError", "Parser", "Token", "tokens", "words"]

_TOKEN = re.compile(
    r"""
    (?P<number>
        0[xX][0-9a-fA-F]+ | (?:(?:0|[1-9]\d*(?:_\d+)*)(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?[fFdDlLn]?
    )(?![\w.$])
    | (?P<name>[A-Za-z_$][\w$]*)
    | (?P<string>"(?:[^"\\\n]|\\[^xu0-9\n])*" | '(?:[^'\\\n]|\\[^xu0-9\n])*')
    | (?P<template>`[^`\\$]*`)
    | (?P<op>>>>=|===|!==|>>>|<<=|>>=|\*\*=|&&=|\|\|=|\?\?=|\.\.\.
        |->|=>|::|\+\+|--|&&|\|\||\?\?|\?\.|==|!=|<=|>=|<<|>>|[-+*/%&|^]=|[-+*/%&|^!~<>=?:;,.(){}\[\]])
    """,
    re.VERBOSE | re.ASCII,
)
_BLANK = re.compile(r"[ \t\r\n]*")


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


class NotReadError(Exception):
    """The text is outside the grammar that is read here; a full parser might accept it."""


@dataclass(frozen=True, slots=True)
class Token:
    """kind: number, name, string, template, op or end. newline: a line break stands before it."""

    kind: str
    text: str
    start: int
    end: int
    newline: bool


def tokens(source: str) -> list[Token]:
    """The tokens of a source text, an `end` token last."""
    found: list[Token] = []
    blank = _BLANK.match(source)
    place = blank.end() if blank else 0
    newline = "\n" in source[:place]
    while place < len(source):
        token = _TOKEN.match(source, place)
        if token is None or source.startswith(("//", "/*", '"""'), place):
            raise NotReadError(f"{source[place : place + 12]!r}")
        blank = _BLANK.match(source, token.end())
        after = blank.end() if blank else token.end()
        found.append(Token(str(token.lastgroup), token[0], place, token.end(), newline))
        newline = "\n" in source[token.end() : after]
        place = after
    found.append(Token("end", "", len(source), len(source), newline))
    return found


class Parser:
    """A cursor over tokens; the grammars are in java_text.py and javascript_text.py."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.tokens = tokens(source)
        self.at = 0
        self.depth = 0

    @property
    def next(self) -> Token:
        """The token under the cursor."""
        return self.tokens[self.at]

    def ahead(self, count: int = 1) -> Token:
        """The token `count` places after the cursor (the end token beyond the end)."""
        return self.tokens[min(self.at + count, len(self.tokens) - 1)]

    def take(self) -> Token:
        """Moves on; the token that was passed."""
        token = self.next
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def sees(self, *texts: str) -> bool:
        """True if an operator or name of one of these texts is next."""
        return self.next.kind in ("op", "name") and self.next.text in texts

    def skip(self, text: str) -> bool:
        """Moves over a token of this text if it is next."""
        if self.sees(text):
            self.take()
            return True
        return False

    def expect(self, text: str) -> Token:
        """Moves over a token of this text; not read otherwise."""
        if not self.sees(text):
            raise self.not_read()
        return self.take()

    def not_read(self) -> NotReadError:
        """The error that names the token under the cursor."""
        return NotReadError(repr(self.next.text) if self.next.text else "the end")

    def closing(self) -> int:
        """The index of the bracket that closes the one under the cursor."""
        level = 0
        for index in range(self.at, len(self.tokens)):
            token = self.tokens[index]
            if token.kind == "op" and token.text in ("(", "[", "{"):
                level += 1
            elif token.kind == "op" and token.text in (")", "]", "}"):
                level -= 1
                if level == 0:
                    return index
        raise NotReadError("a bracket is not closed")
