"""The canonical text of literals, types and expressions."""

from datetime import date, datetime, time
from typing import assert_never

from dsl import nodes
from dsl.diagnostics import Span
from dsl.formatter.layout import Group, Item, braced, listed
from dsl.spelling import write_text


def counted(number: nodes.Number, singular: str, plural: str = "") -> str:
    """Return a number and a unit, which is in the singular for 1 only."""
    return f"{number.text} {singular if number.value == 1 else plural or singular + 's'}"


def moment(value: date | datetime | time) -> str:
    match value:
        case datetime() | time():
            return value.isoformat(timespec="minutes")
        case date():
            return value.isoformat()


def text(expr: nodes.Expr | nodes.Window) -> str:  # noqa: C901, PLR0911, PLR0912
    """Return an expression on one line."""
    match expr:
        case nodes.Number():
            return expr.text
        case nodes.Percent():
            return f"{expr.number.text}%"
        case nodes.Money():
            return f"{expr.number.text} {expr.currency}"
        case nodes.Text():
            return write_text(expr.value)
        case nodes.Date() | nodes.Time() | nodes.Timestamp():
            return moment(expr.value)
        case nodes.Duration():
            return counted(expr.count, expr.unit)
        case nodes.Bool():
            return "true" if expr.value else "false"
        case nodes.List():
            return f"[{', '.join(map(text, expr.elements))}]"
        case nodes.Path():
            return str(expr)
        case nodes.Now():
            return "now"
        case nodes.Today():
            return "today"
        case nodes.Group():
            return f"({text(expr.inner)})"
        case nodes.Negative():
            return f"-{text(expr.operand)}"
        case nodes.Arithmetic() | nodes.Comparison():
            return f"{text(expr.left)} {expr.operator} {text(expr.right)}"
        case nodes.Between():
            return f"{text(expr.value)} between {text(expr.low)} and {text(expr.high)}"
        case nodes.InSegment():
            operator = "not in" if expr.negated else "in"
            return f"{text(expr.subject)} {operator} segment {expr.segment.text}"
        case nodes.Is():
            return f"{text(expr.operand)} is {'known' if expr.known else 'missing'}"
        case nodes.Not():
            return f"not {text(expr.operand)}"
        case nodes.And():
            return " and ".join(map(text, expr.operands))
        case nodes.Or():
            return " or ".join(map(text, expr.operands))
        case nodes.Call():
            return f"{expr.function.text}({', '.join(map(text, expr.arguments))})"
        case nodes.Aggregate():
            window = f", {text(expr.window)}" if expr.window else ""
            return f"{expr.function.text}({expr.source}{where(expr.where)}{window})"
        case nodes.Last():
            return f"last {text(expr.duration)}"
        case nodes.This():
            return f"this {expr.unit}"
        case nodes.Since():
            return f"since {text(expr.date)}"
        case nodes.Ever():
            return "ever"
        case _:
            assert_never(expr)


def where(condition: nodes.Expr | None) -> str:
    return "" if condition is None else f" where {text(condition)}"


def item(expr: nodes.Expr, before: str, after: str, span: Span) -> Item:
    """Return an expression, with what stands before and after it, as an item that can be spread."""
    flat = f"{before}{text(expr)}{after}"
    match expr:
        case nodes.And():
            return Item(span, flat, chain=_chain(expr, "and ", before, after, span))
        case nodes.Or():
            return Item(span, flat, chain=_chain(expr, "or ", before, after, span))
        case nodes.Not():
            return item(expr.operand, f"{before}not ", after, span)
        case nodes.Group():
            inner = item(expr.inner, "", "", expr.inner.span)
            return Item(span, flat, (Group(f"{before}(", (inner,)),), f"){after}")
        case nodes.Comparison() if isinstance(expr.left, nodes.Aggregate):
            rest = f" {expr.operator} {text(expr.right)}"
            return item(expr.left, before, rest + after, span)
        case nodes.Comparison() if isinstance(expr.right, nodes.List):
            opened = f"{before}{text(expr.left)} {expr.operator} ["
            elements = [Item(e.span, text(e)) for e in expr.right.elements]
            return listed(span, opened, elements, f"]{after}")
        case nodes.Aggregate():
            opened = f"{before}{expr.function.text}("
            return Item(span, flat, (Group(opened, _arguments(expr), ","),), f"){after}")
        case _:
            return Item(span, flat)


def _chain(
    expr: nodes.And | nodes.Or, word: str, before: str, after: str, span: Span
) -> tuple[Item, ...]:
    first, *middle, last = expr.operands
    return (
        item(first, before, "", span.to(first.span)),
        *(item(operand, word, "", operand.span) for operand in middle),
        item(last, word, after, last.span.to(span)),
    )


def _arguments(expr: nodes.Aggregate) -> tuple[Item, ...]:
    source = Item(expr.source.span, str(expr.source))
    if expr.where is not None:
        span = expr.source.span.to(expr.where.span)
        source = item(expr.where, f"{expr.source} where ", "", span)
    window = expr.window
    return (source, Item(window.span, text(window))) if window else (source,)


# --- types ---------------------------------------------------------------------------------------


def fields(record: nodes.RecordType) -> list[Item]:
    return [_type(f.type, f"{f.name.text}: ", f.span) for f in record.fields]


def _type(type_: nodes.Type, before: str, span: Span) -> Item:
    match type_:
        case nodes.SimpleType():
            return Item(span, before + type_.name)
        case nodes.MoneyType():
            return Item(span, f"{before}money {type_.currency}")
        case nodes.OneOfType():
            options = [Item(option.span, text(option)) for option in type_.options]
            return listed(span, f"{before}one of [", options, "]")
        case nodes.ListType():
            return _type(type_.element, f"{before}list of ", span)
        case nodes.RecordType():
            return braced(span, before.rstrip(), fields(type_))
        case _:
            assert_never(type_)
