"""The word under the cursor, and what it is there."""

from bisect import bisect_left
from dataclasses import dataclass

from dsl.diagnostics import SourceFile
from dsl.editing.place import Place, walk_to
from dsl.parser.tokens import Token, tokenize


@dataclass(frozen=True, slots=True)
class Pointed:
    """A token, and the place at which it stands; its type says keyword or name."""

    token: Token
    place: Place

    @property
    def begins_clause(self) -> bool:
        """Whether it is the first word of a clause or a step."""
        body = self.place.body
        if body is None:
            return False
        after = self.place.walk.copy()
        after.feed(self.place.cut)
        depth = len(self.place.walk.bodies)
        return self.place.cut in (
            after.bodies[depth - 1].clauses if after.bodies[depth - 1 :] else []
        )


def pointed_at(source: SourceFile, offset: int) -> Pointed | None:
    """Return the token at an offset in code points, or the one that ends there."""
    lexed = tokenize(source)
    tokens = lexed.tokens
    if lexed.too_large:
        return None
    at = bisect_left(tokens, offset, key=lambda token: token.span.end)
    beside = at + 1 < len(tokens) and tokens[at + 1].span.start == offset
    if beside and not tokens[at].word:
        at += 1
    if at == len(tokens) or tokens[at].span.start > offset:
        return None
    token = tokens[at]
    place = Place(lexed, walk_to(tokens, at), at, token.span.start, token.span.end, token.text)
    walk = place.walk
    if token.word and walk.stack is not None and not walk.broken:
        token.type = walk.table.type_in(walk.stack[-1], tokens, at)
    return Pointed(token, place)
