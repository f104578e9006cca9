"""Where to go on after an error: at the next clause, or at the next declaration."""

from bisect import bisect_left
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from dsl.diagnostics import Span
from dsl.parser.expressions import Refused
from dsl.parser.table import State, Table
from dsl.parser.tokens import Token

# Words that begin a clause somewhere but often stand within one, or are fields' names.
_WEAK = frozenset(
    {
        *("active", "at", "best", "cart", "code", "codes", "every", "first", "for", "free", "from"),
        *("goal", "grant", "group", "hold", "if", "limit", "on", "points", "price", "priority"),
        *("set", "shipping", "sku", "stop", "tag", "tier", "user"),
    }
)
_NOT_CLAUSES = frozenset([*"=<>.:,+-*/)]", "==", "!=", "<=", ">=", "in", "is", "and", "or"])


@dataclass(frozen=True, slots=True)
class Resumption:
    """Where to go on, and in how many brackets; or where the declaration is given up."""

    index: int
    depth: int = 0
    carry_on: bool = True


class Starts:
    """Where declarations plausibly begin: their keyword and a name, first on a line.

    Only asked once something is wrong, so that no correct program is misread.
    """

    def __init__(self, tokens: Sequence[Token], declarations: frozenset[str]) -> None:
        self.tokens = tokens
        self.declarations = declarations
        self.found: list[int] | None = None

    def begins(self, index: int) -> bool:
        """Whether the words from here on read like the head of a declaration."""
        tokens = self.tokens
        if (
            not tokens[index].word
            or tokens[index].value not in self.declarations
            or index + 2 >= len(tokens)
        ):
            return False
        following = tokens[index + 1]
        if tokens[index].value == "example":
            return following.type == "STRING"
        return following.word and (
            tokens[index + 2].text in "{[" or tokens[index + 2].type == "STRING"
        )

    def all(self) -> list[int]:
        if self.found is None:
            self.found = [
                i for i, token in enumerate(self.tokens) if token.opens_line and self.begins(i)
            ]
        return self.found

    def between(self, start: int, index: int) -> list[int]:
        """Return the beginnings after `start`, up to `index`, no further right than `start` is."""
        found = self.all()
        column = self.tokens[start].span.column
        last = min(index, len(self.tokens) - 1)
        low, high = bisect_left(found, start + 1), bisect_left(found, last + 1)
        return [i for i in found[low:high] if self.tokens[i].span.column <= column]

    def after(self, start: int, index: int) -> int:
        """Return the first beginning at or after `index`, or of those it has passed the first."""
        passed = self.between(start, index)
        if passed:
            return passed[0]
        column = self.tokens[start].span.column
        found = self.all()
        for i in found[bisect_left(found, index) :]:
            if self.tokens[i].span.column <= column:
                return i
        return len(self.tokens)

    def skip(self, start: int, index: int) -> int:
        """Return the end of a declaration that is given up at `index`."""
        depth = sum((t.text == "{") - (t.text == "}") for t in self.tokens[start:index])
        return skip_braces(self.tokens, index, self.after(start, index + 1), depth)

    def skip_stray(self, index: int) -> int:
        """Return where to go on after something that is no declaration."""
        end = index + 1
        while end < len(self.tokens):
            if self.tokens[end].text in ("{", "}") or self.begins(end):
                break
            end += 1
        if end < len(self.tokens) and self.tokens[end].text == "{":
            return skip_braces(self.tokens, end, self.after(index, end + 1), 0)
        return end


def skip_braces(tokens: Sequence[Token], index: int, limit: int, depth: int) -> int:
    """Return the index after the `}` that closes the outermost of `depth` braces, or `limit`."""
    while index < limit:
        text = tokens[index].text
        if text == "{":
            depth += 1
        elif text == "}":
            depth -= 1
            if depth <= 0:
                return index + 1
        index += 1
    return limit


def find_opener(tokens: Sequence[Token], start: int, end: int) -> Token | None:
    """Return the innermost bracket that is open at `end`."""
    opened: list[Token] = []
    for token in tokens[start:end]:
        if token.text in ("{", "(", "["):
            opened.append(token)
        elif token.text in ("}", ")", "]") and opened:
            opened.pop()
    return opened[-1] if opened else None


