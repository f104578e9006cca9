"""Builds literals, types and expressions out of what the grammar's rules matched."""

from dataclasses import dataclass
from typing import Any, TypeAlias

from dsl import nodes
from dsl.diagnostics import Diagnostic, Span
from dsl.parser.tokens import Token

MAX_ELEMENTS = 10_000
MAX_PARTS = 16
AGGREGATES = ("count", "any", "sum", "avg", "min", "max", "distinct", "latest", "earliest")
WINDOWS = (nodes.Last, nodes.This, nodes.Since, nodes.Ever)

# What a rule matched: tokens, nodes, and None for each optional part that is absent.
Children: TypeAlias = list[Any]


class Refused(Exception):
    """What was matched makes no sense; the parser reports it and goes on after it."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        self.diagnostic = diagnostic
        super().__init__(diagnostic.message)


@dataclass(frozen=True, slots=True)
class Filtered:
    """`order_placed where total > 50 USD`, an argument on its way into an aggregate."""

    source: nodes.Expr
    where: nodes.Expr
    span: Span


@dataclass(frozen=True, slots=True)
class Braced:
    """What stood between braces, on its way into the node that owns it."""

    items: tuple[Any, ...]
    span: Span


def inside(braced: Braced | None) -> tuple[Any, ...] | None:
    return None if braced is None else braced.items


def cover(children: Children) -> Span:
    """Return the span from the first to the last of a rule's parts."""
    last = next(child for child in reversed(children) if child is not None)
    first: Span = children[0].span
    return first.to(last.span)


def name(token: Token) -> nodes.Name:
    return nodes.Name(token.value, span=token.span)


def optional_name(token: Token | None) -> nodes.Name | None:
    return None if token is None else name(token)


def number(token: Token) -> nodes.Number:
    return nodes.Number(token.value, token.text, span=token.span)


def only(kind: type[Any] | tuple[type[Any], ...], children: Children) -> tuple[Any, ...]:
    """Return the nodes of this kind, without the punctuation between them."""
    return tuple(child for child in children if isinstance(child, kind))


class Literals:
    def number(self, c: Children) -> nodes.Number:
        return number(c[0])

    def percent(self, c: Children) -> nodes.Percent:
        return nodes.Percent(number(c[0]), span=cover(c))

    def money(self, c: Children) -> nodes.Money:
        return nodes.Money(number(c[0]), c[1].value, span=cover(c))

    def duration(self, c: Children) -> nodes.Duration:
        return nodes.Duration(number(c[0]), c[1].text.removesuffix("s"), span=cover(c))

    def unit(self, c: Children) -> Token:
        token: Token = c[0]
        return token

    def weekday(self, c: Children) -> Token:
        return self.unit(c)

    def text(self, c: Children) -> nodes.Text:
        return nodes.Text(c[0].value, span=c[0].span)

    def date(self, c: Children) -> nodes.Date:
        return nodes.Date(c[0].value, span=c[0].span)

    def time(self, c: Children) -> nodes.Time:
        return nodes.Time(c[0].value, span=c[0].span)

    def timestamp(self, c: Children) -> nodes.Timestamp:
        return nodes.Timestamp(c[0].value, span=c[0].span)

    def bool(self, c: Children) -> nodes.Bool:
        return nodes.Bool(c[0].text == "true", span=c[0].span)

    def list(self, c: Children) -> nodes.List:
        elements = only(nodes.Node, c)
        if len(elements) > MAX_ELEMENTS:
            message = f"a list has at most {MAX_ELEMENTS:,} elements, this one {len(elements):,}"
            raise Refused(Diagnostic("E105", message, cover(c)))
        return nodes.List(elements, span=cover(c))


class Types:
    def simple_type(self, c: Children) -> nodes.SimpleType:
        return nodes.SimpleType(c[0].text, span=c[0].span)

    def money_type(self, c: Children) -> nodes.MoneyType:
        return nodes.MoneyType(c[1].value, span=cover(c))

    def one_of_type(self, c: Children) -> nodes.OneOfType:
        return nodes.OneOfType(only(nodes.Text, c), span=cover(c))

    def list_type(self, c: Children) -> nodes.ListType:
        return nodes.ListType(c[2], span=cover(c))

    def field(self, c: Children) -> tuple[nodes.Field, ...]:
        # `sku category: text` declares two fields of one type.
        *names, _colon, type_ = c
        return tuple(
            nodes.Field(name(token), type_, span=token.span.to(type_.span)) for token in names
        )

    def record(self, c: Children) -> nodes.RecordType:
        fields = tuple(one for several in only(tuple, c) for one in several)
        return nodes.RecordType(fields, span=cover(c))


