"""The language's own words at a place: clauses, steps, operators, units, currencies."""

from collections.abc import Iterator, Sequence

from dsl.builtin import WEEKDAYS
from dsl.editing import wanted
from dsl.editing.descriptions import WORDS
from dsl.editing.offers import CompletionKind, Offer, Rank
from dsl.editing.phrases import PHRASES, Phrase, owner_of
from dsl.editing.place import Place
from dsl.editing.world import Known
from dsl.kinds import BOOL, Kind, ListOf, Money, Record, Simple, Text
from dsl.money import CURRENCIES
from dsl.parser.table import TIME_UNITS, State, table

_ORDERINGS = ("<", "<=", ">", ">=", "between")
_OF_TEXT = ("contains", "starts with", "ends with", "matches")
_IN = ("in", "not in")
_OF_SEGMENTS = ("in segment", "not in segment")
_KNOWN = ("is known", "is missing")
_OPERATORS = ("=", "!=", *_ORDERINGS, *_IN, *_OF_SEGMENTS, *_OF_TEXT, *_KNOWN)
_OPERATOR_WORDS = frozenset(
    word.upper() for phrase in _OPERATORS if phrase[0].isalpha() for word in phrase.split()[:1]
)
_JOINTS = frozenset(["AND", "OR"])
_VALUE_WORDS = frozenset(["TRUE", "FALSE", "NOW", "TODAY", "NOT"])
_BY_USE = ("day", "week", "month", "year", "hour", "minute")
WINDOWS = frozenset(["LAST", "THIS", "SINCE", "EVER"])
_UNITS = frozenset(["CURRENCY", "PERCENT_SIGN", *(unit.upper() for unit in TIME_UNITS)])
_PLURALS = {"person": "people", "entry": "entries"}
_MOST_FOLLOWING = 4
_COMMON = ("USD", "EUR", "GBP", "CNY", "JPY", "CHF", "CAD", "AUD", "INR", "BRL")


def of_declarations(place: Place) -> Iterator[Offer]:
    """Yield what can begin between declarations."""
    if place.cut == 0:
        yield Offer(
            Rank.FAR, "fanfare 1", CompletionKind.KEYWORD, "the language's version", "fanfare 1\n"
        )
    for phrase in PHRASES[""]:
        yield _phrase(phrase, CompletionKind.DECLARATION)


def of_words(place: Place, known: Known, accepted: set[str]) -> Iterator[Offer]:
    """Yield the words and signs that can come at a place within a declaration."""
    begin = _beginnings(place)
    begins = accepted >= begin
    if begin and begins:
        yield from _clauses(place, accepted)
    rest = accepted - begin if begins else set(accepted)
    if begin & {"FOR"} and "FOR_DURATION" in accepted:
        rest.add("FOR_DURATION")
    if "EQ" in rest:
        yield from _operators(place, known)
        rest -= _OPERATOR_WORDS | {"NOT"}
    rest -= _unfit(wanted.wanted_kind(place, known.world))
    if "CURRENCY" in rest:
        yield from _currencies(place, known)
    if "PERCENT_SIGN" in rest:
        yield Offer(Rank.WANTED, "%", CompletionKind.UNIT, "a share", "%")
    if place.before[-1].type == "IN" and not _may_be_member(place, known):
        rest.discard("SEGMENT")
    yield from _keywords(place, rest)


# --- clauses and steps ---------------------------------------------------------------------------


def _beginnings(place: Place) -> set[str]:
    """Return the terminals that begin a clause of the braces at hand."""
    if place.body is None:
        return set()
    first = place.walk.table.accepted(place.body.stack)
    return first - {"RBRACE"} if "RBRACE" in first else set()


def _clauses(place: Place, accepted: set[str]) -> Iterator[Offer]:
    words = {table().literals[t] for t in accepted if t in table().literals}
    owner = owner_of(place.keyword, _beginnings(place))
    kind = CompletionKind.STEP if owner == "steps" else CompletionKind.CLAUSE
    given = place.siblings()
    slots = {p.slot for p in PHRASES.get(owner, ()) if p.slot and _is_given(p, given)}
    for phrase in PHRASES.get(owner, ()):
        if phrase.words.split()[0] in words and phrase.slot not in slots:
            yield _phrase(phrase, kind)


def _is_given(phrase: Phrase, given: Sequence[tuple[str, ...]]) -> bool:
    words = tuple(phrase.words.split()[:3])
    return any(other[: len(words)] == words for other in given)


def _phrase(phrase: Phrase, kind: CompletionKind) -> Offer:
    return Offer(
        Rank.BEGINS, phrase.words, kind, phrase.means, phrase.insert, f"Such as `{phrase.example}`."
    )


