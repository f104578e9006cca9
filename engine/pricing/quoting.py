"""From a request to a quote: candidates, the best combination, and the account of it."""

from collections.abc import Iterator, Sequence

from engine.pricing.candidates import Sieve
from engine.pricing.combinations import MOST, Path, Search
from engine.pricing.plan import Planned, plan
from engine.pricing.reasons import explain, outdone
from engine.pricing.request import Request
from engine.pricing.state import Cut, LineState, settled
from models.cart import CartLine
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
    path, reduced = Search.of(sieve).best(sieve.candidates())
    cart = request.cart
    return Quote(
        currency=cart.currency,
        lines=tuple(
            _line(line, state, per_unit)
            for line, state in zip(cart.lines, path.state.lines, strict=True)
        ),
        shipping=ShippingQuote(
            cart.shipping, cart.shipping - path.state.shipping, _taken(path.state.shipping_cuts)
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


def _line(line: CartLine, state: LineState, per_unit: bool) -> QuoteLine:
    return QuoteLine(
        sku=line.sku,
        quantity=line.quantity,
        subtotal=line.amount,
        discount=line.amount - state.left,
        applied=_taken(state.cuts),
        units=_units(state) if per_unit else (),
    )


def _units(state: LineState) -> tuple[UnitRun, ...]:
    return tuple(UnitRun(run.size, run.left, _taken(run.cuts)) for run in settled(state).runs)


def _taken(cuts: Sequence[Cut]) -> tuple[Taken, ...]:
    return tuple(Taken(cut.promotion, cut.amount) for cut in cuts)


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
    for name, why, remaining in path.left_out:
        if name == planned.name:
            return explain(why, planned, sieve, remaining)
    if any(each.planned is planned for each in path.served):
        return explain(Why.NOTHING, planned, sieve)
    stopped = sieve.stops(planned)
    if stopped is not None:
        return explain(stopped, planned, sieve)
    return outdone(planned, [each.planned.name for each in path.served if each.did_something])