class Expressions(Literals, Types):
    def path(self, c: Children) -> nodes.Path:
        parts = tuple(name(token) for token in c[::2])
        if len(parts) > MAX_PARTS:
            raise _refused("a name has too many parts", cover(c))
        return nodes.Path(parts, span=cover(c))

    def now(self, c: Children) -> nodes.Now:
        return nodes.Now(span=c[0].span)

    def today(self, c: Children) -> nodes.Today:
        return nodes.Today(span=c[0].span)

    def group(self, c: Children) -> nodes.Group:
        return nodes.Group(c[1], span=cover(c))

    def negative(self, c: Children) -> nodes.Negative:
        return nodes.Negative(c[1], span=cover(c))

    def arithmetic(self, c: Children) -> nodes.Arithmetic:
        return nodes.Arithmetic(c[1].text, c[0], c[2], span=cover(c))

    def compare(self, c: Children) -> nodes.Comparison:
        operator = "=" if c[1].text == "==" else c[1].text
        return nodes.Comparison(operator, c[0], c[2], span=cover(c))

    def compare_edge(self, c: Children) -> nodes.Comparison:
        return nodes.Comparison(f"{c[1].text} with", c[0], c[3], span=cover(c))

    def matches(self, c: Children) -> nodes.Comparison:
        return nodes.Comparison("matches", c[0], c[2], span=cover(c))

    def in_list(self, c: Children) -> nodes.Comparison:
        operator = "in" if c[1] is None else "not in"
        return nodes.Comparison(operator, c[0], c[3], span=cover(c))

    def between(self, c: Children) -> nodes.Between:
        return nodes.Between(c[0], c[2], c[4], span=cover(c))

    def in_segment(self, c: Children) -> nodes.InSegment:
        return nodes.InSegment(c[0], name(c[4]), c[1] is not None, span=cover(c))

    def is_(self, c: Children) -> nodes.Is:
        return nodes.Is(c[0], c[2].text == "known", span=cover(c))

    def not_(self, c: Children) -> nodes.Not:
        return nodes.Not(c[1], span=cover(c))

    def and_(self, c: Children) -> nodes.And:
        return nodes.And(tuple(c[::2]), span=cover(c))

    def or_(self, c: Children) -> nodes.Or:
        return nodes.Or(tuple(c[::2]), span=cover(c))

    # --- calls -----------------------------------------------------------------------------------

    def last(self, c: Children) -> nodes.Last:
        return nodes.Last(c[1], span=cover(c))

    def this(self, c: Children) -> nodes.This:
        return nodes.This(c[1].text, span=cover(c))

    def since(self, c: Children) -> nodes.Since:
        return nodes.Since(c[1], span=cover(c))

    def ever(self, c: Children) -> nodes.Ever:
        return nodes.Ever(span=c[0].span)

    def where(self, c: Children) -> nodes.Expr:
        condition: nodes.Expr = c[1]
        return condition

    def filtered(self, c: Children) -> Filtered:
        return Filtered(c[0], c[1], cover(c))

    def call(self, c: Children) -> nodes.Call | nodes.Aggregate:
        function = name(c[0])
        arguments = [a for a in c[2:-1] if a is not None and not isinstance(a, Token)]
        special = any(isinstance(a, (Filtered, *WINDOWS)) for a in arguments)
        if special or function.text in AGGREGATES:
            return _aggregate(function, arguments, cover(c))
        return nodes.Call(function, tuple(arguments), span=cover(c))


def _aggregate(function: nodes.Name, arguments: Children, span: Span) -> nodes.Aggregate:
    called = f"`{function.text}(…)`"
    source = "order_placed" if function.text in ("count", "any") else "order_placed.total"
    if not arguments:
        hint = f"For example `{function.text}({source}, last 90 days)`."
        raise _refused(f"expected an event or a list in {called}", span, hint)
    first, *rest = arguments
    where: nodes.Expr | None = None
    if isinstance(first, Filtered):
        where, first = first.where, first.source
    if not isinstance(first, nodes.Path):
        hint = f"For example `{source}`."
        raise _refused(f"{called} is taken of an event or a list, by its name", first.span, hint)
    if rest and not isinstance(rest[0], WINDOWS):
        hint = "Such as `last 90 days`, `this month`, `since 2026-01-01` or `ever`."
        raise _refused(f"expected a stretch of time here in {called}", rest[0].span, hint)
    if len(rest) > 1:
        raise _refused(f"{called} takes nothing after the stretch of time", rest[1].span)
    return nodes.Aggregate(function, first, where, rest[0] if rest else None, span=span)


def _refused(message: str, span: Span, hint: str = "") -> Refused:
    return Refused(Diagnostic("E101", message, span, hint))
