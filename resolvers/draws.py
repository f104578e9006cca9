"""Draws of lotteries. Each field is one call to a service."""

from typing import Annotated

import strawberry

from models.api_key import Scope
from resolvers.access import anyone, signed_in
from resolvers.naming import named
from resolvers.nodes import found
from schema.context import Info
from schema.draw import BuyDrawEntryInput, BuyDrawEntryPayload, Draw, DrawRecord, Receipt
from schema.ids import from_global
from services import buying, claims, draws

Id = Annotated[strawberry.ID, strawberry.argument(description="Which draw.")]


@strawberry.type
class DrawQueries:
    @strawberry.field(description="One draw.", extensions=anyone())
    async def draw(self, info: Info, id: Id) -> Draw | None:
        return await found(Draw, id, info.context)

    @strawberry.field(description="The latest draws, at most 50.", extensions=anyone())
    async def draws(self, info: Info) -> list[Draw]:
        return [Draw.of(draw) for draw in await draws.latest(stores=info.context.stores)]

    @strawberry.field(
        description="All that is public of a draw, and whether it agrees.", extensions=anyone()
    )
    async def draw_record(self, info: Info, id: Id) -> DrawRecord | None:
        checked = await draws.check(from_global("Draw", id, "id"), stores=info.context.stores)
        return DrawRecord.of(checked.record, checked.problems)

    @strawberry.field(
        description="The caller's entries in a draw, at most 1,000.", extensions=signed_in()
    )
    async def draw_receipts(self, info: Info, id: Id) -> list[Receipt]:
        context = info.context
        found = await draws.receipts(
            from_global("Draw", id, "id"), context.caller.user_id, stores=context.stores
        )
        return [Receipt.of(each.entry, each.prize, each.proof) for each in found]


@strawberry.type
class DrawMutations:
    @strawberry.mutation(
        description="Buy an entry in a lottery with points. Safe to repeat: the same key gives the "
        "same entry.",
        extensions=signed_in(scope=Scope.ORDERS),
    )
    async def buy_draw_entry(
        self,
        info: Info,
        input: Annotated[BuyDrawEntryInput, strawberry.argument(description="Which lottery.")],
    ) -> BuyDrawEntryPayload:
        context = info.context
        buyer = await named(context, input.user_id, input.external_id)
        bought = await buying.buy(
            input.lottery,
            input.idempotency_key,
            user_id=claims.buyer(buyer, context.caller),
            stores=context.stores,
            rulebook=context.rulebook,
            now=context.clock.now(),
            wall=context.clock.wall(),
        )
        return BuyDrawEntryPayload(
            receipt=Receipt.of(bought.entry, None, ()), points_left=bought.left
        )
