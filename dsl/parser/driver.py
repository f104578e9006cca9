"""Parses a file declaration by declaration, and finds its feet again after an error."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Any

from lark.exceptions import UnexpectedToken

from dsl import nodes
from dsl.diagnostics import Diagnostic, SourceFile, Span
from dsl.parser.depth import too_deep
from dsl.parser.expressions import Refused
from dsl.parser.messages import CLAUSES, Place, nearest, quoted, unexpected
from dsl.parser.recovery import (
    Resumption,
    Starts,
    begins_clause_within,
    find_opener,
    repair,
    resume,
)
from dsl.parser.table import END, State, table
from dsl.parser.tokens import MAX_NESTING, Token, Tokens

MAX_ERRORS = 50
MAX_DECLARATIONS = 2_000
MAX_STACK = 1_000
VERSION = 1
_UNEXPLAINED = Diagnostic(END, "", Span())
_PAIRS = {"{": ("}", "RBRACE"), "(": (")", "RPAR"), "[": ("]", "RSQB")}
_OPENERS, _CLOSERS = frozenset("{(["), frozenset("})]")


class Driver:
    """Walks over a file's tokens. Each declaration is parsed on its own."""

    def __init__(self, source: SourceFile, lexed: Tokens) -> None:
        self.source = source
        self.lexed = lexed
        self.tokens: Sequence[Token] = lexed.tokens
        self.table = table()
        self.starts = Starts(self.tokens, self.table.declarations)
        self.misspelt = sorted(d.span.start for d in lexed.diagnostics)
        self.diagnostics: list[Diagnostic] = list(lexed.diagnostics[:MAX_ERRORS])
        self.declarations: list[nodes.Declaration] = []
        self.version: nodes.Number | None = None
        self.after_broken = False

    def run(self) -> None:
        """Parse everything. After too many errors the rest is left alone."""
        index = 0
        while index < len(self.tokens) and len(self.diagnostics) < MAX_ERRORS:
            token = self.tokens[index]
            if token.word and token.value == "fanfare" and index == 0:
                index = self.declaration(index)
            elif not token.word or token.value not in self.table.declarations:
                index = self.stray(index)
            elif len(self.declarations) == MAX_DECLARATIONS:
                message = f"this file has more than {MAX_DECLARATIONS:,} declarations"
                hint = "Split it: several files are one program."
                self.diagnostics.append(Diagnostic("E105", message, token.span, hint))
                return
            else:
                index = self.declaration(index)

    # --- one declaration -------------------------------------------------------------------------

    def declaration(self, start: int) -> int:
        """Parse the declaration at `start`; return where the next one begins."""
        parser = self.table.begin()
        index, depth, broken = start, 0, False
        before: list[State] | None = None
        while not self.complete(start, index, depth):
            stack: list[State] = parser.state_stack[:]
            problem = self.step(parser, index, depth)
            if problem is None:
                depth += self.change(index)
                index, before = index + 1, stack
                continue
            if problem.code == END:
                index, stack = self.where_it_went_wrong(start, index, stack, before)
                problem = self.explain(start, index, stack, before)
            bounds = self.starts.between(start, index)
            ends = bool(bounds) or index == len(self.tokens)
            if not (broken and ends):
                self.report(problem, start, index)
            broken = True
            if self.tokens[start].value == "fanfare":
                # It is of two words: what comes after it begins anew.
                return index if bounds else min(index + 1, len(self.tokens))
            if problem.code == "E105":
                resumed = Resumption(self.starts.skip(start, index), carry_on=False)
            elif not ends and repair(self.table, parser, stack, self.tokens, index):
                depth += 1
                continue
            else:
                limit = bounds[0] if bounds else self.starts.after(start, index + 1)
                resumed = resume(self.table, parser, self.tokens, index, limit)
            index, depth, before = resumed.index, resumed.depth, None
            if not resumed.carry_on:
                self.keep(start, index, None)
                return index
        problem, value = self.feed(parser, None)
        if problem:
            self.report(problem, start, index - 1)
        self.keep(start, index, value, whole=not broken and problem is None)
        return index

    def step(self, parser: Any, index: int, depth: int) -> Diagnostic | None:
        """Feed one token. A problem of code END is still to be explained."""
        if index == len(self.tokens):
            return _UNEXPLAINED
        token = self.tokens[index]
        if depth + (token.text in _OPENERS) > MAX_NESTING or len(parser.state_stack) > MAX_STACK:
            hint = "Give parts of it a name of their own, such as a segment."
            message = f"this is nested deeper than {MAX_NESTING} levels"
            return Diagnostic("E105", message, token.span, hint)
        token.type = self.table.type_in(parser.state_stack[-1], self.tokens, index)
        problem, _ = self.feed(parser, token)
        return problem

    def feed(self, parser: Any, token: Token | None) -> tuple[Diagnostic | None, Any]:
        """Feed a token, or the end; return the problem, if any, and at the end what was parsed."""
        try:
            if token is None:
                return None, parser.feed_token(
                    Token(END, "", None, Span(), word=False), is_end=True
                )
            return None, parser.feed_token(token)
        except UnexpectedToken:
            return _UNEXPLAINED, None
        except Refused as refused:
            return refused.diagnostic, None

    def complete(self, start: int, index: int, depth: int) -> bool:
        if depth or index == start:
            return False
        before = self.tokens[index - 1]
        return before.text in ("}", "]") or (
            index == start + 2 and self.tokens[start].value == "fanfare"
        )

    def change(self, index: int) -> int:
        text = self.tokens[index].text
        return (text in _OPENERS) - (text in _CLOSERS)

    # --- what is told and what is kept -----------------------------------------------------------

    def where_it_went_wrong(
        self, start: int, index: int, stack: list[State], before: list[State] | None
    ) -> tuple[int, list[State]]:
        """Go one token back where a clause's word was taken for a name: `budget >= then { … }`."""
        earlier = self.tokens[index - 1]
        if before is None or not (earlier.word and earlier.type == "NAME" and index - 1 > start):
            return index, stack
        if earlier.value in CLAUSES and begins_clause_within(
            self.table, before, self.tokens, index - 1
        ):
            return index - 1, before
        return index, stack

    def explain(
        self, start: int, index: int, stack: Sequence[State], before: Sequence[State] | None
    ) -> Diagnostic:
        """Say what was expected where the token at `index` came."""
        bounds = self.starts.between(start, index)
        ends = bool(bounds) or index == len(self.tokens)
        opener = find_opener(self.tokens, start, bounds[0] if bounds else index) if ends else None
        if opener is not None:
            closer, terminal = _PAIRS[opener.text]
            if (bounds and bounds[0] < index) or self.table.accepts(stack, terminal) is not None:
                message, hint = f"this `{opener.text}` is never closed", f"It needs a `{closer}`."
                return Diagnostic("E110", message, opener.span, hint)
        return unexpected(self.table, Place(self.tokens, start, index, stack, before, ends))

    def report(self, problem: Diagnostic, start: int, index: int) -> None:
        """Tell a problem, unless it may only follow from one that is told already."""
        last = min(index, len(self.tokens) - 1)
        near = self.tokens[max(start, index - 3)].span.start
        misspelt = bisect_left(self.misspelt, near)
        if misspelt < len(self.misspelt) and self.misspelt[misspelt] < self.tokens[last].span.end:
            return
        if any(start <= unclosed <= index for unclosed in self.lexed.unclosed):
            return
        if len(self.diagnostics) < MAX_ERRORS:
            self.diagnostics.append(problem)

    def keep(self, start: int, end: int, value: Any, *, whole: bool = False) -> None:
        """Keep a parsed declaration, or what is known of a broken one."""
        first, last = self.tokens[start], self.tokens[max(start, end - 1)]
        span = first.span.to(last.span)
        spelt = bisect_left(self.misspelt, span.start) == bisect_right(self.misspelt, span.end - 1)
        deep = value is not None and end - start > MAX_NESTING and too_deep(value)
        if deep:
            hint = "Use parentheses and fewer operators, or a segment for a part of it."
            message = "this is too long a chain of operators"
            self.diagnostics.append(Diagnostic("E105", message, deep, hint))
        self.after_broken = not whole or not spelt or bool(deep)
        if self.after_broken:
            named = self.tokens[start + 1] if start + 1 < end else None
            name = nodes.Name(named.value, span=named.span) if named and named.word else None
            if first.value != "fanfare":
                rest = None if deep else value
                head, words = self.words_of(start, end)
                broken = nodes.Broken(first.value, name, rest, head, words, span=span)
                self.declarations.append(broken)
        elif isinstance(value, nodes.Number):
            self.version = value
            if value.value != VERSION:
                hint = f"This is version {VERSION}."
                message = f"there is no version {value.text} of the language here"
                self.diagnostics.append(Diagnostic("E108", message, value.span, hint))
        else:
            self.declarations.append(value)

    def words_of(self, start: int, end: int) -> tuple[frozenset[str], frozenset[str]]:
        """Return the words before a declaration's first bracket, and all of them."""
        tokens = self.tokens[start:end]
        body = next((i for i, token in enumerate(tokens) if token.text in _OPENERS), len(tokens))
        head = frozenset(token.value for token in tokens[:body] if token.word)
        return head - self.table.declarations, frozenset(t.value for t in tokens if t.word)

    # --- between declarations --------------------------------------------------------------------

    def stray(self, index: int) -> int:
        """Tell of something that is no declaration, and skip it."""
        token = self.tokens[index]
        end = self.starts.skip_stray(index)
        if token.text == "}":
            # After a broken declaration it may well be that one's own.
            if not self.after_broken:
                self.report(Diagnostic("E101", "this `}` closes nothing", token.span), index, index)
            return index + 1
        if token.word and token.value == "fanfare":
            hint = "Write it first in the file, once."
            problem = Diagnostic("E108", "`fanfare` belongs at the beginning", token.span, hint)
        elif token.word:
            known = sorted(self.table.declarations)
            hint = nearest(token.value, known) or f"A file holds {', '.join(known)}."
            problem = Diagnostic("E104", f"{quoted(token)} is no declaration", token.span, hint)
        else:
            hint = "Such as `segment`, `promotion` or `trigger`."
            message = f"expected a declaration, not {quoted(token)}"
            problem = Diagnostic("E101", message, token.span, hint)
        self.report(problem, index, index)
        self.keep(index, end, None)
        return end
