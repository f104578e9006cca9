"""From a request to a quote: candidates, the best combination, and the account of it."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import compress, repeat
from operator import sub

from engine.pricing.candidates import Sieve
from engine.pricing.combinations import MOST, Path, Search
from engine.pricing.plan import plan
from engine.pricing.request import Request
from engine.pricing.telling import Telling, applied
from engine.pricing.unit_runs import after_turn
from models.cart import Cart
from models.quote import Quote, QuoteLine, ShippingQuote, Taken, UnitRun


class Pricing:
    """A cart priced: what it costs, and on request why some promotions did not apply."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self._sieve = Sieve.of(request)
        self._search = Search(self._sieve)
        self._path, self._reduced = self._search.best(self._sieve.candidates())

    def quote(self, *, per_unit: bool = False) -> Quote:
        """Return what the cart costs; of promotions it tells of those that applied.

        `per_unit` adds what each unit of a line costs.
        """
        cart, path = self.request.cart, self._path
        units = _units(self._search, path) if per_unit else [()] * len(cart.lines)
        given = [each.given for each in path.served if each.given]
        return Quote(
            currency=cart.currency,
            lines=_lines(cart, path, units),
            shipping=_shipping(cart, path),
            points=sum([each.points for each in given]),
            verdicts=tuple(applied(path)),
            gifts=tuple([gift for each in given for gift in each.gifts]),
            grants=tuple([grant for each in given for grant in each.grants]),
            reduced=self._reduced,
        )

    def tell(self, *, as_customer: bool = False) -> Telling:
        """Return what tells why promotions did not apply."""
        return Telling(self._sieve, self._path, as_customer)


def quote(request: Request, *, per_unit: bool = False, explained: bool = True) -> Quote:
    """Return what a cart costs, and if `explained` what became of each promotion and why."""
    pricing = Pricing(request)
    priced = pricing.quote(per_unit=per_unit)
    if not explained:
        return priced
    return replace(priced, verdicts=tuple(pricing.tell().everything()))


def effort(request: Request) -> int:
    """Return about how many discounts of lines a quote may have to work out."""
    ways = min(plan(request.moment.program).choices, MOST)
    return ways * len(request.cart.lines)


def _lines(cart: Cart, path: Path, units: Sequence[tuple[UnitRun, ...]]) -> tuple[QuoteLine, ...]:
    took = [each for each in path.served if each.after is not each.before]
    names = [each.planned.name for each in took]
    takings = [map(sub, each.before, each.after) for each in took]
    by_line = zip(*takings, strict=True) if names else repeat(())
    found = []
    for line, left, taken, runs in zip(cart.lines, path.till.left, by_line, units, strict=False):
        subtotal = line.amount
        pairs = zip(compress(names, taken), filter(None, taken), strict=True)
        applied = tuple(map(tuple.__new__, repeat(Taken), pairs))  # as Taken(...), but quicker
        found.append(QuoteLine(line.sku, line.quantity, subtotal, subtotal - left, applied, runs))
    return tuple(found)


def _shipping(cart: Cart, path: Path) -> ShippingQuote:
    taken = [
        Taken(each.planned.name, each.off_shipping) for each in path.served if each.off_shipping
    ]
    return ShippingQuote(cart.shipping, cart.shipping - path.till.shipping, tuple(taken))


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
