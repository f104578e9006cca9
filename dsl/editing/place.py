"""Where in a text somebody is typing: the parser's state there, on half-written text too."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dsl.diagnostics import SourceFile
from dsl.parser.recovery import Starts, begins_clause_within
from dsl.parser.table import State, Table, table
from dsl.parser.tokens import Token, Tokens, tokenize

_DEEPEST = 1_000  # states on the stack; the parser gives up there too
_OPENERS, _CLOSERS = frozenset("{(["), frozenset("})]")


@dataclass(slots=True)
class Body:
    """An open brace: the automaton's stack within it, and what was begun inside.

    `clause` is the first token of the clause that the brace belongs to.
    """

    stack: list[State]
    opener: int
    clause: int
    clauses: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Walk:
    """Follows the parser from token to token. What makes no sense is skipped to the next clause."""

    tokens: Sequence[Token]
    table: Table
    starts: Starts
    stack: list[State] | None = None  # None between declarations
    start: int = 0
    bodies: list[Body] = field(default_factory=list)
    depth: int = 0
    broken: bool = False
    skipped: int = 0

    def copy(self) -> "Walk":
        """Return a walk that can go on without this one."""
        bodies = [replace(body, clauses=list(body.clauses)) for body in self.bodies]
        return replace(self, bodies=bodies)

    def feed(self, index: int) -> None:
        """Take the token at `index`."""
        token = self.tokens[index]
        if self.stack is None:
            if token.word and token.value in self.table.declarations:
                self._begin(index)
            return
        if self.broken:
            self._skip(index)
            return
        token.type = self.table.type_in(self.stack[-1], self.tokens, index)
        after = self.table.accepts(self.stack, token.type)
        if after is None or len(after) > _DEEPEST:
            self.broken, self.skipped = True, 0
            self._skip(index)
            return
        self.stack = after
        self._note(index, after)

    def _begin(self, index: int) -> None:
        self.start, self.depth, self.broken = index, 0, False
        self.bodies = []
        self.stack = [*self.table.begin().state_stack]
        self.feed(index)

    def _note(self, index: int, after: list[State]) -> None:
        """Keep account of braces and of where clauses begin."""
        token = self.tokens[index]
        if token.text == "}" and self.bodies:
            self.bodies.pop()
        elif self.bodies:
            body = self.bodies[-1]
            room = len(after) - 1 - len(body.stack)
            if room in (0, 1) and _is_body(self.table, after[-2]):
                body.clauses.append(index)
        if token.text == "{":
            clauses = self.bodies[-1].clauses if self.bodies else []
            self.bodies.append(Body(after, index, clauses[-1] if clauses else self.start))
        self.depth += (token.text in _OPENERS) - (token.text in _CLOSERS)
        if self.depth == 0 and token.text in ("}", "]"):
            self.stack = None

    def _skip(self, index: int) -> None:
        """Pass over a token that follows an error, or find that it begins something anew."""
        token = self.tokens[index]
        column = self.tokens[self.start].span.column
        if token.opens_line and token.span.column <= column and self.starts.begins(index):
            self._begin(index)
        elif not self.bodies:
            self._open_head(index)
        elif token.text in _OPENERS:
            self.skipped += 1
        elif token.text in _CLOSERS and self.skipped:
            self.skipped -= 1
        elif token.text == "}":
            self._close()
        elif not self.skipped:
            body = self.bodies[-1]
            if begins_clause_within(self.table, body.stack, self.tokens, index):
                self.stack, self.broken = list(body.stack), False
                self.depth = len(self.bodies)
                self.feed(index)

    def _open_head(self, index: int) -> None:
        """Go on within a declaration whose head is wrong: `promotion 5off {`."""
        stack: list[State] | None = [*self.table.begin().state_stack]
        for type_ in (self.tokens[self.start].type, "NAME", "LBRACE"):
            stack = stack and self.table.accepts(stack, type_)
        if self.tokens[index].text == "{" and stack:
            self.stack, self.broken, self.depth = stack, False, 1
            self.bodies = [Body(stack, index, self.start)]

    def _close(self) -> None:
        closed = self.bodies.pop()
        if not self.bodies:
            self.stack, self.broken = None, False
            return
        after = self.table.accepts(closed.stack, "RBRACE")
        self.depth = len(self.bodies)
        if after is not None:
            self.stack, self.broken = after, False


def _is_body(table: Table, state: State) -> bool:
    shifts = table.shifts(state)
    return "RBRACE" in shifts and len(shifts - {"COMMA"}) > 1


@dataclass(frozen=True, slots=True)
class Place:
    """A place between tokens: `cut` of them come before it, and `walk` has taken those.

    `start` to `end` is what is being written there and will be replaced; `written` is its part
    before the cursor. `text`: it is within quotes, of which the end is missing where `open_text`.
    `spaced`: a word must be set off from the number before it. `fresh`: nothing but space comes
    before it on its line.
    """

    lexed: Tokens
    walk: Walk
    cut: int
    start: int
    end: int
    written: str
    text: bool = False
    open_text: bool = False
    spaced: bool = False
    fresh: bool = False

    @property
    def before(self) -> Sequence[Token]:
        """The tokens of this declaration that come before the place."""
        if self.walk.stack is None:
            return ()
        return self.walk.tokens[self.walk.start : self.cut]

    @property
    def keyword(self) -> str:
        """What kind of declaration it is in; "" between declarations."""
        return "" if self.walk.stack is None else str(self.walk.tokens[self.walk.start].value)

    @property
    def body(self) -> Body | None:
        """The innermost braces that it is in."""
        return self.walk.bodies[-1] if self.walk.stack is not None and self.walk.bodies else None

    def stack(self) -> list[State]:
        """Return the parser's stack: after an error, that of the braces' beginning."""
        if self.walk.stack is None:
            return []
        if self.walk.broken and self.body:
            return self.body.stack
        return self.walk.stack

    def accepted(self) -> set[str]:
        """Return the terminals that may come here."""
        stack = self.stack()
        return self.walk.table.accepted(stack) if stack else set()

    def clause(self) -> int:
        """Return the index of the token that begins the innermost clause."""
        if self.body is None:
            return self.walk.start
        return self.body.clauses[-1] if self.body.clauses else self.body.opener + 1

    def siblings(self) -> list[tuple[str, ...]]:
        """Return the first words of the other clauses in the same braces, also of those to come."""
        if self.body is None:
            return []
        tokens = self.walk.tokens
        depth = len(self.walk.bodies)
        ahead, begun = self.walk.copy(), self.walk.start
        ahead.broken, ahead.skipped = True, 0
        body = ahead.bodies[depth - 1]
        for index in range(self.cut + (self.start < self.end), len(tokens)):
            ahead.feed(index)
            if ahead.stack is None or ahead.start != begun or len(ahead.bodies) < depth:
                break
        return [tuple(t.text for t in tokens[i : i + 3]) for i in body.clauses]


def place_at(source: SourceFile, offset: int) -> Place | None:
    """Return the place at an offset in code points; None where nothing can be completed."""
    lexed = tokenize(source)
    if lexed.too_large:
        return None
    tokens = lexed.tokens
    if any(c.span.start < offset <= c.span.end for c in lexed.comments):
        return None
    at = bisect_left(tokens, offset, key=lambda token: token.span.end)
    token = tokens[at] if at < len(tokens) and tokens[at].span.start < offset else None
    if token is None:
        fresh = not source.text[source.text.rfind("\n", 0, offset) + 1 : offset].strip()
        return replace(_place(lexed, at, offset, offset, ""), fresh=fresh)
    start, end = token.span.start, token.span.end
    if token.word:
        found = _place(lexed, at, start, end, source.text[start:offset])
        return replace(found, fresh=token.opens_line)
    if token.type == "STRING":
        is_open = at in lexed.unclosed
        if offset < end or is_open:
            stop = offset if is_open else end - 1
            found = _place(lexed, at, start + 1, stop, source.text[start + 1 : offset])
            return replace(found, text=True, open_text=is_open)
    if offset < end:
        return None
    found = _place(lexed, at + 1, offset, offset, "")
    return replace(found, spaced=token.type in ("INT", "DECIMAL"))


def _place(lexed: Tokens, cut: int, start: int, end: int, written: str) -> Place:
    return Place(lexed, walk_to(lexed.tokens, cut), cut, start, end, written)


def walk_to(tokens: Sequence[Token], cut: int) -> Walk:
    """Return the walk that has taken the first `cut` tokens, from the last sure beginning."""
    starts = Starts(tokens, table().declarations)
    found = starts.all()
    passed = bisect_right(found, cut - 1)
    # What comes after the place says nothing about what may come at it.
    walk = Walk(tokens[:cut], table(), starts)
    for index in range(found[passed - 1] if passed else 0, cut):
        walk.feed(index)
    walk.tokens = tokens
    return walk
