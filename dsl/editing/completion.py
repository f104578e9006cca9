"""What could be written at a place: clauses, facts, names, units, currencies, values."""

from collections.abc import Iterator, Sequence

from dsl.diagnostics import SourceFile
from dsl.editing.names import Role, role_at
from dsl.editing.offered_names import of_names
from dsl.editing.offered_texts import of_texts, of_values
from dsl.editing.offered_words import WINDOWS, of_declarations, of_words
from dsl.editing.offers import Completion, Offer, Rank
from dsl.editing.place import Place, place_at
from dsl.editing.world import Known, known
from dsl.program import Settings

MOST = 200
DEFAULTS = Settings()


def complete(
    sources: Sequence[SourceFile], file: str, offset: int, settings: Settings = DEFAULTS
) -> list[Completion]:
    """Return what could be written at an offset of a file, the likeliest first.

    The sources are one program. Whatever is half-written is no obstacle.
    """
    place = place_at(next(source for source in sources if source.name == file), offset)
    if place is None:
        return []
    best: dict[str, Offer] = {}
    for offer in _offers(place, known(sources, settings)):
        if offer.matches(place.written):
            held = best.get(offer.label)
            if held is None or offer.rank < held.rank:
                best[offer.label] = offer
    ranked = sorted(best.values(), key=lambda offer: _order(offer, place))
    return [_completion(offer, place) for offer in ranked[:MOST]]


def _order(offer: Offer, place: Place) -> tuple[int, bool]:
    """Return how far down an offer stands: on a new line mostly something new is begun."""
    rank = Rank.FIRST if place.fresh and offer.rank is Rank.BEGINS else offer.rank
    return rank, not offer.label.startswith(place.written)


def _offers(place: Place, program: Known) -> Iterator[Offer]:
    if place.text:
        yield from of_texts(place, program)
    elif not place.keyword:
        yield from of_declarations(place)
    else:
        accepted = place.accepted()
        role = role_at(place)
        # After a mistake the words just before may still say which name is wanted.
        if "NAME" in accepted or (place.walk.broken and role is not Role.EXPRESSION):
            yield from of_names(place, program)
        if "STRING" in accepted:
            yield from of_values(place, program)
        if role is not Role.SOURCE:
            yield from of_words(
                place, program, accepted & WINDOWS if role is Role.WINDOW else accepted
            )
        if _opens_line_at_margin(place):
            yield from of_declarations(place)


def _opens_line_at_margin(place: Place) -> bool:
    """Whether a declaration may be begun, the one before having been left open."""
    tokens, walk = place.walk.tokens, place.walk
    if place.start == place.end or place.cut >= len(tokens):
        return False
    token = tokens[place.cut]
    return token.opens_line and token.span.column <= tokens[walk.start].span.column


def _completion(offer: Offer, place: Place) -> Completion:
    insert = offer.insert or offer.label
    if place.spaced and insert != "%":
        insert = f" {insert}"
    return Completion(
        offer.label, offer.kind, offer.detail, insert, offer.documentation, place.start, place.end
    )
