"""Orders in the API: placing, cancelling and taking back."""

from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Self

import strawberry

from dsl.money import to_text
from models import order as models
from models.order import OrderState
from models.paging import Span
from models.quote import Taken as ModelTaken
from models.redemption import Reserve
from schema.context import Info
from schema.enums import describe
from schema.external import EXTERNAL_ID, external_ids
from schema.ids import to_global
from schema.node import Node
from schema.paging import Direction
from schema.payloads import Payload, UserError
from schema.quote import CartInput, Quote, Taken
from schema.scalars import Money

describe(
    OrderState,
    "Whether an order stands.",
    name="OrderStatus",
    PLACED="It stands, though some of it may have come back.",
    CANCELLED="It was cancelled, and all that it took given back.",
)


_THE_ORDER = "The order. This or `order` has to be given."
_NUMBER = "The key that the order was placed under, or its number in a file; instead of `id`."


@strawberry.input(description="Which orders to list.")
class OrderFilter:
    status: OrderState | None = strawberry.field(
        default=None, description="Only those that stand so."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only those of this buyer."
    )
    external_id: str | None = strawberry.field(
        default=None,
        description="Only those of the buyer with this id in the shop's own system; instead of "
        "`userId`.",
    )
    sku: str | None = strawberry.field(
        default=None, description="Only those with a line of this thing."
    )
    placed_after: datetime | None = strawberry.field(
        default=None, description="Only those placed at this time or later."
    )
    placed_before: datetime | None = strawberry.field(
        default=None, description="Only those placed before this time."
    )

    def which(self, buyer: str | None) -> models.Which:
        """Return it as the services take it; `buyer` is whom it names."""
        return models.Which(
            state=self.status,
            user_id=buyer,
            sku=self.sku,
            placed=Span(self.placed_after, self.placed_before),
        )


class OrderOrderField(Enum):
    PLACED_AT = "placed_at"


describe(
    OrderOrderField,
    "What orders can be sorted by.",
    PLACED_AT="When the order was placed.",
)


@strawberry.input(description="How to sort orders.")
class OrderOrder:
    field: OrderOrderField = strawberry.field(description="By what.")
    direction: Direction = strawberry.field(default=Direction.ASC, description="Which way.")


@strawberry.input(description="A cart that someone buys, at the price they were shown.")
class PlaceOrderInput:
    key: str = strawberry.field(
        description="Unique to the order, as the shop's order number: sent again it gives the same "
        "answer. It is the `order_id` of the event `order_placed`."
    )
    cart: CartInput = strawberry.field(description="What is bought.")
    total: Decimal = strawberry.field(
        description="What the buyer was shown to pay in all, after the points that are redeemed. "
        "If it is another now, nothing is done."
    )
    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="The buyer. Else nobody signed in, whom no event tells of."
    )
    external_id: str | None = strawberry.field(default=None, description=EXTERNAL_ID)
    redeem_points: int = strawberry.field(
        default=0, description="How many of the buyer's points to redeem in place of money."
    )


@strawberry.input(description="Which order to cancel.")
class CancelOrderInput:
    id: strawberry.ID | None = strawberry.field(default=None, description=_THE_ORDER)
    order: str | None = strawberry.field(default=None, description=_NUMBER)


@strawberry.input(description="Units of one line that came back.")
class ReturnLineInput:
    line: int = strawberry.field(description="The line's place in the order, from 0.")
    quantity: int = strawberry.field(default=1, description="How many units.")


@strawberry.input(description="What came back of an order.")
class ReturnItemsInput:
    id: strawberry.ID | None = strawberry.field(default=None, description=_THE_ORDER)
    order: str | None = strawberry.field(default=None, description=_NUMBER)
    key: str = strawberry.field(
        description="Unique to the return within its order: sent again it is taken once."
    )
    lines: list[ReturnLineInput] = strawberry.field(description="Which lines, and how many units.")


@strawberry.type(description="Units of a line that cost the same.")
class OrderUnits:
    count: int = strawberry.field(description="How many.")
    total: Money = strawberry.field(description="What each costs.")
    applied: list[Taken] = strawberry.field(description="Which promotion took how much off each.")
    claim: strawberry.ID | None = strawberry.field(
        description="The claim of a flash sale that this unit was sold by."
    )
    group: strawberry.ID | None = strawberry.field(
        description="The group that this unit was bought with."
    )


@strawberry.type(description="A line of an order.")
class OrderLine:
    sku: str = strawberry.field(description="As in the cart.")
    quantity: int = strawberry.field(description="How many units were bought.")
    returned: int = strawberry.field(description="How many of them came back.")
    total: Money = strawberry.field(description="What was paid for them.")
    units: list[OrderUnits] = strawberry.field(description="What each unit costs.")


@strawberry.type(description="Things that came back together.")
class OrderReturn:
    key: str = strawberry.field(description="The shop's.")
    at: datetime = strawberry.field(description="When.")
    refund: Money = strawberry.field(description="What had been paid for them.")


