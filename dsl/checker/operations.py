"""What operators and functions take and give: the typing of everything but aggregates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dsl.builtin import WEEKDAY
from dsl.checker.agreement import (
    UNKNOWN,
    agree,
    currencies_clash,
    described,
    in_words,
    is_ordered,
    is_scalar,
    joint_money,
    poison,
)
from dsl.checker.report import Report
from dsl.checker.suggestions import did_you_mean
from dsl.clauses import Length
from dsl.core import Apply, Const, Expr, Ref
from dsl.diagnostics import Span
from dsl.kinds import (
    BOOL,
    DATE,
    NUMBER,
    PERCENT,
    TEXT,
    TIMESTAMP,
    Kind,
    ListOf,
    Money,
    Record,
    Simple,
    Text,
)

ORDERINGS = ("<", "<=", ">", ">=")
DAY_SECONDS = 86_400
# As many as a message lists; a week's days are all shown.
MOST_OPTIONS = 7


def is_poisoned(*operands: Expr) -> bool:
    return any(operand.kind == UNKNOWN for operand in operands)


# --- comparisons ---------------------------------------------------------------------------------


def compared(operator: str, left: Expr, right: Expr, span: Span, report: Report) -> Expr:
    """Return a comparison, having said what is wrong with it."""
    if is_poisoned(left, right):
        return poison(span)
    if not meets(left, right, span, report):
        return poison(span)
    if operator in ORDERINGS and not is_ordered(left.kind):
        kind = in_words(left.kind)
        report.error(
            "E220",
            span,
            f"{described(left)} is {kind}, and {kind} has no order: `{operator}` cannot compare it",
            "`=`, `!=` and `in` compare it" if isinstance(left.kind, Text) else "",
        )
        return poison(span)
    return Apply(operator, (left, right), BOOL, span=span)


def meets(left: Expr, right: Expr, span: Span, report: Report) -> bool:
    """Whether two values can be compared; if not, say why."""
    if not agree(left.kind, right.kind):
        what = f"{described(left)} is {in_words(left.kind)}"
        message = f"{what}: it cannot be compared with {in_words(right.kind)}"
        report.error("E220", span, message, _way_out(left, right))
        return False
    if currencies_clash(left.kind, right.kind):
        report.error(
            "E221", span, f"{in_words(left.kind)} cannot be compared with {in_words(right.kind)}"
        )
        return False
    return is_option(right, left.kind, report) and is_option(left, right.kind, report)


def are_day_and_instant(one: Kind, other: Kind) -> bool:
    """Whether a date stands beside a timestamp, which is to be compared with its first instant."""
    return {one, other} == {DATE, TIMESTAMP}


def is_option(value: Expr, kind: Kind, report: Report) -> bool:
    """Whether a text literal is among those that a closed set has; if not, say so."""
    match value, kind:
        case Const(str(text), Text(options=None)), Text(options) if options is not None:
            if text in options:
                return True
            shown = ", ".join(f'"{option}"' for option in options[:MOST_OPTIONS])
            more = ", …" if len(options) > MOST_OPTIONS else ""
            message = f'"{text}" is none of those it can be: {shown}{more}'
            report.error("E224", value.span, message, did_you_mean(text, options))
            return False
    return True


def apart(many: Expr, one: Expr) -> str:
    """Word why a stored list and a value of the other of dates and timestamps cannot meet."""
    of, kind = ("dates", "timestamp") if one.kind == TIMESTAMP else ("timestamps", "date")
    return f"{described(many)} is a list of {of}: no {kind} is looked for in it"


def _way_out(left: Expr, right: Expr) -> str:
    """Word how the two could meet, where one of them is a literal of a likely slip."""
    for fact, literal in ((left, right), (right, left)):
        match fact.kind, literal:
            case Money(currency), Const(int() | float() as value, kind) if kind == NUMBER:
                return f"an amount has a currency: `{value} {currency or 'USD'}`"
            case kind, Const(value, other) if (kind, other) == (PERCENT, NUMBER):
                return f"a share is written `{value}%`"
            case kind, Const(_, other) if (kind, other) == (DATE, TEXT):
                return "a date is written without quotes: `2026-03-01`"
            case kind, Const(_, other) if (kind, other) == (NUMBER, TEXT):
                return "a number is written without quotes"
            case Text(), Const(value, kind) if kind == NUMBER:
                return f'text is written in quotes: `"{value}"`'
            case ListOf(), _:
                return f"a list is asked with `{described(fact).strip('`')} contains …`"
    return ""


def contained(left: Expr, right: Expr, span: Span, report: Report) -> Expr:
    """Return `text contains text` or `list contains element`."""
    if is_poisoned(left, right):
        return poison(span)
    match left.kind:
        case ListOf(Record()):
            message = f"{described(left)} holds more than single values"
            hint = f"such as `any({described(left).strip('`')} where … = …)`"
            report.error("E220", span, message, hint)
            return poison(span)
        case ListOf(element):
            stand_in = Ref("element", (), element, span=left.span)
            if not meets(stand_in, right, span, report):
                return poison(span)
            if are_day_and_instant(element, right.kind):
                report.error("E220", span, apart(left, right))
                return poison(span)
        case Text():
            if not isinstance(right.kind, Text):
                message = f"text can only contain text, and this is {in_words(right.kind)}"
                report.error("E220", right.span, message)
                return poison(span)
        case kind:
            message = (
                f"{described(left)} is {in_words(kind)}: only text and lists contain something"
            )
            report.error("E220", span, message)
            return poison(span)
    return Apply("contains", (left, right), BOOL, span=span)


def text_test(operator: str, left: Expr, right: Expr, span: Span, report: Report) -> Expr:
    """Return `starts with`, `ends with` or `matches`, all of which compare text with text."""
    if is_poisoned(left, right):
        return poison(span)
    for side in (left, right):
        if not isinstance(side.kind, Text):
            message = f"`{operator}` is for text, and {described(side)} is {in_words(side.kind)}"
            report.error("E220", span, message)
            return poison(span)
    return Apply(operator, (left, right), BOOL, span=span)


# --- arithmetic ----------------------------------------------------------------------------------


def combined(operator: str, left: Expr, right: Expr, span: Span, report: Report) -> Expr:
    """Return a sum, difference, product or quotient, having said what is wrong with it."""
    if is_poisoned(left, right):
        return poison(span)
    if currencies_clash(left.kind, right.kind):
        verb = {"+": "added to", "-": "subtracted from", "/": "divided by"}.get(operator, "times")
        pair = (right, left) if operator in "+-" else (left, right)
        kinds = [in_words(side.kind) for side in pair]
        report.error("E221", span, f"{kinds[0]} cannot be {verb} {kinds[1]}")
        return poison(span)
    kind = _result(operator, left.kind, right.kind)
    if kind is None:
        report.error(
            "E220",
            span,
            f"`{operator}` does not go with {in_words(left.kind)} and {in_words(right.kind)}",
            _arithmetic_hint(operator, left.kind, right.kind),
        )
        return poison(span)
    if DATE in (left.kind, right.kind) and not _is_whole_days(left, right):
        message = "a date moves by whole days: minutes and hours do not go with it"
        report.error("E220", span, message, "write `1 day`, or use a timestamp")
        return poison(span)
    return Apply(operator, (left, right), kind, span=span)


def _result(operator: str, left: Kind, right: Kind) -> Kind | None:
    match operator, left, right:
        case "/", Money(), Money():
            return NUMBER
        case "+" | "-", Money() as mine, Money() as theirs:
            return joint_money(mine, theirs)
        case "*" | "/", Money() | Simple("number"), Simple("number"):
            return left
        case "*", Simple("number"), Money():
            return right
        case "+" | "-", Simple("number"), Simple("number"):
            return NUMBER
        case "+" | "-", Simple("timestamp" | "date"), Simple("duration"):
            return left
        case "+", Simple("duration"), Simple("timestamp" | "date"):
            return right
        case _:
            return None


def _arithmetic_hint(operator: str, left: Kind, right: Kind) -> str:
    if operator == "-" and {left, right} <= {DATE, TIMESTAMP}:
        return "`days_since(…)` and `days_until(…)` count the days"
    if PERCENT in (left, right):
        return "write the share as a number: `0.15 * …`"
    if isinstance(left, Money) ^ isinstance(right, Money) and NUMBER in (left, right):
        return "write the amount with its currency"
    return ""


def _is_whole_days(left: Expr, right: Expr) -> bool:
    span = right if left.kind == DATE else left
    match span:
        case Const(Length()):
            return True
        case Const(int(seconds)):
            return seconds % DAY_SECONDS == 0
        case _:
            return True


def negated(operand: Expr, span: Span, report: Report) -> Expr:
    """Return `-x` of a number or money."""
    if is_poisoned(operand):
        return poison(span)
    match operand:
        case Const(int() | float() as value, kind) if kind == NUMBER or isinstance(kind, Money):
            return Const(-value, kind, span=span)
    if operand.kind == NUMBER or isinstance(operand.kind, Money):
        return Apply("neg", (operand,), operand.kind, span=span)
    report.error("E220", span, f"`-` turns numbers and money around, not {in_words(operand.kind)}")
    return poison(span)


# --- functions -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Signature:
    """What a function takes, in words and as a test, and what it gives of it."""

    takes: str
    accepts: Callable[[Kind], bool]
    gives: Kind | None  # None: the type of its first argument
    least: int = 1
    most: int | None = 1


def _only(*kinds: Kind) -> Callable[[Kind], bool]:
    return lambda kind: kind in kinds


FUNCTIONS: Mapping[str, Signature] = {
    "days_until": Signature("a date", _only(DATE), NUMBER),
    "years_since": Signature("a date", _only(DATE), NUMBER),
    "days_since": Signature("a date or a timestamp", _only(DATE, TIMESTAMP), NUMBER),
    "lower": Signature("text", lambda kind: isinstance(kind, Text), TEXT),
    "length": Signature("text or a list", lambda kind: isinstance(kind, Text | ListOf), NUMBER),
    "round": Signature("a number", _only(NUMBER), NUMBER),
    "least": Signature("values of one type that has an order", is_ordered, None, 2, None),
    "greatest": Signature("values of one type that has an order", is_ordered, None, 2, None),
    "hour": Signature("a timestamp", _only(TIMESTAMP), NUMBER),
    "weekday": Signature("a timestamp or a date", _only(TIMESTAMP, DATE), WEEKDAY),
}


def called(function: str, arguments: tuple[Expr, ...], span: Span, report: Report) -> Expr:
    """Return a function of values, having said what is wrong with its arguments."""
    if is_poisoned(*arguments):
        return poison(span)
    signature = FUNCTIONS[function]
    most = signature.most
    if len(arguments) < signature.least or (most is not None and len(arguments) > most):
        wanted = f"takes {signature.takes}"
        report.error("E225", span, f"`{function}` {wanted}, and here are {len(arguments)} values")
        return poison(span)
    for argument in arguments:
        if not signature.accepts(argument.kind):
            what = f"{described(argument)} is {in_words(argument.kind)}"
            report.error("E220", argument.span, f"`{function}` takes {signature.takes}; {what}")
            return poison(span)
    first, *others = arguments
    for other in others:
        # A date among timestamps would stand for an instant in comparisons only.
        if first.kind != other.kind and not isinstance(first.kind, Money):
            kinds = f"{in_words(first.kind)} and {in_words(other.kind)}"
            report.error("E220", span, f"`{function}` takes {signature.takes}, not {kinds}")
            return poison(span)
        if not meets(first, other, span, report):
            return poison(span)
    return Apply(function, arguments, signature.gives or _joint(arguments), span=span)


def _joint(arguments: tuple[Expr, ...]) -> Kind:
    named = [a.kind for a in arguments if isinstance(a.kind, Money) and a.kind.currency]
    return named[0] if named else arguments[0].kind


def is_comparable_list(kind: Kind) -> bool:
    return isinstance(kind, ListOf) and is_scalar(kind.element)
