"""HCL's native syntax (hashicorp/hcl, hclsyntax/spec.md) → `syntax`, with every syntax error of a file.

A parser of its own and not tree-sitter-hcl, which docs/decisions/hcl-parser.md gives the reasons for: what a
person needs from a broken file is what was expected where, and a grammar must read `a ? b : c ? d : e` as
Terraform does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from skerry.readers.terraform import template
from skerry.readers.terraform.syntax import (
    Attribute,
    Binary,
    Block,
    Body,
    Call,
    Conditional,
    Expr,
    For,
    GetAttr,
    Index,
    Literal,
    ObjectExpr,
    Source,
    Splat,
    SyntaxFault,
    Template,
    TupleExpr,
    Unary,
    Variable,
)

# Blanks and comments between tokens; a newline is a token of its own.
BLANK = re.compile(r"(?:[ \t\r]+|#[^\n]*|//[^\n]*|/\*(?s:.*?)\*/)*")
TOKEN = re.compile(
    r"(?P<newline>\n)|(?P<ident>[^\W\d][\w-]*(?:::[^\W\d][\w-]*)*)|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)"
    r"|(?P<heredoc><<-?[^\W\d][\w-]*[ \t\r]*\n)|(?P<quote>\")"
    r"|(?P<op>\.\.\.|=>|==|!=|<=|>=|&&|\|\||[{}\[\]()=:,.?<>+\-*/%!~])"
)
DIGITS = re.compile(r"\d+")
NAME = re.compile(r"[^\W\d][\w-]*")
LEVELS = (("||",), ("&&",), ("==", "!="), ("<", ">", "<=", ">="), ("+", "-"), ("*", "/", "%"))
BINDING = {operator: level for level, operators in enumerate(LEVELS) for operator in operators}
FAULTS_MAX = 20  # a file in another language should not print a screen for every line
CONSTANTS: dict[str, object] = {"true": True, "false": False, "null": None}


def number(text: str) -> int | Decimal:
    """A numeric literal: integers stay integers."""
    value = Decimal(text)
    return int(value) if value == value.to_integral_value() and abs(value) < 10**60 else value


def parse(source: Source) -> tuple[Body, list[SyntaxFault]]:
    """A whole file. The body holds what could be read; it is only to be trusted when no fault came with it."""
    parser = Parser(source)
    body = parser.body(opened_at=None)
    return body, parser.faults


def parse_template(source: Source) -> Template:
    """The text of a template file (`templatefile`). Raises SyntaxFault."""
    parser = Parser(source)
    return template.parse(parser, 0, len(source.text), quoted=False, flush=False)


def parse_expression(source: Source) -> Expr:
    """One expression that fills the text (a value on a command line). Raises SyntaxFault."""
    parser = Parser(source)
    with parser.newlines_ignored():
        found = parser.expression()
        if parser.peek()[0] != "end":
            raise parser.expected("the end of the expression")
    return found


class Parser:
    """Recursive descent over one source. `pos` is where the next token starts to be looked for."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.pos = 1 if source.text.startswith("\ufeff") else 0
        self.faults: list[SyntaxFault] = []
        self._skip_newlines = False
        self._seen: tuple[int, bool, tuple[str, str, int, int]] | None = None

    # Tokens

    def peek(self) -> tuple[str, str, int, int]:
        """Kind, text, start and end of the next token."""
        if (
            self._seen is not None
            and self._seen[0] == self.pos
            and self._seen[1] == self._skip_newlines
        ):
            return self._seen[2]
        at = self.pos
        while True:
            at = BLANK.match(self.text, at).end()  # type: ignore[union-attr]  # matches the empty string
            if at >= len(self.text):
                found = ("end", "", len(self.text), len(self.text))
                break
            match = TOKEN.match(self.text, at)
            if match is None:
                found = ("odd", self.text[at], at, at + 1)
                break
            kind = match.lastgroup or "odd"
            if kind == "newline" and self._skip_newlines:
                at = match.end()
                continue
            found = (kind, match.group(), at, match.end())
            break
        self._seen = (self.pos, self._skip_newlines, found)
        return found

    def take(self) -> tuple[str, str, int, int]:
        """The next token, and go past it."""
        token = self.peek()
        self.pos = token[3]
        return token

    def at_op(self, operator: str) -> bool:
        """Is the next token this operator?"""
        kind, text, _, _ = self.peek()
        return kind == "op" and text == operator

    def accept(self, operator: str) -> bool:
        """Go past the operator if it is the next token."""
        if self.at_op(operator):
            self.pos = self.peek()[3]
            return True
        return False

    def expected(self, what: str, hint: str = "") -> SyntaxFault:
        """The fault that `what` had to come here and something else came."""
        kind, text, at, _ = self.peek()
        found = {
            "end": "the file ends",
            "newline": "the line ends",
            "quote": "a string starts",
            "heredoc": "a heredoc starts",
        }.get(kind, f"`{text}` stands here")
        return SyntaxFault(at, f"expected {what}, but {found}", hint)

    def need(self, operator: str, what: str, hint: str = "") -> None:
        """Go past the operator, or raise what was expected."""
        if not self.accept(operator):
            raise self.expected(what, hint)

    @contextmanager
    def newlines_ignored(self, ignored: bool = True) -> Iterator[None]:
        """Inside parentheses and brackets a line may end anywhere."""
        before, self._skip_newlines = self._skip_newlines, ignored
        try:
            yield
        finally:
            self._skip_newlines = before

    # Bodies

    def body(self, opened_at: int | None) -> Body:
        """Attributes and blocks up to `}` (which stays) or the file's end."""
        body = Body({}, [])
        self._skip_newlines = False
        while len(self.faults) < FAULTS_MAX:
            start = self.pos
            kind, text, _, end = self.peek()
            if kind == "newline":
                self.pos = end
                continue
            if kind == "end" or (text == "}" and kind == "op" and opened_at is not None):
                break
            try:
                self.item(body)
            except SyntaxFault as fault:
                self.faults.append(fault)
                self.resume(start, fault)
        return body

    def resume(self, start: int, fault: SyntaxFault) -> None:
        """Where reading goes on after a fault: with the line that starts with it, or with the next.

        An `=` where a bracket is still open means that the bracket was forgotten: its line is read as
        the argument that it looks like.
        """
        self._skip_newlines = False
        at = fault.at
        if fault.last:
            self.pos = len(self.text)
            return
        line = self.text.rfind("\n", 0, at) + 1
        before = self.text[line:at].strip()
        looks_new = not before or (self.text.startswith("=", at) and NAME.fullmatch(before))
        if looks_new and line > start and self.text[at : at + 1] not in (")", "]", ""):
            self.pos = line
        else:
            end = self.text.find("\n", max(at, start))
            self.pos = len(self.text) if end < 0 else end + 1

    def item(self, body: Body) -> None:
        """One attribute or block."""
        kind, name, at, end = self.peek()
        if kind != "ident":
            if name == "}":
                hint = "remove it, or look for a `{` that is missing above"
                raise SyntaxFault(at, "this `}` closes nothing", hint)
            hint = "names are written without quotes here"
            raise self.expected("an argument or a block", hint)
        self.pos = end
        if self.accept("="):
            start = self.pos
            value = self.expression()
            if name in body.attributes:
                line = body.attributes[name].place.line
                raise SyntaxFault(
                    at, f"`{name}` is set twice", f"it was set on line {line} already"
                )
            body.attributes[name] = Attribute(name, value, self.source, at, start, self.pos)
        else:
            body.blocks.append(self.block(name, at))
        self.end_of_item()

    def block(self, name: str, at: int) -> Block:
        """The labels and the body behind a block's name."""
        labels: list[str] = []
        while True:
            kind, text, start, end = self.peek()
            if kind not in ("ident", "quote"):
                break
            if kind == "ident":
                self.pos = end
            labels.append(text if kind == "ident" else self.label(start, end))
        if self.at_op(":") and not labels:
            hint = f"an argument is written `{name} = …`"
            raise self.expected(f"`=` or `{{` after `{name}`", hint)
        if self.at_op("==") and not labels:
            raise self.expected(f"one `=` after `{name}`")
        opened_at = self.peek()[2]
        after = "`{` after the block's labels" if labels else f"`=` or `{{` after `{name}`"
        self.need("{", after)
        found = Block(name, tuple(labels), self.body(opened_at), self.source, at)
        if not self.accept("}"):
            line = self.source.place(opened_at).line
            raise self.expected(f"`}}` to close the block `{name}` that line {line} opens")
        return found

    def label(self, start: int, end: int) -> str:
        """A block's quoted label, which cannot have holes."""
        found = self.quoted(start, end)
        if not isinstance(found, Literal):
            raise SyntaxFault(start, "a block's label cannot contain ${…}")
        return str(found.value)

    def end_of_item(self) -> None:
        """An argument or block ends with its line, or before the brace of a block on one line."""
        kind, text, _, end = self.peek()
        if kind == "newline":
            self.pos = end
        elif kind != "end" and text != "}":
            raise self.expected("the end of the line", "each argument stands on a line of its own")

    # Expressions

    def expression(self) -> Expr:
        """A whole expression."""
        at = self.peek()[2]
        condition = self.binary(0)
        if not self.accept("?"):
            return condition
        then = self.expression()
        self.need(":", "`:` and what holds otherwise (`condition ? one : other`)")
        otherwise = self.expression()
        return Conditional(at, condition, then, otherwise)

    def binary(self, level: int) -> Expr:
        """Operators of this binding level and above; all of them are left-associative."""
        left = self.unary()
        while True:
            kind, operator, _, end = self.peek()
            binding = BINDING.get(operator, -1) if kind == "op" else -1
            if binding < level:
                return left
            self.pos = end
            left = Binary(left.at, operator, left, self.binary(binding + 1))

    def unary(self) -> Expr:
        """-a, !a or a term."""
        kind, text, at, end = self.peek()
        if kind == "op" and text in "-!":
            self.pos = end
            return Unary(at, text, self.unary())
        return self.postfix(self.primary())

    def postfix(self, on: Expr, splat: bool = False) -> Expr:
        """.name, [index], .* and [*] behind a term. splat: inside an attribute splat, where no index counts."""
        while True:
            kind, text, at, end = self.peek()
            if kind != "op" or text not in (".", "["):
                return on
            if text == ".":
                self.pos = end
                on = self.after_dot(on, at)
            elif splat:
                return on
            else:
                self.pos = end
                with self.newlines_ignored():
                    if self.accept("*"):
                        self.need("]", "`]` after `[*`")
                        each = None
                    else:
                        each = self.expression()
                        self.need("]", "`]` to close the index")
                on = (
                    Index(at, on, each)
                    if each is not None
                    else Splat(at, on, self.postfix(Variable(at, "*")))
                )

    def after_dot(self, on: Expr, at: int) -> Expr:
        """.name, .0 (an index as Terraform 0.11 wrote it) or .* (attributes only)."""
        if self.accept("*"):
            return Splat(at, on, self.postfix(Variable(at, "*"), splat=True))
        digits = DIGITS.match(self.text, self.pos)
        if digits is not None:
            self.pos = digits.end()
            return Index(at, on, Literal(at, int(digits.group())))
        kind, name, _, end = self.peek()
        if kind != "ident":
            raise self.expected("an attribute's name after `.`")
        self.pos = end
        return GetAttr(at, on, name)

    def primary(self) -> Expr:
        """A literal, string, list, object, call, reference or parenthesis."""
        kind, text, at, end = self.peek()
        if kind == "number":
            self.pos = end
            return Literal(at, number(text))
        if kind == "quote":
            return self.quoted(at, end)
        if kind == "heredoc":
            return self.heredoc(text, at, end)
        if kind == "ident":
            self.pos = end
            if self.at_op("("):
                return self.call(text, at)
            return Literal(at, CONSTANTS[text]) if text in CONSTANTS else Variable(at, text)
        if text == "(":
            self.pos = end
            with self.newlines_ignored():
                inner = self.expression()
                self.need(")", "`)` to close the parenthesis")
            return inner
        if text == "[":
            return self.listed(at, end)
        if text == "{":
            return self.mapped(at, end)
        raise self.expected("a value", "strings stand in double quotes" if text == "'" else "")

    def call(self, name: str, at: int) -> Expr:
        """name(…)."""
        self.take()
        arguments: list[Expr] = []
        expand = False
        with self.newlines_ignored():
            while not self.at_op(")"):
                arguments.append(self.expression())
                if self.accept("..."):
                    expand = True
                    break
                if not self.accept(","):
                    break
            self.need(")", f"`,` or `)` in the call of {name}()")
        return Call(at, name, tuple(arguments), expand)

    def listed(self, at: int, end: int) -> Expr:
        """[…], [for …]."""
        self.pos = end
        with self.newlines_ignored():
            if self.peek()[:2] == ("ident", "for"):
                return self.comprehension(at, "]")
            items: list[Expr] = []
            while not self.at_op("]"):
                items.append(self.expression())
                if not self.accept(","):
                    break
            line = self.source.place(at).line
            self.need("]", f"`,` or `]` to go on with the list that line {line} opens")
        return TupleExpr(at, tuple(items))

    def mapped(self, at: int, end: int) -> Expr:
        """{…}, {for …}: items end with a comma or with their line."""
        self.pos = end
        with self.newlines_ignored():
            if self.peek()[:2] == ("ident", "for"):
                return self.comprehension(at, "}")
        items: list[tuple[Expr, Expr]] = []
        with self.newlines_ignored(False):
            while True:
                while self.peek()[0] == "newline":
                    self.take()
                if self.accept("}"):
                    return ObjectExpr(at, tuple(items))
                bare = not self.at_op("(")  # (name) is the variable, name alone is the key itself
                key = self.expression()
                if isinstance(key, Variable) and bare:
                    key = Literal(key.at, key.name)
                elif isinstance(key, Literal) and key.value in (True, False, None):
                    key = Literal(key.at, self.text[key.at :].split("=")[0].split(":")[0].strip())
                if not (self.accept("=") or self.accept(":")):
                    raise self.expected("`=` after the key of an object")
                items.append((key, self.expression()))
                if not self.accept(",") and self.peek()[0] != "newline" and not self.at_op("}"):
                    line = self.source.place(at).line
                    raise self.expected(
                        f"`,`, a new line or `}}` in the object that line {line} opens"
                    )

    def comprehension(self, at: int, close: str) -> Expr:
        """for key, value in collection : result if condition."""
        self.take()
        names = [self.name()]
        if self.accept(","):
            names.append(self.name())
        kind, text, _, _ = self.peek()
        if kind != "ident" or text != "in":
            raise self.expected("`in` and what to go through (`for item in list`)")
        self.take()
        collection = self.expression()
        self.need(":", "`:` after what `for` goes through")
        key_result = None
        result = self.expression()
        if close == "}":
            self.need("=>", "`=>` between key and value")
            key_result, result = result, self.expression()
        group = close == "}" and self.accept("...")
        condition = None
        if self.peek()[:2] == ("ident", "if"):
            self.take()
            condition = self.expression()
        self.need(close, f"`{close}` to close `for`")
        key, value = names if len(names) == 2 else ("", names[0])
        return For(at, key, value, collection, key_result, result, condition, group)

    def name(self) -> str:
        """A name that `for` binds."""
        kind, text, _, end = self.peek()
        if kind != "ident":
            raise self.expected("a name for the item (`for item in list`)")
        self.pos = end
        return text

    # Strings

    def quoted(self, at: int, end: int) -> Expr:
        """ "…" on one line."""
        found = template.parse(self, end, None, quoted=True, flush=False)
        if not found.parts:
            return Literal(at, "")
        if len(found.parts) == 1 and isinstance(found.parts[0], Literal):
            return Literal(at, found.parts[0].value)
        return Template(at, found.parts)

    def heredoc(self, opening: str, at: int, start: int) -> Expr:
        """<<NAME … NAME."""
        flush = opening.startswith("<<-")
        word = opening.strip().lstrip("<").lstrip("-").strip()
        close = re.compile(rf"^[ \t]*{re.escape(word)}[ \t\r]*$", re.MULTILINE).search(
            self.text, start
        )
        if close is None:
            message = f"this heredoc is never closed: no line holds `{word}` alone"
            raise SyntaxFault(at, message, last=True)
        found = template.parse(self, start, close.start(), quoted=False, flush=flush)
        self.pos = close.end()
        return Template(at, found.parts, heredoc=True)
