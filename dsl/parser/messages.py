"""Says what was expected, in the words of somebody who writes rules: never a token's name."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from dsl.diagnostics import Diagnostic
from dsl.money import CURRENCIES
from dsl.parser.table import TIME_UNITS, State, Table
from dsl.parser.tokens import Token, shortened

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_COMPARISONS = {"EQ", "EQEQ", "NE", "LT", "LE", "GT", "GE", "CONTAINS", "STARTS", "ENDS", "MATCHES"}
_COMPARISONS |= {"BETWEEN", "IN", "IS"}
_ARITHMETIC = {"PLUS", "MINUS", "STAR", "SLASH"}
_UNITS = {unit.upper() for unit in TIME_UNITS}
# What may go on after a value is complete, but need not.
_CONTINUATIONS = (
    _COMPARISONS | _ARITHMETIC | _UNITS | {"AND", "OR", "NOT", "DOT", "LPAR", "CURRENCY"}
) | {"PERCENT_SIGN", "WHERE"}
_WINDOWS = {"LAST", "THIS", "SINCE", "EVER"}
_VALUES = {"NAME", "INT", "DECIMAL", "STRING", "A_DATE", "A_TIME", "AN_INSTANT", "LPAR", "LSQB"}
_VALUES |= {"MINUS", "TRUE", "FALSE", "NOW", "TODAY", "NOT"}
_BEFORE_CONDITIONS = {"where", "when", "for", "if", "and", "or", "not", "{"}
_PLAIN = {
    "STRING": 'text in quotes, like "this"',
    "A_DATE": "a date such as 2026-03-01",
    "A_TIME": "a time such as 09:00",
    "AN_INSTANT": "a date and time such as 2026-03-01T09:00",
    "CURRENCY": "a currency such as USD",
}
_SETS: Sequence[tuple[set[str], str]] = (
    ({weekday.upper() for weekday in WEEKDAYS}, "a weekday"),
    (_UNITS, "a unit of time such as `days`"),
    (_WINDOWS, "a stretch of time such as `last 90 days`"),
)
_NAMES = {
    ".": "a field's name",
    "as": "a name",
    "emit": "an event's name",
    "enter": "a lottery's name",
    "enters": "a segment's name",
    "for": "an event's name",
    "goal": "an event's name",
    "grant": "a promotion's name",
    "grants": "a promotion's name",
    "on": "an event's name",
    "send": "a channel such as `email`",
    "set": "a fact such as `user.tier`",
    "unless": "an event's name",
}
# Words that begin a clause or a step somewhere.
CLAUSES = frozenset(
    {
        *(
            "active",
            "at",
            "award",
            "best",
            "budget",
            "bundle",
            "buy",
            "call",
            "cart",
            "code",
            "codes",
        ),
        *("draw", "earn", "emit", "enter", "every", "exclusive", "expect", "first", "for", "free"),
        *(
            "gift",
            "goal",
            "grant",
            "hold",
            "holdout",
            "if",
            "limit",
            "on",
            "pace",
            "points",
            "price",
        ),
        *("priority", "prize", "quiet", "redeem", "reenter", "send", "set", "sku", "split", "stop"),
        *("tag", "take", "then", "tier", "untag", "user", "wait", "when"),
    }
)


_CLAUSES = {word.upper() for word in CLAUSES}


def quoted(token: Token) -> str:
    """Show a token as it was written, shortened if it is long."""
    return f"`{shortened(token.text)}`"


def nearest(word: str, known: Iterable[str]) -> str:
    """Suggest the known word most like this one, as a hint, or say nothing."""
    # Short words are like too many others.
    near = [
        text
        for text in known
        if len(word) > 3 or (text[:1] == word[:1] and abs(len(text) - len(word)) <= 1)
    ]
    close = get_close_matches(word.lower(), near, n=1, cutoff=0.65)
    return f"Did you mean `{close[0]}`?" if close else ""


def either(alternatives: Sequence[str]) -> str:
    """Join alternatives as in speech: "a, b or c"."""
    *most, last = alternatives
    return f"{', '.join(most)} or {last}" if most else last


@dataclass(frozen=True, slots=True)
class Place:
    """Where the parser stopped: at `index`, in the declaration at `start`.

    `stack` is the automaton's before that token, `before` the one before the token before it.
    `ends`: the declaration ends here, whatever the token is.
    """

    tokens: Sequence[Token]
    start: int
    index: int
    stack: Sequence[State]
    before: Sequence[State] | None
    ends: bool


def unexpected(table: Table, place: Place) -> Diagnostic:
    """Describe what is wrong with the token at the place."""
    before = place.tokens[place.index - 1]
    token = None if place.ends else place.tokens[place.index]
    accepted = table.accepted(place.stack)
    words = sorted(table.literals[t] for t in accepted if t in table.literals)
    span = (token or before).span
    hint = _hint(place, accepted, words)
    if not hint:
        hint = _earlier_hint(table, place)
        span = before.span.to(span) if hint else span
    if token is not None and token.word and "RBRACE" in accepted and accepted & _CLAUSES:
        if token.value in CLAUSES and not hint:
            message = f"{quoted(token)} does not belong {_where(accepted, place)}"
        else:
            message = f"{quoted(token)} makes no sense after {quoted(before)}"
        return Diagnostic("E104", message, span, hint or _listing(words))
    what = either(_alternatives(table, place.stack, accepted, before, token) or ["an end"])
    found = f", not {quoted(token)}" if token else ""
    return Diagnostic("E101", f"expected {what} after {quoted(before)}{found}", span, hint)


def _where(accepted: set[str], place: Place) -> str:
    kind = str(place.tokens[place.start].value)
    if {"WAIT", "SEND"} <= accepted:
        return "among a trigger's steps"
    return f"in {'an' if kind[0] in 'ae' else 'a'} {kind.replace('_', ' ')}"


def _hint(place: Place, accepted: set[str], words: Sequence[str]) -> str:
    token = None if place.ends else place.tokens[place.index]
    if token is not None and token.word:
        if "CURRENCY" in accepted and token.text.upper() in CURRENCIES:
            return f"Currencies are written in capitals: `{token.text.upper()}`."
        return nearest(token.value, [word for word in words if word.isalpha()])
    if token is not None and token.type == "INT" and "NAME" in accepted and "INT" not in accepted:
        return "A name begins with a letter or `_`."
    return ""


def _earlier_hint(table: Table, place: Place) -> str:
    """Perhaps it went wrong a word earlier, where any name would do: `user in segmnt vip`."""
    earlier = place.tokens[place.index - 1]
    if place.before is None or not earlier.word or earlier.type != "NAME":
        return ""
    known = [table.literals.get(t, "") for t in table.accepted(place.before)]
    return nearest(earlier.value, [word for word in known if len(word) > 3])


def _listing(words: Sequence[str]) -> str:
    clauses = [word for word in words if word in CLAUSES]
    return "Here may stand: " + ", ".join(f"`{clause}`" for clause in clauses) + "."


def _alternatives(
    table: Table, stack: Sequence[State], accepted: set[str], before: Token, token: Token | None
) -> list[str]:
    # `in` alone is no comparison: `tier gold at 500 points in 365 days`.
    if accepted & {"EQ", "AND"} and "NAME" not in accepted:
        return _after_value(table, accepted, token)
    if "RBRACE" in accepted and accepted & _CLAUSES:
        return ["a clause", "`}`"]
    return _described(table, stack, accepted, before)


def _after_value(table: Table, accepted: set[str], token: Token | None) -> list[str]:
    needed = accepted - _CONTINUATIONS
    if accepted & _CLAUSES and "RBRACE" in accepted:
        needed = {"RBRACE"}
    closing = token is None or token.text in ("}", ")", "]", ",", "{")
    found = []
    if not closing or not needed:
        if accepted & _COMPARISONS:
            found.append("a comparison such as `> 10`")
        if accepted & {"AND"}:
            found.append("`and`")
    return found + _literals(table, needed)


def _described(
    table: Table, stack: Sequence[State], accepted: set[str], before: Token
) -> list[str]:
    found: list[str] = []
    rest = set(accepted)
    if {"NAME", "STRING", "INT", "LPAR"} <= rest:
        condition = "NOT" in rest and before.text in _BEFORE_CONDITIONS
        found.append("a condition" if condition else "a value")
        rest -= _VALUES
    if {"BOOL", "DURATION"} <= rest:
        return ["a type such as `text` or `number`"]
    if rest == {"STRING", "LBRACE"}:
        rest.remove("STRING")  # a title may stand here, but nobody misses it
    if "INT" in rest or "DECIMAL" in rest:
        found += _numbers(table, stack, whole="DECIMAL" not in rest)
        rest -= {"INT", "DECIMAL"}
    if "NAME" in rest:
        found.append(_NAMES.get(before.text, "a name"))
    found += [phrase for terminal, phrase in _PLAIN.items() if terminal in rest]
    for terminals, phrase in _SETS:
        if terminals <= rest:
            found.append(phrase)
            rest -= terminals
    return found + _literals(table, rest)


def _numbers(table: Table, stack: Sequence[State], *, whole: bool) -> list[str]:
    """Name what a number would begin here, by what may follow it."""
    after = table.accepts(stack, "INT")
    following = table.accepted(after) if after else set()
    kinds = []
    if "PERCENT_SIGN" in following:
        kinds.append("a percentage such as `15%`")
    if "CURRENCY" in following:
        kinds.append("an amount of money such as `10 USD`")
    if following >= _UNITS:
        kinds.append("a length of time such as `3 days`")
    plain = following - {"PERCENT_SIGN", "CURRENCY"} - _UNITS
    if plain or not kinds:
        kinds.append("a whole number" if whole else "a number")
    return kinds


def _literals(table: Table, terminals: set[str]) -> list[str]:
    """Quote keywords and signs, of singular and plural only the latter."""
    texts = {table.literals[t] for t in terminals if t in table.literals}
    if "FOR_DURATION" in terminals:
        texts.add("for")
    plurals = {"entries": "entry", "people": "person"}
    for text in sorted(texts):
        texts.discard(plurals.get(text, text.removesuffix("s") if text.endswith("s") else ""))
    return [f"`{text}`" for text in sorted(texts, key=lambda text: (not text.isalpha(), text))]
