"""From a request to a quote: candidates, the best combination, and the account of it."""

from collections.abc import Iterator, Sequence
from itertools import repeat

from engine.pricing.candidates import Sieve
from engine.pricing.combinations import MOST, Path, Search
from engine.pricing.plan import Planned, plan
from engine.pricing.reasons import explain, outdone
from engine.pricing.request import Request
from engine.pricing.unit_runs import after_turn
from models.cart import Cart
from models.quote import (
    Quote,
    QuoteLine,
    Reason,
    ShippingQuote,
    Taken,
    UnitRun,
    Verdict,
    Why,
)


def quote(request: Request, *, per_unit: bool = False, explained: bool = True) -> Quote:
    """Return what a cart costs.

    `per_unit` adds what each unit of a line costs; `explained` the reason of each promotion that
    did not apply, without which only those that applied are told of.
    """
    sieve = Sieve.of(request)
    search = Search(sieve)
    path, reduced = search.best(sieve.candidates())
    cart = request.cart
    units = _units(search, path) if per_unit else [()] * len(cart.lines)
    return Quote(
        currency=cart.currency,
        lines=_lines(cart, path, units),
        shipping=ShippingQuote(
            cart.shipping,
            cart.shipping - path.till.shipping,
            tuple(
                Taken(each.planned.name, off) for each in path.served if (off := each.off_shipping)
            ),
        ),
        points=sum(each.points for each in path.served),
        verdicts=tuple(_verdicts(path, sieve) if explained else _applied(path)),
        gifts=tuple(gift for each in path.served for gift in each.gifts),
        grants=tuple(grant for each in path.served for grant in each.grants),
        reduced=reduced,
    )


def effort(request: Request) -> int:
    """Return about how many discounts of lines a quote may have to work out."""
    ways = min(plan(request.moment.program).choices, MOST)
    return ways * len(request.cart.lines)


def _lines(cart: Cart, path: Path, units: Sequence[tuple[UnitRun, ...]]) -> tuple[QuoteLine, ...]:
    names = [each.planned.name for each in path.served]
    by_line = zip(*(each.taken for each in path.served), strict=True) if names else repeat(())
    return tuple(
        QuoteLine(
            sku=line.sku,
            quantity=line.quantity,
            subtotal=(subtotal := line.amount),
            discount=subtotal - left,
            applied=tuple(
                [Taken(name, amount) for name, amount in zip(names, taken, strict=True) if amount]
            ),
            units=runs,
        )
        for line, left, taken, runs in zip(cart.lines, path.till.left, by_line, units, strict=False)
    )


def _units(search: Search, path: Path) -> list[tuple[UnitRun, ...]]:
    """Return what each unit costs, and who took how much of it: how it differs turn by turn."""
    names = [each.planned.name for each in path.served]
    tills = search.again([each.planned for each in path.served])
    lines = range(len(path.till.left))
    first = next(tills)
    runs = [[UnitRun(size, left, ()) for size, left, _ in first.units(at)] for at in lines]
    for name, till in zip(names, tills, strict=True):
        runs = [after_turn(runs[at], till.units(at), name) for at in lines]
    return [tuple(each) for each in runs]


def _applied(path: Path) -> Iterator[Verdict]:
    for one in path.served:
        if one.did_something:
            promotion = one.planned.promotion
            yield Verdict(
                promotion.name,
                promotion.title,
                applied=True,
                saved=one.saved,
                points=one.points,
            )


def _verdicts(path: Path, sieve: Sieve) -> Iterator[Verdict]:
    applied = {verdict.name: verdict for verdict in _applied(path)}
    for planned in plan(sieve.request.moment.program).turns:
        name, title = planned.name, planned.promotion.title
        if name in applied:
            yield applied[name]
        else:
            yield Verdict(name, title, applied=False, reason=_reason(planned, path, sieve))


def _reason(planned: Planned, path: Path, sieve: Sieve) -> Reason:
    for left_out, why, remaining in path.left_out:
        if left_out is planned:
            return explain(why, planned, sieve, remaining)
    if any(each.planned is planned for each in path.served):
        return explain(Why.NOTHING, planned, sieve)
    stopped = sieve.stops(planned)
    if stopped is not None:
        return explain(stopped, planned, sieve)
    return outdone(planned, [each.planned.name for each in path.served if each.did_something])
