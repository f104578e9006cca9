"""What is legal and yet most likely not meant, in one expression."""

from dsl import nodes
from dsl.checker.agreement import described
from dsl.checker.cost import MOST_STEPS, steps_of
from dsl.checker.reasoning import always, conflict, never
from dsl.checker.report import Report
from dsl.checker.scopes import Scope
from dsl.core import Aggregate, AllOf, AnyOf, Const, Expr, ListSource, Ref
from dsl.diagnostics import Span
from dsl.kinds import NUMBER, Money, Record


def judge(condition: Expr, span: Span, report: Report) -> None:
    """Say where a condition can never be true, or always is, as a whole or in a part."""
    if steps_of(condition) > MOST_STEPS:
        hint = "a filter within a filter goes over everything once for each element"
        report.error("E200", span, "this condition would take too long to judge", hint)
        return
    if never(condition):
        about = conflict(condition)
        reason = ""
        if about is not None and not isinstance(about, Const):
            reason = f": {described(about)} is never all of that at once"
        if isinstance(about, Ref | Aggregate) and not isinstance(condition, AllOf):
            reason = f": {described(about)} is never that"
        report.error("E250", span, f"this condition can never be true{reason}")
        return
    if always(condition):
        hint = "leave it out, if that is what you mean"
        report.warning("W303", span, "this condition is always true", hint)
    else:
        _judge_parts(condition, report)


def _judge_parts(condition: Expr, report: Report) -> None:
    match condition:
        case AllOf(operands):
            for operand in operands:
                # The halves of a `between` are no parts that anybody wrote.
                if operand.span != condition.span and always(operand):
                    report.warning("W303", operand.span, "this part is always true")
        case AnyOf(operands):
            for operand in operands:
                if never(operand):
                    report.warning("W308", operand.span, "this part can never be true")
        case _:
            pass


def note_mixed_and_or(node: nodes.Or, report: Report) -> None:
    """Say that `and` binds tighter where it stands beside `or` without parentheses."""
    for operand in node.operands:
        if isinstance(operand, nodes.And):
            report.warning(
                "W301",
                node.span,
                "`and` binds tighter than `or`",
                "put parentheses around what belongs together",
            )
            return


def note_double_quantity(operator: str, left: Expr, right: Expr, span: Span, scope: Scope) -> None:
    """Say that an amount, or a price that has an amount beside it, holds the quantity already."""
    if operator != "*":
        return
    for money, number in ((left, right), (right, left)):
        match money, number:
            case (
                Ref(root, (*path, "amount" | "price" as field), Money()),
                Ref(other, (*other_path, "quantity"), kind),
            ) if (root, path) == (other, other_path) and kind == NUMBER:
                if field == "amount":
                    hint = "`amount` alone is price × quantity"
                elif _has_amount(scope):
                    hint = "that is what `amount` is"
                else:
                    continue
                message = f"`{field}` is multiplied by `quantity` again"
                scope.world.report.warning("W305", span, message, hint)


def _has_amount(scope: Scope) -> bool:
    return isinstance(scope.element, Record) and scope.element.get("amount") is not None


def note_counted_lines(aggregate: Aggregate, report: Report) -> None:
    """Say that the cart's lines are counted, not its units."""
    match aggregate:
        case Aggregate("count", ListSource(Ref("cart", ("items",))), where=where):
            units = "`cart.quantity`" if where is None else "`sum(cart.items.quantity where …)`"
            report.information(
                "I401", aggregate.span, "this counts lines, not units", f"units are {units}"
            )
