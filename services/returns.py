"""Undoing orders, in whole or in part: exactly what was taken is given back, nothing re-priced."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from models.errors import Conflict, Invalid
from models.order import Order, OrderState, Owed, Return, Returned, Told
from models.quote import Taken, UnitRun
from services import settling
from services.orders import LEASE, Till

TRIES = 8
LONGEST_KEY = 90


@dataclass(frozen=True, slots=True)
class Sent:
    """Units of a line (its place in the cart, from 0) that came back."""

    line: int
    quantity: int


async def cancel(order_id: str, till: Till) -> Order:
    """Cancel an order. Safe to repeat: a cancelled order stays as it is. Raises NotFound."""
    for _ in range(TRIES):
        order = await till.stores.orders.get(order_id)
        if order.state is OrderState.CANCELLED:
            return order
        now = till.clock.now()
        left = still_taken(order)
        cancelled = replace(order, state=OrderState.CANCELLED, cancelled_at=now)
        told = Told("order_cancelled", order.id, now, {"order_id": order.id})
        if saved := await _save(order, cancelled, left, "cancelled", told, till):
            return saved
    raise _busy()


async def take_back(order_id: str, key: str, sent: Sequence[Sent], till: Till) -> Order:
    """Take units of an order back. Safe to repeat: the same key is taken once.

    Of units of a line that cost differently, those that cost least come back first. Raises
    NotFound, Invalid, and Conflict if the order is cancelled or the key another return's.
    """
    if not 0 < len(key) <= LONGEST_KEY or not key.isprintable():
        raise Invalid(f"A key is 1 to {LONGEST_KEY} printable characters.", field=("key",))
    wanted = _wanted(sent)
    for _ in range(TRIES):
        order = await till.stores.orders.get(order_id)
        for each in order.returns:
            if each.key == key:
                if {line.line: line.quantity for line in each.lines} != wanted:
                    raise Conflict(
                        f"The key {key!r} is that of another return of this order; send it again"
                        " as it was, or give this one a key of its own.",
                        code="KEY_USED",
                        field=("key",),
                    )
                return order
        if order.state is OrderState.CANCELLED:
            raise Conflict("The order is cancelled.")
        now = till.clock.now()
        came = Return(key, now, tuple(returned(order, wanted)))
        after = replace(order, returns=(*order.returns, came))
        shares: dict[str, int] = {}
        for line in came.lines:
            for share in line.shares:
                shares[share.promotion] = shares.get(share.promotion, 0) + share.amount
        told = Told("items_returned", f"{order.id}#{key}", now, _told(order, came))
        if saved := await _save(order, after, shares, f"return {key}", told, till):
            return saved
    raise _busy()


def _wanted(sent: Sequence[Sent]) -> dict[int, int]:
    wanted: dict[int, int] = {}
    for place, each in enumerate(sent):
        if each.quantity < 1:
            raise Invalid("At least 1 must come back.", field=("lines", str(place), "quantity"))
        wanted[each.line] = wanted.get(each.line, 0) + each.quantity
    if not wanted:
        raise Invalid("Nothing comes back.", field=("lines",))
    return wanted


def returned(order: Order, wanted: Mapping[int, int]) -> Iterator[Returned]:
    """Yield what comes back with so many units of these lines. Raises Invalid."""
    for place, quantity in wanted.items():
        if not 0 <= place < len(order.quote.lines):
            raise Invalid(f"The order has no line {place}.", field=("lines",))
        line = order.quote.lines[place]
        gone = order.units_returned(place)
        if gone + quantity > line.quantity:
            raise Invalid(
                f"Of line {place} only {line.quantity - gone} are left to come back.",
                field=("lines",),
            )
        refund, shares, reserved = 0, dict[str, int](), list[str]()
        for count, run in _cheapest(line.units, gone, quantity):
            refund += count * run.total
            if run.reserved is not None:
                reserved.append(run.reserved)
            for taken in run.applied:
                shares[taken.promotion] = shares.get(taken.promotion, 0) + count * taken.amount
        yield Returned(
            place,
            quantity,
            refund,
            tuple(Taken(name, amount) for name, amount in shares.items()),
            tuple(reserved),
        )


def _cheapest(units: Sequence[UnitRun], skipped: int, wanted: int) -> Iterator[tuple[int, UnitRun]]:
    """Yield so many units after the first `skipped`, those that cost least first.

    Among those that cost the same the reserved ones come first, for others to have.
    """
    for run in sorted(units, key=lambda run: (run.total, run.reserved is None)):
        passed = min(skipped, run.count)
        skipped -= passed
        count = min(wanted, run.count - passed)
        wanted -= count
        if count:
            yield count, run


def _told(order: Order, came: Return) -> dict[str, object]:
    return {
        "order_id": order.id,
        "items": [
            settling.item(
                order, line.line, line.quantity, line.refund if order.tells_money else None
            )
            for line in came.lines
        ],
    }


def still_taken(order: Order) -> dict[str, int]:
    """Return what each promotion has taken off an order, and not off what came back of it."""
    left = {verdict.name: verdict.saved for verdict in order.quote.verdicts}
    for each in order.returns:
        for line in each.lines:
            for share in line.shares:
                left[share.promotion] -= share.amount
    return left


async def _save(
    before: Order, after: Order, money: Mapping[str, int], act: str, told: Told, till: Till
) -> Order | None:
    undone = after.is_undone and not before.is_undone
    changed = replace(
        after,
        owed=(*before.owed, *_owed(after, money, act, undone=undone)),
        untold=(*before.untold, told),
        settle_at=till.clock.wall() + LEASE,
    )
    saved = await till.stores.orders.save(changed)
    if saved is None:
        return None
    return await settling.finish(saved, till.stores, till.rulebook, till.jobs, till.clock)


def _owed(order: Order, money: Mapping[str, int], act: str, *, undone: bool) -> Iterator[Owed]:
    for taking in order.takings:
        back = sum(money.get(name, 0) for name in taking.promotions)
        yield Owed(
            act=f"{order.id} {act}",
            name=taking.name,
            uses=taking.uses if undone and taking.is_shared else 0,
            money=back if taking.is_shared else 0,
            own=undone and bool(taking.per_user),
        )


def _busy() -> Conflict:
    return Conflict("The order is changing at this moment; try again.", code="BUSY")
