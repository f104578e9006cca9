"""Facts of a cart that go together: what some of its items come to is never more than the whole.

And never less than nothing.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple, TypeAlias

from dsl.core import Aggregate, Const, Expr, ListSource, Ref
from dsl.explanation.reading import Reader
from dsl.values import MISSING
from dsl.walking import nodes

Measure: TypeAlias = Literal["units", "lines", "amount"]


class Total(NamedTuple):
    """What a cart's items come to: all of them, or those of a filter."""

    measure: Measure
    where: Expr | None = None


def total_of_items(fact: Expr) -> Total | None:
    """Return which total of a cart's items a fact is, under whichever name."""
    match fact:
        case Ref("cart", ("quantity",)):
            return Total("units")
        case Ref("cart", ("subtotal",)):
            return Total("amount")
        case Aggregate("sum", ListSource(Ref("cart", ("items",))), ("quantity",), where):
            return Total("units", where)
        case Aggregate("sum", ListSource(Ref("cart", ("items",))), ("amount",), where):
            return Total("amount", where)
        case Aggregate("count", ListSource(Ref("cart", ("items",))), _, where):
            return Total("lines", where)
        case _:
            return None


def with_totals(
    condition: Expr, turned_by: Mapping[Expr, Const], reader: Reader
) -> Mapping[Expr, Const]:
    """Return replacements together with those of other totals that then cannot stay as they are."""
    if not any(map(total_of_items, turned_by)):
        return turned_by
    read = {node: total for node in nodes(condition) if (total := total_of_items(node)) is not None}
    values = {total: reader.value(node) for node, total in read.items()}
    for node, const in turned_by.items():
        if (total := total_of_items(node)) is not None:
            values[total] = const.value
    least: dict[Total, int | float] = defaultdict(int)
    for total, value in values.items():
        if value is not MISSING:
            for other, bound in _implied(total, value):
                least[other] = max(least[other], bound)
    others = {
        node: Const(least[total], node.kind)
        for node, total in read.items()
        if node in turned_by or least[total] != reader.value(node)
    }
    return {**turned_by, **others}


def _implied(total: Total, value: int | float) -> Iterator[tuple[Total, int | float]]:
    """Yield totals that are at least so much if this one is so much."""
    measure, where = total
    for filtered in {where, None}:
        yield Total(measure, filtered), value
        if measure == "lines":  # each of which is of one unit at least
            yield Total("units", filtered), value
        elif value > 0:
            yield Total("lines", filtered), 1
            yield Total("units", filtered), 1