# --- operators -----------------------------------------------------------------------------------


def _operators(place: Place, known: Known) -> Iterator[Offer]:
    kind = wanted.left_kind(place, place.cut, known.world)
    for operator in _operators_of(kind):
        yield Offer(
            Rank.NEAR,
            operator,
            CompletionKind.OPERATOR,
            WORDS.get(operator, ""),
            operator if operator in _KNOWN else f"{operator} ",
        )


def _operators_of(kind: Kind | None) -> tuple[str, ...]:
    """Return what a value of this type can be compared with."""
    match kind:
        case None:
            return _OPERATORS
        case Text(options):
            return ("=", "!=", *_IN, *(() if options else _OF_TEXT), *_KNOWN)
        case ListOf():
            return ("contains", *_KNOWN)
        case Record():
            return _OF_SEGMENTS
        case _ if kind == BOOL:
            return ("=", "!=", *_KNOWN)
        case _:
            return ("=", "!=", *_ORDERINGS, *_IN, *_KNOWN)


def _may_be_member(place: Place, known: Known) -> bool:
    """Whether what stands before `in` may be the user, who alone is in segments."""
    tokens, end = place.walk.tokens, place.cut - 1
    end -= tokens[end - 1].type == "NOT"
    kind = wanted.left_kind(place, end, known.world)
    return kind is None or isinstance(kind, Record)


# --- units, currencies, other words --------------------------------------------------------------


def _unfit(kind: Kind | None) -> frozenset[str]:
    """Return the units that a number held against a value of this type cannot have."""
    match kind:
        case Money():
            return _UNITS - {"CURRENCY"}
        case Simple("percent"):
            return _UNITS - {"PERCENT_SIGN"}
        case Simple("number"):
            return _UNITS
        case _:
            return frozenset()


def _currencies(place: Place, known: Known) -> Iterator[Offer]:
    kind = wanted.wanted_kind(place, known.world)
    own = kind.currency if isinstance(kind, Money) and kind.currency else None
    first = own or known.world.currency
    for code in (first, *_COMMON, *sorted(CURRENCIES - {*_COMMON})):
        if code == first:
            yield Offer(Rank.WANTED, code, CompletionKind.CURRENCY, "the shop's currency", code)
        else:
            yield Offer(Rank.FAR, code, CompletionKind.CURRENCY, "a currency", code)


def _keywords(place: Place, terminals: set[str]) -> Iterator[Offer]:
    literals = table().literals
    words = {literals[t]: t for t in terminals if literals.get(t, "").isalpha()}
    if "FOR_DURATION" in terminals:
        yield Offer(Rank.FOLLOWS, "for", CompletionKind.KEYWORD, "how long it lasts", "for ")
    for word in sorted(words, key=_in_order):
        if _is_other_number(word, words, place):
            continue
        terminal = words[word]
        rank = Rank.PLAIN if terminal in _VALUE_WORDS else Rank.FOLLOWS
        rank = Rank.ROOT if terminal in _JOINTS else rank
        if word in TIME_UNITS or word in WEEKDAYS:
            yield Offer(Rank.WANTED, word, CompletionKind.UNIT, "", word)
            continue
        for phrase in _expanded(place, word, terminal):
            meaning = WORDS.get(phrase, WORDS.get(word, ""))
            yield Offer(rank, phrase, CompletionKind.KEYWORD, meaning, phrase)


def _in_order(word: str) -> tuple[int, str]:
    for order in (WEEKDAYS, _BY_USE):
        if word.removesuffix("s") in order or word in order:
            return order.index(word if word in order else word.removesuffix("s")), word
    return 0, word


def _is_other_number(word: str, words: dict[str, str], place: Place) -> bool:
    """Whether it is the singular where the plural fits, or the other way round."""
    last = place.before[-1]
    is_one = last.type == "INT" and last.value == 1
    plural = _PLURALS.get(word, f"{word}s")
    if plural in words:
        return not is_one
    return is_one and any(_PLURALS.get(one, f"{one}s") == word for one in words)


def _expanded(place: Place, word: str, terminal: str) -> list[str]:
    """Return the word with what must follow it: `up to`, `is known`, `this month`."""
    stack = place.walk.table.accepts(place.stack(), terminal)
    following = _following(place, stack)
    return [f"{word} {after}" for after in following] or [word]


def _following(place: Place, stack: list[State] | None) -> list[str]:
    accepted = place.walk.table.accepted(stack) if stack else set()
    words = [place.walk.table.literals.get(t, "") for t in accepted]
    words = [word for word in words if f"{word}s" not in words]
    few = 0 < len(words) <= _MOST_FOLLOWING and all(word.isalpha() for word in words)
    return sorted(words) if few else []
