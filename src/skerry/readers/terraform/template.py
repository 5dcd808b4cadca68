"""Strings with holes: literals, `${…}`, `%{ if }`, `%{ for }`, `~` trimming, indentation of `<<-`.

A template is first a flat row of tokens, because trimming and indentation act on neighbours whatever the
nesting; then the row becomes a tree.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from skerry.readers.terraform.syntax import (
    Expr,
    Literal,
    SyntaxFault,
    Template,
    TemplateFor,
    TemplateIf,
)

if TYPE_CHECKING:  # parse imports this module
    from skerry.readers.terraform.parse import Parser

PLAIN_QUOTED = re.compile(r'[^"\\$%\n]+')
PLAIN = re.compile(r"[^$%]+")
CLOSE = re.compile(r"\s*(~?)\}")
ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}
UNICODE = re.compile(r"u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})")


class Token:
    """A piece of a template. kind: text, value, if, else, endif, for, endfor."""

    def __init__(self, kind: str, at: int) -> None:
        self.kind = kind
        self.at = at
        self.text = ""
        self.value: Expr | None = None
        self.names: tuple[str, str] = ("", "")
        self.trim_before = False
        self.trim_after = False


def parse(parser: Parser, start: int, stop: int | None, *, quoted: bool, flush: bool) -> Template:
    """The template from `start` to `stop`, or to the closing quote, which the parser is then past."""
    tokens = scan(parser, start, stop, quoted)
    if not quoted:
        tokens = lines(tokens)
    trim(tokens)
    if flush:
        unindent(tokens)
    row = [token for token in tokens if token.kind != "text" or token.text]
    parts, rest = tree(row, 0, ())
    if rest < len(row):
        raise SyntaxFault(row[rest].at, f"`%{{ {row[rest].kind} }}` without its beginning")
    return Template(start, parts)


def scan(parser: Parser, start: int, stop: int | None, quoted: bool) -> list[Token]:
    """The flat row."""
    text = parser.text
    plain = PLAIN_QUOTED if quoted else PLAIN
    tokens: list[Token] = []
    at = start
    end = len(text) if stop is None else stop
    while at < end:
        match = plain.match(text, at, end)
        if match is not None:
            piece, after = match.group(), match.end()
        elif quoted and text[at] == '"':
            parser.pos = at + 1
            return tokens
        else:
            found = special(parser, at, quoted, start)
            if isinstance(found, Token):
                tokens.append(found)
                at = parser.pos
                continue
            piece, after = found
        if not tokens or tokens[-1].kind != "text":
            tokens.append(Token("text", at))
        tokens[-1].text += piece
        at = after
    if quoted:
        raise SyntaxFault(start - 1, "this string is never closed")
    return tokens


def special(parser: Parser, at: int, quoted: bool, start: int) -> Token | tuple[str, int]:
    """What stands at a character that is not plain: a hole, or text and where it ends."""
    text, char = parser.text, parser.text[at]
    if char == "\n":
        hint = 'add the closing `"`, or use <<EOT'
        raise SyntaxFault(start - 1, "this string is not closed on its line", hint)
    if char == "\\" and quoted:
        return escape(text, at)
    if text.startswith(char * 2 + "{", at):  # `$${` and `%%{` stand for themselves
        return char + "{", at + 3
    if text.startswith(char + "{", at):
        return value(parser, at) if char == "$" else directive(parser, at)
    return char, at + 1


def escape(text: str, at: int) -> tuple[str, int]:
    """A backslash and what it stands for."""
    known = ESCAPES.get(text[at + 1 : at + 2])
    if known is not None:
        return known, at + 2
    code = UNICODE.match(text, at + 1)
    if code is None:
        raise SyntaxFault(
            at, f"`{text[at : at + 2]}` is no escape", r"a backslash itself is written `\\`"
        )
    return chr(int(code.group(1) or code.group(2), 16)), code.end()


def value(parser: Parser, at: int) -> Token:
    """${…}."""
    token = Token("value", at)
    parser.pos = at + 2
    token.trim_before = marker(parser)
    with parser.newlines_ignored():
        token.value = parser.expression()
    token.trim_after = close(parser, "`}` to close `${`")
    return token


def directive(parser: Parser, at: int) -> Token:
    """%{…}."""
    parser.pos = at + 2
    trim_before = marker(parser)
    with parser.newlines_ignored():
        kind, word, _, _ = parser.peek()
        if kind != "ident" or word not in ("if", "else", "endif", "for", "endfor"):
            raise parser.expected(
                "if, else, endif, for or endfor after `%{`", "a literal `%{` is written `%%{`"
            )
        parser.take()
        token = Token(word, at)
        if word == "if":
            token.value = parser.expression()
        elif word == "for":
            first = parser.name()
            second = parser.name() if parser.accept(",") else ""
            token.names = (first, second) if second else ("", first)
            if parser.peek()[:2] != ("ident", "in"):
                raise parser.expected("`in`")
            parser.take()
            token.value = parser.expression()
    token.trim_before = trim_before
    token.trim_after = close(parser, "`}` to close `%{`")
    return token


def marker(parser: Parser) -> bool:
    """`~` right behind the opening."""
    if parser.text.startswith("~", parser.pos):
        parser.pos += 1
        return True
    return False


def close(parser: Parser, what: str) -> bool:
    """`}` or `~}`; True when it trims what follows."""
    match = CLOSE.match(parser.text, parser.pos)
    if match is None:
        raise parser.expected(what)
    parser.pos = match.end()
    return bool(match.group(1))


def lines(tokens: list[Token]) -> list[Token]:
    """Text of several lines as one token a line: trimming and indentation see no further than that."""
    row: list[Token] = []
    for token in tokens:
        if token.kind != "text":
            row.append(token)
            continue
        for line in token.text.splitlines(keepends=True):
            piece = Token("text", token.at)
            piece.text = line
            row.append(piece)
    return row


def trim(tokens: list[Token]) -> None:
    """`~`: the neighbour on that side loses its blanks, the line end included."""
    for index, token in enumerate(tokens):
        if token.trim_before and index and tokens[index - 1].kind == "text":
            tokens[index - 1].text = tokens[index - 1].text.rstrip()
        if token.trim_after and index + 1 < len(tokens) and tokens[index + 1].kind == "text":
            tokens[index + 1].text = tokens[index + 1].text.lstrip()


def unindent(tokens: list[Token]) -> None:
    """`<<-`: take the indentation of the least indented line from every line.

    As hclsyntax does it: after trimming, so that a line whose predecessor lost its line end keeps its blanks;
    empty lines do not count.
    """
    starts: list[Token] = []
    fresh = True
    for token in tokens:
        if token.kind == "text":
            if fresh and token.text.strip(" ") != "\n":
                starts.append(token)
            fresh = token.text.endswith("\n")
        else:
            if fresh:
                return  # a line begins with a hole: nothing to take away
            fresh = False
    cut = min((len(token.text) - len(token.text.lstrip(" ")) for token in starts), default=0)
    for token in starts:
        token.text = token.text[cut:]


def tree(row: list[Token], index: int, ends: tuple[str, ...]) -> tuple[tuple[Expr, ...], int]:
    """Parts up to one of `ends`; the index of that end, or the row's length."""
    parts: list[Expr] = []
    while index < len(row):
        token = row[index]
        if token.kind in ends:
            return tuple(parts), index
        if token.kind == "text":
            parts.append(Literal(token.at, token.text))
        elif token.kind == "value" and token.value is not None:
            parts.append(token.value)
        elif token.kind == "if" and token.value is not None:
            then, index = tree(row, index + 1, ("else", "endif"))
            otherwise: tuple[Expr, ...] = ()
            if index < len(row) and row[index].kind == "else":
                otherwise, index = tree(row, index + 1, ("endif",))
            if index >= len(row) or row[index].kind != "endif":
                raise SyntaxFault(token.at, "`%{ if }` without `%{ endif }`")
            parts.append(
                TemplateIf(
                    token.at, token.value, Template(token.at, then), Template(token.at, otherwise)
                )
            )
        elif token.kind == "for" and token.value is not None:
            body, index = tree(row, index + 1, ("endfor",))
            if index >= len(row) or row[index].kind != "endfor":
                raise SyntaxFault(token.at, "`%{ for }` without `%{ endfor }`")
            parts.append(TemplateFor(token.at, *token.names, token.value, Template(token.at, body)))
        else:
            return tuple(parts), index
        index += 1
    return tuple(parts), index