@strawberry.type(description="A single-use code that came with an order.")
class GrantedCode:
    promotion: str = strawberry.field(description="The promotion that it opens.")
    code: str = strawberry.field(description="The code, good for the buyer alone.")
    expires_at: datetime | None = strawberry.field(description="Until when.")


async def _buyers_ids(root: strawberry.Parent[Any], info: Info) -> list[str]:
    return await external_ids(root.buyer, info) or []


@strawberry.type(description="What was bought, and what has come of it.")
class Order(Node):
    key: str = strawberry.field(description="What it was placed under.")
    status: OrderState = strawberry.field(description="Whether it stands.")
    placed_at: datetime = strawberry.field(description="When it was placed.")
    cancelled_at: datetime | None = strawberry.field(description="When it was cancelled.")
    imported_at: datetime | None = strawberry.field(
        description="When a file last told of it, if one did. It was not priced here then: it "
        "costs what the file says, and took no limits, money or codes."
    )
    user_id: strawberry.ID | None = strawberry.field(description="The buyer.")
    buyer: strawberry.Private[str | None]
    quote: Quote = strawberry.field(
        description="What it was placed at; no return and no cancellation changes it."
    )
    lines: list[OrderLine] = strawberry.field(description="In the order of the cart.")
    returns: list[OrderReturn] = strawberry.field(description="What came back, the first first.")
    refunded: Money = strawberry.field(description="What the buyer gets back in money, in all.")
    points_returned: int = strawberry.field(
        description="How many of the points that paid for it the buyer gets back."
    )
    codes: list[GrantedCode] = strawberry.field(description="The codes that came with it.")

    user_external_ids: list[str] = strawberry.field(
        resolver=_buyers_ids,
        description="The buyer's ids in the shop's own system, as they were imported.",
    )

    @classmethod
    def of(cls, order: models.Order) -> Self:
        """Show an order."""
        show = _Shower(order.quote.currency)
        return cls(
            id=strawberry.ID(to_global("Order", order.id)),
            key=order.id,
            status=order.state,
            placed_at=order.placed_at,
            cancelled_at=order.cancelled_at,
            imported_at=order.imported_at,
            user_id=strawberry.ID(to_global("User", order.user_id)) if order.user_id else None,
            buyer=order.user_id,
            quote=Quote.of(order.quote),
            lines=[show.line(order, place) for place in range(len(order.quote.lines))],
            returns=[
                OrderReturn(key=each.key, at=each.at, refund=show.money(each.refund))
                for each in order.returns
            ],
            refunded=show.money(order.refunded),
            points_returned=order.points_returned,
            codes=[
                GrantedCode(promotion=g.promotion, code=g.code, expires_at=g.expires_at)
                for g in order.granted
            ],
        )


def _reserved(order: models.Order, name: str | None, how: Reserve) -> strawberry.ID | None:
    found = any(each.id == name and each.how is how for each in order.reserved)
    return strawberry.ID(to_global(how.value.title(), name)) if name and found else None


class _Shower:
    """Shows the parts of an order in its currency."""

    def __init__(self, currency: str) -> None:
        self.currency = currency

    def money(self, minor: int) -> Money:
        return Money(amount=Decimal(to_text(minor, self.currency)), currency=self.currency)

    def taken(self, taken: tuple[ModelTaken, ...]) -> list[Taken]:
        return [Taken(promotion=each.promotion, amount=self.money(each.amount)) for each in taken]

    def line(self, order: models.Order, place: int) -> OrderLine:
        line = order.quote.lines[place]
        return OrderLine(
            sku=line.sku,
            quantity=line.quantity,
            returned=order.units_returned(place),
            total=self.money(line.total),
            units=[
                OrderUnits(
                    count=run.count,
                    total=self.money(run.total),
                    applied=self.taken(run.applied),
                    claim=_reserved(order, run.reserved, Reserve.CLAIM),
                    group=_reserved(order, run.reserved, Reserve.GROUP),
                )
                for run in line.units
            ],
        )


@strawberry.type(description="The order, or why there is none.")
class PlaceOrderPayload(Payload):
    order: Order | None = strawberry.field(default=None, description="As placed.")
    quote: Quote | None = strawberry.field(
        default=None, description="With PRICE_CHANGED: what the cart costs now."
    )

    @classmethod
    def changed(cls, quote: Any) -> Self:
        """Show that the price is another than the buyer saw."""
        error = UserError(
            code="PRICE_CHANGED",
            field=["total"],
            message=f"The cart costs {to_text(quote.to_pay, quote.currency)} {quote.currency} now.",
        )
        return cls(quote=Quote.of(quote), user_errors=[error])


@strawberry.type(description="The order as it is now.")
class CancelOrderPayload(Payload):
    order: Order | None = strawberry.field(default=None, description="As cancelled.")


@strawberry.type(description="The order as it is now.")
class ReturnItemsPayload(Payload):
    order: Order | None = strawberry.field(default=None, description="With the return.")
