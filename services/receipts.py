"""What the feed hears of orders: enough to keep a copy of each, and no secret of anybody's.

An order that changes notes in the same write that this is yet to be told (`untold`). Telling is
part of settling, which a sweep repeats until it is done; an entry's id follows from the change that
it tells of, so a repeat is no second entry.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from dsl.money import to_text
from engine.arms import arms_of
from models.experiment import Dealt
from models.feed import FeedEntry
from models.order import Order, Return, Told
from models.quote import QuoteLine, Taken
from models.store import Stores
from services.rulebook import Published

PAGE = 500


def entries(order: Order, published: Published) -> Iterator[FeedEntry]:
    """Yield what is yet to be told of an order, `published` being the rules it was placed under."""
    for told in order.untold:
        match told.name:
            case "order_placed":
                data = _placed(order) | _promotions(order, _saved(order), published)
                yield _entry(order, _placed_key(order), told.at, data)
                yield from _codes(order, published.campaign_of)
            case "order_cancelled":
                data = _cancelled(order) | _promotions(order, _left(order), published)
                yield _entry(order, _cancelled_key(order), told.at, data)
            case "items_returned":
                place, came = next(
                    (place, each)
                    for place, each in enumerate(order.returns)
                    if told.id == f"{order.id}#{each.key}"
                )
                data = _returned(order, came) | _promotions(order, _shares(came), published)
                yield _entry(order, _returned_key(order, place), told.at, data)


def retold(order: Order, published: Published) -> Iterator[FeedEntry]:
    """Yield all that was ever told of an order, as it is told now."""
    changes = [Told("order_placed", order.id, order.placed_at, {})]
    changes += [Told("items_returned", f"{order.id}#{e.key}", e.at, {}) for e in order.returns]
    if order.cancelled_at is not None:
        changes.append(Told("order_cancelled", order.id, order.cancelled_at, {}))
    return entries(replace(order, untold=tuple(changes)), published)


async def missing(*, stores: Stores) -> list[str]:
    """Return what the feed should have told of orders and has not.

    Looked at is what came after the oldest block that tells of an order placed: what was before is
    kept no longer, or was before orders were told of. What a file told of is not told here.
    """
    since = await stores.feed.telling_since("order.placed")
    if since is None:
        return []
    lost: list[str] = []
    page: list[str] = []
    async for order in stores.orders.settled_since(since):
        begin = max(since, order.imported_at or since)
        page += [key for key, at in _changes(order) if at > begin]
        if len(page) >= PAGE:
            lost += await _unknown(page, stores)
            page = []
    return lost + await _unknown(page, stores)


async def _unknown(keys: list[str], stores: Stores) -> list[str]:
    known = await stores.feed.known(keys) | await stores.outbox.known(keys)
    return [key for key in keys if key not in known]


def _changes(order: Order) -> Iterator[tuple[str, datetime]]:
    yield _placed_key(order), order.placed_at
    for place, each in enumerate(order.returns):
        yield _returned_key(order, place), each.at
    if order.cancelled_at is not None:
        yield _cancelled_key(order), order.cancelled_at


def _placed_key(order: Order) -> str:
    return f"order.placed:{order.id}"


def _cancelled_key(order: Order) -> str:
    return f"order.cancelled:{order.id}"


def _returned_key(order: Order, place: int) -> str:
    return f"order.returned:{order.id}:{place}"


def _entry(order: Order, key: str, at: datetime, data: Mapping[str, Any]) -> FeedEntry:
    about = {"order": order.id, "currency": order.quote.currency, **data}
    return FeedEntry(key, key.partition(":")[0], at, None, order.user_id, about)


def _placed(order: Order) -> dict[str, Any]:
    quote, money = order.quote, _Money(order.quote.currency)
    return {
        "subtotal": money(quote.subtotal),
        "saved": money(quote.saved),
        "shipping": money(quote.shipping.price - quote.shipping.discount),
        "total": money(quote.total),
        "to_pay": money(quote.to_pay),
        "points": quote.points,
        "points_redeemed": quote.redeemed,
        "lines": [
            {"sku": line.sku, **item, **_line(line, money)}
            for line, item in zip(quote.lines, order.items, strict=True)
        ],
        "gifts": [{"sku": gift.sku, "quantity": gift.quantity} for gift in quote.gifts],
    }


def _promotions(order: Order, amounts: Mapping[str, int], published: Published) -> dict[str, Any]:
    """Say which promotions took part in an order, which arms of them, and what each took."""
    money = _Money(order.quote.currency)
    return {
        "promotions": [
            {
                "promotion": each.name,
                "campaign": published.campaign_of.get(each.name),
                "amount": money(amounts.get(each.name, 0)),
                "splits": [dealt.told() for dealt in _arms(order, each.name, published)],
            }
            for each in order.quote.verdicts
            if each.applied
        ]
    }


def _arms(order: Order, name: str, published: Published) -> Iterator[Dealt]:
    promotion = published.program.promotions.get(name)
    if promotion is not None and order.user_id is not None:
        yield from arms_of(promotion.effects, order.user_id, order.placed_at)


def _saved(order: Order) -> dict[str, int]:
    return {verdict.name: verdict.saved for verdict in order.quote.verdicts}


def _shares(*returns: Return) -> Counter[str]:
    """Return what promotions had taken off what came back."""
    shares = Counter[str]()
    for each in returns:
        for line in each.lines:
            for share in line.shares:
                shares[share.promotion] += share.amount
    return shares


def _left(order: Order) -> dict[str, int]:
    """Return what promotions had taken off what had not come back before."""
    came = _shares(*order.returns)
    return {name: saved - came[name] for name, saved in _saved(order).items()}


def _line(line: QuoteLine, money: "_Money") -> dict[str, Any]:
    return {
        "quantity": line.quantity,
        "subtotal": money(line.subtotal),
        "total": money(line.total),
        "units": [
            {"count": run.count, "total": money(run.total), "shares": money.shares(run.applied)}
            for run in line.units
        ],
    }


def _cancelled(order: Order) -> dict[str, Any]:
    money = _Money(order.quote.currency)
    return {
        "refunded": money(order.refunded),
        "points_returned": order.points_returned,
        "undone": money(order.quote.total - order.returned),
    }


def _returned(order: Order, came: Return) -> dict[str, Any]:
    money = _Money(order.quote.currency)
    return {
        "key": came.key,
        "refund": money(came.refund),
        "lines": [
            {
                "line": each.line,
                "sku": order.quote.lines[each.line].sku,
                "quantity": each.quantity,
                "refund": money(each.refund),
                "shares": money.shares(each.shares),
            }
            for each in came.lines
        ],
    }


def _codes(order: Order, campaign_of: Mapping[str, str]) -> Iterator[FeedEntry]:
    """Yield entries about codes. What they read is left out: readers of the feed could use them."""
    used: list[tuple[str, str, dict[str, Any]]] = [
        ("redeemed", promotion, {}) for _, promotion in order.codes
    ]
    given = [("granted", each.promotion, {"until": each.expires_at}) for each in order.granted]
    for verb, promotion, more in (*used, *given):
        yield FeedEntry(
            f"code.{verb}:{promotion}:{order.id}",
            f"code.{verb}",
            order.placed_at,
            campaign_of.get(promotion),
            order.user_id,
            {"promotion": promotion, "order": order.id, **more},
        )


class _Money:
    """Says amounts in a currency."""

    def __init__(self, currency: str) -> None:
        self._currency = currency

    def __call__(self, minor: int) -> str:
        return to_text(minor, self._currency)

    def shares(self, taken: Iterable[Taken]) -> list[dict[str, str]]:
        return [{"promotion": each.promotion, "amount": self(each.amount)} for each in taken]
