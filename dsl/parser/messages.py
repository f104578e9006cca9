"""Says what was expected, in the words of somebody who writes rules: never a token's name."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from dsl.diagnostics import Diagnostic
from dsl.parser.table import TIME_UNITS, State, Table
from dsl.parser.tokens import Token

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_CLOSERS = {"RBRACE", "RPAR", "RSQB", "COMMA"}
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


def quoted(token: Token) -> str:
    """Show a token as it was written, shortened if it is long."""
    text = token.text if len(token.text) <= 30 else token.text[:29] + "…"
    return f"`{text}`"


def nearest(word: str, known: Iterable[str]) -> str:
    """Suggest the known word most like this one, as a hint, or say nothing."""
    close = get_close_matches(word.lower(), list(known), n=1, cutoff=0.65)
    return f"Did you mean `{close[0]}`?" if close else ""


def either(alternatives: Sequence[str]) -> str:
    """Join alternatives as in speech: "a, b or c"."""
    *most, last = alternatives
    return f"{', '.join(most)} or {last}" if most else last


def unexpected(
    table: Table, stack: Sequence[State], tokens: Sequence[Token], index: int, *, ends: bool
) -> Diagnostic:
    """Describe what is wrong with the token at `index`; `ends`: the declaration ends before it."""
    before = tokens[index - 1]
    token = None if ends else tokens[index]
    accepted = table.accepted(stack)
    words = sorted(table.literals[t] for t in accepted if t in table.literals)
    span = before.span if token is None else token.span
    clauses = accepted & {word.upper() for word in CLAUSES}
    if token is not None and token.word and "RBRACE" in accepted and clauses:
        return _unknown_clause(token, before, words)
    what = either(_alternatives(table, stack, accepted, before, token) or ["something else"])
    found = f", not {quoted(token)}" if token else ""
    message = f"expected {what} after {quoted(before)}{found}"
    return Diagnostic("E101", message, span, _hint(token, accepted, words))


def _hint(token: Token | None, accepted: set[str], words: Sequence[str]) -> str:
    if token is None:
        return ""
    if token.word:
        if "CURRENCY" in accepted and len(token.text) == 3 and token.text.isalpha():
            return f"Currencies are written in capitals: `{token.text.upper()}`."
        return nearest(token.value, [word for word in words if word.isalpha()])
    if token.type == "INT" and "NAME" in accepted and "INT" not in accepted:
        return "A name begins with a letter or `_`."
    return ""


def _unknown_clause(token: Token, before: Token, words: Sequence[str]) -> Diagnostic:
    """A word where a clause could begin: one of another declaration, misspelt, or nonsense."""
    clauses = [word for word in words if word in CLAUSES]
    known = [word for word in words if word.isalpha()]
    meant = nearest(token.value, known)
    if token.value in CLAUSES:
        message, hint = f"`{token.value}` does not belong here", meant
    else:
        message, hint = f"`{token.value}` makes no sense after {quoted(before)}", meant
    return Diagnostic("E104", message, token.span, hint or _listing(clauses))


def _listing(clauses: Sequence[str]) -> str:
    return "Here may stand: " + ", ".join(f"`{clause}`" for clause in clauses) + "."


def _alternatives(
    table: Table, stack: Sequence[State], accepted: set[str], before: Token, token: Token | None
) -> list[str]:
    if accepted & (_COMPARISONS | {"AND"}) and "NAME" not in accepted:
        return _after_value(table, accepted, token)
    if "RBRACE" in accepted and accepted & {word.upper() for word in CLAUSES}:
        return ["a clause", "`}`"]
    return _described(table, stack, accepted, before)


def _after_value(table: Table, accepted: set[str], token: Token | None) -> list[str]:
    needed = accepted - _CONTINUATIONS - {word.upper() for word in CLAUSES}
    if accepted & {word.upper() for word in CLAUSES} and "RBRACE" in accepted:
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
        if rest >= _WINDOWS:
            found.append("a stretch of time such as `last 90 days`")
            rest -= _WINDOWS
        rest -= _VALUES
    if "INT" in rest or "DECIMAL" in rest:
        found.append(_number(table, stack, whole="DECIMAL" not in rest))
        rest -= {"INT", "DECIMAL"}
    if "NAME" in rest:
        found.append(_NAMES.get(before.text, "a name"))
    for terminal, phrase in _PLAIN.items():
        if terminal in rest:
            found.append(phrase)
    days = {weekday.upper() for weekday in WEEKDAYS}
    if days <= rest:
        found.append("a weekday")
        rest -= days
    if rest >= _UNITS:
        found.append("a unit of time such as `days`")
        rest -= _UNITS
    return found + _literals(table, rest)


def _number(table: Table, stack: Sequence[State], *, whole: bool) -> str:
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
    return either(kinds)


def _literals(table: Table, terminals: set[str]) -> list[str]:
    """Quote keywords and signs, of singular and plural only the latter."""
    texts = {table.literals[t] for t in terminals if t in table.literals}
    if "FOR_DURATION" in terminals:
        texts.add("for")
    plurals = {"entries": "entry", "people": "person"}
    for text in sorted(texts):
        texts.discard(plurals.get(text, text.removesuffix("s") if text.endswith("s") else ""))
    return [f"`{text}`" for text in sorted(texts, key=lambda text: (not text.isalpha(), text))]