def repair(
    table: Table, parser: Any, stack: Sequence[State], tokens: Sequence[Token], index: int
) -> bool:
    """Put in a missing `{` if all goes on well with it: else its `}` would be left over."""
    opened = table.accepts(stack, "LBRACE")
    if opened is None or tokens[index].text == "{":
        return False
    if not _plausible(table, opened, tokens, index):
        return False
    if len(parser.state_stack) != len(stack):
        return False
    at: Span = tokens[index].span
    parser.feed_token(Token("LBRACE", "{", "{", at, word=False))
    return True


def resume(
    table: Table, parser: Any, tokens: Sequence[Token], index: int, limit: int
) -> Resumption:
    """Drop the clause in error and go on at the next one of the same body, or after that body.

    Looks from `index` on, up to `limit`. What could end before the error is a clause in itself.
    """
    states: list[State] = parser.state_stack
    if table.accepts(states, "RBRACE") is not None:
        _finish_clause(parser, tokens[min(index, len(tokens) - 1)].span)
    values: list[Any] = parser.value_stack
    opened = [_opens(value) for value in values]
    body = _innermost_body(table, states, opened)
    if body is None:
        return Resumption(skip_braces(tokens, index, limit, sum(opened)), carry_on=False)
    inner = sum(opened[body:])
    for here in range(index, limit):
        text = tokens[here].text
        if text == "{":
            inner += 1
        elif text == "}" and inner > 0:
            inner -= 1
        elif inner == 0 and (text == "}" or _begins_clause(table, states[body], tokens, here)):
            del states[body + 1 :]
            del values[body:]
            return Resumption(here, sum(opened[:body]))
    return Resumption(limit, carry_on=False)


def _finish_clause(parser: Any, at: Span) -> None:
    # A brace that closes the body makes the parser put the clause into it.
    with suppress(Refused):
        parser.feed_token(Token("RBRACE", "}", "}", at, word=False))
        parser.state_stack.pop()
        parser.value_stack.pop()


def _opens(value: Any) -> int:
    if not isinstance(value, Token):
        return 0
    return (value.text == "{") - (value.text == "}")


def _innermost_body(table: Table, stack: Sequence[State], opened: Sequence[int] = ()) -> int | None:
    """Return the place on the stack of the innermost body whose brace is still open."""
    for place in range(len(stack) - 1, 0, -1):
        if _is_body(table, stack[place]) and sum(opened[place:]) >= 0:
            return place
    return None


def begins_clause_within(
    table: Table, stack: Sequence[State], tokens: Sequence[Token], index: int
) -> bool:
    """Whether the word at `index` would begin a clause of the innermost body on the stack."""
    body = _innermost_body(table, stack)
    return body is not None and _begins_clause(table, stack[body], tokens, index)


def _is_body(table: Table, state: State) -> bool:
    """Whether clauses, steps, fields or the like come here, any number of them."""
    shifts = table.shifts(state)
    return "RBRACE" in shifts and len(shifts - {"COMMA"}) > 1


def _begins_clause(table: Table, body: State, tokens: Sequence[Token], index: int) -> bool:
    token = tokens[index]
    following = tokens[index + 1 : index + 3]
    if not following or (index and tokens[index - 1].text == "."):
        return False
    type_ = table.type_in(body, tokens, index)
    if type_ not in table.shifts(body):
        return False
    if type_ == "NAME":
        return following[0].text == ":"
    if type_ in ("INT", "DECIMAL"):
        return following[0].text == "%" or following[0].text == "of"
    if following[0].text in _NOT_CLAUSES:
        return False
    return token.opens_line or token.text not in _WEAK or _plausible(table, [body], tokens, index)


def _plausible(table: Table, start: Sequence[State], tokens: Sequence[Token], index: int) -> bool:
    """Whether the parser would go on for three words from here."""
    stack: list[State] | None = list(start)
    for here in range(index, min(index + 3, len(tokens))):
        if stack is None:
            return False
        try:
            stack = table.accepts(stack, table.type_in(stack[-1], tokens, here))
        except IndexError:
            return True  # it closes what was opened before `start`: so far it fitted
    return stack is not None
