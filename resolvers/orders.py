"""Orders. Each field is one call to a service."""

from typing import Annotated

import strawberry

from models.api_key import Scope
from models.errors import Invalid, NotFound
from models.order import ALL
from models.principal import Role
from resolvers.access import roles, shop
from resolvers.naming import named
from resolvers.nodes import found_by_key
from resolvers.paging import Paged
from schema.concerned import concerns
from schema.context import Context, Info
from schema.ids import from_global
from schema.order import (
    CancelOrderInput,
    CancelOrderPayload,
    Order,
    OrderFilter,
    OrderOrder,
    PlaceOrderInput,
    PlaceOrderPayload,
    ReturnItemsInput,
    ReturnItemsPayload,
)
from schema.paging import Asked, Connection
from services import orders, returns
from services.orders import Placing, PriceChanged, Till
from services.returns import Sent


def _till(context: Context) -> Till:
    return Till(
        stores=context.stores,
        rulebook=context.rulebook,
        jobs=context.jobs,
        clock=context.clock,
    )


async def _named(
    context: Context, id: strawberry.ID | None, number: str | None, *, own: str = "order"
) -> str:
    """Return which order is meant, by its id or by the shop's own number, called `own`.

    Raises Invalid unless it is named once, and NotFound.
    """
    if id is not None and number is None:
        return from_global("Order", id, "id")
    if id is not None or number is None:
        raise Invalid(f"Say which order: give `id` or `{own}`, one of the two.", field=("id",))
    if await context.loaders.orders(number) is None:
        raise NotFound(f"There is no order {number[:100]!r}.", field=(own,))
    concerns("Order", number)
    return number


@strawberry.type
class OrderQueries:
    @strawberry.field(
        description="An order, by its id or by the shop's own number for it.",
        extensions=shop(Scope.ORDERS),
    )
    async def order(
        self,
        info: Info,
        id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Which one. This or `key` has to be given."),
        ] = None,
        key: Annotated[
            str | None,
            strawberry.argument(description="What it was placed under; instead of `id`."),
        ] = None,
    ) -> Order | None:
        found = await _named(info.context, id, key, own="key")
        return await found_by_key(Order, found, info.context)

    @strawberry.field(
        description="Orders, the latest first.",
        extensions=[*shop(Scope.ORDERS), Paged(width=2, order=OrderOrder)],
    )
    async def orders(
        self,
        info: Info,
        asked: Asked,
        filter: Annotated[
            OrderFilter | None, strawberry.argument(description="Which orders.")
        ] = None,
    ) -> Connection[Order]:
        store, which = info.context.stores.orders, ALL
        if filter is not None:
            buyer = await named(info.context, filter.user_id, filter.external_id, "filter")
            which = filter.which(buyer)
        return Connection[Order].of(
            await store.page(asked.window, which),
            asked,
            node=Order.of,
            position=lambda order: (order.placed_at.isoformat(), order.id),
            count=lambda: store.count(which),
        )


@strawberry.type
class OrderMutations:
    @strawberry.mutation(
        description="Place an order at the price that the buyer was shown, with all the uses, "
        "money and codes that it takes, or not at all. Safe to repeat: the same key gives the same "
        "order.",
        extensions=roles(Role.ADMIN, Role.INTEGRATOR, scope=Scope.ORDERS),
    )
    async def place_order(
        self,
        info: Info,
        input: Annotated[PlaceOrderInput, strawberry.argument(description="What is bought.")],
    ) -> PlaceOrderPayload:
        placed = await orders.place(
            Placing(
                key=input.key,
                cart=input.cart.document(),
                total=input.total,
                user_id=await named(info.context, input.user_id, input.external_id),
                points=input.redeem_points,
            ),
            _till(info.context),
        )
        if isinstance(placed, PriceChanged):
            return PlaceOrderPayload.changed(placed.quote)
        return PlaceOrderPayload(order=Order.of(placed))

    @strawberry.mutation(
        description="Cancel an order: all that it took is given back. Safe to repeat.",
        extensions=roles(Role.ADMIN, Role.INTEGRATOR, scope=Scope.ORDERS),
    )
    async def cancel_order(
        self,
        info: Info,
        input: Annotated[CancelOrderInput, strawberry.argument(description="Which one.")],
    ) -> CancelOrderPayload:
        which = await _named(info.context, input.id, input.order)
        order = await returns.cancel(which, _till(info.context))
        return CancelOrderPayload(order=Order.of(order))

    @strawberry.mutation(
        description="Take units of an order back, at what was paid for them; what is kept costs "
        "what it cost. Where units of a line cost differently, those that cost least come back "
        "first. Uses and codes are free again once everything is back. Safe to repeat.",
        extensions=roles(Role.ADMIN, Role.INTEGRATOR, scope=Scope.ORDERS),
    )
    async def return_items(
        self,
        info: Info,
        input: Annotated[ReturnItemsInput, strawberry.argument(description="What came back.")],
    ) -> ReturnItemsPayload:
        order = await returns.take_back(
            await _named(info.context, input.id, input.order),
            input.key,
            [Sent(each.line, each.quantity) for each in input.lines],
            _till(info.context),
        )
        return ReturnItemsPayload(order=Order.of(order))
